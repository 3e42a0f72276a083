/**
 * Works on up to `depth` items at a time, and gives the results in the items' order. When one fails, or the consumer
 * leaves, no other is begun, and those under way have ended before this does.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  { depth, work }: { depth: number; work: (item: Item) => Promise<Result> },
): AsyncGenerator<Result> {
  const running: Promise<Result>[] = [];
  try {
    for (const item of items) {
      const result = work(item);
      // It's awaited in its turn, and may fail before.
      result.catch(() => undefined);
      running.push(result);
      if (running.length >= depth) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
  } finally {
    await Promise.allSettled(running);
  }
}
