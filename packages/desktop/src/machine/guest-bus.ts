/**
 * The session bus of a desktop's programs, served by the host: a machine needs no dbus-daemon for it. Services of
 * /usr/share/dbus-1/services are started when they are called.
 */
import { byteStringToUtf8, loadState, saveState, StateError, toBase64 } from "@stratos/base";
import {
  Bus,
  guidOf,
  Notifications,
  type ProgramNotification,
  type Transport,
  Tray,
  type TrayItem,
} from "@stratos/dbus";
import type { HostFile } from "@stratos/kernel";
import { MachineFiles } from "@stratos/sdk/machine-files";
import { VERSION } from "@stratos/sdk/version";
import {
  type GuestClient,
  type GuestListener,
  type GuestUser,
  type LeftService,
  type MachineSession,
  makeRuntimeFolder,
} from "@stratos/session";
import { ENTRY_BYTES_MAX, parseServiceFile } from "../entries/desktop-entry.ts";
import type { DesktopPrograms } from "./desktop-programs.ts";

/** What comes first hides what comes later. */
const SERVICE_FOLDERS = ["/usr/local/share/dbus-1/services", "/usr/share/dbus-1/services"];
const SERVICES_MAX = 1000;
/** How long a service may take until it has its name: dbus-daemon's service_start_timeout, by four, as code is cold. */
const START_MS = 4 * 25_000;

interface Served {
  readonly bus: Bus;
  readonly notifications: Notifications;
  readonly tray: Tray;
}

/** A program's sign in the panel, as the page is told of it. */
export interface ShownTrayItem extends Omit<TrayItem, "picture" | "iconFolder"> {
  readonly picture: { readonly width: number; readonly height: number; readonly pixels: string } | null;
}

export class GuestBus {
  readonly environment: Readonly<Record<string, string>>;
  readonly #served: Served;
  readonly #tell: (message: object) => void;
  readonly #files: MachineFiles;
  readonly #programs: DesktopPrograms;
  readonly #listener: GuestListener;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #started: Readonly<Record<string, string>>;

  /** @param tell  the page, of notifications. @throws SessionError when the socket cannot be made */
  constructor(session: MachineSession, user: GuestUser, programs: DesktopPrograms, tell: (message: object) => void) {
    const { kernel } = session.machine;
    this.#files = new MachineFiles(kernel);
    this.#programs = programs;
    this.#tell = tell;
    const path = `${makeRuntimeFolder(kernel, user)}/bus`;
    const address = `unix:path=${byteStringToUtf8(path)}`;
    this.environment = { DBUS_SESSION_BUS_ADDRESS: address };
    this.#started = { ...this.environment, DBUS_STARTER_ADDRESS: address, DBUS_STARTER_BUS_TYPE: "session" };
    const { listener, left } = session.hostService({
      name: "session bus",
      path,
      owner: { uid: user.uid, gid: user.gid, mode: 0o700 },
      onConnection: (client) => client.serve(this.#served.bus.connect(transportOf(client))),
      save: () => this.#save(),
    });
    this.#listener = listener;
    this.#served = (left === null ? null : this.#goOn(left)) ?? this.#serve(newGuid());
  }

  #serve(guid: string): Served {
    const bus = new Bus({
      guid,
      machineId: () => this.#text("/etc/machine-id")?.trim() ?? "",
      activatable: () => [...this.#services().keys()],
      activate: (name, onFailed) => this.#activate(name, onFailed),
      awaitName: (name, onFailed) => void this.#failLater(onFailed),
      updateEnvironment: (variables) => this.#setVariables(variables),
    });
    const notifications = new Notifications(bus, {
      version: VERSION,
      show: (notification) => this.#tell({ notification }),
      withdraw: (withdrawn) => this.#tell({ withdrawn }),
    });
    const tray = new Tray(bus, { changed: () => this.#tell({ tray: shownItems(tray) }) });
    return { bus, notifications, tray };
  }

  #setVariables(variables: ReadonlyMap<string, string>): void {
    this.#started = { ...this.#started, ...Object.fromEntries(variables) };
  }

  *#save(): Generator<void, Uint8Array> {
    const { bus, notifications, tray } = this.#served;
    return saveState({ bus: bus.save(), notifications: notifications.save(), tray: tray.save() }, new Map());
  }

  /** @returns null: what is left cannot have been saved, and its programs are told that their bus is gone */
  #goOn({ record, clients }: LeftService): Served | null {
    try {
      const saved = loadState(record, { ports: new Map(), given: new Map(), classes: new Set() });
      const { bus, notifications, tray = [] } = saved as Partial<Record<"bus" | "notifications" | "tray", unknown>>;
      if (!(bus instanceof Uint8Array)) throw new StateError("damaged", "the saved bus is damaged: it is not there");
      const served = this.#serve(guidOf(bus));
      if (!served.notifications.goOn(notifications))
        throw new StateError("damaged", "the saved bus is damaged: its notifications");
      const transports = clients.map((client) => ({ client, transport: transportOf(client) }));
      const events = served.bus.goOn(
        bus,
        transports.map(({ transport }) => transport),
      );
      this.#setVariables(served.bus.environment);
      for (const { client, transport } of transports) {
        const its = events.get(transport);
        if (its === undefined) client.reset();
        else client.serve(its);
      }
      if (!served.tray.goOn(tray)) throw new StateError("damaged", "the saved bus is damaged: what is in the panel");
      return served;
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      for (const client of clients) client.reset();
      return null;
    }
  }

