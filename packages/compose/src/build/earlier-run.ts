/**
 * Scripts that need not run again. When a stage is to be configured whose packages, but for some contents, were
 * configured before, and the runner has told all that the scripts saw then (`Observations`), they would see and do the
 * very same now, unless something that they saw has changed. Then what they have done is done again without them.
 *
 *     the tree before, then ──scripts──▶ what they have changed
 *            │ differences: nothing that was seen    │ the same
 *            ▼                                       ▼
 *     the tree before, now  ┄┄┄┄┄┄┄┄┄┄▶ what they would change
 *
 * dpkg itself reads one file whole that every package has a share in, its status. It is treated by packages: dpkg's
 * answer to a package's paragraph depends on its relations, which must be the same but for versions (any set that was
 * resolved satisfies them), and what scripts ask dpkg-query for is observed.
 */
import { byteStringOf } from "@stratos/base";
import { readBlob, type FileEntry, type FileTree } from "@stratos/formats";
import type { Observations, TreeChanges } from "../ports.ts";
import { libraryTraits } from "./library-traits.ts";
import { readTree, writeTree } from "./manifest.ts";
import { restoreTimes } from "./script-times.ts";
import type { StorePorts } from "./soundness.ts";
import type { TreeBuilder, TreeNode } from "./tree-builder.ts";

export const STATUS = "var/lib/dpkg/status";

/**
 * Of scripts that have run, what is needed to know whether they would do the same again. `stages/SLOT.run` in the
 * store: a line of JSON, then `before`.
 */
interface EarlierRun {
  /** `trees/CHANGES` holds what they have changed */
  readonly changes: string;
  readonly removed: readonly string[];
  readonly observations: Observations;
  /** by path, of files of which a program of a known kind alone has made use: what it has learnt */
  readonly traits: Readonly<Record<string, string>>;
  /** dpkg's status before */
  readonly status: string;
  /** of the tree before: for each path what was there, in short, each of both ended by NUL */
  readonly before: string;
}

interface RunHeader extends Omit<EarlierRun, "before"> {
  readonly format: 3;
}

/** What stands at each path, in short. */
type Described = ReadonlyMap<string, string>;

/**
 * What stands at each path of a tree as scripts are shown it, so that two trees differ where the texts do. Status is
 * not among them. No text holds NUL.
 */
export function describeTree(shown: FileTree): Described {
  const described = new Map<string, string>();
  for (const entry of shown.entries()) {
    const { path, kind, mode, uid, gid, mtime, target, content, xattrs } = entry;
    if (path === STATUS) continue;
    if (kind === "hardLink") {
      described.set(path, `h ${described.get(target) ?? ""} ${target}`);
      continue;
    }
    const attributes =
      `${KIND_LETTERS[kind]} ${mode} ${uid} ${gid}` + `${xattrs.size === 0 ? "" : ` ${JSON.stringify([...xattrs])}`}`;
    // All folders are shown with one time.
    described.set(
      path,
      kind === "directory"
        ? attributes
        : `${attributes} ${mtime} ` +
            `${content === null ? `${target} ${entry.deviceMajor} ${entry.deviceMinor}` : content.digest}`,
    );
  }
  return described;
}

const KIND_LETTERS: Readonly<Record<Exclude<FileEntry["kind"], "hardLink">, string>> = {
  directory: "d",
  file: "f",
  symlink: "l",
  fifo: "p",
  character: "c",
  block: "b",
};

export async function readEarlierRun(ports: StorePorts, slot: string): Promise<EarlierRun | undefined> {
  const bytes = await ports.store.read(runPath(slot));
  if (bytes === undefined) return undefined;
  const text = ports.packages.latin1(bytes),
    end = text.indexOf("\n");
  try {
    const { format, ...header } = JSON.parse(text.slice(0, end)) as RunHeader;
    return format === 3 ? { ...header, before: text.slice(end + 1) } : undefined;
  } catch {
    // Half a file, of a host that lost power.
    return undefined;
  }
}

async function writeEarlierRun(ports: StorePorts, slot: string, { before, ...header }: EarlierRun): Promise<void> {
  await ports.store.write(runPath(slot), [
    byteStringOf(`${JSON.stringify({ format: 3, ...header } satisfies RunHeader)}\n${before}`),
  ]);
}

function runPath(slot: string): string {
  return `stages/${slot}.run`;
}

function joinDescribed(described: Described): string {
  let text = "";
  for (const [path, what] of described) text += `${path}\0${what}\0`;
  return text;
}

function splitDescribed(text: string): Map<string, string> {
  const described = new Map<string, string>(),
    parts = text.split("\0");
  for (let at = 0; at + 1 < parts.length; at += 2) described.set(parts[at]!, parts[at + 1]!);
  return described;
}

