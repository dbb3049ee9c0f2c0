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
import { devptsOf, openPts } from "./devpts.ts";
import { isCapable } from "../security/credentials.ts";
import { makeDevice, minorOf } from "../vfs/device-registry.ts";
import type { Inode } from "../vfs/inode.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { acquireOnOpen } from "./job-control.ts";
import { TerminalFile } from "./terminal-file.ts";
import type { Terminal } from "./terminal.ts";
import type { TtyCaller } from "./tty-kernel.ts";
import { CONSOLE_NUMBER, type TerminalsCaller, type TerminalsKernel } from "./tty-state.ts";
import type { DeviceDrivers } from "../vfs/vfs-state.ts";

/** /dev/tty1: the machine's only line. */
export const TTY1_DEVICE = makeDevice(TTY_MAJOR, CONSOLE_NUMBER);

/** Tells the vfs who opens terminals. */
export function registerTerminalDevices(devices: DeviceDrivers): void {
  devices.registerCharacter(TTY_MAJOR, -1, { name: "tty", open: openNumbered });
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

/** /dev/ttyN: the host's terminal, or a text console of the screen. */
function numbered({ tty }: TerminalsKernel, number: number): Terminal | null {
  return number === CONSOLE_NUMBER && tty.console !== null ? tty.console : (tty.virtual?.terminal(number) ?? null);
}

/** −ENXIO where there is none of this number, −EBUSY when it is exclusive. /dev/tty0 is the one that is shown. */
function openNumbered(task: TerminalsCaller, inode: Inode, flags: number, path: Path): OpenFile | number {
  const number = minorOf(inode.rdev);
  const terminal = numbered(task.kernel, number === 0 ? (task.kernel.tty.virtual?.active ?? CONSOLE_NUMBER) : number);
  if (terminal === null) return -ENXIO;
  const file = openTerminal(task, terminal, inode, flags, path, false);
  if (!isErrno(file) && (flags & O_NOCTTY) === 0 && number !== 0 && file.isReadable) acquireOnOpen(task, terminal);
  return file;
}

/** /dev/console never becomes the controlling terminal by being opened. */
function openConsole(task: TerminalsCaller, inode: Inode, flags: number, path: Path): OpenFile | number {
  const terminal = numbered(task.kernel, CONSOLE_NUMBER);
  return terminal === null ? -ENXIO : openTerminal(task, terminal, inode, flags, path, true);
}

/** /dev/tty: whatever the controlling terminal is (tty(4)); −ENXIO without one. */
function openControlling(task: TtyCaller, inode: Inode, flags: number, path: Path): OpenFile | number {
  const terminal = task.group.session.terminal as Terminal | null;
  return terminal === null ? -ENXIO : openTerminal(task, terminal, inode, flags, path, false);
}
