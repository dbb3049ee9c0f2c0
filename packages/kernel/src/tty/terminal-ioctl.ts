/** The ioctls of terminals: a table by command. Read first: ioctl_tty(2), ioctl_console(2). */
import {
  CAP_SYS_ADMIN,
  CLOCAL,
  EFAULT,
  EINVAL,
  EIO,
  ENOTTY,
  EPERM,
  FIONREAD,
  N_TTY,
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
  TIOCGSOFTCAR,
  TIOCGWINSZ,
  TIOCNOTTY,
  TIOCNXCL,
  TIOCOUTQ,
  TIOCSBRK,
  TIOCSCTTY,
  TIOCSETD,
  TIOCSLCKTRMIOS,
  TIOCSPGRP,
  TIOCSSOFTCAR,
  TIOCSTI,
  TIOCSWINSZ,
  TIOCVHANGUP,
  Termio,
  Termios as TermiosLayout,
  Termios2,
  VSTART,
  VSTOP,
  Winsize,
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
import { keepLocked, loadTermios, storeTermios, type TermiosForm } from "./termios.ts";
import type { Terminal } from "./terminal.ts";
import type { TtyCaller } from "./tty-kernel.ts";

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
      return storeTermios(task, argument, terminal.termios, TermiosLayout);
    case TCGETS2:
      return storeTermios(task, argument, terminal.termios, Termios2);
    case TCGETA:
      return storeTermios(task, argument, terminal.termios, Termio);
    // There is no line to drain: output is with the other side as soon as write returns, so the W forms don't wait.
    case TCSETS:
    case TCSETSW:
      return setTermios(task, terminal, argument, TermiosLayout, false);
    case TCSETSF:
      return setTermios(task, terminal, argument, TermiosLayout, true);
    case TCSETS2:
    case TCSETSW2:
      return setTermios(task, terminal, argument, Termios2, false);
    case TCSETSF2:
      return setTermios(task, terminal, argument, Termios2, true);
    case TCSETA:
    case TCSETAW:
      return setTermios(task, terminal, argument, Termio, false);
    case TCSETAF:
      return setTermios(task, terminal, argument, Termio, true);
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
      // Of a master, that is its other side.
      return setControllingTerminal(task, terminal, argument, file.isReadable);
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
    case TIOCGSOFTCAR:
      return space.storeU32(argument, (terminal.termios.cflag & CLOCAL) !== 0 ? 1 : 0);
    case TIOCSSOFTCAR:
      return setSoftCarrier(task, terminal, argument);
    case TIOCGETD:
      return space.storeU32(argument, N_TTY);
    case TIOCSETD: {
      const discipline = space.loadU32(argument);
      return discipline < 0 ? -EFAULT : discipline === N_TTY ? 0 : -EINVAL;
    }
    case TIOCGLCKTRMIOS:
      return storeTermios(task, argument, terminal.locked, TermiosLayout);
    case TIOCSLCKTRMIOS:
      return isCapable(task.credentials, CAP_SYS_ADMIN)
        ? loadTermios(task, argument, terminal.locked, TermiosLayout)
        : -EPERM;
    case TIOCVHANGUP:
      if (!isCapable(task.credentials, CAP_SYS_ADMIN)) return -EPERM;
      terminal.hangUp();
      return 0;
    default:
      return terminal.driver.ioctl?.(task, command, argument) ?? -ENOTTY;
  }
}

function setTermios(
  task: TtyCaller,
  terminal: Terminal,
  address: number,
  form: TermiosForm,
  flushesInput: boolean,
): number {
  const allowed = checkForeground(task, terminal, SIGTTOU);
  if (allowed !== 0) return allowed;
  const next = terminal.termios.copy();
  const loaded = loadTermios(task, address, next, form);
  if (loaded < 0) return loaded;
  keepLocked(next, terminal.termios, terminal.locked);
  if (flushesInput) terminal.flushInput();
  terminal.setTermios(next);
  return 0;
}

/** TIOCSSOFTCAR (ioctl_tty(2)): no modem's lines are looked at. */
function setSoftCarrier(task: TtyCaller, terminal: Terminal, address: number): number {
  const word = task.space.loadU32(address);
  if (word < 0) return -EFAULT;
  const next = terminal.termios.copy();
  next.cflag = word === 0 ? next.cflag & ~CLOCAL : next.cflag | CLOCAL;
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

function getWindow(task: TtyCaller, terminal: Terminal, address: number): number {
  const { u8, view } = task.kernel.scratch;
  view.setUint16(Winsize.offset.ws_row, terminal.window.rows, true);
  view.setUint16(Winsize.offset.ws_col, terminal.window.columns, true);
  view.setUint16(Winsize.offset.ws_xpixel, terminal.window.xPixels, true);
  view.setUint16(Winsize.offset.ws_ypixel, terminal.window.yPixels, true);
  return task.space.copyOut(address, u8, 0, Winsize.size);
}

function setWindow(task: TtyCaller, terminal: Terminal, address: number): number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(address, u8, 0, Winsize.size) < 0) return -EFAULT;
  terminal.setWindow({
    rows: view.getUint16(Winsize.offset.ws_row, true),
    columns: view.getUint16(Winsize.offset.ws_col, true),
    xPixels: view.getUint16(Winsize.offset.ws_xpixel, true),
    yPixels: view.getUint16(Winsize.offset.ws_ypixel, true),
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
