import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import {
  BUILD_USER,
  buildNeeds,
  DEFAULT_LIMITS,
  fetchSource,
  makeLayers,
  planBuildRoot,
  planRoot,
  type BuildRequest,
} from "@stratos/builder";
import { LinuxCarrier, type KeptLayer } from "@stratos/tools-node/builder";
import { cleanStore } from "@stratos/tools-node/compose";
import { homeFolder, stratosHome } from "@stratos/host-node/home";
import { carrierFor, telling, settingsOf, type BuilderSettings, parseSourceReference } from "@stratos/systems/builder";
import { CommandError, UsageError } from "../command-error.ts";
import { EXIT_FAILURE, EXIT_SUCCESS } from "../exit-status.ts";
import { formatSize } from "../option-values.ts";
import type {
  BuilderOptions,
  CachePruneOptions,
  RootRemoveOptions,
  RootScrubOptions,
  RootShellOptions,
} from "./builder-rows.ts";
import { formatTable } from "../text-table.ts";
import { builderAtTerminal, type TerminalBuilder } from "./builder-terminal.ts";

const KEY_SHOWN = 12;
const DAY_MS = 86_400_000;
const PRUNE_DAYS = 30;

export async function listRoots(options: { json?: true }): Promise<number> {
  const carrier = openCarrier(),
    layers = carrier.layers.list(),
    used = carrier.layersInUse();
  if (options.json === true)
    process.stdout.write(
      JSON.stringify(
        layers.map((one) => ({ ...one, inUse: used.has(one.key) })),
        null,
        2,
      ) + "\n",
    );
  else
    process.stdout.write(
      formatTable(
        ["key", "kind", "suite", "arch", "packages", "size", "made", "used", ""],
        layers.map((one) => [
          one.key.slice(0, KEY_SHOWN),
          one.kind,
          one.suite,
          one.architecture,
          String(one.packages.length),
          formatSize(one.bytes),
          timeText(one.madeMs),
          timeText(one.usedMs),
          used.has(one.key) ? "in use" : "",
        ]),
      ),
    );
  return EXIT_SUCCESS;
}

export async function makeRoot(source: string | undefined, options: BuilderOptions): Promise<number> {
  const settings = settingsOf(options);
  return withSession(settings, options, source ?? settings.request.suite, async (session) => {
    const { keys, kept } = await layersFor(session, settings, source);
    session.display.clear();
    process.stdout.write(
      keys.map((key, index) => `${key.slice(0, KEY_SHOWN)}${index < kept ? " kept" : " made"}\n`).join(""),
    );
    return EXIT_SUCCESS;
  });
}

export async function updateRoots(options: BuilderOptions): Promise<number> {
  const settings = settingsOf({ ...options, in: "linux" });
  return withSession(settings, options, "update", async (session) => {
    const bases = session.carrier.layers.list().filter(({ kind }) => kind === "base"),
      used = session.carrier.layersInUse();
    const pairs = new Map(bases.map((one) => [`${one.suite} ${one.architecture}`, one]));
    if (pairs.size === 0)
      throw new CommandError("update", "there is no base yet; `stratos builder root make` makes one");
    for (const { suite, architecture } of pairs.values()) {
      const own = { ...settings, request: { ...settings.request, suite, architecture } };
      const {
        keys: [key],
        kept,
      } = await layersFor(session, own, undefined);
      session.display.clear();
      process.stdout.write(
        `${suite} ${architecture}: ${kept === 1 ? "up to date" : `made ${key!.slice(0, KEY_SHOWN)}`}\n`,
      );
      // What stood on an older base is of no build any more: its key names that base.
      for (const old of session.carrier.layers.list()) {
        if (
          old.suite !== suite ||
          old.architecture !== architecture ||
          old.key === key ||
          used.has(old.key) ||
          kept === 1
        )
          continue;
        await session.carrier.layers.remove(old.key);
        process.stdout.write(`${suite} ${architecture}: removed ${old.key.slice(0, KEY_SHOWN)}, which is superseded\n`);
      }
    }
    return EXIT_SUCCESS;
  });
}

