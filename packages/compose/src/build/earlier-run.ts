/**
 * Scripts that need not run again. When a stage is to be configured whose packages, but for some contents, were configured before, and the runner
 * has told all that the scripts saw then (`Observations`), they would see and do the very same now, unless something that they saw has changed.
 * Then what they have done is taken over, and what has changed is laid beside it.
 *
 *     the tree before, then ──scripts──▶ the tree after, then
 *            │ differences: nothing that was seen        │ the same differences
 *            ▼                                           ▼
 *     the tree before, now  ┄┄┄┄┄┄┄┄┄┄▶ the tree after, now
 *
 * dpkg itself reads one file whole that every package has a share in, its status. It is treated by packages: dpkg's answer to a package's paragraph depends
 * on its relations, which must be the same but for versions (any set that was resolved satisfies them), and what scripts ask dpkg-query for is observed.
 */
import { byteStringOf } from "@stratos/base";
import { readBlob, type FileTree } from "@stratos/formats";
import type { Observations } from "../ports.ts";
import { readTree, type TreePorts } from "./manifest.ts";
import { TreeBuilder, type TreeNode } from "./tree-builder.ts";

export const STATUS = "var/lib/dpkg/status";

/** Of a stage that was configured, what is needed to know whether it would be so again. `stages/SLOT.json` in the store. */
export interface EarlierRun {
  readonly format: 1;
  /** of the tree after it */
  readonly key: string;
  readonly observations: Observations;
  /** paths that scripts have changed */
  readonly changed: readonly string[];
  /** dpkg's status before */
  readonly status: string;
  /** of the tree before: what is at each path, in short */
  readonly before: readonly (readonly [path: string, described: string])[];
}

/** What stands at each path, in short. */
export type Described = ReadonlyMap<string, string>;

/** What stands at each path, so that two trees differ where the texts do. Status is not among them. */
export function describeNodes(builder: TreeBuilder): Described {
  const firstNames = new Map<TreeNode, string>();
  const described = new Map<string, string>();
  for (const [path, node] of builder.nodes) {
    if (path === STATUS) continue;
    const { kind, meta, content, target } = node;
    let link = "";
    if (kind !== "directory") {
      const first = firstNames.get(node);
      if (first === undefined) firstNames.set(node, path);
      else link = first;
    }
    const attributes = `${meta.mode} ${meta.uid} ${meta.gid}${meta.xattrs === undefined || meta.xattrs.size === 0 ? "" : ` ${JSON.stringify([...meta.xattrs])}`}`;
    described.set(path, `${KIND_LETTERS[kind]} ${attributes} ${Math.floor(meta.mtime)} ${content === null ? `${target} ${node.deviceMajor} ${node.deviceMinor}` : content.digest} ${link}`);
  }
  return described;
}

const KIND_LETTERS: Readonly<Record<TreeNode["kind"], string>> = { directory: "d", file: "f", symlink: "l", fifo: "p", character: "c", block: "b" };

export async function readEarlierRun(ports: TreePorts, slot: string): Promise<EarlierRun | undefined> {
  const bytes = await ports.store.read(runPath(slot));
  if (bytes === undefined) return undefined;
  try {
    const run = JSON.parse(ports.packages.latin1(bytes)) as EarlierRun;
    return run.format === 1 ? run : undefined;
  } catch {
    // Half a file, of a host that lost power.
    return undefined;
  }
}

export async function writeEarlierRun(ports: TreePorts, slot: string, run: EarlierRun): Promise<void> {
  await ports.store.write(runPath(slot), [byteStringOf(JSON.stringify(run))]);
}

function runPath(slot: string): string {
  return `stages/${slot}.json`;
}

/** Why scripts have to run, or the tree as they would leave it. */
export type Repeated = { readonly reason: string } | { readonly builder: TreeBuilder };

/** @param now  the tree before the scripts, with its description and dpkg's status */
export async function repeatRun(ports: TreePorts, run: EarlierRun, now: { builder: TreeBuilder; described: Described; status: string }, makeBlob: TreeBuilder["makeBlob"]): Promise<Repeated> {
  const differences = findDifferences(new Map(run.before), now.described);
  const reason = whySeen(differences, run);
  if (reason !== undefined) return { reason };
  const after = await readTree(ports, run.key);
  if (after === undefined) return { reason: "what was made then is gone" };
  const status = repeatStatus(ports, after, run, now.status);
  if (typeof status !== "string") return status;

  const divided = dividedFile(now.builder, differences);
  if (divided !== undefined) return { reason: `/${divided} has other names, which are as before` };
  const builder = new TreeBuilder(makeBlob, after);
  for (const { path, isAttributes } of differences) {
    const node = now.builder.nodes.get(path);
    // A folder in which scripts have made something has the time of that.
    if (isAttributes && run.changed.includes(path)) continue;
    if (node === undefined) builder.nodes.delete(path);
    else builder.nodes.set(path, node);
  }
  const old = builder.nodes.get(STATUS);
  if (old !== undefined && status !== "") builder.nodes.set(STATUS, { ...old, content: makeBlob(byteStringOf(status)) });
  return { builder };
}

/** A file among the differences with a name that is not among them: the two would become two files. */
function dividedFile(builder: TreeBuilder, differences: readonly Difference[]): string | undefined {
  const taken = new Map<TreeNode, string>(), paths = new Set<string>();
  for (const { path } of differences) {
    const node = builder.nodes.get(path);
    paths.add(path);
    if (node !== undefined && node.kind !== "directory") taken.set(node, path);
  }
  for (const [path, node] of builder.nodes) if (taken.has(node) && !paths.has(path)) return taken.get(node);
  return undefined;
}

