import { Attributes, DirectoryEntry } from "@stratos/aegisfs";
import { byteString } from "@stratos/base";
import type { FuseDevice } from "./device.ts";
import {
  Q_GID,
  Q_LENGTH,
  Q_UID,
  Q_UNIQUE,
  R_ERROR,
  R_LENGTH,
  R_UNIQUE,
  REPLY_AT,
  REPLY_DATA_AT,
  REPLY_HEADER_SIZE,
  REQUEST_AT,
} from "./wire/layout.ts";

/** The request at hand and its answer: words and bytes of the device's memory, and scratch for what is asked. */
export class Exchange {
  readonly device: FuseDevice;
  readonly words: Uint32Array;
  readonly bytes: Uint8Array;
  readonly attributes = new Attributes();
  readonly entry = new DirectoryEntry();
  /** Requests that failed. */
  failed = 0;

  constructor(device: FuseDevice) {
    this.device = device;
    this.words = new Uint32Array(device.memory);
    this.bytes = new Uint8Array(device.memory);
  }

  get uid(): number {
    return this.words[Q_UID]!;
  }

  get gid(): number {
    return this.words[Q_GID]!;
  }

  /** The name that begins at byte `at` of the request, up to its zero byte. */
  name(at: number): string {
    const { bytes } = this;
    let end = at;
    const limit = REQUEST_AT + this.words[Q_LENGTH]!;
    while (end < limit && bytes[end] !== 0) end++;
    return byteString(bytes, at, end);
  }

  /** Puts a byte string at the start of the payload; returns its length. */
  putText(text: string): number {
    for (let index = 0; index < text.length; index++) this.bytes[REPLY_DATA_AT + index] = text.charCodeAt(index);
    return text.length;
  }

  /** Answers the request at hand: `result` bytes of payload, or a negated errno. */
  reply(result: number): void {
    const { words } = this;
    if (result < 0) {
      this.failed++;
      words[R_LENGTH] = REPLY_HEADER_SIZE;
      words[R_ERROR] = result;
    } else {
      words[R_LENGTH] = REPLY_HEADER_SIZE + result;
      words[R_ERROR] = 0;
    }
    words[R_UNIQUE] = words[Q_UNIQUE]!;
    words[R_UNIQUE + 1] = words[Q_UNIQUE + 1]!;
    // Whoever asked may be gone (ENOENT): its request was served all the same, as when it had died a moment later.
    this.device.send(REPLY_AT, words[R_LENGTH]!);
  }
}
