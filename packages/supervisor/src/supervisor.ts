/** All named systems of a user. */
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import { NodeEngines } from "@stratos/engine-node";
import { StratosError } from "@stratos/sdk/client";
import type { ForkIdentity, ImageProgress, SystemSpec, SystemView } from "@stratos/sdk/api";
import type { SupervisorOperations } from "@stratos/sdk/systems";
import { checkName } from "./check-name.ts";
import { readCheckpointAbout } from "./checkpoint-about.ts";
import { type Engines, NamedSystem } from "./named-system.ts";
import { forksFromFile, forksInPlace } from "./fork-source.ts";
import { missingSecrets, placesOf, requireSecrets, type Secrets } from "./system-secrets.ts";
import { type SystemFolder, type SystemRecord, SystemStore } from "./system-store.ts";

const FORKS_MAX = 100;

interface ForkRequest {
  readonly count: number;
  readonly identity: ForkIdentity;
  /** Default: the system's name. */
  readonly prefix?: string | undefined;
}

export class Supervisor {
  readonly #home: string;
  readonly #folder: string;
  readonly #store: SystemStore;
  readonly #systems = new Map<string, NamedSystem>();
  readonly #onChange: () => void;
  readonly #engines: Engines;

  /**
   * @param folder  of the systems, in `home`
   * @param onChange  told when `isIdle` may be another
   */
  constructor(home: string, folder: string, onChange: () => void, engines: Engines = new NodeEngines()) {
    this.#home = home;
    this.#folder = folder;
    this.#store = new SystemStore(folder);
    this.#onChange = onChange;
    this.#engines = engines;
    for (const [name, record] of this.#store.list()) this.#add(name, this.#store.open(name), record, {});
  }

  /** What ran when the last supervisor ended goes on from its checkpoint, or is lost. */
  takeUp(): void {
    for (const system of this.#systems.values()) if (system.isAlive) system.goBack("the supervisor was ended");
  }

  /** No system runs. */
  get isIdle(): boolean {
    return [...this.#systems.values()].every((system) => !system.isAlive);
  }

  #add(name: string, folder: SystemFolder, record: SystemRecord, secrets: Secrets): NamedSystem {
    const system = new NamedSystem({
      engines: this.#engines,
      home: this.#home,
      name,
      folder,
      record,
      secrets,
      listener: {
        onChange: this.#onChange,
        onRemoved: (removed) => {
          this.#systems.delete(removed.name);
          this.#onChange();
        },
      },
    });
    this.#systems.set(name, system);
    return system;
  }

  /** @throws StratosError of kind system */
  #create(name: string, { secrets: _, ...spec }: SystemSpec, secrets: Secrets): NamedSystem {
    const now = Date.now();
    const record: SystemRecord = {
      format: 1,
      id: randomBytes(6).toString("hex"),
      spec: { ...spec, ...placesOf(secrets) },
      state: "starting",
      createdMs: now,
      startedMs: now,
      finishedMs: null,
      exitCode: null,
      error: null,
      checkpointMs: null,
      restoredMs: null,
    };
    return this.#add(name, this.#store.create(checkName("name", name), record), record, secrets);
  }

  views(): SystemView[] {
    return [...this.#systems].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, system]) => system.view());
  }

  /** Those of these names that are there: one that leaves nothing behind may be gone already. */
  present(names: readonly string[]): NamedSystem[] {
    return names.flatMap((name) => this.#systems.get(name) ?? []);
  }

  /** @throws StratosError of kind no-system */
  find(name: string): NamedSystem {
    const system = this.#systems.get(name);
    if (system === undefined) throw new StratosError("no-system", `${name}: no such system`, { system: name });
    return system;
  }

  async start(
    { name, spec, secrets = {} }: SupervisorOperations["start-system"],
    unwanted: AbortSignal,
    onProgress: (at: ImageProgress) => void,
  ): Promise<SystemView> {
    const system = this.#create(name ?? this.#freeName("system"), spec, secrets);
    return this.#begun(system, unwanted, () => system.start(onProgress, unwanted));
  }

  /** One that does not come to run, or that nobody waits for any more, is not there. */
  async #begun(system: NamedSystem, unwanted: AbortSignal, begin: () => Promise<void>): Promise<SystemView> {
    try {
      await begin();
      unwanted.throwIfAborted();
    } catch (error) {
      await system.remove(true);
      throw error;
    }
    return system.view();
  }

  async restart({ name, secrets }: SupervisorOperations["restart-system"]): Promise<SystemView> {
    const system = this.find(name);
    if (system.isAlive) throw new StratosError("system", `${name}: is running already`, { system: name });
    if (secrets !== undefined) system.tellSecrets(secrets);
    await (system.awaitsSecrets ? system.goOn() : system.start(() => {}));
    return system.view();
  }

  rename(name: string, to: string): void {
    const system = this.find(name);
    if (this.#systems.has(checkName("name", to)))
      throw new StratosError("system", `${to}: there is a system of this name`, { system: to });
    system.rename(to);
    this.#systems.delete(name);
    this.#systems.set(to, system);
  }

  /**
   * A file may be anybody's, so what it had of the host it gets only when the user says so again.
   *
   * @throws StratosError, StateError
   */
  async resume(request: SupervisorOperations["resume-system"], unwanted: AbortSignal): Promise<SystemView> {
    const { path, name, mounts, ports, network, identity = "same", secrets = {}, ca } = request;
    if (!isIdentity(identity)) throw wrongIdentity();
    const { about } = readCheckpointAbout(path);
    const refuse = (why: string, option = "resume"): StratosError =>
      new StratosError("option", `${path}: ${why}`, { option });
    for (const { guest } of mounts)
      if (!about.spec.mounts.some((mount) => mount.guest === guest)) throw refuse(`it had no folder at ${guest} (-v)`);
    if (network === "host" && about.spec.network === "none") throw refuse("it had no network; leave --net host away");
    const unsaid = unsaidOf(about.spec, request);
    if (unsaid.length > 0) {
      const areSecrets = unsaid.length === missingSecrets(about.spec, secrets).length;
      const why = `what it had of the host it has again when that is said again: add ${unsaid.join(", ")}`;
      throw refuse(why, areSecrets ? "net.secrets" : "resume");
    }
    requireSecrets(path, about.spec, secrets);
    const { ca: _, ...kept } = about.spec;
    const spec = { ...kept, mounts, ports, ...(ca === undefined ? {} : { ca }) };
    const system = this.#create(name ?? about.name, spec, secrets);
    return this.#begun(system, unwanted, () => system.resume(path, { unwanted, identity }));
  }

  /** All or none of them. They have what it has, but for ports of the host, which only one can have. */
  async fork(
    parent: NamedSystem,
    { count, identity, prefix = parent.name }: ForkRequest,
    unwanted: AbortSignal,
  ): Promise<SystemView[]> {
    const option = (name: string, expected: string): StratosError =>
      new StratosError("option", `${name}: ${expected} is expected`, { option: name });
    if (!(Number.isInteger(count) && count >= 1 && count <= FORKS_MAX)) throw option("count", `1 to ${FORKS_MAX}`);
    if (!isIdentity(identity)) throw wrongIdentity();
    const { spec } = parent;
    const path = join(this.#folder, `.fork-${randomBytes(6).toString("hex")}`);
    // What is open in a folder of the host, each machine has to open for itself.
    const source = await (spec.mounts.length === 0
      ? forksInPlace(parent, { count, identity }, unwanted)
      : forksFromFile(parent, { identity, path }, unwanted));
    const forks: NamedSystem[] = [];
    const views: SystemView[] = [];
    try {
      for (let made = 0; made < count; made++) {
        const system = this.#create(this.#freeName(prefix), { ...spec, ports: [] }, parent.secrets);
        views.push(await this.#begun(system, unwanted, () => source.begin(system)));
        forks.push(system);
      }
      return views;
    } catch (error) {
      await Promise.all(forks.map((fork) => fork.remove(true)));
      throw error;
    } finally {
      await source.close();
    }
  }

  #freeName(prefix: string): string {
    for (let number = 1; ; number++) if (!this.#systems.has(`${prefix}-${number}`)) return `${prefix}-${number}`;
  }

  /** All that runs is left as it is to be found by the next supervisor. */
  async close(): Promise<void> {
    await Promise.all([...this.#systems.values()].map((system) => system.leaveBehind()));
  }
}

/** Options that a file's system needs and nobody has given: what it had of the host, but for secrets' hosts. */
function unsaidOf(
  spec: SystemSpec,
  { mounts, network, secrets = {} }: SupervisorOperations["resume-system"],
): readonly string[] {
  const folders = spec.mounts.filter(({ guest }) => !mounts.some((mount) => mount.guest === guest));
  return [
    ...folders.map(({ host, guest }) => `-v HOST:${guest} (it had ${host} there)`),
    ...(spec.network === "host" && network !== "host" ? ["--net host"] : []),
    // A host that a file names may be anybody's.
    ...missingSecrets(spec, secrets).map((name) => `--secret ${name}=HOST`),
  ];
}

function isIdentity(given: string): boolean {
  return given === "fresh" || given === "same";
}

function wrongIdentity(): StratosError {
  return new StratosError("option", 'identity: "fresh" or "same" is expected', { option: "identity" });
}
