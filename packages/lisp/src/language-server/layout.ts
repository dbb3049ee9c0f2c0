/** What a text looks like: its formatting, folds, and the colours of its tokens. */
import type { FoldingRange, TextEdit } from "vscode-languageserver-types";
import { Indentation } from "../repl/indentation.ts";
import type { Occurrence } from "./analysis.ts";
import { isDefinition } from "./names.ts";
import type { Procedures } from "./procedures.ts";
import type { TextLines } from "./text-document.ts";
import { scan, type Token } from "../reader/tokens.ts";

/**
 * Lines are indented as the prompt does it, and blanks at their ends go; strings and block comments stay as they are.
 *
 * @param first  and `last`: lines that may be changed, from 0
 */
export function formatted(lines: TextLines, first = 0, last = Infinity): TextEdit[] {
  const edits: TextEdit[] = [];
  const indentation = new Indentation();
  const count = lines.starts.length;
  for (let index = 0; index < count && index <= last; index++) {
    const line = lines.line(index);
    if (indentation.isInsideToken) {
      indentation.add(`${line}\n`);
      continue;
    }
    const blanks = /^[ \t]*/.exec(line)![0];
    const rest = line.slice(blanks.length);
    // A comment of one semicolon stands where it is: in a column of its own, as others have it.
    const wanted =
      index < first || (/^;(?!;)/.test(rest) && blanks !== "")
        ? line
        : rest === ""
          ? ""
          : " ".repeat(indentation.blanks) + rest;
    indentation.add(wanted);
    const end = indentation.isInsideToken ? wanted : wanted.trimEnd();
    const shown = index < first || endsInCharacter(end) ? wanted : end;
    indentation.add("\n");
    if (shown !== line) edits.push({ range: lineRange(index, line, shown), newText: difference(line, shown) });
  }
  return edits;
}

/** `#\ ` is a character: its blank is no end of a line. */
function endsInCharacter(text: string): boolean {
  return text.endsWith("#\\");
}

/** Only the blanks that differ are touched, so that a cursor in the line stays where it is. */
function lineRange(line: number, before: string, after: string): TextEdit["range"] {
  const { start, end } = changed(before, after);
  return { start: { line, character: start }, end: { line, character: before.length - end } };
}

function difference(before: string, after: string): string {
  const { start, end } = changed(before, after);
  return after.slice(start, after.length - end);
}

function changed(before: string, after: string): { readonly start: number; readonly end: number } {
  const most = Math.min(before.length, after.length);
  let start = 0,
    end = 0;
  while (start < most && before[start] === after[start]) start++;
  while (end < most - start && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  return { start, end };
}

/** Lists of several lines, block comments, and comments on lines that follow one another. */
export function foldsOf(lines: TextLines): FoldingRange[] {
  const folds: FoldingRange[] = [];
  const open: Token[] = [];
  const lineOf = (offset: number): number => lines.positionAt(offset).line;
  let run: { first: number; last: number } | null = null;
  const endRun = (): void => {
    if (run !== null && run.last > run.first) folds.push({ startLine: run.first, endLine: run.last, kind: "comment" });
    run = null;
  };
  const tokens = scan(lines.text);
  for (const token of tokens) {
    const line = lineOf(token.start);
    const isLineComment = token.kind === "comment" && lines.text[token.start] === ";";
    const isAlone = isLineComment && lines.line(line).trimStart().startsWith(";");
    const known = run as { first: number; last: number } | null;
    if (isAlone && known !== null && known.last === line - 1) known.last = line;
    else {
      endRun();
      if (isAlone) run = { first: line, last: line };
    }
    if (token.kind === "open") open.push(token);
    else if (token.kind === "close") {
      const start = open.pop();
      if (start !== undefined && lineOf(start.start) < line)
        folds.push({ startLine: lineOf(start.start), endLine: line });
    } else if (token.kind === "comment" && !isLineComment) {
      const last = lineOf(token.end);
      if (last > line) folds.push({ startLine: line, endLine: last, kind: "comment" });
    }
  }
  endRun();
  return folds.sort((a, b) => a.startLine - b.startLine);
}

/** LSP 3.17, "Semantic Tokens": types and modifiers as they are numbered in what is sent. */
export const TOKEN_TYPES = [
  "keyword",
  "macro",
  "function",
  "variable",
  "parameter",
  "string",
  "number",
  "comment",
  "type",
];
export const TOKEN_MODIFIERS = ["definition", "defaultLibrary"];
const DEFINITION = 1;
const DEFAULT_LIBRARY = 2;

/**
 * Five numbers a token: lines and characters after the one before, length, type, modifiers. A token of several lines
 * is one for each of its lines.
 */
export function semanticTokens(
  lines: TextLines,
  occurrences: readonly Occurrence[],
  { file, procedures, start, end }: { file: string; procedures: Procedures; start: number; end: number },
): number[] {
  const { text } = lines;
  const byStart = new Map(occurrences.map((one) => [one.start, one]));
  const data: number[] = [];
  let lastLine = 0,
    lastCharacter = 0;
  const put = (from: number, to: number, type: string, modifiers: number): void => {
    const position = lines.positionAt(from);
    const isSameLine = position.line === lastLine;
    const character = isSameLine ? position.character - lastCharacter : position.character;
    data.push(position.line - lastLine, character, to - from, TOKEN_TYPES.indexOf(type), modifiers);
    lastLine = position.line;
    lastCharacter = position.character;
  };
  for (const token of scan(text)) {
    if (token.end <= start || token.start >= end) continue;
    const occurrence = byStart.get(token.start);
    if (token.kind === "symbol" || (token.kind === "number" && occurrence !== undefined)) {
      if (occurrence === undefined) continue;
      const [type, modifiers] = kindOf(occurrence, file, procedures);
      put(token.start, token.end, type, modifiers);
    } else if (token.kind === "number") put(token.start, token.end, "number", 0);
    else if (token.kind === "string" || token.kind === "comment") {
      for (let from = token.start; from < token.end;) {
        const newline = /[\r\n]+/.exec(text.slice(from, token.end));
        const to = newline === null ? token.end : from + newline.index;
        if (to > from) put(from, to, token.kind, 0);
        from = newline === null ? token.end : to + newline[0].length;
      }
    }
  }
  return data;
}

function kindOf(occurrence: Occurrence, file: string, procedures: Procedures): readonly [string, number] {
  const { binding } = occurrence;
  const definition = isDefinition(occurrence, file) ? DEFINITION : 0;
  switch (binding.kind) {
    case "core":
    case "auxiliary":
      return ["keyword", DEFAULT_LIBRARY];
    case "macro":
      return ["macro", definition];
    case "type":
      return ["type", definition];
    case "local":
    case "pattern":
      return ["parameter", definition];
    case "global": {
      const { global } = binding;
      if (global.primitive !== null) return ["function", DEFAULT_LIBRARY];
      return [procedures.ofGlobal(global) === null && definition === 0 ? "variable" : "function", definition];
    }
  }
}
