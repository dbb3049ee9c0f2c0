/** The page of `stratos serve --ui`: systems at its side, and the terminal or the view that the address names. */
import type { SystemView } from "@stratos/sdk/api";
import { button } from "../button.ts";
import { element, replace } from "../elements.ts";
import { offerLanguages } from "../language.ts";
import { offerScreenReader } from "../screen-reader.ts";
import { buildsView, hubView } from "./builds-view.ts";
import { composesView } from "./composes-view.ts";
import { leaveDisplay } from "./display-pane.ts";
import { displayView } from "./display-view.ts";
import { auditView, volumesView } from "./host-views.ts";
import { imagesView } from "./images-view.ts";
import { jobsView } from "./jobs-view.ts";
import { ask, signIn, SignInNeeded, signOut } from "./rest.ts";
import { mayAct, type Role } from "@stratos/volumes/roles";
import { SystemList } from "./system-list.ts";
import { type Place, TerminalLink } from "./terminal-link.ts";
import { leaveLog } from "./task-log.ts";
import { HOST_SHELL } from "./terminal-messages.ts";
import { TerminalPane } from "./terminal-pane.ts";
import { usageView } from "./usage-view.ts";
import type { View } from "./view.ts";
import { placeAddress, placeOf, viewAddress, viewOf } from "./view-address.ts";
import { say } from "./words.ts";

const LOOK_MS = 2000;
const VIEWS = {
  images: imagesView,
  composes: composesView,
  volumes: volumesView,
  builds: buildsView,
  hub: hubView,
  jobs: jobsView,
  audit: auditView,
  usage: usageView,
  display: displayView,
} as const satisfies Readonly<Record<string, View>>;
type ViewName = keyof typeof VIEWS;
/** Those of the page's head; the rest is led to from elsewhere. */
const OFFERED: readonly Exclude<ViewName, "usage" | "hub" | "display">[] = [
  "images",
  "composes",
  "builds",
  "volumes",
  "jobs",
  "audit",
];
/** Those that show what goes on by itself; in others one may be typing. */
const MOVING: readonly ViewName[] = ["jobs", "usage", "builds"];

const byId = <E extends HTMLElement = HTMLElement>(id: string): E => document.querySelector<E>(`#${id}`)!;
const link = new TerminalLink();
const list = new SystemList({
  element: byId("systems"),
  go,
  showView: goToView,
  attempt,
});
/** By place. */
const panes = new Map<string, { readonly pane: TerminalPane; words: string }>();
let systems: readonly SystemView[] = [];
let isSignedIn = false;
/** Null until the server has told it. */
let role: Role | null = null;
/** The server stands before a hub. */
let hasHub = false;
/** Counts drawings: one that was overtaken shows nothing. */
let drawing = 0;
/** The last one that is over, and what it has shown. */
let drawn = { number: 0, shown: "" };

begin().catch((error: unknown) => notice((error as Error).message));

async function begin(): Promise<void> {
  translate();
  const code = /^#sign-in=([\w-]+)$/.exec(location.hash)?.[1];
  if (code !== undefined) {
    // It is of no use any more, and neither is an entry of it in the history.
    history.replaceState(null, "", "#");
    await signIn(code).catch((error: unknown) => {
      if (!(error instanceof SignInNeeded)) throw error;
    });
  }
  await look().catch(told);
  void drawView();
  setInterval(() => void (isWatching() && look().then(lookAgain).catch(told)), LOOK_MS);
}

function translate(): void {
  byId("reader").textContent = say("screenReader");
  byId("reader").title = say("screenReaderHelp");
  offerScreenReader(byId<HTMLButtonElement>("reader"));
  offerLanguages(byId<HTMLSelectElement>("language"), say("language"));
  for (const [id, word] of [
    ["new", "newSystem"],
    ["host-shell", "hostShell"],
    ["sign-out", "signOut"],
    ["token-label", "token"],
    ["enter", "enter"],
    ["token-help", "tokenHelp"],
    ["new-title", "newSystem"],
    ["new-name-label", "name"],
    ["new-image-label", "image"],
    ["new-command-label", "command"],
    ["new-display-label", "display"],
    ["new-start", "start"],
    ["new-close", "close"],
  ] as const)
    byId(id).textContent = say(word);
  byId("nav").setAttribute("aria-label", say("console"));
  byId("systems").setAttribute("aria-label", say("systems"));
  byId("terminals").setAttribute("aria-label", say("terminal"));
}

