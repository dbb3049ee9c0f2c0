/** `stratos pkg apply|diff|schema`: a system brought to a list. */
import { Command, Option } from "commander";
import type { ListApplyOptions, ListDiffOptions } from "../commands/pkg-list-command.ts";
import { inRoot } from "./alpm-command.ts";

export function listCommands(finish: (status: number) => void): Command[] {
  const handlers = async (): Promise<typeof import("../commands/pkg-list-command.ts")> => import("../commands/pkg-list-command.ts");
  const apply = inRoot(new Command("apply"))
    .summary("bring a system to a list")
    .description("Brings a system to a list in TOML: packages (official, AUR, Debian), services, files and settings, in one transaction. A second apply does nothing. What an earlier list had and this one has not goes again.")
    .argument("<list>", "the list, system.toml")
    .option("--update", "fetch the repositories' lists first; done anyway when they are missing")
    .option("-y, --yes", "ask nothing; take the standard answer to each question")
    .addOption(new Option("--aur <url>", "another AUR (default: $STRATOS_AUR, or the AUR itself)"))
    .option("--no-check", "do not run the checks of what is built")
    .option("--verbose", "show what building prints")
    .addOption(new Option("--json", "print JSON"))
    .action(async (list: string, options: ListApplyOptions) => finish(await (await handlers()).applyList(list, options)));
  const diff = inRoot(new Command("diff"))
    .summary("show what apply would change")
    .description("Shows what `apply` would change in a system, and changes nothing.")
    .argument("<list>", "the list, system.toml")
    .option("--check", "exit status 1 when something would change")
    .addOption(new Option("--json", "print JSON"))
    .action(async (list: string, options: ListDiffOptions) => finish(await (await handlers()).diffList(list, options)));
  const schema = new Command("schema")
    .summary("print the JSON Schema of lists")
    .description("Prints the JSON Schema of system lists, for editors and other programs.")
    .action(async () => finish(await (await handlers()).printListSchema()));
  return [apply, diff, schema];
}
