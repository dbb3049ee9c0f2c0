/**
 * What a system's program has written, with streams and times, and what sizes its terminal had: frames (sdk, frames.ts)
 * of `LogEntry` (terminal-history.ts) and the bytes.
 * Two files, each up to 8 MiB: when the newer one is full it takes the place of the older one.
 */
import { closeSync, constants, existsSync, fstatSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { readWhole } from "@stratos/host-node/files";
import { encodeFrame, type Frame, FrameReader } from "@stratos/sdk/wire";
import type { LogEntry } from "./terminal-history.ts";

/** Its path may become another while the log is open. */
interface LogFolder {
  readonly path: string;
}

const FILE_BYTES_MAX = 8 << 20;

export class OutputLog {
  readonly #folder: LogFolder;
  /** Of the newer file; null: it was closed. */
  #fd: number | null;
  #size: number;

  constructor(folder: LogFolder) {
    this.#folder = folder;
    this.#fd = openLog(pathIn(folder.path));
    this.#size = fstatSync(this.#fd).size;
  }

  /** After `close` nothing is kept. */
  append(entry: LogEntry, bytes: Uint8Array): void {
    if (this.#fd === null) return;
    const frame = encodeFrame(entry, bytes);
    if (this.#size + frame.length > FILE_BYTES_MAX) this.#fd = this.#turn(this.#fd);
    writeSync(this.#fd, frame);
    this.#size += frame.length;
  }

  /** A descriptor is given up only once there is another: its number is soon somebody else's. */
  #turn(full: number): number {
    const path = pathIn(this.#folder.path);
    // Absent: the last time ended here.
    if (existsSync(path)) renameSync(path, `${path}.old`);
    const fd = openLog(path);
    this.#size = 0;
    closeSync(full);
    return fd;
  }

  close(): void {
    const fd = this.#fd;
    this.#fd = null;
    if (fd !== null) closeSync(fd);
  }
}

/** All that is kept, the oldest first. What a write was cut short in is left out. */
export function readLog(folder: string): Frame[] {
  const frames: Frame[] = [];
  for (const path of [`${pathIn(folder)}.old`, pathIn(folder)]) {
    if (!existsSync(path)) continue;
    try {
      new FrameReader((frame) => void frames.push(frame)).push(readWhole(path));
    } catch {
      // Damaged from there on: the rest of this file cannot be told apart.
    }
  }
  return frames;
}

/** For a system that starts anew. */
export function forgetLog(folder: string): void {
  for (const path of [`${pathIn(folder)}.old`, pathIn(folder)]) rmSync(path, { force: true });
}

function pathIn(folder: string): string {
  return join(folder, "output");
}

function openLog(path: string): number {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;
  return openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
}
