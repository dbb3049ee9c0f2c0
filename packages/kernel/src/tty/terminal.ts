/**
 * A terminal: what programs see as /dev/tty1 or /dev/pts/N. Input goes driver → `input` queue → line discipline →
 * readers; output goes writers → output processing → driver. Echo is output, too, and keeps its order with it.
 *
 * Read first: tty_ioctl(4), termios(3), credentials(7) "Sessions"; line-discipline.ts; job-control.ts.
 */
import {
  EFAULT,
  CREAD,
  CS8,
  CSIZE,
  EXTPROC,
  ICANON,
  IXON,
  OPOST,
  PARENB,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  SIGCONT,
  SIGHUP,
  SIGWINCH,
  SI_KERNEL,
  TIOCPKT_DOSTOP,
  TIOCPKT_FLUSHREAD,
  TIOCPKT_FLUSHWRITE,
  TIOCPKT_IOCTL,
  TIOCPKT_NOSTOP,
  TIOCPKT_START,
  TIOCPKT_STOP,
  VMIN,
  VSTART,
  VSTOP,
  VTIME,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess, sendSignalToProcessGroup } from "../signal/send-signal.ts";
import type { ControllingTerminal, ProcessGroup, Session } from "../signal/session.ts";
import { WaitQueue } from "../ground/wait-queue.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { ByteRing } from "./byte-ring.ts";
import { Echo } from "./echo.ts";
import { LineDiscipline, type DisciplineOwner } from "./line-discipline.ts";
import { EXPANSION_MAX, OutputProcessing } from "./output-processing.ts";
import { Termios } from "./termios.ts";
import type { TtyCaller, TtyKernel } from "./tty-kernel.ts";

/** The other side of a terminal. */
export interface TerminalDriver {
  /** A pseudo-terminal survives its session's end; a console is hung up. */
  readonly isPty: boolean;
  /** How many bytes `write` takes now. */
  readonly room: number;
  write(bytes: Uint8Array, start: number, count: number): void;
  /** Bytes that were written and not taken yet (TIOCOUTQ). */
  readonly pendingOutput: number;
  flushOutput(): void;
  /** Reports TIOCPKT_* to a packet-mode reader; `cleared` are revoked. */
  packetStatus(set: number, cleared: number): void;
  /** The input queue has room again. */
  inputTaken(): void;
  /** The last open file of the terminal is gone, or the first one came. */
  filesChanged(count: number): void;
  /** What its kind alone knows. @returns −ENOTTY: not even that */
  ioctl?(task: TtyCaller, command: number, argument: number): number;
}

/** A file that is open on a terminal. */
export interface TerminalHolder extends OpenFile {
  isHungUp: boolean;
}

interface WindowSize {
  rows: number;
  columns: number;
  xPixels: number;
  yPixels: number;
}

/** Input that came faster than the discipline takes it. */
const INPUT_CAPACITY = 65536;
/** A writer is told to go on when at least this much fits. */
const WAKEUP_ROOM = 256;
/** Bytes processed at a time. */
const CHUNK = 2048;

const chunk = new Uint8Array(CHUNK);
const processed = new Uint8Array(CHUNK * EXPANSION_MAX);

export class Terminal implements ControllingTerminal, DisciplineOwner {
  readonly kernel: TtyKernel;
  /** st_rdev. */
  readonly device: number;
  readonly driver: TerminalDriver;
  readonly termios: Termios;
  /** What of `termios` may not be changed (TIOCSLCKTRMIOS). */
  readonly locked = new Termios();
  readonly input: LineDiscipline;
  readonly queue = new WaitQueue();
  readonly window: WindowSize = { rows: 0, columns: 0, xPixels: 0, yPixels: 0 };
  session: Session | null = null;
  foreground: ProcessGroup | null = null;
  /** Stopped by VSTOP or TCOOFF. */
  isStopped = false;
  isStoppedByCall = false;
  isExclusive = false;
  readonly files = new Set<TerminalHolder>();
  #echo: Echo;
  #output: OutputProcessing;
  #arrived = new ByteRing(INPUT_CAPACITY);

