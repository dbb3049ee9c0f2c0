/**
 * The page of `stratos serve --ui`: systems at its side, and the terminal that the address names: `#/SYSTEM` is that of
 * its program, `#/SYSTEM/SESSION` a further one's.
 */
import type { SystemView } from "@stratos/sdk/api";
import { ask, signIn, SignInNeeded, signOut } from "./rest.ts";
import { mayAct, type Role } from "@stratos/volumes/roles";
import { SystemList } from "./system-list.ts";
import { type Place, TerminalLink } from "./terminal-link.ts";
import { TerminalPane } from "./terminal-pane.ts";

const LOOK_MS = 2000;

const byId = <E extends HTMLElement = HTMLElement>(id: string): E => document.querySelector<E>(`#${id}`)!;
const link = new TerminalLink();
const list = new SystemList({ element: byId("systems"), go, attempt });
/** By place. */
const panes = new Map<string, { readonly pane: TerminalPane; words: string }>();
let systems: readonly SystemView[] = [];
let isSignedIn = false;
/** Null until the server has told it. */
let role: Role | null = null;

begin().catch((error: unknown) => notice((error as Error).message));

async function begin(): Promise<void> {
  const code = /^#sign-in=([\w-]+)$/.exec(location.hash)?.[1];
  if (code !== undefined) {
    // It is of no use any more, and neither is an entry of it in the history.
    history.replaceState(null, "", "#");
    await signIn(code).catch((error: unknown) => {
      if (!(error instanceof SignInNeeded)) throw error;
    });
  }
  await look().catch(told);
  setInterval(() => void (isWatching() && look().catch(told)), LOOK_MS);
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
  list.show(systems, place(), role);
  showTerminal();
}

/** What cannot be done by that role is not offered. */
async function whoIsIt(): Promise<Role> {
  const identity = await ask<{ readonly name: string; readonly role: Role }>("GET", "/session");
  byId("new").hidden = !mayAct(identity.role, "administrator");
  byId("identity").textContent = identity.name === "owner" ? "" : `${identity.name}, ${identity.role}`;
  return identity.role;
}

function told(error: unknown): void {
  byId("status").textContent = `the server cannot be reached: ${(error as Error).message}`;
}

function showSignIn(): void {
  isSignedIn = false;
  role = null;
  for (const [at, { pane }] of panes) {
    pane.close();
    panes.delete(at);
  }
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
    .catch((error: unknown) => notice((error as Error).message));
}

// ---- Terminals ------------------------------------------------------------------------------------------------------

function place(): Place | null {
  const [, system, session] = /^#\/([^/]+)(?:\/(\d+))?$/.exec(location.hash) ?? [];
  return system === undefined ? null : { system: decodeURIComponent(system), session: session ?? null };
}

function go(to: Place | null): void {
  location.hash = to === null ? "" : `/${encodeURIComponent(to.system)}${to.session === null ? "" : `/${to.session}`}`;
}

/** The terminal of the address; those that were shown before stay open behind it while their systems are there. */
function showTerminal(): void {
  const at = place();
  const name = location.hash;
  for (const [other, { pane }] of panes) {
    const isThere = systems.some((system) => system.name === pane.place.system);
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
  for (const [other, { pane, words }] of panes) {
    if (other === name) byId("terminal-state").textContent = words;
    if (pane.isShown !== (other === name)) pane.setShown(other === name);
  }
  document.title = at === null ? "Stratos" : `${at.system}${at.session === null ? "" : `/${at.session}`} – Stratos`;
}

/** It was started again, or its terminal was too slow to be shown. */
function isRunning({ system, session }: Place): boolean {
  const view = systems.find(({ name }) => name === system);
  return view?.state === "running" && (session === null || view.sessions.some(({ name }) => name === session));
}

addEventListener("hashchange", () => {
  if (!isSignedIn || role === null) return;
  list.show(systems, place(), role);
  showTerminal();
});
addEventListener("focus", () => panes.get(location.hash)?.pane.claimSize());

// ---- Signing in and out, dialogs ------------------------------------------------------------------------------------

byId<HTMLFormElement>("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>("token");
  attempt(async () => {
    await signIn(input.value);
    input.value = "";
  });
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
    const body = { ...(name === "" ? {} : { name }), image, command: ["sh", "-c", command] };
    const view = await ask<SystemView>("POST", "/systems", body);
    go({ system: view.name, session: null });
  });
});

interface Volume {
  readonly uuid: string | null;
  readonly label: string;
  readonly mountPoints: readonly string[];
  readonly devices: readonly { readonly path: string; readonly sizeBytes: number }[];
}

byId("host").addEventListener("click", () =>
  attempt(async () => {
    const [images, volumes] = await Promise.all([
      ask<readonly { readonly name: string; readonly sizeBytes: number }[]>("GET", "/images"),
      ask<readonly Volume[]>("GET", "/volumes"),
    ]);
    showLines(
      "images",
      images.map(({ name, sizeBytes }) => `${name}: ${megabytes(sizeBytes)}`),
    );
    showLines(
      "volumes",
      volumes.map(({ uuid, label, mountPoints, devices }) =>
        [
          label === "" ? (uuid ?? "encrypted") : label,
          ...devices.map(({ path, sizeBytes }) => `${path}, ${megabytes(sizeBytes)}`),
          ...mountPoints.map((point) => `mounted on ${point}`),
        ].join("; "),
      ),
    );
    byId<HTMLDialogElement>("host-dialog").showModal();
  }),
);

function showLines(id: string, lines: readonly string[]): void {
  const items = (lines.length === 0 ? ["none"] : lines).map((line) => {
    const item = document.createElement("li");
    item.textContent = line;
    return item;
  });
  byId(id).replaceChildren(...items);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

// For who drives the page from outside: tests, the developer's console.
Object.assign(globalThis, { stratos: { terminal: () => panes.get(location.hash)?.pane.terminal ?? null } });
