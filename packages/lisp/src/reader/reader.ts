/**
 * The reader: text into data, R7RS §7.1. Without recursion: open lists stand on a stack of our own, so that nesting
 * costs memory only, up to `DEPTH_MAX`. With a `Wrapper` each datum is given its place (the expander's syntax objects).
 *
 *     frame = a list, vector or bytevector whose end is awaited, a prefix (' ` , ,@ #' …), a label #n=, or a #; comment
 */
import type { Source } from "../datum/source.ts";
import { char, DEFAULT, EOF, intern, list, MString, Pair, SchemeSymbol, UNSPECIFIED } from "../datum/datum.ts";
import { Condition, SchemeError } from "../datum/condition.ts";
import { parseNumber } from "../number/parse.ts";
import { foldText } from "../datum/unicode.ts";
import { CHARACTER_NAMES, ESCAPES, isDelimiter, isSpace } from "./letters.ts";
import { isCircular } from "./circular.ts";
import { TextCursor, type CharSource } from "./text-cursor.ts";

const DEPTH_MAX = 1_000_000;
const TOKEN_MAX = 1 << 24;

/** Gives data their places. */
interface Wrapper {
  wrap(value: unknown, source: Source): unknown;
  /** The wrapped datum, whose `datum` may be replaced (labels); null: it is not wrapped. */
  inside(value: unknown): { datum: unknown } | null;
}

/** The text ended inside of a datum: a person at a terminal may want to go on. */
export class IncompleteError extends SchemeError {}

interface Mark {
  readonly line: number;
  readonly column: number;
  readonly offset: number;
}

interface Frame {
  readonly kind: "list" | "vector" | "bytevector" | "prefix" | "label" | "comment";
  readonly start: Mark;
  readonly items: unknown[];
  readonly close: number;
  /** Of a list: 0 before a dot, 1 after it, 2 when the tail has been read. */
  dot: 0 | 1 | 2;
  tail: unknown;
  readonly prefix: SchemeSymbol | null;
  readonly placeholder: Placeholder | null;
}

class Placeholder {
  value: unknown = undefined;
  isDefined = false;
  isUsed = false;
}

const CLOSERS: Readonly<Record<number, number>> = { 40: 41, 91: 93 };
const NOTHING = Symbol("nothing");

interface ReaderOptions {
  readonly wrapper?: Wrapper | null;
  readonly foldsCase?: boolean;
  /** Strings are a program's own data, not its text's. */
  readonly isMutable?: boolean;
  /** Takes errors, and the reader goes on: what is wrong is left out, what is open at the end of the text is closed. */
  readonly onError?: ((error: SchemeError) => void) | null;
}

export class Reader {
  readonly #source: CharSource;
  readonly #wrapper: Wrapper | null;
  readonly #onError: ((error: SchemeError) => void) | null;
  readonly #isMutable: boolean;
  #foldsCase: boolean;
  #labels = new Map<number, Placeholder>();
  #hasPlaceholders = false;

  constructor(
    source: CharSource,
    { wrapper = null, foldsCase = false, isMutable = false, onError = null }: ReaderOptions = {},
  ) {
    this.#source = source;
    this.#wrapper = wrapper;
    this.#onError = onError;
    this.#isMutable = isMutable;
    this.#foldsCase = foldsCase;
    if (source.offset === 0 && source.peek() === 35 && source instanceof TextCursor) this.#skipScriptLine(source);
  }

  /**
   * The next datum, or EOF.
   *
   * @throws SchemeError  of kind "read", with its place; IncompleteError where the text ended inside of a datum
   */
  read(): unknown {
    this.#labels.clear();
    this.#hasPlaceholders = false;
    const frames: Frame[] = [];
    for (;;) {
      this.#skipSpace();
      const start = this.#mark();
      const code = this.#source.peek();
      if (code < 0) {
        if (frames.length === 0) return EOF;
        this.#complain(this.#unfinished(frames.at(-1)!));
        return this.#closeAll(frames, start);
      }
      let value: unknown = this.#tryBegin(code, start, frames);
      // A datum that is complete may complete what it is in.
      while (value !== NOTHING) {
        const frame = frames.at(-1);
        if (frame === undefined) {
          return this.#hasPlaceholders ? this.#labelled(value, start) : value;
        }
        value = this.#tryPut(value, frame, frames, start);
      }
    }
  }

