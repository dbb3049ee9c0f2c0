/**
 * Pseudo-terminals (pty(7)): a terminal whose other side is a file. What programs write to /dev/pts/N is read from the
 * master, what is written to the master is typed on the terminal.
 */
import {
  CAP_SYS_ADMIN,
  EAGAIN,
  EBUSY,
  EFAULT,
  EINVAL,
  EIO,
  FIONREAD,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDNORM,
  POLLWRNORM,
  RLIMIT_NOFILE,
  SIGINT,
  SIGQUIT,
  SIGTSTP,
  TCFLSH,
  TCIOFF,
  TCION,
  TCIFLUSH,
  TCIOFLUSH,
  TCOFLUSH,
  TCOOFF,
  TCOON,
  TCXONC,
  TIOCGPKT,
  TIOCGPTLCK,
  TIOCGPTN,
  TIOCGPTPEER,
  TIOCPKT,
  TIOCPKT_DATA,
  TIOCSIG,
  TIOCSPTLCK,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { isCapable } from "../security/credentials.ts";
import { pauseTransfer, movedBefore } from "../ground/call-work.ts";
import { BLOCKED, BLOCKED_EINTR, WaitQueue } from "../ground/wait-queue.ts";
import type { Inode } from "../vfs/inode.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { ByteRing, lostWith } from "./byte-ring.ts";
import { acquireOnOpen } from "./job-control.ts";
import { TerminalFile } from "./terminal-file.ts";
import { terminalIoctl } from "./terminal-ioctl.ts";
import { Terminal, type TerminalDriver } from "./terminal.ts";
import { Termios } from "./termios.ts";
import type { TtyCaller, TtyKernel } from "./tty-kernel.ts";

/** Output that the master has not read yet; of that, what Linux' master has as its input (N_TTY_BUF_SIZE). */
const OUTPUT_CAPACITY = 65536,
  HELD_BY_MASTER = 4095;

/** Where pseudo-terminals have their names and numbers (devpts.ts). */
interface PtyNames {
  /** The master is closed: the name is gone. */
  hide(index: number): void;
  /** Nothing is open on it: the number may be used again. */
  free(index: number): void;
  /** Where the task sees the terminal, for TIOCGPTPEER; null: nowhere. */
  pathOf(task: TtyCaller, index: number): Path | null;
}

/** Both sides of one pseudo-terminal. */
export class Pty implements TerminalDriver {
  readonly isPty = true;
  readonly index: number;
  readonly fileSystem: PtyNames;
  readonly terminal: Terminal;
  readonly output = new ByteRing(OUTPUT_CAPACITY);
  readonly masterQueue = new WaitQueue();
  /** TIOCSPTLCK: the terminal can't be opened until unlockpt(3). */
  isLocked = true;
  isMasterClosed = false;
  /** It was open, and no description is left: the master reads what is there, then EIO. */
  isOtherClosed = false;
  isPacketMode = false;
  /** TCOOFF at the master: it types nothing. */
  isMasterStopped = false;
  /** TIOCPKT_* bits for the next read in packet mode. */
  status = 0;

  constructor(kernel: TtyKernel, index: number, device: number, fileSystem: PtyNames) {
    this.index = index;
    this.fileSystem = fileSystem;
    this.terminal = new Terminal(kernel, device, this, Termios.standardPty());
  }

  get room(): number {
    return this.isMasterClosed ? 0 : this.output.room;
  }

  readonly pendingOutput = 0;

  write(bytes: Uint8Array, start: number, count: number): void {
    if (count === 0) return;
    this.output.push(bytes, start, count);
    this.masterQueue.wakeAll(POLLIN);
  }

  /** What the master's own discipline holds is not on its way any more (drivers/tty/pty.c, pty_flush_buffer). */
  flushOutput(): void {
    this.output.truncate(HELD_BY_MASTER);
  }

  packetStatus(set: number, cleared: number): void {
    if (!this.isPacketMode) return;
    this.status = (this.status & ~cleared) | set;
    if (set !== 0) this.masterQueue.wakeAll(POLLIN | POLLPRI);
  }

  inputTaken(): void {
    this.masterQueue.wakeAll(POLLOUT);
  }

  filesChanged(count: number): void {
    this.isOtherClosed = count === 0;
    if (count === 0) this.masterQueue.wakeAll(POLLIN | POLLHUP);
    this.#freeWhenUnused();
  }

  masterClosed(): void {
    this.isMasterClosed = true;
    this.fileSystem.hide(this.index);
    this.output.clear();
    this.terminal.hangUp();
    this.#freeWhenUnused();
  }

  #freeWhenUnused(): void {
    if (this.isMasterClosed && this.terminal.files.size === 0) this.fileSystem.free(this.index);
  }

  /**
   * Opens the terminal's side.
   * @returns −EIO it is locked, or the master is closed; −EBUSY TIOCEXCL
   */
  open(task: TtyCaller, inode: Inode, flags: number, path: Path | null): TerminalFile | number {
    if (this.isLocked || this.isMasterClosed) return -EIO;
    if (this.terminal.isExclusive && !isCapable(task.credentials, CAP_SYS_ADMIN)) return -EBUSY;
    const file = new TerminalFile(this.terminal, flags & ~O_NOCTTY, inode, path);
    if ((flags & O_NOCTTY) === 0 && file.isReadable) acquireOnOpen(task, this.terminal);
    return file;
  }

  static {
    stateClass("Pty", this);
  }
}

