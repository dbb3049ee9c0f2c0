/**
 * What a repair could not bring back, so that whoever reads its report knows which files to take from a backup. Content
 * that is lost is marked in its file (FORMAT.md §6) and reads as an error from then on: never as zeros.
 */
import { Failure } from "../failure.ts";
import { nameAt } from "../file/directory.ts";
import { isCompressed, isLost } from "../file/extents.ts";
import { EXTENT_AT_BLOCK, EXTENT_AT_FLAGS, EXTENT_AT_LENGTH } from "../format/extent-item.ts";
import { INODE_AT_BYTES, INODE_AT_MODE, ROOT_INO } from "../format/inode-item.ts";
import { KIND_ENTRY, KIND_EXTENT, KIND_INODE, keyMiddle } from "../format/key.ts";
import { BLOCK_SIZE } from "../format/geometry.ts";
import type { Subvolume } from "../volume/subvolume.ts";
import type { Volume } from "../volume/volume.ts";
import { DAMAGE_MAX, type Damage } from "../scrub/scrub.ts";

/**
 * - `content`: bytes `from` … `to` of a file (or a symbolic link's target) read as an error
 * - `file`: an inode is gone; its content, if any was left, is in lost+found
 * - `name`: a folder lost names; what they named is in lost+found, if it is there
 * - `metadata`: a part of a tree is gone, with inodes `ino` … `lastIno`: what is left of them is told besides
 * - `subvolume`: the list of subvolumes or the volume's settings lost a part: snapshots may be gone
 * - `synced`: what was made durable after the last commit
 */
export interface Loss {
  readonly what: "content" | "file" | "name" | "metadata" | "subvolume" | "synced";
  /** −1: of the volume as a whole. */
  readonly subvolume: number;
  readonly subvolumeName: string;
  /** −1: of none in particular. */
  readonly ino: number;
  readonly lastIno: number;
  /** In the subvolume, after the repair; null when none is known. */
  readonly path: string | null;
  /** Further names of the same file. */
  readonly otherPaths: readonly string[];
  /** Bytes. */
  readonly from: number;
  readonly to: number;
  /** For people. */
  readonly detail: string;
}

export function lossOf(what: Loss["what"], detail: string, more: Partial<Loss> = {}): Loss {
  return {
    what,
    subvolume: -1,
    subvolumeName: "",
    ino: -1,
    lastIno: -1,
    path: null,
    otherPaths: [],
    from: 0,
    to: 0,
    detail,
    ...more,
  };
}

/** Ranges of files that are marked as lost, as losses without paths. Throws Failure. */
export function markedContent(volume: Volume): Loss[] {
  const losses: Loss[] = [];
  for (const id of volume.subvolumeIds()) {
    const subvolume = volume.subvolume(id);
    if (subvolume === null) continue;
    const { tree } = subvolume;
    for (let more = tree.ceiling(0, 0, 0); more; more = tree.nextOfAll()) {
      if (tree.key(1) >>> 24 !== KIND_EXTENT || !isLost(tree.words[(tree.offset >>> 2) + EXTENT_AT_FLAGS]!)) continue;
      const start = ((tree.key(1) & 0xffffff) * 0x100000000 + tree.key(2)) * BLOCK_SIZE;
      const to = start + (tree.words[(tree.offset >>> 2) + EXTENT_AT_LENGTH]! & 0xffff) * BLOCK_SIZE;
      losses.push(
        lossOf("content", "content is lost", {
          subvolume: id,
          subvolumeName: subvolume.name,
          ino: tree.key(0),
          from: start,
          to,
        }),
      );
    }
  }
  return losses;
}

