/**
 * The store of composes as a folder. Files are written beside their place and renamed, so that what has a name is
 * whole.
 */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writevSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ComposeStore, Pack } from "@stratos/compose";
import { failedAt, readFully, readIfThere, writeFully } from "@stratos/host-node/files";

/** Descriptors kept open; the least recently used is closed first. */
const OPEN_MAX = 128;
const VECTOR_MAX = 512;

export class ComposeFolder implements ComposeStore {
  readonly #folder: string;
  readonly #packs = new Map<string, FolderPack>();
  /** in order of use, the latest last */
  readonly #open = new Set<FolderPack>();
  readonly #folders = new Set<string>();
  #serial = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  read(path: string): Promise<Uint8Array | undefined> {
    return readIfThere(join(this.#folder, path));
  }

  async write(path: string, pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void> {
    const target = join(this.#folder, path);
    this.#ensureFolder(dirname(target));
    const temporary = `${target}.new.${process.pid}.${this.#serial++}`;
    const fd = openSync(temporary, "wx");
    try {
      if (Symbol.asyncIterator in pieces) for await (const piece of pieces) writeFully(fd, piece);
      else writeAll(fd, pieces);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw failedAt(target, error);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, target);
    this.#forget(path);
  }

  async remove(path: string): Promise<void> {
    this.#forget(path);
    await rm(join(this.#folder, path), { force: true, recursive: true });
  }

  open(path: string): Pack | undefined {
    let pack = this.#packs.get(path);
    if (pack === undefined) {
      pack = new FolderPack(join(this.#folder, path), (one) => this.#used(one));
      try {
        pack.ensureOpen();
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
      this.#packs.set(path, pack);
    }
    return pack;
  }

  fingerprint(path: string): string | undefined {
    const boot = bootId();
    if (boot === undefined) return undefined;
    const stats = statSync(join(this.#folder, path), { bigint: true, throwIfNoEntry: false });
    return stats === undefined
      ? undefined
      : [boot, stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(" ");
  }

  close(): void {
    for (const pack of this.#open) pack.close();
    this.#open.clear();
    this.#packs.clear();
  }

  #used(pack: FolderPack): void {
    this.#open.delete(pack);
    this.#open.add(pack);
    for (const oldest of this.#open) {
      if (this.#open.size <= OPEN_MAX) break;
      oldest.close();
      this.#open.delete(oldest);
    }
  }

  #ensureFolder(folder: string): void {
    if (this.#folders.has(folder)) return;
    mkdirSync(folder, { recursive: true });
    this.#folders.add(folder);
  }

  #forget(path: string): void {
    const pack = this.#packs.get(path);
    if (pack === undefined) return;
    pack.close();
    this.#open.delete(pack);
    this.#packs.delete(path);
  }
}

let knownBootId: string | undefined | null = null;

/** Of this start of the host: what was written before another may not have reached the disk, whatever its times say. */
function bootId(): string | undefined {
  if (knownBootId !== null) return knownBootId;
  try {
    knownBootId = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    knownBootId = undefined;
  }
  return knownBootId;
}

class FolderPack implements Pack {
  readonly #path: string;
  readonly #used: (pack: FolderPack) => void;
  #fd = -1;
  sizeBytes = 0;

  constructor(path: string, used: (pack: FolderPack) => void) {
    this.#path = path;
    this.#used = used;
  }

  ensureOpen(): void {
    if (this.#fd >= 0) return;
    this.#fd = openSync(this.#path, "r");
    this.sizeBytes = fstatSync(this.#fd).size;
    this.#used(this);
  }

  read(offset: number, into: Uint8Array): number {
    this.ensureOpen();
    return readFully(this.#fd, into, offset);
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

/** Small pieces are written together. */
function writeAll(fd: number, pieces: Iterable<Uint8Array>): void {
  let batch: Uint8Array[] = [];
  const flush = (): void => {
    let total = batch.reduce((sum, one) => sum + one.length, 0);
    while (total > 0) {
      const count = writevSync(fd, batch);
      total -= count;
      let skipped = count;
      while (batch.length > 0 && skipped >= batch[0]!.length) skipped -= batch.shift()!.length;
      if (skipped > 0) batch[0] = batch[0]!.subarray(skipped);
    }
    batch = [];
  };
  for (const piece of pieces) {
    if (piece.length === 0) continue;
    batch.push(piece);
    if (batch.length >= VECTOR_MAX) flush();
  }
  flush();
}
