import {
  EBADF,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  Iovec,
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_PAGEOUT,
  MADV_POPULATE_WRITE,
  MADV_REMOVE,
  MADV_WILLNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_SHARED,
  UFFD_USER_MODE_ONLY,
  RLIMIT_NOFILE,
  O_NONBLOCK,
  O_CLOEXEC,
  MEMBARRIER_CMD_FLAG_CPU,
  MEMBARRIER_CMD_GET_REGISTRATIONS,
  MEMBARRIER_CMD_GLOBAL,
  MEMBARRIER_CMD_GLOBAL_EXPEDITED,
  MEMBARRIER_CMD_PRIVATE_EXPEDITED,
  MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ,
  MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE,
  MEMBARRIER_CMD_QUERY,
  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
  MLOCK_ONFAULT,
  PAGE_SIZE,
  SIGKILL,
  UIO_MAXIOV,
  isErrno,
} from "@stratos/abi";
import { processOfPidfd } from "../task/pidfd.ts";
import { mayInspect } from "../task/task-access.ts";
import { lockAllMemory, lockMemory, unlockAllMemory, unlockMemory } from "../mm/memory-lock.ts";
import { madvise } from "../mm/madvise.ts";
import { sealMemory } from "../mm/memory-seal.ts";
import { brk, mmap, munmap } from "../mm/mmap.ts";
import { mincore, msync, storeServed } from "../mm/msync.ts";
import { mprotect } from "../mm/mprotect.ts";
import { mremap } from "../mm/mremap.ts";
import { openUserfault } from "../mm/userfault-file.ts";
import type { Task } from "../task/task.ts";
import { movedBefore, pauseTransfer } from "../ground/call-work.ts";
import { BLOCKED_KILLABLE } from "../ground/wait-queue.ts";
import { getU64, viewOf } from "../ground/words.ts";
import type { SyscallTable } from "./syscall-table.ts";
import type { SyscallHandler } from "../task/syscall-row.ts";

function sysMmap(
  task: Task,
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  // Before a descriptor (arch/riscv/kernel/sys_riscv.c, riscv_sys_mmap).
  if (offset % PAGE_SIZE !== 0) return -EINVAL;
  if ((flags & MAP_ANONYMOUS) !== 0) return mmap(task, { address, length, protection, flags, file: null, offset: 0 });
  const file = task.files.get(fd | 0);
  if (file === undefined) return -EBADF;
  return mmap(task, { address, length, protection, flags, file, offset });
}

/**
 * remap_file_pages(2), as Linux has emulated it since 4.0: a new mapping of the file's other pages over a part of
 * the old one.
 *
 * @returns 0; −EINVAL for what isn't one shared mapping; as mmap(2)
 */
function remapFilePages(task: Task, start: number, size: number, protection: number, page: number): number {
  const { space } = task;
  if (protection !== 0) return -EINVAL;
  const address = start - (start % PAGE_SIZE);
  const length = size - (size % PAGE_SIZE);
  if (address < 0 || !(length > 0) || !(page >= 0 && page < 2 ** 40)) return -EINVAL;
  const area = space.areaAt(address);
  if (area === undefined || !area.isShared) return -EINVAL;
  // Earlier calls may have made several mappings of the one.
  for (let at = area.end; at < address + length;) {
    const next = space.areaAt(at);
    if (next === undefined || next.pages !== area.pages || next.flags !== area.flags) return -EINVAL;
    at = next.end;
  }
  if (area.file === null) {
    const moved = area.slice(area.start, area.end);
    moved.start = address;
    moved.end = address + length;
    moved.offset = page * PAGE_SIZE;
    const failed = munmap(space, address, length);
    if (failed < 0) moved.pages?.releaseMapping();
    else space.insert(moved);
    return failed;
  }
  const result = mmap(task, {
    address,
    length,
    protection: area.protection,
    flags: MAP_SHARED | MAP_FIXED,
    file: area.file,
    offset: page * PAGE_SIZE,
  });
  return result < 0 ? result : 0;
}

