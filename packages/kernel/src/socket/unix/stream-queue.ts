import { EAGAIN } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { ByteRing } from "../byte-ring.ts";
import { type Ancillary, type IncomingMessage, type PeerCredentials, UNKNOWN_SENDER } from "../message.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { InFlightFiles } from "./in-flight-files.ts";

/** Something that begins at a byte of the stream: files, or another sender. */
interface Mark {
  readonly position: number;
  /** Where the bytes sent together with `rights` end. */
  readonly end: number;
  rights: OpenFile[] | null;
  readonly credentials: PeerCredentials | null;
}

/** Bytes that a queue takes when the machine's memory for sockets is full. */
const SCARCE_ROOM = 4096;

/**
 * What waits to be received by a stream socket. Most streams are bytes only; files and credentials are marks beside
 * them. A read that comes to bytes with files goes on to their end, and no further (unix(7), SCM_RIGHTS). Bound: the
 * sender's SO_SNDBUF, and SCARCE_ROOM once the machine's sockets are full: each goes on, in small steps.
 */
export class StreamQueue {
  #ring = new ByteRing();
  #marks: Mark[] = [];
  #inFlight: InFlightFiles;
  /** Sender of the last bytes written, and of the next to be read. */
  #writer: PeerCredentials | null = null;
  #reader: PeerCredentials | null = null;

  constructor(inFlight: InFlightFiles) {
    this.#inFlight = inFlight;
  }

  get length(): number {
    return this.#ring.length;
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
    const credentials = ancillary?.credentials ?? sender;
    const changes = credentials !== null && !isSame(credentials, this.#writer);
    if (ancillary?.rights || changes) {
      const rights = ancillary?.rights ?? null;
      if (rights !== null) this.#inFlight.add(rights);
      this.#marks.push({ position, end: position + moved, rights, credentials });
      if (credentials !== null) this.#writer = credentials;
    }
    return moved;
  }

  /**
   * Moves bytes and what belongs to them; files go to `message.rights` with their reference.
   *
   * @param withCredentials  SO_PASSCRED: bytes of different senders stay apart
   */
  read(to: IoCursor, message: IncomingMessage, peek: boolean, withCredentials: boolean): number {
    let done = 0;
    let reader = this.#reader;
    let mark = 0;
    while (to.remaining > 0 && this.#ring.length - (peek ? done : 0) > 0) {
      const position = this.#ring.readPosition + (peek ? done : 0);
      let most = this.#ring.length;
      const here = this.#marks[mark];
      if (here !== undefined && here.position <= position) {
        const isOthers = here.credentials !== null && !isSame(here.credentials, reader);
        if (done > 0 && withCredentials && isOthers) break;
        reader = here.credentials ?? reader;
        if (here.rights !== null) {
          most = here.end - position;
          message.rights = peek ? here.rights.map((file) => file.retain()) : here.rights;
          if (!peek) this.#inFlight.remove(here.rights);
        }
        if (peek) mark++;
        else this.#marks.shift();
      }
      const following = this.#marks[mark];
      if (following !== undefined) most = Math.min(most, following.position - position);
      const moved = this.#ring.readTo(to, most, peek, peek ? done : 0);
      if (moved < 0) {
        if (done === 0) return moved;
        break;
      }
      done += moved;
      if (!peek) this.#inFlight.memory.bytes -= moved;
      if (message.rights !== null || moved === 0) break;
    }
    if (withCredentials && done > 0) message.credentials = reader ?? UNKNOWN_SENDER;
    if (!peek) this.#reader = reader;
    return done;
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
    for (const mark of this.#marks.splice(0)) {
      if (mark.rights === null) continue;
      this.#inFlight.remove(mark.rights);
      for (const file of mark.rights) file.release();
    }
  }

  static {
    stateClass("StreamQueue", this, {
      save: (it) => ({
        ring: it.#ring,
        marks: it.#marks,
        inFlight: it.#inFlight,
        writer: it.#writer,
        reader: it.#reader,
      }),
      load: (it, from) =>
        ({ ring: it.#ring, marks: it.#marks, inFlight: it.#inFlight, writer: it.#writer, reader: it.#reader } = from),
    });
  }
}

function isSame(one: PeerCredentials, other: PeerCredentials | null): boolean {
  return other !== null && one.pid === other.pid && one.uid === other.uid && one.gid === other.gid;
}
