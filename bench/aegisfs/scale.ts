/**
 * How the cost of one operation grows with the size of what it works on: directories up to 10⁶ entries, files up to 10⁷
 * extents, volumes up to 99 % full; and what a mount costs, clean and after a crash, with volumes of up to 10⁶ files.
 * CPU microseconds for one operation, cold caches where it says so: the column grows as the logarithm, or it is a
 * defect.
 */
import { Attributes, format, mount, ROOT_INO, type Volume } from "@stratos/aegisfs";
import { MemoryBlockDevice, type BlockDevice } from "@stratos/host";

export interface ScaleRow {
  readonly what: string;
  readonly size: number /** What the size counts. */;
  readonly unit: string;
  readonly microseconds: number;
}

const SAMPLES = 2000;
const FILE = 0o100644;

export function* measureScale(options: {
  entriesMax: number;
  extentsMax: number;
  filesMax: number;
}): Generator<ScaleRow> {
  for (let files = 1000; files <= options.filesMax; files *= files < 10 ** 5 ? 100 : 10) yield* mounts(files);
  for (let entries = 1000; entries <= options.entriesMax; entries *= 10) yield* directory(entries);
  for (let extents = 1000; extents <= options.extentsMax; extents *= 10) yield* extentsOf(extents);
  for (const percent of [10, 50, 90, 95, 99]) yield full(percent);
}

function volumeOf(bytes: number): { device: MemoryBlockDevice; volume: Volume } {
  const device = new MemoryBlockDevice(bytes);
  return { device, volume: formatted(device) };
}

function formatted(device: BlockDevice): Volume {
  const failed = format(device, { uuid: new Uint8Array(16), hashSeed: 3 });
  if (failed !== 0) throw new Error(failed);
  return mounted(device);
}

function mounted(device: BlockDevice): Volume {
  const volume = mount(device);
  if (typeof volume === "string") throw new Error(volume);
  return volume;
}

/**
 * The log is as full as it gets before the engine commits: of operations on names, and of files that were each synced.
 */
function* mounts(files: number): Generator<ScaleRow> {
  const { device, volume } = volumeOf(8 * 2 ** 30);
  const content = new Uint8Array(4096).fill(7);
  let folder = 0;
  for (let file = 0; file < files; file++) {
    if (file % 1000 === 0) folder = expect(volume.root.create(ROOT_INO, `folder${file}`, 0o040755, 0, 0));
    expect(volume.root.write(expect(volume.root.create(folder, `file${file}`, FILE, 0, 0)), 0, content, 0, 100));
  }
  expect(volume.sync());
  yield least("mount, clean", files, () => void mounted(device));
  for (const [what, every] of [
    ["mount after a crash, each file synced", 1],
    ["mount after a crash, many operations", 500],
  ] as const) {
    const before = mounted(device);
    expect(before.sync());
    const { generation } = before.superblock;
    let made = 0;
    // The commit that would come next is not made: a copy of the last state is what the crash leaves.
    const limit = every === 1 ? 900 : 16_000;
    const target = expect(before.root.create(ROOT_INO, `crash${every}`, 0o040755, 0, 0));
    while (made < limit && before.superblock.generation === generation) {
      const ino = expect(before.root.create(target, `new${made}`, FILE, 0, 0));
      expect(before.root.write(ino, 0, content, 0, every === 1 ? 4096 : 100));
      if (++made % every === 0) expect(before.root.fsync(ino));
    }
    if (before.superblock.generation !== generation) throw new Error(`the log was full after ${made} files`);
    // A mount writes: each one that is measured sees the device as it was, for nothing of the old state is written over
    // before its next commit.
    yield least(what, files, () => void mounted(new ThinDevice(device, device.size)));
  }
}

/**
 * Takes writes in memory, in pieces of a block, so that what is written costs the same wherever it lies; what lies
 * below stays as it is.
 */
class ThinDevice implements BlockDevice {
  readonly readOnly = false;
  readonly size: number;
  readonly #below: BlockDevice | null;
  readonly #written = new Map<number, Uint8Array>();
  #slab = new Uint8Array(0);

