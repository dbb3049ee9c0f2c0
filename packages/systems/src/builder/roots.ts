/** The layers that roots of builds are cloned from: made, brought up to date, entered, removed, checked, pruned. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  BUILD_USER,
  type BuildEvent,
  buildNeeds,
  DEFAULT_LIMITS,
  fetchSource,
  makeLayers,
  planBuildRoot,
  planRoot,
  surroundingsOf,
  type BuildRequest,
  type RootLayers,
} from "@stratos/builder";
import { homeFolder, stratosHome } from "@stratos/host-node/home";
import { OperationError } from "@stratos/operation";
import { type KeptLayer, LinuxCarrier } from "@stratos/tools-node/builder";
import { cleanStore } from "@stratos/tools-node/compose";
import { type BuilderSession, telling } from "./builder-session.ts";
import type { BuilderSettings } from "./config-files.ts";
import { parseSourceReference } from "./source-reference.ts";

const DAY_MS = 86_400_000;
/** Of a key that is told to people. */
const KEY_SHOWN = 12;

type Session = Pick<BuilderSession, "ports" | "carrier">;
type OnEvent = (event: BuildEvent) => void;

export function shortKey(key: string): string {
  return key.slice(0, KEY_SHOWN);
}

/** What a source's builds stand on, or without one the base of the suite. */
export async function makeRootLayers(
  { ports }: Pick<Session, "ports">,
  { request }: BuilderSettings,
  source: string | undefined,
  onEvent: OnEvent,
): Promise<RootLayers> {
  const { architecture } = request;
  if (source === undefined) {
    const { packages: _, ...base } = request;
    return makeLayers(ports, await planRoot(ports, base, undefined, onEvent), architecture, onEvent);
  }
  const whole: BuildRequest = { ...request, source: parseSourceReference(source) },
    fetched = await fetchSource(ports, whole, onEvent);
  try {
    const plan = await planBuildRoot(ports, whole, buildNeeds(fetched.stanza, surroundingsOf(request)), onEvent);
    return await makeLayers(ports, plan, architecture, onEvent);
  } finally {
    await fetched.remove();
  }
}

interface UpdatedBase {
  readonly suite: string;
  readonly architecture: string;
  /** key of the base; undefined: the one that is there is up to date */
  readonly made: string | undefined;
  /** keys of what it supersedes */
  readonly removed: readonly string[];
}

/** Each base that there is one of, from the present lists. @throws OperationError */
export async function* updateBases(
  session: Session,
  settings: BuilderSettings,
  onEvent: OnEvent,
): AsyncGenerator<UpdatedBase> {
  const { layers } = session.carrier;
  const bases = layers.list().filter(({ kind }) => kind === "base"),
    used = session.carrier.layersInUse();
  if (bases.length === 0)
    throw new OperationError("build", "update", "there is no base yet; `stratos builder root make` makes one");
  for (const { suite, architecture } of new Map(
    bases.map((one) => [`${one.suite} ${one.architecture}`, one]),
  ).values()) {
    const own = { ...settings, request: { ...settings.request, suite, architecture } };
    const { keys, kept } = await makeRootLayers(session, own, undefined, onEvent);
    const made = kept === 1 ? undefined : keys[0]!;
    // What stood on an older base is of no build any more: its key names that base.
    const removed = layers
      .list()
      .filter((old) => made !== undefined && old.suite === suite && old.architecture === architecture)
      .map(({ key }) => key)
      .filter((key) => key !== made && !used.has(key));
    for (const key of removed) await layers.remove(key);
    yield { suite, architecture, made, removed };
  }
}

/** A shell in a fresh clone, at this process's terminal. @returns its exit status */
export async function enterRoot(
  { ports, carrier }: Session,
  { request }: BuilderSettings,
  keys: readonly string[],
  { isUser, hasNetwork }: { readonly isUser: boolean; readonly hasNetwork: boolean },
): Promise<number> {
  const root = await carrier.clone(keys, {
    architecture: request.architecture,
    hostname: "builder",
    epochSeconds: 0,
    user: BUILD_USER,
    buildFolder: "/build",
    limits: { ...DEFAULT_LIMITS, ...request.limits },
    signal: ports.signal,
  });
  try {
    await root.bring([]);
    const { status } = await root.run({
      argv: ["/bin/bash"],
      folder: "/build",
      umask: "0022",
      asRoot: !isUser,
      hasNetwork,
      isInteractive: true,
      onOutput: () => {},
      environment: {
        PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        HOME: isUser ? "/build" : "/root",
        USER: isUser ? BUILD_USER.name : "root",
        LC_ALL: "C.UTF-8",
        TERM: process.env["TERM"] ?? "dumb",
      },
    });
    return status;
  } finally {
    await root.drop();
  }
}

/** The one that was used last first. */
export function listLayers(): (KeptLayer & { readonly inUse: boolean })[] {
  const carrier = openCarrier(),
    used = carrier.layersInUse();
  return carrier.layers.list().map((one) => ({ ...one, inUse: used.has(one.key) }));
}

