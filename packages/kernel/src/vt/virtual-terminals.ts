/**
 * The text consoles of a machine with a screen: /dev/tty1 … tty12, of which one is shown and hears the keyboard. Where
 * the machine has a terminal of its host, that is /dev/tty1, and the screen is dark while it is the one that is shown.
 *
 * Text is drawn into the frame buffer device when somebody looks at the screen, not when it is written. While a
 * program has set a mode, that is what the screen shows; who draws by /dev/fb0 asks for KD_GRAPHICS.
 *
 * Read first: ioctl_console(2), console_codes(4). Source of the rules of switching: Linux drivers/tty/vt/vt_ioctl.c.
 */
import {
  CAP_SYS_TTY_CONFIG,
  EBUSY,
  EINVAL,
  ENOTTY,
  ENXIO,
  EPERM,
  IUTF8,
  KB_101,
  KD_GRAPHICS,
  KD_TEXT,
  KDGETLED,
  KDGETMODE,
  KDGKBMODE,
  KDGKBTYPE,
  KDMKTONE,
  KDSETLED,
  KDSETMODE,
  KDSKBMODE,
  KIOCSOUND,
  K_MEDIUMRAW,
  K_OFF,
  K_RAW,
  SI_KERNEL,
  TIOCL_GETFGCONSOLE,
  TIOCL_GETSHIFTSTATE,
  TIOCLINUX,
  TTY_MAJOR,
  VT_ACKACQ,
  VT_ACTIVATE,
  VT_AUTO,
  VT_DISALLOCATE,
  VT_GETMODE,
  VT_GETSTATE,
  VT_LOCKSWITCH,
  VT_OPENQRY,
  VT_PROCESS,
  VT_RELDISP,
  VT_SETMODE,
  VT_UNLOCKSWITCH,
  VT_WAITACTIVE,
  VtMode,
  VtStat,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { DrmCard } from "../graphics/drm-card.ts";
import type { TextLayer } from "../graphics/screen.ts";
import type { GraphicsKernel } from "../graphics/graphics-kernel.ts";
import { BLOCKED_EINTR, WaitQueue } from "../ground/wait-queue.ts";
import { putFields } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcess } from "../signal/send-signal.ts";
import { Terminal } from "../tty/terminal.ts";
import { Termios } from "../tty/termios.ts";
import type { TtyCaller } from "../tty/tty-kernel.ts";
import { CONSOLE_NUMBER, type VirtualTerminalSet } from "../tty/tty-state.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import { drawNothing, drawText, GLYPH_HEIGHT, GLYPH_WIDTH } from "./draw-text.ts";
import { ConsoleKeyboard } from "./console-keyboard.ts";
import { VirtualTerminal } from "./virtual-terminal.ts";

/** Linux has 63; each that was opened keeps a screen of text. */
export const LAST_TERMINAL = 12;
/** VT_GETSTATE tells of so many. */
const STATE_BITS = 16;
const SIGNAL_MAX = 64;

export class VirtualTerminals implements VirtualTerminalSet, TextLayer {
  readonly kernel: GraphicsKernel;
  readonly card: DrmCard;
  readonly last = LAST_TERMINAL;
  /** The one that is shown. */
  active = CONSOLE_NUMBER;
  readonly keyboard = new ConsoleKeyboard(this);
  /** By number; those that nobody has opened are absent. */
  #terminals = new Map<number, VirtualTerminal>();
  /** What the active one's program was asked to make room for; 0: it was not asked. */
  #wanted = 0;
  #isLocked = false;
  #switched = new WaitQueue();
  /** All that is drawn is of another one. */
  #needsClearing = false;
  #shows = 0;

  constructor(kernel: GraphicsKernel, card: DrmCard) {
    this.kernel = kernel;
    this.card = card;
  }

  /** It is made where it has not been. @returns null: it is the host's, or there is none of this number */
  terminal(number: number): Terminal | null {
    return this.#make(number)?.terminal ?? null;
  }

