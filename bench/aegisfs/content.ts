/**
 * Content through the library: 96 MiB of words by 1 MiB, written and made durable, then read and verified from a volume
 * that is mounted anew. MB for each second of processor time, all threads counted, and for each second of the clock.
 * Codecs, threads and vector instructions are those of `stratos fs`.
 */
import {
  COMPRESS_LZ4,
  COMPRESS_ZSTD,
  EncryptedDevice,
  format,
  ROOT_INO,
  withCompression,
  type Volume,
} from "@stratos/aegisfs";
import { MemoryBlockDevice, type BlockDevice } from "@stratos/host";
import { nodeCipher } from "@stratos/host-node";
import { mountDevices } from "@stratos/tools-node/volumes";
import { median } from "../statistics.ts";

interface ContentRow {
  readonly name: string;
  /** MB per second of processor time, and of the clock: medians of the rounds. */
  readonly written: number;
  readonly read: number;
  readonly writtenByClock: number;
  readonly readByClock: number;
  /** For both, in MB per second of processor time; null: none was set. */
  readonly goal: number | null;
}

const MIB = 1 << 20;
const PIECES = 96;

interface Kind {
  readonly name: string;
  readonly goal: number | null;
  readonly devices: () => BlockDevice[];
  readonly properties?: number;
  readonly copies?: number;
}

const plainDevice = (): BlockDevice[] => [memoryDevice()];
const KINDS: readonly Kind[] = [
  { name: "plain (FS-09)", goal: 2000, devices: plainDevice },
  { name: "LZ4", goal: null, devices: plainDevice, properties: withCompression(0, COMPRESS_LZ4, 0) },
  { name: "zstd level 1", goal: null, devices: plainDevice, properties: withCompression(0, COMPRESS_ZSTD, 1) },
  { name: "AES-256-GCM", goal: null, devices: encryptedDevice },
  { name: "two copies", goal: null, devices: () => [...plainDevice(), ...plainDevice()], copies: 2 },
];

export function* measureContent(rounds: number): Generator<ContentRow> {
  const text = words();
  for (const kind of KINDS) {
    const results: Figures[] = [];
    // The first round is translated while it runs.
    for (let round = 0; round <= rounds; round++) {
      const result = measureOnce(kind, text);
      if (round > 0) results.push(result);
    }
    const of = (key: keyof Figures): number => median(results.map((result) => result[key]));
    yield {
      name: kind.name,
      goal: kind.goal,
      written: of("written"),
      read: of("read"),
      writtenByClock: of("writtenByClock"),
      readByClock: of("readByClock"),
    };
  }
}

type Figures = Record<"written" | "read" | "writtenByClock" | "readByClock", number>;

function measureOnce({ devices: make, properties = 0, copies = 1 }: Kind, text: Uint8Array): Figures {
  const devices = make();
  const failed = format(devices.length === 1 ? devices[0]! : devices, {
    uuid: new Uint8Array(16),
    hashSeed: 7,
    properties,
    copies,
  });
  if (failed !== 0) throw new Error(failed);
  const volume = mounted(devices);
  const ino = expect(volume.root.create(ROOT_INO, "content", 0o100644, 0, 0));
  const write = timed(() => {
    for (let piece = 0; piece < PIECES; piece++)
      if (volume.root.write(ino, piece * MIB, text, (piece % 7) * MIB, MIB) !== MIB) throw new Error("short write");
    expect(volume.sync());
  });
  const cold = mounted(devices);
  const target = new Uint8Array(MIB);
  const read = timed(() => {
    for (let piece = 0; piece < PIECES; piece++)
      if (cold.root.read(ino, piece * MIB, target, 0, MIB) !== MIB) throw new Error("short read");
  });
  if (Buffer.compare(target, text.subarray(((PIECES - 1) % 7) * MIB, (((PIECES - 1) % 7) + 1) * MIB)) !== 0)
    throw new Error("other content than was written");
  const mb = (PIECES * MIB) / 1e6;
  return {
    written: mb / write.cpu,
    read: mb / read.cpu,
    writtenByClock: mb / write.clock,
    readByClock: mb / read.clock,
  };
}

/** Seconds of processor time of all threads, and of the clock. */
function timed(run: () => void): { cpu: number; clock: number } {
  const before = process.cpuUsage();
  const start = performance.now();
  run();
  const clock = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / 1e6, clock };
}

function mounted(devices: readonly BlockDevice[]): Volume {
  const volume = mountDevices({ devices });
  if (typeof volume === "string") throw new Error(volume);
  return volume;
}

/** Its pages are the host's already: what the host does to give them is no work of ours. */
function memoryDevice(): BlockDevice {
  const device = new MemoryBlockDevice(256 * MIB);
  const zeros = new Uint8Array(MIB);
  for (let at = 0; at < device.size; at += MIB) device.write(at, zeros, 0, MIB);
  return device;
}

function encryptedDevice(): BlockDevice[] {
  const made = EncryptedDevice.create(
    memoryDevice(),
    nodeCipher,
    new Uint8Array(16),
    new TextEncoder().encode("bench"),
  );
  if (typeof made === "string") throw new Error(made);
  return [made.device];
}

/** 8 MiB of words: level 1 of Zstandard makes a third of them. */
function words(): Uint8Array {
  const parts: string[] = [];
  let state = 7;
  for (let length = 0; length < 8 * MIB; length += parts.at(-1)!.length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const word = (state >>> 8) % ((state >>> 29) % 4 === 0 ? 30_000 : 300);
    parts.push(`${(Math.imul(word, 2654435761) >>> (word & 15)).toString(16)}${word % 2 === 0 ? " " : "ing "}`);
  }
  return new TextEncoder().encode(parts.join("")).subarray(0, 8 * MIB);
}

function expect(result: number): number {
  if (result < 0) throw new Error(`errno ${-result}`);
  return result;
}

export function contentLine({ name, written, read, writtenByClock, readByClock, goal }: ContentRow): string {
  const rounded = (value: number): string => Math.round(value).toLocaleString("en").padStart(6);
  return (
    `  ${name.padEnd(16)} written ${rounded(written)}, read verified ${rounded(read)} MB per CPU second; ` +
    `${rounded(writtenByClock)}, ${rounded(readByClock)} by the clock${goal === null ? "" : ` (goal ${goal})`}`
  );
}
