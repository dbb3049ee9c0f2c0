import {
  B38400,
  BAUD_RATES,
  BOTHER,
  CBAUD,
  CBAUDEX,
  CREAD,
  CS8,
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  EFAULT,
  HUPCL,
  ICANON,
  ICRNL,
  IEXTEN,
  ISIG,
  IXON,
  NCC,
  NCCS,
  ONLCR,
  OPOST,
  Termio,
  Termios as TermiosLayout,
  Termios2,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { TtyCaller } from "./tty-kernel.ts";

/** "\003\034\177\025\004\0\1\0\021\023\032\0\022\017\027\026\0": INIT_C_CC. */
const CONTROL_CHARACTERS = [3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0];

/** The settings of a terminal (termios(3)). */
export class Termios {
  iflag = 0;
  oflag = 0;
  cflag = 0;
  lflag = 0;
  line = 0;
  readonly cc = new Uint8Array(NCCS);
  inputSpeed = 38400;
  outputSpeed = 38400;

  /** What a fresh terminal has: Linux tty_std_termios. */
  static standard(): Termios {
    const termios = new Termios();
    termios.iflag = ICRNL | IXON;
    termios.oflag = OPOST | ONLCR;
    termios.cflag = B38400 | CS8 | CREAD | HUPCL;
    termios.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    termios.cc.set(CONTROL_CHARACTERS);
    return termios;
  }

  /** The far end of a pseudo-terminal. */
  static standardPty(): Termios {
    const termios = Termios.standard();
    termios.cflag = B38400 | CS8 | CREAD;
    return termios;
  }

  assign(from: Termios): void {
    this.iflag = from.iflag;
    this.oflag = from.oflag;
    this.cflag = from.cflag;
    this.lflag = from.lflag;
    this.line = from.line;
    this.cc.set(from.cc);
    this.inputSpeed = from.inputSpeed;
    this.outputSpeed = from.outputSpeed;
  }

  copy(): Termios {
    const copy = new Termios();
    copy.assign(this);
    return copy;
  }

  static {
    stateClass("Termios", this);
  }
}

/**
 * Undoes changes of `next` to what `locked` names: flags by their bits, characters by a value other than 0
 * (TIOCSLCKTRMIOS, ioctl_tty(2)).
 */
export function keepLocked(next: Termios, present: Termios, locked: Termios): void {
  const merge = (fresh: number, old: number, lock: number): number => ((fresh & ~lock) | (old & lock)) >>> 0;
  next.iflag = merge(next.iflag, present.iflag, locked.iflag);
  next.oflag = merge(next.oflag, present.oflag, locked.oflag);
  next.cflag = merge(next.cflag, present.cflag, locked.cflag);
  next.lflag = merge(next.lflag, present.lflag, locked.lflag);
  if (locked.line !== 0) next.line = present.line;
  for (let index = 0; index < NCCS; index++) if (locked.cc[index] !== 0) next.cc[index] = present.cc[index]!;
}

/** The forms that settings have for programs, from the oldest to the youngest. */
export type TermiosForm = typeof Termio | typeof TermiosLayout | typeof Termios2;

/** Copies the settings out: 0 or −EFAULT. */
export function storeTermios(task: TtyCaller, address: number, termios: Termios, form: TermiosForm): number {
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, form.size);
  if (form === Termio) {
    view.setUint16(Termio.offset.c_iflag, termios.iflag & 0xffff, true);
    view.setUint16(Termio.offset.c_oflag, termios.oflag & 0xffff, true);
    view.setUint16(Termio.offset.c_cflag, termios.cflag & 0xffff, true);
    view.setUint16(Termio.offset.c_lflag, termios.lflag & 0xffff, true);
    u8[Termio.offset.c_line] = termios.line;
    u8.set(termios.cc.subarray(0, NCC), Termio.offset.c_cc);
  } else {
    // The third begins as the second.
    view.setUint32(Termios2.offset.c_iflag, termios.iflag, true);
    view.setUint32(Termios2.offset.c_oflag, termios.oflag, true);
    view.setUint32(Termios2.offset.c_cflag, termios.cflag, true);
    view.setUint32(Termios2.offset.c_lflag, termios.lflag, true);
    u8[Termios2.offset.c_line] = termios.line;
    u8.set(termios.cc, Termios2.offset.c_cc);
    view.setUint32(Termios2.offset.c_ispeed, termios.inputSpeed, true);
    view.setUint32(Termios2.offset.c_ospeed, termios.outputSpeed, true);
  }
  return task.space.copyOut(address, u8, 0, form.size);
}

/** Reads settings into `termios`, which holds the present ones: 0 or −EFAULT. */
export function loadTermios(task: TtyCaller, address: number, termios: Termios, form: TermiosForm): number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(address, u8, 0, form.size) < 0) return -EFAULT;
  if (form === Termio) {
    termios.iflag = (termios.iflag & 0xffff0000) | view.getUint16(Termio.offset.c_iflag, true);
    termios.oflag = (termios.oflag & 0xffff0000) | view.getUint16(Termio.offset.c_oflag, true);
    termios.cflag = (termios.cflag & 0xffff0000) | view.getUint16(Termio.offset.c_cflag, true);
    termios.lflag = (termios.lflag & 0xffff0000) | view.getUint16(Termio.offset.c_lflag, true);
    termios.line = u8[Termio.offset.c_line]!;
    termios.cc.set(u8.subarray(Termio.offset.c_cc, Termio.offset.c_cc + NCC));
  } else {
    termios.iflag = view.getUint32(Termios2.offset.c_iflag, true);
    termios.oflag = view.getUint32(Termios2.offset.c_oflag, true);
    termios.cflag = view.getUint32(Termios2.offset.c_cflag, true);
    termios.lflag = view.getUint32(Termios2.offset.c_lflag, true);
    termios.line = u8[Termios2.offset.c_line]!;
    termios.cc.set(u8.subarray(Termios2.offset.c_cc, Termios2.offset.c_cc + NCCS));
  }
  const isOtherRate = (termios.cflag & CBAUD) === BOTHER;
  if (form === Termios2 && isOtherRate) {
    termios.inputSpeed = view.getUint32(Termios2.offset.c_ispeed, true);
    termios.outputSpeed = view.getUint32(Termios2.offset.c_ospeed, true);
  } else if (!isOtherRate) {
    const code = termios.cflag & CBAUD;
    const rate = BAUD_RATES[(code & CBAUDEX) !== 0 ? (code & 0xf) + 15 : code] ?? 38400;
    termios.inputSpeed = rate;
    termios.outputSpeed = rate;
  }
  return 0;
}
