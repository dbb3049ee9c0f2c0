/** The builder's settings on this host: which files there are, and what counts of them and of the command line. */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join, resolve } from "node:path";
import {
  ConfigError,
  mergeConfig,
  sizeOf,
  type BuildLimits,
  type BuildRequest,
  type ConfigLayer,
  type ExtraRepository,
  type Setting,
} from "@stratos/builder";
import type { Json, JsonObject } from "@stratos/compose";
import type { Hook } from "@stratos/tools-node/builder";
import { canRun, nativeArchitecture } from "@stratos/tools-node/compose";
import { parse } from "yaml";
import { textOfFile } from "@stratos/host-node/files";
import { OperationError } from "@stratos/operation";
import { DEFAULT_SUITE } from "@stratos/images/defaults";

const PROJECT_FILE = "stratos-builder.yaml";
const INCLUDES_MAX = 16;
const HOOK_TIMEOUT_SECONDS = 600;

/** What counts more than any file. */
export interface BuilderWishes {
  readonly suite?: string;
  readonly arch?: string;
  readonly host?: string;
  readonly in?: string;
  readonly resolver?: string;
  readonly mirror?: string;
  readonly keyring?: readonly string[];
  readonly components?: readonly string[];
  readonly repository?: readonly ExtraRepository[];
  readonly profiles?: readonly string[];
  readonly parts?: "both" | "any" | "all";
  readonly jobs?: number;
  readonly timeout?: number;
  readonly silence?: number;
  readonly memory?: number;
  readonly processes?: number;
  readonly space?: number;
  readonly log?: number;
  readonly ccache?: boolean;
  readonly lintian?: boolean;
  readonly autopkgtest?: boolean;
  readonly plugin?: readonly string[];
  readonly hook?: readonly { readonly point: string; readonly command: readonly string[] }[];
}

/** Files that are looked for, whether they are there or not, the first the weakest. */
export function configPlaces(): string[] {
  const own =
    process.env["XDG_CONFIG_HOME"] ||
    (process.env["HOME"] === undefined ? undefined : join(process.env["HOME"], ".config"));
  return [
    "/etc/stratos/builder.yaml",
    ...(own === undefined ? [] : [join(own, "stratos/builder.yaml")]),
    resolve(PROJECT_FILE),
  ];
}

/** What counts, and where it is from. @throws OperationError */
export function readSettings(options: BuilderWishes): Setting[] {
  try {
    return mergeConfig([
      builtIn(),
      ...configPlaces()
        .filter((path) => existsSync(path))
        .flatMap((path) => readFile(path, 0)),
      { origin: "command line", values: ofCommandLine(options) },
    ]);
  } catch (error) {
    if (error instanceof ConfigError) throw new OperationError("build", "config", error.message, { cause: error });
    throw error;
  }
}

function builtIn(): ConfigLayer {
  return {
    origin: "built-in",
    values: {
      suite: DEFAULT_SUITE,
      arch: nativeArchitecture() ?? "riscv64",
      in: nativeArchitecture() === undefined ? "stratos" : "linux",
      parts: "both",
      jobs: availableParallelism(),
    },
  };
}

/** What it includes is weaker than itself. */
function readFile(path: string, depth: number): ConfigLayer[] {
  if (depth > INCLUDES_MAX) throw new OperationError("build", path, `includes go deeper than ${INCLUDES_MAX}`);
  let values: unknown;
  try {
    values = parse(textOfFile(readFileSync(path), path, "build")) ?? {};
  } catch (error) {
    if (error instanceof OperationError) throw error;
    throw new OperationError("build", path, `cannot be read: ${(error as Error).message.split("\n")[0]}`, {
      cause: error,
    });
  }
  if (typeof values !== "object" || values === null || Array.isArray(values))
    throw new OperationError("build", path, "is no map of settings");
  const { include, ...own } = values as JsonObject;
  const included = include === undefined ? [] : [include].flat();
  if (included.some((one) => typeof one !== "string"))
    throw new OperationError("build", path, "include: expected a path or a list of paths");
  return [
    ...(included as string[]).flatMap((one) => readFile(resolve(dirname(path), one), depth + 1)),
    { origin: path, values: atFile(own, path) },
  ];
}

/** Paths are relative to the file. */
function atFile(values: JsonObject, path: string): JsonObject {
  const at = (text: Json): Json =>
    typeof text === "string" && text.startsWith(".") ? resolve(dirname(path), text) : text;
  const { hooks, keyrings } = values;
  return {
    ...values,
    ...(Array.isArray(keyrings)
      ? { keyrings: keyrings.map((one) => (typeof one === "string" ? resolve(dirname(path), one) : one)) }
      : {}),
    ...(Array.isArray(hooks)
      ? {
          hooks: hooks.map((one) =>
            typeof one === "object" &&
            one !== null &&
            !Array.isArray(one) &&
            Array.isArray((one as JsonObject)["command"])
              ? { ...(one as JsonObject), command: ((one as JsonObject)["command"] as Json[]).map(at) }
              : one,
          ) as Json,
        }
      : {}),
  };
}

