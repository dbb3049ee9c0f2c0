/**
 * What goes over a connection: packets with a head of five words, most significant byte first.
 *
 *     0  length of what follows       4  stream, or 0xffffffff: a command
 *     8  where in the stream, s64    16  how to seek there; its upper bits tell of shared memory
 *
 * A command is handed on as a whole; bytes of a stream as they come, since nobody needs them together.
 */
import { NO_INDEX } from "./commands.ts";
import { WireError } from "./tags.ts";

const HEAD = 20;
/** PulseAudio takes 16 MiB of either; a command has lists of a program's properties at most. */
const COMMAND_MAX = 1 << 18;
const DATA_MAX = 1 << 24;
/** PA_FLAG_SEEKMASK; nobody has agreed to shared memory. */
const SEEK_MASK = 0xff;

export interface PacketEvents {
  /** The bytes hold until the call returns, here and below. */
  onCommand(bytes: Uint8Array): void;
  /** The first bytes of a packet for a stream are at that place; what comes after them goes on there. */
  onSeek(stream: number, offset: number, mode: number): void;
  onBytes(stream: number, bytes: Uint8Array): void;
}

export class PacketReader {
  readonly #events: PacketEvents;
  readonly #head = new Uint8Array(HEAD);
  readonly #view = new DataView(this.#head.buffer);
  #headBytes = 0;
  /** Of what follows the head: how many are still to come. */
  #left = 0;
  #stream = NO_INDEX;
  /** What has come of a command that is not whole. */
  #command: Uint8Array | null = null;

  constructor(events: PacketEvents) {
    this.#events = events;
  }

  /** @throws WireError */
  feed(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#headBytes < HEAD) {
        const count = Math.min(HEAD - this.#headBytes, bytes.length - at);
        this.#head.set(bytes.subarray(at, at + count), this.#headBytes);
        this.#headBytes += count;
        at += count;
        if (this.#headBytes === HEAD) this.#begin();
        continue;
      }
      const count = Math.min(this.#left, bytes.length - at);
      this.#take(bytes.subarray(at, at + count));
      at += count;
    }
  }

  #begin(): void {
    const view = this.#view;
    this.#left = view.getUint32(0);
    this.#stream = view.getUint32(4);
    const flags = view.getUint32(16);
    if ((flags & ~SEEK_MASK) !== 0) throw new WireError("shared memory, which was not agreed to");
    if (this.#stream === NO_INDEX) {
      if (flags !== 0 || this.#left === 0 || this.#left > COMMAND_MAX)
        throw new WireError(`a command of ${this.#left} bytes`);
      return;
    }
    if (this.#left > DATA_MAX) throw new WireError(`a packet of ${this.#left} bytes`);
    this.#events.onSeek(this.#stream, view.getInt32(8) * 2 ** 32 + view.getUint32(12), flags);
    if (this.#left === 0) this.#headBytes = 0;
  }

  #take(bytes: Uint8Array): void {
    this.#left -= bytes.length;
    const isWhole = this.#left === 0;
    if (isWhole) this.#headBytes = 0;
    if (this.#stream !== NO_INDEX) return this.#events.onBytes(this.#stream, bytes);
    if (this.#command === null && isWhole) return this.#events.onCommand(bytes);
    const command = (this.#command ??= new Uint8Array(this.#view.getUint32(0)));
    command.set(bytes, command.length - this.#left - bytes.length);
    if (!isWhole) return;
    this.#command = null;
    this.#events.onCommand(command);
  }
}

export function commandPacket(command: Uint8Array): Uint8Array {
  const packet = new Uint8Array(HEAD + command.length);
  const view = new DataView(packet.buffer);
  view.setUint32(0, command.length);
  view.setUint32(4, NO_INDEX);
  packet.set(command, HEAD);
  return packet;
}
