/**
 * Records of a send stream (SEND-FORMAT.md): a head of 12 bytes (length of the payload, type, checksum), then the
 * payload. Numbers are little-endian; a *pair* is a 64-bit number, low word first.
 */
import { crc32c } from "@stratos/base";

export const RecordType = {
  begin: 1,
  inode: 2,
  removeInode: 3,
  entry: 4,
  removeEntry: 5,
  attribute: 6,
  removeAttribute: 7,
  inline: 8,
  removeInline: 9,
  data: 10,
  hole: 11,
  preallocated: 12,
  mark: 13,
  end: 14,
} as const;
export type RecordType = (typeof RecordType)[keyof typeof RecordType];

export const STREAM_MAGIC = "AEGISND1";
export const HEAD_SIZE = 12;
/** A data record of 64 blocks and its head fit with room to spare. */
export const PAYLOAD_MAX = 1 << 20;

/** What a stream is of: no two snapshots anywhere have the same. */
export interface SnapshotIdentity {
  /** 16 bytes. */
  readonly uuid: Uint8Array;
  readonly id: number;
  readonly generation: number;
}

export function sameIdentity(a: SnapshotIdentity, b: SnapshotIdentity): boolean {
  return a.id === b.id && a.generation === b.generation && a.uuid.every((byte, index) => byte === b.uuid[index]);
}

/** Collects records in one growing buffer. */
export class RecordWriter {
  #bytes = new Uint8Array(1 << 18);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;
  #start = 0;

  get length(): number {
    return this.#length;
  }

  /** What was written and not taken yet, valid until the next call. */
  peek(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** All that was written, valid until the next call. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  begin(type: RecordType): this {
    this.#start = this.#length;
    return this.word(0).word(type).word(0);
  }

  word(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#length, value, true);
    this.#length += 4;
    return this;
  }

  pair(value: number): this {
    return this.word(value >>> 0).word(Math.floor(value / 0x100000000) >>> 0);
  }

  bytes(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** Length, then the bytes of a byte string. */
  text(text: string): this {
    this.word(text.length);
    this.#reserve(text.length);
    for (let index = 0; index < text.length; index++) this.#bytes[this.#length++] = text.charCodeAt(index);
    return this;
  }

  /** Room for `length` bytes, to be filled at once. */
  space(length: number): Uint8Array {
    this.#reserve(length);
    this.#length += length;
    return this.#bytes.subarray(this.#length - length, this.#length);
  }

  end(): void {
    this.#view.setUint32(this.#start, this.#length - this.#start - HEAD_SIZE, true);
    this.#view.setUint32(this.#start + 8, recordChecksum(this.#bytes.subarray(this.#start, this.#length)), true);
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}

/** Why a stream is refused. */
export class StreamError {
  readonly what: string;
  /** The fault lies in the way here, not in what was sent: another transfer may go on where this one broke. */
  readonly canGoOn: boolean;

  constructor(what: string, canGoOn = false) {
    this.what = what;
    this.canGoOn = canGoOn;
  }
}

/** Reads one payload. Throws StreamError where it ends too early. */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  word(): number {
    return this.#view.getUint32(this.#take(4), true);
  }

  /** A pair below 2^53. */
  pair(): number {
    const low = this.word();
    const high = this.word();
    if (high >= 1 << 21) throw new StreamError("a number is too large");
    return low + high * 0x100000000;
  }

  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(lengthMax: number): string {
    const length = this.word();
    if (length > lengthMax) throw new StreamError("a text is too long");
    let text = "";
    for (const byte of this.bytes(length)) text += String.fromCharCode(byte);
    return text;
  }

  rest(): Uint8Array {
    return this.bytes(this.#bytes.length - this.#at);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length > this.#bytes.length - at) throw new StreamError("a record is too short");
    this.#at += length;
    return at;
  }
}

export function readIdentity(payload: PayloadReader): SnapshotIdentity {
  return { uuid: payload.bytes(16).slice(), id: payload.word(), generation: payload.pair() };
}

export function writeIdentity(writer: RecordWriter, identity: SnapshotIdentity | null): void {
  writer
    .bytes(identity?.uuid ?? new Uint8Array(16))
    .word(identity?.id ?? 0)
    .pair(identity?.generation ?? 0);
}

/** CRC-32C of a record's size, type and payload: all but the checksum itself. */
export function recordChecksum(record: Uint8Array): number {
  return crc32c(record, HEAD_SIZE, record.length, crc32c(record, 0, 8));
}
