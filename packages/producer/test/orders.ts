import { Order, publishedKeys, workArea } from '@longshore/shared';
import type { Store } from '@longshore/store';
import { thisBuild } from '@longshore/tape';

let orders = 0;

/** An order for a volume at `volume`, with an id that no other one has; nothing is written. */
export function orderOf(volume: string, rest: Partial<Order> = {}): Order {
  return Order.parse({
    version: 1,
    id: `x${process.pid}0000${orders++}`,
    name: 'archive',
    created: '2026-01-01T12:00:00.000Z',
    volume,
    destination: 'memory:',
    format: 'tar.zst',
    level: 3,
    exclude: [],
    onChange: 'record',
    build: thisBuild('0.0.0'),
    upload: { key: publishedKeys('archive', 'tar.zst').archive, id: 'upload' },
    ...rest,
  });
}

/** Writes an order where workers look for it. */
export async function putOrder(store: Store, order: Order): Promise<Order> {
  const json = Buffer.from(JSON.stringify(order));
  await store.put(workArea(order.id).order, { bytes: json.length, chunks: [json] });
  return order;
}
