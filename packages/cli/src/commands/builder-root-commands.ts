import {
  builderCaches,
  type BuilderSettings,
  carrierFor,
  enterRoot,
  listLayers,
  makeRootLayers,
  pruneLayers,
  removeLayers,
  scrubLayers,
  settingsOf,
  shortKey,
  telling,
  updateBases,
} from "@stratos/systems/builder";
import { CommandError, UsageError } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { FailedRemovals } from "../failed-removals.ts";
import { formatSize } from "@stratos/operation";
import { formatTable } from "../text-table.ts";
import { builderAtTerminal, type BuilderOptions, type TerminalBuilder } from "./builder-terminal.ts";

const PRUNE_DAYS = 30;
/** Damaged files of a layer that are named. */
const TOLD_MOST = 20;

export interface RootShellOptions extends BuilderOptions {
  readonly user?: true;
  readonly network?: true;
}
export interface RootRemoveOptions {
  readonly all?: true;
  readonly json?: true;
}
export interface RootScrubOptions {
  readonly repair?: true;
  readonly json?: true;
}
export interface CachePruneOptions {
  readonly olderThan?: number;
  readonly dryRun?: true;
  readonly json?: true;
}

export async function listRoots(options: { json?: true }): Promise<number> {
  const layers = listLayers();
  if (options.json === true) print(layers);
  else
    process.stdout.write(
      formatTable(
        ["key", "kind", "suite", "arch", "packages", "size", "made", "used", ""],
        layers.map((one) => [
          shortKey(one.key),
          one.kind,
          one.suite,
          one.architecture,
          String(one.packages.length),
          formatSize(one.bytes),
          timeText(one.madeMs),
          timeText(one.usedMs),
          one.inUse ? "in use" : "",
        ]),
      ),
    );
  return EXIT_SUCCESS;
}

export async function makeRoot(source: string | undefined, options: BuilderOptions): Promise<number> {
  const settings = settingsOf(options);
  return withSession(settings, options, source ?? settings.request.suite, async (session) => {
    const { keys, kept } = await makeRootLayers(session, settings, source, session.show);
    session.display.clear();
    process.stdout.write(keys.map((key, index) => `${shortKey(key)}${index < kept ? " kept" : " made"}\n`).join(""));
    return EXIT_SUCCESS;
  });
}

export async function updateRoots(options: BuilderOptions): Promise<number> {
  const settings = settingsOf({ ...options, in: "linux" });
  return withSession(settings, options, "update", async (session) => {
    for await (const { suite, architecture, made, removed } of updateBases(session, settings, session.show)) {
      session.display.clear();
      const base = `${suite} ${architecture}`;
      process.stdout.write(`${base}: ${made === undefined ? "up to date" : `made ${shortKey(made)}`}\n`);
      for (const key of removed) process.stdout.write(`${base}: removed ${shortKey(key)}, which is superseded\n`);
    }
    return EXIT_SUCCESS;
  });
}

export async function shellInRoot(source: string | undefined, options: RootShellOptions): Promise<number> {
  const settings = settingsOf(options);
  if (settings.carrier !== "linux")
    throw new CommandError("root shell", "a shell is to be had on linux alone; `stratos run` has one inside Stratos");
  return withSession(settings, options, source ?? settings.request.suite, async (session) => {
    const { keys } = await makeRootLayers(session, settings, source, session.show);
    session.display.clear();
    return enterRoot(session, settings, keys, { isUser: options.user === true, hasNetwork: options.network === true });
  });
}

export async function removeRoots(keys: readonly string[], options: RootRemoveOptions): Promise<number> {
  if (keys.length === 0 && options.all !== true) throw new UsageError("KEY", "missing: name layers, or give --all");
  const removed = await removeLayers(options.all === true ? undefined : keys);
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(removed)}\n`
      : removed.map((key) => `${shortKey(key)} removed\n`).join(""),
  );
  return EXIT_SUCCESS;
}

export async function scrubRoots(keys: readonly string[], options: RootScrubOptions): Promise<number> {
  const report = await scrubLayers(keys.length === 0 ? undefined : keys, options.repair === true);
  if (options.json === true) print(report);
  else
    for (const { key, damaged, removed } of report) {
      const more = damaged.length - TOLD_MOST;
      const lines = [
        damaged.length === 0 ? "sound" : `damaged${removed ? ", removed" : ""}`,
        ...damaged.slice(0, TOLD_MOST).map((path) => `  ${path}`),
        ...(more > 0 ? [`  and ${more} more`] : []),
      ];
      process.stdout.write(`${shortKey(key)}: ${lines.join("\n")}\n`);
    }
  return report.every(({ damaged, removed }) => damaged.length === 0 || removed) ? EXIT_SUCCESS : EXIT_FAILURE;
}

export async function listCaches(options: { json?: true }): Promise<number> {
  const caches = builderCaches();
  if (options.json === true) print(caches);
  else
    process.stdout.write(
      formatTable(
        ["what", "entries", "size", "pruned by"],
        caches.map((one) => [one.what, String(one.entries), formatSize(one.bytes), one.prune]),
      ),
    );
  return EXIT_SUCCESS;
}

export async function pruneCaches(options: CachePruneOptions): Promise<number> {
  const isDry = options.dryRun === true;
  const failed = new FailedRemovals();
  const old = await pruneLayers(options.olderThan ?? PRUNE_DAYS, isDry, failed.tell);
  if (options.json === true) print(old);
  else
    process.stdout.write(
      old
        .map(
          ({ key, kind, suite, architecture, usedMs }) =>
            `${shortKey(key)} ${kind} ${suite} ${architecture}, used ${timeText(usedMs)}\n`,
        )
        .join("") +
        `${old.length} layers, ${formatSize(old.reduce((sum, one) => sum + one.bytes, 0))}` +
        `${isDry ? " would be removed" : " removed"}\n`,
    );
  return failed.end();
}

async function withSession(
  settings: BuilderSettings,
  options: BuilderOptions,
  what: string,
  work: (session: TerminalBuilder) => Promise<number>,
): Promise<number> {
  const session = builderAtTerminal({
    carrier: await carrierFor(settings.carrier, undefined),
    mirror: settings.mirror,
    keyrings: settings.keyrings,
    verbose: options.verbose === true,
  });
  try {
    return await telling(what, () => work(session));
  } finally {
    await session.close();
  }
}

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 16).replace("T", " ");
}
