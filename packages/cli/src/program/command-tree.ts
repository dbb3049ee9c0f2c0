/** Views of the command tree for what derives from it. */
import type { Command, Option } from "commander";

/** A command and its place: `["image", "build"]`; the program itself is `[]`. */
export interface CommandPlace {
  readonly path: readonly string[];
  readonly command: Command;
}

/** The program and all commands below it, in order. */
export function allCommands(program: Command, path: readonly string[] = []): CommandPlace[] {
  const places: CommandPlace[] = [{ path, command: program }];
  for (const command of program.commands) places.push(...allCommands(command, [...path, command.name()]));
  return places;
}

/** Options that are shown, with --help. */
export function shownOptions(command: Command): Option[] {
  return [...command.createHelp().visibleOptions(command)];
}

/** `value name` of an option that takes one: `size` of `--memory <size>`; null for a flag. */
export function optionValueName(option: Option): string | null {
  return /[<[](.+)[>\]]$/.exec(option.flags)?.[1] ?? null;
}