  constructor(kernel: TtyKernel, device: number, driver: TerminalDriver, termios: Termios) {
    this.kernel = kernel;
    this.device = device;
    this.driver = driver;
    this.termios = termios;
    this.#output = new OutputProcessing(termios);
    this.#echo = new Echo(termios, this.#output);
    this.input = new LineDiscipline(termios, this.#echo, this);
  }

  // Input.

  /** Bytes that `receive` takes now. */
  get inputRoom(): number {
    return this.#arrived.room;
  }

  /** How many of `most` bytes may be typed at once: any of them may be a signal to each process in the foreground. */
  typedAtOnce(most: number): number {
    return Math.ceil(most / Math.max(1, this.foreground?.members.size ?? 1));
  }

  /** Takes bytes from the other side: at most `inputRoom`. */
  receive(bytes: Uint8Array, start: number, count: number): void {
    this.#arrived.push(bytes, start, count);
    this.pump();
  }

  /** Gives the discipline what it has room for. */
  pump(): void {
    let moved = 0;
    while (this.#arrived.length > 0) {
      const bytes = this.#arrived.peek();
      const taken = this.input.receive(bytes, 0, bytes.length);
      this.#arrived.drop(taken);
      moved += taken;
      this.flushEcho();
      if (taken < bytes.length) break;
    }
    if (moved > 0) this.driver.inputTaken();
  }

  /** Is there something that a read would return now, as poll sees it? */
  get hasInput(): boolean {
    const { lflag, cc } = this.termios;
    if ((lflag & (ICANON | EXTPROC)) === ICANON) return this.input.hasLine;
    const least = cc[VTIME] === 0 && cc[VMIN]! > 0 ? cc[VMIN]! : 1;
    return this.input.available >= least;
  }

  flushInput(): void {
    this.#arrived.clear();
    this.input.flush();
    this.driver.inputTaken();
  }

  /** Forgets what came in and no reader has seen the discipline take. */
  dropArrived(): void {
    this.#arrived.clear();
    this.driver.inputTaken();
  }

  // DisciplineOwner.

  signalForeground(signal: number): void {
    if (this.foreground === null) return;
    this.kernel.work.charge(this.foreground.members.size);
    sendSignalToProcessGroup(this.foreground, signalInfo(signal, SI_KERNEL));
  }

  flushOutput(): void {
    this.driver.flushOutput();
    this.driver.packetStatus(TIOCPKT_FLUSHWRITE, 0);
    this.queue.wakeAll(POLLOUT);
  }

  inputFlushed(): void {
    this.driver.packetStatus(TIOCPKT_FLUSHREAD, 0);
  }

  inputReady(): void {
    this.queue.wakeAll(POLLIN);
  }

  stopOutput(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.driver.packetStatus(TIOCPKT_STOP, TIOCPKT_START);
  }

  startOutput(): void {
    if (!this.isStopped || this.isStoppedByCall) return;
    this.isStopped = false;
    this.driver.packetStatus(TIOCPKT_START, TIOCPKT_STOP);
    this.flushEcho();
    this.queue.wakeAll(POLLOUT);
  }

  // Output.

  get #room(): number {
    return this.isStopped || this.#echo.pending.length > 0 ? 0 : this.driver.room;
  }

  /** Writes what was echoed, as far as there is room. */
  flushEcho(): void {
    if (this.isStopped) return;
    const { pending } = this.#echo;
    while (pending.length > 0) {
      const bytes = pending.peek();
      const count = Math.min(bytes.length, this.driver.room);
      if (count === 0) return;
      this.driver.write(bytes, 0, count);
      pending.drop(count);
    }
  }

  /** Moves what fits from the cursor to the driver: the bytes taken, 0 when there is no room, or −EFAULT. */
  write(from: IoCursor): number {
    let written = 0;
    this.flushEcho();
    while (from.remaining > 0) {
      const isProcessed = (this.termios.oflag & OPOST) !== 0;
      const room = this.#room;
      const count = Math.min(from.remaining, CHUNK, isProcessed ? Math.floor(room / EXPANSION_MAX) : room);
      if (count === 0) break;
      const taken = from.take(chunk, 0, count);
      // A piece of which memory holds only a part isn't written (drivers/tty/tty_io.c, iterate_tty_write).
      if (taken < count) return written > 0 ? written : -EFAULT;
      if (isProcessed) {
        let end = 0;
        for (let at = 0; at < taken; at++) end = this.#output.put(chunk[at]!, processed, end);
        this.driver.write(processed, 0, end);
      } else this.driver.write(chunk, 0, taken);
      written += taken;
    }
    return written;
  }

