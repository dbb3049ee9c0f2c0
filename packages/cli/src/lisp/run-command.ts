/** `stratos lisp` without its parser (commands/lisp.ts): a program, expressions, or the prompt. */
import type { Lisp } from "@stratos/lisp";
import { type LispOptions, runLisp } from "@stratos/tools-node/lisp";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { statusOfEnd } from "./ended.ts";
import { InterruptKey } from "./interrupt-key.ts";

export async function runLispCommand(
  file: string | undefined,
  args: readonly string[],
  options: LispOptions,
): Promise<number> {
  const key = process.stdin.isTTY && process.stdout.isTTY ? new InterruptKey() : null;
  return statusOfEnd(
    await runLisp({
      ...options,
      file,
      args,
      isInterrupted: () => key !== null && key.isPressed(),
      talk: async (lisp) => await talk(lisp, key),
    }),
  );
}

async function talk(lisp: Lisp, key: InterruptKey | null): Promise<number> {
  if (key !== null) return await (await import("./terminal.ts")).talkOnTerminal(lisp, key);
  // Through a pipe: each form is read when the one before has run, so that a program may read what follows it.
  await lisp.evaluateInput();
  return EXIT_SUCCESS;
}
