/** The systems of the page's side, each with what can be done to it now. */
import type { SystemView } from "@stratos/sdk/api";
import { button } from "../button.ts";
import { element, replace, row } from "../elements.ts";
import { ask } from "./rest.ts";
import { mayAct, type Role } from "@stratos/volumes/roles";
import type { Place } from "./terminal-link.ts";
import { say } from "./words.ts";

/** A shell of whichever image. */
const SHELL = ["sh", "-c", 'exec "$(command -v bash || echo sh)" -l'];

interface ListParts {
  readonly element: HTMLElement;
  /** A terminal is to be shown; null: none. */
  go(place: Place | null): void;
  showUsage(system: string): void;
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
    const [operates, administers] = [mayAct(role, "operator"), mayAct(role, "administrator")];
    const { name, state, image, command, snapshots, sessions } = system;
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
    const post = (word: Parameters<typeof say>[0], path: string, body?: object): HTMLButtonElement =>
      does(word, say(word), () => ask("POST", at + path, body));
    if (state === "running" && operates)
      terminals.append(
        does("newTerminal", say("newTerminal"), async () => {
          const { session } = await ask<{ readonly session: string }>("POST", `${at}/sessions`, { command: SHELL });
          this.#parts.go({ system: name, session });
        }),
      );
    if (state === "running" || state === "paused") {
      const usage = button(say("usage"), () => this.#parts.showUsage(name));
      usage.setAttribute("aria-label", `${say("usage")}: ${name}`);
      usage.id = `${name}/usage`;
      terminals.append(usage);
    }
    const actions = row();
    if (!operates) {
      article.append(terminals);
      return article;
    }
    if (state === "running") actions.append(post("pause", "/pause"));
    if (state === "paused") actions.append(post("goOn", "/unpause"));
    if (state === "running" || state === "paused")
      actions.append(
        post("stop", "/stop", {}),
        post("snapshot", "/snapshots", { label: freeLabel(snapshots) }),
        ...(administers ? [post("fork", "/fork", { count: 1 })] : []),
      );
    else if (state !== "starting") actions.append(post("start", "/start"));
    if (administers && (state === "exited" || state === "lost"))
      actions.append(
        does("remove", say("remove"), async () => {
          if (confirm(say("removeSystemAsk", name))) await ask("DELETE", at);
        }),
      );
    article.append(terminals, actions);
    if (snapshots.length > 0)
      article.append(
        row(
          ...snapshots.map((label) =>
            does(`back/${label}`, say("backTo", label), async () => {
              if (confirm(say("backToAsk", name, label))) await ask("POST", `${at}/rollback`, { label });
            }),
          ),
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

/** The first of `s1`, `s2` and so on that no snapshot has. */
function freeLabel(labels: readonly string[]): string {
  for (let number = 1; ; number++) if (!labels.includes(`s${number}`)) return `s${number}`;
}