/** VSTART and VSTOP of a master, which nobody can change: its settings are the other side's. */
const DC1 = 0x11,
  DC3 = 0x13;
const statusByte = new Uint8Array(1);
/** Bytes typed between two looks at the work: each may walk the whole line that is being edited. */
const chunk = new Uint8Array(256);
/** Units of work: bytes typed to one, and bytes of the line that were looked at again. */
const TYPED_PER_UNIT = 4,
  WALKED_PER_UNIT = 1024;

/** The master's side: what open("/dev/ptmx") gives. */
export class PtyMasterFile extends OpenFile {
  readonly pty: Pty;

  constructor(pty: Pty, flags: number, inode: Inode | null, path: Path | null) {
    super(flags, inode, path);
    this.pty = pty;
  }

  override get waitQueue(): WaitQueue {
    return this.pty.masterQueue;
  }

  override get asyncQueue(): WaitQueue {
    return this.pty.masterQueue;
  }

  override details(): string {
    return `tty-index:\t${this.pty.index}\n`;
  }

  override poll(): number {
    const { pty } = this;
    let events = 0;
    if (pty.output.length > 0) events |= POLLIN | POLLRDNORM;
    if (pty.isPacketMode && pty.status !== 0) events |= POLLPRI | POLLIN | POLLRDNORM;
    if (pty.isOtherClosed) events |= POLLHUP;
    if (pty.terminal.inputRoom > 0 && !pty.isMasterStopped) events |= POLLOUT | POLLWRNORM;
    return events;
  }

  override get mayNotWait(): boolean {
    return false;
  }

  /**
   * What the terminal shows; in packet mode behind a byte of TIOCPKT_*. −EIO once all is read and nobody has the
   * terminal open; −EAGAIN.
   */
  override read(task: TtyCaller, to: IoCursor): number {
    const { pty } = this;
    if (to.remaining === 0) return 0;
    if (pty.isPacketMode && pty.status !== 0) {
      statusByte[0] = pty.status;
      pty.status = 0;
      return to.put(statusByte, 0, 1);
    }
    if (pty.output.length === 0) {
      if (pty.isOtherClosed) return -EIO;
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(pty.masterQueue);
      return BLOCKED;
    }
    let before = 0;
    if (pty.isPacketMode) {
      statusByte[0] = TIOCPKT_DATA;
      before = to.put(statusByte, 0, 1);
    }
    let moved = 0;
    if (before < 0) pty.output.drop(Math.min(pty.output.length, lostWith(0, to.remaining) - 1));
    else moved = pty.output.moveTo(to, to.remaining, before);
    pty.terminal.outputTaken();
    // Where the byte alone found room, it counts.
    return moved < 0 && before > 0 ? before : before + moved;
  }

