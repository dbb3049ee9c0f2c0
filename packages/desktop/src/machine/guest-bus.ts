/**
 * The session bus of a desktop's programs, served by the host: a machine needs no dbus-daemon for it. Services of
 * /usr/share/dbus-1/services are started when they are called.
 */
import { byteStringToUtf8 } from "@stratos/base";
import { Bus, Notifications, type ProgramNotification, type Transport } from "@stratos/dbus";
import type { HostFile } from "@stratos/kernel";
import { MachineFiles } from "@stratos/sdk/machine-files";
import { VERSION } from "@stratos/sdk/version";
import {
  type GuestClient,
  type GuestListener,
  type GuestUser,
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

export class GuestBus {
  readonly notifications: Notifications;
  readonly environment: Readonly<Record<string, string>>;
  readonly #bus: Bus;
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
    this.#bus = new Bus({
      guid: newGuid(),
      machineId: () => this.#text("/etc/machine-id")?.trim() ?? "",
      activatable: () => [...this.#services().keys()],
      activate: (name, onFailed) => this.#activate(name, onFailed),
      updateEnvironment: (variables) => void (this.#started = { ...this.#started, ...Object.fromEntries(variables) }),
    });
    this.notifications = new Notifications(this.#bus, {
      version: VERSION,
      show: (notification) => tell({ notification }),
      withdraw: (withdrawn) => tell({ withdrawn }),
    });
    const path = `${makeRuntimeFolder(kernel, user)}/bus`;
    const address = `unix:path=${byteStringToUtf8(path)}`;
    this.environment = { DBUS_SESSION_BUS_ADDRESS: address };
    this.#started = { ...this.environment, DBUS_STARTER_ADDRESS: address, DBUS_STARTER_BUS_TYPE: "session" };
    const owner = { uid: user.uid, gid: user.gid, mode: 0o700 };
    this.#listener = session.hostListener(path, owner, (client) =>
      client.serve(this.#bus.connect(transportOf(client))),
    );
  }

  /** Those that no one has closed yet. */
  get open(): readonly ProgramNotification[] {
    return [...this.notifications.open.values()];
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#listener.close();
    this.#bus.close();
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

  #activate(name: string, onFailed: (why: string) => void): boolean {
    const argv = this.#services().get(name);
    if (argv === undefined) return false;
    const timer = setTimeout(() => fail(`did not take its name within ${START_MS / 1000} s`), START_MS);
    this.#timers.add(timer);
    const fail = (why: string): void => {
      clearTimeout(timer);
      this.#timers.delete(timer);
      onFailed(why);
    };
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

/** All files that the bus has are of this machine: programs sent them. */
function transportOf(client: GuestClient): Transport {
  return {
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
