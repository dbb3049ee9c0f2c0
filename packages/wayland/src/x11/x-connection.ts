/**
 * A client of an X server (X Window System Protocol, X11 Release 7.7): requests out, replies, errors and events in. The
 * server is a program of the guest, and nothing that it says is believed to be whole, short or asked for.
 *
 *     request   u8 opcode  u8 of the request  u16 length in words   …
 *     reply     u8 1       u8 of the request  u16 sequence  u32 words beyond 32 bytes   …
 *     error     u8 0       …                  u16 sequence  …       32 bytes
 *     event     u8 code    …                                        32 bytes, of GenericEvent (35) more
 */
import { byteStringOf, concatBytes } from "@stratos/base";
import { bytes, record, uint32, whole } from "@stratos/base/value-check";

/** The setup's answer, a reply or an event beyond this ends the connection. */
const MESSAGE_BYTES_MAX = 1 << 20;
const PACKET_BYTES = 32;
const REPLY = 1,
  ERROR = 0,
  GENERIC_EVENT = 35;
const PROTOCOL_MAJOR = 11;
/** Replies that are waited for; a server that never answers gets no more questions. */
const PENDING_MAX = 4096;

/** null: an error came in its place, or none will come. */
type OnReply = (reply: DataView | null) => void;

/** What the setup says (Connection Setup). */
interface XSetup {
  /** Numbers for what the client makes: from here on. */
  readonly idBase: number;
  readonly root: number;
}

interface XConnectionOwner {
  /** The first answer: requests may be sent. */
  ready(setup: XSetup): void;
  /** An event, with its code, which is not that of an error or a reply. */
  event(code: number, event: DataView): void;
}

/** Arguments of a request, in the client's byte order, which is little-endian as the setup says. */
export class XRequest {
  readonly #bytes: number[];

  constructor(opcode: number, detail = 0) {
    this.#bytes = [opcode, detail, 0, 0];
  }

  u8(value: number): this {
    this.#bytes.push(value & 0xff);
    return this;
  }

  u16(...values: readonly number[]): this {
    for (const value of values) this.#bytes.push(value & 0xff, (value >>> 8) & 0xff);
    return this;
  }

  u32(...values: readonly number[]): this {
    for (const value of values) this.u16(value, value >>> 16);
    return this;
  }

