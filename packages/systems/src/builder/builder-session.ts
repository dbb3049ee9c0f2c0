/** What builds need of a computer that runs Node: ports, and the carrier. */
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BuilderPorts, CleanRoot, RootCarrier, RootCommand } from "@stratos/builder";
import { Hooks, hostSourceFiles, LinuxCarrier, type Hook } from "@stratos/tools-node/builder";
import { ComposeFolder } from "@stratos/tools-node/compose";
import { compileLate, homeFolder, readConfig, stratosHome } from "@stratos/host-node/home";
import { findMirror, nodePackagePorts } from "@stratos/tools-node/packages";
import { statOfProcess } from "@stratos/host-node/files";
import { OperationError } from "@stratos/operation";
import { chooseRunner } from "../scripts/choose-runner.ts";
import { StageHooks } from "./stage-hooks.ts";
import { toldFailure } from "@stratos/images/told-failures";

export interface BuilderSessionOptions {
  /** of Stratos, for the record of a build */
  readonly version: string;
  readonly signal: AbortSignal;
  readonly mirror?: string | undefined;
  readonly keyrings?: readonly string[] | undefined;
  readonly hooks?: readonly Hook[];
  /** modules that are asked before and after each stage */
  readonly plugins?: readonly string[];
  /** told what plugins print */
  readonly onPluginWords?: (message: string) => void;
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
  close(): Promise<void>;
}

export function openBuilderSession(options: BuilderSessionOptions): BuilderSession {
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
  const hooks = new StageHooks(new Hooks(options.hooks ?? []), options.plugins ?? [], options.onPluginWords);
  const ports: BuilderPorts = {
    packages,
    store,
    carrier: options.carrier ?? carrier,
    version: options.version,
    signal: options.signal,
    archive: { mirror: uri, keyrings: [...keyrings, ...(options.keyrings ?? []).map(readKeyring)] },
    runner: (architecture) => chooseRunner(architecture, "auto", composes),
    sources: hostSourceFiles({ downloads, work: join(folder, "work") }),
    hooks,
    output: (name) => join(options.output ?? ".", name),
    nowMs: () => Date.now(),
    cpuMs: processorTimes,
    ...(options.onFailedRoot === undefined ? {} : { onFailedRoot: options.onFailedRoot }),
  };
  return {
    ports,
    carrier,
    folder,
    async close() {
      store.close();
      await hooks.close();
      await packages.close();
    },
  };
}

function readKeyring(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new OperationError("build", path, "the keyring cannot be read", { cause: error });
  }
}

/** Ticks of the system's clock in a second. Source: proc(5), /proc/PID/stat; sysconf(3), _SC_CLK_TCK on Linux. */
const TICK_MS = 10;

function processorTimes(): { own: number; children: number } {
  const { user, system } = process.cpuUsage();
  let children = 0;
  try {
    const fields = statOfProcess(process.pid);
    children = (Number(fields[13]) + Number(fields[14])) * TICK_MS;
  } catch {
    // No Linux.
  }
  return { own: (user + system) / 1000, children };
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
