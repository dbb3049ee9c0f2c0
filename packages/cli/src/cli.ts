/**
 * The command line of Stratos. `main.ts` is the program; `runCli` is the same for tests and for other faces.
 *
 * A run goes: arguments → `program/` (parsing, help, man pages, completion from one tree) → `commands/` (what each
 * does) → `session/` (one machine from an image, the host's ports and the terminal; the composition root).
 */
export { runCli } from "./run-cli.ts";
export { CommandError, UsageError } from "./command-error.ts";
export { createProgram, type CommandHandlers } from "./program/program.ts";
export { manPage, manPageNames } from "./program/man-page.ts";
export { completionScript, COMPLETION_SHELLS } from "./program/completion.ts";