/** Somebody sees the page, and is not about to sign in. */
function isWatching(): boolean {
  return byId("sign-in").hidden && document.visibilityState === "visible";
}

/** Brings the page up to date. */
async function look(): Promise<void> {
  try {
    role ??= await whoIsIt();
    systems = await ask<readonly SystemView[]>("GET", "/systems");
  } catch (error) {
    if (error instanceof SignInNeeded) return showSignIn();
    throw error;
  }
  isSignedIn = true;
  byId("status").textContent = "";
  byId("console").hidden = false;
  byId("sign-in").hidden = true;
  show(role);
}

/** What the address names. */
function show(as: Role): void {
  list.show(systems, placeOf(location.hash), as);
  const view = viewName();
  byId("terminals").hidden = view !== null;
  byId("view").hidden = view === null;
  showViews(as, view);
  showTerminal();
}

/** What cannot be done by that role is not offered. */
async function whoIsIt(): Promise<Role> {
  const identity = await ask<{
    readonly name: string;
    readonly role: Role;
    readonly hub?: string;
    readonly hostShell?: string;
  }>("GET", "/session");
  byId("host-shell").hidden = identity.hostShell === undefined;
  byId("host-shell-warning").textContent = say("hostShellWarning", identity.hostShell ?? "");
  hasHub = identity.hub !== undefined;
  byId("new").hidden = !mayAct(identity.role, "administrator");
  byId("identity").textContent = identity.name === "owner" ? "" : `${identity.name}, ${identity.role}`;
  return identity.role;
}

function told(error: unknown): void {
  byId("status").textContent = say("unreachable", (error as Error).message);
}

function showSignIn(): void {
  leaveLog();
  leaveDisplay();
  isSignedIn = false;
  role = null;
  for (const [at, { pane }] of panes) {
    pane.close();
    panes.delete(at);
  }
  byId("view").replaceChildren();
  byId("view").dataset["address"] = "";
  byId("console").hidden = true;
  byId("sign-in").hidden = false;
  byId("token").focus();
}

/** Null: nothing is to be said any more. */
function notice(words: string | null): void {
  byId("notice").textContent = words ?? "";
  byId("notice").hidden = words === null;
}

function attempt(work: () => Promise<unknown>): void {
  notice(null);
  work()
    .then(() => look())
    .catch(noticed);
}

function noticed(error: unknown): void {
  if (error instanceof SignInNeeded && byId("sign-in").hidden) showSignIn();
  else notice((error as Error).message);
}

// ---- Views ----------------------------------------------------------------------------------------------------------

/** Null: the address names none. */
function viewName(): ViewName | null {
  const { view = "" } = viewOf(location.hash) ?? {};
  return Object.hasOwn(VIEWS, view) ? (view as ViewName) : null;
}

function goToView(view: string, ...parts: readonly string[]): void {
  const address = viewAddress({ view, parts });
  if (address === location.hash) void drawView();
  else location.hash = address;
}

function showViews(as: Role, current: ViewName | null): void {
  const shown = `${as} ${current}`;
  if (byId("views").dataset["shown"] === shown) return;
  byId("views").dataset["shown"] = shown;
  const isFor = (view: ViewName): boolean =>
    view === "audit" ? mayAct(as, "administrator") : view !== "builds" || hasHub;
  const offered = OFFERED.filter(isFor);
  const openers = offered.map((view) => {
    const opener = button(say(view), () => goToView(view));
    opener.id = `view-${view}`;
    opener.setAttribute("aria-current", String(view === current));
    return opener;
  });
  replace(byId("views"), openers);
}

async function lookAgain(): Promise<void> {
  const view = viewName();
  if (view !== null && MOVING.includes(view) && drawn.number === drawing) await drawView();
}

async function drawView(): Promise<void> {
  const [name, at] = [viewName(), viewOf(location.hash)];
  if (name === null || at === null || role === null) return;
  const number = ++drawing;
  const content = await VIEWS[name]({
    role,
    parts: at.parts,
    attempt: (work, adds) => {
      notice(null);
      work()
        .then(() => (adds === undefined ? drawView() : undefined))
        .catch(noticed);
    },
    go: goToView,
  }).catch((error: unknown) => {
    if (error instanceof SignInNeeded) showSignIn();
    return [element("p", { attributes: { role: "alert" } }, (error as Error).message)];
  });
  if (number !== drawing) return;
  document.title = `${[at.view, ...at.parts].join("/")} – Stratos`;
  const view = byId("view");
  view.setAttribute("aria-label", say(name));
  if (name !== "builds" && name !== "hub") leaveLog();
  const isTyping = view.contains(document.activeElement) && document.activeElement instanceof HTMLInputElement;
  const isHere = view.dataset["address"] === location.hash;
  // Nobody is to lose the button that he is about to press, nor what he types.
  const shown = content.map((node) => (node as Element).outerHTML).join("");
  const isNew = !isHere || (!isTyping && shown !== drawn.shown);
  if (isNew) replace(view, content);
  view.dataset["address"] = location.hash;
  drawn = { number, shown: isNew ? shown : drawn.shown };
}

