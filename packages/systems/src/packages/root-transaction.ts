/**
 * Changes of the packages in a folder's Debian system. The folder's files are handed to a runner, natively or inside
 * Stratos, where the system's own dpkg works over them or on a copy; what it changed comes into the folder by a
 * journaled change (`pkg/src/root/root-change.ts`). Whatever interrupts it before the journal is complete leaves the
 * old state; after that, whoever opens the folder next finishes it. The journal keeps what was there before, for
 * `rollback`.
 *
 *     the tree, or a copy ─▶ runner: dpkg unpacks, configures, removes ─▶ look at its record ─▶ journal, committed
 *     by one rename ─▶ apply
 */
import { existsSync, realpathSync } from "node:fs";
import { join, resolve } from "node:path";
import { byteStringOf } from "@stratos/base";
import { homeFolder, stratosHome } from "@stratos/host-node";
import { folderTree } from "@stratos/tools-node/outputs";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { lockHolder, nodeAlpmSystem, type NodeAlpmSystem, type NodePackagePorts } from "@stratos/tools-node/packages";
import { fileTreeOf, readBlob, type FileEntry, type FileTree } from "@stratos/formats";
import {
  ChangeError,
  CHANGES_FOLDER,
  EXTENDED_STATES,
  markHeld,
  readSystem,
  RootChanges,
  type ChangeDraft,
  type ChangeRecord,
  type PackageIndex,
  type PlannedChange,
  type RootFiles,
  type ListNote,
  type RootMeta,
  type RootNode,
  treeEntryMeta,
  writeTreeEntry,
} from "@stratos/pkg";
import type { ScriptRunner, TreeChanges, TreePlace } from "@stratos/compose";
import { hostReason } from "@stratos/host-node/home";
import { OperationError, type Progress, type Stopper } from "@stratos/operation";
import { chooseRunner } from "../scripts/choose-runner.ts";
import {
  disappeared,
  extendedStatesAfter,
  missedBy,
  summaryOf,
  withDisappeared,
  type ChangeSummary,
} from "./change-record.ts";
import type { OpenSystem } from "./image-system.ts";
import { CHANGE_SCRIPT, withPreparedFolder } from "./prepared-change.ts";

const STATE_FOLDER = "var/lib/stratos";
const LOCK = `${STATE_FOLDER}/lock`;
const STATUS = "var/lib/dpkg/status";
const PACMAN_FOLDER = "var/lib/pacman";
/** Where the copy of the system sees the packages of a change. */
const CHANGE_FOLDER = ".stratos-change";

export type RunnerChoice = "auto" | "native" | "stratos";

/** A change in a root's history. */
export interface RootTransaction extends ChangeSummary {
  readonly id: number;
  readonly at: string;
  /** the command line, without `stratos` */
  readonly command: string;
}

interface NoteData extends ChangeSummary {
  readonly kind: "debian";
  readonly command: string;
}
/** What ALPM's transactions leave. */
interface AlpmNote {
  readonly kind: "alpm";
  readonly summary: readonly string[];
}

/** @throws OperationError  the folder is the host's own root, or not there */
function rootFolder(root: string): string {
  const folder = resolve(root);
  if (!existsSync(folder)) throw new OperationError("packages", root, "there is no such folder");
  if (realpathSync(folder) === "/")
    throw new OperationError("packages", root, "is the host's own system, which is for its own apt to change");
  return folder;
}

/** Holds the folder for one change, with what an interrupted one has left finished. */
async function withRoot<T>(root: string, work: (files: RootFiles, changes: RootChanges) => Promise<T>): Promise<T> {
  const system = nodeAlpmSystem(rootFolder(root));
  const unlock = lockRoot(root, system);
  try {
    const changes = new RootChanges(system.files);
    finishInterrupted(changes);
    return await work(system.files, changes);
  } finally {
    unlock();
  }
}

/**
 * Holds a root for changes of ours, of whatever kind of packages, and looks whether another program is changing it.
 *
 * @param isAlpmHeld  whether the caller has pacman's lock already
 * @returns what lets it go
 */
