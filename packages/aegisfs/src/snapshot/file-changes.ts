/**
 * What happened to files between two subvolumes of one volume, as people say it: added, removed, moved, modified. Reads
 * only what differs, and the folders that are needed to name it; where a file was modified whose name did not change,
 * all folders, since an inode does not know its names.
 *
 * Bound of memory: the number of changes.
 */
import { S_IFDIR, S_IFMT } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { DirectoryEntry, nameAt } from "../file/directory.ts";
import { KIND_ENTRY, KIND_EXTENT, KIND_INLINE, KIND_INODE, KIND_XATTR } from "../format/key.ts";
import {
  INODE_AT_BYTES,
  INODE_AT_CTIME,
  INODE_AT_ATIME,
  INODE_AT_BLOCKS,
  INODE_AT_ENTRIES,
  INODE_AT_FLAGS,
  INODE_AT_GID,
  INODE_AT_MODE,
  INODE_AT_MTIME,
  INODE_AT_NLINK,
  INODE_AT_PARENT,
  INODE_AT_RDEV,
  INODE_AT_UID,
  INODE_SIZE,
  ROOT_INO,
} from "../format/inode-item.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import type { Volume } from "../volume/volume.ts";
import { compareTrees, KEY_MIN, type ItemView, type Key } from "./compare-trees.ts";

export interface FileChange {
  readonly kind: "added" | "removed" | "moved" | "modified";
  /** Byte string; of what was removed the old one. */
  readonly path: string;
  /** Of what was moved: where it was. */
  readonly from: string | null;
  /** "f" for files, "d" for folders, "l" for everything else. */
  readonly type: "file" | "directory" | "other";
  /** Of what was modified, and of what was moved and changed besides. */
  readonly aspects: readonly ("content" | "attributes" | "xattrs")[];
}

interface Name {
  readonly directory: number;
  readonly name: string;
  readonly ino: number;
}

class InodeChange {
  before = 0; // mode, 0 when it was not there
  after = 0;
  content = false;
  attributes = false;
  xattrs = false;
}

/** Words of an inode whose change people mean by "attributes". */
const ATTRIBUTE_WORDS: readonly number[] = [INODE_AT_MODE, INODE_AT_UID, INODE_AT_GID, INODE_AT_RDEV, INODE_AT_FLAGS];
const FILE_WORDS: readonly number[] = [
  ...ATTRIBUTE_WORDS,
  INODE_AT_NLINK,
  INODE_AT_MTIME,
  INODE_AT_MTIME + 1,
  INODE_AT_MTIME + 2,
];
/** Words that change with every use or follow from other items. */
const INCIDENTAL: ReadonlySet<number> = new Set([
  INODE_AT_ATIME,
  INODE_AT_ATIME + 1,
  INODE_AT_ATIME + 2,
  INODE_AT_CTIME,
  INODE_AT_CTIME + 1,
  INODE_AT_CTIME + 2,
  INODE_AT_BLOCKS,
  INODE_AT_BLOCKS + 1,
  INODE_AT_PARENT,
  INODE_AT_ENTRIES,
]);

/** From `before` to `after`, ordered by path; a negated errno. */
export function fileChanges(volume: Volume, before: Subvolume, after: Subvolume): FileChange[] | number {
  try {
    volume.settle();
    const differences = new Differences();
    for (let from: Key | null = KEY_MIN; from !== null;) {
      from = compareTrees(volume, before.tree.root, after.tree.root, from, (key, left, right) =>
        differences.add(key, left, right),
      );
      volume.end();
    }
    return differences.describe(new PathFinder(before), new PathFinder(after));
  } catch (thrown) {
    return volume.readFailed(thrown);
  } finally {
    volume.end();
  }
}

class Differences {
  readonly #inodes = new Map<number, InodeChange>();
  readonly #removed: Name[] = [];
  readonly #added: Name[] = [];

