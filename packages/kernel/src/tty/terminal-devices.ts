/** Which device numbers are terminals (devices.txt of Linux). */
import {
  CAP_SYS_ADMIN,
  EBUSY,
  ENXIO,
  O_NOCTTY,
  TTYAUX_MAJOR,
  TTY_MAJOR,
  UNIX98_PTY_SLAVE_MAJOR,
  isErrno,
} from "@stratos/abi";
import { devptsOf, devptsType, openPts } from "./devpts.ts";
import { isCapable } from "../security/credentials.ts";
import { makeDevice, minorOf } from "../vfs/device-registry.ts";
import type { Inode } from "../vfs/inode.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { acquireOnOpen } from "./job-control.ts";
import { TerminalFile } from "./terminal-file.ts";
import type { Terminal } from "./terminal.ts";
import type { TtyCaller } from "./tty-kernel.ts";
import type { TerminalsCaller } from "./tty-state.ts";
import { VIRTUAL_TERMINAL } from "./virtual-terminal.ts";
import type { VfsKernel } from "../vfs/vfs-kernel.ts";

/** /dev/tty1: the machine's only line. */
export const TTY1_DEVICE = makeDevice(TTY_MAJOR, 1);

/** Tells the vfs who opens terminals, and that devpts can be mounted. */
export function registerTerminalDevices(kernel: VfsKernel): void {
  const { devices, types } = kernel.vfs;
  devices.registerCharacter(TTY_MAJOR, 0, { name: "tty", open: openTty0 });
  devices.registerCharacter(TTY_MAJOR, 1, { name: "tty", open: openTty1 });
  devices.registerCharacter(TTY_MAJOR, VIRTUAL_TERMINAL, { name: "tty", open: openVirtual });
  devices.registerCharacter(TTYAUX_MAJOR, 0, { name: "/dev/tty", open: openControlling });
  devices.registerCharacter(TTYAUX_MAJOR, 1, { name: "/dev/console", open: openConsole });
  devices.registerCharacter(TTYAUX_MAJOR, 2, {
    name: "/dev/ptmx",
    open: (task: TerminalsCaller, inode: Inode, flags: number, path: Path) =>
      devptsOf(task.kernel).openMaster(task, flags, inode, path),
  });
  devices.registerCharacter(UNIX98_PTY_SLAVE_MAJOR, -1, {
    name: "pts",
    open: (task: TerminalsCaller, inode: Inode, flags: number, path: Path) =>
      openPts(task, minorOf(inode.rdev), inode, flags, path),
  });
  types.set(devptsType.name, devptsType);
}

function openTerminal(
  task: TtyCaller,
  terminal: Terminal,
  inode: Inode,
  flags: number,
  path: Path,
  isConsole: boolean,
): OpenFile | number {
  if (terminal.isExclusive && !isCapable(task.credentials, CAP_SYS_ADMIN)) return -EBUSY;
  return new TerminalFile(terminal, flags & ~O_NOCTTY, inode, path, isConsole);
}

/** The terminal that is seen: programs ask it for a free one to draw on. */
function openTty0(task: TerminalsCaller, inode: Inode, flags: number, path: Path): OpenFile | number {
  return task.kernel.tty.virtual === null ? openTty1(task, inode, flags, path) : openVirtual(task, inode, flags, path);
}

/** −ENXIO without a screen. It becomes nobody's controlling terminal by being opened. */
function openVirtual(task: TerminalsCaller, inode: Inode, flags: number, path: Path): OpenFile | number {
  const terminal = task.kernel.tty.virtual;
  return terminal === null ? -ENXIO : openTerminal(task, terminal, inode, flags, path, false);
}

/** −ENXIO without a terminal, −EBUSY when it is exclusive. */
function openTty1(task: TerminalsCaller, inode: Inode, flags: number, path: Path): OpenFile | number {
  const terminal = task.kernel.tty.console;
  if (terminal === null) return -ENXIO;
  const file = openTerminal(task, terminal, inode, flags, path, false);
  if (!isErrno(file) && (flags & O_NOCTTY) === 0 && file.isReadable) acquireOnOpen(task, terminal);
  return file;
}

/** /dev/console never becomes the controlling terminal by being opened. */
function openConsole(task: TerminalsCaller, inode: Inode, flags: number, path: Path): OpenFile | number {
  const terminal = task.kernel.tty.console;
  return terminal === null ? -ENXIO : openTerminal(task, terminal, inode, flags, path, true);
}

/** /dev/tty: whatever the controlling terminal is (tty(4)); −ENXIO without one. */
function openControlling(task: TtyCaller, inode: Inode, flags: number, path: Path): OpenFile | number {
  const terminal = task.group.session.terminal as Terminal | null;
  return terminal === null ? -ENXIO : openTerminal(task, terminal, inode, flags, path, false);
}
