/** The machine of a desktop in a tab, by the library's calls, in the desktop's own worker. */
import type { Clock, MachinePorts, SocketProvider } from "@stratos/host";
import type { Volume } from "@stratos/aegisfs";
import { browserClock, browserPorts, REFUSED_PORTS } from "@stratos/host-browser";
import type { EngineHost, KeepableMachine, OpenedImage, OpenedRoot } from "@stratos/sdk";
import { type Mount, StratosError } from "@stratos/sdk/api";
import { CountedEngines, useEngines } from "@stratos/sdk/client";
import { Sandbox } from "@stratos/sdk/public";
import type { HostFolder, MachineSession } from "@stratos/session";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import { engineHere, userOf } from "../machine/engine-here.ts";

const NAME = "Debian";
const USER = "root";

interface TabDesktopMachine extends DesktopMachine {
  readonly session: MachineSession;
  readonly keeping: KeepableMachine;
}

/**
 * @param volume  the root. @param sockets  the way to the network
 * @param state  what `keeping` has given, where it goes on from there
 * @throws StratosError (of kind state: it cannot), SessionError
 */
export async function openTabMachine(
  volume: Volume,
  sockets: SocketProvider,
  { memoryBytes, keepsFiles }: { readonly memoryBytes: number; readonly keepsFiles: boolean },
  state: Uint8Array | null,
): Promise<TabDesktopMachine> {
  const host = new TabHost(volume, sockets);
  useEngines(new CountedEngines(() => engineHere(host)));
  const goesOn = state === null ? {} : { state, keepsPrograms: true };
  const box = await Sandbox.create({ image: NAME, memoryBytes, network: "host", ...goesOn });
  const { session, keeping } = host;
  if (session === null || keeping === null) throw new Error("a sandbox without a machine");
  return {
    name: NAME,
    box,
    session,
    screen: null,
    keeping,
    user: userOf(session, USER),
    others: [],
    keepsFiles,
    close: () => box.close(),
  };
}

class TabHost implements EngineHost {
  readonly keepsServices = true;
  readonly clock: Clock = browserClock;
  session: MachineSession | null = null;
  keeping: KeepableMachine | null = null;
  readonly #volume: Volume;
  readonly #sockets: SocketProvider;

  constructor(volume: Volume, sockets: SocketProvider) {
    this.#volume = volume;
    this.#sockets = sockets;
  }

  get ports(): MachinePorts {
    return browserPorts();
  }

  async openImage(): Promise<OpenedImage> {
    const info = { name: NAME, architecture: "riscv64", suite: null, createdAt: "", packages: [], sizeBytes: 0 };
    return { volume: this.#volume, changes: null, outlivesSandbox: true, info, close: () => {} };
  }

  openVolume(): OpenedRoot {
    throw new StratosError("option", "volumes: a desktop in a tab has its image's files alone", { option: "volumes" });
  }

  openNetwork(): SocketProvider {
    return this.#sockets;
  }

  hostFolders([first]: readonly Mount[]): HostFolder[] {
    if (first !== undefined) throw new StratosError("mount", REFUSED_PORTS.folders, { place: first.host });
    return [];
  }

  machineMade(session: MachineSession, keeping: KeepableMachine): void {
    this.session = session;
    this.keeping = keeping;
  }
}