  add(key: Key, left: ItemView | null, right: ItemView | null): void {
    const kind = key[1] >>> 24;
    if (kind === KIND_ENTRY) {
      if (left !== null) this.#removed.push(nameIn(key, left));
      if (right !== null) this.#added.push(nameIn(key, right));
      return;
    }
    if (kind !== KIND_INODE && kind !== KIND_XATTR && kind !== KIND_INLINE && kind !== KIND_EXTENT) return;
    const inode = this.#inode(key[0]);
    if (kind === KIND_XATTR) inode.xattrs = true;
    else if (kind === KIND_INODE) this.#compareInodes(inode, left, right);
    else inode.content = true;
  }

  #inode(ino: number): InodeChange {
    let inode = this.#inodes.get(ino);
    if (inode === undefined) this.#inodes.set(ino, (inode = new InodeChange()));
    return inode;
  }

  #compareInodes(inode: InodeChange, left: ItemView | null, right: ItemView | null): void {
    inode.before = left === null ? -1 : wordOf(left, INODE_AT_MODE);
    inode.after = right === null ? -1 : wordOf(right, INODE_AT_MODE);
    if (left === null || right === null) return;
    const isDirectory = (inode.after & S_IFMT) === S_IFDIR;
    inode.attributes = (isDirectory ? ATTRIBUTE_WORDS : FILE_WORDS).some(
      (word) => wordOf(left, word) !== wordOf(right, word),
    );
    for (const word of [INODE_AT_BYTES, INODE_AT_BYTES + 1])
      if (wordOf(left, word) !== wordOf(right, word)) inode.content = true;
    // What later versions keep in an inode counts as well.
    for (let word = INODE_AT_PARENT; word < INODE_SIZE / 4; word++)
      if (!INCIDENTAL.has(word) && wordOf(left, word) !== wordOf(right, word)) inode.attributes = true;
  }

  describe(before: PathFinder, after: PathFinder): FileChange[] {
    const changes: FileChange[] = [];
    const told = new Set<number>();
    const removedOf = new Map<number, Name[]>();
    for (const name of this.#removed) removedOf.set(name.ino, [...(removedOf.get(name.ino) ?? []), name]);
    const goneFrom = new Set(this.#removed.map((name) => `${name.directory}/${name.name}`));
    const replaced = new Set<string>();
    for (const name of this.#added) {
      const inode = this.#inodes.get(name.ino);
      const path = after.pathOf(name);
      const source = inode?.before === -1 ? undefined : removedOf.get(name.ino)?.shift();
      const seat = `${name.directory}/${name.name}`;
      if (source !== undefined) {
        const from = before.pathOf(source);
        // A name that only moved among those of its hash is where it was.
        if (from !== path) {
          changes.push({ kind: "moved", path, from, type: typeOf(after.modeOf(name.ino)), aspects: aspectsOf(inode) });
          told.add(name.ino);
        }
      } else if (goneFrom.has(seat) && typeOf(after.modeOf(name.ino)) !== "directory") {
        // Another file under the name of the old one: how most programs save.
        replaced.add(seat);
        changes.push({
          kind: "modified",
          path,
          from: null,
          type: typeOf(after.modeOf(name.ino)),
          aspects: ["content"],
        });
        told.add(name.ino);
      } else {
        changes.push({ kind: "added", path, from: null, type: typeOf(after.modeOf(name.ino)), aspects: [] });
        told.add(name.ino);
      }
    }
    for (const names of removedOf.values()) {
      for (const name of names) {
        if (replaced.has(`${name.directory}/${name.name}`)) continue;
        changes.push({
          kind: "removed",
          path: before.pathOf(name),
          from: null,
          type: typeOf(before.modeOf(name.ino)),
          aspects: [],
        });
        // A file that goes on under another name lost a link, which is all that changed.
        if (this.#inodes.get(name.ino)?.content !== true) told.add(name.ino);
      }
    }
    const modified = new Set(
      [...this.#inodes]
        .filter(
          ([ino, inode]) => !told.has(ino) && inode.before !== -1 && inode.after !== -1 && aspectsOf(inode).length > 0,
        )
        .map(([ino]) => ino),
    );
    for (const [ino, path] of after.find(modified)) {
      changes.push({
        kind: "modified",
        path,
        from: null,
        type: typeOf(after.modeOf(ino)),
        aspects: aspectsOf(this.#inodes.get(ino)),
      });
    }
    return changes.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : a.kind < b.kind ? -1 : 1));
  }
}

function aspectsOf(inode: InodeChange | undefined): FileChange["aspects"] {
  if (inode === undefined) return [];
  const aspects: ("content" | "attributes" | "xattrs")[] = [];
  if (inode.content) aspects.push("content");
  // A new size brings new times: that is no news of its own.
  else if (inode.attributes) aspects.push("attributes");
  if (inode.xattrs) aspects.push("xattrs");
  return aspects;
}

function typeOf(mode: number): FileChange["type"] {
  const type = mode & S_IFMT;
  return type === S_IFDIR ? "directory" : type === 0o100000 ? "file" : "other";
}

function wordOf(item: ItemView, word: number): number {
  return item.node.words[(item.offset >>> 2) + word]!;
}

function nameIn(key: Key, item: ItemView): Name {
  return { directory: key[0], name: nameAt(item.node.bytes, item.offset), ino: item.node.words[item.offset >>> 2]! };
}

/** Finds paths in one subvolume. Throws Failure. */
class PathFinder {
  readonly #subvolume: Subvolume;
  readonly #folders = new Map<number, string>([[ROOT_INO, ""]]);

  constructor(subvolume: Subvolume) {
    this.#subvolume = subvolume;
  }

  pathOf({ directory, name }: Name): string {
    return `${this.#folder(directory, 0)}/${name}`;
  }

  /** Mode of an inode; 0 when it is not there. */
  modeOf(ino: number): number {
    return this.#word(ino, INODE_AT_MODE);
  }

  #word(ino: number, word: number): number {
    const { tree } = this.#subvolume;
    return tree.find(ino, KIND_INODE << 24, 0) ? tree.words[(tree.offset >>> 2) + word]! : 0;
  }

  #folder(ino: number, depth: number): string {
    const known = this.#folders.get(ino);
    if (known !== undefined) return known;
    const parent = this.#word(ino, INODE_AT_PARENT);
    // A folder of a damaged tree, or one that a crash left without a name.
    if (parent === 0 || depth > DEPTH_MAX) return `<inode ${ino}>`;
    const path = `${this.#folder(parent, depth + 1)}/${this.#nameOf(parent, ino)}`;
    this.#folders.set(ino, path);
    return path;
  }

  #nameOf(directory: number, ino: number): string {
    const entry = new DirectoryEntry();
    for (let cursor = 0; this.#subvolume.readDirectory(directory, cursor, entry) === 1; cursor = entry.nextCursor)
      if (entry.ino === ino) return entry.name;
    return `<inode ${ino}>`;
  }

  /** A path of each of the inodes; of one with several names, the one that comes first. */
  find(wanted: ReadonlySet<number>): Map<number, string> {
    const found = new Map<number, string>();
    for (const ino of wanted) if ((this.modeOf(ino) & S_IFMT) === S_IFDIR) found.set(ino, this.#folder(ino, 0) || "/");
    if (found.size === wanted.size) return found;
    const { tree } = this.#subvolume;
    for (let more = tree.ceiling(0, 0, 0); more && found.size < wanted.size; more = tree.nextOfAll()) {
      const middle = tree.key(1);
      if (middle >>> 24 !== KIND_ENTRY) continue;
      const ino = tree.words[tree.offset >>> 2]!;
      if (!wanted.has(ino) || found.has(ino)) continue;
      const at: Key = [tree.key(0), middle, tree.key(2)];
      const { bytes, offset } = tree;
      found.set(
        ino,
        this.pathOf({ directory: at[0], name: byteString(bytes, offset + 6, offset + 6 + bytes[offset + 5]!), ino }),
      );
      // The path was looked up in the same tree: back to the place.
      tree.find(at[0], at[1], at[2]);
    }
    return found;
  }
}

const DEPTH_MAX = 4096;