/**
 * What scripts would see, and what they would change. `shown` is the tree of the builder with the times that scripts
 * are shown.
 */
interface ScriptsTree {
  readonly builder: TreeBuilder;
  readonly tree: FileTree;
  readonly shown: FileTree;
  readonly described: Described;
  readonly status: string;
  readonly epochSeconds: number;
}

/** Keeps what scripts have seen and done. @returns the changes, with their content in the store */
export async function keepRun(
  ports: StorePorts,
  run: { slot: string; key: string },
  before: Pick<ScriptsTree, "shown" | "described" | "status">,
  changes: TreeChanges,
  observations: Observations,
): Promise<TreeChanges> {
  const name = `${run.key}-changes`;
  const kept = await writeTree(ports, name, { entries: () => changes.changed });
  const known = new Set([...observations.libraries, ...observations.names.filter((path) => TRIGGERS.test(path))]),
    traits: Record<string, string> = {};
  for (const entry of before.shown.entries()) if (known.has(entry.path)) traits[entry.path] = traitsOf(ports, entry);
  await writeEarlierRun(ports, run.slot, {
    changes: name,
    removed: changes.removed,
    observations,
    traits,
    status: before.status,
    before: joinDescribed(before.described),
  });
  return { removed: changes.removed, changed: [...kept.entries()] };
}

/** What a package asks of triggers, for dpkg alone. Tools that make packages write their own version into it. */
const TRIGGERS = /^var\/lib\/dpkg\/info\/[^/]+\.triggers$/;

/** What dpkg or ldconfig learns of what stands at a path. */
function traitsOf(ports: StorePorts, { path, kind, mode, uid, gid, target, content }: FileEntry): string {
  const learnt =
    content === null
      ? target
      : TRIGGERS.test(path)
        ? triggerDirectives(ports.packages.latin1(readBlob(content)))
        : libraryTraits(content);
  return `${kind} ${mode} ${uid} ${gid} ${learnt}`;
}

/** deb-triggers(5): what stands behind a # does not count, nor does space around what is left. */
function triggerDirectives(text: string): string {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "")
    .join("\n");
}

/** Why scripts have to run, or undefined: they need not, and what they would have done to the tree is done. */
export async function repeatRun(
  ports: StorePorts,
  run: EarlierRun,
  now: ScriptsTree,
  makeBlob: TreeBuilder["makeBlob"],
): Promise<string | undefined> {
  const differences = findDifferences(splitDescribed(run.before), now.described);
  const kept = await readTree(ports, run.changes);
  if (kept === undefined) return "what they did then is gone";
  const changed = new Map([...kept.entries()].map((entry) => [entry.path, entry]));
  const reason =
    whySeen(ports, differences, run, changed, now.shown) ??
    dividedFile(now.builder, [...run.removed, ...changed.keys()]);
  if (reason !== undefined) return reason;
  const status = repeatStatus(ports, { run, changed, now });
  if (typeof status !== "string") return status.reason;
  now.builder.apply(restoreTimes({ removed: run.removed, changed: [...changed.values()] }, now.tree, now.epochSeconds));
  const old = now.builder.nodes.get(STATUS);
  if (old !== undefined && status !== "")
    now.builder.nodes.set(STATUS, { ...old, content: makeBlob(byteStringOf(status)) });
  return undefined;
}

/** An overlay parts the names of a file of which scripts change one; a plain file system changes all. */
function dividedFile(builder: TreeBuilder, changed: readonly string[]): string | undefined {
  const names = new Map<TreeNode, string>();
  for (const path of changed) {
    const node = builder.nodes.get(path);
    if (node !== undefined && node.kind !== "directory") names.set(node, path);
  }
  for (const [path, node] of builder.nodes) {
    const name = names.get(node);
    if (name !== undefined && name !== path) return `/${name} has other names`;
  }
  return undefined;
}

interface Difference {
  readonly path: string;
  /** one of the two trees has nothing there */
  readonly isNameChange: boolean;
  /** a folder in both, with other attributes */
  readonly isAttributes: boolean;
  /** files of the same attributes and another content */
  readonly isContent: boolean;
}

function findDifferences(before: Described, now: Described): Difference[] {
  const differences: Difference[] = [];
  const add = (path: string, one: string | undefined, other: string | undefined): void => {
    if (one === other) return;
    const isAttributes = one?.startsWith("d ") === true && other?.startsWith("d ") === true;
    const isContent =
      one?.startsWith("f ") === true && other !== undefined && withoutContent(one) === withoutContent(other);
    differences.push({
      path,
      isContent,
      isNameChange: one === undefined || other === undefined || one.charAt(0) !== other.charAt(0),
      isAttributes,
    });
  };
  for (const [path, described] of now) add(path, before.get(path), described);
  for (const [path, described] of before) if (!now.has(path)) add(path, described, undefined);
  return differences;
}

