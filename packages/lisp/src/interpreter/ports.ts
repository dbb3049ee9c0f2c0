/**
 * Ports: R7RS §6.13. Bytes and characters come from and go to functions, so that files, texts and procedures are alike.
 */
import { codesOf } from "../datum/datum.ts";
import { Condition, SchemeError } from "../datum/condition.ts";
import type { Source } from "../datum/source.ts";
import type { CharSource } from "../reader/text-cursor.ts";
import type { Reader } from "../reader/reader.ts";
import { Utf8Decoder, utf8Encode } from "./utf8.ts";

/** More bytes, or null at the end; after that it may be asked again (a terminal). */
export type Pull = () => Uint8Array | null;
/** Characters by their codes. */
type Codes = number[] | Uint8Array;
/** Whether `Pull` would give something, the end included, without waiting. */
type IsReady = () => boolean;
export interface ByteSink {
  write(bytes: Uint8Array): void;
  flush(): void;
  close(): void;
}

abstract class PortBase {
  readonly name: string;
  isOpen: boolean;
  readonly #onClose: () => void;
  constructor(name: string, onClose: () => void) {
    this.name = name;
    this.isOpen = true;
    this.#onClose = onClose;
  }
  close(): void {
    if (!this.isOpen) return;
    this.flush();
    this.isOpen = false;
    this.#onClose();
  }
  flush(): void {}
  checkOpen(): void {
    if (!this.isOpen) throw new SchemeError(new Condition("error", "the port is closed:", [this]));
  }
}

export class TextInputPort extends PortBase implements CharSource {
  readonly file: string;
  line: number;
  column: number;
  offset: number;
  /** Reads data from it; made when it is first asked for. */
  reader: Reader | null;
  #codes: Codes;
  #at: number;
  readonly #pull: () => Codes | null;
  readonly #isReady: IsReady;
  readonly #isMalformed: () => boolean;
  /** Where the last U+FFFD was, which may stand for bytes that are no UTF-8; null: none was read. */
  #replacement: Source | null = null;
  /** The end was seen by `isReady` and is to be told once more. */
  #isEndSeen: boolean;

  constructor(
    name: string,
    pull: () => Codes | null,
    {
      onClose = () => {},
      isReady = () => true,
      isMalformed = () => false,
    }: { onClose?: () => void; isReady?: IsReady; isMalformed?: () => boolean } = {},
  ) {
    super(name, onClose);
    this.#isMalformed = isMalformed;
    this.#isReady = isReady;
    this.#isEndSeen = false;
    this.file = name;
    this.line = 1;
    this.column = 0;
    this.offset = 0;
    this.reader = null;
    this.#codes = [];
    this.#at = 0;
    this.#pull = pull;
  }

  static ofCodes(codes: number[]): TextInputPort {
    let rest: number[] | null = codes;
    return new TextInputPort("string", () => {
      const all = rest;
      rest = null;
      return all;
    });
  }

  static ofBytes(name: string, pull: Pull, onClose: () => void, isReady: IsReady = () => true): TextInputPort {
    const decoder = new Utf8Decoder();
    return new TextInputPort(
      name,
      () => {
        const bytes = pull();
        if (bytes !== null) return decoder.isPlain(bytes) ? bytes.slice() : decoder.decode(bytes);
        const last = decoder.end();
        return last.length > 0 ? last : null;
      },
      { onClose, isReady, isMalformed: () => decoder.isMalformed },
    );
  }