  #complain(error: SchemeError): void {
    if (this.#onError === null) throw error;
    this.#onError(error);
  }

  #tryBegin(code: number, start: Mark, frames: Frame[]): unknown {
    if (this.#onError === null) return this.#begin(code, start, frames);
    try {
      return this.#begin(code, start, frames);
    } catch (error) {
      if (!(error instanceof SchemeError)) throw error;
      this.#onError(error);
      if (this.#source.offset === start.offset) this.#source.next();
      return NOTHING;
    }
  }

  /** Ends what the text left open. @returns the outermost datum; EOF where none is left */
  #closeAll(frames: Frame[], start: Mark): unknown {
    let value: unknown = NOTHING;
    for (let frame = frames.at(-1); frame !== undefined; frame = frames.at(-1)) {
      if (value !== NOTHING) value = this.#tryPut(value, frame, frames, start);
      else {
        frames.pop();
        if (frame.close !== 0) value = this.#closed(frame);
      }
    }
    if (value === NOTHING) return EOF;
    return this.#hasPlaceholders ? this.#labelled(value, start) : value;
  }

  /** A datum with labels in it. A program's must not contain itself: its expansion would not end. */
  #labelled(value: unknown, end: Mark): unknown {
    const whole = this.#fill(value);
    const wrapper = this.#wrapper;
    if (wrapper === null || !isCircular(whole, (one) => wrapper.inside(one))) return whole;
    this.#complain(this.#error("a form that contains itself is no program", end));
    return this.#wrap(UNSPECIFIED, end);
  }

  #tryPut(value: unknown, frame: Frame, frames: Frame[], start: Mark): unknown {
    try {
      return this.#put(value, frame, frames, start);
    } catch (error) {
      if (this.#onError === null || !(error instanceof SchemeError)) throw error;
      this.#onError(error);
      return NOTHING;
    }
  }

  #mark(): Mark {
    return { line: this.#source.line, column: this.#source.column, offset: this.#source.offset };
  }

  #place(start: Mark): Source {
    return {
      file: this.#source.file,
      line: start.line,
      column: start.column,
      offset: start.offset,
      length: Math.max(1, this.#source.offset - start.offset),
    };
  }

  #wrap(value: unknown, start: Mark): unknown {
    return this.#wrapper === null ? value : this.#wrapper.wrap(value, this.#place(start));
  }

  #error(message: string, start: Mark, ...irritants: unknown[]): SchemeError {
    return new SchemeError(new Condition("read", message, irritants, this.#place(start)));
  }

  #unfinished(frame: Frame): SchemeError {
    const what =
      frame.kind === "list" || frame.kind === "vector" || frame.kind === "bytevector"
        ? "a list that begins here is not closed"
        : "a datum is missing";
    const place = { ...this.#place(frame.start), length: 1 };
    return new IncompleteError(new Condition("read", `unexpected end of text: ${what}`, [], place));
  }

  #incomplete(what: string, start: Mark): SchemeError {
    return new IncompleteError(
      new Condition("read", `unexpected end of text in ${what}`, [], { ...this.#place(start), length: 1 }),
    );
  }

  /** Begins a datum: pushes a frame (NOTHING), or reads an atom or an end, and gives what is complete. */
  #begin(code: number, start: Mark, frames: Frame[]): unknown {
    if (frames.length > DEPTH_MAX) throw this.#error(`nested deeper than ${DEPTH_MAX}`, start);
    switch (code) {
      case 40:
      case 91:
        this.#source.next();
        return this.#push(frames, "list", start, CLOSERS[code]!);
      case 41:
      case 93:
        this.#source.next();
        return this.#close(code, start, frames);
      case 39:
        this.#source.next();
        return this.#push(frames, "prefix", start, 0, intern("quote"));
      case 96:
        this.#source.next();
        return this.#push(frames, "prefix", start, 0, intern("quasiquote"));
      case 44:
        this.#source.next();
        if (this.#source.peek() !== 64) return this.#push(frames, "prefix", start, 0, intern("unquote"));
        this.#source.next();
        return this.#push(frames, "prefix", start, 0, intern("unquote-splicing"));
      case 34:
        this.#source.next();
        return this.#wrap(new MString(this.#delimited(34, start), !this.#isMutable), start);
      case 35:
        return this.#sharp(start, frames);
      default:
        return this.#token(start, frames);
    }
  }

  #push(
    frames: Frame[],
    kind: Frame["kind"],
    start: Mark,
    close = 0,
    prefix: SchemeSymbol | null = null,
    placeholder: Placeholder | null = null,
  ): unknown {
    frames.push({ kind, start, items: [], close, dot: 0, tail: undefined, prefix, placeholder });
    return NOTHING;
  }

  #close(code: number, start: Mark, frames: Frame[]): unknown {
    let frame = frames.pop();
    while (frame !== undefined && frame.close === 0) {
      this.#complain(this.#error("a datum is missing before the closing parenthesis", start));
      frame = frames.pop();
    }
    if (frame === undefined) throw this.#error("a closing parenthesis without an opening one", start);
    if (frame.close !== code) this.#complain(this.#error("the wrong closing parenthesis", start));
    if (frame.dot === 1) this.#complain(this.#error("a datum is missing after the dot", start));
    return this.#closed(frame);
  }

  #closed(frame: Frame): unknown {
    if (frame.kind === "vector") return this.#wrap(frame.items, frame.start);
    if (frame.kind === "bytevector") return this.#wrap(Uint8Array.from(frame.items as number[]), frame.start);
    return this.#wrap(frame.dot === 2 ? list(frame.items, frame.tail) : list(frame.items), frame.start);
  }

  /** Puts a complete datum where it belongs; gives what that completed, or NOTHING. */
  #put(value: unknown, frame: Frame, frames: Frame[], start: Mark): unknown {
    switch (frame.kind) {
      case "comment":
        frames.pop();
        return NOTHING;
      case "prefix":
        frames.pop();
        return this.#wrap(list([this.#wrap(frame.prefix, frame.start), value]), frame.start);
      case "label": {
        frames.pop();
        const holder = frame.placeholder!;
        if (value === holder) throw this.#error("a label that refers to itself", start);
        holder.value = value;
        holder.isDefined = true;
        return value;
      }
      case "bytevector": {
        const byte = this.#wrapper?.inside(value)?.datum ?? value;
        if (typeof byte !== "number" || byte < 0 || byte > 255)
          throw this.#error("a bytevector holds exact integers from 0 to 255", start);
        frame.items.push(byte);
        return NOTHING;
      }
      default:
        if (frame.dot === 2) throw this.#error("more than one datum after the dot", start);
        if (frame.dot === 1) {
          frame.tail = value;
          frame.dot = 2;
        } else frame.items.push(value);
        return NOTHING;
    }
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#source.peek();
      if (code === 59) this.#skipLine();
      else if (isSpace(code)) this.#source.next();
      else return;
    }
  }

  #skipLine(): void {
    for (let code = this.#source.peek(); code !== 10 && code !== 13 && code >= 0; code = this.#source.peek())
      this.#source.next();
  }

  /** `#!/usr/bin/env …` and `#! …` in the first line are for the system. */
  #skipScriptLine(source: TextCursor): void {
    if (source.startsWith("#!/") || source.startsWith("#! ")) this.#skipLine();
  }

  #sharp(start: Mark, frames: Frame[]): unknown {
    this.#source.next();
    const code = this.#source.peek();
    switch (code) {
      case 40:
        this.#source.next();
        return this.#push(frames, "vector", start, 41);
      case 59:
        this.#source.next();
        return this.#push(frames, "comment", start);
      case 124:
        this.#source.next();
        this.#skipBlock(start);
        return NOTHING;
      case 92:
        this.#source.next();
        return this.#wrap(this.#character(start), start);
      case 33:
        return this.#directive(start);
      case 39:
        this.#source.next();
        return this.#push(frames, "prefix", start, 0, intern("syntax"));
      case 96:
        this.#source.next();
        return this.#push(frames, "prefix", start, 0, intern("quasisyntax"));
      case 44:
        this.#source.next();
        if (this.#source.peek() !== 64) return this.#push(frames, "prefix", start, 0, intern("unsyntax"));
        this.#source.next();
        return this.#push(frames, "prefix", start, 0, intern("unsyntax-splicing"));
      default:
        if (code >= 48 && code <= 57) return this.#label(start, frames);
        return this.#sharpToken(start, frames);
    }
  }

  #skipBlock(start: Mark): void {
    for (let depth = 1; depth > 0;) {
      const code = this.#source.next();
      if (code < 0) throw this.#incomplete("a block comment", start);
      if (code === 124 && this.#source.peek() === 35) {
        this.#source.next();
        depth--;
      } else if (code === 35 && this.#source.peek() === 124) {
        this.#source.next();
        depth++;
      }
    }
  }

  #directive(start: Mark): unknown {
    this.#source.next();
    const name = this.#word(start);
    switch (name.toLowerCase()) {
      case "fold-case":
        this.#foldsCase = true;
        return NOTHING;
      case "no-fold-case":
        this.#foldsCase = false;
        return NOTHING;
      case "r6rs":
      case "r7rs":
        return NOTHING;
      case "eof":
        return this.#wrap(EOF, start);
      case "default":
        return this.#wrap(DEFAULT, start);
      case "unspecific":
      case "void":
        return this.#wrap(UNSPECIFIED, start);
      default:
        throw this.#error(`an unknown directive: #!${name}`, start);
    }
  }

  #label(start: Mark, frames: Frame[]): unknown {
    let number = 0;
    for (let code = this.#source.peek(); code >= 48 && code <= 57; code = this.#source.peek()) {
      number = number * 10 + this.#source.next() - 48;
      if (!Number.isSafeInteger(number)) throw this.#error("a label's number is too large", start);
    }
    const code = this.#source.next();
    if (code === 61) {
      if (this.#labels.has(number)) throw this.#error(`the label #${number}= is there already`, start);
      const placeholder = new Placeholder();
      this.#labels.set(number, placeholder);
      return this.#push(frames, "label", start, 0, null, placeholder);
    }
    if (code !== 35) throw this.#error("expected = or # after a label's number", start);
    const found = this.#labels.get(number);
    if (found === undefined) throw this.#error(`no label #${number}= stands before`, start);
    if (found.isDefined) return found.value;
    this.#hasPlaceholders = true;
    found.isUsed = true;
    return found;
  }

  /** Puts the labelled data where their placeholders are; each object is visited once. */
  #fill(root: unknown): unknown {
    const seen = new Set<unknown>();
    const stack: unknown[] = [root];
    const resolve = (value: unknown): unknown => {
      while (value instanceof Placeholder) value = value.value;
      return value;
    };
    while (stack.length > 0) {
      const value = stack.pop();
      if (typeof value !== "object" || value === null || seen.has(value)) continue;
      seen.add(value);
      const wrapped = this.#wrapper?.inside(value) ?? null;
      if (wrapped !== null) stack.push((wrapped.datum = resolve(wrapped.datum)));
      else if (value instanceof Pair) {
        value.car = resolve(value.car);
        value.cdr = resolve(value.cdr);
        stack.push(value.car, value.cdr);
      } else if (Array.isArray(value)) {
        for (let index = 0; index < value.length; index++) stack.push((value[index] = resolve(value[index])));
      }
    }
    return resolve(root);
  }

  #character(start: Mark): unknown {
    const first = this.#source.next();
    if (first < 0) throw this.#incomplete("a character", start);
    let name = String.fromCodePoint(first);
    if (!isDelimiter(first) || /[\p{L}\p{N}]/u.test(name))
      while (!isDelimiter(this.#source.peek())) name += String.fromCodePoint(this.#source.next());
    if ([...name].length === 1) return char(first);
    if (/^x[0-9a-f]+$/i.test(name)) return char(this.#scalar(Number.parseInt(name.slice(1), 16), start));
    const code = CHARACTER_NAMES[this.#foldsCase ? foldText(name) : name];
    if (code === undefined) throw this.#error(`an unknown character: #\\${name}`, start);
    return char(code);
  }

  #scalar(code: number, start: Mark): number {
    if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff))
      throw this.#error("not a Unicode scalar value", start);
    return code;
  }

  #word(start: Mark): string {
    let text = "";
    while (!isDelimiter(this.#source.peek())) {
      text += String.fromCodePoint(this.#source.next());
      if (text.length > TOKEN_MAX) throw this.#error(`a token of more than ${TOKEN_MAX} characters`, start);
    }
    return text;
  }

  #sharpToken(start: Mark, frames: Frame[]): unknown {
    const word = `#${this.#word(start)}`;
    const lower = word.toLowerCase();
    if (lower === "#t" || lower === "#true") return this.#wrap(true, start);
    if (lower === "#f" || lower === "#false") return this.#wrap(false, start);
    if (lower === "#u8" && this.#source.peek() === 40) {
      this.#source.next();
      return this.#push(frames, "bytevector", start, 41);
    }
    const number = /^#[eibodx]/.test(lower) ? parseNumber(word) : null;
    if (number !== null) return this.#wrap(number, start);
    if (word === "#" && this.#source.peek() < 0) throw this.#incomplete("a datum", start);
    throw this.#error(`unknown syntax: ${word}`, start);
  }

  #token(start: Mark, frames: Frame[]): unknown {
    if (this.#source.peek() === 124) {
      this.#source.next();
      return this.#wrap(intern(String.fromCodePoint(...this.#delimited(124, start))), start);
    }
    const word = this.#word(start);
    if (word === "") throw this.#error(`an unexpected character: ${String.fromCodePoint(this.#source.next())}`, start);
    if (word === ".") {
      const frame = frames.at(-1);
      if (frame === undefined || frame.kind !== "list" || frame.dot !== 0 || frame.items.length === 0)
        throw this.#error("a dot that is out of place", start);
      frame.dot = 1;
      return NOTHING;
    }
    const first = word.charCodeAt(0);
    if ((first >= 48 && first <= 57) || first === 43 || first === 45 || first === 46) {
      const number = parseNumber(word);
      if (number !== null) return this.#wrap(number, start);
    }
    return this.#wrap(intern(this.#foldsCase ? foldText(word) : word), start);
  }

  /** The inside of "…" or |…|, whose opening mark has been read. */
  #delimited(end: 34 | 124, start: Mark): number[] {
    const what = end === 34 ? "a string" : "a symbol";
    const codes: number[] = [];
    for (;;) {
      const at = this.#mark();
      const code = this.#source.next();
      if (code < 0) throw this.#incomplete(what, start);
      if (code === end) return codes;
      if (codes.length > TOKEN_MAX) throw this.#error(`${what} of more than ${TOKEN_MAX} characters`, start);
      if (code === 13 && end === 34) {
        // R7RS §6.7: each line ending in a string is one newline; of symbols it says no such thing.
        if (this.#source.peek() === 10) this.#source.next();
        codes.push(10);
      } else if (code !== 92) codes.push(code);
      else this.#escape(codes, at, start, what);
    }
  }

  #escape(codes: number[], at: Mark, start: Mark, what: string): void {
    const code = this.#source.next();
    const simple = ESCAPES[code];
    if (simple !== undefined) return void codes.push(simple);
    if (code === 120 || code === 88) {
      let digits = "";
      for (let next = this.#source.next(); next !== 59; next = this.#source.next()) {
        if (next < 0) throw this.#incomplete(what, start);
        digits += String.fromCodePoint(next);
        if (digits.length > 16) break;
      }
      if (!/^[0-9a-f]+$/i.test(digits)) throw this.#error("expected \\x, hexadecimal digits and ;", at);
      return void codes.push(this.#scalar(Number.parseInt(digits, 16), at));
    }
    if (code < 0) throw this.#incomplete(what, start);
    if (code !== 10 && code !== 13 && code !== 32 && code !== 9)
      throw this.#error(`an unknown escape: \\${String.fromCodePoint(code)}`, at);
    // A backslash at a line's end joins the lines: blanks on both sides of the end go.
    let blank = code;
    while (blank === 32 || blank === 9) blank = this.#source.next();
    if (blank < 0) throw this.#incomplete(what, start);
    if (blank === 13 && this.#source.peek() === 10) this.#source.next();
    else if (blank !== 10 && blank !== 13)
      throw this.#error("only blanks may stand between a backslash and the line's end", at);
    while (this.#source.peek() === 32 || this.#source.peek() === 9) this.#source.next();
  }
}

/** All data of a text. */
export function readAll(text: string, file: string, options: ReaderOptions = {}): unknown[] {
  const reader = new Reader(new TextCursor(text, file), options);
  const data: unknown[] = [];
  for (let datum = reader.read(); datum !== EOF; datum = reader.read()) data.push(datum);
  return data;
}
