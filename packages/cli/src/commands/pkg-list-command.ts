/** `stratos pkg apply|diff|schema`: systems brought to a list in TOML. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { byteStringToUtf8 } from "@stratos/base";
import { nodeAlpmSystem } from "@stratos/host-node/packages";
import { applySystemList, describeListChange, diffSystemList, ListRecordError, readSystemList, RootChanges, SYSTEM_LIST_SCHEMA, SystemListError, type DebianHand, type ListChange, type ListHands, type SystemList } from "@stratos/pkg";
import { commandErrorOf, withAlpm, type AlpmSession } from "../alpm/alpm-session.ts";
import { buildFromAur, type BuildOptions } from "../alpm/aur-builder.ts";
import { CommandError } from "../command-error.ts";
import type { AlpmRootOptions } from "./alpm-options.ts";

export interface ListApplyOptions extends AlpmRootOptions, BuildOptions {
  readonly json?: true;
  readonly yes?: true;
  readonly update?: true;
}

export interface ListDiffOptions extends AlpmRootOptions {
  readonly json?: true;
  readonly check?: true;
}

export async function applyList(file: string, options: ListApplyOptions): Promise<number> {
  return withList(file, options, { refresh: options.update === true, readOnly: false }, async (list, hands) => {
    const changes = await applySystemList(list, hands);
    tell(changes, options.json === true, "nothing to do");
    return 0;
  });
}

export async function diffList(file: string, options: ListDiffOptions): Promise<number> {
  return withList(file, options, { refresh: false, readOnly: true }, async (list, hands) => {
    const changes = await diffSystemList(list, hands);
    tell(changes, options.json === true, "nothing would change");
    return options.check === true && changes.some((change) => change.kind !== "note") ? 1 : 0;
  });
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

async function withList(file: string, options: ListApplyOptions | ListDiffOptions, how: { refresh: boolean; readOnly: boolean }, work: (list: SystemList, hands: ListHands) => Promise<number>): Promise<number> {
  const root = resolve(options.root);
  if (!existsSync(root)) throw new CommandError(options.root, "no such folder");
  try {
    const list = readSystemList(file, {
      read: (path) => { try { return readFileSync(path); } catch { return undefined; } },
      resolve: (from, path) => resolve(dirname(from), path),
      utf8: (text) => Buffer.from(text),
      text: (bytes) => Buffer.from(bytes).toString("utf8"),
    });
    const isAlpm = options.config !== undefined || existsSync(join(root, "etc/pacman.conf"));
    if (!isAlpm) return await withPlainRoot(root, how, (hands) => work(list, hands));
    return await withAlpm(options, { readOnly: how.readOnly, yes: "yes" in options && options.yes === true }, async (session) => {
      if (!how.readOnly && (how.refresh || session.alpm.databases.length < session.alpm.configuration.repositories.length)) await session.alpm.refresh();
      return work(list, alpmHands(session, root, how.readOnly ? {} : (options as ListApplyOptions)));
    });
  } catch (error) {
    if (error instanceof SystemListError) throw new CommandError(error.message.split(": ")[0]!, error.message.slice(error.message.indexOf(": ") + 2), { cause: error });
    if (error instanceof ListRecordError) throw new CommandError(options.root, error.message, { cause: error });
    throw commandErrorOf(error, options.root);
  }
}

function alpmHands(session: AlpmSession, root: string, options: BuildOptions): ListHands {
  const { files } = nodeAlpmSystem(root);
  return { ...plainHands(), alpm: session.alpm, changes: new RootChanges(files), files, debian: debianHand(root), buildAur: (names) => buildFromAur(session, names, options) };
}

async function withPlainRoot(root: string, how: { readOnly: boolean }, work: (hands: ListHands) => Promise<number>): Promise<number> {
  const system = nodeAlpmSystem(root);
  const hands: ListHands = { ...plainHands(), alpm: undefined, files: system.files, changes: new RootChanges(system.files), debian: debianHand(root), buildAur: undefined };
  if (how.readOnly) return work(hands);
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
