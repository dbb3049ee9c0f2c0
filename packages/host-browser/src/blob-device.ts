/** A blob (a file that somebody chose, for instance) as a read-only block device. */
import { HttpBlockDevice } from "./http-block-device.ts";

/** What is used of a Blob. */
export interface SyncBlob {
  readonly size: number;
  slice(start: number, end: number): SyncBlob;
}

/** Reads without waiting; workers have it. */
declare const FileReaderSync: new () => { readAsArrayBuffer(blob: SyncBlob): ArrayBuffer };

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
