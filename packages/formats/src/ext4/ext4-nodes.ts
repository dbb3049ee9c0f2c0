/** The inodes that a tree becomes: numbers, parents, counts of links and names. */
import { FormatError } from "../format-error.ts";
import type { FileEntry, FileTree } from "../tree/file-tree.ts";
import { ENTRY_TYPE, type DirectoryEntry } from "./ext4-directory.ts";
import { FIRST_INODE, ROOT_INODE } from "./ext4-superblock.ts";

export interface Ext4Options {
  readonly uuid: string;
  /** at most 16 bytes */
  readonly label: string;
  /** seconds since 1970, for what the tree gives no time */
  readonly time: number;
  /** share of the blocks that only root may take; 5 by default */
  readonly reservedPercent?: number;
  /** the disk's bytes are zero already, as in a new file; else tables and journal are cleared */
  readonly isZeroed: boolean;
}

export const LOST_FOUND_BLOCKS = 4;
const NO_XATTRS: ReadonlyMap<string, string> = new Map();
/** A folder with more subfolders keeps the count 1, which means "not counted" (dir_nlink). */
export const LINKS_MAX = 65000;

export interface Node {
  readonly entry: FileEntry;
  readonly ino: number;
  readonly parent: number;
  links: number;
  /** of a folder */
  children: DirectoryEntry[];
}

export function planNodes(tree: FileTree, options: Ext4Options): Node[] {
  const nodes: Node[] = [];
  const byPath = new Map<string, Node>();
  const lostFound: FileEntry = {
    path: "lost+found",
    kind: "directory",
    mode: 0o700,
    uid: 0,
    gid: 0,
    mtime: options.time,
    xattrs: NO_XATTRS,
    content: null,
    target: "",
    deviceMajor: 0,
    deviceMinor: 0,
  };
  let nextInode = FIRST_INODE + 1;
  const add = (entry: FileEntry): void => {
    const { path } = entry;
    const slash = path.lastIndexOf("/");
    const parent = path === "" ? undefined : byPath.get(path.slice(0, Math.max(slash, 0)));
    if (path !== "" && parent?.entry.kind !== "directory") throw new FormatError(`${path}: its folder is missing`);
    const name = path.slice(slash + 1);
    if (entry.kind === "hardLink") {
      const file = byPath.get(entry.target);
      if (file === undefined || file.entry.kind === "directory")
        throw new FormatError(`${path}: a hard link to ${entry.target}, which is no file before it`);
      if (++file.links > LINKS_MAX) throw new FormatError(`${path}: a file has at most ${LINKS_MAX} names`);
      parent!.children.push({ ino: file.ino, name, type: ENTRY_TYPE[file.entry.kind as "file"] });
      return;
    }
    const ino = path === "" ? ROOT_INODE : entry === lostFound ? FIRST_INODE : nextInode++;
    const node: Node = {
      entry,
      ino,
      parent: parent?.ino ?? ROOT_INODE,
      links: entry.kind === "directory" ? 2 : 1,
      children: [],
    };
    if (parent !== undefined) {
      parent.children.push({ ino, name, type: ENTRY_TYPE[entry.kind] });
      if (entry.kind === "directory") parent.links++;
    }
    nodes.push(node);
    byPath.set(path, node);
  };
  for (const entry of tree.entries()) {
    if (entry.path !== lostFound.path) add(entry);
    if (entry.path === "") add(lostFound);
  }
  if (nodes.length === 0) throw new FormatError("the tree has no root");
  return nodes;
}