  /** Ends at a multiple of four bytes. */
  bytes(content: Uint8Array): this {
    for (const byte of content) this.#bytes.push(byte);
    while (this.#bytes.length % 4 !== 0) this.#bytes.push(0);
    return this;
  }

  text(content: string): this {
    return this.bytes(byteStringOf(content));
  }

  take(): Uint8Array {
    const words = this.#bytes.length / 4;
    this.#bytes[2] = words & 0xff;
    this.#bytes[3] = words >>> 8;
    return Uint8Array.from(this.#bytes);
  }
}

export interface SavedXConnection {
  readonly inbox: Uint8Array;
  readonly sequence: number;
  readonly nextId: number;
}

export const isSavedXConnection = record({
  inbox: bytes(MESSAGE_BYTES_MAX),
  sequence: whole(0, 0xffff),
  nextId: uint32,
});

export class XConnection {
  readonly #send: (bytes: Uint8Array) => void;
  readonly #owner: XConnectionOwner;
  #inbox = new Uint8Array(0);
  /** What came and is being taken, then what came meanwhile. */
  #arrived: Uint8Array[] = [];
  #isReady = false;
  #isOver = false;
  #sequence = 0;
  #nextId = 0;
  readonly #pending: { readonly sequence: number; readonly onReply: OnReply }[] = [];

  constructor(send: (bytes: Uint8Array) => void, owner: XConnectionOwner) {
    this.#send = send;
    this.#owner = owner;
  }

  begin(): void {
    // Byte order "l", protocol 11.0, no authorization.
    this.#send(Uint8Array.of(0x6c, 0, PROTOCOL_MAJOR, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  }

  /** It waits for nothing. */
  get isAtRest(): boolean {
    return this.#isReady && !this.#isOver && this.#pending.length === 0;
  }

  /** Of one at rest. */
  save(): SavedXConnection {
    return { inbox: this.#inbox, sequence: this.#sequence, nextId: this.#nextId };
  }

  /** Instead of `begin`. */
  goOn({ inbox, sequence, nextId }: SavedXConnection): void {
    this.#isReady = true;
    this.#inbox = inbox.slice();
    this.#sequence = sequence;
    this.#nextId = nextId;
  }

  /** A number for something that a request makes. */
  newId(): number {
    return this.#nextId++;
  }

  request(request: XRequest): void {
    if (this.#isOver) return;
    this.#sequence = (this.#sequence + 1) & 0xffff;
    this.#send(request.take());
  }

  ask(request: XRequest, onReply: OnReply): void {
    if (this.#isOver || this.#pending.length >= PENDING_MAX) return onReply(null);
    this.#pending.push({ sequence: (this.#sequence + 1) & 0xffff, onReply });
    this.request(request);
  }

  /** @returns false: it is over, what came is none of the protocol's */
  receive(bytes: Uint8Array): boolean {
    if (this.#isOver) return false;
    this.#arrived.push(bytes);
    // An answer that comes at once, to what an event makes us ask, is taken behind that event.
    if (this.#arrived.length > 1) return true;
    try {
      for (let next = this.#arrived[0]; next !== undefined; next = this.#arrived[0]) {
        if (!this.#takeAll(next)) return false;
        this.#arrived.shift();
      }
      return true;
    } finally {
      this.#arrived = [];
    }
  }

  #takeAll(bytes: Uint8Array): boolean {
    const waiting = this.#inbox.length > 0 ? concatBytes([this.#inbox, bytes]) : bytes;
    let at = 0;
    for (;;) {
      const view = new DataView(waiting.buffer, waiting.byteOffset + at, waiting.length - at);
      const length = this.#isReady ? packetLength(view) : setupLength(view);
      if (length > MESSAGE_BYTES_MAX) return this.end();
      if (length === 0 || length > view.byteLength) break;
      at += length;
      const message = new DataView(waiting.buffer, view.byteOffset, length);
      if (!this.#isReady) {
        if (!this.#start(message)) return this.end();
      } else this.#take(message);
    }
    this.#inbox = waiting.slice(at);
    return true;
  }

  #start(answer: DataView): boolean {
    const VENDOR = 40;
    if (answer.getUint8(0) !== 1 || answer.byteLength < VENDOR) return false;
    const vendorBytes = (answer.getUint16(24, true) + 3) & ~3;
    const firstScreen = VENDOR + vendorBytes + 8 * answer.getUint8(29);
    if (answer.byteLength < firstScreen + 40 || answer.getUint8(28) < 1) return false;
    const idBase = answer.getUint32(12, true);
    this.#nextId = idBase;
    this.#isReady = true;
    this.#owner.ready({ idBase, root: answer.getUint32(firstScreen, true) });
    return true;
  }

  #take(message: DataView): void {
    const code = message.getUint8(0) & 0x7f;
    if (code !== REPLY && code !== ERROR) return this.#owner.event(code, message);
    const sequence = message.getUint16(2, true);
    const at = this.#pending.findIndex((each) => each.sequence === sequence);
    // Errors of requests that have no reply are nobody's: what they were about is gone.
    if (at < 0) return;
    const passed = this.#pending.splice(0, at + 1);
    for (const { onReply } of passed.slice(0, -1)) onReply(null);
    passed.at(-1)!.onReply(code === REPLY ? message : null);
  }

  /** Nothing is sent or taken any more. */
  end(): false {
    this.#isOver = true;
    for (const { onReply } of this.#pending.splice(0)) onReply(null);
    return false;
  }
}

/** @returns 0: more of it is needed to say */
function packetLength(view: DataView): number {
  if (view.byteLength < PACKET_BYTES) return 0;
  const code = view.getUint8(0) & 0x7f;
  return PACKET_BYTES + (code === REPLY || code === GENERIC_EVENT ? 4 * view.getUint32(4, true) : 0);
}

function setupLength(view: DataView): number {
  return view.byteLength < 8 ? 0 : 8 + 4 * view.getUint16(6, true);
}
