/** A disk in a file of the host, so that the system's own tools can judge what was written to it. */
import { closeSync, fstatSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import type { Disk } from "../disk/disk.ts";

export class DiskFile implements Disk {
  readonly #fd: number;

  /** @param size  makes the file anew with this size; without it an existing file is opened */
  constructor(path: string, size?: number) {
    this.#fd = openSync(path, size === undefined ? "r+" : "w+");
    if (size !== undefined) ftruncateSync(this.#fd, size);
  }

  get size(): number {
    return fstatSync(this.#fd).size;
  }

  read(offset: number, into: Uint8Array): void {
    if (readSync(this.#fd, into, 0, into.length, offset) !== into.length) throw new RangeError("beyond the end");
  }

  write(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.size) throw new RangeError("beyond the end");
    for (let done = 0; done < bytes.length;)
      done += writeSync(this.#fd, bytes, done, bytes.length - done, offset + done);
  }

  resize(size: number): void {
    ftruncateSync(this.#fd, size);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** Runs `body` with a folder that is gone afterwards. */
export function withFolder<T>(body: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "stratos-formats-"));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a tool of the system; `output` holds both of its streams. */
export function run(
  program: string,
  args: readonly string[],
  options: { input?: Uint8Array; env?: Record<string, string>; cwd?: string } = {},
): { status: number | null; output: string; stdout: Buffer } {
  const result = spawnSync(program, args, {
    maxBuffer: 1 << 28,
    ...options,
    env: {
      ...process.env,
      PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin`,
      LC_ALL: "C",
      TZ: "UTC",
      ...options.env,
    },
  });
  if (result.error !== undefined) throw result.error;
  return {
    status: result.status,
    output: `${result.stdout.toString("latin1")}${result.stderr.toString("latin1")}`,
    stdout: result.stdout,
  };
}