/**
 * Global; global expedited, private expedited and private expedited sync-core, each with its registration before or
 * behind.
 */
const MEMBARRIER_NEEDS: ReadonlyMap<number, number> = new Map([
  [MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED],
  [MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE],
  [MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ],
]);
const MEMBARRIER_REGISTRATIONS =
  MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED |
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE |
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ;
const SPECIAL_REGISTRATIONS =
  MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ;
const MEMBARRIER_COMMANDS =
  MEMBARRIER_CMD_GLOBAL |
  MEMBARRIER_CMD_GLOBAL_EXPEDITED |
  MEMBARRIER_CMD_PRIVATE_EXPEDITED |
  MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
  MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ |
  MEMBARRIER_REGISTRATIONS;

/** membarrier(2). @returns 0 or a mask; −EINVAL, −EPERM (a private command without its registration) */
function membarrier(task: Task, command: number, flags: number, _cpu: number): number {
  // Who isn't on the hart was switched away from, which aborts its sequence (task/rseq.ts).
  if (flags !== 0 && (command !== MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ || flags !== MEMBARRIER_CMD_FLAG_CPU))
    return -EINVAL;
  if (command === MEMBARRIER_CMD_QUERY) return MEMBARRIER_COMMANDS | MEMBARRIER_CMD_GET_REGISTRATIONS;
  if (command === MEMBARRIER_CMD_GET_REGISTRATIONS) {
    // Who registered for a special form shows as registered for the plain one, too, but isn't (membarrier.c).
    const { barrierRegistrations: made } = task.space;
    return (made & SPECIAL_REGISTRATIONS) === 0 ? made : made | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
  }
  if ((command & (command - 1)) !== 0 || (command & MEMBARRIER_COMMANDS) === 0) return -EINVAL;
  if ((command & MEMBARRIER_REGISTRATIONS) !== 0) task.space.barrierRegistrations |= command;
  const needed = MEMBARRIER_NEEDS.get(command);
  return needed !== undefined && (task.space.barrierRegistrations & needed) === 0 ? -EPERM : 0;
}

/** A call that changes areas waits while another thread's fork goes on in pieces (mm/fork.ts). */
function alone(run: SyscallHandler): SyscallHandler {
  return (task, a0, a1, a2, a3, a4, a5) => {
    if (task.space.forkCopy === null) return run(task, a0, a1, a2, a3, a4, a5);
    task.waitOn(task.space.forkDone);
    return BLOCKED_KILLABLE;
  };
}

/** process_vm_readv and process_vm_writev: copies between two address spaces, through a kernel page. */
function transfer(
  task: Task,
  args: {
    pid: number;
    local: number;
    localCount: number;
    remote: number;
    remoteCount: number;
    flags: number;
    toRemote: boolean;
  },
): number {
  if (args.flags !== 0) return -EINVAL;
  const cursor = task.space.vectorCursor(args.local, args.localCount);
  if (isErrno(cursor)) return cursor;
  if (cursor.remaining === 0) return 0;
  if (args.remoteCount < 0 || args.remoteCount > 1024) return -EINVAL;
  const remotes: [number, number][] = [];
  for (let index = 0; index < args.remoteCount; index++) {
    const base = task.space.loadU64(args.remote + index * Iovec.size + Iovec.offset.iov_base);
    const length = task.space.loadU64(args.remote + index * Iovec.size + Iovec.offset.iov_len);
    if (base < 0 || length < 0) return -EFAULT;
    remotes.push([base, length]);
  }
  // Where nothing is to be moved, nobody is looked for (mm/process_vm_access.c).
  if (remotes.every(([, length]) => length === 0)) return 0;
  const target = task.kernel.tasks.taskIn(task.group.pidNamespace, args.pid | 0);
  if (target === undefined) return -ESRCH;
  if (mayInspect(task, target, "real") < 0) return -EPERM;
  const page = new Uint8Array(PAGE_SIZE);
  const { work } = task.kernel;
  work.mayPause = true;
  let moved = movedBefore(task);
  cursor.skip(moved);
  let passed = moved;
  for (let [address, length] of remotes) {
    const part = Math.min(passed, length);
    passed -= part;
    address += part;
    length -= part;
    while (length > 0 && cursor.remaining > 0) {
      work.charge(1);
      if (work.mustPause()) return pauseTransfer(task, moved);
      const count = Math.min(length, cursor.remaining, PAGE_SIZE - (address % PAGE_SIZE));
      if (args.toRemote) {
        if (cursor.take(page, 0, count) < count || target.space.copyOut(address, page, 0, count) < 0)
          return moved > 0 ? moved : -EFAULT;
      } else if (target.space.copyIn(address, page, 0, count) < 0 || cursor.put(page, 0, count) < count)
        return moved > 0 ? moved : -EFAULT;
      moved += count;
      address += count;
      length -= count;
    }
  }
  return moved;
}