// ---- Terminals ------------------------------------------------------------------------------------------------------

function go(to: Place | null): void {
  location.hash = to === null ? "" : placeAddress(to);
}

/** The terminal of the address; those that were shown before stay open behind it while their systems are there. */
function showTerminal(): void {
  const at = placeOf(location.hash);
  const name = location.hash;
  for (const [other, { pane }] of panes) {
    const { system: its } = pane.place;
    const isThere = its === HOST_SHELL || systems.some((system) => system.name === its);
    if (pane.isOver && other === name ? isRunning(pane.place) : other !== name && !isThere) {
      pane.close();
      panes.delete(other);
    }
  }
  if (at !== null && !panes.has(name)) {
    const entry = { pane: null as unknown as TerminalPane, words: "" };
    const system = systems.find((each) => each.name === at.system);
    entry.pane = new TerminalPane(at, byId("panes"), link, {
      hasLines: at.session === null && system?.tty === null,
      mayType: role !== null && mayAct(role, "operator"),
      onState: (words) => {
        entry.words = words;
        if (location.hash === name) byId("terminal-state").textContent = words;
      },
    });
    panes.set(name, entry);
  }
  byId("host-shell-warning").hidden = at?.system !== HOST_SHELL;
  for (const [other, { pane, words }] of panes) {
    if (other === name) byId("terminal-state").textContent = words;
    if (pane.isShown !== (other === name)) pane.setShown(other === name);
  }
  if (viewName() === null)
    document.title = at === null ? "Stratos" : `${at.system}${at.session === null ? "" : `/${at.session}`} – Stratos`;
}

/** It was started again, or its terminal was too slow to be shown. */
function isRunning({ system, session }: Place): boolean {
  const view = systems.find(({ name }) => name === system);
  return view?.state === "running" && (session === null || view.sessions.some(({ name }) => name === session));
}

addEventListener("hashchange", () => {
  if (!isSignedIn || role === null) return;
  notice(null);
  if (viewName() !== "display") leaveDisplay();
  show(role);
  byId("view").replaceChildren("…");
  byId("view").dataset["address"] = "";
  void drawView();
});
addEventListener("focus", () => panes.get(location.hash)?.pane.claimSize());

// ---- Signing in and out, dialogs ------------------------------------------------------------------------------------

byId<HTMLFormElement>("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>("token");
  attempt(async () => {
    await signIn(input.value);
    input.value = "";
    await look();
    void drawView();
  });
});
byId("host-shell").addEventListener("click", () => {
  const place = { system: HOST_SHELL, session: null };
  const address = placeAddress(place);
  const before = panes.get(address);
  if (before?.pane.isOver === true) {
    before.pane.close();
    panes.delete(address);
  }
  // Otherwise the address' change shows it: what has the keyboard before that loses it then.
  if (location.hash !== address) go(place);
  else if (role !== null) show(role);
});
byId("sign-out").addEventListener("click", () => attempt(signOut));

byId("new").addEventListener("click", () =>
  attempt(async () => {
    const images = await ask<readonly { readonly name: string }[]>("GET", "/images");
    byId("new-image").replaceChildren(...images.map(({ name }) => new Option(name)));
    byId<HTMLDialogElement>("new-dialog").showModal();
  }),
);
byId<HTMLFormElement>("new-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const [name, image, command] = ["new-name", "new-image", "new-command"].map((id) => byId<HTMLInputElement>(id).value);
  byId<HTMLDialogElement>("new-dialog").close();
  attempt(async () => {
    const display = byId<HTMLInputElement>("new-display").checked;
    const body = { ...(name === "" ? {} : { name }), image, command: ["sh", "-c", command], display };
    const view = await ask<SystemView>("POST", "/systems", body);
    go({ system: view.name, session: null });
  });
});

// For who drives the page from outside: tests, the developer's console.
Object.assign(globalThis, { stratos: { terminal: () => panes.get(location.hash)?.pane.terminal ?? null } });
