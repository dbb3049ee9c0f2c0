import { movedBefore } from "../ground/call-work.ts";
import { EAGAIN, EIO, EXTPROC, ICANON, O_NONBLOCK, SIGTTIN, SIGTTOU, TOSTOP, VMIN, VTIME } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { stateOf } from "../ground/call-state.ts";
import { BLOCKED, BLOCKED_EINTR, type WaitQueue } from "../ground/wait-queue.ts";
import type { Inode } from "../vfs/inode.ts";
import type { IoCursor } from "../ground/io-cursor.ts";
import { OpenFile } from "../vfs/open-file.ts";
import type { Path } from "../vfs/path.ts";
import { checkForeground } from "./job-control.ts";
import { terminalIoctl } from "./terminal-ioctl.ts";
import type { Terminal, TerminalHolder } from "./terminal.ts";
import type { TtyCaller } from "./tty-kernel.ts";

/** A description of a terminal: /dev/tty1, /dev/console, /dev/tty, /dev/pts/N. */
export class TerminalFile extends OpenFile implements TerminalHolder {
  readonly terminal: Terminal;
  /** /dev/console is not subject to job control on reading (Linux n_tty.c job_control). */
  #isConsole: boolean;
  isHungUp = false;

  constructor(terminal: Terminal, flags: number, inode: Inode | null, path: Path | null, isConsole = false) {
    super(flags, inode, path);
    this.terminal = terminal;
    this.#isConsole = isConsole;
    terminal.opened(this);
  }

  override get waitQueue(): WaitQueue {
    return this.terminal.queue;
  }

  override get asyncQueue(): WaitQueue {
    return this.terminal.queue;
  }

  override poll(): number {
    return this.terminal.poll(this);
  }

  override get mayNotWait(): boolean {
    return false;
  }

  /**
   * Bytes of at most one line in canonical mode; 0 at an end of file or after a hang-up; −EAGAIN; −EIO in an orphaned
   * background group, or when the master was closed under a waiting read.
   */
  override read(task: TtyCaller, to: IoCursor): number {
    if (this.isHungUp) return task.syscallNumber >= 0 && this.terminal.driver.isPty ? -EIO : 0;
    if (to.remaining === 0) return 0;
    const { terminal } = this;
    if (!this.#isConsole) {
      const allowed = checkForeground(task, terminal, SIGTTIN);
      if (allowed !== 0) return allowed;
    }
    const { input, termios } = terminal;
    let result: number;
    if ((termios.lflag & (ICANON | EXTPROC)) === ICANON) {
      if (!input.hasLine) return this.#wait(task);
      result = input.takeLine(to);
    } else {
      const available = input.available;
      // Lines that others edit have neither VMIN nor VTIME (drivers/tty/n_tty.c, n_tty_read).
      const isOfLines = (termios.lflag & ICANON) !== 0;
      const minimum = isOfLines ? 1 : Math.min(termios.cc[VMIN]!, to.remaining);
      const timeNs = isOfLines ? 0 : termios.cc[VTIME]! * 1e8;
      if (available < Math.max(1, minimum) && !(available > 0 && (this.flags & O_NONBLOCK) !== 0)) {
        if (minimum === 0 && timeNs === 0) return 0;
        if (timeNs === 0 || (minimum > 0 && available === 0)) return this.#wait(task);
        const wait = this.#waitTimed(task, available, timeNs, minimum);
        if (wait !== 0) return wait;
        if (available === 0) return 0;
      }
      result = input.takeBytes(to);
    }
    terminal.pump();
    return result;
  }

  #wait(task: TtyCaller): number {
    if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
    task.waitOn(this.terminal.queue);
    return BLOCKED;
  }

  /**
   * VTIME: between bytes when VMIN > 0, for the first byte when it is 0 (termios(3)). Returns 0 when the time is over.
   */
  #waitTimed(task: TtyCaller, available: number, timeNs: number, minimum: number): number {
    if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
    const now = task.kernel.now();
    let state = stateOf(task, "timed-read");
    if (state === null || (minimum > 0 && state.seen !== available)) {
      state = { kind: "timed-read", seen: available, deadlineNs: now + timeNs };
      task.syscallState = state;
    }
    if (state.deadlineNs <= now) {
      task.syscallState = null;
      return 0;
    }
    task.waitOn(this.terminal.queue);
    task.waitUntil(state.deadlineNs);
    return BLOCKED;
  }

  /**
   * All bytes, waiting for room in between: the partial count stands in `task.syscallState`, and a signal then ends the
   * call with it.
   */
  override write(task: TtyCaller, from: IoCursor): number {
    if (this.isHungUp) return -EIO;
    const { terminal } = this;
    const before = movedBefore(task);
    if ((terminal.termios.lflag & TOSTOP) !== 0) {
      const allowed = checkForeground(task, terminal, SIGTTOU);
      if (allowed !== 0) return allowed === -EIO && before > 0 ? before : allowed;
    }
    if (before > 0) from.skip(before);
    const wanted = from.remaining;
    const done = terminal.write(from);
    if (done < 0) return before > 0 ? before : done;
    const total = before + done;
    if (done === wanted) return total;
    if ((this.flags & O_NONBLOCK) !== 0) return total > 0 ? total : -EAGAIN;
    task.waitOn(terminal.queue);
    if (total === 0) return BLOCKED;
    task.syscallState = { kind: "count", count: total };
    return BLOCKED_EINTR;
  }

  override ioctl(task: TtyCaller, command: number, argument: number): number {
    if (this.isHungUp) return -EIO;
    return terminalIoctl(task, this, this.terminal, command, argument, false);
  }

  override sync(): number {
    return 0;
  }

  protected override dispose(): void {
    this.terminal.closed(this);
  }

  static {
    stateClass("TerminalFile", this, {
      save: (it) => ({ isConsole: it.#isConsole }),
      load: (it, from) => ({ isConsole: it.#isConsole } = from),
    });
  }
}
