/**
 * Command lines of `stratos lisp` that need no parser: a program or expressions. Loading all that the command line of
 * Stratos is made of takes longer than a short program runs, so `main.ts` asks here first.
 */
import type { LispOptions } from "@stratos/tools-node/lisp";

interface PlainArguments {
  readonly file: string | undefined;
  readonly args: readonly string[];
  readonly options: LispOptions;
}

/** First words that are verbs, not files. */
const VERBS: readonly string[] = ["build", "dap", "doc", "lsp", "help", "package", "profile", "test"];

/**
 * @param words  what follows `stratos lisp`
 * @returns null for all that the command's own parser (commands/lisp.ts) must see: verbs, the prompt, help, mistakes
 */
export function plainArguments(words: readonly string[]): PlainArguments | null {
  const expressions: string[] = [];
  const libraryPath: string[] = [];
  let engine: string | undefined;
  let at = 0;
  for (; words[at]?.startsWith("-") === true; at += 2) {
    const value = words[at + 1];
    if (value === undefined || value.startsWith("-")) return null;
    if (words[at] === "-e" || words[at] === "--eval") expressions.push(value);
    else if (words[at] === "-I" || words[at] === "--library-path") libraryPath.push(value);
    else if (words[at] === "--engine") engine = value;
    else return null;
  }
  const file = words[at];
  if (file === undefined ? expressions.length === 0 : file === "" || VERBS.includes(file)) return null;
  const options = { eval: expressions, libraryPath, ...(engine === undefined ? {} : { engine }) };
  return { file, args: words.slice(at + 1), options };
}
