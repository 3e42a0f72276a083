import assert from 'node:assert/strict';
import fc from 'fast-check';
import { shownName } from '../src/output/file-name.ts';

describe('a name from an archive', () => {
  const cases: [bytes: Buffer, shown: string][] = [
    [Buffer.from('naïve 日本 👩‍🚀.txt'.replace('\u200d', '')), 'naïve 日本 👩🚀.txt'],
    [Buffer.from('a\tb\nc'), 'a\\u{9}b\\u{a}c'],
    [Buffer.from('\u001b[31m\u009b0m\u007f'), '\\u{1b}[31m\\u{9b}0m\\u{7f}'],
    [Buffer.from('evil\u202egpj.exe'), 'evil\\u{202e}gpj.exe'],
    [Buffer.from('back\\slash'), 'back\\\\slash'],
    [Buffer.from([0x66, 0xff, 0xc3, 0xa9, 0xc3, 0x1b]), 'f\\xffé\\xc3\\u{1b}'],
  ];
  for (const [bytes, shown] of cases)
    it(`is shown as ${shown}`, () => {
      assert.equal(shownName(bytes), shown);
    });

  it('does nothing to a terminal, whatever bytes it has, and is shown as no other is', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), fc.uint8Array({ maxLength: 12 }), (one, other) => {
        const shown = shownName(Buffer.from(one));
        assert.doesNotMatch(shown, /\p{Control}/u);
        if (Buffer.compare(one, other) !== 0) assert.notEqual(shown, shownName(Buffer.from(other)));
      }),
    );
  });
});
