/**
 * A change of a root that happens whole or not at all, whatever interrupts it, and that can be taken back.
 *
 *     var/lib/stratos/changes/
 *       7.draft/   being prepared: an interruption here leaves the old state; the next one who looks removes it
 *       7/         committed by the rename of the folder: from here on only forward
 *         plan     JSON: the note of the caller and, for each place, what was there and what comes
 *         new/N    what comes to the N-th place: moved there by one rename
 *         old/N    what was at the N-th place: a hard link, so that it costs nothing
 *         applied  all places are changed
 *         done     what the caller had to do afterwards is done too
 *
 * To go forward again after an interruption is to do the same again: what has been moved is no longer in `new`.
 * Invariants: `plan`, `new` and `old` are complete and on the disk before the rename; nothing is changed outside of the
 * folder before it. A path is a *place*: no component of it is a symbolic link.
 */
import { byteString, utf8Of, byteStringToUtf8 } from "@stratos/base";
import type { RootMeta } from "./root-writer.ts";
import { packageState } from "./package-state.ts";
import type { DeviceNumber, RootFiles, RootNode } from "./root-files.ts";

export const CHANGES_FOLDER = "var/lib/stratos/changes";
/** Finished changes that are kept to be taken back. */
const KEPT_MAX = 10;
const FOLDER_META: RootMeta = { uid: 0, gid: 0, mode: 0o755, mtime: 0 };
const PRIVATE_META: RootMeta = { uid: 0, gid: 0, mode: 0o700, mtime: 0 };

/** A change cannot be made, continued or taken back. */
export class ChangeError extends Error {
  override name = "ChangeError";
}

/** What stands at a place before or after: nothing, a directory, or something that `old/N` or `new/N` holds. */
type State = { kind: "nothing" } | { kind: "directory"; meta: RootMeta } | { kind: "kept" };

interface Step {
  path: string;
  was: State;
  becomes: State;
}

/** What the caller remembers with a change; plain data. */
export interface ChangeNote {
  /** for people */
  title: string;
  /** seconds since 1970 */
  time: number;
  /** the caller's own */
  data: unknown;
}

interface Plan {
  format: 1;
  note: ChangeNote;
  steps: Step[];
  /** {@link packageState} before and after */
  packages?: { before: string; after: string };
}

export interface ChangeRecord {
  id: number;
  note: ChangeNote;
  state: "committed" | "applied" | "done";
  /** places that it changed */
  paths: string[];
}

/** The changes of one root. */
export class RootChanges {
  readonly #files: RootFiles;

  constructor(files: RootFiles) {
    this.#files = files;
  }

