/** The machine's terminal: /dev/tty1 and /dev/console over the terminal that Stratos was started on. */
import { ENOENT, ENOTTY, IUTF8, O_RDWR, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostConsole } from "@stratos/host";
import { lookupChild } from "../vfs/dentry-cache.ts";
import { directoryAt } from "../vfs/boot-mounts.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { Path } from "../vfs/path.ts";
import { HostInput } from "./host-input.ts";
import { acquireOnOpen } from "./job-control.ts";
import { Termios } from "./termios.ts";
import { TTY1_DEVICE } from "./terminal-devices.ts";
import { TerminalFile } from "./terminal-file.ts";
import { Terminal, type TerminalDriver } from "./terminal.ts";
import type { TtyCaller, TtyKernel } from "./tty-kernel.ts";
import { CONSOLE_NUMBER, type TerminalsKernel, type TtyState } from "./tty-state.ts";

class ConsoleDriver implements TerminalDriver {
  readonly isPty = false;
  #host: HostConsole;
  #tty: TtyState;
  readonly input = new HostInput();

  constructor(host: HostConsole, tty: TtyState) {
    this.#host = host;
    this.#tty = tty;
  }

  get room(): number {
    return this.#host.room;
  }

  get pendingOutput(): number {
    return this.#host.pending;
  }

  write(bytes: Uint8Array, start: number, count: number): void {
    if (count > 0) this.#host.write(bytes.subarray(start, start + count));
  }

  inputTaken(): void {
    this.input.feed();
  }

  flushOutput(): void {
    this.#host.discardOutput();
  }

  packetStatus(): void {}
  filesChanged(): void {}

  /** Beside a screen it is one of the consoles that are switched between. */
  ioctl(task: TtyCaller, command: number, argument: number): number {
    return this.#tty.virtual?.ioctl(task, CONSOLE_NUMBER, command, argument) ?? -ENOTTY;
  }

  /** Follows the host's terminal. Its end (the window was closed) hangs this one up. */
  listen(): void {
    const { terminal } = this.input as { terminal: Terminal };
    const host = this.#host;
    const takeSize = (): void => {
      const { rows, columns } = host.size();
      terminal.setWindow({ rows, columns, xPixels: 0, yPixels: 0 });
    };
    takeSize();
    host.onResize(takeSize);
    host.onWritable(() => terminal.outputTaken());
    host.onInput((bytes) => {
      if (bytes === null) terminal.hangUp();
      else this.input.typed(bytes);
    });
  }

  static {
    stateClass(
      "ConsoleDriver",
      this,
      {
        save: (it) => ({ host: it.#host, tty: it.#tty }),
        load: (it, from) => ({ host: it.#host, tty: it.#tty } = from),
      },
      { loaded: (it) => it.listen() },
    );
  }
}

/** Makes the host's terminal the machine's. */
export function attachConsole(kernel: TerminalsKernel, host: HostConsole): Terminal {
  const driver = new ConsoleDriver(host, kernel.tty);
  const termios = Termios.standard();
  termios.iflag |= IUTF8;
  const terminal = new Terminal(kernel, TTY1_DEVICE, driver, termios);
  driver.input.terminal = terminal;
  driver.listen();
  kernel.tty.console = terminal;
  return terminal;
}

/** A description of the console for a first process, by its name /dev/tty1 where that exists. */
export function openConsoleTerminal(kernel: TtyKernel, terminal: Terminal): OpenFile {
  const place = consolePlace(kernel);
  return isErrno(place)
    ? new TerminalFile(terminal, O_RDWR, null, null)
    : new TerminalFile(terminal, O_RDWR, place.dentry.inode, place);
}

function consolePlace(kernel: TtyKernel): Path | number {
  const folder = directoryAt(kernel, "/dev");
  if (isErrno(folder)) return folder;
  const dentry = lookupChild(kernel, folder.dentry, "tty1");
  if (isErrno(dentry)) return dentry;
  return dentry.inode?.rdev === TTY1_DEVICE ? new Path(folder.mount, dentry) : -ENOENT;
}

/** Group "tty" of every distribution. */
const TTY_GID = 5;

/**
 * A first process whose standard input is a free terminal is controlled by it, and its user owns the device, as
 * login(1) would have it.
 */
export function takeTerminal(task: TtyCaller): void {
  const input = task.files.get(0);
  if (!(input instanceof TerminalFile)) return;
  acquireOnOpen(task, input.terminal);
  input.inode?.setAttributes({ uid: task.credentials.uid, gid: TTY_GID, mode: 0o620 });
}
