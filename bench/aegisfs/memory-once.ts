/**
 * `memory-once.ts IMAGE FILES CACHE-MIB`: makes a volume of that many files of 4 KiB, then lists and reads all of them
 * from a volume that is mounted anew, and prints what the process had of memory in MiB: before the first mount, and at
 * most while it wrote and while it read. Garbage is collected before each look: what is left is held.
 */
import { Attributes, DirectoryEntry, format, ROOT_INO, type Volume } from "@stratos/aegisfs";
import { FileBlockDevice } from "@stratos/host-node";
import { mountDevices } from "@stratos/tools-node/volumes";

const IN_FOLDER = 1000;
const LOOK_EVERY = 20_000;
const MIB = 1 << 20;

const [path, filesText, cacheText] = process.argv.slice(2);
const files = Number(filesText);
const cacheBytes = Number(cacheText) * MIB;
const collect = (globalThis as { gc?: () => void }).gc;
if (path === undefined || !(files > 0) || !(cacheBytes > 0) || collect === undefined)
  throw new Error("node --expose-gc memory-once.ts IMAGE FILES CACHE-MIB");

const device = new FileBlockDevice(path, { create: 64 * MIB + files * 5 * 1024 });
const before = held();
let most = before;

const failed = format(device, { uuid: new Uint8Array(16), hashSeed: 3 });
if (failed !== 0) throw new Error(failed);
let volume = mounted();
const content = new Uint8Array(4096);
let folder = 0;
for (let file = 0; file < files; file++) {
  if (file % IN_FOLDER === 0) folder = expect(volume.root.create(ROOT_INO, `d${file / IN_FOLDER}`, 0o040755, 0, 0));
  const ino = expect(volume.root.create(folder, `f${file}`, 0o100644, 0, 0));
  content.fill(file);
  expect(volume.root.write(ino, 0, content, 0, content.length));
  if (file % LOOK_EVERY === 0) look();
}
look();
expect(volume.sync());
const writing = most;

volume = mounted();
most = 0;
const attributes = new Attributes();
const entry = new DirectoryEntry();
for (let file = 0; file < files; file++) {
  if (file % IN_FOLDER === 0) {
    folder = expect(volume.root.lookup(ROOT_INO, `d${file / IN_FOLDER}`));
    let names = 0;
    for (let cursor = 0; volume.root.readDirectory(folder, cursor, entry) === 1; cursor = entry.nextCursor) names++;
    if (names !== Math.min(IN_FOLDER, files - file)) throw new Error(`folder ${file / IN_FOLDER} has ${names} names`);
  }
  const ino = expect(volume.root.lookup(folder, `f${file}`));
  expect(volume.root.stat(ino, attributes));
  if (volume.root.read(ino, 0, content, 0, 4096) !== 4096 || content[4095] !== (file & 255))
    throw new Error(`file ${file} has other content`);
  if (file % LOOK_EVERY === 0) look();
}
look();
process.stdout.write(`${[before, writing, most].map((bytes) => (bytes / MIB).toFixed(1)).join(" ")}\n`);
device.close();

function look(): void {
  most = Math.max(most, held());
}

/**
 * Objects and buffers that somebody still refers to. Buffers go with the second collection: the first one finds that
 * nobody has their objects.
 */
function held(): number {
  collect!();
  collect!();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function mounted(): Volume {
  const result = mountDevices({ devices: [device] }, { cacheBytes });
  if (typeof result === "string") throw new Error(result);
  return result;
}

function expect(result: number): number {
  if (result < 0) throw new Error(`errno ${-result}`);
  return result;
}
