import assert from "node:assert/strict";
import fs, {
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, mock, test } from "node:test";
import { EINVAL, EIO, EROFS } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { FileBlockDevice } from "./file-block-device.ts";
import { FileLockedError } from "./file-lock.ts";

let folder: string, path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "stratos-device-"));
  path = join(folder, "disk");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("bytes written are read back, and holes are zero", () => {
  const device = new FileBlockDevice(path, { create: 65536 });
  assert.equal(device.size, 65536);
  assert.equal(device.write(8192, Uint8Array.of(1, 2, 3, 4), 1, 3), 0);
  const bytes = new Uint8Array(6).fill(9);
  assert.equal(device.read(8191, bytes, 1, 5), 0);
  assert.deepEqual([...bytes], [9, 0, 2, 3, 4, 0]);
  assert.equal(device.flush(), 0);
  device.close();
  assert.equal(readFileSync(path).length, 65536);
});

test("what is to last when it is closed waits for the host once, what goes with its process never", () => {
  let waits = 0;
  let isBroken = false;
  const { fdatasyncSync } = fs;
  mock.method(fs, "fdatasyncSync", (fd: number) => {
    waits++;
    if (isBroken) throw Object.assign(new Error("EIO: i/o error, fdatasync"), { code: "EIO", syscall: "fdatasync" });
    fdatasyncSync(fd);
  });
  syncBuiltinESMExports();
  try {
    const waitsOf = (lasts: "flushed" | "closed" | "nothing", flushes: number): number => {
      waits = 0;
      const device = new FileBlockDevice(path, { create: 8192, lasts });
      for (let count = 0; count < flushes; count++) {
        assert.equal(device.write(0, Uint8Array.of(count), 0, 1), 0);
        assert.equal(device.flush(), 0);
      }
      try {
        device.close();
      } finally {
        rmSync(path);
      }
      return waits;
    };
    assert.deepEqual([waitsOf("flushed", 3), waitsOf("closed", 3), waitsOf("closed", 0)], [3, 1, 0]);
    assert.equal(waitsOf("nothing", 3), 0);
    isBroken = true;
    assert.throws(() => waitsOf("closed", 1), { code: "EIO", path });
    assert.deepEqual(readdirSync(folder), [], "no lock is left");
  } finally {
    mock.restoreAll();
    syncBuiltinESMExports();
  }
});

test("access beyond the end is EIO, and odd sizes are EINVAL", () => {
  const device = new FileBlockDevice(path, { create: 4096 });
  const bytes = new Uint8Array(10);
  assert.equal(device.read(4090, bytes, 0, 10), -EIO);
  assert.equal(device.write(4090, bytes, 0, 10), -EIO);
  assert.equal(device.resize(5000), -EINVAL);
  assert.equal(device.resize(8192), 0);
  assert.equal(device.write(4090, bytes, 0, 10), 0);
  device.close();
});

test("one writer at a time, any number of readers", () => {
  const writer = new FileBlockDevice(path, { create: 4096 });
  assert.throws(() => new FileBlockDevice(path), FileLockedError);
  const reader = new FileBlockDevice(path, { readOnly: true });
  assert.equal(reader.write(0, new Uint8Array(1), 0, 1), -EROFS);
  assert.equal(reader.resize(0), -EROFS);
  reader.close();
  writer.close();
  assert.equal(existsSync(`${path}.lock`), false);
  new FileBlockDevice(path).close();
});

test("a reader that keeps writers away is one of many, and beside no writer", () => {
  new FileBlockDevice(path, { create: 4096 }).close();
  const readers = [path, path].map((one) => new FileBlockDevice(one, { readOnly: true, keepsWriters: true }));
  assert.throws(() => new FileBlockDevice(path), FileLockedError);
  readers.pop()!.close();
  assert.throws(() => new FileBlockDevice(path), FileLockedError, "the other one still reads");
  readers.pop()!.close();
  const writer = new FileBlockDevice(path);
  assert.throws(() => new FileBlockDevice(path, { readOnly: true, keepsWriters: true }), FileLockedError);
  writer.close();
  assert.equal(existsSync(`${path}.lock`), false);
});

test("a file by another of its names is the same file, and its locks are independent of one another's end", () => {
  new FileBlockDevice(path, { create: 4096 }).close();
  const hard = join(folder, "hard");
  linkSync(path, hard);
  const device = new FileBlockDevice(path);
  assert.throws(
    () => new FileBlockDevice(hard),
    (error) => error instanceof FileLockedError && error.path === hard,
  );
  assert.ok(
    !existsSync(`${hard}.lock`) && existsSync(`${path}.lock`),
    "who was refused left nothing, and took nothing away",
  );
  device.close();
  new FileBlockDevice(hard).close();
});

