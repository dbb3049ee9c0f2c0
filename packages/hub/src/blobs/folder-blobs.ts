/**
 * Artefacts in a folder, which several hubs may share.
 *
 *     sha256/ab/abcd…     a blob: it is renamed into place when its digest is proved
 *     uploads/abcd…       one that is not complete
 */
import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rename, rm, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { notFound } from "../store/hub-error.ts";
import { blobName, digestOfName, type BlobStore, type ByteRange, type ListedBlob } from "./blob-store.ts";
import { statIfThere, Uploads, type BlobState, type UploadPiece } from "./uploads.ts";

export class FolderBlobs implements BlobStore {
  readonly #folder: string;
  readonly #uploads: Uploads;

  constructor(folder: string) {
    this.#folder = folder;
    this.#uploads = new Uploads(join(folder, "uploads"));
  }

  #path(digest: string): string {
    return join(this.#folder, blobName(digest));
  }

  async size(digest: string): Promise<number | null> {
    return (await statIfThere(this.#path(digest)))?.size ?? null;
  }

  async state(digest: string): Promise<BlobState> {
    return this.#uploads.state(digest, await this.size(digest));
  }

  async write(digest: string, piece: UploadPiece): Promise<BlobState> {
    return this.#uploads.write(digest, await this.size(digest), piece, async (path) => {
      const place = this.#path(digest);
      await mkdir(dirname(place), { recursive: true, mode: 0o700 });
      await rename(path, place);
      // Its row is about to say that it is there: a power cut must not make a lie of it.
      const folder = await open(dirname(place));
      await folder.sync().finally(() => folder.close());
    });
  }

  async read(digest: string, { start, end }: ByteRange): Promise<ReadableStream<Uint8Array>> {
    if ((await this.size(digest)) === null) throw notFound(`artefact ${digest}`);
    if (end < start) return new ReadableStream({ start: (stream) => stream.close() });
    return Readable.toWeb(createReadStream(this.#path(digest), { start, end })) as ReadableStream<Uint8Array>;
  }

  async room(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#folder);
    return bavail * bsize;
  }

  async address(): Promise<null> {
    return null;
  }

  async withFile<T>(digest: string, work: (path: string) => Promise<T>): Promise<T> {
    if ((await this.size(digest)) === null) throw notFound(`artefact ${digest}`);
    return work(this.#path(digest));
  }

  async remove(digest: string): Promise<void> {
    await rm(this.#path(digest), { force: true });
  }

  async *list(): AsyncGenerator<ListedBlob> {
    const root = join(this.#folder, "sha256");
    if ((await statIfThere(root)) === null) return;
    for (const beginning of await readdir(root))
      for (const name of await readdir(join(root, beginning))) {
        const digest = digestOfName(`sha256/${beginning}/${name}`);
        const found = digest === null ? null : await statIfThere(this.#path(digest));
        if (found !== null) yield { digest: digest!, modifiedMs: found.mtimeMs };
      }
  }

  removeStaleUploads(beforeMs: number): Promise<number> {
    return this.#uploads.removeStale(beforeMs);
  }
}
