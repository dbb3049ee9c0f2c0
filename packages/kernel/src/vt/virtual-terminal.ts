/** One of the machine's text consoles: what its terminal writes to, and how it is shown (ioctl_console(2)). */
import { KD_TEXT, K_UNICODE, VT_AUTO } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { SignalProcess } from "../signal/signal-target.ts";
import type { Terminal, TerminalDriver } from "../tty/terminal.ts";
import type { TtyCaller } from "../tty/tty-kernel.ts";
import { EscapeCodes } from "./escape-codes.ts";
import { TextScreen } from "./text-screen.ts";

/** A terminal is written to in pieces of this size at most; all of it is taken at once. */
const ROOM = 65536;

/** What all of them share. */
interface VirtualTerminalOwner {
  ioctl(task: TtyCaller, number: number, command: number, argument: number): number;
}

export class VirtualTerminal implements TerminalDriver {
  readonly isPty = false;
  readonly room = ROOM;
  readonly pendingOutput = 0;
  readonly number: number;
  readonly text: TextScreen;
  readonly codes: EscapeCodes;
  /** KD_TEXT, or KD_GRAPHICS: a program draws. */
  displayMode = KD_TEXT;
  keyboardMode = K_UNICODE;
  /** Who is asked before another one is shown, and told when it is shown again; null: nobody (VT_AUTO). */
  switcher: SignalProcess | null = null;
  readonly switching = { mode: VT_AUTO, relsig: 0, acqsig: 0 };
  isOpen = false;
  /** Its other side; set by who makes both. */
  terminal!: Terminal;
  #owner: VirtualTerminalOwner;

  constructor(owner: VirtualTerminalOwner, number: number, columns: number, rows: number) {
    this.#owner = owner;
    this.number = number;
    this.text = new TextScreen(columns, rows);
    this.codes = new EscapeCodes(this.text, this);
  }

  write(bytes: Uint8Array, start: number, count: number): void {
    this.codes.write(bytes, start, count);
  }

  flushOutput(): void {}
  packetStatus(): void {}
  inputTaken(): void {}

  filesChanged(count: number): void {
    this.isOpen = count > 0;
  }

  /** Of the console to what asked it; and keys. Characters below 256, as bytes. What finds no room is lost. */
  answer(text: string): void {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    if (this.terminal.inputRoom >= bytes.length) this.terminal.receive(bytes, 0, bytes.length);
  }

  /** Nobody steers it any more (reset_vc of Linux's vt_ioctl.c). */
  reset(): void {
    this.displayMode = KD_TEXT;
    this.keyboardMode = K_UNICODE;
    this.release();
  }

  /** It is shown and left without asking. */
  release(): void {
    this.switcher = null;
    Object.assign(this.switching, { mode: VT_AUTO, relsig: 0, acqsig: 0 });
  }

  ioctl(task: TtyCaller, command: number, argument: number): number {
    return this.#owner.ioctl(task, this.number, command, argument);
  }

  static {
    stateClass("VirtualTerminal", this, {
      save: (it) => ({ owner: it.#owner }),
      load: (it, from) => ({ owner: it.#owner } = from),
    });
  }
}