test("the lock of a process that is gone, or whose pid was given away, is taken over", () => {
  writeFileSync(path, new Uint8Array(4096));
  for (const stale of ["999999999 123", `${process.pid} 1`, "", "garbage"]) {
    writeFileSync(`${path}.lock`, stale);
    new FileBlockDevice(path).close();
    assert.equal(existsSync(`${path}.lock`), false, JSON.stringify(stale));
  }
});

test("a device that cannot be created leaves no lock", () => {
  writeFileSync(path, "");
  assert.throws(() => new FileBlockDevice(path, { create: 4096 }), { code: "EEXIST" });
  assert.equal(existsSync(`${path}.lock`), false);
});

/** A device that is made while the call fails is told by name, and nothing is left of it. */
function refusesToMake(call: "ftruncateSync" | "writeFileSync", fail: (file: string) => never, code: string): void {
  mock.method(fs, call, fail);
  syncBuiltinESMExports();
  try {
    assert.throws(() => new FileBlockDevice(path, { create: 4096 }), { code, path });
  } finally {
    mock.restoreAll();
    syncBuiltinESMExports();
  }
  assert.deepEqual(readdirSync(folder), []);
}

test("a full disk leaves neither the device that was to be made nor a draft of its lock, and is told by name", () => {
  const { writeFileSync: write } = fs;
  const full = (): never => {
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", syscall: "write" });
  };
  const fail = (file: string): never => {
    // As a full disk does it: the name is there, its content has no place.
    write(file, "");
    return full();
  };
  // Nor has the link that would do instead (file-lock.test.ts).
  mock.method(fs, "symlinkSync", full);
  refusesToMake("writeFileSync", fail, "ENOSPC");
});

test("a device larger than the file system's files is told by name, and nothing of it is left", () => {
  const fail = (): never => {
    throw Object.assign(new Error("EFBIG: file too large, ftruncate"), { code: "EFBIG", syscall: "ftruncate" });
  };
  refusesToMake("ftruncateSync", fail, "EFBIG");
});

test("a read-only file gives the same bytes whatever is read before, across pieces and up to its end", () => {
  const path = join(folder, "ahead");
  const content = new Uint8Array(3 * 65536 + 4096);
  const random = new SeededRandom(7);
  random.fill(content);
  writeFileSync(path, content);
  const device = new FileBlockDevice(path, { readOnly: true });
  for (let round = 0; round < 300; round++) {
    const offset = random.below(content.length);
    const length = 1 + random.below(Math.min(content.length - offset, round % 10 === 0 ? content.length : 9000));
    const bytes = new Uint8Array(length + 2);
    assert.equal(device.read(offset, bytes, 1, length), 0);
    assert.deepEqual(
      bytes.subarray(1, length + 1),
      content.subarray(offset, offset + length),
      `${length} bytes at ${offset}`,
    );
  }
  assert.ok(device.read(content.length - 10, new Uint8Array(20), 0, 20) < 0);
  device.close();
});

test("a read-only file of more pieces than are kept gives each one's bytes, in any order", () => {
  const path = join(folder, "many-pieces");
  const PIECES = 300;
  const file = openSync(path, "w");
  // The last one is short.
  ftruncateSync(file, (PIECES - 1) * 65536 + 8);
  for (let piece = 0; piece < PIECES; piece++)
    writeSync(file, Uint8Array.of(1, piece & 255, piece >> 8), 0, 3, piece * 65536 + 4);
  closeSync(file);
  const device = new FileBlockDevice(path, { readOnly: true });
  const random = new SeededRandom(7);
  const bytes = new Uint8Array(8);
  for (let round = 0; round < 3000; round++) {
    // Mostly those used lately, as programs do.
    const piece = random.below(4) === 0 ? random.below(PIECES) : round % 40;
    assert.equal(device.read(piece * 65536, bytes, 0, 8), 0);
    assert.deepEqual([...bytes], [0, 0, 0, 0, 1, piece & 255, piece >> 8, 0], `piece ${piece}`);
  }
  assert.ok(device.read((PIECES - 1) * 65536, new Uint8Array(9), 0, 9) < 0, "beyond the end");
  device.close();
});
