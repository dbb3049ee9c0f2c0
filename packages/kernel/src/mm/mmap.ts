import {
  EACCES,
  EAGAIN,
  EBADF,
  EEXIST,
  EFAULT,
  EINVAL,
  ENODEV,
  ENOMEM,
  EOPNOTSUPP,
  EOVERFLOW,
  EPERM,
  F_SEAL_FUTURE_WRITE,
  F_SEAL_WRITE,
  MAP_DENYWRITE,
  MAP_DROPPABLE,
  MAP_FIXED,
  MAP_FIXED_NOREPLACE,
  MAP_GROWSDOWN,
  MAP_HUGETLB,
  MAP_LOCKED,
  MS_NOEXEC,
  MAP_NORESERVE,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_TYPE,
  O_NOATIME,
  O_PATH,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  SIGKILL,
  RLIMIT_AS,
  RLIMIT_DATA,
  isErrno,
} from "@stratos/abi";
import { walkInPieces } from "../ground/call-work.ts";
import { stateOf, type StateOf } from "../ground/call-state.ts";
import { UNFINISHED } from "../ground/wait-queue.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { touchAccessTime } from "../vfs/access-time.ts";
import { type AddressSpace, MMAP_MIN, USER_TOP, WIDE_TOP } from "./address-space.ts";
import { Area, AREA_NEVER_EXECUTABLE, AREA_NEVER_WRITABLE, AREA_NO_DUMP, AREA_WIPE_ON_FORK } from "./area.ts";
import { libraryPlace } from "./library-places.ts";
import { FILE_SIZE_MAX } from "../vfs/content-change.ts";
import { mayLock, mayLockAtAll } from "./lock-limit.ts";
import { checkSeals } from "./memory-seal.ts";
import { overcommits } from "./overcommit.ts";
import { OVERCOMMIT_NEVER } from "./overcommit-policy.ts";
import { PageCache } from "../frames/page-cache.ts";
import { handlePageFault } from "./page-fault.ts";
import type { MmCaller } from "./mm-kernel.ts";

export const pageUp = (bytes: number): number => Math.ceil(bytes / PAGE_SIZE) * PAGE_SIZE;
/** What MAP_SHARED_VALIDATE takes: Linux's LEGACY_MAP_MASK, and the sizes of huge pages. */
const KNOWN_FLAGS = 0x7f93f | (63 << 26);
/**
 * Areas of all processes together, some 200 bytes of the host each; Linux has them in memory that the guest's would be
 * short of.
 */
export const AREAS_MAX = 1 << 20;
/** What can't be said of memory whose pages may go at any time (mm/mmap.c, do_mmap), and what is true of it. */
const NOT_DROPPABLE = MAP_LOCKED | MAP_HUGETLB | MAP_GROWSDOWN,
  DROPPABLE = MAP_DROPPABLE | AREA_WIPE_ON_FORK | AREA_NO_DUMP;
/** What engines reserve for code that they will make is no larger (V8's code space 128 MiB, the JVM's 240 MiB). */
const CODE_RESERVATION_MAX = 256 << 20;
export const PROTECTIONS = PROT_READ | PROT_WRITE | PROT_EXEC;

/** `file` is null for MAP_ANONYMOUS. */
interface MapRequest {
  address: number;
  length: number;
  protection: number;
  flags: number;
  file: OpenFile | null;
  offset: number;
}

/** Of MAP_FIXED and MAP_FIXED_NOREPLACE: 0, −ENOMEM, −EINVAL, −EPERM or −EEXIST. @param top  where it must end */
function checkPlace(space: AddressSpace, { address, flags }: MapRequest, length: number, top: number): number {
  if (address < 0 || address + length > top) return -ENOMEM;
  if (address % PAGE_SIZE !== 0) return -EINVAL;
  if (address < MMAP_MIN) return -EPERM;
  return (flags & MAP_FIXED_NOREPLACE) !== 0 && !space.isFree(address, address + length) ? -EEXIST : 0;
}

/**
 * @returns the address, or EACCES, EBADF, EEXIST, EINVAL, ENODEV, ENOMEM
 * @see mmap(2)
 */
