/** Keys of a page by their places (UI Events, KeyboardEvent.code), and what the layout `us` writes there. */

/** Numbers of Linux' input-event-codes.h. */
export const KEYS: Readonly<Record<string, number>> = {
  Escape: 1,
  ...row(2, "Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab"),
  ...row(16, "KeyQ KeyW KeyE KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft"),
  ...row(30, "KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL Semicolon Quote Backquote ShiftLeft Backslash"),
  ...row(44, "KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight NumpadMultiply AltLeft Space"),
  ...row(58, "CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9 NumpadSubtract"),
  ...row(75, "Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal"),
  ...row(86, "IntlBackslash F11 F12 IntlRo"),
  ...row(96, "NumpadEnter ControlRight NumpadDivide PrintScreen AltRight"),
  ...row(102, "Home ArrowUp PageUp ArrowLeft ArrowRight End ArrowDown PageDown Insert Delete"),
  ...row(124, "IntlYen MetaLeft MetaRight ContextMenu"),
};

function row(first: number, codes: string): Record<string, number> {
  return Object.fromEntries(codes.split(" ").map((code, index) => [code, first + index]));
}

/** By code: the character, and that with Shift. */
export const US_CHARACTERS: Readonly<Record<string, string>> = {
  ...pairs("Digit", "1! 2@ 3# 4$ 5% 6^ 7& 8* 9( 0)"),
  ...pairs("Key", "aA bB cC dD eE fF gG hH iI jJ kK lL mM nN oO pP qQ rR sS tT uU vV wW xX yY zZ"),
  Minus: "-_",
  Equal: "=+",
  BracketLeft: "[{",
  BracketRight: "]}",
  Semicolon: ";:",
  Quote: "'\"",
  Backquote: "`~",
  Backslash: "\\|",
  Comma: ",<",
  Period: ".>",
  Slash: "/?",
  Space: "  ",
};

function pairs(prefix: string, characters: string): Record<string, string> {
  return Object.fromEntries(characters.split(" ").map((pair) => [prefix + pair[0]!.toUpperCase(), pair]));
}

/** How a character is typed there; null: it can't be. */
export function keyOf(character: string): { readonly key: number; readonly isShifted: boolean } | null {
  if (character === "\n") return { key: KEYS["Enter"]!, isShifted: false };
  if (character === "\t") return { key: KEYS["Tab"]!, isShifted: false };
  for (const [code, pair] of Object.entries(US_CHARACTERS)) {
    const at = pair.indexOf(character);
    if (at >= 0) return { key: KEYS[code]!, isShifted: at === 1 };
  }
  return null;
}