  /** @returns whether it can be shown */
  #has(number: number): boolean {
    return number >= CONSOLE_NUMBER && number <= LAST_TERMINAL;
  }

  #isOfHost(number: number): boolean {
    return number === CONSOLE_NUMBER && this.kernel.tty.console !== null;
  }

  #make(number: number): VirtualTerminal | null {
    if (!this.#has(number) || this.#isOfHost(number)) return null;
    const present = this.#terminals.get(number);
    if (present !== undefined) return present;
    const { width, height } = this.card.screen;
    const columns = Math.max(1, Math.floor(width / GLYPH_WIDTH));
    const rows = Math.max(1, Math.floor(height / GLYPH_HEIGHT));
    const made = new VirtualTerminal(this, number, columns, rows);
    const termios = Termios.standard();
    termios.iflag |= IUTF8;
    made.terminal = new Terminal(this.kernel, makeDevice(TTY_MAJOR, number), made, termios);
    made.terminal.setWindow({ rows, columns, xPixels: 0, yPixels: 0 });
    this.#terminals.set(number, made);
    return made;
  }

  get shown(): VirtualTerminal | null {
    return this.#terminals.get(this.active) ?? null;
  }

  // What the screen asks.

  get changes(): number {
    return this.#shows * 2 ** 32 + (this.shown?.text.changes ?? 0);
  }

  get isUsed(): boolean {
    return this.shown?.text.isWritten === true && this.shown.displayMode === KD_TEXT;
  }

  /** Somebody looks at the frame buffer device. */
  draw(): void {
    const { shown } = this;
    const { screen } = this.card;
    if (shown?.displayMode === KD_GRAPHICS) return;
    if (this.#needsClearing) {
      drawNothing(screen);
      shown?.text.touchAll();
    }
    this.#needsClearing = false;
    if (shown !== null) drawText(shown.text, screen);
  }

  // Switching.

  /** Ctrl-Alt-Fn, or VT_ACTIVATE: who draws on the one that is shown is asked first. */
  activate(number: number): void {
    if (!this.#has(number) || number === this.active || this.#isLocked) return;
    this.#make(number);
    const { shown } = this;
    if (shown !== null && shown.switching.mode === VT_PROCESS) {
      if (this.#signal(shown, shown.switching.relsig)) {
        this.#wanted = number;
        return;
      }
      // It is gone.
      shown.reset();
    } else if (shown !== null && shown.displayMode === KD_GRAPHICS) return;
    this.#show(number);
  }

  #show(number: number): void {
    this.active = number;
    this.#wanted = 0;
    const { shown } = this;
    if (shown !== null && shown.switching.mode === VT_PROCESS && !this.#signal(shown, shown.switching.acqsig))
      shown.reset();
    if (shown?.displayMode !== KD_GRAPHICS) this.#showText();
    this.#switched.wakeAll();
  }

  /** A card that nobody has taken shows the console (drm_fb_helper_restore_fbdev_mode of Linux). */
  #showText(): void {
    if (this.card.master === null) this.card.turnOff();
    this.#needsClearing = true;
    this.#shows++;
  }

  /** @returns false: its process is gone */
  #signal({ switcher }: VirtualTerminal, signal: number): boolean {
    if (switcher === null || switcher.isZombie || this.kernel.tasks.processes.get(switcher.pid) !== switcher)
      return false;
    if (signal !== 0) sendSignalToProcess(switcher, signalInfo(signal, SI_KERNEL));
    return true;
  }

  // ioctl_console(2).

  /** @param number  of the terminal whose file is asked @returns −ENOTTY: it is none of a virtual terminal */
  ioctl(task: TtyCaller, number: number, command: number, argument: number): number {
    const { space } = task;
    const asked = this.#make(number);
    const mayChange =
      task.group.session.terminal === (asked?.terminal ?? this.kernel.tty.console) ||
      isCapable(task.credentials, CAP_SYS_TTY_CONFIG);
    switch (command) {
      case VT_OPENQRY:
        return space.storeU32(argument, this.#firstFree());
      case VT_GETSTATE:
        return this.#storeState(task, argument);
      case VT_ACTIVATE:
        if (!mayChange) return -EPERM;
        if (!this.#has(argument)) return -ENXIO;
        this.activate(argument);
        return 0;
      case VT_WAITACTIVE:
        if (!mayChange) return -EPERM;
        if (!this.#has(argument)) return -ENXIO;
        if (argument === this.active) return 0;
        task.waitOn(this.#switched);
        return BLOCKED_EINTR;
      case VT_RELDISP:
        return mayChange ? this.#release(asked, argument) : -EPERM;
      case VT_DISALLOCATE:
        return this.#disallocate(argument);
      case VT_LOCKSWITCH:
      case VT_UNLOCKSWITCH:
        if (!isCapable(task.credentials, CAP_SYS_TTY_CONFIG)) return -EPERM;
        this.#isLocked = command === VT_LOCKSWITCH;
        return 0;
      case KDGKBTYPE:
        return space.copyOut(argument, Uint8Array.of(KB_101), 0, 1);
      // There is no bell.
      case KDMKTONE:
      case KIOCSOUND:
        return mayChange ? 0 : -EPERM;
      case TIOCLINUX:
        return this.#ask(task, argument);
      case KDGETLED:
        return space.copyOut(argument, Uint8Array.of(this.keyboard.locks), 0, 1);
      case KDSETLED:
        return mayChange ? 0 : -EPERM;
    }
    return asked === null ? -ENOTTY : this.#ofOne(task, asked, command, argument, mayChange);
  }

  #ofOne(task: TtyCaller, asked: VirtualTerminal, command: number, argument: number, mayChange: boolean): number {
    const { space } = task;
    switch (command) {
      case VT_GETMODE: {
        const bytes = new Uint8Array(VtMode.size);
        putFields(new DataView(bytes.buffer), VtMode, asked.switching);
        return space.copyOut(argument, bytes, 0, bytes.length);
      }
      case VT_SETMODE:
        return mayChange ? this.#setMode(task, asked, argument) : -EPERM;
      case KDSETMODE:
        if (!mayChange) return -EPERM;
        if (argument !== KD_TEXT && argument !== KD_GRAPHICS) return -EINVAL;
        if (asked.displayMode === argument) return 0;
        asked.displayMode = argument;
        if (asked.number === this.active && argument === KD_TEXT) this.#showText();
        return 0;
      case KDGETMODE:
        return space.storeU32(argument, asked.displayMode);
      case KDSKBMODE:
        if (!mayChange) return -EPERM;
        if (argument < K_RAW || argument > K_OFF) return -EINVAL;
        asked.keyboardMode = argument;
        return 0;
      case KDGKBMODE:
        return space.storeU32(argument, asked.keyboardMode);
      default:
        return -ENOTTY;
    }
  }

  #firstFree(): number {
    for (let number = CONSOLE_NUMBER; number <= LAST_TERMINAL; number++)
      if (!this.#isOfHost(number) && this.#terminals.get(number)?.isOpen !== true) return number;
    return 0xffffffff;
  }

  #storeState({ space }: TtyCaller, address: number): number {
    // /dev/tty0 is always open.
    let state = 1;
    for (let number = CONSOLE_NUMBER; number <= LAST_TERMINAL && number < STATE_BITS; number++)
      if (this.#isOfHost(number) || this.#terminals.get(number)?.isOpen === true) state |= 1 << number;
    const bytes = new Uint8Array(VtStat.size);
    putFields(new DataView(bytes.buffer), VtStat, { v_active: this.active, v_state: state });
    return space.copyOut(address, bytes, 0, bytes.length);
  }

  #setMode(task: TtyCaller, asked: VirtualTerminal, address: number): number {
    const bytes = new Uint8Array(VtMode.size);
    const failed = task.space.copyIn(address, bytes, 0, bytes.length);
    if (failed < 0) return failed;
    const view = new DataView(bytes.buffer);
    const mode = bytes[VtMode.offset.mode]!;
    if (mode !== VT_AUTO && mode !== VT_PROCESS) return -EINVAL;
    const [relsig, acqsig] = [VtMode.offset.relsig, VtMode.offset.acqsig].map((at) => view.getUint16(at, true));
    if (relsig! > SIGNAL_MAX || acqsig! > SIGNAL_MAX) return -EINVAL;
    Object.assign(asked.switching, { mode, relsig, acqsig });
    asked.switcher = mode === VT_PROCESS ? task.group : null;
    if (asked.number === this.active) this.#wanted = 0;
    return 0;
  }

  #release(asked: VirtualTerminal | null, argument: number): number {
    if (asked === null || asked.switching.mode !== VT_PROCESS) return -EINVAL;
    if (this.#wanted === 0 || asked.number !== this.active) return argument === VT_ACKACQ ? 0 : -EINVAL;
    const wanted = this.#wanted;
    this.#wanted = 0;
    if (argument !== 0) this.#show(wanted);
    return 0;
  }

  /** @param number  0: all that nobody uses */
  #disallocate(number: number): number {
    if (number !== 0 && !this.#has(number)) return -ENXIO;
    for (const each of [...this.#terminals.values()]) {
      if (number !== 0 && each.number !== number) continue;
      const isUsed = each.isOpen || each.number === this.active || each.terminal.session !== null;
      if (!isUsed) this.#terminals.delete(each.number);
      else if (number !== 0) return -EBUSY;
    }
    return 0;
  }

  /** TIOCLINUX: what it is asked stands in the first byte. */
  #ask({ space }: TtyCaller, address: number): number {
    const byte = new Uint8Array(1);
    const failed = space.copyIn(address, byte, 0, 1);
    if (failed < 0) return failed;
    switch (byte[0]) {
      case TIOCL_GETSHIFTSTATE:
        byte[0] = this.keyboard.shiftState;
        return space.copyOut(address, byte, 0, 1);
      case TIOCL_GETFGCONSOLE:
        return this.active - 1;
      default:
        return -EINVAL;
    }
  }

  // The keyboard.

  /** @param value  0 released, 1 pressed, 2 repeated */
  key(key: number, value: number): void {
    const { shown } = this;
    const mode = shown?.keyboardMode;
    if (mode === K_RAW || mode === K_MEDIUMRAW) shown!.answer(this.keyboard.raw(key, value, mode === K_RAW));
    const bytes = this.keyboard.press(key, value, mode === K_RAW || mode === K_MEDIUMRAW || mode === K_OFF);
    if (bytes !== "" && shown !== null) shown.answer(bytes);
  }

  static {
    stateClass("VirtualTerminals", this, {
      save: (it) => ({
        terminals: it.#terminals,
        wanted: it.#wanted,
        isLocked: it.#isLocked,
        switched: it.#switched,
        needsClearing: it.#needsClearing,
        shows: it.#shows,
      }),
      load: (it, from) =>
        ({
          terminals: it.#terminals,
          wanted: it.#wanted,
          isLocked: it.#isLocked,
          switched: it.#switched,
          needsClearing: it.#needsClearing,
          shows: it.#shows,
        } = from),
    });
  }
}
