/**
 * Named systems, as a program has them: started, found and resumed through the supervisor of the user's systems, which
 * the command line uses, too. A connection of its own leads to each; what was begun over it ends with it.
 */
import {
  type ConnectOptions,
  type ForkOptions,
  type HomeOptions,
  type Mount,
  type NetOptions,
  type ResumeOptions,
  type SandboxOptions,
  StratosError,
  type SystemSpec,
  type SystemView,
} from "./api.ts";
import type { EngineClient } from "./engine-client.ts";
import { checkNetPolicy } from "./policy-sockets.ts";
import { MEMORY_BYTES } from "./protocol.ts";
import { RemoteHandle } from "./remote-files.ts";
import type { SupervisorClient } from "./systems.ts";

/** How a host reaches named systems. */
export interface SystemsSource {
  /** @throws StratosError of kind file or engine */
  open(home: string | undefined): Promise<SupervisorClient>;
  /** Of a file or folder of the host, as whoever works in another folder finds it. */
  absolutePath(place: string | URL): string;
  /** Is this file a checkpoint of a sandbox that had no name? false also for what cannot be read. */
  isUnnamed?(path: string): boolean;
}

/** A way to one of them. */
export interface OpenedSystem {
  /** As it was opened; a user may give it another one (`stratos rename`), so what is asked of it goes to the handle. */
  readonly name: string;
  readonly client: SupervisorClient;
  readonly handle: RemoteHandle;
}

/** What a system without a program of its own is there for. */
const WAITING = ["sleep", "infinity"];
/** What a system that lives on has no place for. */
const UNFIT = ["limits", "timeoutMs", "onTimeout", "volumes", "state", "board", "isolation", "spare"] as const;

const UNFIT_AGAIN = ["limits", "timeoutMs", "onTimeout", "isolation", "keepsPrograms"] as const;

/** @throws StratosError of kind option: a page has none */
function systemsOf(source: SystemsSource | undefined, what: string): SystemsSource {
  if (source !== undefined) return source;
  throw new StratosError("option", `${what}: a page has no named systems`, { option: what });
}

