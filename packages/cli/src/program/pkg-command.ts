/**
 * `stratos pkg`: packages, repositories, and the packages of images. Each row loads what the command does when it is
 * run.
 */
import { Command } from "commander";
import { alpmCommand } from "./alpm-command.ts";
import type { Finish } from "./fs-rows.ts";
import { debCommand, keyCommand, repoCommand } from "./pkg-file-rows.ts";
import { listCommands } from "./pkg-list-rows.ts";
import { queryCommands } from "./pkg-query-rows.ts";
import { systemCommands } from "./pkg-system-rows.ts";

export function pkgCommand(finish: Finish): Command {
  const pkg = new Command("pkg")
    .summary("packages and repositories")
    .description("Packages of images, packages as files, repositories of one's own, and systems described by a list.")
    .usage("COMMAND");
  for (const command of [
    ...systemCommands(finish),
    ...queryCommands(finish),
    ...listCommands(finish),
    debCommand(finish),
    repoCommand(finish),
    keyCommand(finish),
    alpmCommand(finish),
  ])
    pkg.addCommand(command);
  return pkg;
}
