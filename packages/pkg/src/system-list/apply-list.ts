/**
 * Brings a system to a list: `diff` says what would change, `apply` does it, and a second `apply` finds nothing to do.
 *
 * On a root with ALPM packages, packages, files, settings and services come in one transaction. What an earlier list
 * had and this one has not goes again; what was there anyway stays, unless the list is `exact`.
 */
import { byteString } from "@stratos/base";
import { Alpm } from "../alpm/alpm.ts";
import { parseAlpmDependency, satisfiesAlpmDependency } from "../alpm/dependency.ts";
import type { InstalledPackage, InstallReason } from "../alpm/alpm-package.ts";
import type { TransactionWish } from "../alpm/plan-transaction.ts";
import type { AlpmTransaction, GivenArchive } from "../alpm/transaction.ts";
import { makeParents } from "../alpm/local-database.ts";
import type { ChangeDraft, RootChanges } from "../root/root-change.ts";
import type { RootFiles } from "../root/root-files.ts";
import { placeOf } from "../root/root-paths.ts";
import { describeListChange, namesOf, type ListChange } from "./list-change.ts";
import type { DebianWish } from "./debian-list.ts";
import {
  LIST_FOLDER,
  originalPath,
  readListRecord,
  recordFile,
  type ListRecord,
  type RecordedNode,
} from "./list-record.ts";
import { plainName, SystemListError, type Listed, type SystemList } from "./read-list.ts";
import { isThere, metaOfWanted, wantedNodes, type RootView, type WantedNode } from "./system-files.ts";

/** A system of Debian packages, as far as a list needs it. */
export interface DebianHand {
  /** names of what is installed because somebody asked for it */
  asked(): ReadonlySet<string>;
  /** what fulfils the wish; empty when all is so already */
  plan(wish: DebianWish): readonly ListChange[];
  /**
   * Carries that out at once; or, where files change by drafts alone, makes it ready and returns what lays it out in a
   * draft.
   */
  change(wish: DebianWish): Promise<((draft: ChangeDraft) => void) | undefined>;
}

export interface ListHands {
  files: RootFiles;
  changes: RootChanges;
  nowSeconds(): number;
  digest(bytes: Uint8Array): string;
  /** whether owners of files can be set */
  ownership: boolean;
  alpm: Alpm | undefined;
  debian: DebianHand | undefined;
  /** builds packages of the AUR with what they need from there, in the order in which they are to be installed */
  buildAur: ((names: readonly string[]) => Promise<GivenArchive[]>) | undefined;
  /** the command line, for the history */
  command?: string;
}

/** What a root's history keeps of a list that brought no ALPM packages. */
export interface ListNote {
  readonly kind: "list";
  readonly command: string;
  readonly installed: string[];
  readonly upgraded: string[];
  readonly removed: string[];
}

/** What `apply` would change; empty when nothing. @throws SystemListError */
export async function diffSystemList(list: SystemList, hands: ListHands): Promise<ListChange[]> {
  return new ListWork(list, hands).diff();
}

/** @returns what was changed @throws SystemListError */
export async function applySystemList(list: SystemList, hands: ListHands): Promise<ListChange[]> {
  return new ListWork(list, hands).apply();
}

class ListWork {
  readonly #list: SystemList;
  readonly #hands: ListHands;
  readonly #record: ListRecord;
  /** Debian packages that were asked for when the work began */
  readonly #debianBefore: ReadonlySet<string>;

  constructor(list: SystemList, hands: ListHands) {
    this.#list = list;
    this.#hands = hands;
    this.#record = readListRecord(hands.files);
    this.#debianBefore = new Set(hands.debian?.asked());
  }

