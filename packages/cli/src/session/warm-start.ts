/** Which runs start from the warm start of their image: those that a cold start would have begun in the same way. */
import { findWarmStart, type WarmStart } from "@stratos/images/warm-start";
import type { RunOptions } from "./run-options.ts";

interface WarmRun {
  /** As it was named; undefined: somebody looks at the run, or steers it. A byte string. */
  readonly warmProgram: string | undefined;
  readonly image: string;
  /** STRATOS_HOME */
  readonly home: string;
  readonly memoryBytes: number;
}

/** @returns why the machine starts cold, or what it starts from */
export function warmStartFor(
  { warmProgram: program, image, home, memoryBytes }: WarmRun,
  options: RunOptions,
): WarmStart | string {
  const obstacle = OBSTACLES.find(([, hinders]) => hinders(options))?.[0];
  if (obstacle !== undefined) return obstacle;
  if (program === undefined) return "not a plain run";
  return findWarmStart(image, home, { program, memoryBytes, harts: options.harts ?? 1 });
}

/**
 * What cannot be gone on from is no failure of the run. @param start  from what, or null: cold
 * @returns `warm` is what it has started from, or why it has not
 */
export function startWarmOrCold<T extends object>(
  found: WarmStart | string,
  start: (from: WarmStart | null) => T,
): T & { readonly warm: WarmStart | string } {
  if (typeof found === "string") return { ...start(null), warm: found };
  try {
    return { ...start(found), warm: found };
  } catch (error) {
    return { ...start(null), warm: `not to be gone on from: ${(error as Error).message}` };
  }
}

/** Where programs find what they load as they begin: folders of the host there change what a cold start is. */
const OF_THE_SYSTEM = /^\/(bin|etc|lib|lib64|opt|root|sbin|usr|var)(\/|$)/;

const OBSTACLES: readonly (readonly [name: string, hinders: (options: RunOptions) => boolean])[] = [
  ["--no-warm-start", ({ warmStart }) => warmStart === false],
  ["--seed", ({ seed }) => seed !== undefined],
  ["--record", ({ record }) => record !== undefined],
  ["--keep", ({ keep }) => keep !== undefined],
  ["--env", ({ env }) => env.length > 0],
  ["--user", ({ user = "root" }) => user !== "root"],
  ["--volume", ({ volume }) => volume.some(({ guest }) => OF_THE_SYSTEM.test(guest))],
  ["--net", ({ net }) => net !== "none"],
  ["--address-mode", ({ addressMode = "paged" }) => addressMode !== "paged"],
  ["--display", ({ display, screenshot }) => display === true || screenshot !== undefined],
];
