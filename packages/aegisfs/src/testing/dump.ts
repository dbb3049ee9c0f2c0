import { byteString } from "@stratos/base";
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { Attributes } from "../file/attributes.ts";
import { DirectoryEntry } from "../file/directory.ts";
import { ROOT_INO } from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { foldedSize, NO_FOLD, readFolded, type Fold } from "./fold.ts";
import { describe, QUICK_SUMS, type Sums } from "./model.ts";

/** Size and checksum of each regular file's content, by inode number. */
export type Contents = Map<number, { readonly size: number; readonly sum: number }>;

/**
 * All that the files of a subvolume are, in the form of `Model.dump`. Throws when something cannot be read.
 *
 * @param seen    filled with the content of each file
 * @param instead  what is shown instead of the content of files, nothing for one that is not in it; times are left out
 *   then
 * @param sizeMax  largest file that may be there
 * @param sums     how contents are told apart
 * @param fold     of the workload that made the files
 */
export function dumpSubvolume(
  subvolume: Subvolume,
  seen: Contents | null = null,
  instead: Contents | null = null,
  sizeMax: number = SIZE_MAX,
  sums: Sums = QUICK_SUMS,
  fold: Fold = NO_FOLD,
): string {
  const none = { size: 0, sum: sums.content(EMPTY, 0) };
  const lines: string[] = [];
  const attributes = new Attributes();
  const visit = (ino: number, path: string, depth: number): void => {
    if (path.length > PATH_LENGTH_MAX || depth > DEPTH_MAX) throw new Error("directories that go in circles");
    expect(subvolume.stat(ino, attributes), `stat ${path}`);
    const { mode, nlink, uid, mtimeSeconds, ctimeSeconds } = attributes;
    // A forged size would take all memory; no workload makes such a file.
    const size = foldedSize(fold, attributes.size);
    if (size > sizeMax) throw new Error(`read ${path}: it cannot be that large`);
    const type = mode & S_IFMT;
    const xattrs = new Map<string, string>();
    const names = subvolume.listXattrs(ino);
    if (typeof names === "number") throw new Error(`listXattrs ${path}: ${names}`);
    for (const name of names) {
      const value = subvolume.getXattr(ino, name);
      if (typeof value === "number") throw new Error(`getXattr ${path}: ${value}`);
      xattrs.set(name, byteString(value));
    }
    let real = none;
    let target: string | number = "";
    if (type === S_IFREG) {
      if (content.length < size) content = new Uint8Array(size * 2);
      if (readFolded(subvolume, ino, fold, size, content) !== size) throw new Error(`read ${path}`);
      real = { size, sum: sums.content(content, size) };
    }
    if (type === S_IFLNK) {
      target = subvolume.readlink(ino);
      if (typeof target === "number") throw new Error(`readlink ${path}: ${target}`);
    }
    if (type === S_IFREG) seen?.set(ino, real);
    const shown =
      instead === null || type !== S_IFREG
        ? type === S_IFREG
          ? real
          : { size, sum: none.sum }
        : (instead.get(ino) ?? none);
    const line = describe(
      path,
      mode,
      nlink,
      uid,
      type === S_IFDIR ? 0 : shown.size,
      shown.sum,
      target,
      xattrs,
      mtimeSeconds,
      ctimeSeconds,
      sums,
    );
    lines.push(instead === null ? line : withoutTimes(line));
    if (type !== S_IFDIR) return;
    const children: [string, number][] = [];
    const entry = new DirectoryEntry();
    for (
      let cursor = 0;
      expect(subvolume.readDirectory(ino, cursor, entry), `readDirectory ${path}`) === 1;
      cursor = entry.nextCursor
    )
      children.push([entry.name, entry.ino]);
    for (const [name, child] of children) visit(child, `${path}/${name}`, depth + 1);
  };
  visit(ROOT_INO, "", 0);
  return lines.sort().join("\n");
}

const EMPTY = new Uint8Array(0);
/** Where files are read to. */
let content = new Uint8Array(1 << 16);

/** Lines of a dump without their last two fields. */
export function withoutTimes(dump: string): string {
  return dump.replace(/ \S+ \S+$/gm, "");
}

const SIZE_MAX = 64 << 20;
const PATH_LENGTH_MAX = 20_000;
/** Of folders in folders: no workload makes so many, and each takes a part of the stack. */
const DEPTH_MAX = 1000;

function expect(result: number, what: string): number {
  if (result < 0) throw new Error(`${what}: ${result}`);
  return result;
}