  get notifications(): Notifications {
    return this.#served.notifications;
  }

  /** Those that no one has closed yet. */
  get open(): readonly ProgramNotification[] {
    return [...this.notifications.open.values()];
  }

  get tray(): Tray {
    return this.#served.tray;
  }

  get trayItems(): readonly ShownTrayItem[] {
    return shownItems(this.tray);
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#listener.close();
    this.#served.bus.close();
  }

  #text(path: string): string | null {
    const bytes = this.#files.read(path);
    return typeof bytes === "number" || bytes.length > ENTRY_BYTES_MAX ? null : new TextDecoder().decode(bytes);
  }

  /** Read anew each time: packages come and go. */
  #services(): Map<string, readonly string[]> {
    const found = new Map<string, readonly string[]>();
    for (const folder of SERVICE_FOLDERS) {
      const entries = this.#files.list(folder);
      if (typeof entries === "number") continue;
      for (const { name: file } of entries.slice(0, SERVICES_MAX)) {
        const service = file.endsWith(".service") ? parseServiceFile(this.#text(`${folder}/${file}`) ?? "") : null;
        if (service !== null && !found.has(service.name)) found.set(service.name, service.argv);
      }
    }
    return found;
  }

  /** @returns what fails it now */
  #failLater(onFailed: (why: string) => void): (why: string) => void {
    const timer = setTimeout(() => fail(`did not take its name within ${START_MS / 1000} s`), START_MS);
    this.#timers.add(timer);
    const fail = (why: string): void => {
      clearTimeout(timer);
      this.#timers.delete(timer);
      onFailed(why);
    };
    return fail;
  }

  #activate(name: string, onFailed: (why: string) => void): boolean {
    const argv = this.#services().get(name);
    if (argv === undefined) return false;
    const fail = this.#failLater(onFailed);
    this.#programs
      .launch(name, argv, this.#started)
      .then(async (program) => {
        await program.ended;
        fail(`${argv[0]} ended (${program.end}) without taking its name`);
      })
      .catch((error: Error) => fail(error.message));
    return true;
  }
}

function shownItems(tray: Tray): readonly ShownTrayItem[] {
  return tray.items.map(({ picture, iconFolder: _, ...item }) => ({
    ...item,
    picture: picture === null ? null : { ...picture, pixels: toBase64(picture.pixels) },
  }));
}

/** All files that the bus has are of this machine: programs sent them. */
function transportOf(client: GuestClient): Transport {
  return {
    key: client.number,
    get files() {
      return client.files;
    },
    peer: client.peer,
    send: (bytes, files) => client.send(bytes, files as readonly HostFile[]),
    release: (file) => client.release(file as HostFile),
    close: () => client.close(),
  };
}

/** D-Bus Specification, "UUIDs": 128 bits in hexadecimal digits. */
function newGuid(): string {
  return crypto.randomUUID().replaceAll("-", "");
}