  /** Types on the terminal: all bytes, waiting for room in between (see TerminalFile.write). */
  override write(task: TtyCaller, from: IoCursor): number {
    const { terminal, masterQueue } = this.pty;
    const before = movedBefore(task);
    if (before > 0) from.skip(before);
    let total = before;
    const { work } = task.kernel;
    work.mayPause = true;
    while (from.remaining > 0 && !this.pty.isMasterStopped) {
      // A line that is full takes no more bytes and has room for ever.
      if (work.mustPause()) return pauseTransfer(task, total);
      const count = Math.min(from.remaining, terminal.typedAtOnce(chunk.length), terminal.inputRoom);
      if (count === 0) break;
      const taken = from.take(chunk, 0, count);
      // A piece of which memory holds only a part isn't written (drivers/tty/tty_io.c, iterate_tty_write).
      if (taken < count) return total > 0 ? total : -EFAULT;
      terminal.receive(chunk, 0, taken);
      work.charge(1 + Math.floor(taken / TYPED_PER_UNIT) + Math.floor(terminal.input.walked / WALKED_PER_UNIT));
      terminal.input.walked = 0;
      total += taken;
    }
    if (from.remaining === 0) return total;
    if ((this.flags & O_NONBLOCK) !== 0) return total > 0 ? total : -EAGAIN;
    task.waitOn(masterQueue);
    if (total === 0) return BLOCKED;
    task.syscallState = { kind: "count", count: total };
    return BLOCKED_EINTR;
  }

  override ioctl(task: TtyCaller, command: number, argument: number): number {
    const { pty } = this;
    const { space } = task;
    switch (command) {
      case TIOCGPTN:
        return space.storeU32(argument, pty.index);
      case TIOCSPTLCK: {
        const value = space.loadU32(argument);
        if (value < 0) return -EFAULT;
        pty.isLocked = value !== 0;
        return 0;
      }
      case TIOCGPTLCK:
        return space.storeU32(argument, pty.isLocked ? 1 : 0);
      case TIOCPKT: {
        const value = space.loadU32(argument);
        if (value < 0) return -EFAULT;
        if (value !== 0 && !pty.isPacketMode) pty.status = 0;
        pty.isPacketMode = value !== 0;
        return 0;
      }
      case TIOCGPKT:
        return space.storeU32(argument, pty.isPacketMode ? 1 : 0);
      case TIOCSIG: {
        const signal = argument | 0;
        if (signal !== SIGINT && signal !== SIGQUIT && signal !== SIGTSTP) return -EINVAL;
        pty.terminal.signalForeground(signal);
        return 0;
      }
      case TIOCGPTPEER:
        return this.#openPeer(task, argument);
      case FIONREAD:
        return space.storeU32(argument, pty.output.length);
      case TCFLSH:
        return this.#flush(argument);
      case TCXONC:
        return this.#controlFlow(argument);
      default:
        return terminalIoctl(task, this, pty.terminal, command, argument, true);
    }
  }

  #flush(which: number): number {
    if (which !== TCIFLUSH && which !== TCOFLUSH && which !== TCIOFLUSH) return -EINVAL;
    if (which !== TCOFLUSH) {
      this.pty.output.clear();
      this.pty.terminal.outputTaken();
    }
    if (which !== TCIFLUSH) this.pty.terminal.dropArrived();
    return 0;
  }

  /** Of what is typed: it waits here, or the other side is asked to (drivers/tty/tty_ioctl.c, n_tty_ioctl_helper). */
  #controlFlow(action: number): number {
    const { pty } = this;
    if (action < TCOOFF || action > TCION) return -EINVAL;
    if (action === TCOOFF || action === TCOON) {
      pty.isMasterStopped = action === TCOOFF;
      if (!pty.isMasterStopped) pty.masterQueue.wakeAll(POLLOUT);
    } else if (pty.terminal.inputRoom > 0) {
      chunk[0] = action === TCIOFF ? DC3 : DC1;
      pty.terminal.receive(chunk, 0, 1);
    }
    return 0;
  }

  /** TIOCGPTPEER: a descriptor of the other side, found without a path. `flags` as for open(2). */
  #openPeer(task: TtyCaller, flags: number): number {
    const { pty } = this;
    const place = pty.fileSystem.pathOf(task, pty.index);
    if (place === null) return -EIO;
    const file = pty.open(task, place.dentry.inode!, flags & ~O_CLOEXEC, place);
    if (isErrno(file)) return file;
    return task.files.install(file, (flags & O_CLOEXEC) !== 0, 0, task.group.limits[RLIMIT_NOFILE]!.soft);
  }

  override sync(): number {
    return -EINVAL;
  }

  protected override dispose(): void {
    this.pty.masterClosed();
  }

  static {
    stateClass("PtyMasterFile", this);
  }
}
