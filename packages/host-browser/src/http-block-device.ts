/**
 * A read-only block device over a file that a web server gives in parts (RFC 9110 §14). A read waits for the answer: a
 * synchronous request, which workers may make and pages may not. What was read is kept, and who reads on gets more at a
 * time, because each request costs a round trip.
 */
import { EIO } from "@stratos/abi";
import { ReadOnlyDevice } from "./read-only-device.ts";
import { requestNow } from "./sync-request.ts";
import { requestFile, statusWords } from "./web-file.ts";

/** A part of the file, or why there is none, for people. */
export type FetchPart = (start: number, length: number) => Uint8Array | string;

export interface HttpDeviceOptions {
  /** Called once, with words for people, when a part could not be had: programs only see EIO. */
  readonly onFailure?: (words: string) => void;
}

const BLOCK = 4096;
/** Bytes of a piece: what is asked for at least. Larger ones fetch more in vain, smaller ones cost more trips. */
const PIECE = 65536;
/** Most pieces of one request, after a long run of reads on. */
const RUN_MAX = 16;
/** Pieces kept: 32 MiB. The kernel keeps the pages that programs use, so this is for what lies beside them. */
const KEPT_MAX = 512;

export class HttpBlockDevice extends ReadOnlyDevice {
  readonly size: number;
  /** Bytes that came over the network, and in how many requests. */
  fetchedBytes = 0;
  requests = 0;
  readonly #fetchPart: FetchPart;
  readonly #onFailure: (words: string) => void;
  /** By index, the one used last at the end. */
  readonly #pieces = new Map<number, Uint8Array>();
  /** The piece behind the last request, and how many that had. */
  #next = -1;
  #run = 1;
  #hasFailed = false;

  /** @param size  bytes of the file; an odd end is left away */
  constructor(size: number, fetchPart: FetchPart, options: HttpDeviceOptions = {}) {
    super();
    this.size = Math.floor(size / BLOCK) * BLOCK;
    this.#fetchPart = fetchPart;
    this.#onFailure = options.onFailure ?? (() => {});
  }

  /** @throws Error with words for people when the server has no such file, or gives no parts of it */
  static async open(url: string, options: HttpDeviceOptions = {}): Promise<HttpBlockDevice> {
    const answer = await requestFile(url, { headers: { range: "bytes=0-0" } });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`${url}: ${statusWords(answer.status)}`);
    const size = Number(/^bytes 0-0\/(\d+)$/.exec(answer.headers.get("content-range") ?? "")?.[1]);
    if (answer.status !== 206 || !Number.isSafeInteger(size))
      throw new Error(`${url}: the server does not give parts of files (Range requests)`);
    return new HttpBlockDevice(size, synchronousPart(url, answer.headers.get("etag")), options);
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (offset < 0 || offset + length > this.size) return -EIO;
    for (let done = 0; done < length;) {
      const index = Math.floor((offset + done) / PIECE);
      const piece = this.#piece(index, Math.floor((offset + length - 1) / PIECE));
      if (piece === null) return -EIO;
      const within = (offset + done) % PIECE;
      const count = Math.min(length - done, PIECE - within);
      bytes.set(piece.subarray(within, within + count), at + done);
      done += count;
    }
    return 0;
  }

  /** Forgets what was kept; it may still be read. */
  close(): void {
    this.#pieces.clear();
  }

  /** @param last  index of the last piece that the read needs */
  #piece(index: number, last: number): Uint8Array | null {
    const kept = this.#pieces.get(index);
    if (kept !== undefined) {
      this.#pieces.delete(index);
      this.#pieces.set(index, kept);
      return kept;
    }
    this.#run = index === this.#next ? Math.min(this.#run * 2, RUN_MAX) : 1;
    const wanted = Math.min(Math.max(this.#run, last - index + 1), RUN_MAX);
    let count = 1;
    while (count < wanted && (index + count) * PIECE < this.size && !this.#pieces.has(index + count)) count++;
    this.#next = index + count;
    const start = index * PIECE;
    const length = Math.min(count * PIECE, this.size - start);
    const part = this.#fetchPart(start, length);
    this.requests++;
    if (typeof part === "string" || part.length !== length) {
      this.#fail(typeof part === "string" ? part : `${part.length} bytes came instead of ${length}`);
      return null;
    }
    this.fetchedBytes += length;
    // From the back, so that the piece that is wanted is the last to be dropped.
    for (let step = count - 1; step >= 0; step--)
      this.#pieces.set(index + step, part.subarray(step * PIECE, (step + 1) * PIECE));
    for (const old of this.#pieces.keys()) {
      if (this.#pieces.size <= KEPT_MAX) break;
      this.#pieces.delete(old);
    }
    return this.#pieces.get(index)!;
  }

  #fail(words: string): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#onFailure(words);
  }
}

/** Tries of a request that got no answer. */
const TRIES = 3;

/** @param etag  of the file when it was opened: another one is another file */
function synchronousPart(url: string, etag: string | null): FetchPart {
  return (start, length) => {
    let failure = "";
    for (let tries = 0; tries < TRIES; tries++) {
      const answer = requestNow(url, { range: `bytes=${start}-${start + length - 1}` });
      if (answer === null) {
        failure = `${url}: ${statusWords(null)}`;
        continue;
      }
      if (answer.status !== 206) return `${url}: ${statusWords(answer.status)}`;
      if (answer.header("etag") !== etag) return `${url}: the file is not the one that was opened`;
      return answer.bytes;
    }
    return failure;
  };
}
