/** `stratos pkg apply|diff|schema`: systems brought to a list in TOML. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { Command, Option } from "commander";
import { byteStringToUtf8, printable } from "@stratos/base";
import { ProgressDisplay } from "../progress-display.ts";
import {
  describeListChange,
  ListRecordError,
  readSystemList,
  SYSTEM_LIST_SCHEMA,
  SystemListError,
  type ListChange,
  type SystemList,
} from "@stratos/pkg";
import { toldAlpmFailure, type BuildOptions } from "@stratos/systems/alpm";
import { collect } from "../option-values.ts";
import { CommandError, hostReason } from "../command-error.ts";
import { listOnImage } from "./pkg-list-image.ts";
import { listOnRoot, type ListRootOptions } from "./pkg-list-root.ts";
import { terminalListener } from "./alpm-terminal.ts";
import { imageOption } from "./row-options.ts";

export function listCommands(finish: (status: number) => void): Command[] {
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
    .action(async (list: string, options: ListApplyOptions) => finish(await applyList(list, options)));
  const diff = onSystem(new Command("diff"))
    .summary("show what apply would change")
    .description("Shows what `apply` would change in a system, and changes nothing.")
    .argument("<list>", "the list, system.toml")
    .option("--check", "exit status 1 when something would change")
    .addOption(new Option("--json", "print JSON"))
    .action(async (list: string, options: ListDiffOptions) => finish(await diffList(list, options)));
  const schema = new Command("schema")
    .summary("print the JSON Schema of lists")
    .description("Prints the JSON Schema of system lists, for editors and other programs.")
    .action(async () => finish(await printListSchema()));
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

interface ListApplyOptions extends ListRootOptions, BuildOptions {
  readonly json?: true;
}

interface ListDiffOptions extends ListRootOptions {
  readonly json?: true;
  readonly check?: true;
}

async function applyList(file: string, options: ListApplyOptions): Promise<number> {
  tell(await changesOf(file, options, false), options.json === true, "nothing to do");
  return 0;
}

async function diffList(file: string, options: ListDiffOptions): Promise<number> {
  const changes = await changesOf(file, options, true);
  tell(changes, options.json === true, "nothing would change");
  return options.check === true && changes.some((change) => change.kind !== "note") ? 1 : 0;
}

async function printListSchema(): Promise<number> {
  process.stdout.write(`${JSON.stringify(SYSTEM_LIST_SCHEMA, null, 2)}\n`);
  return 0;
}

function tell(changes: readonly ListChange[], isJson: boolean, nothing: string): void {
  if (isJson) {
    process.stdout.write(
      JSON.stringify(changes, (_, value: unknown) => (typeof value === "string" ? byteStringToUtf8(value) : value), 2) +
        "\n",
    );
    return;
  }
  const notes = changes.filter((change) => change.kind === "note");
  for (const note of notes) process.stderr.write(`${printable(describeListChange(note))}\n`);
  const lines = changes
    .filter((change) => change.kind !== "note")
    .map((change) => byteStringToUtf8(describeListChange(change)));
  process.stdout.write(lines.length === 0 ? `${nothing}\n` : printable(lines.map((line) => `${line}\n`).join("")));
}

/** Applies the list, or only looks, on a root folder or an image. */
async function changesOf(
  file: string,
  options: ListApplyOptions | ListDiffOptions,
  readOnly: boolean,
): Promise<ListChange[]> {
  const what = options.root ?? options.image ?? "image";
  const how = { command: `pkg apply ${basename(file)}`, readOnly };
  try {
    const list = readSystemList(file, {
      read: (path) => {
        try {
          return readFileSync(path);
        } catch (error) {
          // Of what a list names, the list's place is told.
          if (path === file) throw new CommandError(path, hostReason(error));
          return undefined;
        }
      },
      resolve: (from, path) => resolve(dirname(from), path),
      utf8: (text) => Buffer.from(text),
      text: (bytes) => Buffer.from(bytes).toString("utf8"),
    });
    return await (options.root === undefined
      ? onImage(list, options, how)
      : listOnRoot(list, options.root, options, how));
  } catch (error) {
    if (error instanceof SystemListError)
      throw new CommandError(error.message.split(": ")[0]!, error.message.slice(error.message.indexOf(": ") + 2), {
        cause: error,
      });
    if (error instanceof ListRecordError) throw new CommandError(what, error.message, { cause: error });
    throw toldAlpmFailure(error, what);
  }
}

async function onImage(
  list: SystemList,
  options: ListApplyOptions | ListDiffOptions,
  how: { command: string; readOnly: boolean },
): Promise<ListChange[]> {
  const progress = new ProgressDisplay(process.stderr);
  try {
    const listener = terminalListener(
      progress,
      ("yes" in options && options.yes === true) || process.stdin.isTTY !== true,
    );
    return await listOnImage(list, listener, progress, options, how);
  } finally {
    progress.clear();
  }
}
