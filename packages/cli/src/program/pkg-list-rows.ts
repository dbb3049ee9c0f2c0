/** `stratos pkg apply|diff|schema`: a system brought to a list. */
import { Command, Option } from "commander";
import type { ListApplyOptions, ListDiffOptions } from "../commands/pkg-list-command.ts";
import { collect } from "./alpm-command.ts";
import { imageOption } from "./pkg-system-rows.ts";

export function listCommands(finish: (status: number) => void): Command[] {
  const handlers = async (): Promise<typeof import("../commands/pkg-list-command.ts")> =>
    import("../commands/pkg-list-command.ts");
  const apply = onSystem(new Command("apply"))
    .summary("bring a system to a list")
    .description(
      "Brings an image, or a system in a folder, to a list in TOML: packages (official, AUR, Debian), services, " +
        "files and settings, in one transaction. A second apply does nothing. What an earlier list had and this " +
        "one has not goes again.",
    )
    .argument("<list>", "the list, system.toml")
    .option("--update", "fetch the repositories' lists first; done anyway when they are missing")
    .option("-y, --yes", "ask nothing; take the standard answer to each question")
    .addOption(new Option("--aur <url>", "another AUR (default: $STRATOS_AUR, or the AUR itself)"))
    .option("--no-check", "do not run the checks of what is built")
    .option("--verbose", "show what building prints")
    .addOption(new Option("--json", "print JSON"))
    .action(async (list: string, options: ListApplyOptions) =>
      finish(await (await handlers()).applyList(list, options)),
    );
  const diff = onSystem(new Command("diff"))
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

/** A list is for an image, or for a root folder of the host. */
function onSystem(command: Command): Command {
  return command
    .addOption(imageOption().conflicts("root"))
    .option("--root <folder>", "a root folder rather than an image; / is this computer's own")
    .option("--config <file>", "pacman.conf (default: etc/pacman.conf in the root)")
    .option("--keyring <file>", "OpenPGP certificates to trust besides the root's keyrings (repeatable)", collect)
    .option("--mirror <url>", "mirror of Debian to ask instead of the image's (default: $STRATOS_MIRROR)");
}
