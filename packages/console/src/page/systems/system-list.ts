/** The systems of the page's side, each with what can be done to it now. */
import type { SystemView } from "@stratos/sdk/api";
import { mayAct, type Role } from "@stratos/volumes/roles";
import type { Action } from "@stratos/panels/action";
import { backToAction, systemActions, type SystemWord } from "@stratos/panels/systems";
import { button } from "../button.ts";
import { language } from "../language.ts";
import { element, replace, row } from "../elements.ts";
import { ask } from "./rest.ts";
import type { Place } from "./terminal-link.ts";
import { say } from "./words.ts";

/** A shell of whichever image. */
const SHELL = ["sh", "-c", 'exec "$(command -v bash || echo sh)" -l'];

interface ListParts {
  readonly element: HTMLElement;
  /** A terminal is to be shown; null: none. */
  go(place: Place | null): void;
  showView(view: "usage" | "display", system: string): void;
  /** Does something, tells why it did not work, and looks again. */
  attempt(work: () => Promise<unknown>): void;
}

export class SystemList {
  readonly #parts: ListParts;
  #shown = "";

  constructor(parts: ListParts) {
    this.#parts = parts;
  }

  show(systems: readonly SystemView[], current: Place | null, role: Role): void {
    const shown = JSON.stringify([systems, current, role]);
    // Nobody is to lose the button that he is about to press.
    if (shown === this.#shown) return;
    this.#shown = shown;
    const articles = systems.map((system) => this.#article(system, current, role));
    replace(this.#parts.element, articles.length > 0 ? articles : [element("p", {}, say("noSystems"))]);
  }

  #article(system: SystemView, current: Place | null, role: Role): HTMLElement {
    const operates = mayAct(role, "operator");
    const { name, state, image, command, snapshots, display } = system;
    const sessions = system.sessions.filter(({ hasTerminal }) => hasTerminal);
    const article = document.createElement("article");
    const heading = document.createElement("h2");
    const isHere = (session: string | null): boolean => current?.system === name && current.session === session;
    heading.append(this.#opener(name, { system: name, session: null }, isHere(null)), stateText(system));
    article.append(heading, element("p", {}, `${image}: ${command.join(" ")}`));
    const terminals = row(
      ...sessions.map((session) =>
        this.#opener(say("terminalOf", session.name), { system: name, session: session.name }, isHere(session.name)),
      ),
    );
    const at = `/systems/${encodeURIComponent(name)}`;
    const does = (id: string, text: string, work: () => Promise<unknown>): HTMLButtonElement => {
      const made = button(text, () => this.#parts.attempt(work));
      made.id = `${name}/${id}`;
      made.setAttribute("aria-label", `${text}: ${name}`);
      return made;
    };
    const acts = (action: Action<SystemWord>, id: string, text: string): HTMLButtonElement =>
      does(id, text, async () => {
        if (action.question === null || confirm(action.question)) await action.run(ask);
      });
    if (state === "running" && operates)
      terminals.append(
        does("newTerminal", say("newTerminal"), async () => {
          const { session } = await ask<{ readonly session: string }>("POST", `${at}/sessions`, { command: SHELL });
          this.#parts.go({ system: name, session });
        }),
      );
    if (state === "running" || state === "paused")
      for (const view of display === true ? (["display", "usage"] as const) : (["usage"] as const)) {
        const shows = button(say(view), () => this.#parts.showView(view, name));
        shows.setAttribute("aria-label", `${say(view)}: ${name}`);
        shows.id = `${name}/${view}`;
        terminals.append(shows);
      }
    article.append(terminals);
    if (!operates) return article;
    const actions = systemActions(system, language).filter(({ needs }) => mayAct(role, needs));
    article.append(row(...actions.map((action) => acts(action, action.word, say(action.word)))));
    if (snapshots.length > 0)
      article.append(
        row(
          ...snapshots.map((label) => acts(backToAction(name, label, language), `back/${label}`, say("backTo", label))),
        ),
      );
    return article;
  }

  #opener(text: string, place: Place, isCurrent: boolean): HTMLButtonElement {
    const made = button(text, () => this.#parts.go(place));
    made.id = `${place.system}/${place.session ?? ""}`;
    made.setAttribute("aria-current", String(isCurrent));
    return made;
  }
}

function stateText({ state, exitCode, error }: SystemView): HTMLElement {
  const made = document.createElement("span");
  made.textContent = say(state, exitCode ?? 0);
  if (error !== null) made.title = error;
  return made;
}
