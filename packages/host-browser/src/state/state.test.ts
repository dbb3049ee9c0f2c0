/**
 * Goal: what is kept in files of the origin is there after a crash at any moment, as far as it was flushed, and calls
 * are few. Method: handles in memory that lose, at a crash, some of what was written since the last flush.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { check, Files, format, GUEST_LIMITS, mount, mountOverlay } from "@stratos/aegisfs";
import { SeededRandom } from "@stratos/base";
import { type BlockDevice, MemoryBlockDevice } from "@stratos/host";
import { browserClock } from "../browser-clock.ts";
import type { SyncAccessHandle } from "../opfs-block-device.ts";
import { pieceHash } from "../pack/pack-index.ts";
import { BatchedDevice } from "./batched-device.ts";
import { PieceStore } from "./piece-store.ts";
import { RunningFiles } from "./running-files.ts";
import { SavedChanges } from "./saved-changes.ts";

const MIB = 2 ** 20;
const BLOCK = 4096;

/** A file of an origin that gets no longer than `quota`. */
class OriginFile implements SyncAccessHandle {
  bytes = new Uint8Array(0);
  /** What was written since the last flush: a crash may lose each of it. */
  unflushed: { readonly at: number; readonly before: Uint8Array }[] = [];
  calls = 0;
  quota: number;

  constructor(quota = Infinity) {
    this.quota = quota;
  }

  read(buffer: Uint8Array, { at }: { at: number }): number {
    this.calls++;
    const part = this.bytes.subarray(at, at + buffer.length);
    buffer.set(part);
    return part.length;
  }

  write(buffer: Uint8Array, { at }: { at: number }): number {
    this.calls++;
    if (at + buffer.length > this.bytes.length) this.truncate(at + buffer.length);
    this.unflushed.push({ at, before: this.bytes.slice(at, at + buffer.length) });
    this.bytes.set(buffer, at);
    return buffer.length;
  }

  flush(): void {
    this.calls++;
    this.unflushed = [];
  }

  getSize(): number {
    return this.bytes.length;
  }

  truncate(size: number): void {
    if (size > this.quota) throw Object.assign(new Error("too much"), { name: "QuotaExceededError" });
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, size));
    this.bytes = bytes;
  }

  close(): void {}

  /** The file as a crash may leave it. */
  crashed(random: SeededRandom): OriginFile {
    const file = new OriginFile();
    file.bytes = this.bytes.slice();
    for (const { at, before } of this.unflushed.toReversed()) if (random.below(2) === 0) file.bytes.set(before, at);
    return file;
  }
}

/** So many bytes are not to be printed. */
function isSame(found: Uint8Array, expected: Uint8Array): void {
  assert.ok(Buffer.compare(found, expected) === 0, "the bytes are those that were written");
}

/** An image with one file. */
function baseImage(): BlockDevice {
  const device = new MemoryBlockDevice(16 * MIB);
  assert.equal(format(device, { uuid: new Uint8Array(16).fill(7), hashSeed: 3 }), 0);
  const volume = mount(device);
  assert.ok(typeof volume !== "string");
  const files = new Files(volume, { clock: browserClock });
  assert.equal(files.writeFile("/base", Buffer.from("of the image")), 12);
  assert.equal(volume.commit(), 0);
  return device;
}

test("a batched device reads what was written, and its device has it after a flush, in few calls", () => {
  const random = new SeededRandom(5);
  const raw = new MemoryBlockDevice(4 * MIB);
  const device = new BatchedDevice(raw);
  const model = new Uint8Array(4 * MIB);
  const bytes = new Uint8Array(64 * BLOCK);
  for (let round = 0; round < 500; round++) {
    const length = (1 + random.below(40)) * (random.below(4) === 0 ? 512 : BLOCK);
    const offset = random.below((4 * MIB - length) / 512) * 512;
    if (random.below(3) > 0) {
      for (let at = 0; at < length; at += 512) bytes.fill(random.below(256), at, at + 512);
      assert.equal(device.write(offset, bytes, 0, length), 0);
      model.set(bytes.subarray(0, length), offset);
    } else {
      assert.equal(device.read(offset, bytes, 0, length), 0);
      isSame(bytes.subarray(0, length), model.subarray(offset, offset + length));
    }
    if (random.below(100) === 0) assert.equal(device.flush(), 0);
  }
  assert.equal(device.flush(), 0);
  const content = new Uint8Array(4 * MIB);
  assert.equal(raw.read(0, content, 0, content.length), 0);
  isSame(content, model);
  const before = device.calls.write;
  for (let block = 0; block < 200; block++) device.write(block * BLOCK, bytes, 0, BLOCK);
  device.flush();
  assert.equal(device.calls.write - before, 1, "neighbours go together");
});

