/**
 * Artefacts by digest. A store holds a blob whole and with that digest, or not at all, whatever is killed when.
 */
import type { BlobState, UploadPiece } from "./uploads.ts";

export const BLOB_BYTES_MAX = 64 * 2 ** 30;

export interface BlobStore {
  /** Bytes of a blob; null: there is none. */
  size(digest: string): Promise<number | null>;
  /** How much of it is there. */
  state(digest: string): Promise<BlobState>;
  /**
   * Appends to an upload, or begins it anew at 0. The last byte makes it a blob.
   *
   * @throws HubError 409 where the piece does not begin at the upload's end, or another one is being written; 413; 422
   *   when the whole has another digest, and then the upload begins anew; 503 when the storage is away
   */
  write(digest: string, piece: UploadPiece): Promise<BlobState>;
  /** @param range  both bytes included. @throws HubError 404, 503 */
  read(digest: string, range: ByteRange): Promise<ReadableStream<Uint8Array>>;
  /** An address from which whoever knows it may read the blob for some minutes; null: it is read through the hub. */
  address(digest: string): Promise<string | null>;
  /** Lends the blob as a file to what needs one, while `work` lasts. @throws HubError 404, 503 */
  withFile<T>(digest: string, work: (path: string) => Promise<T>): Promise<T>;
  remove(digest: string): Promise<void>;
  list(): AsyncIterable<ListedBlob>;
  /** Of a folder: bytes that still go into it. */
  room?(): Promise<number>;
  /** Uploads that nobody has gone on with since. @returns how many */
  removeStaleUploads(beforeMs: number): Promise<number>;
}

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ListedBlob {
  readonly digest: string;
  readonly modifiedMs: number;
}

/** `sha256/ab/abcd…`, by which folders and buckets name a blob. */
export function blobName(digest: string): string {
  const hex = digest.slice("sha256:".length);
  return `sha256/${hex.slice(0, 2)}/${hex}`;
}

/** Null: it is the name of something else. */
export function digestOfName(name: string): string | null {
  const match = /^sha256\/([0-9a-f]{2})\/(\1[0-9a-f]{62})$/.exec(name);
  return match === null ? null : `sha256:${match[2]!}`;
}