/** process_madvise(2): bytes advised; −EBADF, −EFAULT, −EINVAL, −EPERM, −ESRCH. */
function processMadvise(
  task: Task,
  pidfd: number,
  vector: number,
  count: number,
  advice: number,
  flags: number,
): number {
  if (flags !== 0 || !(count >= 0 && count <= UIO_MAXIOV)) return -EINVAL;
  // The list is read first (mm/madvise.c, import_iovec).
  const list = new Uint8Array(count * Iovec.size);
  if (task.space.copyIn(vector, list, 0, list.length) < 0) return -EFAULT;
  const view = viewOf(list);
  const file = task.files.get(pidfd | 0);
  const process = file === undefined ? null : processOfPidfd(file);
  if (process === null) return -EBADF;
  if (process.tasks.length === 0) return -ESRCH;
  const target = process.tasks[0]!;
  const isHint =
    advice === MADV_WILLNEED || advice === MADV_COLD || advice === MADV_PAGEOUT || advice === MADV_COLLAPSE;
  if (!isHint && target.space !== task.space) return -EINVAL;
  if (mayInspect(task, target, "fs") < 0) return -EPERM;
  const { work } = task.kernel;
  work.mayPause = true;
  let done = 0;
  for (let index = 0; index < count; index++) {
    const address = getU64(view, index * Iovec.size + Iovec.offset.iov_base);
    const length = getU64(view, index * Iovec.size + Iovec.offset.iov_len);
    // Huge pages are not made, and nothing is lost by that. Pages are faulted in, and taken out of files, by
    // madvise(2) alone, which can go on in pieces.
    if (advice === MADV_REMOVE) return done > 0 ? done : -EINVAL;
    const result =
      advice === MADV_COLLAPSE || advice === MADV_POPULATE_WRITE
        ? 0
        : madvise(task, target.space, address, length, advice);
    if (result < 0) return done > 0 ? done : result;
    done += length;
    // As process_madvise(2) allows: fewer bytes than asked for.
    work.charge(1 + (target.space.areas.size >> 8));
    if (work.mustPause()) return done;
  }
  return done;
}

/**
 * process_mrelease(2): 0; −EBADF, −EINVAL when the process isn't ending, −ESRCH when it has. Memory goes with the
 * process's end anyway.
 */
function processRelease(task: Task, pidfd: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  const file = task.files.get(pidfd | 0);
  const process = file === undefined ? null : processOfPidfd(file);
  if (process === null) return -EBADF;
  if (process.tasks.length === 0) return -ESRCH;
  return process.exitStatus === null && !process.pending.set.has(SIGKILL) ? -EINVAL : 0;
}

/** userfaultfd(2): a descriptor; −EINVAL unknown flags; −EMFILE; −EPERM: it would be for faults of the kernel, too. */
function userfaultfd(task: Task, flags: number): number {
  if ((flags & UFFD_USER_MODE_ONLY) === 0) return -EPERM;
  if ((flags & ~(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY)) !== 0) return -EINVAL;
  const limit = task.group.limits[RLIMIT_NOFILE]!.soft;
  return task.files.install(openUserfault(task.space, flags), (flags & O_CLOEXEC) !== 0, 0, limit);
}

