/** The composition root of `stratos builder`: ports of Node, the carrier, and what the terminal is told. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildEvent, BuilderPorts, CleanRoot, RootCarrier, RootCommand } from "@stratos/builder";
import { printable } from "@stratos/base";
import { Hooks, hostSourceFiles, LinuxCarrier, type Hook } from "@stratos/tools-node/builder";
import { ComposeFolder } from "@stratos/tools-node/compose";
import { compileLate, homeFolder, ProgressDisplay, readConfig, stratosHome } from "@stratos/host-node/home";
import { findMirror, nodePackagePorts } from "@stratos/tools-node/packages";
import { CommandError } from "../command-error.ts";
import { chooseRunner } from "../compose/compose-session.ts";
import { formatSize } from "../option-values.ts";
import { listenForStop } from "../stop-signals.ts";
import { toldFailure } from "@stratos/images/told-failures";
import { VERSION } from "../version.ts";

interface SessionOptions {
  readonly mirror?: string | undefined;
  readonly keyrings?: readonly string[] | undefined;
  readonly hooks?: readonly Hook[];
  readonly verbose?: boolean;
  /** where builds run; default: linux */
  readonly carrier?: RootCarrier | undefined;
  /** where artefacts go */
  readonly output?: string;
  readonly onFailedRoot?: (root: CleanRoot, command: RootCommand) => Promise<void>;
}

export interface BuilderSession {
  readonly ports: BuilderPorts;
  readonly carrier: LinuxCarrier;
  readonly folder: string;
  /** the exit status that a signal asks for; undefined: none has come */
  readonly stopStatus: number | undefined;
  readonly display: ProgressDisplay;
  show(event: BuildEvent): void;
  close(): Promise<void>;
}

export function openBuilderSession(options: SessionOptions): BuilderSession {
  if (options.carrier === undefined) compileLate(true);
  const home = stratosHome(),
    folder = homeFolder(home, "builder"),
    downloads = homeFolder(home, "downloads"),
    composes = homeFolder(home, "compose");
  mkdirSync(join(folder, "work"), { recursive: true });
  const packages = nodePackagePorts(downloads),
    store = new ComposeFolder(composes),
    carrier = new LinuxCarrier(folder);
  const { uri, keyrings } = findMirror({ given: options.mirror, configured: readConfig(home).mirror });
  const display = new ProgressDisplay(process.stderr),
    stop = listenForStop();
  const ports: BuilderPorts = {
    packages,
    store,
    carrier: options.carrier ?? carrier,
    version: VERSION,
    signal: stop.signal,
    archive: { mirror: uri, keyrings: [...keyrings, ...(options.keyrings ?? []).map(readKeyring)] },
    runner: (architecture) => chooseRunner(architecture, "auto", composes),
    sources: hostSourceFiles({ downloads, work: join(folder, "work") }),
    hooks: new Hooks(options.hooks ?? []),
    output: (name) => join(options.output ?? ".", name),
    nowMs: () => Date.now(),
    cpuMs: processorTimes,
    ...(options.onFailedRoot === undefined ? {} : { onFailedRoot: options.onFailedRoot }),
  };
  return {
    ports,
    carrier,
    folder,
    display,
    get stopStatus() {
      return stop.status;
    },
    show: (event) => show(event, display, options.verbose === true),
    async close() {
      stop.close();
      display.clear();
      store.close();
      await packages.close();
    },
  };
}

function readKeyring(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new CommandError(path, "the keyring cannot be read", { cause: error });
  }
}

/** Ticks of the system's clock in a second. Source: proc(5), /proc/PID/stat; sysconf(3), _SC_CLK_TCK on Linux. */
const TICK_MS = 10;

function processorTimes(): { own: number; children: number } {
  const { user, system } = process.cpuUsage();
  let children = 0;
  try {
    const stat = readFileSync("/proc/self/stat", "latin1"),
      fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    children = (Number(fields[13]) + Number(fields[14])) * TICK_MS;
  } catch {
    // No Linux.
  }
  return { own: (user + system) / 1000, children };
}

function show(event: BuildEvent, display: ProgressDisplay, isVerbose: boolean): void {
  switch (event.kind) {
    case "stage": {
      if (event.record === undefined) return;
      const { wallMs, cpuMs, peakBytes } = event.record;
      return display.note(
        `${event.stage}: ${event.state} (${(wallMs / 1000).toFixed(1)} s, ${(cpuMs / 1000).toFixed(1)} s of ` +
          `CPU${peakBytes === 0 ? "" : `, ${formatSize(peakBytes)} of memory`})`,
      );
    }
    case "log": {
      if (!isVerbose) return;
      display.clear();
      process.stderr.write(event.bytes);
      return;
    }
    case "note":
      return display.note(printable(event.message));
    case "progress":
      return event.unit === undefined
        ? display.update(event.what, event.done, event.total)
        : display.update(event.what, event.done, event.total, event.unit);
  }
}

/** Where builds run, as the settings say. Stratos is loaded only when it is asked for: most of what there is. */
export async function carrierFor(
  name: "linux" | "stratos",
  seed: number | undefined,
): Promise<RootCarrier | undefined> {
  if (name === "linux") return undefined;
  compileLate(false);
  return new (await import("./stratos-carrier.ts")).StratosCarrier(homeFolder(stratosHome(), "builder"), seed ?? 1);
}

const BUILDER_FAILURES: ReadonlySet<string> = new Set([
  "ScriptError",
  "SourceError",
  "InfrastructureError",
  "HostProgramError",
  "ConfigError",
]);

/** What `work` throws, as the command line tells it. */
export async function telling<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toldFailure(what, error, BUILDER_FAILURES);
  }
}