  /** Of what was read of a source since `offset`. @throws SchemeError of kind read: it was not UTF-8 */
  checkSource(offset: number): void {
    const place = this.#replacement;
    if (place !== null && place.offset >= offset && this.#isMalformed())
      throw new SchemeError(new Condition("read", "the source is not UTF-8", [], place));
  }

  peek(): number {
    this.checkOpen();
    while (this.#at >= this.#codes.length) {
      const more = this.#more();
      if (more === null) return -1;
      this.#codes = more;
      this.#at = 0;
    }
    return this.#codes[this.#at]!;
  }

  next(): number {
    const code = this.peek();
    if (code < 0) return code;
    this.#at++;
    if (code === 0xfffd)
      this.#replacement = { file: this.file, line: this.line, column: this.column, offset: this.offset, length: 1 };
    this.offset += code > 0xffff ? 2 : 1;
    if (code === 10) {
      this.line++;
      this.column = 0;
    } else this.column++;
    return code;
  }

  #more(): Codes | null {
    if (!this.#isEndSeen) return this.#pull();
    this.#isEndSeen = false;
    return null;
  }

  /** Whether a character, a whole line with `needsLine`, or the end can be read without waiting. */
  isReady(needsLine: boolean): boolean {
    for (;;) {
      if (!this.isOpen || this.#isEndSeen) return true;
      if (this.hasBuffered && (!needsLine || this.#codes.includes(10, this.#at))) return true;
      if (!this.#isReady()) return false;
      const more = this.#pull();
      if (more === null) this.#isEndSeen = true;
      else {
        this.#codes = this.hasBuffered ? [...this.#codes.slice(this.#at), ...more] : more;
        this.#at = 0;
      }
    }
  }

  /** Without waiting for what has not come yet. */
  get hasBuffered(): boolean {
    return this.#at < this.#codes.length;
  }
}

export class BinaryInputPort extends PortBase {
  #bytes: Uint8Array;
  #at: number;
  readonly #pull: Pull;

  constructor(name: string, pull: Pull, onClose: () => void = () => {}) {
    super(name, onClose);
    this.#bytes = new Uint8Array(0);
    this.#at = 0;
    this.#pull = pull;
  }

  static ofBytes(bytes: Uint8Array): BinaryInputPort {
    let rest: Uint8Array | null = bytes;
    return new BinaryInputPort("bytevector", () => {
      const all = rest;
      rest = null;
      return all;
    });
  }

  peek(): number {
    this.checkOpen();
    while (this.#at >= this.#bytes.length) {
      const more = this.#pull();
      if (more === null) return -1;
      this.#bytes = more;
      this.#at = 0;
    }
    return this.#bytes[this.#at]!;
  }

  next(): number {
    const byte = this.peek();
    if (byte >= 0) this.#at++;
    return byte;
  }

  /** Files and bytevectors never make one wait. */
  isReady(): boolean {
    return true;
  }

  /** At most `count` bytes, fewer only at the end; null: nothing was left. */
  take(count: number): Uint8Array | null {
    const parts: number[] = [];
    while (parts.length < count) {
      const byte = this.next();
      if (byte < 0) break;
      parts.push(byte);
    }
    return parts.length === 0 && count > 0 ? null : Uint8Array.from(parts);
  }
}

/** Characters that a port holds back before it hands them on. */
const BUFFER_MAX = 8192;

export class TextOutputPort extends PortBase {
  #parts: string[];
  #size: number;
  readonly #sink: ByteSink | null;
  /** Column of what comes next, for `fresh-line`. */
  column: number;

  /** @param sink  null: the text is kept, for `get-output-string` */
  constructor(name: string, sink: ByteSink | null) {
    super(name, () => sink?.close());
    this.#parts = [];
    this.#size = 0;
    this.#sink = sink;
    this.column = 0;
  }

  write(text: string): void {
    this.checkOpen();
    this.#parts.push(text);
    this.#size += text.length;
    const end = text.lastIndexOf("\n");
    this.column = end < 0 ? this.column + text.length : text.length - end - 1;
    if (this.#sink !== null && this.#size > BUFFER_MAX) this.flush();
  }

  override flush(): void {
    if (this.#sink === null || this.#size === 0) return this.#sink?.flush();
    const text = this.#parts.join("");
    this.#parts = [];
    this.#size = 0;
    this.#sink.write(utf8Encode(codesOf(text)));
    this.#sink.flush();
  }

  get isString(): boolean {
    return this.#sink === null;
  }

  get text(): string {
    return this.#parts.join("");
  }
}

export class BinaryOutputPort extends PortBase {
  #bytes: Uint8Array;
  #size: number;
  readonly #sink: ByteSink | null;

  constructor(name: string, sink: ByteSink | null) {
    super(name, () => sink?.close());
    this.#bytes = new Uint8Array(256);
    this.#size = 0;
    this.#sink = sink;
  }

  write(bytes: Uint8Array): void {
    this.checkOpen();
    if (this.#size + bytes.length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + bytes.length));
      larger.set(this.#bytes.subarray(0, this.#size));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#size);
    this.#size += bytes.length;
    if (this.#sink !== null && this.#size > BUFFER_MAX) this.flush();
  }

  override flush(): void {
    if (this.#sink === null || this.#size === 0) return this.#sink?.flush();
    this.#sink.write(this.#bytes.slice(0, this.#size));
    this.#sink.flush();
    this.#size = 0;
  }

  get isBytevector(): boolean {
    return this.#sink === null;
  }

  get bytes(): Uint8Array {
    return this.#bytes.slice(0, this.#size);
  }
}

export type Port = TextInputPort | BinaryInputPort | TextOutputPort | BinaryOutputPort;

export function isPort(value: unknown): value is Port {
  return value instanceof PortBase;
}