test("blocks far from each other, of more pieces than are kept, are lost nowhere", () => {
  const random = new SeededRandom(7);
  const bytes = new Uint8Array(96 * MIB);
  const raw = new MemoryBlockDevice(bytes.length);
  const device = new BatchedDevice(raw);
  const block = new Uint8Array(BLOCK);
  for (let round = 1; round <= 4000; round++) {
    const offset = random.below(bytes.length / BLOCK) * BLOCK;
    if (random.below(4) > 0) {
      block.fill(1 + random.below(255));
      assert.equal(device.write(offset, block, 0, BLOCK), 0);
      bytes.set(block, offset);
    } else {
      assert.equal(device.read(offset, block, 0, BLOCK), 0);
      isSame(block, bytes.subarray(offset, offset + BLOCK));
    }
    if (round % 2000 === 0) assert.equal(device.flush(), 0);
  }
  const content = new Uint8Array(bytes.length);
  assert.equal(raw.read(0, content, 0, content.length), 0);
  isSame(content, bytes);
  const before = device.calls.write;
  for (let place = 0; place < 512; place++) device.write(place * 16 * BLOCK, block, 0, BLOCK);
  assert.ok(device.calls.write > before, "so many pieces do not wait");
});

test("a crash leaves the files as they were synced, whatever the browser had of the rest", () => {
  const random = new SeededRandom(11);
  const base = baseImage();
  const handle = new OriginFile();
  const { volume, device } = SavedChanges.open([base], handle, []);
  const files = new Files(volume, { clock: browserClock });
  for (let round = 0; round < 12; round++) {
    const content = new Uint8Array(random.below(300_000)).fill(round);
    assert.equal(files.writeFile(`/file-${round % 7}`, content), content.length);
    assert.equal(files.writeFile("/round", Buffer.from(String(round))), String(round).length);
    assert.equal(volume.sync(), 0);
    files.writeFile("/unsynced", new Uint8Array(50_000).fill(round));
    // More than may wait goes to the file before any flush.
    if (round % 6 === 5) files.writeFile("/large", new Uint8Array(9 * MIB).fill(round));
    volume.settle();
    const left = handle.crashed(random);
    const again = SavedChanges.open([base], left, []);
    const found = new Files(again.volume, { clock: browserClock });
    assert.deepEqual(Buffer.from(found.contentOf("/round") as Uint8Array).toString(), String(round));
    assert.deepEqual(Buffer.from(found.contentOf("/base") as Uint8Array).toString(), "of the image");
    assert.equal(again.close(), 0);
    assert.deepEqual(check(memoryOf(left), { bases: [base], data: true }), []);
  }
  assert.ok(device.calls.write < 12 * 12, `${device.calls.write} writes`);
});

function memoryOf({ bytes }: OriginFile): MemoryBlockDevice {
  const device = new MemoryBlockDevice(bytes.length);
  device.write(0, bytes, 0, bytes.length);
  return device;
}

test("changes begin small and grow while there is room; then programs find them full, and nothing is lost", () => {
  const base = baseImage();
  const handle = new OriginFile(100 * MIB);
  const changes = SavedChanges.open([base], handle, []);
  const files = new Files(changes.volume, { clock: browserClock });
  assert.equal(changes.device.size, 32 * MIB);
  let told = 0,
    written = 0;
  for (; written < 200; written++) {
    if (changes.growWhenShort()) told++;
    const result = files.writeFile(`/${written}`, new Uint8Array(MIB).fill(written));
    if (result !== MIB) break;
  }
  assert.equal(told, 1, "it is told once");
  assert.ok(written > 80 && written < 100, `${written} MiB`);
  assert.ok(handle.bytes.length <= 100 * MIB);
  assert.equal(changes.close(), 0);
  const again = SavedChanges.open([base], handle, []);
  const found = new Files(again.volume, { clock: browserClock });
  isSame(found.contentOf(`/${written - 1}`) as Uint8Array, new Uint8Array(MIB).fill(written - 1));
  assert.equal(again.close(), 0);
  assert.throws(() => SavedChanges.open([base], new OriginFile(MIB), []), /does not give this page the 32 MiB/);
});

test("changes over another image are refused in words", () => {
  const other = new MemoryBlockDevice(16 * MIB);
  assert.equal(format(other, { uuid: new Uint8Array(16).fill(9), hashSeed: 3 }), 0);
  assert.equal(typeof mountOverlay([other], new MemoryBlockDevice(32 * MIB), GUEST_LIMITS), "object");
  const changed = new OriginFile();
  changed.truncate(32 * MIB);
  const first = SavedChanges.open([baseImage()], changed, []);
  assert.equal(new Files(first.volume, { clock: browserClock }).writeFile("/x", Buffer.from("x")), 1);
  assert.equal(first.close(), 0);
  assert.throws(() => SavedChanges.open([other], changed, []), /the files that were kept: /);
});

