import { EAGAIN } from "@stratos/abi";
import { ByteRing, stateClass } from "@stratos/base";
import { type Ancillary, type IncomingMessage, type PeerCredentials, UNKNOWN_SENDER } from "../message.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { FilesInFlight } from "../files-in-flight.ts";

/** Something that begins at a byte of the stream: files, or another sender. */
interface Mark {
  readonly position: number;
  /** Where the bytes sent together with `rights` end. */
  readonly end: number;
  rights: OpenFile[] | null;
  readonly credentials: PeerCredentials | null;
}

/** How bytes are received: MSG_PEEK, SO_PASSCRED, SO_OOBINLINE; of a peek, how many bytes it passes over at first. */
interface StreamRead {
  readonly peek: boolean;
  readonly withCredentials: boolean;
  readonly isInline: boolean;
  readonly skip: number;
}

/** Bytes that a queue takes when the machine's memory for sockets is full. */
const SCARCE_ROOM = 4096;

/**
 * What waits to be received by a stream socket. Most streams are bytes only; files and credentials are marks beside
 * them. A read that comes to bytes with files goes on to their end, and no further (unix(7), SCM_RIGHTS). Bound: the
 * sender's SO_SNDBUF, and SCARCE_ROOM once the machine's sockets are full: each goes on, in small steps.
 *
 * The last byte that was sent with MSG_OOB is urgent; a later one makes an ordinary byte of it. Taken out by MSG_OOB it
 * leaves a gap: its byte stays in the ring, is no one's any more, and reads stop there still (net/unix/af_unix.c,
 * manage_oob).
 */
export class StreamQueue {
  #ring = new ByteRing();
  #marks: Mark[] = [];
  #inFlight: FilesInFlight;
  /** Where the urgent byte is; −1: none. */
  #urgent = -1;
  /** Where urgent bytes were that have been taken, in order. */
  #gaps: number[] = [];
  /** Sender of the last bytes written, and of the next to be read. */
  #writer: PeerCredentials | null = null;
  #reader: PeerCredentials | null = null;

  constructor(inFlight: FilesInFlight) {
    this.#inFlight = inFlight;
  }

  get length(): number {
    return this.#ring.length - this.#gaps.length;
  }

  /** Bytes of the sender's room that are in use. */
  get cost(): number {
    return this.#ring.length;
  }

  get hasUrgent(): boolean {
    return this.#urgent >= 0;
  }

  /** SIOCATMARK: is the urgent byte next, or the place of one that was taken with no other behind it? */
  get isAtMark(): boolean {
    let at = this.#ring.readPosition;
    for (const gap of this.#gaps) {
      if (gap !== at) break;
      at++;
    }
    return this.#urgent >= 0 ? at === this.#urgent : at > this.#ring.readPosition;
  }

  /** The byte that was written last becomes the urgent one. */
  markUrgent(): void {
    this.#urgent = this.#ring.writePosition - 1;
  }

  /** Moves the urgent byte alone. 1, 0 when nothing may be moved, or −EFAULT. */
  readUrgent(to: IoCursor, peek: boolean): number {
    const moved = this.#ring.readTo(to, 1, true, this.#urgent - this.#ring.readPosition);
    if (!peek) {
      this.#gaps.push(this.#urgent);
      this.#urgent = -1;
    }
    return moved;
  }

