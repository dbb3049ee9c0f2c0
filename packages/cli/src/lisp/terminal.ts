/**
 * The prompt of `stratos lisp` on a terminal: lines by Node's readline, with history, completion, indentation, the
 * matching parenthesis, colours, and how the operator around the cursor is used.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { stratosHome } from "@stratos/host-node/home";
import { ExitRequest, type Lisp, paintedText, Repl } from "@stratos/lisp";
import { documentationFiles, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { EXIT_SUCCESS } from "../exit-status.ts";
import type { InterruptKey } from "./interrupt-key.ts";

const HISTORY_LINES = 2000;
/** How long the matching parenthesis is pointed at. */
const MATCH_MS = 150;

/** @returns the exit status that the program asked for */
export async function talkOnTerminal(lisp: Lisp, interrupt: InterruptKey): Promise<number> {
  const repl = new Repl(lisp, {
    isShown: (file) => !file.startsWith(`${ownLibraryFolder()}/`),
    documentation: documentationFiles,
  });
  const history = join(stratosHome(), "lisp-history");
  const isColoured = process.env["NO_COLOR"] === undefined;
  const paint = (code: number, text: string): string =>
    isColoured && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    historySize: HISTORY_LINES,
    removeHistoryDuplicates: true,
    history: readHistory(history),
    completer: (line: string): [string[], string] => {
      const word = /[^\s()[\]"';,`]*$/.exec(line)![0];
      return [word === "" ? [] : repl.completions(word).map((name) => name), word];
    },
  });
  let newest: string[] = [];
  lines.on("history", (all: string[]) => (newest = all));
  let text = "";
  const typed = new TypedLine(lines, repl, () => (text === "" ? "" : `${text}\n`));
  // Before readline does what a key says, and after it has.
  process.stdin.prependListener("keypress", () => typed.settle());
  process.stdin.on("keypress", (_text: string, key: { sequence?: string; meta?: boolean; name?: string }) => {
    if (key.meta === true && key.name === "h") typed.showDocumentation();
    if (isColoured) typed.draw();
    typed.pointAtMatch(key.sequence ?? "");
  });
  process.stdout.write("AstraLisp. ,help tells about commands.\n");
  const prompt = (): void => {
    lines.setPrompt(
      text === ""
        ? repl.depth === 0
          ? "astra> "
          : `astra[${repl.depth}]> `
        : "...... ".slice(0, repl.depth === 0 ? 7 : 10),
    );
    lines.prompt();
    if (text !== "") lines.write(" ".repeat(repl.indentation(text)));
  };
  lines.on("SIGINT", () => {
    text = "";
    process.stdout.write("^C\n");
    prompt();
  });
  prompt();
  let status = EXIT_SUCCESS;
  for await (const line of lines) {
    text = text === "" ? line : `${text}\n${line}`;
    if (repl.isIncomplete(text)) {
      prompt();
      continue;
    }
    const whole = text;
    text = "";
    if (whole.trim() !== "") {
      try {
        const result = await repl.submitWaiting(whole);
        if (result.text !== "")
          process.stdout.write(`${result.isError ? paint(31, result.text) : paint(36, result.text)}\n`);
        if (result.wantsToEnd) break;
      } catch (error) {
        if (!(error instanceof ExitRequest)) throw error;
        status = error.status;
        break;
      }
    }
    prompt();
    const ahead = interrupt.takeTyped();
    if (ahead.length > 0) process.stdin.unshift(ahead);
  }
  interrupt.close();
  lines.close();
  lisp.flush();
  writeHistory(history, newest);
  return status;
}

/** Longer lines are not drawn anew at each key. */
const DRAWN_MAX = 2000;
const COLOURS: Readonly<Record<string, number>> = { string: 32, comment: 90, skip: 90 };

/** The line that is typed, which readline has drawn: in colours, with how its operator is used behind it. */
class TypedLine {
  readonly #lines: Interface;
  readonly #repl: Repl;
  /** What was typed before of the same form. */
  readonly #before: () => string;
  #hasHint: boolean;
  /** How far before its place the cursor stands, to point at a parenthesis. */
  #away: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(lines: Interface, repl: Repl, before: () => string) {
    this.#lines = lines;
    this.#repl = repl;
    this.#before = before;
    this.#hasHint = false;
    this.#away = 0;
    this.#timer = undefined;
  }

  /** Brings the cursor back, and takes the hint away, which is behind it. */
  settle(): void {
    clearTimeout(this.#timer);
    if (this.#away > 0) process.stdout.moveCursor(this.#away, 0);
    this.#away = 0;
    if (this.#hasHint) process.stdout.write("\x1b[K");
    this.#hasHint = false;
  }

  draw(): void {
    const { line, cursor } = this.#lines;
    if (line === "" || line.length > DRAWN_MAX) return;
    const { rows, cols } = this.#lines.getCursorPos();
    const before = this.#before();
    const painted = paintedText(before + line, before.length, (kind, part) =>
      COLOURS[kind] === undefined ? part : `\x1b[${COLOURS[kind]}m${part}\x1b[0m`,
    );
    // All of it stands there already, so that nothing scrolls and the cursor's place is the same.
    const up = rows > 0 ? `\x1b[${rows}A` : "";
    process.stdout.write(`\x1b7${up}\r${this.#lines.getPrompt()}${painted}\x1b8`);
    if (cursor < line.length) return;
    const form = this.#repl.documentationAt(before + line, before.length + cursor)?.forms[0];
    if (form === undefined || cols + form.length + 3 > process.stdout.columns) return;
    process.stdout.write(`\x1b7  \x1b[90m${form}\x1b[0m\x1b8`);
    this.#hasHint = true;
  }

  /** Below the line, which is then written again. */
  showDocumentation(): void {
    const before = this.#before();
    const { line, cursor } = this.#lines;
    const found = this.#repl.documentationAt(before + line, before.length + cursor);
    if (found === null) return;
    process.stdout.write(`\n\x1b[J${[...found.forms, found.text].join("\n")}\n`);
    this.#lines.prompt(true);
  }

  /** Moves the cursor to the opening parenthesis for a moment, when it stands in the same line. */
  pointAtMatch(typed: string): void {
    if (typed !== ")" && typed !== "]") return;
    const { line, cursor } = this.#lines;
    let depth = 0;
    for (let at = cursor - 1; at >= 0; at--) {
      if (")]".includes(line[at]!)) depth++;
      else if ("([".includes(line[at]!) && --depth === 0) {
        this.#away = cursor - at;
        process.stdout.moveCursor(-this.#away, 0);
        this.#timer = setTimeout(() => {
          process.stdout.moveCursor(this.#away, 0);
          this.#away = 0;
        }, MATCH_MS);
        return;
      }
    }
  }
}

/** Newest first, as readline has it. */
function readHistory(path: string): string[] {
  return existsSync(path)
    ? readFileSync(path, "utf8")
        .split("\n")
        .filter((line) => line !== "")
        .reverse()
    : [];
}

/** A history that cannot be kept is no reason to fail. */
function writeHistory(path: string, newest: readonly string[]): void {
  if (newest.length === 0) return;
  try {
    mkdirSync(stratosHome(), { recursive: true });
    writeFileSync(path, `${[...newest].reverse().join("\n")}\n`, { mode: 0o600 });
  } catch {
    // The next session begins without these lines.
  }
}
