/** Characters and strings: R7RS §6.6, §6.7. */
import { Char, char, codesOf, list, MString, UNSPECIFIED } from "../../datum/datum.ts";
import { wrongType } from "../../datum/condition.ts";
import * as U from "../../datum/unicode.ts";
import { utf8Decode, utf8Encode } from "../utf8.ts";
import {
  alias,
  bytesOf,
  charOf,
  checkLength,
  define,
  indexOf,
  lengthOf,
  mutableString,
  rangeOf,
  stringOf,
  type Table,
} from "./operands.ts";
import { listItems } from "./lists.ts";

export function defineText(table: Table): void {
  define(table, "char?", 1, 1, (x: unknown) => x instanceof Char);
  define(table, "string?", 1, 1, (x: unknown) => x instanceof MString);
  define(table, "char->integer", 1, 1, (x: unknown) => charOf("char->integer", x).code);
  define(table, "integer->char", 1, 1, (x: unknown) => {
    if (typeof x !== "number" || x < 0 || x > 0x10ffff || (x >= 0xd800 && x <= 0xdfff))
      throw wrongType("integer->char", "a Unicode scalar value", x);
    return char(x);
  });
  const classes = {
    "char-alphabetic?": U.isAlphabetic,
    "char-numeric?": U.isNumeric,
    "char-whitespace?": U.isWhitespace,
    "char-upper-case?": U.isUpperCase,
    "char-lower-case?": U.isLowerCase,
  };
  for (const [name, test] of Object.entries(classes))
    define(table, name, 1, 1, (x: unknown) => test(charOf(name, x).code));
  define(table, "digit-value", 1, 1, (x: unknown) => {
    const value = U.digitValue(charOf("digit-value", x).code);
    return value < 0 ? false : value;
  });
  define(table, "%character-class", 1, 1, (name: unknown) => {
    const bounds = U.classBounds(stringOf("%character-class", name).toString());
    if (bounds === null) throw wrongType("%character-class", "a class of characters", name);
    return bounds;
  });
  define(table, "char-upcase", 1, 1, (x: unknown) => char(U.upcaseCode(charOf("char-upcase", x).code)));
  define(table, "char-downcase", 1, 1, (x: unknown) => char(U.downcaseCode(charOf("char-downcase", x).code)));
  define(table, "char-foldcase", 1, 1, (x: unknown) => char(U.foldCode(charOf("char-foldcase", x).code)));
  for (const [suffix, test] of Object.entries(ORDERS)) {
    define(table, `char${suffix}`, 1, Infinity, (...all: unknown[]) =>
      chain(
        all.map((x) => charOf(`char${suffix}`, x).code),
        (a, b) => test(a - b),
      ),
    );
    define(table, `char-ci${suffix}`, 1, Infinity, (...all: unknown[]) =>
      chain(
        all.map((x) => U.foldCode(charOf(`char-ci${suffix}`, x).code)),
        (a, b) => test(a - b),
      ),
    );
    define(table, `string${suffix}`, 1, Infinity, (...all: unknown[]) =>
      chain(
        all.map((x) => stringOf(`string${suffix}`, x).codes),
        (a, b) => test(compareCodes(a, b)),
      ),
    );
    define(table, `string-ci${suffix}`, 1, Infinity, (...all: unknown[]) =>
      chain(
        all.map((x) => codesOf(U.foldText(stringOf(`string-ci${suffix}`, x).toString()))),
        (a, b) => test(compareCodes(a, b)),
      ),
    );
  }
  define(
    table,
    "make-string",
    1,
    2,
    (count: unknown, fill: unknown) =>
      new MString(
        new Array<number>(lengthOf("make-string", count)).fill(
          fill === undefined ? 32 : charOf("make-string", fill).code,
        ),
      ),
  );
  define(table, "string", 0, Infinity, (...all: unknown[]) => new MString(all.map((x) => charOf("string", x).code)));
  define(table, "string-length", 1, 1, (x: unknown) => stringOf("string-length", x).codes.length);
  define(table, "string-ref", 2, 2, (x: unknown, index: unknown) => {
    const { codes } = stringOf("string-ref", x);
    return char(codes[indexOf("string-ref", index, codes.length)]!);
  });
  define(table, "string-set!", 3, 3, (x: unknown, index: unknown, value: unknown) => {
    const { codes } = mutableString("string-set!", x);
    codes[indexOf("string-set!", index, codes.length)] = charOf("string-set!", value).code;
    return UNSPECIFIED;
  });
  for (const [name, convert] of [
    ["string-upcase", (text: string) => text.toUpperCase()],
    ["string-downcase", (text: string) => text.toLowerCase()],
    ["string-foldcase", U.foldText],
  ] as const) {
    define(table, name, 1, 1, (x: unknown) => MString.of(convert(stringOf(name, x).toString())));
  }
  define(table, "string-append", 0, Infinity, (...all: unknown[]) => {
    const parts = all.map((x) => stringOf("string-append", x).codes);
    checkLength(
      "string-append",
      parts.reduce((sum, { length }) => sum + length, 0),
    );
    return new MString(([] as number[]).concat(...parts));
  });
  define(table, "string-copy", 1, 3, (x: unknown, start: unknown, end: unknown) => {
    const { codes } = stringOf("string-copy", x);
    return new MString(codes.slice(...rangeOf("string-copy", start, end, codes.length)));
  });
  define(table, "substring", 3, 3, (x: unknown, start: unknown, end: unknown) => {
    const { codes } = stringOf("substring", x);
    return new MString(codes.slice(...rangeOf("substring", start, end, codes.length)));
  });
  define(table, "string-copy!", 3, 5, (to: unknown, at: unknown, from: unknown, start: unknown, end: unknown) => {
    const target = mutableString("string-copy!", to).codes,
      source = stringOf("string-copy!", from).codes;
    copyInto("string-copy!", target, at, source, start, end);
    return UNSPECIFIED;
  });
  define(table, "string-fill!", 2, 4, (x: unknown, fill: unknown, start: unknown, end: unknown) => {
    const { codes } = mutableString("string-fill!", x);
    codes.fill(charOf("string-fill!", fill).code, ...rangeOf("string-fill!", start, end, codes.length));
    return UNSPECIFIED;
  });
  define(table, "string->list", 1, 3, (x: unknown, start: unknown, end: unknown) => {
    const { codes } = stringOf("string->list", x);
    return list(codes.slice(...rangeOf("string->list", start, end, codes.length)).map(char));
  });
  define(
    table,
    "list->string",
    1,
    1,
    (x: unknown) => new MString(listItems("list->string", x).map((item) => charOf("list->string", item).code)),
  );
  define(table, "string->vector", 1, 3, (x: unknown, start: unknown, end: unknown) => {
    const { codes } = stringOf("string->vector", x);
    return codes.slice(...rangeOf("string->vector", start, end, codes.length)).map(char);
  });
  define(table, "vector->string", 1, 3, (x: unknown, start: unknown, end: unknown) => {
    if (!Array.isArray(x)) throw wrongType("vector->string", "a vector", x);
    return new MString(
      x.slice(...rangeOf("vector->string", start, end, x.length)).map((item) => charOf("vector->string", item).code),
    );
  });
  define(table, "string->utf8", 1, 3, (x: unknown, start: unknown, end: unknown) => {
    const { codes } = stringOf("string->utf8", x);
    return utf8Encode(codes, ...rangeOf("string->utf8", start, end, codes.length));
  });
  define(table, "utf8->string", 1, 3, (x: unknown, start: unknown, end: unknown) => {
    const bytes = bytesOf("utf8->string", x);
    return new MString(utf8Decode(bytes.subarray(...rangeOf("utf8->string", start, end, bytes.length))));
  });
  define(table, "string-search-forward", 3, 3, (pattern: unknown, x: unknown, start: unknown) => {
    const wanted = stringOf("string-search-forward", pattern).codes,
      { codes } = stringOf("string-search-forward", x);
    const [from] = rangeOf("string-search-forward", start, undefined, codes.length);
    for (let at = from; at + wanted.length <= codes.length; at++)
      if (wanted.every((code, index) => codes[at + index] === code)) return at;
    return false;
  });
  alias(table, "%string-search", "string-search-forward");
}