export const memoryCalls: SyscallTable = {
  mmap: {
    run: alone(sysMmap),
    gaps:
      "MAP_HUGETLB is refused (ENOMEM); code lies below 4 GiB: with PROT_EXEC an address above is refused " +
      "(ENOMEM), and mprotect(2) can't make what lies there executable (ENOMEM); so libraries and the stack lie " +
      "below it, where clisp, which takes 2 to 8 GiB for free, warns of them, and ThreadSanitizer refuses to " +
      "begin; what doesn't fit or is fixed above 4 GiB makes the process slower; while nothing lies there, a wild " +
      "load or store above reaches what is mapped at its low 32 bits (to look at the others would cost programs 4 to " +
      "14 %), else it faults as on Linux; with vm.overcommit_memory 0 what there is and 16 GiB more are promised",
  },
  munmap: {
    run: alone((task, address, length) => {
      const waits = storeServed(task, address, address + length);
      return waits < 0 ? waits : munmap(task.space, address, length);
    }),
  },
  mprotect: { run: alone(mprotect) },
  mremap: {
    run: alone((task, address, oldLength, newLength, flags, newAddress) =>
      mremap(task, { address, oldLength, newLength, flags, newAddress }),
    ),
  },
  brk: { run: alone(brk) },
  madvise: {
    run: (task, address, length, advice) => madvise(task, task.space, address, length, advice | 0),
    gaps: "hints are accepted and ignored; MADV_MERGEABLE and memory failures: EINVAL",
  },
  msync: { run: (task, address, length, flags) => msync(task, address, length, flags | 0) },
  mincore: { run: (task, address, length, vector) => mincore(task, address, length, vector) },
  mlock: { run: alone((task, address, length) => lockMemory(task, address, length, true)) },
  mlock2: {
    run: alone((task, address, length, flags) =>
      (flags & ~MLOCK_ONFAULT) !== 0 ? -EINVAL : lockMemory(task, address, length, (flags & MLOCK_ONFAULT) === 0),
    ),
  },
  munlock: { run: alone(unlockMemory) },
  mlockall: { run: lockAllMemory },
  munlockall: { run: unlockAllMemory },
  remap_file_pages: { run: remapFilePages },
  userfaultfd: {
    run: userfaultfd,
    gaps:
      "faults of programs alone: UFFD_USER_MODE_ONLY must be given (EPERM), as without a privilege on Linux; private " +
      "anonymous memory alone (EINVAL); features THREAD_ID, EXACT_ADDRESS and SIGBUS, of ranges UFFDIO_COPY, " +
      "UFFDIO_ZEROPAGE and UFFDIO_WAKE (EINVAL); no /dev/userfaultfd",
  },
  mseal: { run: (task, address, length, flags) => sealMemory(task.space, address, length, flags) },
  process_madvise: { run: processMadvise, gaps: "MADV_REMOVE of the caller's own memory: EINVAL" },
  process_mrelease: { run: processRelease },
  process_vm_readv: {
    run: (task, pid, local, localCount, remote, remoteCount, flags) =>
      transfer(task, { pid, local, localCount, remote, remoteCount, flags, toRemote: false }),
  },
  process_vm_writev: {
    run: (task, pid, local, localCount, remote, remoteCount, flags) =>
      transfer(task, { pid, local, localCount, remote, remoteCount, flags, toRemote: true }),
  },
  membarrier: {
    run: (task, command, flags, cpu) => membarrier(task, command | 0, flags | 0, cpu | 0),
    gaps: "harts take turns, so every command is satisfied at once",
  },
  riscv_flush_icache: {
    // As Linux's (arch/riscv/kernel/sys_riscv.c), all of the process, whatever range is named.
    run: (task, _start, _end, flags) => {
      // SYS_RISCV_FLUSH_ICACHE_LOCAL alone.
      if (flags !== 0 && flags !== 1) return -EINVAL;
      task.space.forgetWrittenCode();
      return 0;
    },
  },
};