/** Where in their files damaged blocks are: in each that has one, in whichever subvolume. Throws Failure. */
export function damagedContent(volume: Volume, damage: readonly Damage[]): Loss[] {
  const losses = damage
    .filter(({ what }) => what === "node")
    .map(({ block, subvolume }) => lossOf("metadata", `a node is damaged (block ${block})`, { subvolume }));
  const blocks = new Set(damage.filter(({ what }) => what === "data").map(({ block }) => block));
  if (blocks.size === 0) return losses;
  for (const id of volume.subvolumeIds()) {
    const subvolume = volume.subvolume(id);
    if (subvolume === null) continue;
    const { tree } = subvolume;
    for (let more = tree.ceiling(0, 0, 0); more; more = tree.nextOfAll()) {
      if (tree.key(1) >>> 24 !== KIND_EXTENT) continue;
      const at = tree.offset >>> 2;
      const stored = tree.words[at + EXTENT_AT_LENGTH]! >>> 16;
      const length = tree.words[at + EXTENT_AT_LENGTH]! & 0xffff;
      const start = (tree.key(1) & 0xffffff) * 0x100000000 + tree.key(2);
      const isUnit = isCompressed(tree.words[at + EXTENT_AT_FLAGS]!);
      for (let offset = 0; offset < stored; offset++) {
        const block = tree.words[at + EXTENT_AT_BLOCK]! + offset;
        if (!blocks.has(block)) continue;
        // Of a compressed unit nothing can be read.
        const from = isUnit ? start : start + offset;
        losses.push(
          lossOf("content", `content is damaged (block ${block})`, {
            subvolume: id,
            subvolumeName: subvolume.name,
            ino: tree.key(0),
            from: from * BLOCK_SIZE,
            to: (isUnit ? start + length : from + 1) * BLOCK_SIZE,
          }),
        );
        if (isUnit) break;
      }
    }
  }
  if (damage.length >= DAMAGE_MAX)
    losses.push(
      lossOf(
        "content",
        `more is damaged than the first ${DAMAGE_MAX} blocks that are told here: a scrub after those are removed ` +
          "tells of the rest",
      ),
    );
  return losses;
}

/** The same losses with the paths of their inodes, neighbours joined. Throws Failure. */
export function withPaths(volume: Volume, losses: readonly Loss[]): Loss[] {
  const known = new Map<number, Map<number, string[]>>();
  const joined: Loss[] = [];
  for (const loss of losses) {
    const last = joined[joined.length - 1];
    if (
      loss.what === "content" &&
      last?.what === "content" &&
      last.subvolume === loss.subvolume &&
      last.ino === loss.ino &&
      last.to === loss.from
    )
      joined[joined.length - 1] = { ...last, to: loss.to };
    else joined.push(loss);
  }
  return joined.map((loss) => {
    if (loss.subvolume <= 0) return loss;
    const subvolume = volume.subvolume(loss.subvolume);
    if (subvolume === null) return loss;
    let paths = known.get(loss.subvolume);
    if (paths === undefined) known.set(loss.subvolume, (paths = pathsOf(subvolume)));
    const [first = null, ...others] = paths.get(loss.ino) ?? [];
    return {
      ...loss,
      subvolumeName: subvolume.name,
      path: loss.path ?? first,
      otherPaths: loss.path === null ? others : [],
    };
  });
}

/** The paths of each inode. Bound: as much memory as the names take. */
function pathsOf(subvolume: Subvolume): Map<number, string[]> {
  const { tree } = subvolume;
  const names = new Map<number, { directory: number; name: string }[]>();
  for (let more = tree.ceiling(0, 0, 0); more; more = tree.nextOfAll()) {
    if (tree.key(1) >>> 24 !== KIND_ENTRY) continue;
    const ino = tree.words[tree.offset >>> 2]!;
    const own = names.get(ino),
      entry = { directory: tree.key(0), name: nameAt(tree.bytes, tree.offset) };
    if (own === undefined) names.set(ino, [entry]);
    else own.push(entry);
  }
  const paths = new Map<number, string[]>([[ROOT_INO, ["/"]]]);
  for (const [ino, entries] of names) {
    if (ino === ROOT_INO) continue;
    for (const entry of entries) {
      const parts = [entry.name];
      let at = entry.directory;
      for (let steps = 0; at !== ROOT_INO && steps < names.size + 1; steps++) {
        const [above] = names.get(at) ?? [];
        if (above === undefined) break;
        parts.unshift(above.name);
        at = above.directory;
      }
      if (at !== ROOT_INO) continue;
      const own = paths.get(ino),
        path = `/${parts.join("/")}`;
      if (own === undefined) paths.set(ino, [path]);
      else own.push(path);
    }
  }
  return paths;
}

/** The inode's mode and size (bytes) as a tree that may be damaged has it; null when it cannot be read. */
export function readableMode(subvolume: Subvolume, ino: number): { mode: number; size: number } | null {
  const { tree } = subvolume;
  try {
    if (!tree.find(ino, keyMiddle(KIND_INODE, 0), 0)) return null;
    const at = tree.offset >>> 2;
    return {
      mode: tree.words[at + INODE_AT_MODE]!,
      size: tree.words[at + INODE_AT_BYTES]! + tree.words[at + INODE_AT_BYTES + 1]! * 0x100000000,
    };
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    return null;
  }
}
