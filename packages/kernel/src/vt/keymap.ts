/**
 * Keys as bytes for a text console: the layout `us`, as Linux has it by itself, and what terminfo's `linux` says of
 * keys that write nothing. Keys are numbers of input-event-codes.h.
 */

/** From a key on: what it and those behind it write, and with Shift. */
const WRITING: readonly (readonly [number, string, string])[] = [
  [2, "1234567890-=", "!@#$%^&*()_+"],
  [16, "qwertyuiop[]", "QWERTYUIOP{}"],
  [30, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [43, "\\zxcvbnm,./", "|ZXCVBNM<>?"],
  [57, " ", " "],
  [86, "<", ">"],
];
/** Of the keypad, where it writes whatever NumLock says. */
const KEYPAD_SIGNS: Readonly<Record<number, string>> = { 55: "*", 74: "-", 78: "+", 98: "/" };
/** … and with NumLock; without it they are the keys behind them. */
const KEYPAD: Readonly<Record<number, readonly [string, number]>> = {
  ...{ 71: ["7", 102], 72: ["8", 103], 73: ["9", 104], 75: ["4", 105], 76: ["5", 0], 77: ["6", 106] },
  ...{ 79: ["1", 107], 80: ["2", 108], 81: ["3", 109], 82: ["0", 110], 83: [".", 111] },
};
const ARROWS: Readonly<Record<number, string>> = { 103: "A", 106: "C", 108: "B", 105: "D" };
const OTHERS: Readonly<Record<number, string>> = {
  ...{ 1: "\x1b", 102: "\x1b[1~", 110: "\x1b[2~", 111: "\x1b[3~", 107: "\x1b[4~", 104: "\x1b[5~", 109: "\x1b[6~" },
  ...{ 59: "\x1b[[A", 60: "\x1b[[B", 61: "\x1b[[C", 62: "\x1b[[D", 63: "\x1b[[E", 64: "\x1b[17~", 65: "\x1b[18~" },
  ...{ 66: "\x1b[19~", 67: "\x1b[20~", 68: "\x1b[21~", 87: "\x1b[23~", 88: "\x1b[24~", 119: "\x1b[P" },
};
/** What Control makes of digits and signs (defkeymap.map of Linux). */
const WITH_CONTROL: Readonly<Record<string, string>> = {
  ...{ "2": "\x00", " ": "\x00", "`": "\x00", "3": "\x1b", "4": "\x1c", "5": "\x1d", "6": "\x1e", "7": "\x1f" },
  ...{ "8": "\x7f", "[": "\x1b", "\\": "\x1c", "]": "\x1d", "-": "\x1f", "/": "\x7f" },
};

const KEY_BACKSPACE = 14,
  KEY_TAB = 15,
  KEY_ENTER = 28,
  KEY_KPENTER = 96;

interface KeyState {
  readonly shift: boolean;
  readonly control: boolean;
  readonly alt: boolean;
  readonly isCapsLocked: boolean;
  readonly isNumLocked: boolean;
  /** DECCKM. */
  readonly hasApplicationArrows: boolean;
  /** LNM. */
  readonly returnsWithLine: boolean;
}

/** @returns characters below 256, one a byte; empty: the key writes nothing */
export function bytesOfKey(key: number, state: KeyState): string {
  const keypad = KEYPAD[key];
  if (keypad !== undefined) {
    if (state.isNumLocked) return withAlt(keypad[0], state);
    return keypad[1] === 0 ? "\x1b[G" : bytesOfKey(keypad[1], state);
  }
  const arrow = ARROWS[key];
  if (arrow !== undefined) return `\x1b${state.hasApplicationArrows ? "O" : "["}${arrow}`;
  switch (key) {
    case KEY_BACKSPACE:
      return withAlt(state.control ? "\b" : "\x7f", state);
    case KEY_TAB:
      return state.shift ? "\x1b[Z" : withAlt("\t", state);
    case KEY_ENTER:
    case KEY_KPENTER:
      return withAlt(state.returnsWithLine ? "\r\n" : "\r", state);
  }
  const sign = KEYPAD_SIGNS[key] ?? written(key, state);
  return sign === "" ? (OTHERS[key] ?? "") : withAlt(sign, state);
}

function written(key: number, { shift, control, isCapsLocked }: KeyState): string {
  for (const [first, plain, shifted] of WRITING) {
    const at = key - first;
    if (at < 0 || at >= plain.length) continue;
    const letter = plain[at]!;
    const isLetter = letter >= "a" && letter <= "z";
    if (!control) return (isLetter && isCapsLocked ? !shift : shift) ? shifted[at]! : letter;
    if (isLetter) return String.fromCharCode(letter.charCodeAt(0) & 0x1f);
    if (shift) return { "2": "\x00", "6": "\x1e", "-": "\x1f", "/": "\x7f" }[letter] ?? "";
    return WITH_CONTROL[letter] ?? "";
  }
  return "";
}

function withAlt(bytes: string, { alt }: KeyState): string {
  return alt ? `\x1b${bytes}` : bytes;
}
