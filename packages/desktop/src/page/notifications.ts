/** What has happened: told for a while at the side, and kept in a list until it is looked at. */
import { create, Menu } from "./widgets/containers.ts";
import { currentLanguage, say } from "./words.ts";

const SHOWN_MS = 6000;
const KEPT_MAX = 50;

export class Notifications {
  readonly element = create("div", "notifications");
  readonly #kept: { readonly text: string; readonly at: Date }[] = [];
  readonly #onCount: (count: number) => void;
  #unseen = 0;

  constructor(onCount: (count: number) => void) {
    this.#onCount = onCount;
    this.element.setAttribute("role", "status");
    this.element.setAttribute("aria-live", "polite");
  }

  add(text: string): void {
    this.#kept.unshift({ text, at: new Date() });
    this.#kept.length = Math.min(this.#kept.length, KEPT_MAX);
    this.#onCount(++this.#unseen);
    const shown = create("p", "notification");
    shown.textContent = text;
    this.element.append(shown);
    const timer = setTimeout(() => shown.remove(), SHOWN_MS);
    shown.addEventListener("click", () => {
      clearTimeout(timer);
      shown.remove();
    });
  }

  /** All that are kept, as a menu. */
  open(at: { readonly x: number; readonly y: number }): void {
    this.#unseen = 0;
    this.#onCount(0);
    const time = new Intl.DateTimeFormat(currentLanguage(), { timeStyle: "short" });
    const items = this.#kept.map(({ text, at: when }) => ({ text: `${time.format(when)}  ${text}`, act: () => {} }));
    const clear = { text: say("clear"), act: () => void this.#kept.splice(0) };
    new Menu(
      say("notifications"),
      items.length === 0 ? [{ text: say("noNotifications"), act: () => {} }] : [...items, "line", clear],
    ).open(document.body, at);
  }
}
