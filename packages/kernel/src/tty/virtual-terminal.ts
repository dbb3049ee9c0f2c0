/**
 * The virtual terminal that X servers and their like take for themselves (ioctl_console(2)): /dev/tty2, and what
 * /dev/tty0 means, of a machine with a screen. It shows no text: who opens it draws. There is nobody to switch to
 * another one, so that no signals of VT_PROCESS are ever sent.
 */
import {
  EINVAL,
  ENOTTY,
  ENXIO,
  KB_101,
  KD_GRAPHICS,
  KD_TEXT,
  KDGETMODE,
  KDGKBMODE,
  KDGKBTYPE,
  KDSETMODE,
  KDSKBMODE,
  K_OFF,
  K_UNICODE,
  TTY_MAJOR,
  VT_ACTIVATE,
  VT_DISALLOCATE,
  VT_GETMODE,
  VT_GETSTATE,
  VT_OPENQRY,
  VT_RELDISP,
  VT_SETMODE,
  VT_WAITACTIVE,
  VtMode,
  VtStat,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { putFields } from "../ground/words.ts";
import { makeDevice } from "../vfs/device-registry.ts";
import { Termios } from "./termios.ts";
import { Terminal, type TerminalDriver } from "./terminal.ts";
import type { TtyCaller, TtyKernel } from "./tty-kernel.ts";

/** Its number; the first is the machine's console. */
export const VIRTUAL_TERMINAL = 2;
const CONSOLE_TERMINAL = 1;
const ROOM = 65536;

class VirtualTerminal implements TerminalDriver {
  readonly isPty = false;
  readonly room = ROOM;
  readonly pendingOutput = 0;
  #active = CONSOLE_TERMINAL;
  #displayMode = KD_TEXT;
  #keyboardMode = K_UNICODE;
  #switching = new Uint8Array(VtMode.size);
  #isOpen = false;

  write(): void {}
  flushOutput(): void {}
  packetStatus(): void {}
  inputTaken(): void {}

  filesChanged(count: number): void {
    this.#isOpen = count > 0;
  }

  /** @returns −ENOTTY: it is none of a virtual terminal */
  ioctl({ space }: TtyCaller, command: number, argument: number): number {
    switch (command) {
      case VT_OPENQRY:
        return space.storeU32(argument, VIRTUAL_TERMINAL);
      case VT_GETSTATE: {
        const bytes = new Uint8Array(VtStat.size);
        const inUse = (1 << CONSOLE_TERMINAL) | (this.#isOpen ? 1 << VIRTUAL_TERMINAL : 0);
        putFields(new DataView(bytes.buffer), VtStat, { v_active: this.#active, v_state: inUse | 1 });
        return space.copyOut(argument, bytes, 0, bytes.length);
      }
      case VT_ACTIVATE:
        if (argument !== CONSOLE_TERMINAL && argument !== VIRTUAL_TERMINAL) return -ENXIO;
        this.#active = argument;
        return 0;
      case VT_WAITACTIVE:
        return argument === this.#active ? 0 : -ENXIO;
      case VT_RELDISP:
        return -EINVAL;
      case VT_DISALLOCATE:
        return 0;
      case VT_GETMODE:
        return space.copyOut(argument, this.#switching, 0, this.#switching.length);
      case VT_SETMODE:
        return space.copyIn(argument, this.#switching, 0, this.#switching.length);
      case KDSETMODE:
        if (argument < KD_TEXT || argument > KD_GRAPHICS) return -EINVAL;
        this.#displayMode = argument;
        return 0;
      case KDGETMODE:
        return space.storeU32(argument, this.#displayMode);
      case KDSKBMODE:
        if (argument < 0 || argument > K_OFF) return -EINVAL;
        this.#keyboardMode = argument;
        return 0;
      case KDGKBMODE:
        return space.storeU32(argument, this.#keyboardMode);
      case KDGKBTYPE:
        return space.copyOut(argument, Uint8Array.of(KB_101), 0, 1);
      default:
        return -ENOTTY;
    }
  }

  static {
    stateClass("VirtualTerminal", this, {
      save: (it) => ({
        active: it.#active,
        displayMode: it.#displayMode,
        keyboardMode: it.#keyboardMode,
        switching: it.#switching,
        isOpen: it.#isOpen,
      }),
      load: (it, from) =>
        ({
          active: it.#active,
          displayMode: it.#displayMode,
          keyboardMode: it.#keyboardMode,
          switching: it.#switching,
          isOpen: it.#isOpen,
        } = from),
    });
  }
}

export function makeVirtualTerminal(kernel: TtyKernel): Terminal {
  const device = makeDevice(TTY_MAJOR, VIRTUAL_TERMINAL);
  return new Terminal(kernel, device, new VirtualTerminal(), Termios.standard());
}