const ORDERS: Readonly<Record<string, (order: number) => boolean>> = {
  "=?": (order) => order === 0,
  "<?": (order) => order < 0,
  ">?": (order) => order > 0,
  "<=?": (order) => order <= 0,
  ">=?": (order) => order >= 0,
};

function chain<T>(items: readonly T[], test: (a: T, b: T) => boolean): boolean {
  return items.every((item, index) => index === 0 || test(items[index - 1]!, item));
}

function compareCodes(a: readonly number[], b: readonly number[]): number {
  const count = Math.min(a.length, b.length);
  for (let index = 0; index < count; index++) if (a[index] !== b[index]) return a[index]! - b[index]!;
  return a.length - b.length;
}

/** Overlapping parts of one array, too. */
export function copyInto<T>(
  who: string,
  target: { length: number; [index: number]: T },
  at: unknown,
  source: ArrayLike<T>,
  start: unknown,
  end: unknown,
): void {
  const [from, to] = rangeOf(who, start, end, source.length);
  const [place] = rangeOf(who, at, undefined, target.length);
  if (place + to - from > target.length) throw wrongType(who, "room for what is copied", at);
  if (place <= from) for (let index = 0; index < to - from; index++) target[place + index] = source[from + index]!;
  else for (let index = to - from - 1; index >= 0; index--) target[place + index] = source[from + index]!;
}
