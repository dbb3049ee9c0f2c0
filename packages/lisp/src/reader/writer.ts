/**
 * The printed form of values. `write` labels what is circular, `write-shared` also what is shared, `write-simple`
 * nothing; `display` is `write` without quotes. R7RS §6.13.3. Without recursion, so that deep data only cost memory.
 */
import { Char, DEFAULT, MString, NIL, Pair, SchemeSymbol, textOf, Unique } from "../datum/datum.ts";
import { limitReached } from "../datum/condition.ts";
import { isNumber } from "../number/arithmetic.ts";
import { numberToText } from "../number/print.ts";
import { parseNumber } from "../number/parse.ts";

export type WriteMode = "write" | "display" | "shared" | "simple";

/** Prints values that are no data: procedures, records, ports. Null: not one of its own. */
type ObjectWriter = (value: object, write: (value: unknown) => string) => string | null;

/** A structure printed by `write-simple` whose text would never end is cut here with an error. */
const LENGTH_MAX = 1 << 28;

/** @throws SchemeError  where the text would be longer than a string may be */
export function writeText(value: unknown, mode: WriteMode = "write", writeObject: ObjectWriter | null = null): string {
  if (!(value instanceof Pair) && !Array.isArray(value)) return atomText(value, mode, writeObject);
  const labels = mode === "simple" ? null : findLabels(value, mode === "shared");
  return new StructureWriter(mode, labels, writeObject).write(value);
}

/** Objects that get a label, each with 0 until it is given its number. */
type Labels = Map<object, number>;

const NO_NUMBER = -1;

function isStructure(value: unknown): value is Pair | unknown[] {
  return value instanceof Pair || Array.isArray(value);
}

/** Those met twice; without `shared` only those met inside of themselves. */
function findLabels(root: unknown, shared: boolean): Labels {
  const labels: Labels = new Map();
  const seen = new Set<object>();
  const open = new Set<object>();
  // A second entry of an object on the stack means: all inside of it has been seen.
  const stack: { value: unknown; isExit: boolean }[] = [{ value: root, isExit: false }];
  while (stack.length > 0) {
    const { value, isExit } = stack.pop()!;
    if (!isStructure(value)) continue;
    if (isExit) {
      open.delete(value);
      continue;
    }
    if (seen.has(value)) {
      if (shared || open.has(value)) labels.set(value, NO_NUMBER);
      continue;
    }
    seen.add(value);
    open.add(value);
    stack.push({ value, isExit: true });
    if (value instanceof Pair) stack.push({ value: value.cdr, isExit: false }, { value: value.car, isExit: false });
    else for (let index = value.length - 1; index >= 0; index--) stack.push({ value: value[index], isExit: false });
  }
  return labels;
}

const ABBREVIATIONS: Readonly<Record<string, string>> = {
  quote: "'",
  quasiquote: "`",
  unquote: ",",
  "unquote-splicing": ",@",
};

class StructureWriter {
  readonly #mode: WriteMode;
  readonly #labels: Labels | null;
  readonly #writeObject: ObjectWriter | null;
  readonly #parts: string[] = [];
  #length = 0;
  #count = 0;

  constructor(mode: WriteMode, labels: Labels | null, writeObject: ObjectWriter | null) {
    this.#mode = mode;
    this.#labels = labels !== null && labels.size > 0 ? labels : null;
    this.#writeObject = writeObject;
  }

  write(root: unknown): string {
    // What is still to be printed, the next on top: texts, values, and rests of lists and vectors.
    const stack: (string | Todo)[] = [{ kind: "value", value: root, index: 0 }];
    while (stack.length > 0) {
      const top = stack.pop()!;
      if (typeof top === "string") this.#put(top);
      else if (top.kind === "value") this.#value(top.value, stack);
      else if (top.kind === "tail") this.#tail(top.value, stack);
      else {
        const items = top.value as unknown[];
        if (top.index >= items.length) this.#put(")");
        else {
          if (top.index > 0) this.#put(" ");
          stack.push({ ...top, index: top.index + 1 }, { kind: "value", value: items[top.index], index: 0 });
        }
      }
    }
    return this.#parts.join("");
  }

  #put(text: string): void {
    this.#parts.push(text);
    this.#length += text.length;
    if (this.#length > LENGTH_MAX) throw limitReached(`the printed form has more than ${LENGTH_MAX} characters`);
  }

