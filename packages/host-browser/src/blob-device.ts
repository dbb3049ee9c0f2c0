/** A blob (a file that somebody chose, for instance) as a read-only block device. */
import { HttpBlockDevice } from "./http-block-device.ts";

/** What is used of a Blob. */
export interface SyncBlob {
  readonly size: number;
  slice(start: number, end: number): SyncBlob;
}

/** Reads without waiting; workers have it. */
declare const FileReaderSync: new () => { readAsArrayBuffer(blob: SyncBlob): ArrayBuffer };

/** Bytes that are asked for at once: each read of a blob asks another process. */
const WINDOW_BYTES = 1 << 20;

/** A blob that is read from its beginning to its end, again and again. */
export class BlobReader {
  readonly size: number;
  readonly #blob: SyncBlob;
  #window: { readonly start: number; readonly bytes: Uint8Array } = { start: 0, bytes: new Uint8Array(0) };

  constructor(blob: SyncBlob) {
    this.#blob = blob;
    this.size = blob.size;
  }

  /** @returns bytes read: fewer at the end. @throws Error  the file was changed, or is gone */
  read(position: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.size - position));
    for (let done = 0; done < count;) {
      const { start, bytes } = this.#windowAt(position + done);
      const part = bytes.subarray(position + done - start).subarray(0, count - done);
      into.set(part, done);
      done += part.length;
    }
    return count;
  }

  #windowAt(position: number): { readonly start: number; readonly bytes: Uint8Array } {
    const { start, bytes } = this.#window;
    if (position >= start && position < start + bytes.length) return this.#window;
    const slice = this.#blob.slice(position, Math.min(this.size, position + WINDOW_BYTES));
    return (this.#window = { start: position, bytes: new Uint8Array(new FileReaderSync().readAsArrayBuffer(slice)) });
  }
}

/** Its pieces are kept as those that come from a server: each read of a blob asks another process. */
export function blobDevice(blob: SyncBlob): HttpBlockDevice {
  return new HttpBlockDevice(blob.size, (start, length) => {
    try {
      return new Uint8Array(new FileReaderSync().readAsArrayBuffer(blob.slice(start, start + length)));
    } catch (error) {
      return `the file cannot be read any more: ${(error as Error).message}`;
    }
  });
}
