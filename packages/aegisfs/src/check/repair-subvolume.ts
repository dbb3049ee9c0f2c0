/**
 * Makes a subvolume's files hang together again, whatever is missing or wrong in its tree, whose nodes can all be read.
 * What has lost its name is linked into /lost+found under its number. What has lost its inode gets one: for the content
 * that is left, or, where only the name of a file or a symbolic link is left, so that reading it is an error and nobody
 * takes it for what never was. The tree is changed directly: nothing of the subvolume may be in memory. Throws Failure.
 */
import { DT_DIR, DT_LNK, DT_REG, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from "@stratos/abi";
import { nameAt } from "../file/directory.ts";
import { findExtent, findNextExtent, foundExtent, isCompressed, isLost, putLost } from "../file/extents.ts";
import { blockOf, blocksOf, withinOf } from "../file/file-offset.ts";
import { putPair, putSize, putTime } from "../file/inode.ts";
import { hashName, nameHash } from "../file/name-hash.ts";
import {
  EXTENT_AT_BLOCK,
  EXTENT_AT_FLAGS,
  EXTENT_AT_LENGTH,
  EXTENT_AT_SKIP,
  extentSize,
  LOST_BLOCKS_MAX,
} from "../format/extent-item.ts";
import {
  BLOCK_SIZE,
  EXTENT_BLOCKS_MAX,
  FILE_BLOCKS_MAX,
  FILE_SIZE_MAX,
  INLINE_SIZE_MAX,
  UNIT_BLOCKS,
} from "../format/geometry.ts";
import {
  KIND_ENTRY,
  KIND_EXTENT,
  KIND_INLINE,
  KIND_INODE,
  KIND_ORPHAN,
  KIND_QUOTA,
  KIND_XATTR,
  keyMiddle,
} from "../format/key.ts";
import {
  INODE_AT_ATIME,
  INODE_AT_BLOCKS,
  INODE_AT_BTIME,
  INODE_AT_CTIME,
  INODE_AT_ENTRIES,
  INODE_AT_MODE,
  INODE_AT_MTIME,
  INODE_AT_NLINK,
  INODE_AT_PARENT,
  INODE_SIZE,
  ROOT_INO,
} from "../format/inode-item.ts";
import { FEATURE_LOST } from "../format/superblock.ts";
import { Layout } from "../store/layout.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import { InodeFacts } from "./inode-facts.ts";
import type { Loss } from "./losses.ts";

type Fixed = (what: string, ino: number) => void;
type Lost = (what: Loss["what"], ino: number, detail: string, path?: string) => void;

interface SubvolumeRepair {
  readonly fixed: Fixed;
  /** Told of what cannot be brought back. */
  readonly lost: Lost;
  /** Told when there are fewer inodes than there were. */
  readonly missing: () => void;
  /** Files whose first block may be lost, although nothing counts it. */
  readonly suspects: ReadonlySet<number>;
  /** Inodes that the subvolume had. */
  readonly inodes: number;
}
type Key = readonly [number, number, number];

interface Name {
  directory: number;
  key: Key;
  name: string;
  type: number;
}

class Found extends InodeFacts {
  /** Its inode is lost: this one was made for what was left. */
  isMade = false;
  names: Name[] = [];
  children: { ino: number; type: number }[] = [];
}

const INODE_MIDDLE = keyMiddle(KIND_INODE, 0);
const INLINE_MIDDLE = keyMiddle(KIND_INLINE, 0);
const ORPHAN_MIDDLE = keyMiddle(KIND_ORPHAN, 0);

export function repairSubvolume(
  subvolume: Subvolume,
  { fixed, lost, missing, suspects, inodes: counted }: SubvolumeRepair,
): void {
  dropBadItems(subvolume, fixed);
  const inodes = scan(subvolume);
  const present = [...inodes.values()].filter(({ mode }) => mode >= 0).length;
  if (present < counted) {
    lost("file", -1, `${counted - present} of ${counted} inodes are gone`);
    missing();
  }
  restoreInodes(subvolume, inodes, fixed, lost);
  markLostContent(subvolume, inodes, suspects, fixed, lost);
  tellLostNames(inodes, lost);
  fixNames(subvolume, inodes, fixed);
  attachLost(subvolume, inodes, fixed);
  fixCounts(subvolume, inodes, fixed);
  subvolume.quotas.recount();
}

/**
 * Marks where content was of which nothing tells any more: it must not read as zeros. In a file that counts more blocks
 * than it has any hole may be one of them; so may all holes of a file whose inode is lost. Of a file that counts right
 * nothing is lost but, maybe, the inline content of its first block.
 */
function markLostContent(
  subvolume: Subvolume,
  inodes: Map<number, Found>,
  suspects: ReadonlySet<number>,
  fixed: Fixed,
  lost: Lost,
): void {
  for (const [ino, inode] of inodes) {
    const type = inode.mode & S_IFMT;
    const isLink = type === S_IFLNK && inode.inlineSize < 0;
    if (type !== S_IFREG && !isLink) continue;
    const size = inode.size > FILE_SIZE_MAX ? inode.contentEnd : inode.size;
    const end = isLink ? 1 : blocksOf(size);
    const isAll = inode.isMade || inode.blocks > inode.extentBlocks;
    const blocks = markHoles(subvolume, ino, isAll ? end : isLink || (suspects.has(ino) && end > 0) ? 1 : 0);
    if (blocks > 0) {
      inode.hasLost = true;
      fixed(`marked ${blocks} blocks as lost`, ino);
      if (blocks / LOST_BLOCKS_MAX >= MARKS_MAX)
        lost(
          "content",
          ino,
          "the file is too large for all of it to be marked: zeros further on may have been content",
        );
    }
  }
}

/** Marks the blocks of a file in `[0, end)` that it has nothing for; returns how many. */
function markHoles(subvolume: Subvolume, ino: number, end: number): number {
  if (end === 0) return 0;
  const { tree, volume } = subvolume;
  let marked = 0;
  let index = tree.find(ino, INLINE_MIDDLE, 0) ? 1 : 0;
  while (index < end) {
    if (findExtent(subvolume, ino, index)) {
      index = foundExtent.start + foundExtent.length;
      continue;
    }
    const stop = Math.min(
      end,
      findNextExtent(subvolume, ino, index) ? foundExtent.start : end,
      index + LOST_BLOCKS_MAX,
    );
    // The largest sparse files would take more marks than there is room for: of what lies behind the report alone
    // tells.
    if (marked / LOST_BLOCKS_MAX >= MARKS_MAX) break;
    putLost(subvolume, ino, index, stop - index);
    volume.superblock.features |= FEATURE_LOST;
    marked += stop - index;
    index = stop;
  }
  return marked;
}

/** Marks of the longest kind that one file gets: 4 TiB. */
const MARKS_MAX = 16_384;

function tellLostNames(inodes: Map<number, Found>, lost: Lost): void {
  for (const [ino, inode] of inodes) {
    const isDirectory = (inode.mode & S_IFMT) === S_IFDIR;
    if (isDirectory && inode.isMade)
      lost("name", ino, "the folder's own record is lost: its owner, mode and times, and maybe names in it");
    else if (isDirectory && inode.entries > inode.children.length)
      lost("name", ino, `${inode.entries - inode.children.length} of ${inode.entries} names in the folder are gone`);
  }
}

/**
 * Items that nothing can be made of: of unknown kinds, of wrong sizes, where their names do not hash to, over other
 * extents.
 */
function dropBadItems(subvolume: Subvolume, fixed: Fixed): void {
  const { tree } = subvolume;
  const seed = subvolume.volume.superblock.hashSeed;
  const bad: { key: Key; what: string }[] = [];
  const moved: { directory: number; key: Key; name: string; ino: number; type: number }[] = [];
  let file = -1;
  let end = 0;
  let hasInline = false;
  for (let more = tree.ceiling(0, 0, 0); more; more = tree.nextOfAll()) {
    const key: Key = [tree.key(0), tree.key(1), tree.key(2)];
    const kind = key[1] >>> 24;
    const { words, bytes, offset, length } = tree;
    const at = offset >>> 2;
    if (key[0] !== file) {
      file = key[0];
      end = 0;
      hasInline = false;
    }
    if (kind === KIND_INODE) {
      if (length !== INODE_SIZE) bad.push({ key, what: "inode of a wrong size" });
    } else if (kind === KIND_ENTRY) {
      if (length < 7 || bytes[offset + 5]! + 6 > length) {
        bad.push({ key, what: "entry of a wrong size" });
        continue;
      }
      const name = nameAt(bytes, offset);
      hashName(name, seed);
      if (nameHash.high !== (key[1] & 0xffffff) || nameHash.low !== key[2] >>> 8)
        moved.push({ directory: key[0], key, name, ino: words[at]!, type: bytes[offset + 4]! });
    } else if (kind === KIND_XATTR) {
      if (length < 4 || bytes[offset]! + 4 > length) {
        bad.push({ key, what: "attribute of a wrong size" });
        continue;
      }
      let name = "";
      for (let index = 0; index < bytes[offset]!; index++) name += String.fromCharCode(bytes[offset + 4 + index]!);
      hashName(name, seed);
      if (nameHash.high !== (key[1] & 0xffffff) || nameHash.low !== key[2] >>> 8)
        bad.push({ key, what: `attribute ${name} where it cannot be found` });
    } else if (kind === KIND_INLINE) hasInline = true;
    else if (kind === KIND_EXTENT) {
      const start = (key[1] & 0xffffff) * 0x100000000 + key[2];
      const blocks = length >= 16 ? words[at + EXTENT_AT_LENGTH]! & 0xffff : 0;
      const stored = length >= 16 ? words[at + EXTENT_AT_LENGTH]! >>> 16 : 0;
      const isMark = length === extentSize(0) && blocks > 0 && isLost(words[at + EXTENT_AT_FLAGS]!) && stored === 0;
      const flags = length >= 16 ? words[at + EXTENT_AT_FLAGS]! : 0;
      const isWhole = isCompressed(flags)
        ? stored > 0 && stored < UNIT_BLOCKS && words[at + EXTENT_AT_SKIP]! + blocks <= UNIT_BLOCKS
        : stored === blocks;
      const sane =
        blocks > 0 && blocks <= EXTENT_BLOCKS_MAX && length === extentSize(stored) && isWhole && !isLost(flags);
      if (isMark && start >= end && !(start === 0 && hasInline)) {
        end = start + blocks;
        continue;
      }
      if (sane && !isPlace(subvolume, words[at + EXTENT_AT_BLOCK]!, stored))
        bad.push({ key, what: "extent outside of the volume" });
      else if (!sane) bad.push({ key, what: "extent of a wrong shape" });
      else if (start + blocks > FILE_BLOCKS_MAX) bad.push({ key, what: "extent behind the end of the largest file" });
      else if (start < end || (start === 0 && hasInline)) bad.push({ key, what: "extent where other content is" });
      else end = start + blocks;
    } else if (kind !== KIND_ORPHAN && kind !== KIND_QUOTA) bad.push({ key, what: `item of unknown kind ${kind}` });
  }
  for (const { key, what } of bad) {
    tree.remove(key[0], key[1], key[2]);
    fixed(`removed: ${what}`, key[0]);
  }
  for (const { directory, key, name, ino, type } of moved) {
    tree.remove(key[0], key[1], key[2]);
    putEntry(subvolume, directory, name, ino, type);
    fixed(`moved entry "${name}" to where it is looked for`, directory);
  }
}

/** Can a file have these blocks? */
function isPlace({ volume }: Subvolume, block: number, count: number): boolean {
  const { layout, topStart } = volume.store;
  if (block < topStart) return block + count <= topStart;
  const segment = layout.segmentAt(block);
  return (
    segment !== undefined &&
    block + count <= segment.first + segment.blocks &&
    !Layout.reserved(segment).some((reserved) => reserved >= block && reserved < block + count)
  );
}

function scan(subvolume: Subvolume): Map<number, Found> {
  const { tree } = subvolume;
  const inodes = new Map<number, Found>();
  const found = (ino: number): Found => {
    let inode = inodes.get(ino);
    if (inode === undefined) inodes.set(ino, (inode = new Found()));
    return inode;
  };
  for (let more = tree.ceiling(0, 0, 0); more; more = tree.nextOfAll()) {
    const key: Key = [tree.key(0), tree.key(1), tree.key(2)];
    const kind = key[1] >>> 24;
    const { words, bytes, offset, length } = tree;
    const at = offset >>> 2;
    if (kind === KIND_ORPHAN) {
      found(key[2]).orphan = true;
      continue;
    }
    if (kind === KIND_QUOTA) continue;
    const inode = found(key[0]);
    if (kind === KIND_INODE) inode.takeInode(words, at);
    else if (kind === KIND_ENTRY) {
      const type = bytes[offset + 4]!;
      inode.children.push({ ino: words[at]!, type });
      found(words[at]!).names.push({ directory: key[0], key, name: nameAt(bytes, offset), type });
    } else if (kind === KIND_INLINE) inode.inlineSize = length;
    else if (kind === KIND_EXTENT) inode.takeExtent((key[1] & 0xffffff) * 0x100000000 + key[2], words, at);
  }
  return inodes;
}

/**
 * Content without an inode gets one, and so do names of files and symbolic links, whose content then reads as an error;
 * what else there is of an inode that is gone goes with it.
 */
function restoreInodes(subvolume: Subvolume, inodes: Map<number, Found>, fixed: Fixed, lost: Lost): void {
  const { tree } = subvolume;
  if (!inodes.has(ROOT_INO)) inodes.set(ROOT_INO, new Found());
  for (const [ino, inode] of inodes) {
    if (inode.mode >= 0) continue;
    const isDirectory = ino === ROOT_INO || inode.children.length > 0;
    const hasContent = inode.extentBlocks > 0 || inode.inlineSize >= 0;
    const isLink = !isDirectory && inode.extentBlocks === 0 && inode.names.some(({ type }) => type === DT_LNK);
    if (isDirectory || hasContent || isLink || inode.names.some(({ type }) => type === DT_REG)) {
      inode.mode = isDirectory ? S_IFDIR | 0o700 : isLink ? S_IFLNK | 0o777 : S_IFREG | 0o600;
      inode.isMade = true;
      // Without anything that tells its size a file has one block, which is marked as lost.
      inode.size = isDirectory ? 0 : hasContent || isLink ? inode.contentEnd : BLOCK_SIZE;
      lost("file", ino, lossOfInode(isDirectory, isLink, hasContent));
      putInode(subvolume, ino, inode);
      fixed("made an inode for what had none", ino);
      continue;
    }
    while (tree.ceiling(ino, 0, 0) && tree.key(0) === ino) tree.remove(ino, tree.key(1), tree.key(2));
    if (inode.orphan) tree.remove(0, ORPHAN_MIDDLE, ino);
    for (const { directory, key, name } of inode.names) {
      tree.remove(key[0], key[1], key[2]);
      const parent = inodes.get(directory)!;
      parent.children = parent.children.filter((child) => child.ino !== ino);
      fixed(`removed name "${name}" of an inode that is not there`, directory);
      lost("file", ino, `"${name}" is gone`, pathIn(inodes, directory, name));
    }
    if (inode.names.length === 0) fixed("removed attributes or an orphan's mark of an inode that is not there", ino);
    inodes.delete(ino);
  }
}

function lossOfInode(isDirectory: boolean, isLink: boolean, hasContent: boolean): string {
  if (isDirectory) return "the folder's inode is lost";
  if (isLink)
    return hasContent
      ? "the symbolic link's inode is lost: its owner and times are not known"
      : "the symbolic link's inode is lost, and where it leads: reading it is an error";
  return hasContent
    ? "the file's inode is lost: its size, owner, mode and times are not known, nor whether all of its content is there"
    : "the file's inode and all of its content are lost: reading it is an error";
}

/** Path of a name, as far as folders lead up to the root; else with the number of the one that does not. */
function pathIn(inodes: Map<number, Found>, directory: number, name: string): string {
  let path = name;
  let at = directory;
  for (let steps = 0; at !== ROOT_INO && steps < inodes.size; steps++) {
    const [own] = inodes.get(at)?.names ?? [];
    if (own === undefined) return `#${at}/${path}`;
    path = `${own.name}/${path}`;
    at = own.directory;
  }
  return `/${path}`;
}

/** Types in entries, names in what is no directory, several names of one directory, parents. */
function fixNames(subvolume: Subvolume, inodes: Map<number, Found>, fixed: Fixed): void {
  const { tree } = subvolume;
  for (const [ino, inode] of inodes) {
    const type = (inode.mode & S_IFMT) >>> 12;
    const isDirectory = type === DT_DIR;
    const removeName = ({ key, directory, name }: Name, why: string): void => {
      tree.remove(key[0], key[1], key[2]);
      const parent = inodes.get(directory)!;
      const at = parent.children.findIndex((child) => child.ino === ino);
      if (at >= 0) parent.children.splice(at, 1);
      fixed(`removed name "${name}": ${why}`, directory);
    };
    inode.names = inode.names.filter((name) => {
      if ((inodes.get(name.directory)!.mode & S_IFMT) === S_IFDIR && !(ino === ROOT_INO)) return true;
      removeName(name, ino === ROOT_INO ? "the root directory has none" : "it is in what is no directory");
      return false;
    });
    if (isDirectory && inode.names.length > 1) {
      const kept = inode.names.find(({ directory }) => directory === inode.parent) ?? inode.names[0]!;
      for (const name of inode.names) if (name !== kept) removeName(name, "a directory has one name");
      inode.names = [kept];
    }
    for (const name of inode.names) {
      if (name.type === type) continue;
      tree.edit(name.key[0], name.key[1], name.key[2]);
      tree.bytes[tree.offset + 4] = type;
      name.type = type;
      const child = inodes.get(name.directory)!.children.find((each) => each.ino === ino);
      if (child !== undefined) child.type = type;
      fixed(`corrected the type in entry "${name.name}"`, name.directory);
    }
  }
}

/** What cannot be reached from the root is linked into /lost+found. */
function attachLost(subvolume: Subvolume, inodes: Map<number, Found>, fixed: Fixed): void {
  const { tree } = subvolume;
  const reached = new Set<number>([ROOT_INO]);
  const queue = [ROOT_INO];
  const spread = (): void => {
    for (let ino = queue.pop(); ino !== undefined; ino = queue.pop()) {
      for (const child of inodes.get(ino)!.children) {
        if (reached.has(child.ino)) continue;
        reached.add(child.ino);
        if (inodes.has(child.ino)) queue.push(child.ino);
      }
    }
  };
  spread();
  let lost = 0;
  const attach = (ino: number, inode: Found): void => {
    if (lost === 0) reached.add((lost = lostAndFound(subvolume, inodes)));
    if (ino === lost) return;
    const type = (inode.mode & S_IFMT) >>> 12;
    // A directory in a circle has a name already, in another one of the circle.
    for (const { key, directory } of inode.names) {
      tree.remove(key[0], key[1], key[2]);
      const parent = inodes.get(directory)!;
      parent.children = parent.children.filter((child) => child.ino !== ino);
    }
    inode.names = [{ directory: lost, key: putEntry(subvolume, lost, `#${ino}`, ino, type), name: `#${ino}`, type }];
    inodes.get(lost)!.children.push({ ino, type });
    reached.add(ino);
    queue.push(ino);
    spread();
    fixed(`linked as /lost+found/#${ino}`, ino);
  };
  // Whole subtrees first: by the directories that nothing names, then by any that is left (circles), then single files.
  const isDirectory = (inode: Found): boolean => (inode.mode & S_IFMT) === S_IFDIR;
  const isOrphan = (inode: Found): boolean => inode.orphan && inode.names.length === 0;
  for (const [ino, inode] of [...inodes])
    if (
      !reached.has(ino) &&
      !isOrphan(inode) &&
      isDirectory(inode) &&
      inode.names.length === 0 &&
      inode.children.length > 0
    )
      attach(ino, inode);
  for (const [ino, inode] of [...inodes])
    if (!reached.has(ino) && !isOrphan(inode) && isDirectory(inode)) attach(ino, inode);
  for (const [ino, inode] of [...inodes]) if (!reached.has(ino) && !isOrphan(inode)) attach(ino, inode);
}

/** Number of /lost+found, made when it is not there. */
function lostAndFound(subvolume: Subvolume, inodes: Map<number, Found>): number {
  for (const [ino, inode] of inodes) {
    if (
      (inode.mode & S_IFMT) === S_IFDIR &&
      inode.names.some(({ directory, name }) => directory === ROOT_INO && name === "lost+found")
    )
      return ino;
  }
  const ino = Math.max(subvolume.nextIno, ...inodes.keys()) + 1;
  const inode = new Found();
  inode.mode = S_IFDIR | 0o700;
  inode.parent = ROOT_INO;
  putInode(subvolume, ino, inode);
  // A file may have that name.
  for (let name = "lost+found", number = 1; ; name = `lost+found.${number++}`) {
    if (
      inodes
        .get(ROOT_INO)!
        .children.some(
          (child) =>
            inodes.get(child.ino)?.names.some((each) => each.directory === ROOT_INO && each.name === name) === true,
        )
    )
      continue;
    inode.names = [{ directory: ROOT_INO, key: putEntry(subvolume, ROOT_INO, name, ino, DT_DIR), name, type: DT_DIR }];
    break;
  }
  inodes.get(ROOT_INO)!.children.push({ ino, type: DT_DIR });
  inodes.set(ino, inode);
  return ino;
}

/** Links, sizes, blocks, entries, parents, the orphans' list, and the subvolume's own counters. */
function fixCounts(subvolume: Subvolume, inodes: Map<number, Found>, fixed: Fixed): void {
  const { tree } = subvolume;
  for (const [ino, inode] of inodes) {
    const type = inode.mode & S_IFMT;
    const isDirectory = type === S_IFDIR;
    const subdirectories = inode.children.filter((child) => child.type === DT_DIR).length;
    const nlink = inode.orphan && inode.names.length === 0 ? 0 : isDirectory ? 2 + subdirectories : inode.names.length;
    const parent = !isDirectory
      ? inode.parent
      : ino === ROOT_INO
        ? ROOT_INO
        : (inode.names[0]?.directory ?? inode.parent);
    const entries = isDirectory ? inode.children.length : inode.entries;
    let size = inode.size;
    if (type === S_IFLNK && inode.inlineSize !== size) {
      // Without a target it is marked, and cannot be read.
      if (inode.inlineSize >= 0) size = inode.inlineSize;
    } else if (inode.inlineSize > size || (type === S_IFREG && inode.inlineSize > INLINE_SIZE_MAX))
      size = size > inode.inlineSize ? size : inode.inlineSize;
    if (type === S_IFREG && inode.inlineSize > INLINE_SIZE_MAX) {
      tree.remove(ino, INLINE_MIDDLE, 0);
      fixed("removed inline content that is too long", ino);
    }
    if (size > FILE_SIZE_MAX) size = inode.contentEnd;
    const wrong: string[] = [];
    if (nlink !== inode.nlink) wrong.push(`${nlink} links, not ${inode.nlink}`);
    if (entries !== inode.entries) wrong.push(`${entries} entries, not ${inode.entries}`);
    if (inode.extentBlocks !== inode.blocks) wrong.push(`${inode.extentBlocks} blocks, not ${inode.blocks}`);
    if (size !== inode.size) wrong.push(`${size} bytes, not ${inode.size}`);
    if (parent !== inode.parent) wrong.push(`its parent is ${parent}, not ${inode.parent}`);
    if (wrong.length > 0 && tree.edit(ino, INODE_MIDDLE, 0)) {
      const at = tree.offset >>> 2;
      const { words } = tree;
      words[at + INODE_AT_NLINK] = nlink;
      words[at + INODE_AT_ENTRIES] = entries;
      words[at + INODE_AT_PARENT] = parent;
      putPair(words, at + INODE_AT_BLOCKS, inode.extentBlocks);
      putSize(words, at, blockOf(size), withinOf(size));
      fixed(`corrected: ${wrong.join(", ")}`, ino);
    }
    if (inode.orphan && nlink > 0) {
      tree.remove(0, ORPHAN_MIDDLE, ino);
      fixed("took off the list of orphans", ino);
    }
  }
  const highest = Math.max(ROOT_INO, ...inodes.keys());
  if (subvolume.nextIno <= highest || subvolume.inodes !== inodes.size) {
    subvolume.nextIno = Math.max(subvolume.nextIno, highest + 1);
    subvolume.inodes = inodes.size;
    fixed("corrected the subvolume's count of inodes", -1);
  }
}

function putInode(subvolume: Subvolume, ino: number, inode: Found): void {
  const { tree, volume } = subvolume;
  const at = tree.insert(ino, INODE_MIDDLE, 0, INODE_SIZE) >>> 2;
  const { words } = tree;
  words.fill(0, at, at + INODE_SIZE / 4);
  words[at + INODE_AT_MODE] = inode.mode;
  words[at + INODE_AT_PARENT] = inode.parent;
  putSize(words, at, blockOf(inode.size), withinOf(inode.size));
  for (const time of [INODE_AT_ATIME, INODE_AT_MTIME, INODE_AT_CTIME, INODE_AT_BTIME])
    putTime(words, at + time, volume.seconds, volume.nanoseconds);
}

function putEntry(subvolume: Subvolume, directory: number, name: string, ino: number, type: number): Key {
  const { tree, volume } = subvolume;
  hashName(name, volume.superblock.hashSeed);
  const middle = keyMiddle(KIND_ENTRY, nameHash.high);
  let low = (nameHash.low << 8) >>> 0;
  while (tree.find(directory, middle, low)) low++;
  const offset = tree.insert(directory, middle, low, 6 + name.length);
  tree.words[offset >>> 2] = ino;
  tree.bytes[offset + 4] = type;
  tree.bytes[offset + 5] = name.length;
  for (let index = 0; index < name.length; index++) tree.bytes[offset + 6 + index] = name.charCodeAt(index);
  return [directory, middle, low];
}
