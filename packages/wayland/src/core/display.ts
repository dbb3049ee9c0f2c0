/** wl_display and wl_registry: who is connected, and what there is to bind. */
import { StateError } from "@stratos/base";
import { Client, type ClientOwner } from "./client.ts";
import type { Connection, SharedFile } from "./ports.ts";
import type { Interface, Resource } from "./resource.ts";

/** What a client can make an object of. */
export interface Global {
  readonly interface: Interface;
  /** At most the interface's own. */
  readonly version: number;
  bind(resource: Resource): void;
}

/** Who is connected: bytes of it come in, until `onEnd`. */
export interface ClientEnd {
  onData(bytes: Uint8Array, files: readonly SharedFile[]): void;
  onEnd(): void;
}

/** Globals that come and go, by names that no two ever have. */
interface ChangingGlobals {
  readonly globals: ReadonlyMap<number, Global>;
  /** Also of one that has gone, and that a program asks for before it knows; null: there never was one. */
  globalNamed(name: number): Global | null;
}

/** Connections at a time; one more is closed. */
const CLIENTS_MAX = 256;
/** wl_registry.global, wl_registry.global_remove, wl_callback.done. */
const GLOBAL_EVENT = 0,
  GLOBAL_REMOVE_EVENT = 1,
  DONE_EVENT = 0;
const INVALID_OBJECT = 0;

export class Display implements ClientOwner {
  readonly interfaces: ReadonlyMap<string, Interface>;
  readonly #globals: readonly Global[];
  readonly #changing: ChangingGlobals;
  readonly #onDefect: (error: unknown) => void;
  /** Handlers of objects that have no part, by their interfaces: those of one that was loaded. */
  readonly served: ReadonlyMap<string, (resource: Resource) => void>;
  readonly clients = new Set<Client>();
  /** Who has globals of its own, and which; nothing is told as these are bound. */
  special: { readonly connection: Connection; readonly globals: readonly Global[] } | null = null;
  pixelBytes = 0;
  readonly pixelBytesMax: number;
  #serial = 0;

  constructor(
    interfaces: ReadonlyMap<string, Interface>,
    globals: readonly Global[],
    changing: ChangingGlobals,
    onDefect: (error: unknown) => void,
    pixelBytesMax: number,
    served: ReadonlyMap<string, (resource: Resource) => void>,
  ) {
    this.served = served;
    this.pixelBytesMax = pixelBytesMax;
    this.interfaces = interfaces;
    this.#globals = globals;
    this.#changing = changing;
    this.#onDefect = onDefect;
  }

  /** The number of an event that requests may refer to. */
  nextSerial(): number {
    this.#serial = (this.#serial + 1) >>> 0;
    return this.#serial;
  }

  connect(connection: Connection): ClientEnd {
    if (this.clients.size >= CLIENTS_MAX) {
      connection.close();
      return { onData: () => {}, onEnd: () => {} };
    }
    const client = new Client(connection, this, this.interfaces.get("wl_display")!);
    this.clients.add(client);
    this.serveAgain(client.display);
    return this.#endOf(client);
  }

  #serveDisplay(display: Resource, more: readonly Global[]): void {
    display.handler = {
      sync: (callback: Resource) => {
        callback.send(DONE_EVENT, [this.nextSerial()]);
        callback.destroy();
      },
      get_registry: (registry: Resource) => {
        const globals = [...this.#globals, ...more];
        this.#serveRegistry(registry, globals);
        for (const [index, global] of globals.entries()) tellGlobal(registry, index + 1, global);
        for (const [name, global] of this.#changing.globals) tellGlobal(registry, name, global);
      },
    };
  }

  #serveRegistry(registry: Resource, globals: readonly Global[]): void {
    registry.handler = {
      bind: (name: number, interfaceName: string, version: number, id: number) => {
        const global = globals[name - 1] ?? this.#changing.globalNamed(name);
        if (global === null || global.interface.name !== interfaceName)
          registry.fail(INVALID_OBJECT, `there is no ${interfaceName} of name ${name}`);
        if (version < 1 || version > global.version)
          registry.fail(INVALID_OBJECT, `${interfaceName} has version ${global.version}, not ${version}`);
        global.bind(registry.client.create(id, global.interface, version));
      },
    };
  }

  /** Of those that come and go: it is there from here on. */
  appeared(name: number, global: Global): void {
    for (const registry of this.#registries()) tellGlobal(registry, name, global);
  }

  vanished(name: number): void {
    for (const registry of this.#registries()) registry.send(GLOBAL_REMOVE_EVENT, [name]);
  }

  #registries(): Resource[] {
    return [...this.clients].flatMap((client) => client.objectsOf("wl_registry"));
  }

  /** A client that was loaded goes on. */
  goOn(client: Client): ClientEnd {
    this.clients.add(client);
    return this.#endOf(client);
  }

  serveAgain(resource: Resource): void {
    const { name } = resource.interface;
    const more = this.special?.connection === resource.client.connection ? this.special.globals : [];
    if (name === "wl_display") return this.#serveDisplay(resource, more);
    if (name === "wl_registry") return this.#serveRegistry(resource, [...this.#globals, ...more]);
    const own = more.find((global) => global.interface.name === name);
    const serve = own === undefined ? this.served.get(name) : own.bind;
    if (serve === undefined) throw new StateError("unsavable", `nobody can serve a ${name} again`);
    serve(resource);
  }

  /** Of events; a display that was loaded goes on with it. */
  get serial(): number {
    return this.#serial;
  }

  set serial(serial: number) {
    this.#serial = serial;
  }

  #endOf(client: Client): ClientEnd {
    return {
      onData: (bytes, files) => {
        client.receive(bytes, files);
        this.flush();
      },
      onEnd: () => {
        client.disconnect();
        this.flush();
      },
    };
  }

  clientGone(client: Client): void {
    this.clients.delete(client);
  }

  onDefect(error: unknown): void {
    this.#onDefect(error);
  }

  /** Null: it has gone. */
  clientOf(connection: Connection): Client | null {
    return [...this.clients].find((client) => client.connection === connection) ?? null;
  }

  /** Events that were sent meanwhile go out. */
  flush(): void {
    for (const client of [...this.clients]) client.flush();
  }
}

function tellGlobal(registry: Resource, name: number, { interface: type, version }: Global): void {
  registry.send(GLOBAL_EVENT, [name, type.name, version]);
}
