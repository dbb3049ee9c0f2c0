/**
 * N_TTY: what a terminal does with its input. Read first: termios(3), "Canonical and noncanonical mode"; the rules in
 * doubtful cases are those of Linux drivers/tty/n_tty.c.
 *
 * ```
 * tail          canonicalHead            head          indexes grow for ever; & MASK gives the place
 *  | complete lines   | line being edited  |
 * ``` A set flag marks the byte that ends a line: a newline or EOL character, or a zero that stands for EOF and is not
 * delivered. Invariant: tail ≤ canonicalHead ≤ head ≤ tail + SIZE.
 */
import {
  ECHO,
  ECHOE,
  ECHOK,
  ECHOKE,
  ECHONL,
  ECHOPRT,
  ECHOCTL,
  EXTPROC,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IUCLC,
  IXANY,
  IXON,
  NOFLSH,
  PARMRK,
  SIGINT,
  SIGQUIT,
  SIGTSTP,
  VEOF,
  VEOL,
  VEOL2,
  VERASE,
  VINTR,
  VKILL,
  VLNEXT,
  VQUIT,
  VREPRINT,
  VSTART,
  VSTOP,
  VSUSP,
  VWERASE,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { IoCursor } from "../ground/io-cursor.ts";
import { lostWith } from "./byte-ring.ts";
import type { Echo } from "./echo.ts";
import { isContinuation, isControl, lowerCase } from "./output-processing.ts";
import type { Termios } from "./termios.ts";

/** N_TTY_BUF_SIZE: the longest line, with its end. */
const INPUT_SIZE = 4096;
const MASK = INPUT_SIZE - 1;

const NEWLINE = 10,
  CARRIAGE_RETURN = 13,
  TAB = 9,
  BACKSPACE = 8,
  CARET = 94,
  BACKSLASH = 92;
/** _POSIX_VDISABLE, and the place holder of an EOF. */
const DISABLED = 0;

/** What the discipline asks of its terminal. */
export interface DisciplineOwner {
  /** Sends a signal to the foreground process group. */
  signalForeground(signal: number): void;
  /** Drops output that has not been taken yet, after a signal character. */
  flushOutput(): void;
  /** Input was dropped (packet mode tells it). */
  inputFlushed(): void;
  inputReady(): void;
  readonly isStopped: boolean;
  stopOutput(): void;
  startOutput(): void;
}

export class LineDiscipline {
  #termios: Termios;
  #echo: Echo;
  #owner: DisciplineOwner;
  #bytes = new Uint8Array(INPUT_SIZE);
  #ends = new Uint8Array(INPUT_SIZE);
  #head = 0;
  #tail = 0;
  #canonicalHead = 0;
  #takesNextLiterally = false;
  /**
   * Bytes of the line that were looked at again, to erase or to show them: work beyond that of the byte that was typed.
   */
  walked = 0;

  constructor(termios: Termios, echo: Echo, owner: DisciplineOwner) {
    this.#termios = termios;
    this.#echo = echo;
    this.#owner = owner;
  }

  get #isCanonical(): boolean {
    return (this.#termios.lflag & (ICANON | EXTPROC)) === ICANON;
  }

  /** Does canonical reading have a line, or an end of file? */
  get hasLine(): boolean {
    return this.#canonicalHead !== this.#tail;
  }

  /** Bytes for non-canonical reading. */
  get available(): number {
    return this.#head - this.#tail;
  }

  /** FIONREAD: bytes a read could get now. */
  get readable(): number {
    if (!this.#isCanonical) return this.available;
    let count = 0;
    for (let at = this.#tail; at !== this.#canonicalHead; at++) if (!this.#isEndOfFile(at)) count++;
    return count;
  }

  #isEndOfFile(at: number): boolean {
    return this.#ends[at & MASK] === 1 && this.#bytes[at & MASK] === DISABLED;
  }

  /**
   * Takes input; returns how many bytes it took: fewer than `count` when the buffer is full and no line is being edited
   * in it.
   */
  receive(bytes: Uint8Array, start: number, count: number): number {
    let taken = 0;
    while (taken < count) {
      if (this.#head - this.#tail >= INPUT_SIZE - 1) {
        if (!this.#isCanonical || this.#canonicalHead !== this.#tail) break;
        // One endless line: what is beyond the buffer replaces its last byte, so that the end of the line can still
        // come.
        if (this.#head - this.#tail >= INPUT_SIZE) this.#head--;
      }
      this.#character(bytes[start + taken]!);
      taken++;
    }
    if (taken > 0 && !this.#isCanonical && this.available > 0) this.#owner.inputReady();
    return taken;
  }

  #character(byte: number): void {
    const { iflag, lflag, cc } = this.#termios;
    if ((iflag & ISTRIP) !== 0) byte &= 0x7f;
    if ((iflag & IUCLC) !== 0 && (lflag & IEXTEN) !== 0) byte = lowerCase(byte);
    if (this.#takesNextLiterally) {
      this.#takesNextLiterally = false;
      this.#ordinary(byte);
      return;
    }
    if ((lflag & EXTPROC) !== 0) {
      this.#put(byte);
      return;
    }
    if (byte === DISABLED) {
      this.#ordinary(byte);
      return;
    }
    if ((iflag & IXON) !== 0) {
      if (byte === cc[VSTART]) {
        this.#owner.startOutput();
        return;
      }
      if (byte === cc[VSTOP]) {
        this.#owner.stopOutput();
        return;
      }
    }
    if ((lflag & ISIG) !== 0) {
      const signal = byte === cc[VINTR] ? SIGINT : byte === cc[VQUIT] ? SIGQUIT : byte === cc[VSUSP] ? SIGTSTP : 0;
      if (signal !== 0) {
        this.#signalCharacter(signal, byte);
        return;
      }
    }
    if (byte === CARRIAGE_RETURN) {
      if ((iflag & IGNCR) !== 0) {
        this.#restart();
        return;
      }
      if ((iflag & ICRNL) !== 0) byte = NEWLINE;
      else return this.#ordinary(byte);
    } else if (byte === NEWLINE) {
      if ((iflag & INLCR) !== 0) byte = CARRIAGE_RETURN;
      else if ((lflag & ICANON) === 0) return this.#ordinary(byte);
    }
    this.#restart();
    if ((lflag & ICANON) !== 0 && this.#editing(byte)) return;
    if (byte !== NEWLINE) return this.#ordinary(byte);
    if ((lflag & ECHO) !== 0) {
      this.#echo.finishErasing();
      this.#echo.raw(NEWLINE);
    }
    this.#put(NEWLINE);
  }

  /** IXANY: any character lets stopped output go on. */
  #restart(): void {
    if (this.#owner.isStopped && (this.#termios.iflag & (IXON | IXANY)) === (IXON | IXANY)) this.#owner.startOutput();
  }

  #ordinary(byte: number): void {
    this.#restart();
    if ((this.#termios.lflag & ECHO) !== 0) {
      this.#echo.finishErasing();
      if (this.#canonicalHead === this.#head) this.#echo.markLineStart();
      this.#echo.shown(byte);
    }
    if (byte === 0xff && (this.#termios.iflag & PARMRK) !== 0) this.#put(byte);
    this.#put(byte);
  }

  #put(byte: number): void {
    if (this.#head - this.#tail >= INPUT_SIZE) return;
    this.#bytes[this.#head & MASK] = byte;
    this.#ends[this.#head & MASK] = 0;
    this.#head++;
  }

  #signalCharacter(signal: number, byte: number): void {
    const { iflag, lflag } = this.#termios;
    this.#owner.signalForeground(signal);
    if ((lflag & NOFLSH) === 0) {
      this.#owner.flushOutput();
      this.flush();
    }
    if ((iflag & IXON) !== 0) this.#owner.startOutput();
    if ((lflag & ECHO) !== 0) this.#echo.shown(byte);
  }

  /** Canonical mode's own characters; returns whether `byte` was one. */
  #editing(byte: number): boolean {
    const { lflag, cc } = this.#termios;
    const isExtended = (lflag & IEXTEN) !== 0;
    if (byte === cc[VERASE] || byte === cc[VKILL] || (isExtended && byte === cc[VWERASE])) {
      this.#erase(byte);
      return true;
    }
    if (isExtended && byte === cc[VLNEXT]) {
      this.#takesNextLiterally = true;
      if ((lflag & ECHO) !== 0) {
        this.#echo.finishErasing();
        if ((lflag & ECHOCTL) !== 0) {
          this.#echo.raw(CARET);
          this.#echo.raw(BACKSPACE);
        }
      }
      return true;
    }
    if (isExtended && (lflag & ECHO) !== 0 && byte === cc[VREPRINT]) {
      this.#echo.finishErasing();
      this.#echo.shown(byte);
      this.#echo.raw(NEWLINE);
      // What the echo has no room for would be lost; and it costs the more the more often it is asked for.
      for (let at = this.#canonicalHead; at !== this.#head && this.#echo.hasRoom; at++) {
        this.#echo.shown(this.#bytes[at & MASK]!);
        this.walked++;
      }
      return true;
    }
    if (byte === NEWLINE) {
      if ((lflag & (ECHO | ECHONL)) !== 0) this.#echo.raw(NEWLINE);
      this.#endLine(NEWLINE);
      return true;
    }
    if (byte === cc[VEOF]) {
      this.#endLine(DISABLED);
      return true;
    }
    if (byte === cc[VEOL] || (isExtended && byte === cc[VEOL2])) {
      if ((lflag & ECHO) !== 0) {
        if (this.#canonicalHead === this.#head) this.#echo.markLineStart();
        this.#echo.shown(byte);
      }
      this.#endLine(byte);
      return true;
    }
    return false;
  }

  #endLine(byte: number): void {
    this.#bytes[this.#head & MASK] = byte;
    this.#ends[this.#head & MASK] = 1;
    this.#head++;
    this.#canonicalHead = this.#head;
    this.#owner.inputReady();
  }

  #erase(byte: number): void {
    const { lflag, cc } = this.#termios;
    if (this.#head === this.#canonicalHead) return;
    const echoes = (lflag & ECHO) !== 0;
    const isErase = byte === cc[VERASE];
    const isWordErase = !isErase && byte === cc[VWERASE] && (lflag & IEXTEN) !== 0;
    if (!isErase && !isWordErase) {
      const whole = ECHOK | ECHOKE | ECHOE;
      if (!echoes || (lflag & whole) !== whole) {
        this.#head = this.#canonicalHead;
        if (!echoes) return;
        this.#echo.finishErasing();
        this.#echo.shown(cc[VKILL]!);
        if ((lflag & ECHOK) !== 0) this.#echo.raw(NEWLINE);
        return;
      }
    }
    let hasSeenWord = false;
    while (this.#head !== this.#canonicalHead) {
      let at = this.#head;
      let first: number;
      do first = this.#bytes[--at & MASK]!;
      while (isContinuation(first, this.#termios) && at !== this.#canonicalHead);
      this.walked += this.#head - at;
      // Never half a character.
      if (isContinuation(first, this.#termios)) break;
      if (isWordErase) {
        if (isWordByte(first)) hasSeenWord = true;
        else if (hasSeenWord) break;
      }
      const end = this.#head;
      this.#head = at;
      if (echoes) this.#echoErased(first, at, end, isErase);
      if (isErase) break;
    }
    if (echoes && this.#head === this.#canonicalHead) this.#echo.finishErasing();
  }

  /** Shows that the character `[at, end)` is gone. */
  #echoErased(first: number, at: number, end: number, isErase: boolean): void {
    const { lflag, cc } = this.#termios;
    const echo = this.#echo;
    if ((lflag & ECHOPRT) !== 0) {
      if (!echo.isErasing) {
        echo.raw(BACKSLASH);
        echo.isErasing = true;
      }
      echo.shown(first);
      for (let rest = at + 1; rest < end; rest++) {
        echo.raw(this.#bytes[rest & MASK]!);
        echo.moveBack();
      }
    } else if (isErase && (lflag & ECHOE) === 0) echo.shown(cc[VERASE]!);
    else if (first === TAB) this.#echoErasedTab();
    else {
      const isShownAsTwo = isControl(first) && (lflag & ECHOCTL) !== 0;
      if (isShownAsTwo) echo.rubOut();
      if (!isControl(first) || isShownAsTwo) echo.rubOut();
    }
  }

  /** How far a tab went depends on what stands before it. */
  #echoErasedTab(): void {
    let columns = 0;
    let isAfterTab = false;
    for (let at = this.#head; at !== this.#canonicalHead;) {
      const byte = this.#bytes[--at & MASK]!;
      this.walked++;
      if (byte === TAB) {
        isAfterTab = true;
        break;
      }
      if (isControl(byte)) columns += (this.#termios.lflag & ECHOCTL) !== 0 ? 2 : 0;
      else if (!isContinuation(byte, this.#termios)) columns++;
    }
    this.#echo.rubOutTab(columns, isAfterTab);
  }

  /**
   * Moves (a part of) the first line to the cursor: the count, 0 at an end of file, or −EFAULT. The caller has seen
   * `hasLine`.
   */
  takeLine(to: IoCursor): number {
    const limit = Math.min(this.#canonicalHead, this.#tail + to.remaining + 1);
    let end = this.#tail;
    while (end < limit && this.#ends[end & MASK] === 0) end++;
    const hasEnd = end < limit;
    const endsFile = hasEnd && this.#bytes[end & MASK] === DISABLED;
    const count = Math.min(to.remaining, endsFile || !hasEnd ? end - this.#tail : end + 1 - this.#tail);
    const moved = this.#move(to, count);
    if (moved < 0) return moved;
    // The mark of an end of file is consumed with what comes before it, so that it is not met again.
    if (endsFile && moved === count) this.#tail++;
    return moved;
  }

  /** Moves what is there: the count or −EFAULT. */
  takeBytes(to: IoCursor): number {
    const count = Math.min(to.remaining, this.available);
    const { lflag, cc } = this.#termios;
    // Of lines that others edit a single VEOF is their end (drivers/tty/n_tty.c, copy_from_read_buf).
    const areLines = (lflag & ICANON) !== 0 && (lflag & EXTPROC) !== 0;
    const isEnd = areLines && count === 1 && this.#bytes[this.#tail & MASK] === cc[VEOF];
    const moved = isEnd ? 0 : this.#move(to, count);
    if (isEnd) this.#tail++;
    if (this.#canonicalHead < this.#tail) this.#canonicalHead = this.#tail;
    return moved;
  }

  #move(to: IoCursor, count: number): number {
    let moved = 0;
    while (moved < count) {
      const at = this.#tail & MASK;
      const part = Math.min(count - moved, INPUT_SIZE - at);
      const done = to.put(this.#bytes, at, part);
      if (done < part) {
        const put = moved + Math.max(done, 0);
        this.#tail += lostWith(put, count) - moved;
        return put > 0 ? put : done;
      }
      this.#tail += done;
      moved += done;
    }
    return moved;
  }

  /** Drops all input, and what of it is not shown yet; what is typed next may be meant literally all the same. */
  flush(): void {
    this.#tail = this.#canonicalHead = this.#head;
    this.#echo.clear();
    this.#echo.isErasing = false;
    this.#owner.inputFlushed();
  }

  /** The settings changed from `before`: what is in the buffer takes its place in the other mode. */
  modeChanged(before: Termios): void {
    if (((before.lflag ^ this.#termios.lflag) & (ICANON | EXTPROC)) === 0) return;
    this.#ends.fill(0);
    if (!this.#isCanonical || this.available === 0) this.#canonicalHead = this.#tail;
    else {
      // What was typed in raw mode becomes a line of its own.
      this.#ends[(this.#head - 1) & MASK] = 1;
      this.#canonicalHead = this.#head;
    }
    this.#echo.isErasing = false;
    this.#takesNextLiterally = false;
  }

  static {
    stateClass("LineDiscipline", this, {
      save: (it) => ({
        termios: it.#termios,
        echo: it.#echo,
        owner: it.#owner,
        bytes: it.#bytes,
        ends: it.#ends,
        head: it.#head,
        tail: it.#tail,
        canonicalHead: it.#canonicalHead,
        takesNextLiterally: it.#takesNextLiterally,
      }),
      load: (it, from) =>
        ({
          termios: it.#termios,
          echo: it.#echo,
          owner: it.#owner,
          bytes: it.#bytes,
          ends: it.#ends,
          head: it.#head,
          tail: it.#tail,
          canonicalHead: it.#canonicalHead,
          takesNextLiterally: it.#takesNextLiterally,
        } = from),
    });
  }
}

/** Letters, digits (Latin-1 ones too, which the first bytes of UTF-8 characters look like) and the underscore. */
function isWordByte(byte: number): boolean {
  return (
    (byte >= 48 && byte <= 57) ||
    (byte >= 65 && byte <= 90) ||
    (byte >= 97 && byte <= 122) ||
    byte === 95 ||
    (byte >= 0xc0 && byte !== 0xd7 && byte !== 0xf7)
  );
}
