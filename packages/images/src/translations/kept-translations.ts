/** Translations that this user's runs have left for later ones: where they are, and who makes them. */
import { fileURLToPath } from "node:url";
import { NodeCodeArchive, ownFlags } from "@stratos/host-node";

const FILLER = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "./fill-translations.ts" : "./fill-translations.mjs", import.meta.url),
);

/**
 * For a machine's ports. What it hands over is translated by a process of its own (fill-translations.ts).
 *
 * @param home  STRATOS_HOME
 * @returns undefined when the user wants none (STRATOS_NO_CACHE); with `fill` what is there is used, and nothing added
 */
export function keptTranslations(home: string): NodeCodeArchive | undefined {
  const unwanted = process.env["STRATOS_NO_CACHE"] ?? "";
  if (unwanted === "fill") return new NodeCodeArchive(home, null);
  return unwanted === "" ? openTranslations(home) : undefined;
}

export function openTranslations(home: string): NodeCodeArchive {
  return new NodeCodeArchive(home, [process.execPath, ...engineFlags(process.execArgv), ...ownFlags(), FILLER, home]);
}

/** Options of node(1) that name code, files or a way to run, not a property of the engine. */
const RUNS =
  /^--(eval|print|check|interactive|import|require|(experimental-)?loader|input-type|run|test|watch|inspect|env-file)/;

/**
 * The engine's flags among a process's own (`process.execArgv`), for another that is to make what this one finds:
 * machine code is known by the flags it was made with (v8.cachedDataVersionTag). What the process was begun to do
 * (`node -e SCRIPT`) is not repeated.
 */
export function engineFlags(flags: readonly string[]): string[] {
  return flags.filter((flag) => flag.startsWith("--") && !RUNS.test(flag));
}
