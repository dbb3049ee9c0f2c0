/**
 * Bytes that programs write to a text console, as what they do to it: UTF-8, control characters, and the escape
 * sequences of console_codes(4), which is what terminfo's `linux` has. What it does not know is passed over. Work: what
 * is written; a sequence repeats nothing more often than the screen has cells.
 */
import { stateClass } from "@stratos/base";
import { setRendition } from "./rendition.ts";
import { widthOf } from "./character-width.ts";
import type { TextScreen } from "./text-screen.ts";

/** Where in a sequence the bytes are. */
const GROUND = 0,
  ESCAPE = 1,
  CONTROL = 2,
  /** ESC ( and the like: one more. */
  CHARSET = 3,
  /** ESC % */
  CODING = 4,
  /** ESC #: one more. */
  HASH = 5,
  /** OSC, DCS and the like: text up to BEL or ST. */
  STRING = 6,
  STRING_ESCAPE = 7,
  /** OSC P: seven hexadecimal digits. */
  PALETTE = 8,
  OSC = 9;

/** As Linux has it. */
const PARAMETERS_MAX = 16;
const PARAMETER_MAX = 0xffff;
const REPLACEMENT = 0xfffd;
const BLANK = 0x20;
const [ESC, CAN, SUB] = [0x1b, 0x18, 0x1a];
/** DEC's special graphics, from ` on (vt100 user guide, table 3-9). */
const GRAPHICS = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·";

/** What the console is to answer, and what the keyboard is told. */
interface ConsoleOwner {
  answer(text: string): void;
}

export class EscapeCodes {
  #screen: TextScreen;
  #owner: ConsoleOwner;
  /** DECCKM: arrows are ESC O A … */
  hasApplicationArrows = false;
  /** LNM: a line feed returns, too. */
  returnsWithLine = false;
  #state = GROUND;
  #parameters = new Int32Array(PARAMETERS_MAX);
  #count = 0;
  /** Of a control sequence: ?, >, = or !; 0: none. */
  #prefix = 0;
  /** It has an intermediate byte: none of ours. */
  #isForeign = false;
  #character = 0;
  #missing = 0;
  #least = 0;
  /** G0 and G1: whether they are DEC's graphics; which of them is in use. */
  #sets = [false, false];
  #set = 0;
  #designated = 0;
  #savedSets: readonly (boolean | number)[] = [];
  #palette = "";

  constructor(screen: TextScreen, owner: ConsoleOwner) {
    this.#screen = screen;
    this.#owner = owner;
  }

  write(bytes: Uint8Array, start: number, count: number): void {
    for (let at = start; at < start + count; at++) this.#byte(bytes[at]!);
  }

  #byte(byte: number): void {
    if (this.#missing > 0) {
      if ((byte & 0xc0) === 0x80) {
        this.#character = (this.#character << 6) | (byte & 0x3f);
        if (--this.#missing === 0) this.#decoded();
        return;
      }
      this.#missing = 0;
      this.#put(REPLACEMENT);
    }
    if (byte < 0x20 || byte === 0x7f) {
      if (this.#state >= STRING) this.#inString(byte);
      else this.#control(byte);
    } else if (this.#state !== GROUND) this.#inSequence(byte);
    else if (byte < 0x80) this.#put(byte);
    else this.#lead(byte);
  }

  #lead(byte: number): void {
    [this.#missing, this.#least] =
      byte >= 0xc2 && byte < 0xe0 ? [1, 0x80] : byte >= 0xe0 && byte < 0xf0 ? [2, 0x800] : [3, 0x10000];
    if (byte < 0xc2 || byte > 0xf4) {
      this.#missing = 0;
      this.#put(REPLACEMENT);
      return;
    }
    this.#character = byte & (0x3f >> this.#missing);
  }

  #decoded(): void {
    const character = this.#character;
    const isWrong = character < this.#least || character > 0x10ffff || (character >= 0xd800 && character < 0xe000);
    // Controls of ISO 6429 that came as two bytes.
    if (!isWrong && character >= 0x80 && character < 0xa0) this.#c1(character);
    else this.#put(isWrong ? REPLACEMENT : character);
  }

  #put(character: number): void {
    const width = widthOf(character);
    if (width === 0) return;
    const isGraphics = this.#sets[this.#set] === true && character >= 0x60 && character < 0x7f;
    this.#screen.put(isGraphics ? GRAPHICS.charCodeAt(character - 0x60) : character);
    // The font has none of those that take two cells, but programs count on them.
    if (width === 2) this.#screen.put(BLANK);
  }

