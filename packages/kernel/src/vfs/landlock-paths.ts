/**
 * landlock(7) for files: a right is granted by rules for the file itself or for what it stands below, up to the root of
 * all mounts. Pages load this when a process has given up something.
 *
 * @see Linux security/landlock/fs.c
 */
import {
  EACCES,
  ENOENT,
  EXDEV,
  LANDLOCK_ACCESS_FS_EXECUTE,
  LANDLOCK_ACCESS_FS_IOCTL_DEV,
  LANDLOCK_ACCESS_FS_MAKE_BLOCK,
  LANDLOCK_ACCESS_FS_MAKE_CHAR,
  LANDLOCK_ACCESS_FS_MAKE_DIR,
  LANDLOCK_ACCESS_FS_MAKE_FIFO,
  LANDLOCK_ACCESS_FS_MAKE_REG,
  LANDLOCK_ACCESS_FS_MAKE_SOCK,
  LANDLOCK_ACCESS_FS_MAKE_SYM,
  LANDLOCK_ACCESS_FS_READ_DIR,
  LANDLOCK_ACCESS_FS_READ_FILE,
  LANDLOCK_ACCESS_FS_REFER,
  LANDLOCK_ACCESS_FS_REMOVE_DIR,
  LANDLOCK_ACCESS_FS_REMOVE_FILE,
  LANDLOCK_ACCESS_FS_TRUNCATE,
  LANDLOCK_ACCESS_FS_WRITE_FILE,
  O_ACCMODE,
  O_RDONLY,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFSOCK,
} from "@stratos/abi";
import { whenForgotten } from "@stratos/base";
import {
  ALL_FS_RIGHTS,
  allFileRights,
  beginRequest,
  FILE_RIGHTS,
  grant,
  handlesFiles,
  isRefused,
  isRuleFor,
  type LandlockDomain,
  type LayerMasks,
  narrow,
  refusedOf,
  RIGHT_COUNT,
} from "../security/landlock.ts";
import type { Dentry } from "./dentry.ts";
import type { Mount } from "./mount.ts";
import type { Path } from "./path.ts";

/** Of the call under way: none waits within one. */
const REQUEST = new Uint16Array(RIGHT_COUNT),
  FROM = new Uint16Array(RIGHT_COUNT),
  TO = new Uint16Array(RIGHT_COUNT),
  MOVED = new Uint16Array(RIGHT_COUNT),
  REPLACED = new Uint16Array(RIGHT_COUNT);

function ruleOf({ files, owners }: LandlockDomain, { inode }: Dentry): readonly number[] | undefined {
  if (inode === null) return undefined;
  const { device } = inode.fileSystem;
  const rule = files.get(device)?.get(inode.ino);
  return rule !== undefined && isRuleFor(owners?.get(device)?.get(inode.ino), inode) ? rule : undefined;
}

/** Of the kernel itself (pipes, sockets, namespaces): nobody has given that up. */
function isInternal({ id }: Mount): boolean {
  return id === 0;
}

/**
 * One step to the root of all mounts; null: it is reached. What mounts hide stands for nothing. The mount of what is
 * returned is told by `climbed`.
 */
function above(mount: Mount, dentry: Dentry): Dentry | null {
  let at = dentry;
  for (climbed = mount; at === climbed.root;) {
    const { parent, mountPoint }: Mount = climbed;
    if (parent === null || mountPoint === null) return null;
    climbed = parent;
    at = mountPoint;
  }
  return at.parent;
}

let climbed: Mount;
whenForgotten(() => void (climbed = undefined!));

/** Which of the rights are refused there. */
function refusedAt(domain: LandlockDomain, mount: Mount, dentry: Dentry, rights: number): number {
  if (isInternal(mount)) return 0;
  const handled = beginRequest(domain, rights, "fs", REQUEST);
  if (handled === 0) return 0;
  climbed = mount;
  for (let at: Dentry | null = dentry; at !== null; at = above(climbed, at))
    if (grant(ruleOf(domain, at), handled, REQUEST)) return 0;
  return refusedOf(handled, REQUEST);
}