export function mmap(task: MmCaller, request: MapRequest): number {
  const { space } = task;
  const underWay = stateOf(task, "populate");
  if (underWay !== null) return populateMapped(task, underWay);
  const { offset } = request;
  let { file, flags } = request;
  // What is wrong is told in the order of Linux' mm/mmap.c (do_mmap): length, place, locks, kind.
  if (file !== null && (file.flags & O_PATH) !== 0) return -EBADF;
  if (request.length === 0 || offset % PAGE_SIZE !== 0) return -EINVAL;
  const length = pageUp(request.length);
  // A length of 2^63 or more comes as a negative number.
  if (!(length > 0 && length <= WIDE_TOP)) return -ENOMEM;
  const top = (request.protection & PROT_EXEC) !== 0 ? USER_TOP : WIDE_TOP;
  const isFixed = (flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) !== 0;
  const misplaced = isFixed ? checkPlace(space, request, length, top) : 0;
  if (misplaced < 0) return misplaced;
  const kind = flags & MAP_TYPE;
  const isDroppable = kind === MAP_DROPPABLE;
  const mustLock = (space.locksFuture && !isDroppable) || (flags & MAP_LOCKED) !== 0;
  if ((flags & MAP_LOCKED) !== 0 && !mayLockAtAll(task)) return -EPERM;
  if (mustLock && !mayLock(task, length)) return -EAGAIN;
  // Such an offset comes as a negative number, too; the sum is beyond any file.
  if (offset < 0 || (file?.inode?.isRegular === true && offset + length > FILE_SIZE_MAX)) return -EOVERFLOW;
  if (kind !== MAP_PRIVATE && kind !== MAP_SHARED && kind !== MAP_SHARED_VALIDATE && !isDroppable) return -EINVAL;
  // Without a file there is nothing that could know more flags.
  if (kind === MAP_SHARED_VALIDATE && file === null) return -EINVAL;
  if (kind === MAP_SHARED_VALIDATE && (flags & ~KNOWN_FLAGS) !== 0) return -EOPNOTSUPP;
  if (isDroppable && (file !== null || (flags & NOT_DROPPABLE) !== 0)) return -EINVAL;
  if ((flags & MAP_HUGETLB) !== 0) return -ENOMEM;
  const isShared = kind !== MAP_PRIVATE && !isDroppable;
  if (space.kernel.overcommit.mode === OVERCOMMIT_NEVER) flags &= ~MAP_NORESERVE;
  if (isDroppable) flags |= MAP_NORESERVE;

  let pages: PageCache | null = null;
  let isNeverWritable = false;
  if (file !== null) {
    const checked = checkFile(file, request.protection, isShared);
    if (checked < 0) return checked;
    const mapping = file.mapping(offset, length);
    if (isErrno(mapping)) return mapping;
    pages = mapping;
    isNeverWritable = isShared && (isSealedAgainstWriting(file) || (pages === null && !file.isWritable));
    // Zeroed memory that is shared is nobody's file; private memory keeps its name (drivers/char/mem.c, mmap_zero).
    if (pages === null && isShared) file = null;
  }
  // One area more than vm.max_map_count says: so Linux compares (mm/mmap.c, do_mmap).
  if (exceedsLimit(task, length) || !hasRoomForAreas(space, 0)) return -ENOMEM;
  const isAccounted =
    (flags & MAP_NORESERVE) === 0 && (isShared ? file === null : (request.protection & PROT_WRITE) !== 0);
  if (isAccounted && overcommits(space, length)) return -ENOMEM;
  if (gainsCode(space, request.protection, request.protection)) return -EACCES;

  let address = request.address;
  if (isFixed) {
    const failed = munmap(space, address, length);
    if (failed < 0) return failed;
  } else {
    address -= address % PAGE_SIZE;
    // A hint above 4 GiB is no reason to become wide: below, programs run faster. A wide space follows it, unless
    // mprotect(2) may make code of what is reserved: V8 gives hints at random for each module of WebAssembly.
    const mayBecomeCode = (request.protection & PROTECTIONS) === 0 && length <= CODE_RESERVATION_MAX;
    const usable =
      address >= MMAP_MIN &&
      address + length <= (space.isWide && !mayBecomeCode ? top : USER_TOP) &&
      space.isFree(address, address + length);
    if (!usable) {
      const inode = pages === null ? null : (file?.inode ?? null);
      const place =
        inode === null || (flags & MAP_DENYWRITE) === 0 ? 0 : libraryPlace(space, inode, `${offset}:${length}`, length);
      address = space.findGap(length, place, top === WIDE_TOP);
      if (address < 0) return address;
    }
  }
  if (address + length > USER_TOP) space.widen();
  if (isShared && file === null) {
    pages = new PageCache(space.account.ofKernel, null);
    pages.anonymousUsers = 1;
    pages.anonymousPages = Math.ceil((offset + length) / PAGE_SIZE);
  } else pages?.retainMapping();
  const kept =
    (mustLock ? MAP_LOCKED : 0) |
    (flags & (MAP_GROWSDOWN | MAP_NORESERVE)) |
    (isShared ? MAP_SHARED : MAP_PRIVATE) |
    (isDroppable ? DROPPABLE : 0) |
    (isNeverWritable ? AREA_NEVER_WRITABLE : 0) |
    (file !== null && liesWithoutExecution(file) ? AREA_NEVER_EXECUTABLE : 0);
  insertMerged(
    space,
    new Area(address, address + length, request.protection & PROTECTIONS, kept, {
      file: file?.retain() ?? null,
      pages,
      offset: file !== null ? file.mappedFrom(offset) : isShared ? offset : 0,
      label: "",
    }),
  );
  if (file !== null && file.inode !== null && file.inode.isRegular && (file.flags & O_NOATIME) === 0)
    touchAccessTime(space.kernel, file.inode, file.path);
  if ((flags & MAP_POPULATE) !== 0 || mustLock)
    return populateMapped(task, {
      kind: "populate",
      address,
      end: address + Math.min(length, space.kernel.memory.limit * PAGE_SIZE),
      at: address,
    });
  return address;
}