  /** Controls act within a sequence, too. */
  #control(byte: number): void {
    const screen = this.#screen;
    switch (byte) {
      case 8:
        screen.moveTo(screen.column - 1, screen.cursorRow);
        return;
      case 9:
        screen.nextTab();
        return;
      case 10:
      case 11:
      case 12:
        screen.lineFeed();
        if (this.returnsWithLine) screen.moveTo(0, screen.cursorRow);
        return;
      case 13:
        screen.moveTo(0, screen.cursorRow);
        return;
      case 14:
      case 15:
        this.#set = byte === 14 ? 1 : 0;
        return;
      case CAN:
      case SUB:
        this.#state = GROUND;
        return;
      case ESC:
        this.#state = ESCAPE;
        return;
    }
  }

  #inString(byte: number): void {
    if (byte === 7 || byte === CAN || byte === SUB) this.#state = GROUND;
    else if (byte === ESC) this.#state = STRING_ESCAPE;
  }

  #inSequence(byte: number): void {
    const state = this.#state;
    switch (state) {
      case ESCAPE:
        this.#escape(byte);
        return;
      case CONTROL:
        this.#inControl(byte);
        return;
      case CHARSET:
        this.#sets[this.#designated] = byte === 0x30;
        break;
      case HASH:
        if (byte === 0x38) this.#screen.fillWith(0x45);
        break;
      case STRING:
        return;
      case STRING_ESCAPE:
        // ST, or another sequence that ends the text.
        if (byte !== 0x5c) this.#escape(byte);
        else this.#state = GROUND;
        return;
      case OSC:
        this.#state = byte === 0x50 ? PALETTE : STRING;
        this.#palette = "";
        if (byte !== 0x52) return;
        this.#screen.restoreColours();
        break;
      case PALETTE:
        this.#palette += String.fromCharCode(byte);
        if (!/^[0-9a-f]+$/i.test(this.#palette)) break;
        if (this.#palette.length < 7) return;
        this.#screen.setColour(parseInt(this.#palette[0]!, 16), parseInt(this.#palette.slice(1), 16));
        break;
      case CODING:
        break;
    }
    this.#state = GROUND;
  }

  #escape(byte: number): void {
    this.#state = GROUND;
    switch (byte) {
      case 0x28: // (
      case 0x29: // )
        this.#designated = byte - 0x28;
        this.#state = CHARSET;
        return;
      case 0x25: // %
        this.#state = CODING;
        return;
      case 0x23: // #
        this.#state = HASH;
        return;
      case 0x37: // 7
        this.#saveCursor();
        return;
      case 0x38: // 8
        this.#restoreCursor();
        return;
      case 0x63: // c
        this.reset();
        return;
      default:
        if (byte >= 0x40 && byte < 0x60) this.#c1(byte + 0x40);
    }
  }

  /** ESC c, and what a console begins with. */
  reset(): void {
    this.hasApplicationArrows = false;
    this.returnsWithLine = false;
    this.#sets = [false, false];
    this.#set = 0;
    this.#screen.reset();
  }

  #saveCursor(): void {
    this.#savedSets = [...this.#sets, this.#set];
    this.#screen.saveCursor();
  }

  #restoreCursor(): void {
    const [first, second, set] = this.#savedSets;
    this.#sets = [first === true, second === true];
    this.#set = set === 1 ? 1 : 0;
    this.#screen.restoreCursor();
  }

  #c1(code: number): void {
    const screen = this.#screen;
    this.#state = GROUND;
    switch (code) {
      case 0x84: // IND
        screen.lineFeed();
        return;
      case 0x85: // NEL
        screen.lineFeed();
        screen.moveTo(0, screen.cursorRow);
        return;
      case 0x88: // HTS
        screen.setTab();
        return;
      case 0x8d: // RI
        screen.reverseLineFeed();
        return;
      case 0x9a: // DECID
        this.#owner.answer("\x1b[?6c");
        return;
      case 0x9b: // CSI
        this.#state = CONTROL;
        this.#parameters.fill(0);
        this.#count = 0;
        this.#prefix = 0;
        this.#isForeign = false;
        return;
      case 0x9d:
        this.#state = OSC;
        return;
      case 0x90:
      case 0x98:
      case 0x9e:
      case 0x9f:
        this.#state = STRING;
        return;
    }
  }

  #inControl(byte: number): void {
    const digit = byte - 0x30;
    if (digit >= 0 && digit <= 9) {
      const at = this.#count;
      this.#parameters[at] = Math.min(PARAMETER_MAX, this.#parameters[at]! * 10 + digit);
    } else if (byte === 0x3b || byte === 0x3a) {
      if (this.#count < PARAMETERS_MAX - 1) this.#count++;
    } else if (byte >= 0x3c && byte < 0x40) this.#prefix = byte;
    // CSI [ and a byte: what a function key would send.
    else if (byte === 0x5b) this.#isForeign = true;
    else if (byte < 0x40) this.#isForeign = true;
    else {
      this.#state = GROUND;
      if (!this.#isForeign && this.#prefix === 0) this.#act(byte);
      else if (!this.#isForeign && this.#prefix === 0x3f && (byte === 0x68 || byte === 0x6c))
        for (let at = 0; at <= this.#count; at++) this.#privateMode(this.#parameters[at]!, byte === 0x68);
    }
  }

  #act(byte: number): void {
    const screen = this.#screen;
    const { column, cursorRow: row } = screen;
    const first = this.#parameters[0]!;
    const count = Math.max(1, first);
    switch (String.fromCharCode(byte)) {
      case "@":
        return screen.insertCells(count);
      case "A":
        return this.#moveBy(0, -count);
      case "B":
      case "e":
        return this.#moveBy(0, count);
      case "C":
      case "a":
        return this.#moveBy(count, 0);
      case "D":
        return this.#moveBy(-count, 0);
      case "E":
        return this.#moveBy(-screen.columns, count);
      case "F":
        return this.#moveBy(-screen.columns, -count);
      case "G":
      case "`":
        return screen.moveTo(count - 1, row);
      case "H":
      case "f":
        return screen.moveTo(this.#parameters[1]! - 1, count - 1);
      case "J":
        return this.#eraseScreen(first);
      case "K":
        if (first === 0) screen.eraseCells(column, screen.columns);
        else if (first === 1) screen.eraseCells(0, column + 1);
        else if (first === 2) screen.eraseCells(0, screen.columns);
        return;
      case "L":
        return screen.insertRows(count);
      case "M":
        return screen.insertRows(-count);
      case "P":
        return screen.deleteCells(count);
      case "S":
        return screen.scroll(count);
      case "T":
        return screen.scroll(-count);
      case "X":
        return screen.eraseCells(column, column + count);
      case "c":
        if (first === 0) this.#owner.answer("\x1b[?6c");
        return;
      case "d":
        return screen.moveTo(column, count - 1);
      case "g":
        if (first === 0) screen.clearTab();
        else if (first === 3) screen.clearTabs();
        return;
      case "h":
      case "l":
        for (let at = 0; at <= this.#count; at++) this.#mode(this.#parameters[at]!, byte === 0x68);
        return;
      case "m":
        return setRendition(screen, this.#parameters, this.#count + 1);
      case "n":
        if (first === 5) this.#owner.answer("\x1b[0n");
        else if (first === 6) this.#owner.answer(`\x1b[${row + 1};${column + 1}R`);
        return;
      case "r": {
        const last = this.#parameters[1]!;
        return screen.setRegion(count - 1, last === 0 ? screen.rows : Math.min(last, screen.rows));
      }
      case "s":
        return this.#saveCursor();
      case "u":
        return this.#restoreCursor();
    }
  }

  /** Within the region, when the cursor is there (VT100); from outside up to the screen's edge. */
  #moveBy(columns: number, rows: number): void {
    const screen = this.#screen;
    const { row, top, bottom } = screen;
    const [first, end] = row >= top && row < bottom ? [top, bottom] : [0, screen.rows];
    const to = Math.min(end - 1, Math.max(first, row + rows));
    screen.moveTo(screen.column + columns, screen.cursorRow + to - row);
  }

  #eraseScreen(what: number): void {
    const screen = this.#screen;
    if (what === 0) {
      screen.eraseCells(screen.column, screen.columns);
      screen.eraseRows(screen.row + 1, screen.rows);
    } else if (what === 1) {
      screen.eraseRows(0, screen.row);
      screen.eraseCells(0, screen.column + 1);
    } else if (what === 2 || what === 3) screen.eraseRows(0, screen.rows);
  }

  #mode(mode: number, isOn: boolean): void {
    if (mode === 4) this.#screen.isInserting = isOn;
    else if (mode === 20) this.returnsWithLine = isOn;
  }

  #privateMode(mode: number, isOn: boolean): void {
    const screen = this.#screen;
    switch (mode) {
      case 1:
        this.hasApplicationArrows = isOn;
        return;
      case 5:
        return screen.reverseScreen(isOn);
      case 6:
        screen.isOriginRelative = isOn;
        return screen.moveTo(0, 0);
      case 7:
        screen.wraps = isOn;
        return;
      case 25:
        return screen.showCursor(isOn);
    }
  }

  static {
    stateClass("EscapeCodes", this, {
      save: (it) => ({
        ...{ screen: it.#screen, owner: it.#owner, state: it.#state, parameters: it.#parameters, count: it.#count },
        ...{ prefix: it.#prefix, isForeign: it.#isForeign, character: it.#character, missing: it.#missing },
        ...{ least: it.#least, sets: it.#sets, set: it.#set, designated: it.#designated, palette: it.#palette },
        savedSets: it.#savedSets,
      }),
      load: (it, from) => {
        ({ screen: it.#screen, owner: it.#owner, state: it.#state, parameters: it.#parameters } = from);
        ({ count: it.#count, prefix: it.#prefix, isForeign: it.#isForeign, character: it.#character } = from);
        ({ missing: it.#missing, least: it.#least, sets: it.#sets, set: it.#set } = from);
        ({ designated: it.#designated, palette: it.#palette, savedSets: it.#savedSets } = from);
      },
    });
  }
}
