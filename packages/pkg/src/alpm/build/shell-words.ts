/**
 * The part of bash that PKGBUILDs use to say things: quoting, parameters and their expansions, arrays, braces,
 * arithmetic. Nothing is run. What only a shell can answer (command substitution, say) is refused by name, so that the
 * caller can ask one. Source: bash(1), "EXPANSION" and "QUOTING".
 */
import { matchesGlob } from "../../glob.ts";

/** Something that only a shell can evaluate, or a mistake; `line` is where. */
export class ShellError extends Error {
  override name = "ShellError";
  readonly line: number;
  /** whether a shell could make something of it */
  readonly needsShell: boolean;

  constructor(message: string, line: number, needsShell: boolean) {
    super(message);
    this.line = line;
    this.needsShell = needsShell;
  }
}

export type ShellVariables = Map<string, string[]>;

/** Words that one expression may become; a PKGBUILD of the wild has some hundred. */
const WORDS_MAX = 10_000;

/** One piece of a word: text, and whether it was quoted (then it is neither split nor a pattern). */
interface Piece {
  text: string;
  isQuoted: boolean /** a break between words, from "${array[@]}" */;
  breaks?: true;
}

/** Reads words from `text` at `at`. */
export class WordReader {
  readonly #text: string;
  readonly #variables: ShellVariables;
  at: number;
  line: number;

  constructor(text: string, at: number, line: number, variables: ShellVariables) {
    this.#text = text;
    this.at = at;
    this.line = line;
    this.#variables = variables;
  }

  /**
   * The words that the next word of the text becomes; ends at an unquoted blank, `;`, `&`, `|`, `)`, `(`, `<`, `>` or
   * newline.
   */
  words(): string[] {
    const words: string[] = [];
    for (const raw of braceAlternatives(this.#rawWord())) words.push(...this.#split(this.#pieces(raw)));
    if (words.length > WORDS_MAX) throw this.#error("becomes too many words", false);
    return words;
  }

  /** As the right side of an assignment: one text, not split. */
  value(): string {
    return this.#pieces(this.#rawWord())
      .map((piece) => (piece.breaks === true ? " " : piece.text))
      .join("");
  }

  /** The value of `text` as if within double quotes. */
  expand(text: string): string {
    return this.#pieces(`"${text.replace(/"/g, '\\"')}"`)
      .map((piece) => (piece.breaks === true ? " " : piece.text))
      .join("");
  }

  #error(message: string, needsShell: boolean): ShellError {
    return new ShellError(message, this.line, needsShell);
  }

  /** The source of the word, quotes and all. */
  #rawWord(): string {
    const start = this.at;
    const text = this.#text;
    while (this.at < text.length) {
      const character = text[this.at]!;
      if (/[\s;&|()<>]/.test(character)) {
        // Process substitution and the like.
        if ((character === "<" || character === ">") && text[this.at + 1] === "(")
          throw this.#error("process substitution needs a shell", true);
        break;
      }
      if (character === "\\") {
        if (text[this.at + 1] === "\n") this.line++;
        this.at += 2;
      } else if (character === "'") this.#skipTo("'");
      else if (character === '"') this.#skipDouble();
      else if (character === "`") throw this.#error("command substitution needs a shell", true);
      else if (character === "$") this.#skipDollar();
      else this.at++;
    }
    return text.slice(start, this.at);
  }

