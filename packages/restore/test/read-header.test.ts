import assert from 'node:assert/strict';
import { type Entry, encodeHeader } from '@longshore/tape';
import fc from 'fast-check';
import { aclValue } from '../src/header/acl-value.ts';
import { readPaxRecords } from '../src/header/pax-records.ts';
import { readHeader } from '../src/header/read-header.ts';
import { deviceNumber } from '../src/posix/device-number.ts';

const FILE: Entry = {
  path: Buffer.from('some/file'),
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtime: 1_700_000_000,
  mtimeNsec: 0,
  size: 0,
  xattrs: [],
  inode: 1n,
  links: 1,
  ctime: 0,
  ctimeNsec: 0,
};

/** An ACL as the kernel has it: user::rw-, user:1000:r--, group::---, mask::rwx, other::r--. */
const ACL = Buffer.from(
  '02000000' +
    '01000600ffffffff' +
    '02000400e8030000' +
    '04000000ffffffff' +
    '10000700ffffffff' +
    '20000400ffffffff',
  'hex',
);

const anyBytes = (min: number, max: number) =>
  fc.uint8Array({ minLength: min, maxLength: max }).map((array) => Buffer.from(array));
/** No attribute's name holds a NUL. */
const attributeName = anyBytes(1, 40).map((name) => Buffer.from(name.map((byte) => byte || 0x3d)));
const percents = fc
  .array(fc.constantFrom('%', '=', '3D', '25', 'user.', 'x'), { minLength: 1, maxLength: 12 })
  .map((pieces) => Buffer.from(pieces.join('')));
const xattr = fc.record(
  { name: fc.oneof(attributeName, percents), value: anyBytes(0, 300) },
  { noNullPrototype: true },
);

describe('reading a header', () => {
  it('gives the attributes that were written, whatever their names and values', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(xattr, { maxLength: 5, selector: ({ name }) => name.toString('hex') }),
        (xattrs) => {
          const read = readHeader(encodeHeader({ ...FILE, xattrs }));
          assert.deepEqual(read, { xattrs, deviceMajor: 0, deviceMinor: 0 });
        },
      ),
    );
  });

  it('gives the attributes of an entry with the longest names', () => {
    const path = Buffer.from(`${'d\xff'.repeat(2_000)}/${'f'.repeat(255)}`, 'latin1');
    const xattrs = [{ name: Buffer.from('user.x'), value: Buffer.from('y') }];
    const entry = { ...FILE, path, uid: 3_000_000_000, mtime: -2, mtimeNsec: 5, xattrs };
    assert.deepEqual(readHeader(encodeHeader(entry))?.xattrs, xattrs);
  });

  it('gives ACLs in the kernel’s form', () => {
    for (const kind of ['access', 'default']) {
      const xattrs = [{ name: Buffer.from(`system.posix_acl_${kind}`), value: ACL }];
      assert.deepEqual(readHeader(encodeHeader({ ...FILE, xattrs }))?.xattrs, xattrs);
    }
    for (const text of ['', 'user::rw', 'mask:1:rwx', 'user:4294967296:r--', 'user::rw-,', 'users::rw-'])
      assert.equal(aclValue(text), undefined, text);
  });

  it('gives device numbers', () => {
    const device = { ...FILE, type: 'block' as const, deviceMajor: 7, deviceMinor: 1_048_575 };
    const read = readHeader(encodeHeader(device));
    assert.deepEqual([read?.deviceMajor, read?.deviceMinor], [7, 1_048_575]);
    assert.equal(deviceNumber(7, 1_048_575), 0xfff007ffn);
    assert.equal(deviceNumber(0x12345, 0), 0x1200000034500n);
  });

  it('gives nothing for a header that was changed in any of its bytes outside of records', () => {
    const header = encodeHeader(FILE);
    fc.assert(
      fc.property(fc.nat(header.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Buffer.from(header);
        damaged[at] ^= change;
        assert.equal(readHeader(damaged), undefined);
      }),
    );
  });

  it('takes any bytes for records, and ends', () => {
    fc.assert(fc.property(anyBytes(0, 2_000), (header) => void readHeader(header)));
    for (const text of [
      '9 a=b\n',
      '99999999999999999999 a=b\n',
      '0 a=b\n',
      '-6 a=b\n',
      '6 a=bc',
      '5 =b\n',
      '3 \n',
    ])
      assert.equal(readPaxRecords(Buffer.from(text)), undefined, text);
  });
});