/** 0 or −EACCES. */
export function checkLandlock(domain: LandlockDomain, { mount, dentry }: Path, rights: number): number {
  return refusedAt(domain, mount, dentry, rights) === 0 ? 0 : -EACCES;
}

/** In the folder of a name. @param rights  0: to make a file of that mode */
export function checkLandlockChange(domain: LandlockDomain, { mount, dentry }: Path, rights: number, mode = 0): number {
  const folder = dentry.parent ?? dentry;
  return refusedAt(domain, mount, folder, rights === 0 ? makingRight(mode) : rights) === 0 ? 0 : -EACCES;
}

/**
 * What open(2) needs, and what may be done with the description later.
 *
 * @param flags  O_*, or "execute"
 * @returns those of LANDLOCK_ACCESS_FS_TRUNCATE and IOCTL_DEV that are refused, or −EACCES
 */
export function checkLandlockOpening(
  domain: LandlockDomain,
  { mount, dentry }: Path,
  flags: number | "execute",
): number {
  const { mode } = dentry.inode!;
  const kind = mode & S_IFMT;
  let needed = 0;
  if (flags === "execute") needed = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE;
  else {
    const access = flags & O_ACCMODE;
    if (access !== O_WRONLY && access !== 3)
      needed |= kind === S_IFDIR ? LANDLOCK_ACCESS_FS_READ_DIR : LANDLOCK_ACCESS_FS_READ_FILE;
    if (access !== O_RDONLY && access !== 3) needed |= LANDLOCK_ACCESS_FS_WRITE_FILE;
  }
  const isDevice = kind === S_IFCHR || kind === S_IFBLK;
  const later = LANDLOCK_ACCESS_FS_TRUNCATE | (isDevice ? LANDLOCK_ACCESS_FS_IOCTL_DEV : 0);
  const refused = refusedAt(domain, mount, dentry, needed | later);
  return (refused & needed) !== 0 ? -EACCES : refused;
}

/**
 * link(2) and rename(2): a file may not come to where more can be done with it.
 *
 * @param to  its name may be nobody's yet
 * @returns 0; −EACCES for what may not be made or removed there; −EXDEV, as for another file system
 */
export function checkLandlockMove(
  domain: LandlockDomain,
  from: Path,
  to: Path,
  { isRemoved, exchanges }: { readonly isRemoved: boolean; readonly exchanges: boolean },
): number {
  if (!handlesFiles(domain)) return 0;
  const moved = from.dentry,
    replaced = to.dentry;
  if (moved.inode === null || (exchanges && replaced.inode === null)) return -ENOENT;
  let fromRights = exchanges ? makingRight(replaced.inode!.mode) : 0,
    toRights = makingRight(moved.inode.mode);
  if (isRemoved) {
    fromRights |= removingRight(moved);
    toRights |= removingRight(replaced);
  }
  const toFolder = replaced.parent ?? replaced,
    fromFolder = moved.parent ?? moved;
  if (fromFolder === toFolder) return refusedAt(domain, to.mount, toFolder, fromRights | toRights) === 0 ? 0 : -EACCES;
  fromRights |= LANDLOCK_ACCESS_FS_REFER;
  toRights |= LANDLOCK_ACCESS_FS_REFER;
  const { root } = to.mount;
  const isFromFree = collect(domain, root, fromFolder, FROM),
    isToFree = collect(domain, root, toFolder, TO);
  if (isFromFree && isToFree) return 0;
  if (mayRefer(domain, to.mount, { moved, replaced: exchanges ? replaced : null, fromRights, toRights })) return 0;
  const isDenied =
    isRefused(fromRights & ~LANDLOCK_ACCESS_FS_REFER, FROM) || isRefused(toRights & ~LANDLOCK_ACCESS_FS_REFER, TO);
  return isDenied ? -EACCES : -EXDEV;
}

