/**
 * Help as wide as the terminal, or $COLUMNS where there is none (80 without it): also descriptions beside long options,
 * and the words after them, which commander leaves as they are.
 */
import type { Command } from "commander";

const COLUMNS_MIN = 40;
/** Columns that a description needs to be wrapped; with fewer it keeps its long lines. */
const DESCRIPTION_MIN = 10;

export function wrapHelp(command: Command): void {
  command.configureHelp({ minWidthToWrap: DESCRIPTION_MIN }).configureOutput({
    getOutHelpWidth: columns,
    getErrHelpWidth: columns,
    writeOut: (text) => void process.stdout.write(wrapLines(text, columns())),
    writeErr: (text) => void process.stderr.write(wrapLines(text, columns())),
  });
}

function columns(): number {
  const told = process.stdout.isTTY ? process.stdout.columns : Number(process.env["COLUMNS"]);
  return Number.isInteger(told) && told > 0 ? Math.max(told, COLUMNS_MIN) : 80;
}

/** Breaks lines that are too wide at spaces; what follows keeps the line's indent. */
function wrapLines(text: string, width: number): string {
  return text
    .split("\n")
    .flatMap((line) => (line.length > width ? wrapLine(line, width) : [line]))
    .join("\n");
}

function wrapLine(line: string, width: number): string[] {
  const indent = /^ */.exec(line)![0];
  const lines: string[] = [];
  let at = indent;
  for (const word of line.trim().split(" ")) {
    if (at.length > indent.length && at.length + 1 + word.length > width) {
      lines.push(at);
      at = indent;
    }
    at += at.length > indent.length ? ` ${word}` : word;
  }
  return [...lines, at];
}
