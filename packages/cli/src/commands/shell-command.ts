import type { RunOptions } from "../session/run-options.ts";
import { hasTerminal } from "@stratos/images/run";
import { runHere } from "../session/run-program.ts";

/** The user's shell: a login shell on a terminal, else one that reads commands from standard input. */
export function runShell(options: RunOptions): Promise<number> {
  return runHere(
    (user) => {
      const name = user.shell.slice(user.shell.lastIndexOf("/") + 1);
      return { program: user.shell, argv: [hasTerminal() ? `-${name}` : name] };
    },
    { ...options, workdir: options.workdir ?? "/root" },
  );
}