/** All that the domain handles, between a folder and its mount's root. @returns is all granted? */
function collect(domain: LandlockDomain, root: Dentry, folder: Dentry, masks: LayerMasks): boolean {
  const handled = beginRequest(domain, ALL_FS_RIGHTS, "fs", masks);
  for (let at: Dentry | null = folder; at !== null; at = at.parent) {
    if (grant(ruleOf(domain, at), handled, masks)) return true;
    if (at === root) break;
  }
  return false;
}

interface Move {
  readonly moved: Dentry;
  readonly replaced: Dentry | null;
  readonly fromRights: number;
  readonly toRights: number;
}

/** FROM and TO hold what is refused below the mount's root. */
function mayRefer(domain: LandlockDomain, mount: Mount, { moved, replaced, fromRights, toRights }: Move): boolean {
  const masks = [
    [moved, MOVED],
    [replaced, REPLACED],
  ] as const;
  for (const [dentry, own] of masks)
    if (dentry !== null) grant(ruleOf(domain, dentry), beginRequest(domain, ALL_FS_RIGHTS, "fs", own), own);
  // Until it is known that nothing is gained, all that the domain handles counts, and then what is asked for.
  let fromAsked = allFileRights(domain),
    toAsked = fromAsked;
  let isCompared = false,
    mayFrom = false,
    mayTo = false;
  climbed = mount;
  for (let at: Dentry | null = mount.root; at !== null; at = above(climbed, at)) {
    if (!isCompared && gainsNothing(moved, replaced)) {
      isCompared = true;
      fromAsked = fromRights;
      toAsked = toRights;
      mayFrom = mayFrom || narrow(fromAsked, FROM);
      mayTo = mayTo || narrow(toAsked, TO);
      if (mayFrom && mayTo) return true;
    }
    const rule = ruleOf(domain, at);
    mayFrom = mayFrom || grant(rule, fromAsked, FROM);
    mayTo = mayTo || grant(rule, toAsked, TO);
    if (mayFrom && mayTo) return true;
  }
  return false;
}

/** Is all refused at the other place that is refused at its own, to what is moved and to what takes its place? */
function gainsNothing(moved: Dentry, replaced: Dentry | null): boolean {
  for (let right = 0; right < RIGHT_COUNT; right++) {
    const isOfFiles = (FILE_RIGHTS & (1 << right)) !== 0;
    if (isOfFiles || moved.inode!.isDirectory) {
      if ((FROM[right]! & MOVED[right]! & ~TO[right]!) !== 0) return false;
    }
    if (replaced !== null && (isOfFiles || replaced.inode!.isDirectory)) {
      if ((TO[right]! & REPLACED[right]! & ~FROM[right]!) !== 0) return false;
    }
  }
  return true;
}

function makingRight(mode: number): number {
  switch (mode & S_IFMT) {
    case S_IFLNK:
      return LANDLOCK_ACCESS_FS_MAKE_SYM;
    case S_IFDIR:
      return LANDLOCK_ACCESS_FS_MAKE_DIR;
    case S_IFCHR:
      return LANDLOCK_ACCESS_FS_MAKE_CHAR;
    case S_IFBLK:
      return LANDLOCK_ACCESS_FS_MAKE_BLOCK;
    case S_IFIFO:
      return LANDLOCK_ACCESS_FS_MAKE_FIFO;
    case S_IFSOCK:
      return LANDLOCK_ACCESS_FS_MAKE_SOCK;
    default:
      return LANDLOCK_ACCESS_FS_MAKE_REG;
  }
}

function removingRight({ inode }: Dentry): number {
  if (inode === null) return 0;
  return inode.isDirectory ? LANDLOCK_ACCESS_FS_REMOVE_DIR : LANDLOCK_ACCESS_FS_REMOVE_FILE;
}
