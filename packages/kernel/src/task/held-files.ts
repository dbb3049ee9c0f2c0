/**
 * A call that waits goes on with the files that its descriptors led to when it began, whatever other threads close or
 * open under their numbers meanwhile. A call is executed again from its start, and looks its descriptors up again: for
 * that time they are in the table once more.
 *
 * @see Linux fs/file.c, fdget(): only where the table is shared is there anything to hold
 */
import { SYSCALL_NUMBERS } from "@stratos/abi";
import type { HeldFile } from "../vfs/file-table.ts";
import { A0 } from "./hart-registers.ts";
import type { Task } from "./task.ts";

/** Calls that may wait, by the arguments that are descriptors; poll(2) and select(2) look each time, also on Linux. */
const CALLS: readonly (readonly [positions: readonly number[], names: string])[] = [
  [[0], "read readv pread64 preadv preadv2 write writev pwrite64 pwritev pwritev2 vmsplice"],
  [[0], "recvfrom recvmsg recvmmsg sendto sendmsg sendmmsg accept accept4 connect"],
  [[0], "epoll_pwait epoll_pwait2 io_uring_enter mq_timedsend mq_timedreceive"],
  [[0], "flock fcntl ioctl fsync fdatasync sync_file_range syncfs fallocate ftruncate getdents64"],
  [[0, 1], "sendfile tee"],
  [[0, 2], "splice copy_file_range"],
];
const POSITIONS: ReadonlyMap<number, readonly number[]> = new Map(
  CALLS.flatMap(([positions, names]) => names.split(" ").map((name) => [SYSCALL_NUMBERS.get(name)!, positions])),
);

/** The call has come to wait, for the first time. */
export function holdFiles(task: Task, number: number): void {
  const positions = POSITIONS.get(number);
  if (positions === undefined) return;
  const { files, kernel } = task;
  for (const position of positions) {
    const fd = kernel.hart.get(A0 + position) | 0;
    const file = files.get(fd);
    if (file !== undefined) (task.heldFiles ??= []).push({ fd, file: file.retain(), hidden: undefined });
  }
}

/** The call is executed again. */
export function showHeldFiles({ files }: Task, held: readonly HeldFile[]): void {
  for (const one of held) if (files.get(one.fd) !== one.file) one.hidden = files.exchange(one.fd, one.file);
}

export function hideHeldFiles({ files }: Task, held: readonly HeldFile[]): void {
  for (let at = held.length - 1; at >= 0; at--) {
    const { fd, hidden } = held[at]!;
    if (hidden === undefined) continue;
    files.exchange(fd, hidden);
    held[at]!.hidden = undefined;
  }
}

/** The call is over. */
export function releaseHeldFiles(task: Task): void {
  const held = task.heldFiles;
  if (held === null) return;
  task.heldFiles = null;
  hideHeldFiles(task, held);
  for (const { file } of held) file.release();
}