export function lockRoot(root: string, system: NodeAlpmSystem, isAlpmHeld = false): () => void {
  // What is written here must be in the folder: a link in it could lead anywhere.
  for (const path of [CHANGES_FOLDER, STATUS, EXTENDED_STATES]) {
    for (let slash = path.indexOf("/"); slash > 0; slash = path.indexOf("/", slash + 1)) {
      if (system.files.look(path.slice(0, slash))?.kind === "symlink")
        throw new OperationError(
          "packages",
          root,
          `/${path.slice(0, slash)} is a symbolic link, where a folder is to be`,
        );
    }
  }
  const taken: (() => void)[] = [];
  const unlock = (): void => {
    for (const release of taken.reverse()) release();
  };
  try {
    for (const path of [
      LOCK,
      ...(!isAlpmHeld && system.files.look(PACMAN_FOLDER)?.kind === "directory" ? [`${PACMAN_FOLDER}/db.lck`] : []),
    ]) {
      const release = system.lock(path);
      if (typeof release === "string") throw new OperationError("packages", root, release);
      taken.push(release);
    }
    requireNoDpkg(root);
    return unlock;
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * dpkg and apt hold locks of fcntl(2), which Node cannot take, but Linux lists.
 *
 * @throws OperationError  one of them is at work
 */
function requireNoDpkg(root: string): void {
  for (const name of ["lock-frontend", "lock"]) {
    const holder = lockHolder(join(resolve(root), "var/lib/dpkg", name));
    if (holder !== undefined)
      throw new OperationError(
        "packages",
        root,
        `process ${holder} (dpkg or apt) is at work on it: it holds /var/lib/dpkg/${name}; try again when it is done`,
      );
  }
}

/** Carries out what an interrupted change left, in a root that is held. */
export function finishInterrupted(changes: RootChanges): void {
  // Those of ALPM packages have scriptlets and hooks to run, which whoever opens the root for ALPM does.
  for (const record of changes.recover()) if (kindOf(record) !== "alpm") changes.finish(record.id);
}

function kindOf(record: ChangeRecord): unknown {
  return (record.note.data as { kind?: unknown } | null)?.kind;
}

/**
 * Finishes what an interrupted change left, so that the folder can be read. A root without such changes is not touched.
 */
export async function recoverRoot(root: string): Promise<void> {
  const { files } = nodeAlpmSystem(rootFolder(root));
  const isClean = files
    .list(CHANGES_FOLDER)
    .every((name) => /^[0-9]+$/.test(name) && files.look(`${CHANGES_FOLDER}/${name}/done`) !== undefined);
  if (!isClean) await withRoot(root, () => Promise.resolve());
}

/**
 * The same for who only looks: where the journal is not theirs to read, whoever may change the folder finishes what
 * there is.
 *
 * @returns whether it could be looked into
 */
export async function recoverForReader(root: string): Promise<boolean> {
  try {
    await recoverRoot(root);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    return false;
  }
}

interface RootTask {
  readonly ports: NodePackagePorts;
  readonly root: string;
  readonly system: OpenSystem;
  readonly index: PackageIndex;
  readonly progress: Progress;
  readonly runner: RunnerChoice;
  readonly stopper?: Stopper;
}

/**
 * Carries out a change.
 *
 * @throws OperationError  dpkg or a script of a package failed, or it was stopped, and the folder is as it
 *   was
 */
export function changeRoot(task: RootTask, change: PlannedChange, command: string): Promise<RootTransaction> {
  return withRoot(task.root, async (files, changes) => {
    const lay = await runRootChange(task, files, change);
    const draft = changes.begin();
    try {
      return commit(changes, draft, { command, ...summaryOf(lay(draft)) }, Math.floor(Date.now() / 1000));
    } catch (error) {
      draft.discard();
      if (isOfHost(error))
        throw new OperationError("packages", task.root, `${hostReason(error)}; the folder is as it was`, {
          cause: error,
        });
      throw error;
    }
  });
}

/** A refusal by the host: no space, no permission, an error of its disk. */
function isOfHost(error: unknown): boolean {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).errno === "number";
}

/**
 * Has dpkg carry a change out on a copy of the folder, which the caller holds ({@link lockRoot}).
 *
 * @param nowAutomatic  names of what was asked for until now, and is there only for others from now on
 * @returns what lays out in a draft what changed, and tells the change as it came about
 * @throws OperationError  as for {@link changeRoot}
 */
export async function runRootChange(
  task: RootTask,
  files: RootFiles,
  change: PlannedChange,
  nowAutomatic: readonly string[] = [],
): Promise<(draft: ChangeDraft) => PlannedChange> {
  const { ports, root, system, progress } = task;
  const runner = chooseRunner(system.system.architecture, task.runner, homeFolder(stratosHome(), "transactions"));
  const status = (): string =>
    ports.latin1(files.look(STATUS)?.kind === "file" ? files.read(STATUS) : new Uint8Array(0));
  const requireUnchanged = (): void => {
    requireNoDpkg(root);
    if (status() !== system.statusRead)
      throw new OperationError("packages", root, "has been changed meanwhile; try again");
  };
  const nowSeconds = Math.floor(Date.now() / 1000);
  // Marks alone need no dpkg.
  const isOfFiles = change.install.length + change.remove.length + change.purgeConfig.length > 0;
  const result: TreeChanges = !isOfFiles
    ? { changed: [], removed: [] }
    : await withPreparedFolder({ ...task, seenAt: `/${CHANGE_FOLDER}` }, change, async (folder) => {
        // What was planned is for the folder as it was read.
        requireUnchanged();
        if (files.look(CHANGE_FOLDER) !== undefined)
          throw new OperationError(
            "packages",
            root,
            `/${CHANGE_FOLDER} is in the way: it is where a change sees its packages`,
          );
        progress.update("Looking at the system", 0, 0);
        const place = { folder: rootFolder(root), brought: broughtBy(folder) };
        return runScript(runner, place, {
          name: root,
          architecture: system.system.architecture,
          nowSeconds,
          steps: change.install.length * 2 + change.remove.length,
          progress,
          stopper: task.stopper,
        });
      });
  return (draft) => {
    requireUnchanged();
    stage(draft, files, result, nowSeconds);
    const { state: before, architecture } = system.system;
    const after = readSystem(filesOf(draft), architecture, ports.latin1).state;
    const done = withDisappeared(before, change, disappeared(before, after, change));
    markAutomatic(draft, done, system, ports, nowSeconds, nowAutomatic);
    const missed = missedBy(after, done);
    if (missed.length > 0)
      throw new OperationError(
        "packages",
        root,
        `the packages are not as planned, and the folder is as it was: ${missed.slice(0, 5).join("; ")}`,
      );
    return done;
  };
}

/** Marks packages as held, or no longer so. */
export function holdInRoot(
  root: string,
  ports: NodePackagePorts,
  names: readonly string[],
  isHeld: boolean,
  architecture: string,
): Promise<RootTransaction> {
  return withRoot(root, (files, changes) => {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const draft = changes.begin();
    const node = files.look(STATUS);
    if (node?.kind !== "file") throw new OperationError("packages", root, `/${STATUS} is missing`);
    draft.file(
      STATUS,
      { ...node.meta, mtime: nowSeconds },
      byteStringOf(markHeld(ports.latin1(files.read(STATUS)), new Set(names), isHeld, architecture)),
    );
    return Promise.resolve(
      commit(
        changes,
        draft,
        { command: `pkg ${isHeld ? "hold" : "unhold"} ${names.join(" ")}`, installed: [], upgraded: [], removed: [] },
        nowSeconds,
      ),
    );
  });
}

/** Changes that can be taken back, oldest first, of whatever kind of packages. */
export function rootHistory(root: string): RootTransaction[] {
  return new RootChanges(nodeAlpmSystem(rootFolder(root)).files).history().map(transactionOf);
}

function transactionOf({ id, note }: ChangeRecord): RootTransaction {
  const data = note.data as NoteData | ListNote | AlpmNote | null;
  const at = new Date(note.time * 1000).toISOString();
  if (data?.kind === "debian" || data?.kind === "list") {
    const { kind: _, ...rest } = data;
    return { id, at, ...rest };
  }
  const lines = (pattern: RegExp): string[] =>
    (data?.summary ?? []).flatMap((line) => {
      const found = pattern.exec(line);
      return found === null ? [] : [`${found[1]!} ${found[2]!.replace(" -> ", " → ")}`];
    });
  return {
    id,
    at,
    command: note.title,
    installed: lines(/^installed (\S+) \((.*)\)$/),
    upgraded: lines(/^(?:upgraded|downgraded|reinstalled) (\S+) \((.*)\)$/),
    removed: lines(/^removed (\S+) \((.*)\)$/),
  };
}

/**
 * Makes the folder what it was before change `id`, or before the last one; later ones are taken back too. @returns that
 * change
 */
export function rollBackRoot(root: string, id: number | undefined): Promise<RootTransaction> {
  return withRoot(root, (_files, changes) => {
    const history = rootHistory(root);
    const target = id === undefined ? history.at(-1) : history.find((one) => one.id === id);
    if (target === undefined)
      throw new OperationError(
        "packages",
        root,
        id === undefined
          ? "there is no change to take back; `stratos pkg history` lists changes"
          : `there is no change ${id} that could be taken back; \`stratos pkg history\` lists them`,
      );
    requireUntouched(root, changes, target.id);
    for (const record of changes
      .history()
      .filter((one) => one.id >= target.id)
      .reverse()) {
      const draft = changes.revert(record.id);
      const back = draft.commit({
        title: `took back: ${record.note.title}`,
        time: Math.floor(Date.now() / 1000),
        data: null,
      });
      changes.apply(back);
      changes.finish(back);
      // The two together change nothing, so that what came before can be taken back as well.
      changes.forget(back);
      changes.forget(record.id);
    }
    return Promise.resolve(target);
  });
}

function requireUntouched(root: string, changes: RootChanges, id: number): void {
  try {
    changes.requireUntouched(id);
  } catch (error) {
    if (error instanceof ChangeError) throw new OperationError("packages", root, error.message, { cause: error });
    throw error;
  }
}

function commit(
  changes: RootChanges,
  draft: ChangeDraft,
  what: ChangeSummary & { command: string },
  nowSeconds: number,
): RootTransaction {
  const data: NoteData = { kind: "debian", ...what };
  const id = draft.commit({ title: what.command, time: nowSeconds, data });
  try {
    changes.apply(id);
    changes.finish(id);
  } catch (error) {
    if (isOfHost(error))
      throw new OperationError(
        "packages",
        what.command,
        `${hostReason(error)}; change ${id} is decided, and the next command on the folder finishes it`,
        { cause: error },
      );
    throw error;
  }
  return { id, at: new Date(nowSeconds * 1000).toISOString(), ...what };
}

/** The packages of a change, where the system sees them. */
function broughtBy(folder: string): FileTree {
  return fileTreeOf(
    [...folderTree(folder, nodeCodecs(), { ownedByRoot: true }).entries()].map((entry) => ({
      ...entry,
      mode: entry.kind === "directory" ? 0o755 : 0o644,
      path: entry.path === "" ? CHANGE_FOLDER : `${CHANGE_FOLDER}/${entry.path}`,
    })),
  );
}

/** The root's own files with those of the change. */
function treeWith({ folder, brought }: TreePlace): FileTree {
  const own = folderTree(folder, nodeCodecs(), {
    isInUse: true,
    isLeftOut: (path) => path === STATE_FOLDER,
    ...(process.getuid?.() !== 0 ? { ownedByRoot: true } : {}),
  });
  return fileTreeOf([...own.entries(), ...brought.entries()]);
}

/** Runs the change, which may be stopped: nothing has happened to the root by then. */
async function runScript(
  runner: ScriptRunner,
  place: TreePlace,
  task: {
    name: string;
    architecture: string;
    nowSeconds: number;
    steps: number;
    progress: Progress;
    stopper: Stopper | undefined;
  },
): Promise<TreeChanges> {
  const tree = treeWith(place);
  const controller = new AbortController();
  const letGo = task.stopper?.((why) => controller.abort(why));
  let done = 0;
  try {
    // A machine that keeps its own time begins behind every file's.
    let epochSeconds = task.nowSeconds;
    for (const { mtime } of tree.entries()) if (mtime > epochSeconds) epochSeconds = mtime;
    return await runner.run({
      tree,
      place,
      architecture: task.architecture,
      script: `${CHANGE_FOLDER}/${CHANGE_SCRIPT}`,
      environment: {},
      hostname: "stratos",
      hasNetwork: false,
      isObserved: false,
      epochSeconds,
      signal: controller.signal,
      onLine: (line) => {
        if (/^(Unpacking|Setting up|Removing|Purging configuration files for) /.test(line))
          task.progress.update("Changing packages", Math.min(++done, task.steps), task.steps);
      },
    });
  } catch (error) {
    if (controller.signal.aborted) throw controller.signal.reason;
    if (error instanceof Error && error.name === "ScriptError")
      throw new OperationError(
        "packages",
        task.name,
        `the packages could not be changed, and the folder is as it was: ${error.message}`,
        { cause: error },
      );
    throw error;
  } finally {
    letGo?.();
  }
}

/** Puts what the runner changed into the draft. */
function stage(draft: ChangeDraft, files: RootFiles, result: TreeChanges, nowSeconds: number): void {
  const isOfChange = (path: string): boolean =>
    path === CHANGE_FOLDER ||
    path.startsWith(`${CHANGE_FOLDER}/`) ||
    path === STATE_FOLDER ||
    path.startsWith(`${STATE_FOLDER}/`);
  const staged = result.removed.filter((path) => !isOfChange(path));
  for (const path of staged) removeTree(draft, files, path);
  for (const entry of result.changed) {
    const { path } = entry;
    if (path === "" || isOfChange(path)) continue;
    // A machine that keeps its own time may be ahead of ours.
    const meta: RootMeta = { ...treeEntryMeta(entry), mtime: Math.min(entry.mtime, nowSeconds) };
    if (isSame(files, files.look(path), entry, meta)) continue;
    writeTreeEntry(draft, entry, meta);
    staged.push(path);
  }
  stageFolders(draft, files, staged, nowSeconds);
}

/**
 * Folders in which something changes are part of the change too, so that taking it back gives them their times back.
 */
function stageFolders(draft: ChangeDraft, files: RootFiles, paths: Iterable<string>, nowSeconds: number): void {
  const known = new Set<string>();
  for (const path of paths) {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (parent === "" || known.has(parent)) continue;
    known.add(parent);
    const node = files.look(parent);
    if (node?.kind === "directory" && draft.stagedPath(parent) === undefined)
      draft.directory(parent, { ...node.meta, mtime: nowSeconds });
  }
}

function removeTree(draft: ChangeDraft, files: RootFiles, path: string): void {
  const node = files.look(path);
  if (node?.kind !== "directory") return draft.remove(path);
  for (const name of files.list(path)) removeTree(draft, files, `${path}/${name}`);
  draft.removeDirectory(path);
}

/** Whether the runner has only touched what it wrote again as it was. */
function isSame(files: RootFiles, node: RootNode | undefined, entry: FileEntry, meta: RootMeta): boolean {
  if (node === undefined || node.kind !== entry.kind) return false;
  const { meta: own } = node;
  if (
    own.uid !== meta.uid ||
    own.gid !== meta.gid ||
    own.mtime !== meta.mtime ||
    (node.kind !== "symlink" && own.mode !== meta.mode)
  )
    return false;
  if (node.kind === "symlink") return node.target === entry.target;
  if (node.kind !== "file") return node.kind === "directory";
  return (
    meta.xattrs === undefined &&
    node.sizeBytes === entry.content!.sizeBytes &&
    Buffer.compare(files.read(entry.path), readBlob(entry.content!)) === 0
  );
}

/** apt in the system must know who came along only for others. */
function markAutomatic(
  draft: ChangeDraft,
  change: PlannedChange,
  { system }: OpenSystem,
  ports: NodePackagePorts,
  nowSeconds: number,
  nowAutomatic: readonly string[],
): void {
  const node = draft.look(EXTENDED_STATES);
  // A system without apt has no such record, and needs none.
  if (node?.kind !== "file" && draft.list("var/lib/apt").length === 0) return;
  const before = node?.kind === "file" ? ports.latin1(draft.read(EXTENDED_STATES)) : "";
  const text = extendedStatesAfter(before, change, system, nowAutomatic);
  if (text !== before)
    draft.file(EXTENDED_STATES, { uid: 0, gid: 0, mode: 0o644, ...node?.meta, mtime: nowSeconds }, byteStringOf(text));
}

/** The draft as the files of a system; those that are looked for here are no links. */
function filesOf(draft: ChangeDraft): { read(path: string): Uint8Array | undefined; list(path: string): string[] } {
  return {
    read: (path) => (draft.look(path)?.kind === "file" ? draft.read(path) : undefined),
    list: (path) => draft.list(path),
  };
}
