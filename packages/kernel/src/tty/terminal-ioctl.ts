/** The ioctls of terminals: a table by command. Read first: ioctl_tty(2), ioctl_console(2). */
import {
  CAP_SYS_ADMIN,
  EFAULT,
  EINVAL,
  EIO,
  ENOTTY,
  EPERM,
  FIONREAD,
  SIGTTOU,
  TCFLSH,
  TCGETA,
  TCGETS,
  TCGETS2,
  TCIFLUSH,
  TCIOFF,
  TCIOFLUSH,
  TCION,
  TCOFLUSH,
  TCOOFF,
  TCOON,
  TCSBRK,
  TCSBRKP,
  TCSETA,
  TCSETAF,
  TCSETAW,
  TCSETS,
  TCSETS2,
  TCSETSF,
  TCSETSF2,
  TCSETSW,
  TCSETSW2,
  TCXONC,
  TIOCCBRK,
  TIOCEXCL,
  TIOCGDEV,
  TIOCGETD,
  TIOCGEXCL,
  TIOCGLCKTRMIOS,
  TIOCGPGRP,
  TIOCGSID,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCNXCL,
  TIOCOUTQ,
  TIOCSBRK,
  TIOCSCTTY,
  TIOCSETD,
  TIOCSLCKTRMIOS,
  TIOCSPGRP,
  TIOCSTI,
  TIOCSWINSZ,
  TIOCVHANGUP,
  VSTART,
  VSTOP,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import {
  checkForeground,
  getForeground,
  getSession,
  giveUpTerminal,
  setControllingTerminal,
  setForeground,
} from "./job-control.ts";
import { keepLocked, loadTermios, storeTermios, TERMIO_SIZE, TERMIOS2_SIZE, TERMIOS_SIZE } from "./termios.ts";
import type { Terminal } from "./terminal.ts";
import type { TtyCaller } from "./tty-kernel.ts";

/** N_TTY is the only line discipline. */
const N_TTY = 0;

/**
 * @param isMaster  the call came through the master's side of a pseudo-terminal; `terminal` is its other side
 * @returns 0 or more; −ENOTTY for what terminals don't know; see each case
 */
export function terminalIoctl(
  task: TtyCaller,
  file: OpenFile,
  terminal: Terminal,
  command: number,
  argument: number,
  isMaster: boolean,
): number {
  const { space } = task;
  switch (command) {
    case TCGETS:
      return storeTermios(task, argument, terminal.termios, TERMIOS_SIZE);
    case TCGETS2:
      return storeTermios(task, argument, terminal.termios, TERMIOS2_SIZE);
    case TCGETA:
      return storeTermios(task, argument, terminal.termios, TERMIO_SIZE);
    // There is no line to drain: output is with the other side as soon as write returns, so the W forms don't wait.
    case TCSETS:
    case TCSETSW:
      return setTermios(task, terminal, argument, TERMIOS_SIZE, false);
    case TCSETSF:
      return setTermios(task, terminal, argument, TERMIOS_SIZE, true);
    case TCSETS2:
    case TCSETSW2:
      return setTermios(task, terminal, argument, TERMIOS2_SIZE, false);
    case TCSETSF2:
      return setTermios(task, terminal, argument, TERMIOS2_SIZE, true);
    case TCSETA:
    case TCSETAW:
      return setTermios(task, terminal, argument, TERMIO_SIZE, false);
    case TCSETAF:
      return setTermios(task, terminal, argument, TERMIO_SIZE, true);
    case TCSBRK:
    case TCSBRKP:
    case TIOCSBRK:
    case TIOCCBRK:
      return checkForeground(task, terminal, SIGTTOU);
    case TCXONC:
      return checkForeground(task, terminal, SIGTTOU) || controlFlow(terminal, argument);
    case TCFLSH:
      return checkForeground(task, terminal, SIGTTOU) || flush(terminal, argument);
    case FIONREAD:
      return space.storeU32(argument, terminal.input.readable);
    case TIOCOUTQ:
      return space.storeU32(argument, terminal.driver.pendingOutput);
    case TIOCGWINSZ:
      return getWindow(task, terminal, argument);
    case TIOCSWINSZ:
      return setWindow(task, terminal, argument);
    case TIOCSCTTY:
      return isMaster ? -ENOTTY : setControllingTerminal(task, terminal, argument, file.isReadable);
    case TIOCNOTTY:
      return isMaster ? -ENOTTY : giveUpTerminal(task, terminal);
    case TIOCGPGRP:
      return getForeground(task, terminal, argument, isMaster);
    case TIOCSPGRP:
      return setForeground(task, terminal, argument);
    case TIOCGSID:
      return getSession(task, terminal, argument, isMaster);
    case TIOCSTI:
      return simulateInput(task, terminal, argument);
    case TIOCEXCL:
      terminal.isExclusive = true;
      return 0;
    case TIOCNXCL:
      terminal.isExclusive = false;
      return 0;
    case TIOCGEXCL:
      return space.storeU32(argument, terminal.isExclusive ? 1 : 0);
    case TIOCGDEV:
      return space.storeU32(argument, terminal.device);
    case TIOCGETD:
      return space.storeU32(argument, N_TTY);
    case TIOCSETD: {
      const discipline = space.loadU32(argument);
      return discipline < 0 ? -EFAULT : discipline === N_TTY ? 0 : -EINVAL;
    }
    case TIOCGLCKTRMIOS:
      return storeTermios(task, argument, terminal.locked, TERMIOS_SIZE);
    case TIOCSLCKTRMIOS:
      return isCapable(task.credentials, CAP_SYS_ADMIN)
        ? loadTermios(task, argument, terminal.locked, TERMIOS_SIZE)
        : -EPERM;
    case TIOCVHANGUP:
      if (!isCapable(task.credentials, CAP_SYS_ADMIN)) return -EPERM;
      terminal.hangUp();
      return 0;
    default:
      return -ENOTTY;
  }
}

function setTermios(task: TtyCaller, terminal: Terminal, address: number, size: number, flushesInput: boolean): number {
  const allowed = checkForeground(task, terminal, SIGTTOU);
  if (allowed !== 0) return allowed;
  const next = terminal.termios.copy();
  const loaded = loadTermios(task, address, next, size);
  if (loaded < 0) return loaded;
  keepLocked(next, terminal.termios, terminal.locked);
  if (flushesInput) terminal.flushInput();
  terminal.setTermios(next);
  return 0;
}

/** TCXONC (tcflow(3)). */
function controlFlow(terminal: Terminal, action: number): number {
  switch (action) {
    case TCOOFF:
      terminal.isStoppedByCall = true;
      terminal.stopOutput();
      return 0;
    case TCOON:
      if (!terminal.isStoppedByCall) return 0;
      terminal.isStoppedByCall = false;
      terminal.startOutput();
      return 0;
    case TCIOFF:
      sendControl(terminal, terminal.termios.cc[VSTOP]!);
      return 0;
    case TCION:
      sendControl(terminal, terminal.termios.cc[VSTART]!);
      return 0;
    default:
      return -EINVAL;
  }
}

const control = new Uint8Array(1);

function sendControl(terminal: Terminal, character: number): void {
  if (character === 0 || terminal.driver.room === 0) return;
  control[0] = character;
  terminal.driver.write(control, 0, 1);
}

/** TCFLSH (tcflush(3)). */
function flush(terminal: Terminal, which: number): number {
  if (which !== TCIFLUSH && which !== TCOFLUSH && which !== TCIOFLUSH) return -EINVAL;
  if (which !== TCOFLUSH) terminal.flushInput();
  if (which !== TCIFLUSH) terminal.flushOutput();
  return 0;
}

/** struct winsize: four unsigned shorts. */
function getWindow(task: TtyCaller, terminal: Terminal, address: number): number {
  const { u8, view } = task.kernel.scratch;
  view.setUint16(0, terminal.window.rows, true);
  view.setUint16(2, terminal.window.columns, true);
  view.setUint16(4, terminal.window.xPixels, true);
  view.setUint16(6, terminal.window.yPixels, true);
  return task.space.copyOut(address, u8, 0, 8);
}

function setWindow(task: TtyCaller, terminal: Terminal, address: number): number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(address, u8, 0, 8) < 0) return -EFAULT;
  terminal.setWindow({
    rows: view.getUint16(0, true),
    columns: view.getUint16(2, true),
    xPixels: view.getUint16(4, true),
    yPixels: view.getUint16(6, true),
  });
  return 0;
}

/** TIOCSTI puts words into the mouth of whoever reads next: only for the mighty, as with dev.tty.legacy_tiocsti=0. */
function simulateInput(task: TtyCaller, terminal: Terminal, address: number): number {
  if (!isCapable(task.credentials, CAP_SYS_ADMIN)) return -EIO;
  if (task.space.copyIn(address, control, 0, 1) < 0) return -EFAULT;
  if (terminal.inputRoom > 0) terminal.receive(control, 0, 1);
  return 0;
}
