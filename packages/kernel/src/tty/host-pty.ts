/**
 * A program's own terminal, beside those of other programs: a pseudo-terminal (pty(7)) whose other side is the host's.
 * What the program shows goes to the host as it has room, and waits in the pseudo-terminal meanwhile.
 */
import { AT_FDCWD, EIO, ENOTTY, IUTF8, O_NOCTTY, O_RDWR, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostConsole } from "@stratos/host";
import type { Waiter } from "../ground/wait-queue.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { openPath } from "../vfs/open.ts";
import { HostInput } from "./host-input.ts";
import { PtyMasterFile } from "./pty.ts";
import type { TtyCaller } from "./tty-kernel.ts";

export interface HostPty {
  /** The program's side, for its standard files. */
  readonly file: OpenFile;
  /** Shows what is left, whatever room there is, and hangs up. */
  close(): void;
}

/**
 * @param task  who sees /dev/ptmx
 * @returns the errno of that, −ENOTTY when it is something else, −EIO when no devpts is in sight
 */
export function openHostPty(task: TtyCaller, host: HostConsole): HostPty | number {
  const master = openPath(task, AT_FDCWD, "/dev/ptmx", O_RDWR | O_NOCTTY, 0);
  if (isErrno(master)) return master;
  const side = master instanceof PtyMasterFile ? new HostSide(master, host) : null;
  const file = side?.open(task) ?? -ENOTTY;
  if (isErrno(file)) {
    master.release();
    return file;
  }
  return { file, close: () => side!.close() };
}

class HostSide implements Waiter {
  #master: PtyMasterFile;
  #host: HostConsole;
  #input: HostInput;

  constructor(master: PtyMasterFile, host: HostConsole) {
    this.#master = master;
    this.#host = host;
    this.#input = new HostInput(host);
    const { terminal } = master.pty;
    this.#input.terminal = terminal;
    terminal.termios.iflag |= IUTF8;
    master.pty.isLocked = false;
    this.#listen();
    this.#input.feed();
    master.waitQueue.add(this);
  }

  #listen(): void {
    const { terminal } = this.#master.pty;
    const host = this.#host;
    const takeSize = (): void => terminal.setWindow({ ...host.size(), xPixels: 0, yPixels: 0 });
    takeSize();
    host.onPty?.(() => this.close());
    host.onResize(takeSize);
    host.onWritable(() => {
      this.#show();
      terminal.outputTaken();
    });
    host.onInput((bytes) => {
      if (bytes === null) terminal.hangUp();
      else this.#input.typed(bytes);
    });
  }

  open(task: TtyCaller): OpenFile | number {
    const { pty } = this.#master;
    const place = pty.fileSystem.pathOf(task, pty.index);
    return place === null ? -EIO : pty.open(task, place.dentry.inode!, O_RDWR | O_NOCTTY, place);
  }

  /**
   * There is something to show, or room for what was typed. The terminal may be in the midst of its echo: whoever found
   * no room learns of it when the host has some.
   */
  wake(): void {
    this.#show();
    this.#input.feed();
  }

  #show(most: number = this.#host.room): void {
    const { output } = this.#master.pty;
    for (let left = most; left > 0 && output.length > 0;) {
      const bytes = output.peek();
      const count = Math.min(bytes.length, left);
      this.#host.write(bytes.subarray(0, count));
      output.drop(count);
      left -= count;
    }
  }

  close(): void {
    this.#show(Infinity);
    this.#master.waitQueue.remove(this);
    this.#master.release();
  }

  static {
    stateClass(
      "HostSide",
      this,
      {
        save: (it) => ({ master: it.#master, host: it.#host, input: it.#input }),
        load: (it, from) => ({ master: it.#master, host: it.#host, input: it.#input } = from),
      },
      {
        loaded: (it) => {
          it.#listen();
          it.#input.feed();
        },
      },
    );
  }
}