  constructor(below: BlockDevice | null, size: number) {
    this.#below = below;
    this.size = size;
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    for (let block = 0; block < length; block += 4096) {
      const written = this.#written.get(offset + block);
      if (written !== undefined) bytes.set(written, at + block);
      else if (this.#below === null) bytes.fill(0, at + block, at + block + 4096);
      else this.#below.read(offset + block, bytes, at + block, 4096);
    }
    return 0;
  }

  write(offset: number, bytes: Uint8Array, at: number, length: number): number {
    for (let block = 0; block < length; block += 4096) {
      let piece = this.#written.get(offset + block);
      if (piece === undefined) this.#written.set(offset + block, (piece = this.#newPiece()));
      piece.set(bytes.subarray(at + block, at + block + 4096));
    }
    return 0;
  }

  #newPiece(): Uint8Array {
    if (this.#slab.length === 0) this.#slab = new Uint8Array(1 << 22);
    const piece = this.#slab.subarray(0, 4096);
    this.#slab = this.#slab.subarray(4096);
    return piece;
  }

  flush(): number {
    return 0;
  }

  resize(): number {
    return 0;
  }

  discard(): void {}
}

/** The least of some runs, of something that is done once. */
function least(what: string, size: number, run: () => void): ScaleRow {
  let microseconds = Infinity;
  for (let round = 0; round < 7; round++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    microseconds = Math.min(microseconds, user + system);
  }
  return { what, size, unit: "files", microseconds };
}

function* directory(entries: number): Generator<ScaleRow> {
  const { device, volume } = volumeOf(8 * 2 ** 30);
  for (let entry = 0; entry < entries; entry++) expect(volume.root.create(ROOT_INO, `entry${entry}`, FILE, 0, 0));
  expect(volume.sync());
  const cold = mounted(device);
  const attributes = new Attributes();
  const chosen = (sample: number): number => (sample * 7919) % entries;
  yield row("look up and stat, cold", entries, "entries", (sample) =>
    expect(cold.root.stat(cold.root.lookup(ROOT_INO, `entry${chosen(sample)}`), attributes)),
  );
  yield row(
    "create in a directory",
    entries,
    "entries",
    (sample) => expect(cold.root.create(ROOT_INO, `new${sample}`, FILE, 0, 0)),
    cold,
  );
  yield row(
    "unlink in a directory",
    entries,
    "entries",
    (sample) => expect(cold.root.unlink(ROOT_INO, `new${sample}`)),
    cold,
  );
}

function* extentsOf(extents: number): Generator<ScaleRow> {
  // Every other block is held: nothing joins. What they would hold is not written.
  const device = new ThinDevice(null, Math.ceil((extents * 1.5 + 2 ** 18) / 8192) * 8192 * 4096);
  const volume = formatted(device);
  const ino = expect(volume.root.create(ROOT_INO, "many", FILE, 0, 0));
  for (let extent = 0; extent < extents; extent++) expect(volume.root.preallocate(ino, extent * 8192, 4096, false));
  expect(volume.sync());
  const cold = mounted(device);
  const chosen = (sample: number): number => ((sample * 7919) % extents) * 8192;
  const page = new Uint8Array(4096).fill(1);
  yield row("find an extent, cold", extents, "extents", (sample) =>
    expect(Number(cold.root.seekHole(ino, chosen(sample)))),
  );
  yield row(
    "write a page of a file",
    extents,
    "extents",
    (sample) => expect(cold.root.writePages(ino, chosen(sample) / 4096, page, 0, 4096)),
    cold,
  );
}

function full(percent: number): ScaleRow {
  const { volume } = volumeOf(16 * 2 ** 30);
  const filler = expect(volume.root.create(ROOT_INO, "filler", FILE, 0, 0));
  const blocks = Math.floor((volume.store.layout.blocks * percent) / 100);
  for (let block = 0; block < blocks; block += 64)
    expect(volume.root.preallocate(filler, block * 4096, 64 * 4096, false));
  expect(volume.sync());
  const ino = expect(volume.root.create(ROOT_INO, "file", FILE, 0, 0));
  const page = new Uint8Array(4096).fill(1);
  return row(
    "write a page of a full volume",
    percent,
    "per cent",
    (sample) => expect(volume.root.writePages(ino, sample * 3, page, 0, 4096)),
    volume,
  );
}

function row(
  what: string,
  size: number,
  unit: string,
  run: (sample: number) => void,
  volume: Volume | null = null,
): ScaleRow {
  const before = process.cpuUsage();
  for (let sample = 0; sample < SAMPLES; sample++) run(sample);
  // What waits in memory is part of the work.
  if (volume !== null) expect(volume.sync());
  const { user, system } = process.cpuUsage(before);
  return { what, size, unit, microseconds: (user + system) / SAMPLES };
}

function expect(result: number): number {
  if (result < 0) throw new Error(`errno ${-result}`);
  return result;
}

export function scaleLine({ what, size, microseconds }: ScaleRow): string {
  return (
    `  ${what.padEnd(38)} ${size.toLocaleString("en").padStart(12)} ${microseconds.toFixed(2).padStart(10)} µs  ` +
    `${"#".repeat(Math.min(60, Math.round(4 * Math.log2(1 + microseconds))))}`
  );
}
