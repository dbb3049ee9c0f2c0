/** `stratos pkg …`: packages of distributions. */
import { Command } from "commander";
import { alpmCommand } from "./alpm-command.ts";

/** @param finish  receives the exit status of the command that ran */
export function pkgCommand(finish: (status: number) => void): Command {
  const pkg = new Command("pkg").summary("manage packages of a system").description("Manages packages of a system.").usage("COMMAND");
  for (const command of [alpmCommand(finish)]) pkg.addCommand(command);
  return pkg;
}
