/** A string is one literal where a line has room for it: a sum of two that would fit is hard to read and to search. */
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

const WIDTH_MAX = 120;
const SUM = /["'`]\s*\+\s*["'`]/;

export function checkBrokenStrings(tree: SourceTree): Finding[] {
  return tree.files.flatMap(({ path, text }) => {
    if (!/\.(ts|mjs)$/.test(path)) return [];
    return findBrokenStrings(text).map(({ start }) => {
      const message = "a string broken in two that fits on one line: make it one";
      return { path, line: lineAt(text, start), message };
    });
  });
}

/** @returns the sums of two literals, from `start` to `end`, and the one literal that can take their place */
export function findBrokenStrings(text: string): { start: number; end: number; joined: string }[] {
  if (!SUM.test(text)) return [];
  const found = [];
  let before: Literal | undefined;
  for (const literal of literalsOf(text)) {
    const joined = before === undefined ? undefined : joinedPair(text, before, literal);
    if (joined !== undefined) found.push({ start: before!.start, end: literal.end, joined });
    before = literal;
  }
  return found;
}

function joinedPair(text: string, first: Literal, second: Literal): string | undefined {
  const between = text.slice(first.end, second.start);
  if (!/^\s*\+\s*$/.test(between) || /^\s*\)?[.[(]/.test(text.slice(second.end))) return undefined;
  const [left, right] = [text.slice(first.start, first.end), text.slice(second.start, second.end)];
  if (`${left}${right}`.includes("\n") || isTagged(text, first)) return undefined;
  // A break after a line's end shows the text as its reader will see it; a digit would join the escape before it.
  if (between.includes("\n") && /\\n["'`]$/.test(left)) return undefined;
  if (/\\0["'`]$/.test(left) && /^["'`]\d/.test(right)) return undefined;

  const joined = literalOf([...partsOf(left), ...partsOf(right)]);
  const before = text.slice(0, first.start);
  const after = text.slice(second.end);
  return widthAround(before, joined, after) + joined.length <= WIDTH_MAX ? joined : undefined;
}

/** What else stands on the line of a literal, once it is one and the formatter has placed it. */
function widthAround(before: string, joined: string, after: string): number {
  const rest = /[^\n]*/.exec(after)![0];
  const own = before.slice(before.lastIndexOf("\n") + 1);
  const opening = before
    .slice(0, -own.length - 1)
    .split("\n")
    .at(-1)!;
  // It breaks neither the head of a test, what is returned, nor before a template that is a value.
  const callback = /^,\n\s*((?:async )?\([^\n]*\) =>[^\n]*)/.exec(after);
  if (callback !== null && /^\s*(?:it|test|describe)\($/.test(opening)) return opening.length + callback[1]!.length + 2;
  if (own.trim() === "" && (opening.endsWith("return (") || (joined.startsWith("`") && /[=:]$/.test(opening))))
    return opening.length + 1 + rest.length;
  return own.length + rest.length;
}

interface Literal {
  readonly start: number;
  readonly end: number;
}

const TOKEN = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'|[`/{}]/g;
const PATTERN = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;

/** The strings and templates of a source text, in order; what stands inside a template belongs to it. */
function literalsOf(text: string): Literal[] {
  const found: Literal[] = [];
  readCode(text, 0, (literal) => found.push(literal));
  return found;
}

/** Reads code from `at` to the brace that closes it. @returns the offset after that brace, or the text's end */
function readCode(text: string, at: number, report: (literal: Literal) => void): number {
  const token = new RegExp(TOKEN);
  token.lastIndex = at;
  let depth = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [found] = match;
    const start = match.index;
    if (found === "{") depth++;
    else if (found === "}" && depth-- === 0) return token.lastIndex;
    else if (found === "/") token.lastIndex = endOfPattern(text, start);
    else if (found === "`") report({ start, end: (token.lastIndex = endOfTemplate(text, start)) });
    else if (/^["']/.test(found)) report({ start, end: token.lastIndex });
  }
  return text.length;
}

function endOfTemplate(text: string, start: number): number {
  const inside = /\\[\s\S]|\$\{|`/g;
  inside.lastIndex = start + 1;
  for (let match = inside.exec(text); match !== null; match = inside.exec(text)) {
    if (match[0] === "`") return inside.lastIndex;
    if (match[0] === "${") inside.lastIndex = readCode(text, inside.lastIndex, () => undefined);
  }
  return text.length;
}

/** Past a regular expression, or past the stroke of a division. */
function endOfPattern(text: string, start: number): number {
  const before = text.slice(Math.max(0, start - 40), start).trimEnd();
  if (/[\w$)\]}]$/.test(before) && !/\b(return|case|typeof)$/.test(before)) return start + 1;
  PATTERN.lastIndex = start;
  return PATTERN.test(text) ? PATTERN.lastIndex : start + 1;
}

function isTagged(text: string, { start }: Literal): boolean {
  return text[start] === "`" && /[\w$)\]]/.test(text[start - 1] ?? "");
}

/** `code` as it stands between a template's braces, or `plain` text with its escapes, quotes without theirs. */
type Part = { readonly code: string } | { readonly plain: string };

function partsOf(literal: string): Part[] {
  const [quote] = literal;
  const parts: Part[] = [];
  const body = /\\[\s\S]|\$\{|[^\\$]+|\$/g;
  body.lastIndex = 1;
  while (body.lastIndex < literal.length - 1) {
    const [found] = body.exec(literal)!;
    if (quote === "`" && found === "${") {
      const end = readCode(literal, body.lastIndex, () => undefined);
      parts.push({ code: literal.slice(body.lastIndex, end - 1) });
      body.lastIndex = end;
    } else {
      const plain = /^\\["'`$]$/.test(found) ? found[1]! : found;
      parts.push({ plain: body.lastIndex === literal.length ? plain.slice(0, -1) : plain });
    }
  }
  return parts;
}

function literalOf(parts: readonly Part[]): string {
  if (parts.some((part) => "code" in part)) {
    const text = parts.map((part) => ("code" in part ? `\0${part.code}\0` : part.plain)).join("");
    const pieces = text.split("\0");
    return `\`${pieces.map((piece, index) => (index % 2 === 1 ? `\${${piece}}` : escaped(piece, "`"))).join("")}\``;
  }
  const text = parts.map((part) => ("plain" in part ? part.plain : "")).join("");
  const quote = text.split('"').length > text.split("'").length ? "'" : '"';
  return `${quote}${escaped(text, quote)}${quote}`;
}

function escaped(plain: string, quote: string): string {
  return plain.replace(/\\[\s\S]|\$\{|["'`]/g, (found) =>
    found === quote || (quote === "`" && found === "${") ? `\\${found}` : found,
  );
}