export async function enterRoot(source: string | undefined, options: RootShellOptions): Promise<number> {
  const settings = settingsOf(options),
    { architecture, suite } = settings.request;
  if (settings.carrier !== "linux")
    throw new CommandError("root shell", "a shell is to be had on linux alone; `stratos run` has one inside Stratos");
  return withSession(settings, options, source ?? suite, async (session) => {
    const { keys } = await layersFor(session, settings, source);
    session.display.clear();
    const root = await session.carrier.clone(keys, {
      architecture,
      hostname: "builder",
      epochSeconds: 0,
      user: BUILD_USER,
      buildFolder: "/build",
      limits: { ...DEFAULT_LIMITS, ...settings.request.limits },
      signal: session.ports.signal,
    });
    try {
      await root.bring([]);
      const isUser = options.user === true;
      const { status } = await root.run({
        argv: ["/bin/bash"],
        folder: "/build",
        umask: "0022",
        asRoot: !isUser,
        hasNetwork: options.network === true,
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
  });
}

export async function removeRoots(keys: readonly string[], options: RootRemoveOptions): Promise<number> {
  if (keys.length === 0 && options.all !== true) throw new UsageError("KEY", "missing: name layers, or give --all");
  const carrier = openCarrier(),
    used = carrier.layersInUse();
  const chosen = options.all === true ? carrier.layers.list() : keys.map((key) => findLayer(carrier, key));
  const removed: string[] = [];
  for (const { key } of chosen) {
    if (used.has(key)) {
      if (options.all !== true) throw new CommandError(key.slice(0, KEY_SHOWN), "a build stands on it");
      continue;
    }
    await carrier.layers.remove(key);
    removed.push(key);
  }
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify(removed)}\n`
      : removed.map((key) => `${key.slice(0, KEY_SHOWN)} removed\n`).join(""),
  );
  return EXIT_SUCCESS;
}

export async function scrubRoots(keys: readonly string[], options: RootScrubOptions): Promise<number> {
  const carrier = openCarrier(),
    used = carrier.layersInUse();
  const chosen = keys.length === 0 ? carrier.layers.list() : keys.map((key) => findLayer(carrier, key));
  const report: { key: string; damaged: readonly string[]; removed: boolean }[] = [];
  for (const { key } of chosen) {
    const damaged = (await telling(key, () => carrier.layers.scrub(key))) ?? [];
    const isRemoved = damaged.length > 0 && options.repair === true && !used.has(key);
    if (isRemoved) await carrier.layers.remove(key);
    report.push({ key, damaged, removed: isRemoved });
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else
    for (const { key, damaged, removed } of report)
      process.stdout.write(
        `${key.slice(0, KEY_SHOWN)}: ` +
          (damaged.length === 0
            ? "sound"
            : `damaged${removed ? ", removed" : ""}\n${damaged
                .slice(0, 20)
                .map((path) => `  ${path}`)
                .join("\n")}${damaged.length > 20 ? `\n  and ${damaged.length - 20} more` : ""}`) +
          "\n",
      );
  return report.every(({ damaged, removed }) => damaged.length === 0 || removed) ? EXIT_SUCCESS : EXIT_FAILURE;
}

export async function listCaches(options: { json?: true }): Promise<number> {
  const home = stratosHome(),
    builder = homeFolder(home, "builder"),
    layers = openCarrier().layers.list();
  const compose = cleanStore(homeFolder(home, "compose"), { isDry: true });
  const rows = [
    {
      what: "layers",
      entries: layers.length,
      bytes: layers.reduce((sum, one) => sum + one.bytes, 0),
      prune: "stratos builder cache prune",
    },
    { what: "compilations", ...folderSize(join(builder, "ccache")), prune: "ccache bounds them itself" },
    {
      what: "packages taken apart and roots",
      entries: compose.reduce((sum, one) => sum + one.files, 0),
      bytes: compose.reduce((sum, one) => sum + one.bytes, 0),
      prune: "stratos compose clean",
    },
    { what: "downloads", ...folderSize(homeFolder(home, "downloads")), prune: "stratos pkg clean" },
  ];
  if (options.json === true) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  else
    process.stdout.write(
      formatTable(
        ["what", "entries", "size", "pruned by"],
        rows.map((one) => [one.what, String(one.entries), formatSize(one.bytes), one.prune]),
      ),
    );
  return EXIT_SUCCESS;
}

export async function pruneCaches(options: CachePruneOptions): Promise<number> {
  const carrier = openCarrier(),
    used = carrier.layersInUse(),
    before = Date.now() - (options.olderThan ?? PRUNE_DAYS) * DAY_MS;
  const old = carrier.layers.list().filter(({ key, usedMs }) => usedMs <= before && !used.has(key));
  if (options.dryRun !== true) {
    for (const { key } of old) await carrier.layers.remove(key);
    await carrier.removeForgotten();
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(old, null, 2)}\n`);
  else
    process.stdout.write(
      `${old
        .map(
          (one) =>
            `${one.key.slice(0, KEY_SHOWN)} ${one.kind} ${one.suite} ${one.architecture}, used ` +
            `${timeText(one.usedMs)}\n`,
        )
        .join("")}${old.length}` +
        ` layers, ${formatSize(old.reduce((sum, one) => sum + one.bytes, 0))}` +
        `${options.dryRun === true ? " would be removed" : " removed"}\n`,
    );
  return EXIT_SUCCESS;
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

async function layersFor(
  { ports, show }: TerminalBuilder,
  settings: BuilderSettings,
  source: string | undefined,
): Promise<{ keys: readonly string[]; kept: number }> {
  const { request } = settings,
    { architecture } = request;
  if (source === undefined) {
    const { packages: _, ...base } = request;
    return makeLayers(ports, await planRoot(ports, base, undefined, show), architecture, show);
  }
  const whole: BuildRequest = { ...request, source: parseSourceReference(source) },
    fetched = await fetchSource(ports, whole, show);
  try {
    return await makeLayers(
      ports,
      await planBuildRoot(
        ports,
        whole,
        buildNeeds(fetched.stanza, { architecture, profiles: request.profiles, parts: request.parts ?? "both" }),
        show,
      ),
      architecture,
      show,
    );
  } finally {
    await fetched.remove();
  }
}

function openCarrier(): LinuxCarrier {
  return new LinuxCarrier(homeFolder(stratosHome(), "builder"));
}

function findLayer(carrier: LinuxCarrier, beginning: string): KeptLayer {
  const found = carrier.layers.list().filter(({ key }) => key.startsWith(beginning));
  if (found.length !== 1)
    throw new CommandError(
      beginning,
      found.length === 0
        ? "there is no such layer; `stratos builder root ls` lists them"
        : `is the beginning of ${found.length} keys`,
    );
  return found[0]!;
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

function timeText(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 16).replace("T", " ");
}
