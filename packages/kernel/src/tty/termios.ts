import {
  BAUD_RATES,
  B38400,
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
  NCCS,
  ONLCR,
  OPOST,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { TtyCaller } from "./tty-kernel.ts";

/**
 * sizeof(struct termios), termios2 and termio as the kernel has them. Source: Linux
 * include/uapi/asm-generic/termbits.h, termios.h.
 */
export const TERMIOS_SIZE = 36,
  TERMIOS2_SIZE = 44,
  TERMIO_SIZE = 18;
/** c_cc of struct termio. */
const NCC = 8;

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

/** Copies the settings out in the form of `size` bytes: 0 or −EFAULT. */
export function storeTermios(task: TtyCaller, address: number, termios: Termios, size: number): number {
  const { u8, view } = task.kernel.scratch;
  u8.fill(0, 0, TERMIOS2_SIZE);
  if (size === TERMIO_SIZE) {
    view.setUint16(0, termios.iflag & 0xffff, true);
    view.setUint16(2, termios.oflag & 0xffff, true);
    view.setUint16(4, termios.cflag & 0xffff, true);
    view.setUint16(6, termios.lflag & 0xffff, true);
    u8[8] = termios.line;
    u8.set(termios.cc.subarray(0, NCC), 9);
  } else {
    view.setUint32(0, termios.iflag, true);
    view.setUint32(4, termios.oflag, true);
    view.setUint32(8, termios.cflag, true);
    view.setUint32(12, termios.lflag, true);
    u8[16] = termios.line;
    u8.set(termios.cc, 17);
    view.setUint32(36, termios.inputSpeed, true);
    view.setUint32(40, termios.outputSpeed, true);
  }
  return task.space.copyOut(address, u8, 0, size);
}

/** Reads settings of `size` bytes into `termios`, which holds the present ones: 0 or −EFAULT. */
export function loadTermios(task: TtyCaller, address: number, termios: Termios, size: number): number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(address, u8, 0, size) < 0) return -EFAULT;
  if (size === TERMIO_SIZE) {
    termios.iflag = (termios.iflag & 0xffff0000) | view.getUint16(0, true);
    termios.oflag = (termios.oflag & 0xffff0000) | view.getUint16(2, true);
    termios.cflag = (termios.cflag & 0xffff0000) | view.getUint16(4, true);
    termios.lflag = (termios.lflag & 0xffff0000) | view.getUint16(6, true);
    termios.line = u8[8]!;
    termios.cc.set(u8.subarray(9, 9 + NCC));
  } else {
    termios.iflag = view.getUint32(0, true);
    termios.oflag = view.getUint32(4, true);
    termios.cflag = view.getUint32(8, true);
    termios.lflag = view.getUint32(12, true);
    termios.line = u8[16]!;
    termios.cc.set(u8.subarray(17, 17 + NCCS));
  }
  const isOtherRate = (termios.cflag & CBAUD) === BOTHER;
  if (size === TERMIOS2_SIZE && isOtherRate) {
    termios.inputSpeed = view.getUint32(36, true);
    termios.outputSpeed = view.getUint32(40, true);
  } else if (!isOtherRate) {
    const code = termios.cflag & CBAUD;
    const rate = BAUD_RATES[(code & CBAUDEX) !== 0 ? (code & 0xf) + 15 : code] ?? 38400;
    termios.inputSpeed = rate;
    termios.outputSpeed = rate;
  }
  return 0;
}
