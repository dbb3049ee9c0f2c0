/**
 * The page of `stratos fs serve --ui`. The address names what is shown: `#/VOLUME/VIEW/…`, so it can be kept and opened
 * elsewhere. What others change is seen within two seconds.
 */
import type { VolumeSpace } from "@stratos/volumes/listed";
import type { VolumeCaller } from "@stratos/panels/volumes";
import { button } from "../button.ts";
import { element, meter, replace } from "../elements.ts";
import { filesView } from "./files-view.ts";
import { auditView, scrubView } from "./integrity-view.ts";
import { overviewView } from "./overview-view.ts";
import { ask, signIn, SignInNeeded, signOut } from "./rest.ts";
import { scheduleView } from "./schedule-view.ts";
import { snapshotsView } from "./snapshots-view.ts";
import { quotasView, storageView } from "./storage-view.ts";
import type { View, ViewContext } from "./view.ts";
import { offerLanguages, size } from "../language.ts";
import { say } from "./words.ts";

const LOOK_MS = 2000;
const VIEWS = {
  overview: overviewView,
  files: filesView,
  snapshots: snapshotsView,
  schedule: scheduleView,
  integrity: scrubView,
  storage: storageView,
  quotas: quotasView,
  audit: auditView,
} as const satisfies Readonly<Record<string, View>>;
type ViewName = keyof typeof VIEWS;
/** Those that show what goes on by itself; in others one may be typing. */
const MOVING: readonly ViewName[] = ["overview", "integrity"];

interface Place {
  readonly volume: string;
  readonly view: ViewName;
  readonly rest: string;
}

const byId = <E extends HTMLElement = HTMLElement>(id: string): E => document.querySelector<E>(`#${id}`)!;
let volumes: readonly VolumeSpace[] = [];
let caller: VolumeCaller | null = null;
/** Counts drawings: one that was overtaken shows nothing. */
let drawing = 0;

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
  await draw();
  setInterval(() => void (isWatching() && look()), LOOK_MS);
}

function translate(): void {
  offerLanguages(byId<HTMLSelectElement>("language"), say("language"));
  for (const [id, word] of [
    ["sign-out", "signOut"],
    ["secret-label", "secret"],
    ["enter", "enter"],
    ["secret-help", "secretHelp"],
  ] as const)
    byId(id).textContent = say(word);
  byId("volumes").setAttribute("aria-label", say("volumes"));
  byId("views").setAttribute("aria-label", say("views"));
}

function isWatching(): boolean {
  return byId("sign-in").hidden && document.visibilityState === "visible";
}

// ---- What is shown --------------------------------------------------------------------------------------------------

function place(): Place | null {
  const [, volume, view, rest] = /^#\/([^/]+)(?:\/(\w+)(?:\/(.*))?)?$/.exec(location.hash) ?? [];
  const first = volumes[0]?.volume;
  if (volume === undefined) return first === undefined ? null : { volume: first, view: "overview", rest: "" };
  const isView = view !== undefined && view in VIEWS;
  return {
    volume: decodeURIComponent(volume),
    view: isView ? (view as ViewName) : "overview",
    rest: decodeURIComponent(rest ?? ""),
  };
}

function addressOf({ volume, view, rest }: Place): string {
  return `#/${encodeURIComponent(volume)}/${view}${rest === "" ? "" : `/${encodeURIComponent(rest)}`}`;
}

/** The volumes at the side, and the view if it moves. */
async function look(): Promise<void> {
  const at = place();
  if (at !== null && MOVING.includes(at.view)) await draw();
  else await drawVolumes().catch(told);
}

async function drawVolumes(): Promise<void> {
  caller ??= await ask<VolumeCaller>("GET", "/session");
  volumes = await ask<readonly VolumeSpace[]>("GET", "/volumes");
  byId("status").textContent = caller.readOnly ? say("readOnly") : "";
  byId("identity").textContent = caller.name === "owner" ? "" : `${caller.name}, ${caller.role}`;
  byId("console").hidden = false;
  byId("sign-in").hidden = true;
  const at = place();
  const list = volumes.map(({ volume, usedBytes, sizeBytes }) => {
    const opener = button(
      volume,
      () => (location.hash = addressOf({ volume, view: at?.view ?? "overview", rest: "" })),
    );
    opener.id = `volume-${volume}`;
    opener.setAttribute("aria-current", String(at?.volume === volume));
    return element("div", {}, opener, meter(volume, usedBytes, sizeBytes), ` ${size(sizeBytes)}`);
  });
  replace(byId("volumes"), list);
  const views = (Object.keys(VIEWS) as ViewName[]).map((view) => {
    const opener = button(say(view), () => at !== null && (location.hash = addressOf({ ...at, view, rest: "" })));
    opener.id = `view-${view}`;
    opener.setAttribute("aria-current", String(at?.view === view));
    return opener;
  });
  replace(byId("views"), views);
}

async function draw(): Promise<void> {
  const number = ++drawing;
  try {
    await drawVolumes();
    const at = place();
    if (at === null || caller === null) return byId("view").replaceChildren(say("none"));
    document.title = `${at.volume}: ${say(at.view)} – AegisFS`;
    const content = await VIEWS[at.view](contextOf(at, caller)).catch((error: unknown) => {
      if (error instanceof SignInNeeded || error instanceof TypeError) throw error;
      return [element("p", {}, (error as Error).message)];
    });
    if (number === drawing) replace(byId("view"), content);
  } catch (error) {
    told(error);
  }
}

function contextOf(at: Place, { role, readOnly }: VolumeCaller): ViewContext {
  return {
    at: `/volumes/${encodeURIComponent(at.volume)}`,
    role,
    readOnly,
    rest: at.rest,
    attempt,
    go: (rest) => (location.hash = addressOf({ ...at, rest })),
    notice,
  };
}

// ---- What is done ---------------------------------------------------------------------------------------------------

function attempt(work: () => Promise<unknown>): void {
  notice(null);
  work().then(draw, told);
}

/** Null: nothing is to be said any more. */
function notice(words: string | null): void {
  byId("notice").textContent = words ?? "";
  byId("notice").hidden = words === null;
}

function told(error: unknown): void {
  if (error instanceof SignInNeeded) showSignIn();
  else if (error instanceof TypeError) byId("status").textContent = `${say("unreachable")}: ${error.message}`;
  else notice((error as Error).message);
}

function showSignIn(): void {
  caller = null;
  byId("console").hidden = true;
  byId("sign-in").hidden = false;
  byId("secret").focus();
}

byId<HTMLFormElement>("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId<HTMLInputElement>("secret");
  attempt(async () => {
    await signIn(input.value);
    input.value = "";
  });
});
byId("sign-out").addEventListener("click", () => attempt(signOut));
addEventListener("hashchange", () => {
  notice(null);
  void draw();
});
