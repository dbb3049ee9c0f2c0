/** `stratos lisp` without its parser (commands/lisp.ts): a program, expressions, or the prompt. */
import type { Lisp } from "@stratos/lisp";
import { type LispOptions, runLisp } from "@stratos/tools-node/lisp";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { statusOfEnd } from "./ended.ts";

export async function runLispCommand(
  file: string | undefined,
  args: readonly string[],
  options: LispOptions,
): Promise<number> {
  return statusOfEnd(await runLisp({ ...options, file, args, talk }));
}

async function talk(lisp: Lisp): Promise<number> {
  if (process.stdin.isTTY && process.stdout.isTTY) return await (await import("./terminal.ts")).talkOnTerminal(lisp);
  // Through a pipe: each form is read when the one before has run, so that a program may read what follows it.
  await lisp.evaluateInput();
  return EXIT_SUCCESS;
}
