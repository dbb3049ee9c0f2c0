/** Keys of the desktop itself: with Ctrl and Alt, or with the key that has a system's sign. All else is for windows. */
import type { Direction } from "./place.ts";

export type Command =
  | { readonly do: "snap" | "move"; readonly direction: Direction }
  | { readonly do: "workspace" | "send"; readonly to: number }
  | {
      readonly do:
        | "grow"
        | "shrink"
        | "next"
        | "previous"
        | "close"
        | "minimize"
        | "maximize"
        | "fullscreen"
        | "next-monitor";
    }
  | { readonly do: "launcher" | "terminal" | "files" | "window-menu" | "panel" | "lock" | "help" };

/** Of a KeyboardEvent. */
interface KeyPress {
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  /** AltGr, which some systems tell as Ctrl and Alt: it writes characters. */
  readonly isThirdLevel: boolean;
}

const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

const KEYS: Readonly<Record<string, Command>> = {
  Space: { do: "launcher" },
  Enter: { do: "terminal" },
  KeyE: { do: "files" },
  Period: { do: "next" },
  Comma: { do: "previous" },
  Tab: { do: "next" },
  KeyX: { do: "close" },
  KeyM: { do: "minimize" },
  KeyF: { do: "maximize" },
  F11: { do: "fullscreen" },
  KeyN: { do: "next-monitor" },
  Equal: { do: "grow" },
  Minus: { do: "shrink" },
  KeyW: { do: "window-menu" },
  KeyB: { do: "panel" },
  KeyL: { do: "lock" },
  KeyH: { do: "help" },
};

/** @returns null: it is none of the desktop's */
export function commandOf({ code, ctrlKey, altKey, metaKey, shiftKey, isThirdLevel }: KeyPress): Command | null {
  if (isThirdLevel || !((ctrlKey && altKey && !metaKey) || (metaKey && !ctrlKey && !altKey))) return null;
  const direction = ARROWS[code];
  if (direction !== undefined) return { do: shiftKey ? "move" : "snap", direction };
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(code)?.[1];
  if (digit !== undefined) return { do: shiftKey ? "send" : "workspace", to: Number(digit) - 1 };
  if (code === "Tab" && shiftKey) return { do: "previous" };
  return shiftKey ? null : (KEYS[code] ?? null);
}
