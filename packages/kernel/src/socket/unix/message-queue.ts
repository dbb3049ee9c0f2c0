import { EAGAIN, MSG_PEEK, MSG_TRUNC } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import { type Ancillary, type IncomingMessage, type PeerCredentials, UNKNOWN_SENDER } from "../message.ts";
import type { FilesInFlight } from "../files-in-flight.ts";
import type { SocketOptions } from "../socket-options.ts";

/** One message that waits. `cost` is what it takes of the sender's SO_SNDBUF. */
interface QueuedMessage<Sender> {
  readonly bytes: Uint8Array;
  readonly rights: OpenFile[] | null;
  readonly credentials: PeerCredentials | null;
  readonly sender: Sender;
  readonly cost: number;
  /** Of an empty one: MSG_PEEK has found it. */
  isPeeked: boolean;
}

/** Who reads them: a socket. */
interface MessageReader<Sender> {
  readonly options: SocketOptions;
  tellSender(message: IncomingMessage, sender: Sender): void;
}

/** What a message of so many bytes takes of a buffer: roughly what Linux allocates for it (SKB_TRUESIZE). */
export function messageCost(length: number): number {
  return 256 + Math.ceil((length + 320) / 512) * 512;
}

/**
 * Messages whose borders are kept: datagrams and sequenced packets. Bound: SO_SNDBUF of each sender, and one message
 * once the machine's sockets are full, as long as all of them have no more than twice as much.
 */
export class MessageQueue<Sender> {
  #messages: QueuedMessage<Sender>[] = [];
  #head = 0;
  #inFlight: FilesInFlight;

  constructor(inFlight: FilesInFlight) {
    this.#inFlight = inFlight;
  }

  get count(): number {
    return this.#messages.length - this.#head;
  }

  /** The machine's sockets are full, and here waits a message already. */
  get isScarce(): boolean {
    return this.count > 0 && this.#inFlight.memory.isFull;
  }

  /** There is no room in the machine for another of so many bytes, whatever waits here. */
  refuses(length: number): boolean {
    return this.#inFlight.memory.refuses(messageCost(length));
  }

  /** Bytes of all messages. Work: one step each. */
  get length(): number {
    let sum = 0;
    for (let at = this.#head; at < this.#messages.length; at++) sum += this.#messages[at]!.bytes.length;
    return sum;
  }

  /** Length of the first message, 0 when none waits. */
  get firstLength(): number {
    return this.count === 0 ? 0 : this.#messages[this.#head]!.bytes.length;
  }

  push(
    bytes: Uint8Array,
    ancillary: Ancillary | null,
    sender: { credentials: PeerCredentials | null; socket: Sender },
  ): void {
    const rights = ancillary?.rights ?? null;
    if (rights !== null) this.#inFlight.add(rights);
    this.#inFlight.memory.bytes += messageCost(bytes.length);
    this.#messages.push({
      bytes,
      rights,
      credentials: ancillary?.credentials ?? sender.credentials,
      sender: sender.socket,
      cost: messageCost(bytes.length),
      isPeeked: false,
    });
  }

  /**
   * Moves the first message to the caller, or with MSG_PEEK the rest of the one where SO_PEEK_OFF is; what doesn't fit
   * is lost, with MSG_TRUNC in `message.flags`. Work: one step a message that is passed over.
   *
   * @returns bytes moved, with MSG_TRUNC asked for all that there were; −EAGAIN (a peek, behind all of them), or
   *   −EFAULT (the message is lost, but to a peek)
   */
  read(to: IoCursor, message: IncomingMessage, flags: number, reader: MessageReader<Sender>): number {
    const { options } = reader;
    const peek = (flags & MSG_PEEK) !== 0;
    let at = this.#head;
    let skip = 0;
    if (peek && options.peekOffset >= 0) {
      // An empty message is found once (net/core/datagram.c, __skb_try_recv_from_queue).
      for (skip = options.peekOffset; ; at++) {
        const next = this.#messages[at];
        if (next === undefined) return -EAGAIN;
        const { length } = next.bytes;
        if (skip < length || (skip === 0 && !next.isPeeked)) break;
        skip -= length;
      }
    }
    const first = this.#messages[at]!;
    const length = first.bytes.length - skip;
    const count = Math.min(length, to.remaining);
    const moved = putWhole(to, first.bytes, skip, count);
    if (moved < 0) {
      if (peek) return moved;
      this.#drop(first);
      for (const file of first.rights ?? []) file.release();
      return moved;
    }
    if (moved < length) message.flags |= MSG_TRUNC;
    reader.tellSender(message, first.sender);
    if (options.wantsSender) message.credentials = first.credentials ?? UNKNOWN_SENDER;
    if (first.rights !== null) message.rights = peek ? first.rights.map((file) => file.retain()) : first.rights;
    options.movePeek(peek, peek ? moved : length);
    if (peek) first.isPeeked = length === 0;
    else this.#drop(first);
    return (flags & MSG_TRUNC) !== 0 ? length : moved;
  }

  #drop(first: QueuedMessage<Sender>): void {
    this.#head++;
    this.#inFlight.memory.bytes -= first.cost;
    if (first.rights !== null) this.#inFlight.remove(first.rights);
    if (this.#head > 32 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
  }

  /** The message at the front; undefined when none waits. */
  get first(): QueuedMessage<Sender> | undefined {
    return this.#messages[this.#head];
  }

  files(): OpenFile[] {
    const files: OpenFile[] = [];
    for (let at = this.#head; at < this.#messages.length; at++) {
      const { rights } = this.#messages[at]!;
      if (rights !== null) files.push(...rights);
    }
    return files;
  }

  /** Throws everything away; `dropped` is told of each message. */
  clear(dropped: (message: QueuedMessage<Sender>) => void): void {
    const messages = this.#messages.slice(this.#head);
    this.#messages = [];
    this.#head = 0;
    for (const message of messages) {
      this.#inFlight.memory.bytes -= message.cost;
      dropped(message);
      if (message.rights === null) continue;
      this.#inFlight.remove(message.rights);
      for (const file of message.rights) file.release();
    }
  }

  static {
    stateClass("unix.MessageQueue", this, {
      save: (it) => ({ messages: it.#messages, head: it.#head, inFlight: it.#inFlight }),
      load: (it, from) => ({ messages: it.#messages, head: it.#head, inFlight: it.#inFlight } = from),
    });
  }
}
