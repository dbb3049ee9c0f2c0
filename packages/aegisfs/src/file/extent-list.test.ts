/** Goal: what FS_IOC_FIEMAP shows of a file is where its content lies. */
import { test } from "node:test";
import assert from "node:assert/strict";
import {
  EISDIR,
  FIEMAP_EXTENT_DATA_INLINE,
  FIEMAP_EXTENT_ENCODED,
  FIEMAP_EXTENT_LAST,
  FIEMAP_EXTENT_NOT_ALIGNED,
  FIEMAP_EXTENT_SHARED,
  FIEMAP_EXTENT_UNKNOWN,
  FIEMAP_EXTENT_UNWRITTEN,
  S_IFREG,
} from "@stratos/abi";
import { COMPRESS_LZ4, ROOT_INO, withCompression } from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";
import { putLost } from "./extents.ts";
import type { FileExtent } from "./extent-list.ts";

test("extents are listed with their places and kinds, from any offset, a part at a time", () => {
  const { device, volume } = freshVolume(32);
  const { root } = volume;
  const make = (name: string, at: number, size: number): number => {
    const ino = root.create(ROOT_INO, name, S_IFREG | 0o644, 0, 0);
    assert.equal(root.write(ino, at, new Uint8Array(size).fill(7), 0, size), size);
    return ino;
  };
  const list = (ino: number, offset = 0, most = 100): FileExtent[] => root.extents(ino, offset, most) as FileExtent[];
  assert.deepEqual(list(make("inline", 0, 100)), [
    {
      offset: 0,
      physical: 0,
      length: 100,
      flags: FIEMAP_EXTENT_DATA_INLINE | FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_LAST,
    },
  ]);
  assert.deepEqual(list(root.create(ROOT_INO, "empty", S_IFREG | 0o644, 0, 0)), []);
  assert.equal(root.extents(ROOT_INO, 0, 1), -EISDIR);

  const plain = make("plain", 0, 8192);
  root.write(plain, 40_960, new Uint8Array(4096).fill(8), 0, 4096);
  root.preallocate(plain, 81_920, 4096, false);
  const runs = list(plain);
  assert.deepEqual(
    runs.map(({ offset, length, flags }) => [offset, length, flags]),
    [
      [0, 8192, 0],
      [40_960, 4096, 0],
      [81_920, 4096, FIEMAP_EXTENT_UNWRITTEN | FIEMAP_EXTENT_LAST],
    ],
  );
  assert.deepEqual(list(plain, 8192, 1), [runs[1]]);
  const bytes = new Uint8Array(1);
  device.read(runs[1]!.physical, bytes, 0, 1);
  assert.equal(bytes[0], 8);
  const copy = root.create(ROOT_INO, "copy", S_IFREG | 0o644, 0, 0);
  assert.equal(root.cloneRange({ source: plain, offset: 0, target: copy, targetOffset: 0, length: 8192 }), 0);
  assert.deepEqual(list(copy), [{ ...runs[0]!, flags: FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_LAST }]);

  const packed = root.create(ROOT_INO, "packed", S_IFREG | 0o644, 0, 0);
  assert.equal(root.setProperties(packed, withCompression(0, COMPRESS_LZ4, 0)), 0);
  root.write(packed, 0, new Uint8Array(65_536).fill(1), 0, 65_536);
  assert.equal(list(packed)[0]!.flags & FIEMAP_EXTENT_ENCODED, FIEMAP_EXTENT_ENCODED);
  putLost(root, copy, 10, 5);
  assert.deepEqual(list(copy, 8192), [
    { offset: 40_960, physical: 0, length: 20_480, flags: FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_LAST },
  ]);
});