/**
 * @param keys  their beginnings; undefined: all that no build stands on
 * @returns what is gone
 * @throws OperationError
 */
export async function removeLayers(keys: readonly string[] | undefined): Promise<string[]> {
  const { layers } = openCarrier();
  const removed: string[] = [];
  for (const { key, inUse } of chosenLayers(keys)) {
    if (inUse && keys !== undefined) throw new OperationError("build", shortKey(key), "a build stands on it");
    if (inUse) continue;
    await layers.remove(key);
    removed.push(key);
  }
  return removed;
}

interface ScrubbedLayer {
  readonly key: string;
  /** paths that are not as they were written */
  readonly damaged: readonly string[];
  readonly removed: boolean;
}

/** @param keys  undefined: all. @param mayRemove  damaged ones, so that the next build makes them anew */
export async function scrubLayers(keys: readonly string[] | undefined, mayRemove: boolean): Promise<ScrubbedLayer[]> {
  const { layers } = openCarrier();
  const report: ScrubbedLayer[] = [];
  for (const { key, inUse } of chosenLayers(keys)) {
    const damaged = (await telling(key, () => layers.scrub(key))) ?? [];
    const removed = damaged.length > 0 && mayRemove && !inUse;
    if (removed) await layers.remove(key);
    report.push({ key, damaged, removed });
  }
  return report;
}

/**
 * Removes layers that were not used for so many days, and what killed builds left.
 *
 * @param onFailure  told of what cannot be removed, after which the others go. @returns the layers that are gone, or
 *   would go
 */
export async function pruneLayers(
  days: number,
  isDry: boolean,
  onFailure: (what: string, error: unknown) => void,
): Promise<KeptLayer[]> {
  const before = Date.now() - days * DAY_MS;
  const old = listLayers()
    .filter(({ usedMs, inUse }) => usedMs <= before && !inUse)
    .map(({ inUse: _, ...layer }) => layer);
  if (isDry) return old;
  const carrier = openCarrier();
  const removed: KeptLayer[] = [];
  const attempt = async (what: string, remove: () => Promise<unknown>): Promise<boolean> => {
    try {
      await remove();
      return true;
    } catch (error) {
      onFailure(what, error);
      return false;
    }
  };
  for (const layer of old)
    if (await attempt(`layer ${layer.key}`, () => carrier.layers.remove(layer.key))) removed.push(layer);
  await attempt("what killed builds left", () => carrier.removeForgotten());
  return removed;
}

interface BuilderCache {
  readonly what: string;
  readonly entries: number;
  readonly bytes: number;
  /** the command that prunes it */
  readonly prune: string;
}

/** What builds keep for the next. */
export function builderCaches(): BuilderCache[] {
  const home = stratosHome();
  const layers = openCarrier().layers.list(),
    compose = cleanStore(homeFolder(home, "compose"), { isDry: true });
  const sum = <T>(list: readonly T[], of: (one: T) => number): number => list.reduce((all, one) => all + of(one), 0);
  return [
    {
      what: "layers",
      entries: layers.length,
      bytes: sum(layers, ({ bytes }) => bytes),
      prune: "stratos builder cache prune",
    },
    {
      what: "compilations",
      ...folderSize(join(homeFolder(home, "builder"), "ccache")),
      prune: "ccache bounds them itself",
    },
    {
      what: "packages taken apart and roots",
      entries: sum(compose, ({ files }) => files),
      bytes: sum(compose, ({ bytes }) => bytes),
      prune: "stratos compose clean",
    },
    { what: "downloads", ...folderSize(homeFolder(home, "downloads")), prune: "stratos pkg clean" },
  ];
}

function openCarrier(): LinuxCarrier {
  return new LinuxCarrier(homeFolder(stratosHome(), "builder"));
}

function chosenLayers(keys: readonly string[] | undefined): ReturnType<typeof listLayers> {
  const all = listLayers();
  return (
    keys?.map((beginning) => {
      const found = all.filter(({ key }) => key.startsWith(beginning));
      if (found.length === 1) return found[0]!;
      throw new OperationError(
        "build",
        beginning,
        found.length === 0
          ? "there is no such layer; `stratos builder root ls` lists them"
          : `is the beginning of ${found.length} keys`,
      );
    }) ?? all
  );
}

function folderSize(folder: string): { entries: number; bytes: number } {
  let entries = 0,
    bytes = 0;
  const stack = [folder];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    let names: string[];
    try {
      names = readdirSync(at);
    } catch {
      continue;
    }
    for (const name of names) {
      const stats = lstatSync(join(at, name), { throwIfNoEntry: false });
      if (stats === undefined) continue;
      if (stats.isDirectory()) {
        stack.push(join(at, name));
        continue;
      }
      entries++;
      bytes += stats.size;
    }
  }
  return { entries, bytes };
}
