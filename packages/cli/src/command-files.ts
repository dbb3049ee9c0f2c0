/**
 * A command stands in one file: its options, and what it does. A file is loaded when the command line names one of its
 * commands, so that each costs no more than itself.
 */
import type { Command } from "commander";

/** Receives the exit status of the command that ran. */
export type Finish = (status: number) => void;

/** What is wanted of the tree of commands; null: nothing below. */
export type Wanted = {
  /** Of the command line, in which commands are named. */
  readonly words: readonly string[];
  /** `named`: those alone that are named; `level`: also those beside them; `all`: the whole tree. */
  readonly scope: "named" | "level" | "all";
} | null;

export interface CommandFile {
  readonly names: readonly string[];
  load(finish: Finish, wanted: Wanted): Promise<Command | readonly Command[]>;
}

/** Where the first word stands that names a command of these; −1: none does. */
export function namedAt(files: readonly CommandFile[], words: readonly string[]): number {
  return words.findIndex((word) => files.some(({ names }) => names.includes(word)));
}

/** Adds what is wanted; all of this level when none is named, for `--help` and for who names none. */
export async function addCommands(
  parent: Command,
  files: readonly CommandFile[],
  finish: Finish,
  wanted: Wanted,
): Promise<void> {
  if (wanted === null) return;
  const { words, scope } = wanted;
  const at = namedAt(files, words);
  for (const { names, load } of files) {
    const isNamed = at >= 0 && names.includes(words[at]!);
    if (scope === "named" && at >= 0 && !isNamed) continue;
    const below = scope === "all" ? wanted : isNamed ? { words: words.slice(at + 1), scope } : null;
    for (const command of [await load(finish, below)].flat()) parent.addCommand(command);
  }
}
