/** Case and classes of characters and texts, by the host's Unicode tables. R7RS §6.6, §6.7. */

/** Full case folding of a text, as far as lower case of upper case gives it; final sigma is like any other. */
export function foldText(text: string): string {
  // Cherokee's upper case is its folded form; all else goes by lower case of upper case.
  let folded = "";
  for (const letter of text) folded += foldLetter(letter);
  return folded;
}

function foldLetter(letter: string): string {
  if (letter < "\x80") return letter.toLowerCase();
  const code = letter.codePointAt(0)!;
  if ((code >= 0x13a0 && code <= 0x13f5) || code === 0x131) return letter;
  if (code === 0x130) return "i\u0307";
  if (code >= 0xab70 && code <= 0xabbf) return letter.toUpperCase();
  if (code >= 0x13f8 && code <= 0x13fd) return letter.toUpperCase();
  // `toLowerCase` of a lone letter never makes a final sigma.
  return [...letter.toLowerCase().toUpperCase()]
    .map((upper) => upper.toLowerCase())
    .join("")
    .replaceAll("ς", "σ");
}

/**
 * Simple mapping: a letter whose upper case is more than one stays, but for Greek ones with an iota below, which have a
 * title case of one.
 */
export function upcaseCode(code: number): number {
  if (code < 128) return code >= 97 && code <= 122 ? code - 32 : code;
  if (code >= 0x1f80 && code <= 0x1faf) return code | 8;
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return code + 9;
  return single(String.fromCodePoint(code).toUpperCase(), code);
}

export function downcaseCode(code: number): number {
  if (code < 128) return code >= 65 && code <= 90 ? code + 32 : code;
  // İ, the only letter whose lower case is more than one, has a simple one as well.
  return code === 0x130 ? 0x69 : single(String.fromCodePoint(code).toLowerCase(), code);
}

export function foldCode(code: number): number {
  if (code < 128) return downcaseCode(code);
  return single(foldLetter(String.fromCodePoint(code)), downcaseCode(code));
}

function single(text: string, otherwise: number): number {
  const code = text.codePointAt(0)!;
  return text.length === (code > 0xffff ? 2 : 1) ? code : otherwise;
}

export function isAlphabetic(code: number): boolean {
  return code < 128
    ? (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
    : /\p{Alphabetic}/u.test(String.fromCodePoint(code));
}

export function isUpperCase(code: number): boolean {
  return code < 128 ? code >= 65 && code <= 90 : /\p{Uppercase}/u.test(String.fromCodePoint(code));
}

export function isLowerCase(code: number): boolean {
  return code < 128 ? code >= 97 && code <= 122 : /\p{Lowercase}/u.test(String.fromCodePoint(code));
}

export function isNumeric(code: number): boolean {
  return code < 128 ? code >= 48 && code <= 57 : /\p{Nd}/u.test(String.fromCodePoint(code));
}

export function isWhitespace(code: number): boolean {
  return code < 128 ? code === 32 || (code >= 9 && code <= 13) : /\p{White_Space}/u.test(String.fromCodePoint(code));
}

/** 0 … 9 of a decimal digit of any script; -1 of anything else. */
export function digitValue(code: number): number {
  if (code < 128) return code >= 48 && code <= 57 ? code - 48 : -1;
  if (!isNumeric(code)) return -1;
  // Unicode encodes the digits of a script as runs of ten from zero up; mathematical digits are five such runs on end.
  if (code >= 0x1d7ce && code <= 0x1d7ff) return (code - 0x1d7ce) % 10;
  let zero = code;
  while (zero > code - 9 && isNumeric(zero - 1)) zero--;
  return code - zero;
}

/** Classes of characters by SRFI 14's names, "Standard character sets". */
const CLASSES: Readonly<Record<string, string>> = {
  "lower-case": "\\p{Lowercase}",
  "upper-case": "\\p{Uppercase}",
  "title-case": "\\p{Lt}",
  letter: "\\p{L}",
  digit: "\\p{Nd}",
  "letter+digit": "\\p{L}\\p{Nd}",
  graphic: "\\p{L}\\p{Nd}\\p{P}\\p{S}",
  printing: "\\p{L}\\p{Nd}\\p{P}\\p{S}\\p{White_Space}",
  whitespace: "\\p{White_Space}",
  "iso-control": "\\p{Cc}",
  punctuation: "\\p{P}",
  symbol: "\\p{S}",
  mark: "\\p{M}",
  blank: "\\p{Zs}\\t",
};

/** Characters whose runs are looked for at a time. */
const SCAN_CODES = 0x8000;

/** Beyond the third plane are only formats, private use, and selectors, the only marks left out. Standard §2.8. */
const SCAN_END = 0x40000;

/**
 * Where the characters of a class begin and where they end, by turns: the first, the one after the last of the run, and
 * so on. Null: no such class.
 */
export function classBounds(name: string): number[] | null {
  const escapes = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
  return escapes === undefined ? null : boundsOf(escapes);
}

/** The same of a regular expression's escapes. @param end  where to stop looking */
export function boundsOf(escapes: string, end = SCAN_END): number[] {
  const runs = new RegExp(`[${escapes}]+`, "gu");
  const bounds: number[] = [];
  for (let from = 0, last = 0; last < end; from = last === 0xd800 ? 0xe000 : last) {
    // Surrogates are no characters, and a piece with characters on both sides of them or of 0x10000 is two.
    const border = [0xd800, 0x10000].find((code) => code > from) ?? end;
    last = Math.min(from + SCAN_CODES, border);
    let text = "";
    for (let code = from; code < last; code += 1) text += String.fromCodePoint(code);
    for (const { 0: run, index } of text.matchAll(runs)) {
      // Within one piece all characters have as many units as its first.
      const units = from > 0xffff ? 2 : 1;
      const start = from + index / units;
      const end = start + run.length / units;
      if (bounds.at(-1) === start) bounds[bounds.length - 1] = end;
      else bounds.push(start, end);
    }
  }
  return bounds;
}
