/** Whether terminals tell a screen reader what they show; kept by the browser for all pages of one origin. */
import type { Terminal } from "@xterm/xterm";

const KEPT = "stratos screen reader";
const CHANGED = "screen-reader";

function isOn(): boolean {
  return localStorage.getItem(KEPT) === "on";
}

/** @returns ends that */
export function followScreenReader(terminal: Terminal): () => void {
  const follow = (): void => void (terminal.options.screenReaderMode = isOn());
  follow();
  document.addEventListener(CHANGED, follow);
  return () => document.removeEventListener(CHANGED, follow);
}

/** A button that turns it on and off. */
export function offerScreenReader(button: HTMLButtonElement): void {
  const show = (): void => button.setAttribute("aria-pressed", String(isOn()));
  show();
  button.addEventListener("click", () => {
    localStorage.setItem(KEPT, isOn() ? "off" : "on");
    show();
    document.dispatchEvent(new Event(CHANGED));
  });
}