  #value(value: unknown, stack: (string | Todo)[]): void {
    if (!isStructure(value)) return this.#put(atomText(value, this.#mode, this.#writeObject));
    const number = this.#labels?.get(value);
    if (number !== undefined) {
      if (number !== NO_NUMBER) return this.#put(`#${number}#`);
      this.#labels!.set(value, this.#count);
      this.#put(`#${this.#count++}=`);
    }
    if (!(value instanceof Pair)) {
      this.#put("#(");
      stack.push({ kind: "items", value, index: 0 });
      return;
    }
    const short =
      value.car instanceof SchemeSymbol &&
      value.cdr instanceof Pair &&
      value.cdr.cdr === NIL &&
      this.#labels?.get(value.cdr) === undefined
        ? ABBREVIATIONS[value.car.name]
        : undefined;
    if (short !== undefined) {
      this.#put(short);
      stack.push({ kind: "value", value: (value.cdr as Pair).car, index: 0 });
      return;
    }
    this.#put("(");
    stack.push({ kind: "tail", value: value.cdr, index: 0 }, { kind: "value", value: value.car, index: 0 });
  }

  #tail(value: unknown, stack: (string | Todo)[]): void {
    if (value === NIL) return this.#put(")");
    // A pair with a label of its own stands as a datum of its own.
    if (value instanceof Pair && this.#labels?.get(value) === undefined) {
      this.#put(" ");
      stack.push({ kind: "tail", value: value.cdr, index: 0 }, { kind: "value", value: value.car, index: 0 });
      return;
    }
    this.#put(" . ");
    stack.push(")", { kind: "value", value, index: 0 });
  }
}

interface Todo {
  readonly kind: "value" | "tail" | "items";
  readonly value: unknown;
  readonly index: number;
}

function atomText(value: unknown, mode: WriteMode, writeObject: ObjectWriter | null): string {
  if (value === true) return "#t";
  if (value === false) return "#f";
  if (isNumber(value)) return numberToText(value);
  if (value instanceof MString) return mode === "display" ? value.toString() : stringText(value);
  if (value instanceof SchemeSymbol) return mode === "display" ? value.name : symbolText(value.name);
  if (value instanceof Char) return mode === "display" ? String.fromCodePoint(value.code) : charText(value.code);
  if (value instanceof Uint8Array) return `#u8(${value.join(" ")})`;
  if (value === DEFAULT) return "#!default";
  if (value instanceof Unique) return value.name;
  if (typeof value === "object" && value !== null) {
    const text = writeObject?.(value, (inner) => writeText(inner, mode, writeObject)) ?? null;
    if (text !== null) return text;
  }
  return "#<object>";
}

const STRING_ESCAPES: Readonly<Record<number, string>> = {
  7: "\\a",
  8: "\\b",
  9: "\\t",
  10: "\\n",
  13: "\\r",
  34: '\\"',
  92: "\\\\",
};

function stringText({ codes }: MString): string {
  let text = '"',
    plainFrom = 0;
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index]!;
    const escape = STRING_ESCAPES[code] ?? (code < 32 || code === 127 ? `\\x${code.toString(16)};` : undefined);
    if (escape === undefined) continue;
    text += textOf(codes, plainFrom, index) + escape;
    plainFrom = index + 1;
  }
  return `${text}${textOf(codes, plainFrom)}"`;
}

const CHARACTER_NAMES: Readonly<Record<number, string>> = {
  0: "null",
  7: "alarm",
  8: "backspace",
  9: "tab",
  10: "newline",
  13: "return",
  27: "escape",
  32: "space",
  127: "delete",
};

function charText(code: number): string {
  const name = CHARACTER_NAMES[code];
  if (name !== undefined) return `#\\${name}`;
  const letter = String.fromCodePoint(code);
  return /[\p{Cc}\p{Cf}\p{Zs}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{M}]/u.test(letter)
    ? `#\\x${code.toString(16)}`
    : `#\\${letter}`;
}

/** Bars where the name would not be read as that symbol. */
function symbolText(name: string): string {
  const beginsNumber = /^[+-](inf|nan)\.0/i.test(name);
  if (/^[\p{L}!$%&*/:<=>?^_~][\p{L}\p{M}\p{N}!$%&*/:<=>?^_~+\-.@]*$/u.test(name)) return name;
  if (
    !beginsNumber &&
    name !== "" &&
    name !== "." &&
    !/[\s()"';`,|\\#[\]\p{C}\p{Z}]/u.test(name) &&
    parseNumber(name) === null
  )
    return name;
  // What begins with # is other syntax; inside of a name it is a letter like others.
  if (
    /^[^\s()"';`,|\\#[\]\p{C}\p{Z}][^\s()"';`,|\\[\]\p{C}\p{Z}]*$/u.test(name) &&
    !beginsNumber &&
    name !== "." &&
    parseNumber(name) === null
  )
    return name;
  let text = "|";
  for (const letter of name) {
    const code = letter.codePointAt(0)!;
    if (code === 124 || code === 92) text += `\\${letter}`;
    else
      text +=
        code !== 34 && STRING_ESCAPES[code] !== undefined
          ? STRING_ESCAPES[code]
          : code < 32 || code === 127
            ? `\\x${code.toString(16)};`
            : letter;
  }
  return `${text}|`;
}
