/** `stratos pkg apply|diff|schema`: systems brought to a list in TOML. */
import { readFileSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { byteStringToUtf8, printable } from "@stratos/base";
import { ProgressDisplay } from "@stratos/host-node";
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
import { CommandError } from "../command-error.ts";
import { listOnImage } from "./pkg-list-image.ts";
import { listOnRoot, type ListRootOptions } from "./pkg-list-root.ts";
import { terminalListener } from "./alpm-terminal.ts";

export interface ListApplyOptions extends ListRootOptions, BuildOptions {
  readonly json?: true;
}

export interface ListDiffOptions extends ListRootOptions {
  readonly json?: true;
  readonly check?: true;
}

export async function applyList(file: string, options: ListApplyOptions): Promise<number> {
  tell(await changesOf(file, options, false), options.json === true, "nothing to do");
  return 0;
}

export async function diffList(file: string, options: ListDiffOptions): Promise<number> {
  const changes = await changesOf(file, options, true);
  tell(changes, options.json === true, "nothing would change");
  return options.check === true && changes.some((change) => change.kind !== "note") ? 1 : 0;
}

export async function printListSchema(): Promise<number> {
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
        } catch {
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
