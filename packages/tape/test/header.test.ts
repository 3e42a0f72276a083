import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Entry } from '../src/entry.ts';
import { encodeHeader, entryBytes, headerBytes } from '../src/header.ts';
import { ACL, BINARY, directory, entry, kernelAcl, NAMES, xattr } from './awkward-entries.ts';

const field = (header: Buffer, at: number, bytes: number) =>
  header
    .subarray(-512)
    .toString('latin1', at, at + bytes)
    .replace(/\0.*$/s, '');
const records = (header: Buffer) => header.toString('latin1', 512, header.length - 512).replace(/\0+$/, '');

/** Bytes that a component may have: all but NUL and the slash. */
const byte = fc.oneof(fc.integer({ min: 0x61, max: 0x7a }), fc.integer({ min: 1, max: 255 }));
const component = fc
  .array(byte, { minLength: 1, maxLength: 255 })
  .map((bytes) => Buffer.from(bytes.map((value) => (value === 0x2f ? 0x2e : value))));
const path = fc
  .array(component, { minLength: 1, maxLength: 8 })
  .map((components) => Buffer.concat(components.flatMap((each) => [each, Buffer.from('/')])).subarray(0, -1));
const around = (limit: number) => fc.integer({ min: limit - 2, max: limit + 2 });
const anyXattr = fc.record({
  name: fc.stringMatching(/^user\.[a-c%=0-9D]{1,12}$/).map((name) => Buffer.from(name)),
  value: fc.uint8Array({ maxLength: 1_200 }).map((value) => Buffer.from(value)),
});

const anyEntry: fc.Arbitrary<Entry> = fc.record({
  path,
  type: fc.constantFrom('file', 'directory', 'symlink', 'hardlink', 'fifo', 'block' as const),
  mode: fc.nat(0o7777),
  uid: fc.oneof(fc.nat(), around(2 ** 21), fc.constant(2 ** 32 - 2)),
  gid: fc.oneof(fc.nat(), around(2 ** 21)),
  mtime: fc.oneof(fc.integer(), around(0), around(2 ** 33)),
  mtimeNsec: fc.oneof(fc.constant(0), fc.nat(999_999_999), fc.constantFrom(1, 100_000_000, 999_999_990)),
  size: fc.oneof(fc.nat(), around(2 ** 33), fc.maxSafeNat()),
  link: path,
  xattrs: fc.array(anyXattr, { maxLength: 3 }),
  inode: fc.constant(1n),
  links: fc.constant(1),
  ctime: fc.constant(0),
  ctimeNsec: fc.constant(0),
});

/** pax records, read as POSIX describes them: length, space, keyword, equals sign, value, newline. */
function parseRecords(text: string): Map<string, string> {
  const parsed = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    const length = Number.parseInt(text.slice(at), 10);
    const record = /^\d+ ([^=]+)=(.*)\n$/s.exec(text.slice(at, at + length));
    assert.ok(record, `a record at ${at}`);
    parsed.set(record[1], record[2]);
    at += length;
  }
  return parsed;
}