/**
 * MAP_POPULATE, in pieces, of as much as there is memory; what can't be faulted in is left to a later fault. @returns
 * the address, or UNFINISHED
 */
function populateMapped(task: MmCaller, state: StateOf<"populate">): number {
  const { work } = task.kernel;
  work.mayPause = true;
  for (let at = state.at; at < state.end;) {
    const reached = populatePiece(task.space, at, state.end);
    if (reached < 0) break;
    at = reached;
    if (at < state.end && work.mustPause()) {
      task.syscallState = { ...state, at };
      return UNFINISHED;
    }
  }
  return state.address;
}

/** PR_SET_MDWE: would memory be writable and executable, or become executable? @see include/linux/mman.h */
export function gainsCode(space: AddressSpace, before: number, after: number): boolean {
  if (space.executableRule === 0 || (after & PROT_EXEC) === 0) return false;
  return (after & PROT_WRITE) !== 0 || (before & PROT_EXEC) === 0;
}

function checkFile(file: OpenFile, protection: number, isShared: boolean): number {
  if (!file.isReadable) return -EACCES;
  if (isShared && (protection & PROT_WRITE) !== 0 && !file.isWritable) return -EACCES;
  if (isShared && (protection & PROT_WRITE) !== 0 && isSealedAgainstWriting(file)) return -EPERM;
  if ((protection & PROT_EXEC) !== 0 && liesWithoutExecution(file)) return -EPERM;
  if (file.inode !== null && file.inode.isDirectory) return -ENODEV;
  if (isShared && !file.isSharable) return -ENODEV;
  return 0;
}

function liesWithoutExecution({ path }: OpenFile): boolean {
  return path !== null && (path.mount.flags & MS_NOEXEC) !== 0;
}

/** A sealed memfd (fcntl(2), "File Sealing"). */
function isSealedAgainstWriting(file: OpenFile | null): boolean {
  const seals = file?.inode?.seals ?? 0;
  return seals > 0 && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) !== 0;
}

export function exceedsLimit(task: MmCaller, length: number): boolean {
  return task.space.mappedBytes + length > task.group.limits[RLIMIT_AS]!.soft;
}

/**
 * Inserts the area, growing the one below instead when both are the same kind of private anonymous memory (malloc
 * arenas, heaps).
 */
function insertMerged(space: AddressSpace, area: Area): void {
  const below = space.areas.startingBefore(area.start);
  const merges =
    below !== undefined &&
    below.end === area.start &&
    area.pages === null &&
    area.file === null &&
    below.pages === null &&
    below.file === null &&
    below.protection === area.protection &&
    below.flags === area.flags &&
    below.label === area.label &&
    below.userfault === null &&
    below.code === null;
  if (merges) space.extend(below, area.end);
  else space.insert(area);
}