async function withClient<T>(
  source: SystemsSource,
  home: string | undefined,
  work: (client: SupervisorClient) => Promise<T>,
): Promise<T> {
  const client = await source.open(home);
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

/** The connection stays open for what was opened. */
async function opening(
  source: SystemsSource,
  home: string | undefined,
  find: (client: SupervisorClient) => Promise<SystemView>,
): Promise<OpenedSystem> {
  const client = await source.open(home);
  try {
    const { name } = await find(client);
    return await openSystem(client, name, () => client.close());
  } catch (error) {
    client.close();
    throw error;
  }
}

/** @throws StratosError of kind no-system */
export async function openSystem(
  client: SupervisorClient,
  name: string,
  letGo: () => void = () => {},
): Promise<OpenedSystem> {
  const { value } = await client.call("open-system", { name }).answer;
  // Of the library's operations the supervisor answers those that a sandbox has.
  return {
    name,
    client,
    handle: new RemoteHandle("sandbox", client as unknown as EngineClient, value as number, letGo),
  };
}

async function viewsOf(client: SupervisorClient): Promise<readonly SystemView[]> {
  return (await client.call("systems", {}).answer).value as readonly SystemView[];
}

/** @throws StratosError of kind no-system or system */
function aliveAmong(views: readonly SystemView[], name: string): SystemView {
  const view = views.find((each) => each.name === name);
  if (view === undefined) throw new StratosError("no-system", `${name}: no such system`, { system: name });
  if (view.state === "exited" || view.state === "lost")
    throw new StratosError("system", `${name}: is not running (${view.state})`, { system: name });
  return view;
}

/** @param findImage  the image's name, once it is there */
export async function startSystem(
  systems: SystemsSource | undefined,
  options: SandboxOptions & { readonly name: string },
  findImage: () => Promise<string>,
): Promise<OpenedSystem> {
  const source = systemsOf(systems, "name");
  for (const option of UNFIT)
    if (options[option] !== undefined)
      throw new StratosError("option", `${option}: is not for named systems`, { option });
  return opening(source, options.home, async (client) => {
    const { image, pull, mounts = [], onProgress, signal } = options;
    if (image !== undefined && typeof image !== "string")
      throw new StratosError("option", "image: text is expected", { option: "image" });
    const isKnown = image !== undefined && (pull === undefined || pull === false);
    const spec: SystemSpec = {
      image: isKnown ? image : await findImage(),
      command: WAITING,
      env: {},
      cwd: "/",
      user: "root",
      tty: null,
      hasInput: false,
      ...networkOf(options),
      ports: options.ports ?? [],
      mounts: absoluteMounts(source, mounts),
      memoryBytes: options.memoryBytes ?? MEMORY_BYTES,
      harts: options.harts ?? 1,
      seed: options.seed ?? null,
      hostname: options.hostname ?? null,
      isTransient: false,
      checkpointEveryMs: options.checkpointEveryMs ?? null,
      ...(options.display === true ? { display: true } : {}),
      ...(options.codeCache === undefined ? {} : { codeCache: options.codeCache }),
    };
    const { answer } = client.call(
      "start-system",
      { name: options.name, spec, ...secretsOf(options) },
      { signal, ...(onProgress === undefined ? {} : { onProgress }) },
    );
    return (await answer).value as SystemView;
  });
}

/** Without the secrets, which are told beside it. @throws StratosError of kind option */
function networkOf({ network = "none", net }: SandboxOptions): Pick<SystemSpec, "network" | "policy" | "ca"> {
  if (net === undefined) return { network };
  const { policy = "deny" } = net;
  checkNetPolicy(policy);
  return { network: "host", policy, ...authoritiesOf(net) };
}

function authoritiesOf({ ca }: NetOptions): Pick<SystemSpec, "ca"> {
  return ca === undefined ? {} : { ca: [ca].flat() };
}

function secretsOf({ net }: Pick<SandboxOptions, "net">): Pick<NetOptions, "secrets"> {
  return net?.secrets === undefined ? {} : { secrets: net.secrets };
}

function absoluteMounts(source: SystemsSource, mounts: readonly Mount[]): Mount[] {
  return mounts.map((mount) => ({ ...mount, host: source.absolutePath(mount.host) }));
}

export async function connectSystem(
  systems: SystemsSource | undefined,
  name: string,
  { home }: ConnectOptions,
): Promise<OpenedSystem> {
  return opening(systemsOf(systems, "connect"), home, async (client) => aliveAmong(await viewsOf(client), name));
}

/** The file, when that is a checkpoint of a sandbox that had no name. */
export function unnamedCheckpoint(systems: SystemsSource | undefined, place: string | URL): string | null {
  if (typeof place === "string" && !place.includes("/")) return null;
  const path = systemsOf(systems, "resume").absolutePath(place);
  return systems?.isUnnamed?.(path) === true ? path : null;
}

/** @param place  a file that was made of a system: a URL, or a text with `/` in it; else a paused system's name */
export async function resumeSystem(
  systems: SystemsSource | undefined,
  place: string | URL,
  options: ResumeOptions,
): Promise<OpenedSystem> {
  const source = systemsOf(systems, "resume");
  return opening(source, options.home, async (client) => {
    if (typeof place === "string" && !place.includes("/")) {
      const views = await viewsOf(client);
      if (views.some((each) => each.name === place && each.missingSecrets.length > 0))
        return (await client.call("restart-system", { name: place, ...secretsOf(options) }).answer).value as SystemView;
      const view = aliveAmong(views, place);
      if (view.state === "paused") await client.call("unpause-system", { name: place }).answer;
      return view;
    }
    const { name, mounts = [], net, network = net === undefined ? "none" : "host", ports = [], identity } = options;
    for (const option of UNFIT_AGAIN)
      if (options[option] !== undefined)
        throw new StratosError("option", `${option}: is not for named systems`, { option });
    if (net?.policy !== undefined)
      throw new StratosError("option", "net.policy: a named system keeps its own, which box.net.update changes", {
        option: "net.policy",
      });
    const path = source.absolutePath(place);
    const told = {
      ...(identity === undefined ? {} : { identity }),
      ...secretsOf(options),
      ...authoritiesOf(net ?? {}),
    };
    const request = { path, name, mounts: absoluteMounts(source, mounts), network, ports, ...told };
    return (await client.call("resume-system", request).answer).value as SystemView;
  });
}

export async function listSystems(systems: SystemsSource | undefined, { home }: HomeOptions): Promise<SystemView[]> {
  return withClient(systemsOf(systems, "list"), home, async (client) => [...(await viewsOf(client))]);
}

export async function removeSystem(
  systems: SystemsSource | undefined,
  name: string,
  { home, force }: HomeOptions & { readonly force?: boolean },
): Promise<void> {
  await withClient(systemsOf(systems, "remove"), home, async (client) => {
    await client.call("remove-system", { name, isForced: force === true }).answer;
  });
}

/** New systems, over the same connection. */
export async function forkSystem(
  { client, handle }: OpenedSystem,
  { count = 1, identity = "fresh", keepsPrograms, name: prefix, signal }: ForkOptions,
): Promise<OpenedSystem[]> {
  if (keepsPrograms === true)
    throw new StratosError("option", "keepsPrograms: is not for named systems", { option: "keepsPrograms" });
  const { target: original } = handle.use();
  const { value } = await client.call("fork-system", { target: original, count, identity, prefix }, { signal }).answer;
  const targets = await Promise.all(
    (value as readonly SystemView[]).map(async (view) => {
      const { value: target } = await client.call("open-system", { name: view.name }).answer;
      return { name: view.name, target: target as number };
    }),
  );
  const handles = handle.branches(targets.map(({ target }) => target));
  return targets.map((fork, index) => ({ name: fork.name, client, handle: handles[index]! }));
}
