/**
 * Artefacts in a bucket of S3-compatible storage, under the names that a folder has for them. What is uploaded is first
 * gathered in a folder of this hub, so that nothing but a whole blob of the right digest ever gets a name in the
 * bucket, and an upload goes on after a restart.
 */
import { createWriteStream } from "node:fs";
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { S3Error, type S3Bucket } from "@stratos/host-node/s3";
import { HubError, notFound } from "../store/hub-error.ts";
import { blobName, digestOfName, type BlobStore, type ByteRange, type ListedBlob } from "./blob-store.ts";
import { digestOfFile, Uploads, type BlobState, type UploadPiece } from "./uploads.ts";

interface BucketBlobsOptions {
  /** Of this hub alone: uploads, and blobs that a program reads as files. */
  readonly folder: string;
  /** Whether readers are sent to the storage itself. */
  readonly isRedirected: boolean;
}

const ADDRESS_SECONDS = 600;
const READ_TRIES_MAX = 3;

export class BucketBlobs implements BlobStore {
  readonly #bucket: S3Bucket;
  readonly #isRedirected: boolean;
  readonly #uploads: Uploads;

  constructor(bucket: S3Bucket, { folder, isRedirected }: BucketBlobsOptions) {
    this.#bucket = bucket;
    this.#isRedirected = isRedirected;
    this.#uploads = new Uploads(folder);
  }

  /** @throws S3Error when the bucket cannot be listed: it is not there, or this hub may not */
  async check(): Promise<void> {
    for await (const _ of this.#bucket.list("sha256/")) return;
  }

  size(digest: string): Promise<number | null> {
    return ask(() => this.#bucket.size(blobName(digest)));
  }

  async state(digest: string): Promise<BlobState> {
    return this.#uploads.state(digest, await this.size(digest));
  }

  async write(digest: string, piece: UploadPiece): Promise<BlobState> {
    return this.#uploads.write(digest, await this.size(digest), piece, (path) =>
      ask(() => this.#bucket.writeFile(blobName(digest), path)),
    );
  }

  async read(digest: string, range: ByteRange): Promise<ReadableStream<Uint8Array>> {
    if (range.end < range.start) return new ReadableStream({ start: (stream) => stream.close() });
    const content = await ask(() => this.#bucket.read(blobName(digest), range));
    if (content === null) throw notFound(`artefact ${digest}`);
    return content;
  }

  async address(digest: string): Promise<string | null> {
    return this.#isRedirected ? this.#bucket.signedUrl(blobName(digest), ADDRESS_SECONDS) : null;
  }

  async withFile<T>(digest: string, work: (path: string) => Promise<T>): Promise<T> {
    const path = this.#uploads.path(`read-${randomUUID()}`);
    try {
      await ask(() => this.#fetch(digest, path));
      return await work(path);
    } finally {
      await rm(path, { force: true });
    }
  }

  async #fetch(digest: string, path: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const content = await this.#bucket.read(blobName(digest));
      if (content === null) throw notFound(`artefact ${digest}`);
      try {
        await pipeline(Readable.fromWeb(content as Parameters<typeof Readable.fromWeb>[0]), createWriteStream(path));
        break;
      } catch (error) {
        // A full disk here is none of the storage's.
        if ((error as NodeJS.ErrnoException).syscall === "write") throw error;
        if (attempt === READ_TRIES_MAX)
          throw new S3Error("the connection broke while it was read", 0, { cause: error });
      }
    }
    const found = await digestOfFile(path);
    if (found !== digest) throw new Error(`artefact ${digest}: damaged in the bucket, its digest there is ${found}`);
  }

  remove(digest: string): Promise<void> {
    return ask(() => this.#bucket.remove(blobName(digest)));
  }

  async *list(): AsyncGenerator<ListedBlob> {
    for await (const { key, modifiedMs } of this.#bucket.list("sha256/")) {
      const digest = digestOfName(key);
      if (digest !== null) yield { digest, modifiedMs };
    }
  }

  async removeStaleUploads(beforeMs: number): Promise<number> {
    return (await this.#uploads.removeStale(beforeMs)) + (await this.#bucket.abortUploads("sha256/", beforeMs));
  }
}

/** Clients try again what answers so. */
async function ask<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    throw new HubError(503, "artefacts-away", `the storage of artefacts: ${error.message}`, { cause: error });
  }
}