  /** Starts a change; one at a time, which the caller's lock sees to. */
  begin(): ChangeDraft {
    makeFolders(this.#files, CHANGES_FOLDER);
    const id = Math.max(0, ...this.#ids()) + 1;
    return new ChangeDraft(this.#files, id);
  }

  /** Carries out what is committed. May be repeated after an interruption at any moment. */
  apply(id: number): void {
    const folder = `${CHANGES_FOLDER}/${id}`;
    const plan = this.#plan(id);
    if (this.#files.look(`${folder}/applied`) !== undefined) return;
    // A folder comes before what is in it, and goes after it.
    const order = plan.steps
      .map((step, index) => ({ step, index }))
      .sort((one, other) => compare(one.step.path, other.step.path));
    const needed = new Set<string>();
    for (const { step } of order) {
      if (step.becomes.kind === "nothing") continue;
      for (let slash = step.path.lastIndexOf("/"); slash > 0; slash = step.path.lastIndexOf("/", slash - 1))
        needed.add(step.path.slice(0, slash));
    }
    for (const { step, index } of order.toReversed()) {
      if (step.becomes.kind === "nothing" && !needed.has(step.path)) this.#removeStep(step, folder, index);
    }
    for (const { step, index } of order) if (step.becomes.kind !== "nothing") this.#makeStep(step, folder, index);
    // What came into a directory changed its time.
    for (const { step } of order.toReversed())
      if (step.becomes.kind === "directory") this.#files.setMeta(step.path, step.becomes.meta);
    this.#files.sync();
    this.#files.file(`${folder}/applied`, PRIVATE_META, new Uint8Array(0));
  }

  /** Where files that were attached to change `id` are. */
  folder(id: number): string {
    return `${CHANGES_FOLDER}/${id}`;
  }

  /** Notes that a thing was done, so that it is not done again after an interruption. */
  mark(id: number, name: string): void {
    if (!this.hasMark(id, name))
      this.#files.file(`${CHANGES_FOLDER}/${id}/mark-${name}`, PRIVATE_META, new Uint8Array(0));
  }

  hasMark(id: number, name: string): boolean {
    return this.#files.look(`${CHANGES_FOLDER}/${id}/mark-${name}`) !== undefined;
  }

  /** What had to be done after applying is done. */
  finish(id: number): void {
    const folder = `${CHANGES_FOLDER}/${id}`;
    if (this.#files.look(`${folder}/done`) === undefined)
      this.#files.file(`${folder}/done`, PRIVATE_META, new Uint8Array(0));
    const finished = this.history().filter((change) => change.state === "done");
    for (const change of finished.slice(0, Math.max(0, finished.length - KEPT_MAX)))
      removeTree(this.#files, `${CHANGES_FOLDER}/${change.id}`);
    this.#files.sync();
  }

  /**
   * After an interruption: drops what was not committed and carries out what was.
   *
   * @returns changes whose caller has still something to do, oldest first
   */
  recover(): ChangeRecord[] {
    for (const name of this.#files.list(CHANGES_FOLDER)) {
      if (/^[0-9]+\.(draft|gone)$/.test(name)) removeTree(this.#files, `${CHANGES_FOLDER}/${name}`);
    }
    const open = this.history().filter((change) => change.state !== "done");
    for (const change of open) this.apply(change.id);
    return open;
  }

  /** All changes that are kept, oldest first. */
  history(): ChangeRecord[] {
    return this.#ids().map((id) => {
      const folder = `${CHANGES_FOLDER}/${id}`;
      const plan = this.#plan(id);
      const state =
        this.#files.look(`${folder}/done`) !== undefined
          ? "done"
          : this.#files.look(`${folder}/applied`) !== undefined
            ? "applied"
            : "committed";
      return { id, note: plan.note, state, paths: plan.steps.map((step) => step.path) };
    });
  }

  /**
   * Makes sure that change `id` and all after it can be taken back: a change returns the databases of packages to what
   * they were, and would forget what another program has installed since, but leave its files.
   *
   * @throws ChangeError  another program has changed packages since
   */
  requireUntouched(id: number): void {
    let now = packageState(this.#files);
    for (const later of this.#ids()
      .filter((one) => one >= id)
      .reverse()) {
      const { packages, note } = this.#plan(later);
      if (packages === undefined) return;
      if (packages.after !== now)
        throw new ChangeError(
          `packages have been changed by another program (apt, dpkg, pacman) since change ${later} ` +
            `(${note.title}), and taking it back would leave theirs half there; take back what that program did first`,
        );
      now = packages.before;
    }
  }

  /**
   * A draft that takes back change `id`, which must be the last: afterwards each of its places is what it was.
   *
   * @throws ChangeError  it is not there, unfinished, or not the last one
   */
  revert(id: number): ChangeDraft {
    const history = this.history();
    const last = history.at(-1);
    if (last?.id !== id)
      throw new ChangeError(
        history.some((change) => change.id === id)
          ? `change ${id} is not the last one: take back ${last!.id} first`
          : `there is no change ${id}`,
      );
    if (last.state === "committed") throw new ChangeError(`change ${id} is not finished`);
    const draft = this.begin();
    // A folder comes before what is in it: whether that is there depends on what the folder is now.
    const steps = this.#plan(id)
      .steps.map((step, index) => ({ step, index }))
      .sort((one, other) => compare(one.step.path, other.step.path));
    for (const {
      step: { path, was, becomes },
      index,
    } of steps) {
      if (was.kind === "kept") draft.keep(path, `${CHANGES_FOLDER}/${id}/old/${index}`);
      else if (was.kind === "directory") draft.directory(path, was.meta);
      else if (becomes.kind === "directory") draft.removeDirectory(path);
      else draft.remove(path);
    }
    return draft;
  }

  /** Gives up the record of a finished change, and with it what it kept. */
  forget(id: number): void {
    removeTree(this.#files, `${CHANGES_FOLDER}/${id}`);
  }

  #ids(): number[] {
    return this.#files
      .list(CHANGES_FOLDER)
      .filter((name) => /^[0-9]{1,9}$/.test(name))
      .map(Number)
      .sort((one, other) => one - other);
  }

  #plan(id: number): Plan {
    const path = `${CHANGES_FOLDER}/${id}/plan`;
    if (this.#files.look(path)?.kind !== "file") throw new ChangeError(`there is no change ${id}`);
    const plan = JSON.parse(byteStringToUtf8(byteString(this.#files.read(path)))) as Plan;
    if (plan.format !== 1) throw new ChangeError(`change ${id} was made by another version of Stratos`);
    return plan;
  }

  #removeStep(step: Step, folder: string, index: number): void {
    const node = this.#files.look(step.path);
    // What came into being since the draft was made is not ours to remove.
    if (node === undefined || step.was.kind === "nothing") return;
    if (node.kind === "directory") this.#files.removeDirectory(step.path);
    else if (step.was.kind !== "kept" || this.#files.look(`${folder}/old/${index}`) !== undefined)
      this.#files.remove(step.path);
  }

  #makeStep(step: Step, folder: string, index: number): void {
    const node = this.#files.look(step.path);
    if (step.becomes.kind === "directory") {
      if (node !== undefined && node.kind !== "directory") this.#files.remove(step.path);
      if (node?.kind === "directory") this.#files.setMeta(step.path, step.becomes.meta);
      else this.#files.directory(step.path, step.becomes.meta);
      return;
    }
    const staged = `${folder}/new/${index}`;
    if (this.#files.look(staged) === undefined) return;
    if (node?.kind === "directory" && !this.#files.removeDirectory(step.path))
      throw new ChangeError(`/${step.path}: is a directory that is not empty, where a file is to come`);
    this.#files.rename(staged, step.path);
  }
}

/** A change that is being put together; also the view of the root as it will be. */
export class ChangeDraft {
  readonly #files: RootFiles;
  readonly #id: number;
  readonly #folder: string;
  readonly #steps: Step[] = [];
  readonly #stepAt = new Map<string, number>();

  constructor(files: RootFiles, id: number) {
    this.#files = files;
    this.#id = id;
    this.#folder = `${CHANGES_FOLDER}/${id}.draft`;
    for (const path of [this.#folder, `${this.#folder}/new`, `${this.#folder}/old`])
      files.directory(path, PRIVATE_META);
  }

  get isEmpty(): boolean {
    return this.#steps.length === 0;
  }

  /** What will stand at the place. */
  look(path: string): RootNode | undefined {
    const index = this.#stepAt.get(path);
    if (index === undefined) return this.#isBelowFormer(path) ? undefined : this.#files.look(path);
    const { becomes } = this.#steps[index]!;
    if (becomes.kind === "nothing") return undefined;
    return becomes.kind === "directory"
      ? { kind: "directory", meta: becomes.meta }
      : this.#files.look(`${this.#folder}/new/${index}`);
  }

  /** Names that will be in a directory, sorted. */
  list(path: string): string[] {
    const names = new Set(this.#files.list(path));
    const prefix = path === "" ? "" : `${path}/`;
    for (const { path: own, becomes } of this.#steps) {
      if (!own.startsWith(prefix) || own.slice(prefix.length).includes("/")) continue;
      if (becomes.kind === "nothing") names.delete(own.slice(prefix.length));
      else names.add(own.slice(prefix.length));
    }
    return [...names].sort();
  }

  /** What `read` will give for the place. */
  read(path: string): Uint8Array {
    const index = this.#stepAt.get(path);
    return this.#files.read(index === undefined ? path : `${this.#folder}/new/${index}`);
  }

  /**
   * Lays a file beside the plan, for what runs before or after; it is no part of the root. @returns the folder it is in
   * until the commit
   */
  attach(name: string, content: Uint8Array): string {
    this.#files.file(`${this.#folder}/${name}`, PRIVATE_META, content);
    return this.#folder;
  }

  /** Where the N-th prepared file can be found until the commit, for scripts that run before it. */
  stagedPath(path: string): string | undefined {
    const index = this.#stepAt.get(path);
    return index === undefined ? undefined : `${this.#folder}/new/${index}`;
  }

  /** A directory; one that is there gets these attributes. */
  directory(path: string, meta: RootMeta): void {
    this.#step(path, { kind: "directory", meta });
  }

  file(path: string, meta: RootMeta, content: Uint8Array): void {
    this.#files.file(this.#stage(path), meta, content);
  }

  symlink(path: string, meta: RootMeta, target: string): void {
    this.#files.symlink(this.#stage(path), meta, target);
  }

  /** @param existing  a place that this draft or the root holds */
  hardLink(path: string, existing: string): void {
    const source = this.stagedPath(existing) ?? existing;
    if (this.#files.look(source) === undefined)
      throw new ChangeError(`/${path}: is a link to /${existing}, which is not there`);
    this.#files.hardLink(this.#stage(path), source);
  }

  device(path: string, meta: RootMeta, device: DeviceNumber): void {
    this.#files.device(this.#stage(path), meta, device);
  }

  fifo(path: string, meta: RootMeta): void {
    this.#files.fifo(this.#stage(path), meta);
  }

  /** Puts what stands at `source`, outside of the draft, at the place; both stay the same file. */
  keep(path: string, source: string): void {
    this.#files.hardLink(this.#stage(path), source);
  }

  remove(path: string): void {
    const node = this.look(path);
    if (node === undefined) return;
    this.#step(path, { kind: "nothing" });
  }

  /** Removed when it is empty by then. */
  removeDirectory(path: string): void {
    if (this.look(path)?.kind === "directory") this.#step(path, { kind: "nothing" });
  }

  /** Gives up; nothing happened. */
  discard(): void {
    removeTree(this.#files, this.#folder);
  }

  /** From here on the change happens, even when the power fails. @returns its number, for {@link RootChanges.apply} */
  commit(note: ChangeNote): number {
    const plan: Plan = {
      format: 1,
      note,
      steps: this.#steps,
      packages: { before: packageState(this.#files), after: packageState(this) },
    };
    this.#files.file(`${this.#folder}/plan`, PRIVATE_META, utf8Of(JSON.stringify(plan)));
    this.#files.sync();
    this.#files.rename(this.#folder, `${CHANGES_FOLDER}/${this.#id}`);
    this.#files.sync();
    return this.#id;
  }

  /**
   * Whether a folder above the place is a link or a file now: then nothing stands at the place, and what is found by
   * that path is somewhere else.
   */
  #isBelowFormer(path: string): boolean {
    for (let slash = path.lastIndexOf("/"); slash > 0; slash = path.lastIndexOf("/", slash - 1)) {
      const index = this.#stepAt.get(path.slice(0, slash));
      if (index !== undefined && this.#steps[index]!.was.kind === "kept") return true;
    }
    return false;
  }

  #stage(path: string): string {
    const index = this.#step(path, { kind: "kept" });
    return `${this.#folder}/new/${index}`;
  }

  #step(path: string, becomes: State): number {
    if (path === "" || path === CHANGES_FOLDER || path.startsWith(`${CHANGES_FOLDER}/`))
      throw new ChangeError(`/${path}: cannot be changed this way`);
    const known = this.#stepAt.get(path);
    if (known !== undefined) {
      const step = this.#steps[known]!;
      if (step.becomes.kind === "kept") this.#files.remove(`${this.#folder}/new/${known}`);
      step.becomes = becomes;
      return known;
    }
    const index = this.#steps.length;
    const node = this.#isBelowFormer(path) ? undefined : this.#files.look(path);
    let was: State = { kind: "nothing" };
    if (node?.kind === "directory") was = { kind: "directory", meta: node.meta };
    else if (node !== undefined) {
      this.#files.hardLink(`${this.#folder}/old/${index}`, path);
      was = { kind: "kept" };
    }
    this.#steps.push({ path, was, becomes });
    this.#stepAt.set(path, index);
    return index;
  }
}

function makeFolders(files: RootFiles, path: string): void {
  let at = "";
  for (const name of path.split("/")) {
    at = at === "" ? name : `${at}/${name}`;
    if (files.look(at) === undefined) files.directory(at, FOLDER_META);
  }
}

/**
 * Removes a folder with all that is in it. The folder is renamed first, so that half of one is never taken for a whole.
 */
function removeTree(files: RootFiles, path: string): void {
  if (files.look(path) === undefined) return;
  let at = path;
  if (!path.endsWith(".draft") && !path.endsWith(".gone")) {
    at = `${path}.gone`;
    files.rename(path, at);
  }
  const empty = (folder: string): void => {
    for (const name of files.list(folder)) {
      const inner = `${folder}/${name}`;
      if (files.look(inner)?.kind === "directory") empty(inner);
      else files.remove(inner);
    }
    files.removeDirectory(folder);
  };
  empty(at);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
