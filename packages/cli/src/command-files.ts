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
  /**
   * `named`: those that are named; `level`: each level unless its first word names one, as help and who tells of a slip
   * need it; `all`: the whole tree.
   */
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
  // A word behind an option may be its value. Who runs something is told of that, but help that lacks commands looks
  // whole: there only the first word excludes the others.
  const isOnly = at >= 0 && (scope === "named" || (scope === "level" && at === (words[0] === "help" ? 1 : 0)));
  for (const { names, load } of files) {
    if (isOnly && !names.includes(words[at]!)) continue;
    const own = words.findIndex((word) => names.includes(word));
    // `help` reads one word.
    const rest = scope === "level" && words[0] === "help" ? [] : words.slice(own + 1);
    const below = scope === "all" ? wanted : own < 0 ? null : { words: rest, scope };
    for (const command of [await load(finish, below)].flat()) parent.addCommand(command);
  }
}