/** @returns 0, or −EINVAL, −ENOMEM, −EPERM (mseal(2)). @see munmap(2) */
export function munmap(space: AddressSpace, address: number, length: number): number {
  if (address % PAGE_SIZE !== 0 || !(length > 0) || address < 0) return -EINVAL;
  const end = address + pageUp(length);
  if (end > WIDE_TOP) return -EINVAL;
  if (space.isFree(address, end)) return 0;
  const refused = checkSeals(space, address, end);
  if (refused < 0) return refused;
  // Only a hole in the middle of an area makes more of them.
  if (!hasRoomForAreas(space, 1)) {
    const area = space.areaAt(address);
    if (area !== undefined && area.start < address && end < area.end) return -ENOMEM;
  }
  space.splitAt(address);
  space.splitAt(end);
  space.removeAreas(address, end);
  return 0;
}

/** May a space have `more` areas than it has? */
export function hasRoomForAreas(space: AddressSpace, more: number): boolean {
  return space.areas.size + more <= space.kernel.maximumAreas && space.kernel.areaUsage.count + more <= AREAS_MAX;
}

/** May areas be split at both ends of the range? */
export function maySplit(space: AddressSpace, start: number, end: number): boolean {
  if (hasRoomForAreas(space, 2)) return true;
  const more =
    Number((space.areaAt(start)?.start ?? start) < start) + Number((space.areas.startingBefore(end)?.end ?? end) > end);
  return hasRoomForAreas(space, more);
}

/** @returns the new end of the heap; the old one on failure, as the system call has it. @see brk(2) */
export function brk(task: MmCaller, end: number): number {
  const { space } = task;
  if (end < space.brkStart) return space.brkEnd;
  const oldTop = pageUp(space.brkEnd);
  const newTop = pageUp(end);
  if (newTop > oldTop) {
    const limit = task.group.limits[RLIMIT_DATA]!.soft;
    if (
      end - space.brkStart > limit ||
      exceedsLimit(task, newTop - oldTop) ||
      newTop > USER_TOP ||
      !hasRoomForAreas(space, 0) ||
      overcommits(space, newTop - oldTop) ||
      !space.isFree(oldTop, newTop)
    )
      return space.brkEnd;
    insertMerged(
      space,
      new Area(oldTop, newTop, PROT_READ | PROT_WRITE, MAP_PRIVATE | (space.locksFuture ? MAP_LOCKED : 0), {
        file: null,
        pages: null,
        offset: 0,
        label: "[heap]",
      }),
    );
  } else if (newTop < oldTop && munmap(space, newTop, oldTop - newTop) < 0) return space.brkEnd;
  space.brkEnd = end;
  return end;
}

/**
 * Faults pages in (mlock, MADV_POPULATE_WRITE), in pieces; what can't be is left to a later fault. A range may be far
 * larger than memory (the page of zeroes would be mapped all over it): no more pages are looked at than there is
 * memory.
 *
 * @returns 0, −EAGAIN when there is no memory for it, −EFAULT what a file or a program gives is not there, −ENOMEM
 *   where nothing is mapped, or UNFINISHED
 */
export function populate(task: MmCaller, start: number, end: number): number {
  const { space } = task;
  const last = Math.min(end, start + space.kernel.memory.limit * PAGE_SIZE);
  const result = walkInPieces(task, start, last, (at) => populatePiece(space, at, last));
  return result === 0 && last < end ? -EAGAIN : result;
}

/** @returns where it got to, −EAGAIN, −EFAULT, −ENOMEM */
export function populatePiece(space: AddressSpace, start: number, end: number): number {
  const { work } = space.kernel;
  for (let at = start; at < end;) {
    const area = space.areaAt(at);
    if (area === undefined) return -ENOMEM;
    const access = area.isWritable && !area.isShared ? "write" : "read";
    const last = Math.min(area.end, end);
    work.charge(1);
    if (area.isReadable) {
      for (; at < last && !work.mustPause(); at += PAGE_SIZE) {
        if (space.table.get(at) !== 0) work.charge(1);
        else {
          const bad = handlePageFault(space, at, access);
          if (bad !== 0) return bad.signal === SIGKILL ? -EAGAIN : -EFAULT;
        }
      }
    } else at = last;
    if (work.mustPause()) return at;
  }
  return end;
}
