/**
 * Artefacts by digest, in a folder.
 *
 *     sha256/ab/abcd…     a blob, whose content has this digest: it is renamed into place when that is proved
 *     uploads/abcd…       one that is not complete; its size is where the next piece goes
 */
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { HubError, notFound } from "../store/hub-error.ts";

interface BlobState {
  readonly offset: number;
  readonly isComplete: boolean;
}

export const BLOB_BYTES_MAX = 64 * 2 ** 30;

export class BlobStore {
  readonly #folder: string;
  /** Uploads that are being written by this hub. */
  readonly #busy = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(join(folder, "uploads"), { recursive: true, mode: 0o700 });
  }

  #path(digest: string): string {
    const hex = digest.slice("sha256:".length);
    return join(this.#folder, "sha256", hex.slice(0, 2), hex);
  }

  #uploadPath(digest: string): string {
    return join(this.#folder, "uploads", digest.slice("sha256:".length));
  }

  /** Null: there is none. */
  size(digest: string): number | null {
    return statSync(this.#path(digest), { throwIfNoEntry: false })?.size ?? null;
  }

  state(digest: string): BlobState {
    const size = this.size(digest);
    if (size !== null) return { offset: size, isComplete: true };
    return { offset: statSync(this.#uploadPath(digest), { throwIfNoEntry: false })?.size ?? 0, isComplete: false };
  }

  /**
   * Appends to an upload. The last byte makes it a blob.
   *
   * @throws HubError 409 where the piece does not begin at the upload's end, or another one is being written; 422 when
   *   the whole has another digest, and then the upload begins anew
   */
  async write(
    digest: string,
    { offset, size, content }: { offset: number; size: number; content: AsyncIterable<Uint8Array> },
  ): Promise<BlobState> {
    const before = this.state(digest);
    if (before.isComplete) return before;
    if (this.#busy.has(digest))
      throw new HubError(409, "upload-busy", "this artefact is being uploaded by somebody else");
    if (offset !== before.offset)
      throw new HubError(409, "upload-offset", `the upload goes on at ${before.offset}`, {
        headers: { "Upload-Offset": String(before.offset) },
      });
    this.#busy.add(digest);
    try {
      const file = await open(this.#uploadPath(digest), "a", 0o600);
      let end = offset;
      try {
        for await (const piece of content) {
          if (end + piece.length > size)
            throw new HubError(413, "too-large", `more than the ${size} bytes that were announced`);
          await file.write(piece);
          end += piece.length;
        }
        await file.sync();
      } finally {
        await file.close();
      }
      if (end < size) return { offset: end, isComplete: false };
      await this.#complete(digest);
      return { offset: size, isComplete: true };
    } finally {
      this.#busy.delete(digest);
    }
  }

  async #complete(digest: string): Promise<void> {
    const path = this.#uploadPath(digest);
    const hash = createHash("sha256");
    for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== digest) {
      await rm(path, { force: true });
      throw new HubError(422, "wrong-digest", `what came has the digest ${found}`);
    }
    mkdirSync(join(this.#path(digest), ".."), { recursive: true, mode: 0o700 });
    renameSync(path, this.#path(digest));
  }

  /** @throws HubError 404 */
  read(digest: string, range: { readonly start: number; readonly end: number }): ReadableStream<Uint8Array> {
    if (this.size(digest) === null) throw notFound(`artefact ${digest}`);
    if (range.end < range.start) return new ReadableStream({ start: (controller) => controller.close() });
    return Readable.toWeb(createReadStream(this.#path(digest), range)) as ReadableStream<Uint8Array>;
  }

  remove(digest: string): void {
    rmSync(this.#path(digest), { force: true });
  }

  /** Uploads that nobody has gone on with for so long. */
  removeStaleUploads(ageMs: number, nowMs: number): number {
    let removed = 0;
    for (const name of readdirSync(join(this.#folder, "uploads"))) {
      const path = join(this.#folder, "uploads", name);
      const modified = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? nowMs;
      if (nowMs - modified < ageMs || this.#busy.has(`sha256:${name}`)) continue;
      rmSync(path, { force: true });
      removed++;
    }
    return removed;
  }
}
