/**
 * Pieces that were fetched, in two files of the origin: the pieces one after the other, and rows that name them.
 *
 *     rows    16 bytes of the name | f64 place | u32 length | u32 0      little-endian
 *
 * A name is that of the content (`pieceHash`), which is held against it when a piece is read: so it does not matter
 * what a crash leaves, nor in which order. What is put in waits in memory until `settle`.
 */
import { hashDigits, pieceHash } from "../pack/pack-index.ts";
import { readAll, type SyncAccessHandle, writeAll } from "../opfs-block-device.ts";

const ROW = 32;
const NAME_BYTES = 16;
/** Bytes that wait in memory at most. */
const WAITING_MAX: number = 4 * 2 ** 20;

export class PieceStore {
  readonly #data: SyncAccessHandle;
  readonly #rows: SyncAccessHandle;
  readonly #places = new Map<string, { readonly at: number; readonly length: number }>();
  readonly #waiting = new Map<string, Uint8Array>();
  #waitingBytes = 0;
  #end: number;
  #rowsEnd: number;
  /** The browser gives no more room: what comes is not kept. */
  isFull = false;
  /** Bytes of the pieces that are kept. */
  bytes = 0;

  constructor(data: SyncAccessHandle, rows: SyncAccessHandle) {
    this.#data = data;
    this.#rows = rows;
    this.#end = data.getSize();
    this.#rowsEnd = Math.floor(rows.getSize() / ROW) * ROW;
    const bytes = new Uint8Array(this.#rowsEnd);
    if (rows.read(bytes, { at: 0 }) < bytes.length) this.#rowsEnd = 0;
    const view = new DataView(bytes.buffer);
    for (let row = 0; row < this.#rowsEnd; row += ROW) {
      const at = view.getFloat64(row + NAME_BYTES, true);
      const length = view.getUint32(row + NAME_BYTES + 8, true);
      if (!(at >= 0 && at + length <= this.#end)) continue;
      this.#note(hashDigits(bytes.subarray(row, row + NAME_BYTES)), at, length);
    }
  }

  get count(): number {
    return this.#places.size + this.#waiting.size;
  }

  has(hash: string): boolean {
    return this.#places.has(hash) || this.#waiting.has(hash);
  }

  /** Null when it is not here, or not whole: then it is forgotten. */
  get(hash: string): Uint8Array | null {
    const waiting = this.#waiting.get(hash);
    if (waiting !== undefined) return waiting;
    const place = this.#places.get(hash);
    if (place === undefined) return null;
    const bytes = new Uint8Array(place.length);
    try {
      readAll(this.#data, bytes, place.at);
    } catch {
      // As if it were not here.
    }
    if (pieceHash(bytes) === hash) return bytes;
    this.#places.delete(hash);
    this.bytes -= place.length;
    return null;
  }

  /** @param bytes  whose name it is; they are kept, not copied */
  put(hash: string, bytes: Uint8Array): void {
    if (this.isFull || this.has(hash)) return;
    this.#waiting.set(hash, bytes);
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > WAITING_MAX) this.settle();
  }

  /** Writes what waits: one write of pieces, one of rows. */
  settle(): void {
    if (this.#waiting.size === 0) return;
    const data = new Uint8Array(this.#waitingBytes);
    const rows = new Uint8Array(this.#waiting.size * ROW);
    const view = new DataView(rows.buffer);
    const placed: [string, number, number][] = [];
    let at = 0,
      row = 0;
    for (const [hash, bytes] of this.#waiting) {
      data.set(bytes, at);
      for (let byte = 0; byte < NAME_BYTES; byte++)
        rows[row + byte] = Number.parseInt(hash.slice(byte * 2, byte * 2 + 2), 16);
      view.setFloat64(row + NAME_BYTES, this.#end + at, true);
      view.setUint32(row + NAME_BYTES + 8, bytes.length, true);
      placed.push([hash, this.#end + at, bytes.length]);
      at += bytes.length;
      row += ROW;
    }
    this.#waiting.clear();
    this.#waitingBytes = 0;
    try {
      writeAll(this.#data, data, this.#end);
      writeAll(this.#rows, rows, this.#rowsEnd);
    } catch {
      this.isFull = true;
      return;
    }
    this.#end += data.length;
    this.#rowsEnd += rows.length;
    for (const [hash, place, length] of placed) this.#note(hash, place, length);
  }

  close(): void {
    this.settle();
    this.#data.close();
    this.#rows.close();
  }

  #note(hash: string, at: number, length: number): void {
    this.bytes += length - (this.#places.get(hash)?.length ?? 0);
    this.#places.set(hash, { at, length });
  }
}
