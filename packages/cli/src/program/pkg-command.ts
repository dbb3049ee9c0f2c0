/** `stratos pkg`: packages, repositories, and the packages of images. Each row loads what the command does when it is run. */
import { Command } from "commander";
import { alpmCommand } from "./alpm-command.ts";
import type { Finish } from "./fs-rows.ts";
import { debCommand, keyCommand, repoCommand } from "./pkg-file-rows.ts";

export function pkgCommand(finish: Finish): Command {
  const pkg = new Command("pkg").summary("packages and repositories").description("Packages of images, packages as files, and repositories of one's own.").usage("COMMAND");
  for (const command of [debCommand(finish), repoCommand(finish), keyCommand(finish), alpmCommand(finish)]) pkg.addCommand(command);
  return pkg;
}
