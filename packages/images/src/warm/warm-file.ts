/**
 * The file of a warm start. Each run of its program reads all of it, so that it is as it will lie in memory: not
 * packed, and with checksums that the host computes by itself.
 *
 * ```
 * a FileHead  "STRATOSW", with a CRC-32: WarmHead
 * two parts, each: f64 length, u32 CRC-32, bytes
 *   session   what MachineSession.save gave
 *   root      a saved state: the MemoryBlockDevice of its root
 * ```
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import * as zlib from "node:zlib";
import { crc32, FileHead } from "@stratos/base";
import { failedAt, readFully, writeFully } from "@stratos/host-node/files";

/** What a machine must be like to go on from there. */
export interface WarmHead {
  /** Of the sources that made it: what a machine consists of changes from build to build. */
  readonly build: string;
  /** What names the content of its image (`layerContent`). */
  readonly content: string;
  readonly memoryBytes: number;
  readonly harts: number;
  /** As runs name it: a byte string. */
  readonly program: string;
}

const PART_HEADER = 12;

/** Node's own from 22.2 on. */
const checksum: (bytes: Uint8Array) => number =
  typeof zlib.crc32 === "function" ? (bytes) => zlib.crc32(bytes) : (bytes) => crc32(bytes);
const HEAD = new FileHead<WarmHead>({
  magic: "STRATOSW",
  version: 1,
  name: "warm start",
  headBytesMax: 1 << 16,
  checksum,
});

/** Readable by its owner alone: what lies in a machine's memory is theirs. @returns bytes written */
export function writeWarmFile(path: string, head: WarmHead, parts: readonly [Uint8Array, Uint8Array]): number {
  const fd = openSync(path, "wx", 0o600);
  try {
    writeFully(fd, HEAD.encode(head));
    for (const part of parts) {
      const header = new DataView(new ArrayBuffer(PART_HEADER));
      header.setFloat64(0, part.length, true);
      header.setUint32(8, checksum(part), true);
      writeFully(fd, new Uint8Array(header.buffer));
      writeFully(fd, part);
    }
    return fstatSync(fd).size;
  } catch (error) {
    throw failedAt(path, error);
  } finally {
    closeSync(fd);
  }
}

/** @throws StateError, and what the host says */
export function readWarmHead(path: string): WarmHead {
  return withFile(path, (fd) => {
    const start = new Uint8Array(HEAD.bytesMax);
    return HEAD.decode(start.subarray(0, readFully(fd, start, 0))).head as WarmHead;
  });
}

/** @throws StateError, and what the host says */
export function readWarmParts(path: string): [session: Uint8Array, root: Uint8Array] {
  return withFile(path, (fd) => {
    // All of it is written at once: no zeroes are needed before.
    const file = new Uint8Array(Buffer.allocUnsafeSlow(fstatSync(fd).size).buffer);
    if (readFully(fd, file, 0) < file.length) throw HEAD.damaged("cut short");
    const view = new DataView(file.buffer);
    let at = HEAD.decode(file).end;
    const part = (): Uint8Array => {
      if (at + PART_HEADER > file.length) throw HEAD.damaged("cut short");
      const length = view.getFloat64(at, true);
      const expected = view.getUint32(at + 8, true);
      at += PART_HEADER;
      if (!(Number.isInteger(length) && length >= 0 && at + length <= file.length)) throw HEAD.damaged("cut short");
      const bytes = file.subarray(at, (at += length));
      if (checksum(bytes) !== expected) throw HEAD.damaged("a checksum is another");
      return bytes;
    };
    const parts: [Uint8Array, Uint8Array] = [part(), part()];
    if (at !== file.length) throw HEAD.damaged("bytes behind its end");
    return parts;
  });
}

function withFile<T>(path: string, read: (fd: number) => T): T {
  const fd = openSync(path, "r");
  try {
    return read(fd);
  } finally {
    closeSync(fd);
  }
}