test("kept pieces are found again; what a crash or rot spoiled is forgotten, not given", () => {
  const random = new SeededRandom(3);
  const data = new OriginFile(),
    rows = new OriginFile();
  const pieces = Array.from({ length: 40 }, (_, at) => new Uint8Array(1000 + at * 37).fill(at));
  const store = new PieceStore(data, rows);
  for (const piece of pieces) store.put(pieceHash(piece), piece);
  assert.deepEqual(store.get(pieceHash(pieces[3]!)), pieces[3], "before it is written, too");
  store.settle();
  assert.ok(data.calls + rows.calls < 6, "one write for all of them");
  const again = new PieceStore(data, rows);
  assert.equal(again.count, 40);
  for (const piece of pieces) assert.deepEqual(again.get(pieceHash(piece)), piece);
  const [left, leftRows] = [data.crashed(random), rows.crashed(random)];
  left.bytes[5000]! ^= 1;
  const spoiled = new PieceStore(left, leftRows);
  let whole = 0;
  for (const piece of pieces) {
    const found = spoiled.get(pieceHash(piece));
    if (found === null) continue;
    whole++;
    assert.deepEqual(found, piece);
  }
  assert.ok(whole < 40);
  const tight = new PieceStore(new OriginFile(100), new OriginFile(100));
  tight.put(pieceHash(pieces[0]!), pieces[0]!);
  tight.settle();
  assert.ok(tight.isFull, "no room is no failure");
  assert.equal(tight.get(pieceHash(pieces[0]!)), null);
});

/** Whose it is. */
const PAGE = "terminal";

test("what ran is there after a crash as it was kept last or before, whole, and of the same files", () => {
  const random = new SeededRandom(17);
  const handles = [new OriginFile(), new OriginFile()];
  const files = new RunningFiles(handles);
  const volume = { generation: 7, checksum: 3 };
  const stateOf = (round: number): Uint8Array => new Uint8Array(3 * MIB - round * 70_000).fill(round);
  assert.equal(files.hasAny, false);
  let last = 0;
  for (let round = 1; round <= 20; round++) {
    for (const _ of files.write({ volume, page: PAGE, screen: `screen ${round}`, state: stateOf(round) })) {
      if (random.below(3) > 0) continue;
      const left = new RunningFiles(handles.map((handle) => handle.crashed(random))).read(volume, PAGE);
      if (last === 0) assert.equal(left, null);
      else isSame(left!.state, stateOf(last));
    }
    last = round;
    const left = new RunningFiles(handles.map((handle) => handle.crashed(random))).read(volume, PAGE);
    assert.equal(left!.screen, `screen ${round}`);
    isSame(left!.state, stateOf(round));
  }
  // Of files that have changed since it is nothing; what was kept before them, of these files, is.
  const later = { generation: 8, checksum: 4 };
  for (const _ of files.write({ volume: later, page: PAGE, screen: "later", state: stateOf(21) }));
  assert.equal(files.read({ generation: 8, checksum: 5 }, PAGE), null);
  assert.match(files.whyNot({ generation: 9, checksum: 5 }, PAGE)!, /written after it was kept .*at 9, it was at 8\)/);
  assert.equal(files.whyNot(later, "desktop"), null);
  assert.equal(files.read(later, PAGE)!.screen, "later");
  assert.equal(files.read(later, "desktop"), null);
  assert.equal(files.read(volume, PAGE)!.screen, "screen 20");
  files.drop();
  assert.equal(files.hasAny, false);
  assert.equal(files.read(later, PAGE), null);
});

test("a state that is not given to its end leaves the one before, and no room is no loss", () => {
  const handles = [new OriginFile(4 * MIB), new OriginFile(2 * MIB)];
  const files = new RunningFiles(handles);
  const volume = { generation: 1, checksum: 1 };
  for (const _ of files.write({ volume, page: PAGE, screen: "first", state: new Uint8Array(3 * MIB).fill(1) }));
  const unfinished = files.write({ volume, page: PAGE, screen: "second", state: new Uint8Array(MIB).fill(2) });
  unfinished.next();
  assert.equal(files.read(volume, PAGE)!.screen, "first");
  assert.throws(() => {
    for (const _ of files.write({ volume, page: PAGE, screen: "third", state: new Uint8Array(3 * MIB).fill(3) }));
  }, /too much/);
  assert.equal(files.read(volume, PAGE)!.screen, "first");
});
