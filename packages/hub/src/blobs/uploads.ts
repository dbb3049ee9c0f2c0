/** Uploads that are not complete, in a folder: a file each, whose size is where the next piece goes. */
import { createHash } from "node:crypto";
import { createReadStream, mkdirSync } from "node:fs";
import { open, readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { HubError } from "../store/hub-error.ts";

export interface BlobState {
  readonly offset: number;
  readonly isComplete: boolean;
}

export interface UploadPiece {
  readonly offset: number;
  /** Of the whole. */
  readonly size: number;
  readonly content: AsyncIterable<Uint8Array>;
}

export class Uploads {
  readonly #folder: string;
  /** Those that are being written by this hub. */
  readonly #busy = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Of a file that will be removed, like an upload, when nobody has written to it for long. */
  path(name: string): string {
    return join(this.#folder, name);
  }

  #uploadPath(digest: string): string {
    return this.path(digest.slice("sha256:".length));
  }

  async #offset(digest: string): Promise<number> {
    return (await statIfThere(this.#uploadPath(digest)))?.size ?? 0;
  }

  /** @param whole  bytes of the blob, where it is kept already; else null */
  async state(digest: string, whole: number | null): Promise<BlobState> {
    return { offset: whole ?? (await this.#offset(digest)), isComplete: whole !== null };
  }

  /**
   * @param whole  as of `state`: what is kept already is not sent again
   * @param keep  is lent the file when it is complete and its digest is proved, and may take it away
   */
  async write(
    digest: string,
    whole: number | null,
    { offset, size, content }: UploadPiece,
    keep: (path: string) => Promise<void>,
  ): Promise<BlobState> {
    if (whole !== null) return { offset: whole, isComplete: true };
    if (this.#busy.has(digest))
      throw new HubError(409, "upload-busy", "this artefact is being uploaded by somebody else");
    this.#busy.add(digest);
    try {
      const before = await this.#offset(digest);
      if (offset !== before && offset !== 0)
        throw new HubError(409, "upload-offset", `the upload goes on at ${before}`, {
          headers: { "Upload-Offset": String(before) },
        });
      const path = this.#uploadPath(digest);
      const file = await open(path, offset === 0 ? "w" : "a", 0o600);
      let end = offset;
      try {
        for await (const piece of content) {
          if (end + piece.length > size)
            throw new HubError(413, "too-large", `more than the ${size} bytes that were announced`);
          // All of it: on a disk that is almost full `write` writes less, and says so to who looks.
          await file.writeFile(piece);
          end += piece.length;
        }
        await file.sync();
      } finally {
        await file.close();
      }
      if (end < size) return { offset: end, isComplete: false };
      const found = await digestOfFile(path);
      if (found !== digest) {
        await rm(path, { force: true });
        throw new HubError(422, "wrong-digest", `what came has the digest ${found}`);
      }
      await keep(path);
      await rm(path, { force: true });
      return { offset: size, isComplete: true };
    } catch (error) {
      throw isDiskFull(error)
        ? new HubError(507, "no-space", "there is no room for artefacts at the hub; what came stays there", {
            headers: { "Retry-After": "60" },
            cause: error,
          })
        : error;
    } finally {
      this.#busy.delete(digest);
    }
  }

  async removeStale(beforeMs: number): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.#folder)) {
      const path = this.path(name);
      const found = await statIfThere(path);
      if (found === null || found.mtimeMs > beforeMs || this.#busy.has(`sha256:${name}`)) continue;
      await rm(path, { force: true });
      removed++;
    }
    return removed;
  }
}

const isDiskFull = (error: unknown): boolean =>
  ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code ?? "");

export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return `sha256:${hash.digest("hex")}`;
}

export async function statIfThere(path: string): Promise<{ size: number; mtimeMs: number } | null> {
  try {
    return await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}