  /**
   * Takes bytes while fewer than `capacity` wait; the first of them carries `ancillary`. −EAGAIN when there is no room,
   * −EFAULT.
   */
  write(from: IoCursor, capacity: number, ancillary: Ancillary | null, sender: PeerCredentials | null): number {
    const room = this.#inFlight.memory.isFull ? Math.min(capacity, SCARCE_ROOM) : capacity;
    if (this.#ring.length >= room) return -EAGAIN;
    const position = this.#ring.writePosition;
    const moved = this.#ring.writeFrom(from, room);
    if (moved <= 0) return moved;
    this.#inFlight.memory.bytes += moved;
    // Of bytes that nobody asked of behind such that bear a sender it is told that it isn't known (unix_skb_scm_eq).
    const credentials = ancillary?.credentials ?? sender ?? (this.#writer === null ? null : UNKNOWN_SENDER);
    const changes = credentials !== null && !isSame(credentials, this.#writer);
    if (ancillary?.rights || changes) {
      const rights = ancillary?.rights ?? null;
      if (rights !== null) this.#inFlight.add(rights);
      this.#marks.push({ position, end: position + moved, rights, credentials });
      if (credentials !== null) this.#writer = credentials;
    }
    return moved;
  }

  /** Nothing is asked for of bytes that wait: files that came with the first one are handed over all the same. */
  readNone(message: IncomingMessage, peek: boolean, withCredentials: boolean): void {
    const here = this.#marks[0];
    const begins = here !== undefined && here.position <= this.#ring.readPosition;
    if (withCredentials) message.credentials = (begins ? here.credentials : null) ?? this.#reader ?? UNKNOWN_SENDER;
    if (!begins || here.rights === null) return;
    message.rights = peek ? here.rights.map((file) => file.retain()) : here.rights;
    if (peek) return;
    this.#inFlight.remove(here.rights);
    here.rights = null;
  }

  /**
   * Moves bytes and what belongs to them, up to the urgent byte; files go to `message.rights` with their reference. An
   * urgent byte that comes first is dropped, unless it is `isInline`: then it is a byte like the others.
   *
   * @param withCredentials  SO_PASSCRED: bytes of different senders stay apart
   * @returns 0 when nothing is left
   */
  read(to: IoCursor, message: IncomingMessage, { peek, withCredentials, isInline, skip }: StreamRead): number {
    let done = 0;
    let passed = 0;
    let reader = this.#reader;
    let mark = 0;
    let gap = 0;
    if (skip > 0) {
      const { readPosition } = this.#ring;
      const start = this.#behind(skip, isInline);
      passed = start - readPosition;
      while (this.#gaps[gap]! < start) gap++;
      while (this.#marks[mark] !== undefined && this.#marks[mark]!.end <= start)
        reader = this.#marks[mark++]!.credentials ?? reader;
    }
    while (to.remaining > 0 && this.#ring.length > passed) {
      const position = this.#ring.readPosition + passed;
      const isGap = this.#gaps[gap] === position;
      const isUrgent = this.#urgent === position;
      if (done > 0 && (isUrgent || (isGap && this.#urgent < 0))) break;
      // Where a peek begins behind others, nobody asks whether it is urgent (af_unix.c, unix_stream_read_generic).
      if (isGap || (isUrgent && !isInline && skip <= 0)) {
        if (!peek) reader = this.#dropFirst() ?? reader;
        else {
          passed++;
          if (isGap) gap++;
          while (this.#marks[mark] !== undefined && this.#marks[mark]!.end <= position + 1)
            reader = this.#marks[mark++]!.credentials ?? reader;
        }
        continue;
      }
      let most = this.#ring.length;
      const here = this.#marks[mark];
      const begins = here !== undefined && here.position <= position;
      if (begins) {
        const isOthers = here.credentials !== null && !isSame(here.credentials, reader);
        if (done > 0 && withCredentials && isOthers) break;
        if (here.rights !== null) most = here.end - position;
      }
      for (const next of [this.#marks[begins ? mark + 1 : mark]?.position, this.#gaps[gap], this.#urgent])
        if (next !== undefined && next > position) most = Math.min(most, next - position);
      const moved = this.#ring.readTo(to, most, peek, passed);
      if (moved < 0) {
        if (done === 0) return moved;
        break;
      }
      // What came with bytes that can't be put anywhere waits with them.
      if (begins) {
        reader = here.credentials ?? reader;
        if (here.rights !== null) {
          message.rights = peek ? here.rights.map((file) => file.retain()) : here.rights;
          if (!peek) this.#inFlight.remove(here.rights);
        }
        if (peek) mark++;
        else this.#marks.shift();
      }
      done += moved;
      if (peek) passed += moved;
      else {
        this.#inFlight.memory.bytes -= moved;
        if (isUrgent && moved > 0) this.#urgent = -1;
      }
      if (message.rights !== null || moved === 0) break;
    }
    if (peek && done > 0 && message.rights === null) this.#lookOn(message, mark, withCredentials ? reader : undefined);
    if (withCredentials && done > 0) message.credentials = reader ?? UNKNOWN_SENDER;
    if (!peek) this.#reader = reader;
    return done;
  }

  /** The position where so many bytes are over, which are no gaps, nor an urgent one that comes first. */
  #behind(count: number, isInline: boolean): number {
    let at = this.#ring.readPosition;
    let gap = 0;
    while (this.#gaps[gap] === at) (at++, gap++);
    if (this.#urgent === at && !isInline) at++;
    for (let left = count; ; gap++) {
      const next = this.#gaps[gap];
      if (next === undefined || next > at + left) return at + left;
      left -= next - at;
      at = next + 1;
    }
  }

  /**
   * A peek that has no room left looks on for files all the same, up to another sender or an urgent byte
   * (net/unix/af_unix.c, unix_stream_read_generic). Work: one step a mark.
   *
   * @param reader  undefined: nobody asks who sent
   */
  #lookOn(message: IncomingMessage, from: number, reader: PeerCredentials | null | undefined): void {
    const stop = this.#urgent >= 0 ? this.#urgent : (this.#gaps[0] ?? Infinity);
    for (let index = from; index < this.#marks.length; index++) {
      const { position, rights, credentials } = this.#marks[index]!;
      if (position >= stop || (reader !== undefined && credentials !== null && !isSame(credentials, reader))) return;
      if (rights === null) continue;
      message.rights = rights.map((file) => file.retain());
      return;
    }
  }

  /** Drops the first byte, a gap or the urgent one, with what was sent with it alone. @returns its sender, if told */
  #dropFirst(): PeerCredentials | null {
    const position = this.#ring.readPosition;
    if (this.#gaps[0] === position) this.#gaps.shift();
    else this.#urgent = -1;
    this.#ring.discard(1);
    this.#inFlight.memory.bytes--;
    let sender: PeerCredentials | null = null;
    while (this.#marks[0] !== undefined && this.#marks[0].end <= position + 1) {
      const { rights, credentials } = this.#marks.shift()!;
      sender = credentials ?? sender;
      if (rights !== null) this.#release(rights);
    }
    return sender;
  }

  #release(rights: OpenFile[]): void {
    this.#inFlight.remove(rights);
    for (const file of rights) file.release();
  }

  /** Files on their way. */
  files(): OpenFile[] {
    const files: OpenFile[] = [];
    for (const mark of this.#marks) if (mark.rights !== null) files.push(...mark.rights);
    return files;
  }

  clear(): void {
    this.#inFlight.memory.bytes -= this.#ring.length;
    this.#ring.clear();
    this.#urgent = -1;
    this.#gaps = [];
    for (const { rights } of this.#marks.splice(0)) if (rights !== null) this.#release(rights);
  }

  static {
    stateClass("StreamQueue", this, {
      save: (it) => ({
        ring: it.#ring,
        marks: it.#marks,
        inFlight: it.#inFlight,
        urgent: it.#urgent,
        gaps: it.#gaps,
        writer: it.#writer,
        reader: it.#reader,
      }),
      load: (it, from) =>
        ({
          ring: it.#ring,
          marks: it.#marks,
          inFlight: it.#inFlight,
          urgent: it.#urgent,
          gaps: it.#gaps,
          writer: it.#writer,
          reader: it.#reader,
        } = from),
    });
  }
}

function isSame(one: PeerCredentials, other: PeerCredentials | null): boolean {
  return other !== null && one.pid === other.pid && one.uid === other.uid && one.gid === other.gid;
}
