/**
 * The kernel of one machine. `Kernel` holds what is one per machine; everything else hangs off tasks.
 *
 * Order rules: nothing here blocks or awaits; every entry (system call, fault, timer, host event) runs to completion.
 * Frames are allocated before they are mapped and unmapped before they are released; a Path is retained before it is
 * stored.
 */
export { createKernel, makeBoard } from "./create-kernel.ts";
export type { Kernel, KernelOptions } from "./task/kernel-state.ts";
export type { Board } from "./task/board.ts";
export type { MemoryAccount } from "./frames/memory-account.ts";
export type { Notice } from "./ground/notice.ts";
export { leaveStoppedSlice, runTasks, STANDS } from "./task/run-loop.ts";
export {
  isSamePosition,
  type LastRuns,
  type Stop,
  type StopPosition,
  type StopReason,
  Stops,
  WATCH_LENGTH_MAX,
  type Watchpoint,
  WATCHES_MAX,
} from "./task/stops.ts";
export type { TaskObserver } from "./task/task-observer.ts";
export { type ByteEnd, byteEnd } from "./byte-ends.ts";
export type { AddressSpace } from "./mm/address-space.ts";
export { peekFile, peekMemory, peekText, peekTitle } from "./peek-memory.ts";
export { pokeMemory } from "./mm/poke-memory.ts";
export { placeOf, registersOf, type TaskPlace } from "./task/task-place.ts";
export {
  createInit,
  type FirstProcess,
  type HandedOver,
  handOverProcess,
  startProcess,
  type StartFailure,
} from "./task/first-process.ts";
export { callsByNumber, CALL_TABLES } from "./syscall/all-calls.ts";
export { settledValues } from "./procfs/sysctl.ts";
export { killNow } from "./task/exit.ts";
export { stopAllProcesses } from "./task/deliver-signals.ts";
export { sendSignalToProcess, sendSignalToTask } from "./signal/send-signal.ts";
export { signalInfo, type SignalInfo } from "./signal/pending-signals.ts";
export { writeSignalInfo } from "./signal/siginfo.ts";
export { isNetlink } from "./socket/netlink/is-netlink.ts";
export type { Task } from "./task/task.ts";
export type { ThreadGroup } from "./task/thread-group.ts";
export { mountRoot, mountAt, mountFileAt, directoryAt } from "./vfs/boot-mounts.ts";
export { parseMountOptions } from "./vfs/mount-options.ts";
export type { Inode } from "./vfs/inode.ts";
export { readFileBytes } from "./vfs/read-file.ts";
export { openPath } from "./vfs/open.ts";
export { pathName } from "./vfs/path-name.ts";
export { lookupPath } from "./vfs/path-walk.ts";
export { linkPaths, makeDirectory, makeSymlink, removeDirectory, removeFile, renameName } from "./vfs/name-changes.ts";
export { changeMode, changeOwner, changeTimes } from "./vfs/attributes.ts";
export type { InotifyMark } from "./vfs/inotify-mark.ts";
export { addMark, removeMark } from "./vfs/file-events.ts";
export { createSocket } from "./socket/create-socket.ts";
export { inetAddressBytes } from "./socket/inet/inet-address.ts";
export {
  isInPrefix,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isV4,
  isWildcard,
  LOOPBACK_V4,
  LOOPBACK_V6,
  makeV4,
  widthOf,
} from "@stratos/netstack";
export { ipOfText, textOfIp } from "@stratos/netstack";
export { type HostSocketOwner, type HostListener, openHostListener } from "./host-service/host-listener.ts";
export { HostConnection } from "./host-service/host-connection.ts";
export { HostFile } from "./host-service/host-file.ts";
export { HostTimer } from "./host-service/host-timer.ts";
export type { Socket } from "./socket/socket.ts";
export type { Waiter } from "./ground/wait-queue.ts";
export { OpenFile } from "./vfs/open-file.ts";
export { type Credentials, ROOT } from "./security/credentials.ts";
export { FileSystem } from "./vfs/file-system.ts";
export { AegisFileSystem } from "./fs/aegisfs/aegisfs.ts";
export { HostFs } from "./fs/hostfs/hostfs.ts";
export { Tmpfs } from "./fs/tmpfs/tmpfs.ts";
export { attachConsole, openConsoleTerminal } from "./tty/console.ts";
export { openHostPty, type HostPty } from "./tty/host-pty.ts";
export type { Screen } from "./graphics/screen.ts";
export type { InputDevices } from "./input/input-kernel.ts";
export { openHostInput, openHostOutput } from "./tty/host-stream.ts";
export type { Terminal } from "./tty/terminal.ts";
export { processOfPidfd } from "./task/pidfd.ts";
export {
  beginWriteBack,
  continueWriteBack,
  onlyAccessTimesWait,
  syncAll,
  writeBackAll,
  type WriteBack,
} from "./vfs/write-back.ts";
export { CALL_WORK, CallWork } from "./ground/call-work.ts";
export type { IoCursor } from "./ground/io-cursor.ts";
export { fillFrames, savedParts } from "./saved-frames.ts";
export { forgetUnread, hasNamesToForget, namesInMemory } from "./vfs/dentry-cache.ts";
export { givenOfKernel, kernelPorts } from "./saved-kernel.ts";
export { beginAnew, copyKernel, familyOf, rehearseKernelCopy } from "./forked-kernel.ts";
export { severedSocketFor } from "./socket/inet/severed-socket.ts";