  #skipTo(end: string): void {
    const found = this.#text.indexOf(end, this.at + 1);
    if (found < 0) throw this.#error("a quote does not end", false);
    this.line += this.#text.slice(this.at, found).split("\n").length - 1;
    this.at = found + 1;
  }

  #skipDouble(): void {
    this.at++;
    while (this.#text[this.at] !== '"') {
      const character = this.#text[this.at];
      if (character === undefined) throw this.#error("a quote does not end", false);
      if (character === "\n") this.line++;
      if (character === "\\") {
        if (this.#text[this.at + 1] === "\n") this.line++;
        this.at += 2;
      } else if (character === "`") throw this.#error("command substitution needs a shell", true);
      else if (character === "$") this.#skipDollar();
      else this.at++;
    }
    this.at++;
  }

  #skipDollar(): void {
    const next = this.#text[this.at + 1];
    if (next === "'") {
      this.at += 2;
      while (this.#text[this.at] !== "'") {
        if (this.at >= this.#text.length) throw this.#error("a quote does not end", false);
        this.at += this.#text[this.at] === "\\" ? 2 : 1;
      }
      this.at++;
    } else if (next === "{") this.at = this.#endOfBraces(this.#text, this.at + 1) + 1;
    else if (next === "(" && this.#text[this.at + 2] === "(") {
      const end = this.#text.indexOf("))", this.at);
      if (end < 0) throw this.#error("an arithmetic expression does not end", false);
      this.at = end + 2;
    } else if (next === "(") throw this.#error("command substitution needs a shell", true);
    else this.at++;
  }

  /** Index of the brace that ends the one at `at`. */
  #endOfBraces(text: string, at: number): number {
    let depth = 0;
    for (let index = at; index < text.length; index++) {
      const character = text[index]!;
      if (character === "\\") index++;
      else if (character === "'" && depth > 0) {
        const end = text.indexOf("'", index + 1);
        if (end > 0 && text.slice(index, end).indexOf("}") < 0) index = end;
      } else if (character === "{") depth++;
      else if (character === "}" && --depth === 0) return index;
      else if (character === "`" || (character === "$" && text[index + 1] === "("))
        throw this.#error("command substitution needs a shell", true);
    }
    throw this.#error("a brace does not end", false);
  }

  #pieces(raw: string): Piece[] {
    const pieces: Piece[] = [];
    let plain = "";
    const flush = (): void => {
      if (plain !== "") pieces.push({ text: plain, isQuoted: true });
      plain = "";
    };
    for (let at = 0; at < raw.length;) {
      const character = raw[at]!;
      if (character === "\\") {
        if (raw[at + 1] !== "\n") plain += raw[at + 1] ?? "";
        at += 2;
      } else if (character === "'") {
        const end = raw.indexOf("'", at + 1);
        flush();
        pieces.push({ text: raw.slice(at + 1, end), isQuoted: true });
        at = end + 1;
      } else if (character === '"') {
        flush();
        at = this.#doubleQuoted(raw, at + 1, pieces);
      } else if (character === "$") {
        flush();
        at = this.#dollar(raw, at, false, pieces);
      } else if (character === "~" && at === 0) throw this.#error("~ needs a shell", true);
      else {
        plain += character;
        at++;
      }
    }
    flush();
    return pieces;
  }

  #doubleQuoted(raw: string, start: number, pieces: Piece[]): number {
    let plain = "";
    let at = start;
    pieces.push({ text: "", isQuoted: true });
    while (raw[at] !== '"' && at < raw.length) {
      const character = raw[at]!;
      if (character === "\\" && /[$`"\\\n]/.test(raw[at + 1] ?? "")) {
        if (raw[at + 1] !== "\n") plain += raw[at + 1]!;
        at += 2;
      } else if (character === "$") {
        pieces.push({ text: plain, isQuoted: true });
        plain = "";
        at = this.#dollar(raw, at, true, pieces);
      } else {
        plain += character;
        at++;
      }
    }
    pieces.push({ text: plain, isQuoted: true });
    return at + 1;
  }

  /** Expands what begins with `$` at `at`. */
  #dollar(raw: string, at: number, isQuoted: boolean, pieces: Piece[]): number {
    const next = raw[at + 1];
    if (next === "'" && !isQuoted) {
      let end = at + 2;
      while (end < raw.length && raw[end] !== "'") end += raw[end] === "\\" ? 2 : 1;
      pieces.push({ text: unescapeAnsi(raw.slice(at + 2, end)), isQuoted: true });
      return end + 1;
    }
    if (next === "(" && raw[at + 2] === "(") {
      const end = raw.indexOf("))", at);
      pieces.push({ text: String(this.#arithmetic(raw.slice(at + 3, end))), isQuoted });
      return end + 2;
    }
    if (next === "{") {
      const end = this.#endOfBraces(raw, at + 1);
      this.#push(this.#parameter(raw.slice(at + 2, end)), isQuoted, pieces);
      return end + 1;
    }
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(raw.slice(at + 1))?.[0];
    if (name === undefined) {
      if (next !== undefined && /[0-9@*#?!$-]/.test(next)) throw this.#error(`$${next} needs a shell`, true);
      pieces.push({ text: "$", isQuoted: true });
      return at + 1;
    }
    this.#push({ values: [this.#variables.get(name)?.[0] ?? ""], isList: false }, isQuoted, pieces);
    return at + 1 + name.length;
  }

  #push(expanded: { values: string[]; isList: boolean }, isQuoted: boolean, pieces: Piece[]): void {
    if (!expanded.isList) {
      pieces.push({ text: expanded.values[0] ?? "", isQuoted });
      return;
    }
    expanded.values.forEach((text, index) => {
      if (index > 0) pieces.push({ text: "", isQuoted: false, breaks: true });
      pieces.push({ text, isQuoted });
    });
    if (expanded.values.length === 0) pieces.push({ text: "", isQuoted: false });
  }

  /** The inside of `${…}`. */
  #parameter(inside: string): { values: string[]; isList: boolean } {
    const match = /^([#!]?)([A-Za-z_][A-Za-z0-9_]*)(?:\[([^\]]*)\])?([^]*)$/.exec(inside);
    if (match === null || match[1] === "!") throw this.#error(`\${${inside.slice(0, 40)}} needs a shell`, true);
    const [, length, name, index, operation] = match as unknown as [string, string, string, string | undefined, string];
    const all = this.#variables.get(name);
    const isList = index === "@" || index === "*";
    let values = isList ? [...(all ?? [])] : [all?.[index === undefined ? 0 : this.#arithmetic(index)] ?? ""];
    if (index === "*") values = [values.join(" ")];
    if (length === "#") return { values: [String(isList ? (all ?? []).length : values[0]!.length)], isList: false };
    if (operation === "") return { values, isList: index === "@" };
    const isUnset = all === undefined || (!isList && values[0] === "");
    const word = (text: string): string => this.expand(text);
    const byDefault = /^:?([-+=?])([^]*)$/.exec(operation);
    if (byDefault !== null && !/^:\s/.test(operation)) {
      const isMissing = operation.startsWith(":") ? isUnset : all === undefined;
      switch (byDefault[1]) {
        case "-":
        case "=":
          return isMissing ? { values: [word(byDefault[2]!)], isList: false } : { values, isList: index === "@" };
        case "+":
          return { values: [isMissing ? "" : word(byDefault[2]!)], isList: false };
        default:
          if (isMissing)
            throw this.#error(`${name}: ${byDefault[2]! === "" ? "is not set" : word(byDefault[2]!)}`, false);
          return { values, isList: index === "@" };
      }
    }
    const part = /^:([^:]*)(?::([^]*))?$/.exec(operation);
    if (part !== null) {
      const offset = this.#arithmetic(part[1]!),
        count = part[2] === undefined ? undefined : this.#arithmetic(part[2]);
      if (isList) return { values: slice(values, offset, count), isList: index === "@" };
      return { values: [slice([...values[0]!], offset, count).join("")], isList: false };
    }
    return { values: values.map((value) => this.#transform(value, operation)), isList: index === "@" };
  }

  #transform(value: string, operation: string): string {
    const remove = /^(##?|%%?)([^]*)$/.exec(operation);
    if (remove !== null) return removeMatch(value, this.expand(remove[2]!), remove[1]!);
    const replace = /^\/([/#%]?)([^]*)$/.exec(operation);
    if (replace !== null) {
      const { pattern, replacement } = splitReplacement(replace[2]!);
      return replaceMatch(value, this.expand(pattern), this.expand(replacement), replace[1]!);
    }
    switch (operation) {
      case ",,":
        return value.toLowerCase();
      case "^^":
        return value.toUpperCase();
      case ",":
        return value.charAt(0).toLowerCase() + value.slice(1);
      case "^":
        return value.charAt(0).toUpperCase() + value.slice(1);
      default:
        throw this.#error(`the expansion ${operation.slice(0, 20)} needs a shell`, true);
    }
  }

  #arithmetic(source: string): number {
    const text = source
      .replace(/\$?\{?([A-Za-z_][A-Za-z0-9_]*)\}?/g, (_, name: string) => this.#variables.get(name)?.[0] || "0")
      .replace(/\s+/g, "");
    if (text === "") return 0;
    let at = 0;
    const fail = (): never => {
      throw this.#error(`the arithmetic ${source.slice(0, 40)} needs a shell`, true);
    };
    const primary = (): number => {
      if (text[at] === "(") {
        at++;
        const inner = sum();
        if (text[at++] !== ")") fail();
        return inner;
      }
      if (text[at] === "-") {
        at++;
        return -primary();
      }
      const digits = /^[0-9]+/.exec(text.slice(at))?.[0] ?? fail();
      at += digits.length;
      return /^0[0-7]+$/.test(digits) ? parseInt(digits, 8) : Number(digits);
    };
    const product = (): number => {
      let value = primary();
      while (/[*/%]/.test(text[at] ?? "")) {
        const operator = text[at++]!,
          right = primary();
        if (operator !== "*" && right === 0) fail();
        value = operator === "*" ? value * right : operator === "/" ? Math.trunc(value / right) : value % right;
      }
      return value;
    };
    const sum = (): number => {
      let value = product();
      while (/[+-]/.test(text[at] ?? "")) value += text[at++] === "+" ? product() : -product();
      return value;
    };
    const value = sum();
    return at === text.length ? value : fail();
  }

  /** Splits at blanks that came from unquoted expansions. */
  #split(pieces: readonly Piece[]): string[] {
    const words: string[] = [];
    let word: string | undefined;
    for (const piece of pieces) {
      if (piece.breaks === true) {
        words.push(word ?? "");
        word = undefined;
        continue;
      }
      if (piece.isQuoted) {
        word = (word ?? "") + piece.text;
        continue;
      }
      const parts = piece.text.split(/[ \t\n]+/);
      parts.forEach((part, index) => {
        if (index > 0 && word !== undefined) {
          words.push(word);
          word = undefined;
        }
        if (part !== "") word = (word ?? "") + part;
      });
    }
    if (word !== undefined) words.push(word);
    return words;
  }
}

function slice<T>(values: readonly T[], offset: number, count: number | undefined): T[] {
  const start = offset < 0 ? Math.max(0, values.length + offset) : offset;
  return values.slice(start, count === undefined ? undefined : count < 0 ? values.length + count : start + count);
}

function removeMatch(value: string, pattern: string, kind: string): string {
  const lengths = Array.from({ length: value.length + 1 }, (_, index) => index);
  if (kind.length === 2) lengths.reverse();
  for (const length of lengths) {
    if (kind[0] === "#" && matchesGlob(pattern, value.slice(0, length))) return value.slice(length);
    if (kind[0] === "%" && matchesGlob(pattern, value.slice(value.length - length)))
      return value.slice(0, value.length - length);
  }
  return value;
}

function replaceMatch(value: string, pattern: string, replacement: string, kind: string): string {
  if (kind === "#") {
    const rest = removeMatch(value, pattern, "##");
    return rest.length < value.length || pattern === "" ? replacement + rest : value;
  }
  if (kind === "%") {
    const rest = removeMatch(value, pattern, "%%");
    return rest.length < value.length || pattern === "" ? rest + replacement : value;
  }
  let result = "";
  for (let at = 0; at < value.length;) {
    let end = value.length;
    while (end > at && !matchesGlob(pattern, value.slice(at, end))) end--;
    if (end === at) {
      result += value[at++]!;
      continue;
    }
    result += replacement;
    at = end;
    if (kind !== "/") return result + value.slice(at);
  }
  return result;
}

/** `pattern/replacement`, where the slash may be quoted or stand within braces. */
function splitReplacement(text: string): { pattern: string; replacement: string } {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "{") depth++;
    else if (text[at] === "}") depth--;
    else if (text[at] === "/" && depth === 0)
      return { pattern: unquoted(text.slice(0, at)), replacement: unquoted(text.slice(at + 1)) };
  }
  return { pattern: unquoted(text), replacement: "" };
}

function unquoted(text: string): string {
  return text
    .replace(/\\(\/)/g, "$1")
    .replace(
      /^"([^"]*)"$|^'([^']*)'$/,
      (_, double: string | undefined, single: string | undefined) => double ?? single ?? "",
    );
}

function unescapeAnsi(text: string): string {
  const simple: Readonly<Record<string, string>> = {
    n: "\n",
    t: "\t",
    r: "\r",
    a: "\x07",
    b: "\b",
    e: "\x1b",
    f: "\f",
    v: "\v",
  };
  return text.replace(/\\(x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|u[0-9A-Fa-f]{1,4}|.)/gs, (_, escape: string) => {
    if (/^x[0-9A-Fa-f]/.test(escape) || /^u[0-9A-Fa-f]/.test(escape))
      return String.fromCharCode(parseInt(escape.slice(1), 16));
    if (/^[0-7]/.test(escape)) return String.fromCharCode(parseInt(escape, 8));
    return simple[escape] ?? escape;
  });
}

/** `a{b,c}d` as `abd`, `acd`; `{1..3}`; quotes and parameters stay as they are. */
function braceAlternatives(raw: string): string[] {
  let quote = "";
  for (let at = 0; at < raw.length; at++) {
    const character = raw[at]!;
    if (quote !== "") {
      if (character === "\\" && quote === '"') at++;
      else if (character === quote) quote = "";
      continue;
    }
    if (character === "\\") {
      at++;
      continue;
    }
    if (character === "'" || character === '"') {
      quote = character;
      continue;
    }
    if (character !== "{" || raw[at - 1] === "$") {
      if (character === "{") at = matchingBrace(raw, at) ?? at;
      continue;
    }
    const end = matchingBrace(raw, at);
    if (end === undefined) continue;
    const inside = raw.slice(at + 1, end);
    const options = splitOptions(inside) ?? sequence(inside);
    if (options === undefined) continue;
    const before = raw.slice(0, at);
    return options.flatMap((option) =>
      braceAlternatives(`${option}${raw.slice(end + 1)}`).map((rest) => before + rest),
    );
  }
  return [raw];
}

function matchingBrace(raw: string, at: number): number | undefined {
  let depth = 0;
  for (let index = at; index < raw.length; index++) {
    if (raw[index] === "\\") index++;
    else if (raw[index] === "{") depth++;
    else if (raw[index] === "}" && --depth === 0) return index;
  }
  return undefined;
}

function splitOptions(inside: string): string[] | undefined {
  const options: string[] = [];
  let depth = 0,
    start = 0;
  for (let at = 0; at < inside.length; at++) {
    if (inside[at] === "\\") at++;
    else if (inside[at] === "{") depth++;
    else if (inside[at] === "}") depth--;
    else if (inside[at] === "," && depth === 0) {
      options.push(inside.slice(start, at));
      start = at + 1;
    }
  }
  if (options.length === 0) return undefined;
  return [...options, inside.slice(start)].flatMap(braceAlternatives);
}

function sequence(inside: string): string[] | undefined {
  const numbers = /^(-?[0-9]{1,6})\.\.(-?[0-9]{1,6})$/.exec(inside);
  if (numbers === null) return undefined;
  const from = Number(numbers[1]),
    to = Number(numbers[2]);
  if (Math.abs(to - from) >= WORDS_MAX) return undefined;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) => String(from + (to >= from ? index : -index)));
}