  async diff(): Promise<ListChange[]> {
    const { alpm } = this.#hands;
    const changes: ListChange[] = [...this.#notes(), ...this.#debianChanges()];
    let comesMore = changes.some((change) => change.kind === "package");
    if (alpm !== undefined) {
      const wanted = this.#aurWanted();
      for (const one of wanted)
        changes.push({
          kind: "package",
          action: "build",
          system: "alpm",
          name: plainName(one.value),
          version: "",
          because: "listed",
        });
      const transaction = await alpm.prepare(this.#alpmWish(alpm));
      changes.push(...packageChanges(transaction));
      comesMore ||= wanted.length > 0 || !transaction.isEmpty;
    }
    // A unit may come with a package that is to be installed.
    const missing = (unit: Listed<string>): void => {
      if (!comesMore) throw missingUnit(unit);
      changes.push({ kind: "setting", what: `enable ${unit.value}` });
    };
    changes.push(...this.#nodeChanges(this.#hands.files, missing));
    return changes;
  }

  async apply(): Promise<ListChange[]> {
    const { alpm, buildAur, debian } = this.#hands;
    const ofDebian = this.#debianChanges();
    const changes: ListChange[] = [...this.#notes(), ...ofDebian];
    const lay = ofDebian.length > 0 ? await debian?.change(this.#debianWish()) : undefined;
    const also = (draft: ChangeDraft): string[] => {
      lay?.(draft);
      const done = this.#nodeChanges(draft, (unit) => {
        throw missingUnit(unit);
      });
      this.#write(draft);
      changes.push(...done);
      return [...(lay === undefined ? [] : ofDebian), ...done].map(describeListChange);
    };
    if (alpm === undefined) {
      if (lay === undefined && !this.#mustWrite()) return changes;
      await this.#changeAlone(also, ofDebian);
      return changes;
    }
    const wanted = this.#aurWanted();
    let archives: GivenArchive[] = [];
    if (wanted.length > 0) {
      if (buildAur === undefined)
        throw new SystemListError([{ ...wanted[0]!.place, message: "nothing here can build packages of the AUR" }]);
      archives = await buildAur(wanted.map((one) => plainName(one.value)));
    }
    const wish = this.#alpmWish(alpm);
    const built = wanted.map((one) => plainName(one.value));
    const transaction = await alpm.prepare(
      {
        ...wish,
        archives: built,
        reasons: new Map<string, InstallReason>([
          ...wish.reasons!,
          ...built.map((name) => [name, "explicit"] as const),
        ]),
      },
      { archives, also },
    );
    if (transaction.isEmpty && lay === undefined && !this.#mustWrite()) return changes;
    changes.push(...packageChanges(transaction));
    await alpm.commit(transaction);
    return changes;
  }

  /** A change without ALPM packages. */
  async #changeAlone(also: (draft: ChangeDraft) => string[], packages: readonly ListChange[]): Promise<void> {
    const { changes, nowSeconds, command } = this.#hands;
    const draft = changes.begin();
    let id: number;
    try {
      const done = also(draft);
      const title = done.length === 1 ? done[0]! : `${done[0] ?? "list"} and ${Math.max(0, done.length - 1)} more`;
      const data: ListNote = {
        kind: "list",
        command: command ?? title,
        installed: namesOf(packages, "install"),
        upgraded: namesOf(packages, "upgrade"),
        removed: namesOf(packages, "remove"),
      };
      id = draft.commit({ title, time: Math.floor(nowSeconds()), data });
    } catch (error) {
      draft.discard();
      throw error;
    }
    changes.apply(id);
    changes.finish(id);
  }

  #notes(): ListChange[] {
    const { alpm, debian } = this.#hands;
    const notes: ListChange[] = [];
    if (alpm === undefined && this.#list.official.length + this.#list.aur.length > 0)
      notes.push({
        kind: "note",
        text: "official and AUR packages are passed over: the system has no etc/pacman.conf",
      });
    if (debian === undefined && this.#list.debian.length > 0)
      notes.push({ kind: "note", text: "Debian packages are passed over: the system has no var/lib/dpkg/status" });
    return notes;
  }

  #debianWish(): DebianWish {
    const names = (all: readonly Listed<string>[]): string[] => all.map((one) => one.value);
    const listed = names(this.#list.debian);
    return {
      listed,
      absent: names(this.#list.absent),
      dropped: this.#record.debian.filter((name) => !listed.includes(name)),
      exact: this.#list.exact,
      recommends: this.#list.recommends,
    };
  }

  #debianChanges(): ListChange[] {
    return [...(this.#hands.debian?.plan(this.#debianWish()) ?? [])];
  }

  #aurWanted(): Listed<string>[] {
    const { alpm } = this.#hands;
    return alpm === undefined ? [] : this.#list.aur.filter((one) => alpm.local.get(plainName(one.value)) === undefined);
  }

  #alpmWish(alpm: Alpm): TransactionWish {
    const installed = alpm.local.packages();
    const { listed, install } = this.#listedAlpm(alpm);
    const absent = new Set(this.#list.absent.map((one) => plainName(one.value)));
    const dropped = new Set(this.#record.alpm.filter((name) => !listed.has(name)));
    if (this.#list.exact)
      for (const one of installed) if (one.reason === "explicit" && !listed.has(one.name)) dropped.add(one.name);
    const reasons = new Map<string, InstallReason>();
    const remove: string[] = [];
    for (const one of installed) {
      if (listed.has(one.name)) {
        if (one.reason === "dependency") reasons.set(one.name, "explicit");
      } else if (absent.has(one.name)) remove.push(one.name);
      else if (dropped.has(one.name)) {
        if (!isNeeded(one, installed, new Set([...dropped, ...absent]))) remove.push(one.name);
        else if (one.reason === "explicit") reasons.set(one.name, "dependency");
      }
    }
    return { install, remove, recursive: true, needed: true, reasons };
  }

  /** Names that the list stands for, with groups taken apart; and what of it is to be installed from repositories. */
  #listedAlpm(alpm: Alpm): { listed: Set<string>; install: string[] } {
    const installed = alpm.local.packages();
    const listed = new Set<string>(this.#list.aur.map((one) => plainName(one.value)));
    const install: string[] = [];
    for (const { value } of this.#list.official) {
      const name = plainName(value);
      const isPackage =
        alpm.local.get(name) !== undefined || alpm.databases.some((database) => database.get(name) !== undefined);
      const members = isPackage
        ? []
        : alpm.databases.flatMap((database) => database.group(name).map((one) => one.name));
      if (members.length > 0) {
        for (const member of members) {
          listed.add(member);
          if (alpm.local.get(member) === undefined) install.push(member);
        }
        continue;
      }
      listed.add(name);
      const isThereAlready =
        alpm.local.get(name) !== undefined ||
        installed.some((one) => satisfiesAlpmDependency(one, parseAlpmDependency(name)));
      if (!isThereAlready) install.push(value);
    }
    return { listed, install };
  }

  /** Whether anything besides packages has to be written. */
  #mustWrite(): boolean {
    const { files } = this.#hands;
    if (
      this.#nodeChanges(files, (unit) => {
        throw missingUnit(unit);
      }).length > 0
    )
      return true;
    const { path, content } = recordFile(this.#newRecord(files));
    return (
      !(files.look(path)?.kind === "file" && byteString(files.read(path)) === byteString(content)) &&
      !(files.look(path) === undefined && this.#isEmptyList())
    );
  }

  #isEmptyList(): boolean {
    const record = this.#newRecord(this.#hands.files);
    return record.alpm.length + record.debian.length + record.nodes.length === 0;
  }

  #nodeChanges(view: RootView, missing: (unit: Listed<string>) => void): ListChange[] {
    const changes: ListChange[] = [];
    const wanted = wantedNodes(this.#list, view, missing);
    const reasons = new Set<string>();
    for (const one of wanted) {
      if (isThere(one, view, this.#hands)) continue;
      if (one.reason !== undefined) reasons.add(one.reason);
      else changes.push({ kind: "file", action: "write", path: one.path });
    }
    for (const node of this.#droppedNodes(wanted, view)) {
      if (!this.#isAsWritten(node, view)) continue;
      if (node.reason !== null) reasons.add(`no longer ${node.reason}`);
      else changes.push({ kind: "file", action: node.original === null ? "remove" : "restore", path: node.path });
    }
    return [...changes, ...[...reasons].map((what): ListChange => ({ kind: "setting", what }))];
  }

  #write(draft: ChangeDraft): void {
    const wanted = wantedNodes(this.#list, draft, () => {});
    const record = this.#newRecord(draft);
    for (const node of this.#droppedNodes(wanted, draft)) {
      if (!this.#isAsWritten(node, draft)) continue;
      if (node.original === null) draft.remove(node.path);
      else draft.keep(node.path, originalPath(node.original));
    }
    for (const one of wanted) {
      if (isThere(one, draft, this.#hands)) continue;
      const place = placeOf((path) => draft.look(path), one.path);
      const recorded = record.nodes.find((node) => node.path === place);
      const isNew = !this.#record.nodes.some((node) => node.path === place);
      if (isNew && recorded?.original !== null && recorded !== undefined) {
        makeParents(draft, `${LIST_FOLDER}/originals`);
        draft.keep(originalPath(recorded.original), draft.stagedPath(place) ?? place);
      }
      this.#put(draft, place, one);
    }
    const { path, content } = recordFile(record);
    makeParents(draft, LIST_FOLDER);
    draft.file(path, { uid: 0, gid: 0, mode: 0o644, mtime: Math.floor(this.#hands.nowSeconds()) }, content);
  }

  #put(draft: ChangeDraft, place: string, one: WantedNode): void {
    const slash = place.lastIndexOf("/");
    if (slash > 0) makeParents(draft, place.slice(0, slash));
    const meta = metaOfWanted(one, Math.floor(this.#hands.nowSeconds()));
    if (one.node.kind === "nothing") draft.remove(place);
    else if (one.node.kind === "symlink") draft.symlink(place, meta, one.node.target);
    else draft.file(place, meta, one.node.content);
  }

  /** What the record will say when all is as wanted. */
  #newRecord(view: RootView): ListRecord {
    const { alpm, debian } = this.#hands;
    const wanted = wantedNodes(this.#list, view, () => {});
    let next = Math.max(0, ...this.#record.nodes.map((node) => node.original ?? 0)) + 1;
    const nodes: RecordedNode[] = [];
    for (const one of wanted) {
      const path = placeOf((at) => view.look(at), one.path);
      const known = this.#record.nodes.find((node) => node.path === path);
      const there = view.look(path);
      if (one.node.kind === "nothing") continue;
      const original =
        known !== undefined
          ? known.original
          : there === undefined || there.kind === "directory" || isThere(one, view, this.#hands)
            ? null
            : next++;
      nodes.push({ path, digest: this.#digestOf(one), original, reason: one.reason ?? null });
    }
    // What was there anyway, and asked for, is not the list's to take away.
    const isOurs = (name: string): boolean =>
      this.#record.alpm.includes(name) || alpm?.local.get(name)?.package.reason !== "explicit";
    const there = this.#debianBefore;
    return {
      format: 1,
      nodes,
      alpm: alpm === undefined ? this.#record.alpm : [...this.#listedAlpm(alpm).listed].filter(isOurs),
      debian:
        debian === undefined
          ? this.#record.debian
          : this.#list.debian
              .map((one) => one.value)
              .filter((name) => this.#record.debian.includes(name) || !there.has(name)),
    };
  }

  #droppedNodes(wanted: readonly WantedNode[], view: RootView): RecordedNode[] {
    const places = new Set(wanted.map((one) => placeOf((path) => view.look(path), one.path)));
    return this.#record.nodes.filter((node) => !places.has(node.path));
  }

  /** Whether nobody changed what an earlier list wrote; else it is left alone. */
  #isAsWritten(node: RecordedNode, view: RootView): boolean {
    const there = view.look(node.path);
    if (there?.kind === "symlink") return this.#hands.digest(bytesOf(`link ${there.target}`)) === node.digest;
    return there?.kind === "file" && this.#hands.digest(view.read(node.path)) === node.digest;
  }

  #digestOf(one: WantedNode): string {
    if (one.node.kind === "file") return this.#hands.digest(one.node.content);
    return one.node.kind === "symlink" ? this.#hands.digest(bytesOf(`link ${one.node.target}`)) : "";
  }
}

/** Whether something that stays depends on `one`. */
function isNeeded(one: InstalledPackage, installed: readonly InstalledPackage[], going: ReadonlySet<string>): boolean {
  return installed.some(
    (other) =>
      other !== one &&
      !going.has(other.name) &&
      other.depends.some((text) => satisfiesAlpmDependency(one, parseAlpmDependency(text))),
  );
}

function packageChanges(transaction: AlpmTransaction): ListChange[] {
  const { plan } = transaction;
  return [
    ...plan.remove.map(({ package: one, because }): ListChange => ({
      kind: "package",
      action: "remove",
      system: "alpm",
      name: one.name,
      version: one.version,
      because,
    })),
    ...plan.install.map(({ package: one, old, because }): ListChange => ({
      kind: "package",
      action: old === undefined ? "install" : "upgrade",
      system: "alpm",
      name: one.name,
      version: one.version,
      because,
    })),
    ...plan.reasons.map(({ package: one, reason }): ListChange => ({ kind: "reason", name: one.name, reason })),
  ];
}

function missingUnit(unit: Listed<string>): SystemListError {
  return new SystemListError([{ ...unit.place, message: `there is no unit ${unit.value} in the system` }]);
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
