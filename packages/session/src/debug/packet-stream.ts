/**
 * Packets of gdb's remote protocol ("Debugging with GDB", appendix E.1): `$data#checksum`, each acknowledged by `+`, or
 * asked for again by `-`, until both sides agree to do without. Data is kept as byte strings. A byte 3 outside of
 * packets interrupts.
 */
import { byteStringOf } from "@stratos/base";

/** Bytes of the longest packet that is taken; told to the other side as PacketSize. */
export const PACKET_MAX = 0x20000;

const DOLLAR = 0x24,
  HASH = 0x23,
  PLUS = 0x2b,
  MINUS = 0x2d,
  ESCAPE = 0x7d,
  INTERRUPT = 3;
/** Bytes that stand for something in data (E.1); the last begins a run of one byte. */
const SPECIAL = /[$#}*]/g;

interface PacketReceiver {
  onPacket(data: string): void;
  onInterrupt(): void;
}

export class PacketStream {
  readonly #write: (bytes: Uint8Array) => void;
  readonly #receiver: PacketReceiver;
  #state: "outside" | "data" | "checksum" = "outside";
  /** As it came, escapes included. */
  #data = "";
  #isTooLong = false;
  #checksum = "";
  #last: Uint8Array | null = null;
  hasAcknowledgements = true;

  constructor(write: (bytes: Uint8Array) => void, receiver: PacketReceiver) {
    this.#write = write;
    this.#receiver = receiver;
  }

  feed(bytes: Uint8Array): void {
    for (const byte of bytes) this.#take(byte);
  }

  /** @param data  a byte string */
  send(data: string): void {
    const escaped = data.replace(SPECIAL, (char) => `}${String.fromCharCode(char.charCodeAt(0) ^ 0x20)}`);
    this.#last = byteStringOf(`$${escaped}#${hexByte(sumOf(escaped))}`);
    this.#write(this.#last);
  }

  #take(byte: number): void {
    if (this.#state === "checksum") {
      this.#checksum += String.fromCharCode(byte);
      if (this.#checksum.length === 2) this.#finish();
    } else if (byte === DOLLAR) {
      // Also in the midst of data, where it is escaped: the rest of that packet was lost.
      this.#state = "data";
      this.#data = "";
      this.#isTooLong = false;
    } else if (this.#state === "data") {
      if (byte === HASH) {
        this.#state = "checksum";
        this.#checksum = "";
      } else if (this.#data.length < PACKET_MAX) this.#data += String.fromCharCode(byte);
      else this.#isTooLong = true;
    } else if (byte === INTERRUPT) this.#receiver.onInterrupt();
    else if (byte === MINUS && this.hasAcknowledgements && this.#last !== null) this.#write(this.#last);
    else if (byte === PLUS) this.#last = null;
  }

  #finish(): void {
    this.#state = "outside";
    const isWhole = this.#checksum.toLowerCase() === hexByte(sumOf(this.#data)) && !this.#isTooLong;
    if (this.hasAcknowledgements) this.#write(Uint8Array.of(isWhole ? PLUS : MINUS));
    if (isWhole) this.#receiver.onPacket(unescape(this.#data));
  }
}

function unescape(data: string): string {
  const escape = String.fromCharCode(ESCAPE);
  if (!data.includes(escape)) return data;
  let text = "";
  for (let at = 0; at < data.length; at++)
    text += data[at] === escape ? String.fromCharCode(data.charCodeAt(++at) ^ 0x20) : data[at];
  return text;
}

function sumOf(data: string): number {
  let sum = 0;
  for (let at = 0; at < data.length; at++) sum = (sum + data.charCodeAt(at)) & 0xff;
  return sum;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** The bytes that hexadecimal digits tell, as a byte string. */
export function textOfHex(hex: string): string {
  return (hex.match(/[0-9a-f]{2}/g) ?? []).map((byte) => String.fromCharCode(parseInt(byte, 16))).join("");
}
