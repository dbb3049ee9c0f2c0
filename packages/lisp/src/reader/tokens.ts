/**
 * The tokens of a text with their places, whatever the text is: for colours, folding and what stands around the cursor.
 * The reader (reader/reader.ts) gives data, and refuses what is none; here everything is some token.
 */
import { isDelimiter, isSpace } from "./letters.ts";

type TokenKind =
  | "open"
  | "close"
  | "string"
  | "symbol"
  | "number"
  | "constant"
  | "comment"
  | "skip"
  | "prefix"
  | "error";

/** `start` and `end` are offsets in UTF-16 units. `skip`: the `#;` before a datum. */
export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
}

export function scan(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length;) {
    const code = text.charCodeAt(at);
    if (isSpace(code)) {
      at++;
      continue;
    }
    const token = tokenAt(text, at, code);
    tokens.push(token);
    at = token.end;
  }
  return tokens;
}

function tokenAt(text: string, start: number, code: number): Token {
  const token = (kind: TokenKind, end: number): Token => ({ kind, start, end: Math.min(end, text.length) });
  switch (text[start]) {
    case "(":
    case "[":
      return token("open", start + 1);
    case ")":
    case "]":
      return token("close", start + 1);
    case "'":
    case "`":
      return token("prefix", start + 1);
    case ",":
      return token("prefix", start + (text[start + 1] === "@" ? 2 : 1));
    case ";":
      return token("comment", lineEnd(text, start));
    case '"':
      return token("string", delimitedEnd(text, start, '"'));
    case "|":
      return token("symbol", delimitedEnd(text, start, "|"));
    case "#":
      return sharp(text, start, token);
    default: {
      const end = wordEnd(text, start);
      if (end === start) return token("error", start + 1);
      const isNumber = (code >= 48 && code <= 57) || /^[+-]?\.?\d/.test(text.slice(start, start + 4));
      return token(isNumber ? "number" : "symbol", end);
    }
  }
}

function sharp(text: string, start: number, token: (kind: TokenKind, end: number) => Token): Token {
  const next = text[start + 1] ?? "";
  switch (next) {
    case "(":
      return token("open", start + 2);
    case "|":
      return token("comment", blockEnd(text, start));
    case ";":
      return token("skip", start + 2);
    case "'":
    case "`":
      return token("prefix", start + 2);
    case ",":
      return token("prefix", start + (text[start + 2] === "@" ? 3 : 2));
    case "\\": {
      const first = text.codePointAt(start + 2);
      if (first === undefined) return token("constant", start + 2);
      const after = start + (first > 0xffff ? 4 : 3);
      return token("constant", /[\p{L}\p{N}]/u.test(String.fromCodePoint(first)) ? wordEnd(text, after) : after);
    }
    case "!":
      // The first line of a script is for the system.
      if (start === 0 && /^#!(?:\/| )/.test(text)) return token("comment", lineEnd(text, start));
      return token("constant", wordEnd(text, start + 2));
    default: {
      const end = wordEnd(text, start + 1);
      if (text.slice(start, end).toLowerCase() === "#u8" && text[end] === "(") return token("open", end + 1);
      if (/^#\d+=$/.test(text.slice(start, end))) return token("prefix", end);
      return token(/^[eibodx]$/i.test(next) ? "number" : "constant", Math.max(end, start + 1));
    }
  }
}

function wordEnd(text: string, at: number): number {
  while (at < text.length && !isDelimiter(text.charCodeAt(at))) at++;
  return at;
}

function lineEnd(text: string, at: number): number {
  while (at < text.length && text[at] !== "\n" && text[at] !== "\r") at++;
  return at;
}

function delimitedEnd(text: string, start: number, end: string): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === end) return at + 1;
  }
  return text.length;
}

function blockEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === "#" && text[at + 1] === "|") depth++;
    else if (text[at] === "|" && text[at + 1] === "#") depth--;
    else continue;
    at++;
    if (depth === 0) return at + 1;
  }
  return text.length;
}