interface Difference {
  readonly path: string;
  /** one of the two trees has nothing there */
  readonly isNameChange: boolean;
  /** a folder in both, with other attributes */
  readonly isAttributes: boolean;
  readonly before: string | undefined;
  readonly now: string | undefined;
}

function findDifferences(before: Described, now: Described): Difference[] {
  const differences: Difference[] = [];
  const add = (path: string, one: string | undefined, other: string | undefined): void => {
    if (one === other) return;
    const isAttributes = one?.startsWith("d ") === true && other?.startsWith("d ") === true;
    differences.push({ path, before: one, now: other, isNameChange: one === undefined || other === undefined || (one.charAt(0) !== other.charAt(0)), isAttributes });
  };
  for (const [path, described] of now) add(path, before.get(path), described);
  for (const [path, described] of before) if (!now.has(path)) add(path, described, undefined);
  return differences;
}

/** What of the differences the scripts have seen. */
function whySeen(differences: readonly Difference[], run: EarlierRun): string | undefined {
  const { observations } = run;
  const names = new Set(observations.names), attributes = new Set(observations.attributes), listings = new Set(observations.listings), changed = new Set(run.changed);
  for (const { path, isNameChange, isAttributes, before, now } of differences) {
    if (isAttributes) {
      if (attributes.has(path)) return `scripts have looked at the folder /${path}`;
      if (changed.has(path) && withoutTime(before!) !== withoutTime(now!)) return `scripts have changed the folder /${path}`;
      continue;
    }
    if (names.has(path)) return `scripts have looked at /${path}`;
    if (isNameChange && listings.has(parentOf(path))) return `scripts have listed /${parentOf(path)}`;
  }
  return undefined;
}

/** A described folder without its time. */
function withoutTime(described: string): string {
  return described.replace(/ \d+ {3}0 0 $/, "").replace(/ \d+( \S* \d+ \d+ \S*)$/, "$1");
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

// ---- dpkg's status -----------------------------------------------------------------------------------------------------------------

/** What reads the status by itself, or asks dpkg for what it does without dpkg-query. Programs of dpkg name the file by parts. */
const STATUS_READER = /dpkg\/status|dpkg[^\n\0]*--(get-selections|audit|yet-to-unpack|verify)/;
const DPKG_PROGRAMS = /^usr\/(s?bin\/dpkg(-[a-z]+)?|bin\/update-alternatives|sbin\/start-stop-daemon)$/;

function repeatStatus(ports: TreePorts, after: FileTree, run: EarlierRun, now: string): string | { readonly reason: string } {
  if (run.status === now) return "";
  const files = new Map([...after.entries()].map((entry) => [entry.path, entry]));
  const content = files.get(STATUS)?.content;
  if (content === undefined || content === null) return { reason: "there was no status" };
  const old = paragraphs(run.status), made = paragraphs(ports.packages.latin1(readBlob(content))), wanted = paragraphs(now);
  if (old.size !== wanted.size || [...wanted.keys()].some((name) => !old.has(name))) return { reason: "other packages" };
  const asked = new Set(run.observations.queries);
  for (const [name, paragraph] of wanted) {
    const before = old.get(name)!, later = made.get(name);
    if (before === paragraph) continue;
    const own = nameOf(paragraph);
    if (asked.has("*") || asked.has(own)) return { reason: `scripts have asked dpkg for ${own}` };
    if (relationsOf(before) !== relationsOf(paragraph)) return { reason: `${own} has other relations` };
    if (later !== configured(before)) return { reason: `dpkg has noted more of ${own} than that it is installed` };
    made.set(name, configured(paragraph));
  }
  for (const path of run.observations.contents) {
    const file = files.get(path)?.content;
    if (file === undefined || file === null || DPKG_PROGRAMS.test(path)) continue;
    const text = ports.packages.latin1(readBlob(file));
    const word = STATUS_READER.exec(text);
    if (word !== null) return { reason: `/${path} may have read dpkg's status (${word[0].slice(-40)})` };
  }
  return [...made.values()].map((paragraph) => `${paragraph}\n\n`).join("");
}

/** By name and architecture, in their order. */
function paragraphs(status: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const paragraph of status.split("\n\n")) {
    const text = paragraph.replace(/^\n+|\n+$/g, "");
    if (text !== "") found.set(`${nameOf(text)} ${fieldOf(text, "Architecture")}`, text);
  }
  return found;
}

function configured(paragraph: string): string {
  return paragraph.replace(/^Status: install ok unpacked$/m, "Status: install ok installed");
}

function nameOf(paragraph: string): string {
  return fieldOf(paragraph, "Package");
}

function fieldOf(paragraph: string, name: string): string {
  return new RegExp(`^${name}: *(.*)$`, "m").exec(paragraph)?.[1] ?? "";
}

/** What dpkg orders packages by. Which versions are wanted is left out: those of a resolved set are there. */
const RELATION_FIELDS = ["Essential", "Protected", "Architecture", "Multi-Arch", "Pre-Depends", "Depends", "Provides", "Breaks", "Conflicts", "Replaces"];

function relationsOf(paragraph: string): string {
  return RELATION_FIELDS.map((name) => fieldOf(paragraph, name).replace(/ *\([^)]*\)/g, "")).join("\n");
}
