/**
 * Goal: a file of 2^63 − 1 bytes is a file like others, to its last byte: written, read, cut, punched, shifted, shared,
 * snapshotted, sent, done again from the log, told in the audit log, locked. Method: on small volumes, with offsets on
 * both sides of 2^53, where numbers end to be exact.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EAGAIN, EDQUOT, EFBIG, EINVAL, ENOSPC, ENXIO, O_APPEND, O_RDWR, S_IFREG } from "@stratos/abi";
import { MemoryBlockDevice, SimulatedClock } from "@stratos/host";
import {
  addOffsets,
  Attributes,
  AuditLog,
  auditRecords,
  blockOf,
  blocksOf,
  check,
  COMPRESS_LZ4,
  dedupe,
  fileChanges,
  Files,
  FILE_SIZE_MAX,
  LOCK_EXCLUSIVE,
  mount,
  offsetBetween,
  offsetOf,
  Operation,
  QUOTA_USER,
  readAuditBlock,
  ReceiveStream,
  ROOT_INO,
  SendStream,
  Transaction,
  withCompression,
  type FileOffset,
  type Subvolume,
  type Volume,
} from "../aegisfs.ts";
import { commitAndCheck, freshVolume, mountedVolume } from "../testing/fresh-volume.ts";

const FILE = S_IFREG | 0o644;
const END = FILE_SIZE_MAX;
const NEAR = 2n ** 53n;
const attributes = new Attributes();

function sizeOf(files: Subvolume, ino: number): FileOffset {
  assert.equal(files.stat(ino, attributes), 0);
  return attributes.size;
}

function write(files: Subvolume, ino: number, offset: FileOffset, ...bytes: number[]): number {
  return files.write(ino, offset, Uint8Array.from(bytes), 0, bytes.length);
}

function read(files: Subvolume, ino: number, offset: FileOffset, length: number): number[] {
  const bytes = new Uint8Array(length);
  const count = files.read(ino, offset, bytes, 0, length);
  assert.ok(count >= 0, `read: ${count}`);
  return [...bytes.subarray(0, count)];
}

function largest(files: Subvolume, name = "largest"): number {
  const ino = files.create(ROOT_INO, name, FILE, 0, 0);
  assert.equal(write(files, ino, END - 5n, 1, 2, 3, 4, 5), 5);
  return ino;
}

test("offsets are exact on both sides of 2^53", () => {
  for (const offset of [0, 1, 4095, 4096, 2 ** 53 - 1, NEAR, NEAR + 1n, 2n ** 62n + 4097n, END]) {
    assert.equal(offsetOf(blockOf(offset), Number(BigInt(offset) % 4096n)), offset);
    assert.equal(addOffsets(offset, 5), BigInt(offset) + 5n < NEAR ? Number(offset) + 5 : BigInt(offset) + 5n);
    assert.equal(offsetBetween(offset, addOffsets(offset, 4099)), 4099);
    assert.equal(BigInt(blocksOf(offset)), (BigInt(offset) + 4095n) / 4096n);
  }
  assert.equal(addOffsets(2 ** 53 - 1, 1), NEAR);
  assert.equal(offsetBetween(2 ** 53 - 1, END), END - NEAR + 1n);
});

test("it is written at its last byte and read back, after a mount too, and nothing is beyond", () => {
  const { device, volume } = freshVolume(64);
  const { root } = volume;
  const ino = root.create(ROOT_INO, "largest", FILE, 0, 0);
  assert.equal(root.truncate(ino, END), 0);
  assert.equal(root.truncate(ino, END + 1n), -EFBIG);
  assert.equal(root.truncate(ino, 2 ** 63), -EFBIG);
  assert.equal(write(root, ino, END - 5n, 1, 2, 3, 4, 5, 6, 7), 5, "what fits is written");
  assert.equal(write(root, ino, END, 1), -EFBIG);
  assert.equal(write(root, ino, 2 ** 64, 1), -EFBIG);
  assert.equal(write(root, ino, 2 ** 45 + 1, 9), 1);
  assert.equal(write(root, ino, NEAR - 2n, 1, 2, 3, 4), 4, "over 2^53");
  assert.equal(root.preallocate(ino, END - 4095n, 4096, false), -EFBIG);
  assert.equal(root.preallocate(ino, 2n ** 60n, 2n ** 61n, false), -ENOSPC);
  const long = new Uint8Array(300_000).map((_, index) => index * 7);
  assert.equal(root.write(ino, END - 300_000n, long, 0, long.length), long.length, "long writes go past the pages");
  commitAndCheck(volume, device);
  const again = mountedVolume(mount(device)).root;
  assert.equal(sizeOf(again, ino), END);
  assert.equal(attributes.blocks * 512 <= 400_000, true, "holes hold nothing");
  assert.deepEqual(read(again, ino, 2 ** 45, 3), [0, 9, 0]);
  assert.deepEqual(read(again, ino, 2 ** 53 - 3, 6), [0, 1, 2, 3, 4, 0]);
  assert.deepEqual(read(again, ino, END - 3n, 10), [...long.subarray(-3)]);
  const back = new Uint8Array(300_000);
  assert.equal(again.read(ino, END - 300_000n, back, 0, back.length), back.length);
  assert.deepEqual(back, long);
  assert.deepEqual([read(again, ino, END, 10), read(again, ino, 2n ** 63n, 10)], [[], []]);
  assert.deepEqual(
    [again.seekData(ino, 1), again.seekHole(ino, 2 ** 45), again.seekData(ino, 2 ** 45 + 4096)],
    [2 ** 45, 2 ** 45 + 4096, 2 ** 53 - 4096],
  );
  assert.equal(again.seekHole(ino, 2 ** 53 - 1), NEAR + 4096n);
  assert.equal(again.seekData(ino, NEAR + 4096n), ((END - 300_000n) / 4096n) * 4096n);
  assert.equal(again.seekHole(ino, END - 300_000n), END);
  assert.equal(again.seekData(ino, END - 7n), END - 7n);
  assert.deepEqual(
    [again.seekData(ino, END), again.seekHole(ino, END), again.seekData(ino, -1)],
    [-ENXIO, -ENXIO, -ENXIO],
  );
});

test("pages: the last one is not whole, and the engine takes no more of it", () => {
  const { device, volume } = freshVolume(64);
  const { root } = volume;
  const ino = root.create(ROOT_INO, "largest", FILE, 0, 0);
  const page = new Uint8Array(4096).fill(8);
  assert.equal(root.writePages(ino, 2 ** 51 - 1, page, 0, 4096), -EFBIG);
  assert.equal(root.writePages(ino, 2 ** 51, page, 0, 1), -EFBIG);
  assert.equal(root.writePages(ino, 2 ** 51 - 1, page, 0, 4095), 0);
  assert.equal(sizeOf(root, ino), END);
  assert.equal(root.readPages(ino, 2 ** 51 - 1, 1, page, 0), 0);
  assert.deepEqual([page[4094], page[4095]], [8, 0]);
  Object.assign(attributes, { size: 5n });
  commitAndCheck(volume, device);
});

test("cutting and punching: what is cut off reads as zeros when the file grows again", () => {
  for (const settles of [false, true]) {
    const { device, volume } = freshVolume(64);
    const { root } = volume;
    const ino = largest(root);
    write(root, ino, 2n ** 60n, ...new Array<number>(9000).fill(7));
    if (settles) assert.equal(volume.sync(), 0);
    assert.equal(root.punchHole(ino, 2n ** 60n + 10n, 8000), 0);
    assert.deepEqual(read(root, ino, 2n ** 60n + 8n, 4), [7, 7, 0, 0]);
    assert.deepEqual(read(root, ino, 2n ** 60n + 8008n, 4), [0, 0, 7, 7]);
    assert.equal(root.punchHole(ino, 2n ** 60n + 8100n, 20), 0);
    assert.deepEqual(read(root, ino, 2n ** 60n + 8098n, 24), [7, 7, ...new Array<number>(20).fill(0), 7, 7]);
    assert.equal(root.truncate(ino, END - 3n), 0);
    assert.equal(root.truncate(ino, END), 0);
    assert.deepEqual(read(root, ino, END - 5n, 10), [1, 2, 0, 0, 0]);
    assert.equal(root.zeroRange(ino, END - 5n, 5, false), 0);
    assert.deepEqual(read(root, ino, END - 5n, 10), [0, 0, 0, 0, 0]);
    assert.equal(root.punchHole(ino, 3, END), 0, "all of it");
    assert.equal(sizeOf(root, ino), END);
    assert.equal(attributes.blocks, 0);
    assert.equal(root.seekData(ino, 0), -ENXIO);
    assert.equal(root.truncate(ino, 10), 0);
    assert.equal(sizeOf(root, ino), 10);
    commitAndCheck(volume, device);
  }
});

test("collapsing and inserting move what is far away", () => {
  const { device, volume } = freshVolume(64);
  const { root } = volume;
  const ino = largest(root);
  write(root, ino, 0, 6);
  assert.equal(root.insertRange(ino, 4096, 4096), -EFBIG, "it would not fit any more");
  assert.equal(root.collapseRange(ino, 4096, 2n ** 62n), 0);
  assert.equal(sizeOf(root, ino), END - 2n ** 62n);
  assert.deepEqual(read(root, ino, END - 2n ** 62n - 5n, 9), [1, 2, 3, 4, 5]);
  assert.equal(root.collapseRange(ino, 4096, 2n ** 62n), -EINVAL, "it reaches the end");
  assert.equal(root.insertRange(ino, 4096, 2n ** 62n - 4096n), 0);
  assert.deepEqual(read(root, ino, END - 4096n - 5n, 9), [1, 2, 3, 4, 5]);
  assert.equal(root.preallocate(ino, END - 4095n, 4095, true), 0, "space behind the end");
  assert.equal(root.insertRange(ino, 4096, 4096), 0);
  assert.equal(sizeOf(root, ino), END);
  assert.deepEqual(read(root, ino, END - 5n, 9), [1, 2, 3, 4, 5]);
  assert.equal(root.insertRange(ino, 4097, 4096), -EINVAL);
  commitAndCheck(volume, device);
});

test("sharing: clones and copies of huge ranges cost what there is in them", () => {
  const { device, volume } = freshVolume(64, {}, { properties: withCompression(0, COMPRESS_LZ4, 0) });
  const { root } = volume;
  const source = largest(root);
  write(root, source, 2n ** 55n, ...new Array<number>(70_000).fill(5));
  const target = root.create(ROOT_INO, "clone", FILE, 0, 0);
  assert.equal(root.cloneRange({ source, offset: 0, target, targetOffset: 0, length: END }), 0);
  assert.equal(sizeOf(root, target), END);
  assert.deepEqual(read(root, target, END - 5n, 9), [1, 2, 3, 4, 5]);
  assert.deepEqual(read(root, target, 2n ** 55n + 69_998n, 4), [5, 5, 0, 0]);
  const moved = root.create(ROOT_INO, "moved", FILE, 0, 0);
  assert.equal(
    root.cloneRange({ source, offset: 2n ** 55n, target: moved, targetOffset: 2n ** 62n, length: 65536 }),
    0,
  );
  assert.equal(sizeOf(root, moved), 2n ** 62n + 65536n);
  assert.deepEqual(read(root, moved, 2n ** 62n + 65534n, 4), [5, 5]);
  assert.equal(
    root.cloneRange({ source, offset: 2n ** 55n, target: moved, targetOffset: 2n ** 63n - 65536n, length: 65536 }),
    -EFBIG,
  );
  assert.equal(
    root.cloneRange({ source, offset: 2n ** 55n, target: source, targetOffset: 2n ** 55n + 4096n, length: 65536 }),
    -EINVAL,
    "they overlap",
  );
  assert.equal(
    root.copyRange({ source, offset: END - 5n, target: moved, targetOffset: END - 3n, length: 100 }),
    3,
    "what fits is copied",
  );
  assert.deepEqual(read(root, moved, END - 3n, 9), [1, 2, 3]);
  assert.equal(root.copyRange({ source, offset: END - 5n, target: moved, targetOffset: END, length: 100 }), -EFBIG);
  assert.equal(root.copyRange({ source, offset: END, target: moved, targetOffset: 0, length: 100 }), 0);
  assert.equal(
    root.copyRange({ source, offset: 2n ** 55n - 100n, target: moved, targetOffset: 2n ** 56n + 3n, length: 200 }),
    200,
  );
  assert.deepEqual(read(root, moved, 2n ** 56n + 102n, 2), [0, 5]);
  assert.equal(write(root, target, 2n ** 55n + 20n, 1), 1);
  assert.deepEqual(read(root, source, 2n ** 55n + 19n, 3), [5, 5, 5]);
  commitAndCheck(volume, device);
});

test("a quota counts blocks, not sizes", () => {
  const { device, volume } = freshVolume(64);
  const { root } = volume;
  volume.enforcesQuotas = true;
  assert.equal(root.setQuotas(true), 0);
  const source = root.create(ROOT_INO, "source", FILE, 7, 0);
  assert.equal(write(root, source, END - 1n, 1), 1);
  assert.equal(root.setQuotaLimits(QUOTA_USER, 7, { blocksSoft: 0, blocksHard: 3, inodesSoft: 0, inodesHard: 0 }), 0);
  const target = root.create(ROOT_INO, "target", FILE, 7, 0);
  for (const targetOffset of [0, 0])
    assert.equal(root.cloneRange({ source, offset: 0, target, targetOffset, length: END }), 0, "two blocks of three");
  assert.equal(write(root, target, 2n ** 60n, 1), 1);
  assert.equal(
    root.cloneRange({ source, offset: 2n ** 63n - 4096n, target, targetOffset: 0, length: 4095 }),
    -EINVAL,
    "the target has more behind",
  );
  assert.equal(volume.sync(), 0);
  const third = root.create(ROOT_INO, "third", FILE, 7, 0);
  assert.equal(root.cloneRange({ source, offset: 0, target: third, targetOffset: 0, length: END }), -EDQUOT);
  commitAndCheck(volume, device);
});

function sent(source: Subvolume, target: Volume, parent?: Subvolume): Subvolume {
  const stream = SendStream.open(source, parent === undefined ? {} : { parent });
  assert.ok(typeof stream !== "number");
  const receiver = new ReceiveStream(target);
  for (let chunk = stream.next(); chunk !== null; chunk = stream.next()) {
    assert.ok(typeof chunk !== "number");
    assert.equal(receiver.push(chunk), null);
  }
  assert.equal(receiver.finish(), null);
  return receiver.received!;
}

test("snapshots keep it, tell what changed, and are sent and received", () => {
  const { device, volume } = freshVolume(64);
  const other = freshVolume(64);
  const { root } = volume;
  const ino = largest(root);
  assert.equal(root.preallocate(ino, END - 9000n, 5000, true), 0);
  const snapshot = (name: string): Subvolume => volume.subvolume(volume.snapshot(root, name, { readOnly: true }))!;
  const first = snapshot("first");
  assert.deepEqual(read(sent(first, other.volume), ino, END - 5n, 9), [1, 2, 3, 4, 5]);
  write(root, ino, END - 1n, 9);
  write(root, ino, 2n ** 61n, 4);
  const second = snapshot("second");
  const copy = sent(second, other.volume, first);
  assert.equal(sizeOf(copy, ino), END);
  assert.deepEqual(
    [read(copy, ino, END - 5n, 9), read(copy, ino, 2n ** 61n, 2)],
    [
      [1, 2, 3, 4, 9],
      [4, 0],
    ],
  );
  assert.equal(root.punchHole(ino, 2n ** 61n, 4096), 0);
  assert.equal(root.truncate(ino, END - 4n), 0);
  const third = snapshot("third");
  const cut = sent(third, other.volume, second);
  assert.equal(sizeOf(cut, ino), END - 4n);
  assert.equal(cut.seekData(ino, 0), root.seekData(ino, 0));
  assert.deepEqual(read(first, ino, END - 5n, 9), [1, 2, 3, 4, 5]);
  assert.deepEqual(fileChanges(volume, second, third), [
    { kind: "modified", path: "/largest", from: null, type: "file", aspects: ["content"] },
  ]);
  assert.equal(volume.rollback(first.id), 0);
  assert.deepEqual(read(root, ino, END - 5n, 9), [1, 2, 3, 4, 5]);
  commitAndCheck(volume, device);
  commitAndCheck(other.volume, other.device);
});

test("fsync: the log does far writes again after a crash", () => {
  const { device, volume } = freshVolume(64);
  const { root } = volume;
  const ino = largest(root);
  assert.equal(volume.commit(), 0);
  write(root, ino, END - 1n, 77);
  write(root, ino, 2n ** 60n + 1n, 78);
  assert.equal(root.fsync(ino), 0);
  const lost = new MemoryBlockDevice(device.size);
  const bytes = new Uint8Array(device.size);
  device.read(0, bytes, 0, bytes.length);
  lost.write(0, bytes, 0, bytes.length);
  assert.deepEqual(check(lost, { data: true }), [], "with the log in memory");
  const again = mountedVolume(mount(lost)).root;
  assert.deepEqual(
    [read(again, ino, END - 2n, 4), read(again, ino, 2n ** 60n, 3)],
    [
      [4, 77],
      [0, 78, 0],
    ],
  );
  assert.deepEqual(check(lost, { data: true }), []);
});

test("the audit log tells far places exactly, and joins writes that continue each other there", () => {
  const { volume } = freshVolume(64);
  assert.equal(AuditLog.enable(volume), 0);
  const { root } = volume;
  const ino = root.create(ROOT_INO, "largest", FILE, 0, 0);
  write(root, ino, 2n ** 62n + 1n, 1, 2, 3);
  write(root, ino, 2n ** 62n + 4n, 4, 5);
  root.punchHole(ino, 5, END - 5n);
  assert.equal(volume.commit(), 0);
  const records = [0, 1].flatMap((number) => {
    const block = readAuditBlock(volume, number);
    return block === null || typeof block === "number" || block.number !== number ? [] : auditRecords(block)!;
  });
  const shown = records
    .filter(({ operation }) => operation === Operation.write || operation === Operation.punchHole)
    .map(({ offset, length }) => [offset, length]);
  assert.deepEqual(shown, [
    [2n ** 62n + 1n, 5],
    [5, END - 5n],
  ]);
});

test("programs: descriptors go on beyond 2^53, append at the end, and lock far ranges", () => {
  const { volume } = freshVolume(64);
  const files = new Files(volume, { clock: new SimulatedClock(0) });
  files.writeFile("/f", Uint8Array.of(1));
  assert.equal(files.truncate("/f", 2 ** 53 - 1), 0);
  const fd = files.open("/f", O_RDWR | O_APPEND);
  const bytes = Uint8Array.of(1, 2, 3);
  for (let count = 0; count < 2; count++) assert.equal(files.write(fd, bytes, 0, 3), 3);
  assert.equal(files.fstat(fd, attributes), 0);
  assert.equal(attributes.size, NEAR + 5n);
  assert.equal(files.read(fd, bytes, 0, 3, NEAR + 1n), 3);
  assert.deepEqual([...bytes], [3, 1, 2]);
  assert.equal(files.contentOf("/f"), -EFBIG);
  assert.equal(files.ftruncate(fd, END), 0);
  assert.equal(files.write(fd, bytes, 0, 1), -EFBIG);

  const other = files.open("/f", O_RDWR);
  const lock = (descriptor: number, start: FileOffset, length: FileOffset): number =>
    files.lockRange(descriptor, { type: LOCK_EXCLUSIVE, start, length, ofDescription: true });
  assert.equal(lock(fd, END - 10n, 5), 0);
  assert.equal(lock(other, END - 5n, 5), 0);
  assert.equal(lock(other, END - 6n, 1), -EAGAIN);
  assert.equal(lock(other, 0, 0), -EAGAIN);
  assert.equal(lock(other, 0, END - 10n), 0);
  assert.equal(lock(other, END, 2), -EINVAL, "behind the last place");
});

test("a transaction that changed it is merged; deduplication and defragmentation go through it", () => {
  const { device, volume } = freshVolume(64);
  const { root } = volume;
  const ino = largest(root);
  assert.equal(volume.commit(), 0);
  const content = Array.from({ length: 32768 }, (_, index) => (index * 7 + (index >> 8)) & 255);
  const transaction = Transaction.begin(volume);
  assert.ok(typeof transaction !== "number");
  assert.equal(write(transaction.files, ino, 2n ** 62n, ...content), 32768);
  assert.ok(root.create(ROOT_INO, "beside", FILE, 0, 0) > 0, "so that it has to be merged");
  assert.equal(transaction.commit(), 0);
  assert.equal(write(root, ino, 2n ** 61n, ...content), 32768);
  assert.equal(volume.sync(), 0);
  assert.deepEqual(dedupe(volume), { blocks: 17, duplicates: 8, freed: 8 });
  let from = 0;
  for (let steps = 0; from >= 0; steps++) {
    assert.ok(steps < 20, "it ends");
    from = root.defragment(ino, from, 2);
  }
  assert.equal(from, -1);
  const pieces = root.fragmentation(ino);
  assert.ok(typeof pieces !== "number");
  assert.deepEqual([pieces.blocks, pieces.shared], [17, false]);
  assert.deepEqual(
    [read(root, ino, 2n ** 62n, 32768), read(root, ino, 2n ** 61n, 32768), read(root, ino, END - 5n, 9)],
    [content, content, [1, 2, 3, 4, 5]],
  );
  commitAndCheck(volume, device);
});
