/**
 * What has happened: told for a while at the side, and kept in a list until it is looked at. Of the desktop itself, and
 * of programs, which are told how theirs ended.
 */
import type { ProgramNotification } from "@stratos/dbus";
import { ask } from "./service.ts";
import { front } from "./front.ts";
import { create, Menu } from "./widgets/containers.ts";
import { currentLanguage, say } from "./words.ts";

const SHOWN_MS = 6000;
const KEPT_MAX = 50;
/** The action that a press on the whole means (Desktop Notifications Specification, "Actions"). */
const DEFAULT_ACTION = "default";

interface Kept {
  readonly text: string;
  readonly at: Date;
  /** Null: of the desktop. */
  readonly program: ProgramNotification | null;
}

export class Notifications {
  readonly element = create("div", "notifications");
  #kept: Kept[] = [];
  /** Of programs, as they are shown. */
  readonly #shown = new Map<number, HTMLElement>();
  readonly #onCount: (count: number) => void;
  #unseen = 0;

  constructor(onCount: (count: number) => void) {
    this.#onCount = onCount;
    this.element.setAttribute("role", "status");
    this.element.setAttribute("aria-live", "polite");
  }

  add(text: string): void {
    this.#keep({ text, at: new Date(), program: null });
    const shown = create("p", "notification");
    shown.textContent = text;
    this.#show(shown, SHOWN_MS, () => {});
    shown.addEventListener("click", () => shown.remove());
  }

  /** In the place of one of the same number. */
  addOf(program: ProgramNotification): void {
    const { id, application, summary, body, actions, urgency, timeoutMs } = program;
    this.withdraw(id);
    this.#keep({ text: [summary, body].filter((each) => each !== "").join(": "), at: new Date(), program });
    const shown = create("section", "notification");
    shown.dataset["urgency"] = urgency;
    shown.setAttribute("aria-label", application);
    const title = create("h2");
    title.textContent = summary;
    const close = create("button", "notification-close");
    close.setAttribute("aria-label", say("close"));
    close.textContent = "×";
    close.addEventListener("click", () => this.#end(program));
    const text = create("p");
    text.textContent = body;
    const buttons = create("div", "notification-actions");
    for (const { key, label } of actions) {
      if (key === DEFAULT_ACTION) continue;
      const button = create("button");
      button.textContent = label;
      button.addEventListener("click", () => this.#act(program, key));
      buttons.append(button);
    }
    shown.append(title, close, ...(body === "" ? [] : [text]), ...(buttons.childElementCount === 0 ? [] : [buttons]));
    if (hasDefault(program)) title.addEventListener("click", () => this.#act(program, DEFAULT_ACTION));
    this.#shown.set(id, shown);
    const stays = timeoutMs === 0 || (timeoutMs < 0 && urgency === "critical");
    // One that says how long it is of use is over then; another one stays in the list.
    if (timeoutMs > 0) this.#show(shown, timeoutMs, () => this.#end(program, "?expired"));
    else this.#show(shown, stays ? null : SHOWN_MS, () => {});
  }

  /** All of programs that there are: after a while without a connection some have gone, some are others. */
  are(present: readonly ProgramNotification[]): void {
    const known = new Map(this.#kept.map(({ program }) => [program?.id, JSON.stringify(program)]));
    const ids = new Set(present.map(({ id }) => id));
    for (const id of [...known.keys(), ...this.#shown.keys()]) if (id !== undefined && !ids.has(id)) this.withdraw(id);
    for (const program of present) if (known.get(program.id) !== JSON.stringify(program)) this.addOf(program);
  }

  /** Its program has taken it back. */
  withdraw(id: number): void {
    this.#shown.get(id)?.remove();
    this.#shown.delete(id);
    this.#kept = this.#kept.filter(({ program }) => program?.id !== id);
  }

  #keep(kept: Kept): void {
    this.#kept = [kept, ...this.#kept].slice(0, KEPT_MAX);
    this.#onCount(++this.#unseen);
  }

  #show(shown: HTMLElement, forMs: number | null, onEnd: () => void): void {
    this.element.append(shown);
    if (forMs === null) return;
    setTimeout(() => {
      if (!shown.isConnected) return;
      shown.remove();
      onEnd();
    }, forMs);
  }

  #act(program: ProgramNotification, key: string): void {
    this.withdraw(program.id);
    // It may have taken it back by now.
    ask("POST", `/notifications/${program.id}/action`, { key }).catch(() => {});
  }

  #end({ id }: ProgramNotification, query = ""): void {
    this.withdraw(id);
    ask("DELETE", `/notifications/${id}${query}`).catch(() => {});
  }

  /** All that are kept, as a menu. */
  open(at: { readonly x: number; readonly y: number }): void {
    this.#unseen = 0;
    this.#onCount(0);
    const time = new Intl.DateTimeFormat(currentLanguage(), { timeStyle: "short" });
    const items = this.#kept.map(({ text, at: when, program }) => ({
      text: `${time.format(when)}  ${text}`,
      act: () => program !== null && hasDefault(program) && this.#act(program, DEFAULT_ACTION),
    }));
    const clear = { text: say("clear"), act: () => this.#clear() };
    new Menu(
      say("notifications"),
      items.length === 0 ? [{ text: say("noNotifications"), act: () => {} }] : [...items, "line", clear],
    ).open(front(), at);
  }

  #clear(): void {
    for (const { program } of this.#kept) if (program !== null) this.#end(program);
    this.#kept = [];
  }
}

function hasDefault({ actions }: ProgramNotification): boolean {
  return actions.some(({ key }) => key === DEFAULT_ACTION);
}
