import assert from 'node:assert/strict';
import { PART_LIMITS } from '@longshore/store';
import fc from 'fast-check';
import { layoutParts, type PartLayout, TAIL_PART } from '../src/finalize/part-layout.ts';

const MIN = PART_LIMITS.minBytes;
/** What an item of 1,275 frames takes at most. */
const LARGEST_ITEM = 1_275 * (4 * 2 ** 20 + 1_290);

const sizes = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.nat(MIN - 1) },
    { weight: 2, arbitrary: fc.integer({ min: MIN, max: LARGEST_ITEM }) },
    { weight: 1, arbitrary: fc.constantFrom(0, 1, MIN - 1, MIN, LARGEST_ITEM) },
  ),
  { maxLength: 60 },
);

const firstOf = (part: PartLayout['parts'][number]) => (part.kind === 'item' ? part.item : part.first);
const lastOf = (part: PartLayout['parts'][number]) => (part.kind === 'item' ? part.item : part.last);
const sum = (numbers: readonly number[]) => numbers.reduce((all, one) => all + one, 0);

const itemsOf = ({ parts, tail }: PartLayout, count: number) => [
  ...parts.flatMap((part) =>
    Array.from({ length: lastOf(part) - firstOf(part) + 1 }, (_, n) => firstOf(part) + n),
  ),
  ...Array.from({ length: count - tail }, (_, n) => tail + n),
];

const bytesOf = (part: PartLayout['parts'][number], sizes: readonly number[]) =>
  sum(sizes.slice(firstOf(part), lastOf(part) + 1)) + (part.kind === 'weld' ? part.padding : 0);

/** `n` MiB. */
const mib = (n: number) => n * 2 ** 20;

describe('the layout of parts', () => {
  it('has every item exactly once, in order, whatever their sizes', () => {
    fc.assert(
      fc.property(sizes, (sizes) => {
        assert.deepEqual(
          itemsOf(layoutParts(sizes), sizes.length),
          sizes.map((_, item) => item),
        );
      }),
    );
  });

  it('has no part but the tail that a store refuses, whatever the items’ sizes', () => {
    fc.assert(
      fc.property(sizes, (sizes) => {
        for (const part of layoutParts(sizes).parts) {
          const bytes = bytesOf(part, sizes);
          assert.ok(bytes >= MIN && bytes <= PART_LIMITS.maxBytes, `${bytes}`);
        }
      }),
    );
  });

  it('has part numbers that rise, all below the tail’s', () => {
    fc.assert(
      fc.property(sizes, (sizes) => {
        const numbers = [...layoutParts(sizes).parts.map((part) => firstOf(part) + 1), TAIL_PART];
        assert.deepEqual(
          numbers,
          [...new Set(numbers)].sort((a, b) => a - b),
        );
      }),
    );
    assert.equal(TAIL_PART, PART_LIMITS.maxNumber);
  });

  it('welds runts only, leaves no runt alone, and pads as little as it can', () => {
    fc.assert(
      fc.property(sizes, (sizes) => {
        for (const part of layoutParts(sizes).parts) {
          const inside = sizes.slice(firstOf(part), lastOf(part) + 1);
          if (part.kind === 'item') assert.ok(inside[0] >= MIN);
          else assert.ok(inside.every((size) => size < MIN));
          if (part.kind === 'weld' && part.padding > 0) assert.equal(bytesOf(part, sizes), MIN);
        }
      }),
    );
  });

  it('puts less than a part’s minimum into the tail', () => {
    fc.assert(
      fc.property(sizes, (sizes) => {
        assert.ok(sum(sizes.slice(layoutParts(sizes).tail)) < MIN);
      }),
    );
  });

  it('has welds of less than three times the minimum, so that welding is soon done', () => {
    fc.assert(
      fc.property(sizes, (sizes) => {
        for (const part of layoutParts(sizes).parts)
          if (part.kind === 'weld') assert.ok(bytesOf(part, sizes) < 3 * MIN);
      }),
    );
  });

  const EXAMPLES: [string, number[], PartLayout][] = [
    ['an empty tape is all tail', [], { parts: [], tail: 0 }],
    ['one runt is all tail', [1], { parts: [], tail: 0 }],
    ['an item of the minimum is a part', [MIN], { parts: [{ kind: 'item', item: 0 }], tail: 1 }],
    [
      'neighbouring runts are cut into groups whenever they reach the minimum',
      [3, 3, 4, 4, 9].map(mib),
      {
        parts: [
          { kind: 'weld', first: 0, last: 1, padding: 0 },
          { kind: 'weld', first: 2, last: 3, padding: 0 },
          { kind: 'item', item: 4 },
        ],
        tail: 5,
      },
    ],
    [
      'a run’s remainder joins the group before it',
      [3, 3, 4, 9].map(mib),
      {
        parts: [
          { kind: 'weld', first: 0, last: 2, padding: 0 },
          { kind: 'item', item: 3 },
        ],
        tail: 4,
      },
    ],
    [
      'a run below the minimum in all is padded',
      [9, 1, 1, 9].map(mib),
      {
        parts: [
          { kind: 'item', item: 0 },
          { kind: 'weld', first: 1, last: 2, padding: mib(3) },
          { kind: 'item', item: 3 },
        ],
        tail: 4,
      },
    ],
    [
      'the last run’s remainder joins the tail',
      [9, 3, 3, 4].map(mib),
      {
        parts: [
          { kind: 'item', item: 0 },
          { kind: 'weld', first: 1, last: 2, padding: 0 },
        ],
        tail: 3,
      },
    ],
    [
      'a last run below the minimum is all tail',
      [9, 1, 1].map(mib),
      { parts: [{ kind: 'item', item: 0 }], tail: 1 },
    ],
    [
      'items without a byte are runts too',
      [0, mib(9), 0],
      {
        parts: [
          { kind: 'weld', first: 0, last: 0, padding: MIN },
          { kind: 'item', item: 1 },
        ],
        tail: 2,
      },
    ],
  ];
  for (const [rule, sizes, layout] of EXAMPLES) {
    it(`: ${rule}`, () => assert.deepEqual(layoutParts(sizes), layout));
  }
});
