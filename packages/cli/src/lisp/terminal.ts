/**
 * The prompt of `stratos lisp` on a terminal: lines by Node's readline, with history, completion, indentation and the
 * matching parenthesis.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface, type Interface } from "node:readline";
import { stratosHome } from "@stratos/host-node/home";
import { ExitRequest, type Lisp, Repl } from "@stratos/lisp";
import { ownLibraryFolder } from "@stratos/tools-node/lisp";
import { EXIT_SUCCESS } from "../exit-status.ts";
import type { InterruptKey } from "./interrupt-key.ts";

const HISTORY_LINES = 2000;
/** How long the matching parenthesis is pointed at. */
const MATCH_MS = 150;

/** @returns the exit status that the program asked for */
export async function talkOnTerminal(lisp: Lisp, interrupt: InterruptKey): Promise<number> {
  const repl = new Repl(lisp, { isShown: (file) => !file.startsWith(`${ownLibraryFolder()}/`) });
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
  process.stdin.on("keypress", (_text: string, key: { sequence?: string }) => pointAtMatch(lines, key.sequence ?? ""));
  process.stdout.write("AstraLisp. ,help tells about commands.\n");
  let text = "";
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
    const typed = interrupt.takeTyped();
    if (typed.length > 0) process.stdin.unshift(typed);
  }
  interrupt.close();
  lines.close();
  lisp.flush();
  writeHistory(history, newest);
  return status;
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

/** Moves the cursor to the opening parenthesis for a moment, when it stands in the same line. */
function pointAtMatch(lines: Interface, typed: string): void {
  if (typed !== ")" && typed !== "]") return;
  const { line, cursor } = lines;
  let depth = 0;
  for (let at = cursor - 1; at >= 0; at--) {
    if (")]".includes(line[at]!)) depth++;
    else if ("([".includes(line[at]!) && --depth === 0) {
      const distance = cursor - at;
      process.stdout.moveCursor(-distance, 0);
      setTimeout(() => process.stdout.moveCursor(distance, 0), MATCH_MS);
      return;
    }
  }
}
