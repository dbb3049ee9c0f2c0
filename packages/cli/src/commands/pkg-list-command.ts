/** `stratos pkg apply|diff|schema`: systems brought to a list in TOML. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { byteStringToUtf8 } from "@stratos/base";
import { ProgressDisplay } from "@stratos/host-node";
import { nodeAlpmSystem } from "@stratos/host-node/packages";
import { applySystemList, describeListChange, diffSystemList, ListRecordError, readSystemList, RootChanges, SYSTEM_LIST_SCHEMA, SystemListError, type DebianHand, type ListChange, type ListHands, type SystemList } from "@stratos/pkg";
import { commandErrorOf, terminalListener, withAlpm, type AlpmSession } from "../alpm/alpm-session.ts";
import { buildFromAur, type BuildOptions } from "../alpm/aur-builder.ts";
import { CommandError } from "../command-error.ts";
import type { AlpmRootOptions } from "./alpm-options.ts";
import { listOnImage, type ListImageOptions } from "./pkg-list-image.ts";

interface ListTargetOptions extends AlpmRootOptions, ListImageOptions {}

export interface ListApplyOptions extends ListTargetOptions, BuildOptions {
  readonly json?: true;
  readonly yes?: true;
  readonly update?: true;
}

export interface ListDiffOptions extends ListTargetOptions {
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
    process.stdout.write(`${JSON.stringify(changes, (_, value: unknown) => (typeof value === "string" ? byteStringToUtf8(value) : value), 2)}\n`);
    return;
  }
  const notes = changes.filter((change) => change.kind === "note");
  for (const note of notes) process.stderr.write(`${describeListChange(note)}\n`);
  const lines = changes.filter((change) => change.kind !== "note").map((change) => byteStringToUtf8(describeListChange(change)));
  process.stdout.write(lines.length === 0 ? `${nothing}\n` : lines.map((line) => `${line}\n`).join(""));
}

/** Applies the list, or only looks, on a root folder or an image. */
async function changesOf(file: string, options: ListApplyOptions | ListDiffOptions, readOnly: boolean): Promise<ListChange[]> {
  const what = options.root ?? options.image ?? "image";
  try {
    const list = readSystemList(file, {
      read: (path) => { try { return readFileSync(path); } catch { return undefined; } },
      resolve: (from, path) => resolve(dirname(from), path),
      utf8: (text) => Buffer.from(text),
      text: (bytes) => Buffer.from(bytes).toString("utf8"),
    });
    const work = (hands: ListHands): Promise<ListChange[]> => (readOnly ? diffSystemList(list, hands) : applySystemList(list, hands));
    if (options.root === undefined) return await onImage(list, file, options, readOnly);
    const root = resolve(options.root);
    if (!existsSync(root)) throw new CommandError(options.root, "no such folder");
    if (options.config === undefined && !existsSync(join(root, "etc/pacman.conf"))) return await withPlainRoot(root, readOnly, work);
    return await withAlpm({ ...options, root }, { readOnly, yes: "yes" in options && options.yes === true }, async (session) => {
      const isMissing = list.official.length + list.aur.length > 0 && session.alpm.databases.length < session.alpm.configuration.repositories.length;
      if (readOnly && isMissing) throw new CommandError(options.root!, "no package lists are there yet; run `stratos pkg alpm update` first");
      if (!readOnly && (options.update === true || isMissing)) await session.refresh();
      return work(alpmHands(session, root, readOnly ? {} : (options as ListApplyOptions)));
    });
  } catch (error) {
    if (error instanceof SystemListError) throw new CommandError(error.message.split(": ")[0]!, error.message.slice(error.message.indexOf(": ") + 2), { cause: error });
    if (error instanceof ListRecordError) throw new CommandError(what, error.message, { cause: error });
    throw commandErrorOf(error, what);
  }
}

async function onImage(list: SystemList, file: string, options: ListApplyOptions | ListDiffOptions, readOnly: boolean): Promise<ListChange[]> {
  const progress = new ProgressDisplay(process.stderr);
  try {
    const listener = terminalListener(progress, ("yes" in options && options.yes === true) || process.stdin.isTTY !== true);
    return await listOnImage(list, listener, progress, options, { command: `pkg apply ${basename(file)}`, readOnly });
  } finally {
    progress.clear();
  }
}

function alpmHands(session: AlpmSession, root: string, options: BuildOptions): ListHands {
  const { files } = nodeAlpmSystem(root);
  return { ...plainHands(), alpm: session.alpm, changes: new RootChanges(files), files, debian: debianHand(root), buildAur: (names) => buildFromAur(session, names, options) };
}

async function withPlainRoot<T>(root: string, readOnly: boolean, work: (hands: ListHands) => Promise<T>): Promise<T> {
  const system = nodeAlpmSystem(root);
  const hands: ListHands = { ...plainHands(), alpm: undefined, files: system.files, changes: new RootChanges(system.files), debian: debianHand(root), buildAur: undefined };
  if (readOnly) return work(hands);
  const release = system.lock("var/lib/stratos/lock");
  if (typeof release === "string") throw new CommandError(root, release);
  try {
    for (const record of hands.changes.recover()) hands.changes.finish(record.id);
    return await work(hands);
  } finally {
    release();
  }
}

function plainHands(): Pick<ListHands, "nowSeconds" | "digest" | "ownership"> {
  return { nowSeconds: () => Date.now() / 1000, digest: (bytes) => createHash("sha256").update(bytes).digest("hex"), ownership: process.getuid?.() === 0 };
}

/** The root's own apt carries Debian packages in; undefined when it has no Debian packages. */
function debianHand(root: string): DebianHand | undefined {
  const status = join(root, "var/lib/dpkg/status");
  if (!existsSync(status)) return undefined;
  return {
    installed: () => new Set([...readFileSync(status, "latin1").matchAll(/^Package: (.+)\n(?:[^\n]+\n)*?Status: \S+ \S+ installed$/gm)].map((match) => match[1]!)),
    async change(install, remove) {
      let output = "";
      const result = await nodeAlpmSystem(root).runner!.run(["apt-get", "install", "-y", ...install, ...remove.map((name) => `${name}-`)], { onOutput: (text) => { output += text; } });
      if (result !== 0) throw new CommandError(root, `apt-get failed with status ${result}: ${output.trim().split("\n").slice(-5).join("\n")}`);
    },
  };
}