describe('encodeHeader', () => {
  it('is as long as headerBytes says, in whole blocks, whatever the entry', () => {
    fc.assert(
      fc.property(anyEntry, (each) => {
        const header = encodeHeader(each);
        assert.equal(header.length, headerBytes(each));
        assert.equal(header.length % 512, 0);
      }),
    );
  });

  it('writes records that say their own length, and only what the header cannot say', () => {
    fc.assert(
      fc.property(anyEntry, (each) => {
        const header = encodeHeader(each);
        if (header.length === 512) return;
        const parsed = parseRecords(records(header));
        assert.equal(parsed.has('size'), each.size >= 2 ** 33);
        assert.equal(parsed.has('uid'), each.uid >= 2 ** 21);
        assert.equal(parsed.has('mtime'), each.mtimeNsec > 0 || each.mtime < 0 || each.mtime >= 2 ** 33);
      }),
    );
  });

  it('has checksums that hold', () => {
    fc.assert(
      fc.property(anyEntry, (each) => {
        const block = Buffer.from(encodeHeader(each).subarray(-512));
        const told = Number.parseInt(block.toString('latin1', 148, 154), 8);
        const sum = block.fill(' ', 148, 156).reduce((total, value) => total + value, 0);
        assert.equal(told, sum);
      }),
    );
  });

  it('leaves a plain entry in 512 bytes', () => {
    const header = encodeHeader(entry('plain', { size: 5 }));
    assert.equal(header.length, 512);
    assert.deepEqual(
      [field(header, 0, 100), field(header, 100, 8), field(header, 124, 12), field(header, 257, 8)],
      ['./plain', '0000644', '00000000005', 'ustar'],
    );
    assert.equal(header.toString('latin1', 263, 265), '00');
  });

  it('is the same bytes each time, whatever was encoded between', () => {
    const [first, ...others] = [...NAMES, ...BINARY];
    const header = encodeHeader(first);
    for (const other of others) encodeHeader(other);
    assert.deepEqual(encodeHeader(first), header);
  });

  it('has nothing of the entry but the size in the header of a pax header', () => {
    const [one, other] = ['one', 'two'].map((name) => encodeHeader(entry(name, { mtimeNsec: 1, uid: 7 })));
    assert.deepEqual(one.subarray(0, 512), other.subarray(0, 512));
    assert.equal(one.toString('latin1', 156, 157), 'x');
  });

  it('splits a name at a slash where that makes it fit', () => {
    const header = encodeHeader(entry(`${'p'.repeat(60)}/${'n'.repeat(60)}`));
    assert.deepEqual(
      [field(header, 345, 155), field(header, 0, 100)],
      [`./${'p'.repeat(60)}`, 'n'.repeat(60)],
    );
  });

  it('never splits before the slash that ends a directory', () => {
    const header = encodeHeader(directory('d'.repeat(120)));
    assert.equal(parseRecords(records(header)).get('path'), `./${'d'.repeat(120)}/`);
    assert.equal(field(header, 345, 155), '');
  });

  it('puts hdrcharset before a value that is not UTF-8, and only then', () => {
    assert.match(records(encodeHeader(BINARY[0])), /^21 hdrcharset=BINARY\n\d+ path=/);
    assert.match(records(encodeHeader(BINARY[1])), /^21 hdrcharset=BINARY\n\d+ linkpath=/);
    assert.equal(records(encodeHeader(BINARY[2])), '30 mtime=1700000000.000000001\n');
    assert.doesNotMatch(records(encodeHeader(NAMES.at(-1)!)), /hdrcharset/);
  });

  it('writes large and negative numbers in base 256 as well', () => {
    const header = encodeHeader(entry('large', { size: 2 ** 33, uid: 2 ** 32 - 2, mtime: -2, mtimeNsec: 5 }));
    const block = header.subarray(-512);
    assert.equal(block.toString('hex', 124, 136), '800000000000000200000000');
    assert.equal(block.toString('hex', 108, 116), '80000000fffffffe');
    assert.equal(block.toString('hex', 136, 148), 'fffffffffffffffffffffffe');
  });

  it('keeps an ACL that it does not understand as the xattr it is', () => {
    const version3 = Buffer.from(ACL);
    version3.writeUInt32LE(3);
    for (const value of [version3, ACL.subarray(0, -1), kernelAcl([0x40, 7]), Buffer.alloc(0)]) {
      const header = encodeHeader(entry('acl', { xattrs: [xattr('system.posix_acl_access', value)] }));
      const name = 'SCHILY.xattr.system.posix_acl_access';
      assert.equal(parseRecords(records(header)).get(name), value.toString('latin1'));
    }
  });

  it('keeps other system xattrs', () => {
    const header = encodeHeader(entry('nfs', { xattrs: [xattr('system.nfs4_acl', 'acl')] }));
    assert.equal(parseRecords(records(header)).get('SCHILY.xattr.system.nfs4_acl'), 'acl');
  });

  it('refuses a link without a target', () => {
    const broken = entry('link', { type: 'symlink' });
    assert.throws(() => encodeHeader(broken), { code: 'UNSUPPORTED_ENTRY' });
    assert.throws(() => headerBytes(broken), { code: 'UNSUPPORTED_ENTRY' });
  });
});

describe('entryBytes', () => {
  it('is header and content in whole blocks', () => {
    assert.equal(entryBytes(entry('file', { size: 513 })), 512 + 1024);
    assert.equal(entryBytes(entry('file', { size: 512, mtimeNsec: 1 })), 1536 + 512);
    assert.equal(entryBytes(directory('')), 512);
  });
});
