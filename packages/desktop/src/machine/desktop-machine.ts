/**
 * The machine behind a desktop: one of its own, in this process, whose programs have a display here; or a named system,
 * which goes on without us. Files, programs and processes of both are asked for in the same way, as a library does.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SystemScreen } from "@stratos/console/system-screen";
import type { ScreenSource } from "@stratos/display";
import { NodeEngineHost } from "@stratos/engine-node/host";
import { stratosHome } from "@stratos/host-node/home";
import type { SandboxOptions, SystemView } from "@stratos/sdk/api";
import { CountedEngines, type SystemsSource, useEngines } from "@stratos/sdk/client";
import { Sandbox } from "@stratos/sdk/public";
import { VERSION } from "@stratos/sdk/version";
import { findGuestUser, type GuestUser, type MachineSession } from "@stratos/session";
import { openSupervisor } from "@stratos/supervisor/client";
import { engineHere, userOf } from "./engine-here.ts";

export interface DesktopMachine {
  /** As the page shows it. */
  readonly name: string;
  readonly box: Sandbox;
  /** Null: programs have no display here, as the machine is another process's. */
  readonly session: MachineSession | null;
  /** The display that a named system has, arranged by its own compositor; null: none. */
  readonly screen: ScreenSource | null;
  readonly user: GuestUser;
  /** Others who have a desktop of it, too, of which one is shown at a time. */
  readonly others: readonly GuestUser[];
  /** What was changed in it outlives it. */
  readonly keepsFiles: boolean;
  /** Ends it, or lets go of it. */
  close(): Promise<void>;
}

/** @param users  names or numbers, as `run -u` takes them. @throws StratosError, SessionError */
export async function openOwnMachine(options: SandboxOptions, users: readonly string[]): Promise<DesktopMachine> {
  let made: MachineSession | null = null;
  const host = new DisplayedHost((session) => void (made = session));
  const engines = new CountedEngines(() => engineHere(host));
  useEngines(Object.assign(engines, { systems: SYSTEMS }));
  const box = await Sandbox.create(options);
  try {
    const session = made as MachineSession | null;
    if (session === null) throw new Error("a sandbox without a machine");
    const name = options.image?.toString() ?? "debian";
    const whose = usersOf(users, (each) => userOf(session, each));
    const own = { session, screen: null, ...whose, keepsFiles: false };
    return { name, box, ...own, close: () => box.close() };
  } catch (error) {
    await box.close();
    throw error;
  }
}

/** @throws StratosError of kind no-system, system */
export async function openSystemMachine(name: string, home: string, users: readonly string[]): Promise<DesktopMachine> {
  useEngines(Object.assign(new CountedEngines(() => engineHere(new NodeEngineHost())), { systems: SYSTEMS }));
  const box = await Sandbox.connect(name, { home });
  try {
    const database = new Map<string, Uint8Array>();
    for (const path of ["etc/passwd", "etc/group"]) {
      const bytes = await box.fs.read(`/${path}`).catch(() => null);
      if (bytes !== null) database.set(path, bytes);
    }
    const read = (path: string): Uint8Array | null => database.get(path.replace(/^\//, "")) ?? null;
    const whose = usersOf(users, (each) => findGuestUser(read, each));
    const { screen, close } = await screenOf(name, home);
    const its = { session: null, screen, ...whose, keepsFiles: true };
    return {
      ...{ name, box, ...its },
      close: async () => {
        close();
        await box.detach();
      },
    };
  } catch (error) {
    await box.detach();
    throw error;
  }
}

/** Each once. */
function usersOf(names: readonly string[], find: (name: string) => GuestUser): Pick<DesktopMachine, "user" | "others"> {
  const [user, ...others] = [...new Map(names.map(find).map((each) => [each.uid, each])).values()];
  return { user: user!, others };
}

/** @returns screen: null when the system was started without a display */
async function screenOf(name: string, home: string): Promise<{ readonly screen: ScreenSource | null; close(): void }> {
  const client = await openSupervisor(home, VERSION);
  const views = (await client.call("systems", {}).answer).value as readonly SystemView[];
  const hasDisplay = views.some((view) => view.name === name && view.display === true);
  return { screen: hasDisplay ? new SystemScreen(client, name) : null, close: () => client.close() };
}

const SYSTEMS: SystemsSource = {
  open: (home) => openSupervisor(home ?? stratosHome(), VERSION),
  absolutePath: (place) => (typeof place === "string" ? resolve(place) : fileURLToPath(place)),
};

class DisplayedHost extends NodeEngineHost {
  readonly #onMachine: (session: MachineSession) => void;

  constructor(onMachine: (session: MachineSession) => void) {
    super();
    this.#onMachine = onMachine;
  }

  machineMade(session: MachineSession): void {
    this.#onMachine(session);
  }
}
