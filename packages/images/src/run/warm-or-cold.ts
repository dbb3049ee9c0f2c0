/** Which runs start from the warm start of their image: those that a cold start would have begun in the same way. */
import { findWarmStart, type WarmStart } from "../warm/warm-start.ts";
import type { RunSettings } from "./run-settings.ts";

/** Why a machine starts cold. */
export type ColdStart =
  /** A run with this has other beginnings, or is watched as it begins. */
  { readonly setting: keyof RunSettings | "net" | "display" | "sound" } | { readonly why: string };

interface WarmRun {
  /** As it was named; undefined: somebody looks at the run, or steers it. A byte string. */
  readonly warmProgram?: string;
  readonly image: string;
  /** STRATOS_HOME */
  readonly home: string;
  readonly memoryBytes: number;
  readonly hasNetwork: boolean;
  readonly hasDisplay: boolean;
  readonly hasSound: boolean;
}

/** @returns why the machine starts cold, or what it starts from */
export function warmStartFor(
  { warmProgram: program, image, home, memoryBytes, hasNetwork, hasDisplay, hasSound }: WarmRun,
  settings: RunSettings,
): WarmStart | ColdStart {
  const setting = OBSTACLES.find(([, hinders]) => hinders({ ...settings, hasNetwork, hasDisplay, hasSound }))?.[0];
  if (setting !== undefined) return { setting };
  if (program === undefined) return { why: "not a plain run" };
  const found = findWarmStart(image, home, { program, memoryBytes, harts: settings.harts ?? 1 });
  return typeof found === "string" ? { why: found } : found;
}

export function isCold(start: WarmStart | ColdStart): start is ColdStart {
  return !("saved" in start);
}

/**
 * What cannot be gone on from is no failure of the run. @param start  from what, or null: cold
 * @returns `warm` is what it has started from, or why it has not
 */
export function startWarmOrCold<T extends object>(
  found: WarmStart | ColdStart,
  start: (from: WarmStart | null) => T,
): T & { readonly warm: WarmStart | ColdStart } {
  if (isCold(found)) return { ...start(null), warm: found };
  try {
    return { ...start(found), warm: found };
  } catch (error) {
    return { ...start(null), warm: { why: `not to be gone on from: ${(error as Error).message}` } };
  }
}

/** Where programs find what they load as they begin: folders of the host there change what a cold start is. */
const OF_THE_SYSTEM = /^\/(bin|etc|lib|lib64|opt|root|sbin|usr|var)(\/|$)/;

type Obstacle = readonly [
  setting: Extract<ColdStart, { readonly setting: unknown }>["setting"],
  hinders: (settings: RunSettings & Pick<WarmRun, "hasNetwork" | "hasDisplay" | "hasSound">) => boolean,
];

const OBSTACLES: readonly Obstacle[] = [
  ["warmStart", ({ warmStart }) => warmStart === false],
  ["seed", ({ seed }) => seed !== undefined],
  ["schedule", ({ schedule }) => schedule !== undefined],
  ["record", ({ record }) => record !== undefined],
  ["keep", ({ keep }) => keep !== undefined],
  ["env", ({ env }) => env.length > 0],
  ["user", ({ user = "root" }) => user !== "root"],
  ["volume", ({ volume }) => volume.some(({ guest }) => OF_THE_SYSTEM.test(guest))],
  ["net", ({ hasNetwork }) => hasNetwork],
  ["addressMode", ({ addressMode = "paged" }) => addressMode !== "paged"],
  ["screen", ({ screen }) => screen !== undefined],
  ["display", ({ hasDisplay }) => hasDisplay],
  ["sound", ({ hasSound }) => hasSound],
];
