/**
 * How the cost of one operation grows with the size of what it works on: directories up to 10⁶ entries, files up to 10⁷ extents, volumes up to 99 %
 * full. CPU microseconds for one operation, cold caches where it says so: the column grows as the logarithm, or it is a defect.
 */
import { Attributes, format, mount, ROOT_INO, type Volume } from "@stratos/aegisfs";
import { MemoryBlockDevice } from "@stratos/host";

export interface ScaleRow { readonly what: string; readonly size: number; readonly microseconds: number }

const SAMPLES = 2000;
const FILE = 0o100644;

export function* measureScale(options: { entriesMax: number; extentsMax: number }): Generator<ScaleRow> {
  for (let entries = 1000; entries <= options.entriesMax; entries *= 10) yield* directory(entries);
  for (let extents = 1000; extents <= options.extentsMax; extents *= 10) yield* extentsOf(extents);
  for (const percent of [10, 50, 90, 95, 99]) yield full(percent);
}

function volumeOf(bytes: number): { device: MemoryBlockDevice; volume: Volume } {
  const device = new MemoryBlockDevice(bytes);
  const failed = format(device, { uuid: new Uint8Array(16), hashSeed: 3 });
  if (failed !== 0) throw new Error(failed);
  return { device, volume: mounted(device) };
}

function mounted(device: MemoryBlockDevice): Volume {
  const volume = mount(device);
  if (typeof volume === "string") throw new Error(volume);
  return volume;
}

function* directory(entries: number): Generator<ScaleRow> {
  const { device, volume } = volumeOf(8 * 2 ** 30);
  for (let entry = 0; entry < entries; entry++) expect(volume.root.create(ROOT_INO, `entry${entry}`, FILE, 0, 0));
  expect(volume.sync());
  const cold = mounted(device);
  const attributes = new Attributes();
  const chosen = (sample: number): number => (sample * 7919) % entries;
  yield row("look up and stat, cold", entries, (sample) => expect(cold.root.stat(cold.root.lookup(ROOT_INO, `entry${chosen(sample)}`), attributes)));
  yield row("create", entries, (sample) => expect(cold.root.create(ROOT_INO, `new${sample}`, FILE, 0, 0)), cold);
  yield row("unlink", entries, (sample) => expect(cold.root.unlink(ROOT_INO, `new${sample}`)), cold);
}

function* extentsOf(extents: number): Generator<ScaleRow> {
  // Every other block is held: nothing joins. What they would hold is not written.
  const { device, volume } = volumeOf(Math.max(2 ** 30, extents * 4096 * 1.5 + 2 ** 30));
  const ino = expect(volume.root.create(ROOT_INO, "many", FILE, 0, 0));
  for (let extent = 0; extent < extents; extent++) expect(volume.root.preallocate(ino, extent * 8192, 4096, false));
  expect(volume.sync());
  const cold = mounted(device);
  const chosen = (sample: number): number => ((sample * 7919) % extents) * 8192;
  const page = new Uint8Array(4096).fill(1);
  yield row("find an extent, cold", extents, (sample) => expect(cold.root.seekHole(ino, chosen(sample))));
  // The device in memory allocates itself as it is written; what is measured comes after.
  for (let sample = 0; sample < SAMPLES; sample++) expect(cold.root.writePages(ino, chosen(sample + 1_000_003) / 4096, page, 0, 4096));
  expect(cold.sync());
  yield row("write a page", extents, (sample) => expect(cold.root.writePages(ino, chosen(sample) / 4096, page, 0, 4096)), cold);
}

function full(percent: number): ScaleRow {
  const { volume } = volumeOf(16 * 2 ** 30);
  const filler = expect(volume.root.create(ROOT_INO, "filler", FILE, 0, 0));
  const blocks = Math.floor((volume.store.layout.blocks * percent) / 100);
  for (let block = 0; block < blocks; block += 64) expect(volume.root.preallocate(filler, block * 4096, 64 * 4096, false));
  expect(volume.sync());
  const ino = expect(volume.root.create(ROOT_INO, "file", FILE, 0, 0));
  const page = new Uint8Array(4096).fill(1);
  return row("write a page, per cent full", percent, (sample) => expect(volume.root.writePages(ino, sample * 3, page, 0, 4096)), volume);
}

function row(what: string, size: number, run: (sample: number) => void, volume: Volume | null = null): ScaleRow {
  const before = process.cpuUsage();
  for (let sample = 0; sample < SAMPLES; sample++) run(sample);
  // What waits in memory is part of the work.
  if (volume !== null) expect(volume.sync());
  const { user, system } = process.cpuUsage(before);
  return { what, size, microseconds: (user + system) / SAMPLES };
}

function expect(result: number): number {
  if (result < 0) throw new Error(`errno ${-result}`);
  return result;
}

export function scaleLine({ what, size, microseconds }: ScaleRow): string {
  return `  ${what.padEnd(30)} ${size.toLocaleString("en").padStart(12)} ${microseconds.toFixed(2).padStart(10)} µs  ${"#".repeat(Math.min(60, Math.round(microseconds)))}`;
}
