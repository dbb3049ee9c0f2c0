/**
 * Artefacts that a worker has fetched, by digest, within a bound of bytes: sources that several tasks build (for other
 * architectures, again after a failure, for a rebuild) are fetched once. What was used longest ago goes. A file that is
 * taken from here has proved its digest as one that was fetched has; one that has not is fetched again.
 */
import { createHash } from "node:crypto";
import { constants, createReadStream, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { copyFile, utimes } from "node:fs/promises";
import { join } from "node:path";
import type { ArtefactCacheView } from "@stratos/hub-api";

type Fetch = (digest: string, path: string, signal?: AbortSignal) => Promise<void>;

export class ArtefactCache {
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #fetch: Fetch;
  /** Bytes by digest; what was used longest ago is in front. */
  readonly #entries = new Map<string, number>();
  #bytes = 0;
  #hits = 0;
  #misses = 0;

  /** @param folder  of this worker alone; what is in it from before is taken over */
  constructor(folder: string, { bytesMax, fetch }: { readonly bytesMax: number; readonly fetch: Fetch }) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
    this.#fetch = fetch;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found: { digest: string; bytes: number; usedMs: number }[] = [];
    for (const name of readdirSync(folder)) {
      const { size, mtimeMs } = statSync(join(folder, name));
      // Anything else is of a worker that was killed.
      if (/^[0-9a-f]{64}$/.test(name)) found.push({ digest: `sha256:${name}`, bytes: size, usedMs: mtimeMs });
      else rmSync(join(folder, name), { recursive: true, force: true });
    }
    for (const { digest, bytes } of found.sort((a, b) => a.usedMs - b.usedMs)) this.#add(digest, bytes);
  }

  get counts(): ArtefactCacheView {
    return { hits: this.#hits, misses: this.#misses, entries: this.#entries.size, bytes: this.#bytes };
  }

  /** @throws what fetching throws */
  async copyTo(digest: string, path: string, signal?: AbortSignal): Promise<void> {
    if (await this.#take(digest, path)) {
      this.#hits++;
      return;
    }
    this.#misses++;
    await this.#fetch(digest, path, signal);
    const bytes = statSync(path).size;
    if (bytes > this.#bytesMax || this.#entries.has(digest)) return;
    const draft = `${this.#path(digest)}.part-${this.#misses}`;
    try {
      await copyFile(path, draft, constants.COPYFILE_FICLONE);
      renameSync(draft, this.#path(digest));
      this.#add(digest, bytes);
    } catch {
      // A disk without room: the task has its file, and the next one fetches its own.
      rmSync(draft, { force: true });
    }
  }

  #path(digest: string): string {
    return join(this.#folder, digest.slice("sha256:".length));
  }

  async #take(digest: string, path: string): Promise<boolean> {
    const bytes = this.#entries.get(digest);
    if (bytes === undefined) return false;
    try {
      await copyFile(this.#path(digest), path, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      if ((await digestOf(path)) !== digest) throw new Error("damaged");
    } catch {
      rmSync(path, { force: true });
      this.#remove(digest);
      return false;
    }
    // For who comes after a restart.
    const now = new Date();
    await utimes(this.#path(digest), now, now).catch(() => {});
    if (this.#entries.delete(digest)) this.#entries.set(digest, bytes);
    return true;
  }

  #add(digest: string, bytes: number): void {
    if (this.#entries.has(digest)) return;
    this.#entries.set(digest, bytes);
    this.#bytes += bytes;
    for (const eldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#remove(eldest);
    }
  }

  #remove(digest: string): void {
    const bytes = this.#entries.get(digest);
    if (bytes === undefined) return;
    this.#entries.delete(digest);
    this.#bytes -= bytes;
    rmSync(this.#path(digest), { force: true });
  }
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return `sha256:${hash.digest("hex")}`;
}
