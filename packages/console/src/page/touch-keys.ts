/**
 * Keys that keyboards on a screen do not have, in a row below a terminal that may be typed in, where fingers are what
 * is pointed with. Ctrl and Alt are for the next key.
 */
import type { Terminal } from "@xterm/xterm";
import { modifiedText, type Modifiers } from "./modified-text.ts";

interface Key {
  readonly label: string;
  /** For who does not see the sign. */
  readonly name: string;
  readonly text: string;
}

interface TouchKeys {
  /** Goes when the terminal does. */
  readonly element: HTMLElement;
  /** What to send for what the terminal says was typed. */
  typed(text: string): string;
}

const key = (label: string, text: string = label, name = label): Key => ({ label, name, text });
const KEYS: readonly (Key | keyof Modifiers)[] = [
  ...[key("Esc", "\x1b"), key("Tab", "\t")],
  ...(["control", "alt"] as const),
  ...[key("←", "\x1b[D", "Left"), key("↑", "\x1b[A", "Up"), key("↓", "\x1b[B", "Down"), key("→", "\x1b[C", "Right")],
  ...[key("|"), key("/"), key("-"), key("~")],
];

/**
 * @param place  the terminal's own element, behind which they come
 */
export function offerTouchKeys(terminal: Terminal, place: HTMLElement, label: string): TouchKeys {
  const coarse = matchMedia("(pointer: coarse)");
  const row = document.createElement("div");
  row.className = "touch-keys";
  row.setAttribute("role", "toolbar");
  row.setAttribute("aria-label", label);
  const held = { control: false, alt: false };
  const shown = { control: button("Ctrl"), alt: button("Alt") };
  const show = (): void => {
    row.hidden = !coarse.matches || terminal.options.disableStdin === true;
    for (const name of ["control", "alt"] as const) shown[name].setAttribute("aria-pressed", String(held[name]));
  };
  for (const each of KEYS) {
    const made = typeof each === "string" ? shown[each] : button(each.label);
    made.addEventListener("click", () => {
      if (typeof each === "string") held[each] = !held[each];
      else terminal.input(inMode(each.text, terminal.modes.applicationCursorKeysMode));
      show();
    });
    if (typeof each !== "string") made.setAttribute("aria-label", each.name);
    row.append(made);
  }
  // Who is pressed takes no focus, or the screen's keyboard would go.
  row.addEventListener("pointerdown", (event) => event.preventDefault());
  coarse.addEventListener("change", show);
  show();
  place.after(row);
  return {
    element: row,
    typed: (text) => {
      const typed = modifiedText(text, held);
      if (held.control || held.alt) {
        held.control = held.alt = false;
        show();
      }
      return typed;
    },
  };
}

function button(label: string): HTMLButtonElement {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  return made;
}

/** Arrows are others where a program has asked for it (DECCKM). */
function inMode(text: string, isApplication: boolean): string {
  return isApplication ? text.replace(/^\x1b\[/, "\x1bO") : text;
}
