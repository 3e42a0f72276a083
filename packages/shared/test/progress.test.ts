import assert from 'node:assert/strict';
import { parseCounters } from '../src/index.ts';

describe('counters', () => {
  it('are all 0 before anything was counted', () => {
    assert.ok(Object.values(parseCounters({})).every((value) => value === 0));
  });

  it('are numbers, whatever Redis gives, and nothing but what is counted', () => {
    const counters = parseCounters({ items: '3', tapeBytes: '45237560934400', planned: '1', stray: '7' });
    assert.deepEqual(counters, { ...parseCounters({}), items: 3, tapeBytes: 45_237_560_934_400, planned: 1 });
  });

  it('are 0 where the text is no count', () => {
    const counters = parseCounters({
      items: '-1',
      files: '1e400',
      tapeBytes: 'x',
      packs: '0.5',
      retries: null,
    });
    assert.deepEqual(counters, parseCounters({}));
  });

  it('don’t share their zeros', () => {
    parseCounters({}).items = 5;
    assert.equal(parseCounters({}).items, 0);
  });
});