/**
 * dpkg looks for `tar` and `diff` before it configures anything, and update-alternatives for what it chooses among:
 * whether they are there, and may be run. Of a program that nobody has run or read nothing else is asked, so that its
 * size, which comes with the answer, does not count; but where somebody has listed its folder, as `ls -l` and `du` do.
 */
const PROGRAM = /^usr\/s?bin\//;

/** A described file without the hash of its content. */
function withoutContent(described: string): string {
  return described.slice(0, described.lastIndexOf(" "));
}

/** What of the differences the scripts have seen. */
function whySeen(
  ports: StorePorts,
  differences: readonly Difference[],
  { observations, traits }: EarlierRun,
  changed: ReadonlyMap<string, FileEntry>,
  shown: FileTree,
): string | undefined {
  const names = new Set(observations.names),
    attributes = new Set(observations.attributes),
    listings = new Set(observations.listings),
    contents = new Set(observations.contents);
  const differing = new Set<string>();
  for (const { path, isNameChange, isAttributes, isContent } of differences) {
    if (isAttributes) {
      if (attributes.has(path)) return `scripts have looked at the folder /${path}`;
      if (changed.has(path)) return `scripts have changed the folder /${path}`;
      continue;
    }
    if (Object.hasOwn(traits, path)) {
      differing.add(path);
      continue;
    }
    if (isContent && PROGRAM.test(path) && !contents.has(path) && !listings.has(parentOf(path))) continue;
    if (names.has(path)) return `scripts have looked at /${path}`;
    if (isNameChange && listings.has(parentOf(path))) return `scripts have listed /${parentOf(path)}`;
  }
  if (differing.size > 0)
    for (const entry of shown.entries())
      if (differing.has(entry.path) && traitsOf(ports, entry) === traits[entry.path]) differing.delete(entry.path);
  for (const path of differing) return `${TRIGGERS.test(path) ? "dpkg" : "ldconfig"} has looked at /${path}`;
  return undefined;
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

// ---- dpkg's status
// -----------------------------------------------------------------------------------------------------------------

/**
 * What reads the status by itself, or asks dpkg for what it does without dpkg-query. Programs of dpkg name the file by
 * parts.
 */
const STATUS_READER = /dpkg\/status|dpkg[^\n\0]*--(get-selections|audit|yet-to-unpack|verify)/;
const DPKG_PROGRAMS = /^usr\/(s?bin\/dpkg(-[a-z]+)?|bin\/update-alternatives|sbin\/start-stop-daemon)$/;

function repeatStatus(
  ports: StorePorts,
  { run, changed, now }: { run: EarlierRun; changed: ReadonlyMap<string, FileEntry>; now: ScriptsTree },
): string | { readonly reason: string } {
  if (run.status === now.status) return "";
  const content = changed.get(STATUS)?.content,
    left = content === null || content === undefined ? run.status : ports.packages.latin1(readBlob(content));
  const old = paragraphs(run.status),
    made = paragraphs(left),
    wanted = paragraphs(now.status);
  if (old.size !== wanted.size || [...wanted.keys()].some((name) => !old.has(name)))
    return { reason: "other packages" };
  const asked = new Set(run.observations.queries);
  for (const [name, paragraph] of wanted) {
    const before = old.get(name)!,
      later = made.get(name);
    if (before === paragraph) continue;
    const own = nameOf(paragraph);
    if (asked.has("*") || asked.has(own)) return { reason: `scripts have asked dpkg for ${own}` };
    if (relationsOf(before) !== relationsOf(paragraph)) return { reason: `${own} has other relations` };
    if (later === before) {
      made.set(name, paragraph);
      continue;
    }
    if (later !== configured(before)) return { reason: `dpkg has noted more of ${own} than that it is installed` };
    made.set(name, configured(paragraph));
  }
  for (const path of run.observations.contents) {
    const file = now.builder.nodes.get(path)?.content;
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
const RELATION_FIELDS = [
  "Essential",
  "Protected",
  "Architecture",
  "Multi-Arch",
  "Pre-Depends",
  "Depends",
  "Provides",
  "Breaks",
  "Conflicts",
  "Replaces",
];

function relationsOf(paragraph: string): string {
  return RELATION_FIELDS.map((name) => fieldOf(paragraph, name).replace(/ *\([^)]*\)/g, "")).join("\n");
}