function ofCommandLine(options: BuilderWishes): JsonObject {
  const {
    suite,
    arch,
    host,
    mirror,
    components,
    keyring,
    repository,
    profiles,
    parts,
    jobs,
    timeout,
    silence,
    memory,
    processes,
    space,
    log,
    ccache,
    lintian,
    autopkgtest,
    hook,
    plugin,
  } = options;
  const given = {
    suite,
    arch,
    host,
    in: options.in,
    resolver: options.resolver,
    mirror,
    components,
    keyrings: keyring,
    repositories: repository,
    profiles,
    parts,
    jobs,
    ccache,
    lintian,
    autopkgtest,
    hooks: hook,
    plugins: plugin,
    limits: { timeout, silence, memory, processes, space, log },
  };
  return JSON.parse(JSON.stringify(given)) as JsonObject;
}

export interface BuilderSettings {
  readonly request: Omit<BuildRequest, "source">;
  readonly carrier: "linux" | "stratos";
  readonly hooks: readonly Hook[];
  readonly plugins: readonly string[];
  readonly keyrings: readonly string[];
  readonly mirror: string | undefined;
  readonly isLinted: boolean;
  /** Whether the source's own tests are run. */
  readonly isTested: boolean;
}

/** Words of Architecture fields that name no machine's (deb-src-control(5)). */
const NO_MACHINES: ReadonlySet<string> = new Set(["all", "any", "source"]);

/** What counts, as a request to be completed. */
export function settingsOf(options: BuilderWishes): BuilderSettings {
  const settings = readSettings(options),
    values = new Map(settings.map(({ key, value }) => [key, value]));
  const isBuiltIn = (name: string): boolean => settings.find(({ key }) => key === name)?.origin === "built-in";
  // A machine of Stratos is of one kind, whatever the host is; and what the host does not run, runs there if it can.
  if (values.get("in") === "stratos" && isBuiltIn("arch")) values.set("arch", "riscv64");
  else if (values.get("arch") === "riscv64" && isBuiltIn("in") && !canRun("riscv64")) values.set("in", "stratos");
  const get = <T>(key: string): T | undefined => values.get(key) as T | undefined;
  const limits: Record<string, number> = {};
  for (const [key, name] of [
    ["timeout", "timeoutSeconds"],
    ["silence", "silenceSeconds"],
    ["memory", "memoryBytes"],
    ["processes", "processes"],
    ["space", "spaceBytes"],
    ["log", "logBytes"],
  ] as const) {
    const value = values.get(`limits.${key}`);
    if (value !== undefined) limits[name] = sizeOf(value)!;
  }
  const carrier = get<string>("in");
  if (carrier !== "linux" && carrier !== "stratos")
    throw new OperationError("build", "in", `there is no carrier ${carrier}: linux, stratos`);
  const resolver = get<string>("resolver");
  if (resolver !== undefined && resolver !== "stratos" && resolver !== "apt")
    throw new OperationError("build", "resolver", `there is no resolver ${resolver}: stratos, apt`);
  const architecture = get<string>("arch")!,
    hostArchitecture = get<string>("host");
  const isCross = hostArchitecture !== undefined && hostArchitecture !== architecture;
  if (isCross && NO_MACHINES.has(hostArchitecture))
    throw new OperationError("build", "host", `${hostArchitecture} is no machine's architecture`);
  if (isCross && resolver === "apt")
    throw new OperationError("build", "resolver", "apt decides no cross build here; Stratos' own resolver does");
  if (isCross && get<boolean>("autopkgtest") === true)
    throw new OperationError("build", "autopkgtest", `tests of ${hostArchitecture} do not run on ${architecture}`);
  const optional = {
    resolver,
    hostArchitecture: isCross ? hostArchitecture : undefined,
    components: get<string[]>("components"),
    repositories: get<ExtraRepository[]>("repositories")?.map((one) => ({
      ...one,
      components: one.components ?? ["main"],
    })),
    environment: get<Record<string, string>>("environment"),
    ccache: get<boolean>("ccache"),
    mirror: get<string>("mirror"),
  };
  return {
    request: {
      suite: get<string>("suite")!,
      architecture,
      profiles: get<string[]>("profiles") ?? [],
      parts: get<"both" | "any" | "all">("parts")!,
      jobs: get<number>("jobs")!,
      limits: limits as Partial<BuildLimits>,
      ...(Object.fromEntries(
        Object.entries(optional).filter(([, value]) => value !== undefined),
      ) as Partial<BuildRequest>),
    },
    carrier,
    keyrings: get<string[]>("keyrings") ?? [],
    plugins: get<string[]>("plugins") ?? [],
    mirror: get<string>("mirror"),
    isTested: get<boolean>("autopkgtest") === true,
    isLinted: get<boolean>("lintian") === true,
    hooks: (get<{ point: string; command: string[]; timeout?: number }[]>("hooks") ?? []).map(
      ({ point, command, timeout }) => ({ point, command, timeoutSeconds: timeout ?? HOOK_TIMEOUT_SECONDS }),
    ),
  };
}