  /** The driver took output: writers and echo may go on. */
  outputTaken(): void {
    this.flushEcho();
    if (this.#room >= WAKEUP_ROOM) this.queue.wakeAll(POLLOUT);
  }

  poll(file: TerminalHolder): number {
    if (file.isHungUp) return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
    let events = 0;
    if (this.hasInput) events |= POLLIN | POLLRDNORM;
    if (this.#room >= WAKEUP_ROOM) events |= POLLOUT | POLLWRNORM;
    return events;
  }

  // Settings.

  /** Takes new settings (TCSETS). */
  setTermios(next: Termios): void {
    const before = this.termios.copy();
    this.termios.assign(next);
    if (this.driver.isPty) this.termios.cflag = (this.termios.cflag & ~(CSIZE | PARENB)) | CS8 | CREAD;
    this.input.modeChanged(before);
    if ((before.iflag & IXON) !== 0 && (this.termios.iflag & IXON) === 0) this.startOutput();
    const isExternal = ((before.lflag | this.termios.lflag) & EXTPROC) !== 0;
    const flow = hasStandardFlowControl(this.termios);
    const changed = flow !== hasStandardFlowControl(before);
    if (changed || isExternal) {
      const status = (changed ? (flow ? TIOCPKT_DOSTOP : TIOCPKT_NOSTOP) : 0) | (isExternal ? TIOCPKT_IOCTL : 0);
      this.driver.packetStatus(status, changed ? TIOCPKT_DOSTOP | TIOCPKT_NOSTOP : 0);
    }
    this.pump();
    this.queue.wakeAll();
  }

  /** TIOCSWINSZ, or the window outside changed: tells the foreground group when it is another size. */
  setWindow(size: WindowSize): void {
    const { window } = this;
    if (
      window.rows === size.rows &&
      window.columns === size.columns &&
      window.xPixels === size.xPixels &&
      window.yPixels === size.yPixels
    )
      return;
    Object.assign(window, size);
    this.signalForeground(SIGWINCH);
  }

  // Sessions and hang-up.

  /** Makes it the controlling terminal of `session`, with `group` in the foreground. */
  control(session: Session, group: ProcessGroup): void {
    this.session = session;
    this.foreground = group;
    session.terminal = this;
  }

  /** Nobody's controlling terminal any more. */
  release(): void {
    if (this.session !== null && this.session.terminal === this) this.session.terminal = null;
    this.session = null;
    this.foreground = null;
  }

  /** ControllingTerminal: the session leader exited, or (TIOCNOTTY) gave it up. */
  disassociate(isExit = true): void {
    const group = this.foreground;
    if (isExit && !this.driver.isPty) {
      this.hangUp();
      return;
    }
    this.release();
    if (group === null) return;
    sendSignalToProcessGroup(group, signalInfo(SIGHUP, SI_KERNEL));
    if (!isExit) sendSignalToProcessGroup(group, signalInfo(SIGCONT, SI_KERNEL));
  }

  /** vhangup(2), a lost line, or a closed master: what is open on it sees the end, its session is told. */
  hangUp(): void {
    const { session, foreground } = this;
    for (const file of this.files) file.isHungUp = true;
    this.release();
    this.#arrived.clear();
    this.input.flush();
    this.#echo.clear();
    this.isStopped = false;
    this.isStoppedByCall = false;
    if (session !== null) {
      const leader = this.kernel.tasks.processes.get(session.id);
      if (leader !== undefined) {
        sendSignalToProcess(leader, signalInfo(SIGHUP, SI_KERNEL));
        sendSignalToProcess(leader, signalInfo(SIGCONT, SI_KERNEL));
      }
      if (foreground !== null) sendSignalToProcessGroup(foreground, signalInfo(SIGHUP, SI_KERNEL));
    }
    this.queue.wakeAll();
  }

  // Open files.

  opened(file: TerminalHolder): void {
    this.files.add(file);
    this.driver.filesChanged(this.files.size);
  }

  closed(file: TerminalHolder): void {
    this.files.delete(file);
    if (this.files.size === 0) this.isExclusive = false;
    this.driver.filesChanged(this.files.size);
  }

  static {
    stateClass("Terminal", this, {
      save: (it) => ({ echo: it.#echo, output: it.#output, arrived: it.#arrived }),
      load: (it, from) => ({ echo: it.#echo, output: it.#output, arrived: it.#arrived } = from),
    });
  }
}

function hasStandardFlowControl(termios: Termios): boolean {
  return (termios.iflag & IXON) !== 0 && termios.cc[VSTOP] === 0x13 && termios.cc[VSTART] === 0x11;
}
