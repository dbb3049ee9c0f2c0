/** A client for tests: requests by name, events as they come, over the compositor's real wire. */
import { inOnePiece } from "@stratos/base";
import { ArgumentReader, HEADER_BYTES, MessageWriter, slotsOf } from "../core/message.ts";
import type { Connection, SharedFile } from "../core/ports.ts";
import type { Interface, MessageType, Value } from "../core/resource.ts";
import { Compositor, type CompositorOptions } from "../compositor.ts";
import { type InterfaceName, INTERFACES } from "../protocol/protocol.ts";

interface Event {
  /** As WAYLAND_DEBUG shows it: `wl_surface.enter`. */
  readonly name: string;
  readonly object: number;
  readonly values: readonly unknown[];
}

/** Memory that both sides see. */
export class TestFile implements SharedFile {
  bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get sizeBytes(): number {
    return this.bytes.length;
  }

  read(into: Uint8Array, offset: number): number {
    const part = this.bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }
}

/** TestXServer. */
interface ServerLike {
  readonly client: TestClient;
  readonly x11: Connection;
  goOn(end: ReturnType<Compositor["connect"]>): void;
}

/** A compositor whose time stands still, and what it said was wrong with itself. */
export class TestScreen {
  compositor: Compositor;
  readonly #options: Partial<CompositorOptions>;
  nextKey = 1;
  /** Told of all that programs are sent. */
  onSent: (key: number, bytes: Uint8Array) => void = () => {};
  readonly defects: unknown[] = [];
  nowMs = 1000;
  isFrameWanted = false;
  /** Files that the compositor had made for programs to write into. */
  readonly collected: { readonly file: TestFile; readonly onEnd: (bytes: Uint8Array | null) => void }[] = [];
  /** How often a program has copied something. */
  copies = 0;

  constructor(options: Partial<CompositorOptions> = {}) {
    this.#options = options;
    this.compositor = this.#make();
  }

  /** Saves its compositor, and goes on with one that has loaded that. @returns what was saved */
  goOn(clients: readonly TestClient[], server: ServerLike | null = null): Uint8Array {
    const bytes = inOnePiece(this.compositor.saveInPieces());
    this.load(bytes, clients, server);
    return bytes;
  }

  load(bytes: Uint8Array, clients: readonly TestClient[], server: ServerLike | null = null): void {
    this.compositor = this.#make();
    const ends = this.compositor.goOn(
      bytes,
      clients.map(({ connection }) => connection),
      server === null ? null : { wayland: server.client.connection, x11: server.x11 },
    );
    const x11 = server === null ? undefined : ends.get(server.x11);
    if (x11 !== undefined) server!.goOn(x11);
    for (const client of server === null ? clients : [...clients, server.client])
      client.goOn(ends.get(client.connection) ?? { onData: () => {}, onEnd: () => {} });
  }

  #make(): Compositor {
    return new Compositor(
      {
        nowMs: () => this.nowMs,
        onFrameNeeded: () => void (this.isFrameWanted = true),
        makeFile: (_name, bytes) => new TestFile(bytes),
        write: (file, bytes, done) => {
          // What was made for programs is none of the pipes that a host can write to.
          if (!this.collected.some((each) => each.file === file)) (file as TestFile).bytes = bytes;
          done();
        },
        collect: (_bytesMax, onEnd) => {
          const file = new TestFile(new Uint8Array(0));
          this.collected.push({ file, onEnd });
          return { file, release: () => {} };
        },
        onCopied: () => void this.copies++,
        onDefect: (error) => void this.defects.push(error),
      },
      { width: 64, height: 48, refreshHz: 60, scale: 1, layout: "us", background: 0xff000000, ...this.#options },
    );
  }

  /** The next frame, as the host shows it when one is wanted. */
  frame(): void {
    this.nowMs += 16;
    this.isFrameWanted = false;
    this.compositor.frame();
  }

  pixel(x: number, y: number): string {
    const { pixels, width } = this.compositor.canvas;
    return pixels[y * width + x]!.toString(16).padStart(8, "0");
  }
}

export class TestClient {
  readonly screen: TestScreen;
  readonly connection: Connection;
  #end: ReturnType<Compositor["connect"]>;
  /** Files that it has sent and that were not released. */
  readonly #sent = new Map<number, SharedFile>();
  #lastFile = 0;
  readonly #types = new Map<number, Interface>([[1, INTERFACES.get("wl_display")!]]);
  readonly #globals = new Map<string, { name: number; version: number }>();
  #nextId = 2;
  #registry = 0;
  events: Event[] = [];
  readonly #forgotten: number[] = [];
  /** Files that came with events, and those that were given back. */
  readonly files: SharedFile[] = [];
  readonly released: SharedFile[] = [];
  isClosed = false;
  /** It takes numbers for objects of another kind than they are: events that it can't read are passed over. */
  readonly #isConfused: boolean;

  /** @param connect  to be connected in another way than programs are */
  constructor(
    screen: TestScreen,
    isConfused = false,
    connect: (connection: Connection) => ReturnType<Compositor["connect"]> = (connection) =>
      screen.compositor.connect(connection),
  ) {
    this.#isConfused = isConfused;
    this.screen = screen;
    this.connection = {
      key: screen.nextKey++,
      files: this.#sent,
      send: (bytes, files) => {
        this.files.push(...files);
        screen.onSent(this.connection.key!, bytes);
        this.#receive(bytes);
      },
      release: (file) => {
        this.released.push(file);
        for (const [number, sent] of this.#sent) if (sent === file) this.#sent.delete(number);
      },
      close: () => void (this.isClosed = true),
    };
    this.#end = connect(this.connection);
    this.#registry = this.create("wl_registry", 1, "get_registry");
    for (const { values } of this.take("wl_registry.global")) {
      const [name, type, version] = values as [number, string, number];
      this.#globals.set(type, { name, version });
    }
  }

  /** Raw bytes. */
  write(bytes: Uint8Array, files: readonly SharedFile[] = []): void {
    for (const file of files) this.#sent.set(++this.#lastFile, file);
    this.#end.onData(bytes, files);
  }

  /** Another compositor goes on with it. */
  goOn(end: ReturnType<Compositor["connect"]>): void {
    this.#end = end;
  }

  disconnect(): void {
    this.#end.onEnd();
  }

  /** Sends a request; an object is its number. */
  send(object: number, request: string, ...values: (Value | number)[]): void {
    const type = this.#types.get(object)!;
    const opcode = type.requests.findIndex(({ name }) => name === request);
    const message = requestOnWire(type.requests[opcode]!);
    const files = values.filter((value): value is TestFile => value instanceof TestFile);
    const writer = new MessageWriter();
    writer.add(object, opcode, message, values);
    this.write(writer.take(), files);
  }

  /** Sends a request that makes an object. @param values  the rest of its arguments @returns the object */
  create(type: InterfaceName, object: number, request: string, ...values: (Value | number)[]): number {
    const id = this.#nextId++;
    this.#types.set(id, INTERFACES.get(type)!);
    this.send(object, request, id, ...values);
    return id;
  }

  /** A number for an object that a request is to make. */
  reserve(type: InterfaceName): number {
    const id = this.#nextId++;
    this.know(id, type);
    return id;
  }

  know(id: number, type: InterfaceName): void {
    this.#types.set(id, INTERFACES.get(type)!);
  }

  bind(type: InterfaceName, version?: number): number {
    const global = this.#globals.get(type)!;
    return this.bindNamed(global.name, type, version ?? global.version);
  }

  /** By the name of a global that was told (wl_registry.global). */
  bindNamed(name: number, type: InterfaceName, version: number): number {
    const id = this.#nextId++;
    this.#types.set(id, INTERFACES.get(type)!);
    this.send(this.#registry, "bind", name, type, version, id);
    return id;
  }

  get globals(): ReadonlyMap<string, { readonly name: number; readonly version: number }> {
    return this.#globals;
  }

  /** Objects that it has made and not destroyed, by number. */
  get objects(): ReadonlyMap<number, Interface> {
    return this.#types;
  }

  /** Events of a name, in order, which are then gone. */
  take(name: string): Event[] {
    const found = this.events.filter((event) => event.name === name);
    this.events = this.events.filter((event) => event.name !== name);
    return found;
  }

  /** Drops what it need not remember in a long life. */
  forget(): void {
    for (const id of this.#forgotten.splice(0)) this.#types.delete(id);
    this.events = this.events.filter(({ name }) => name === "wl_display.error");
    this.files.length = 0;
    this.released.length = 0;
  }

  /** What it was disconnected for, as `interface: code`; null: it lives. */
  get error(): string | null {
    const event = this.events.find(({ name }) => name === "wl_display.error");
    if (event === undefined) return null;
    const [object, code] = event.values as [number, number];
    return `${this.#types.get(object)?.name ?? object}: ${code}`;
  }

  #receive(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      const object = view.getUint32(0, true);
      const word = view.getUint32(4, true);
      const type = this.#types.get(object);
      const event = type?.events[word & 0xffff];
      at += word >>> 16;
      if (event === undefined) {
        if (this.#isConfused) continue;
        throw new Error(`event ${word & 0xffff} of ${type?.name ?? object}`);
      }
      const values = this.#values(event, bytes.subarray(at - (word >>> 16) + HEADER_BYTES, at));
      if (event.name === "delete_id") this.#forgotten.push(values[0] as number);
      this.events.push({ name: `${type!.name}.${event.name}`, object, values });
    }
  }

  #values(event: MessageType, bytes: Uint8Array): unknown[] {
    const reader = new ArgumentReader(bytes);
    return slotsOf(event.signature).map(({ letter }, index) => {
      if (letter === "h") return this.files.at(-1);
      if (letter === "s") return reader.string() ?? null;
      if (letter === "a") return reader.array();
      if (letter === "i") return reader.i32();
      if (letter === "f") return reader.i32()! / 256;
      const value = reader.u32()!;
      if (letter === "n") this.#types.set(value, INTERFACES.get(event.types[index]!)!);
      return value;
    });
  }
}

/** Objects as the numbers that they are. */
function requestOnWire({ signature, ...rest }: MessageType): MessageType {
  return { ...rest, signature: signature.replaceAll(/[on]/g, "u") };
}

/** A pool of one buffer in one colour. */
export function solidBuffer(
  client: TestClient,
  shm: number,
  { width, height, pixel, format = 0 }: { width: number; height: number; pixel: number; format?: number },
): { buffer: number; file: TestFile; pool: number } {
  const file = new TestFile(new Uint8Array(new Uint32Array(width * height).fill(pixel).buffer));
  const pool = client.create("wl_shm_pool", shm, "create_pool", file, file.sizeBytes);
  const buffer = client.create("wl_buffer", pool, "create_buffer", 0, width, height, 4 * width, format);
  return { buffer, file, pool };
}

/** A window as a program opens it, with its first buffer shown. */
export class TestWindow {
  readonly client: TestClient;
  readonly compositor: number;
  readonly shm: number;
  readonly surface: number;
  readonly xdgSurface: number;
  readonly toplevel: number;

  constructor(client: TestClient, size: { width: number; height: number; pixel: number } | null) {
    this.client = client;
    this.compositor = client.bind("wl_compositor");
    this.shm = client.bind("wl_shm");
    const wmBase = client.bind("xdg_wm_base");
    this.surface = client.create("wl_surface", this.compositor, "create_surface");
    this.xdgSurface = client.create("xdg_surface", wmBase, "get_xdg_surface", this.surface);
    this.toplevel = client.create("xdg_toplevel", this.xdgSurface, "get_toplevel");
    client.send(this.surface, "commit");
    this.acknowledge();
    if (size === null) return;
    this.draw(size);
    this.client.screen.frame();
  }

  acknowledge(): void {
    for (const { object, values } of this.client.take("xdg_surface.configure"))
      this.client.send(object, "ack_configure", values[0] as number);
  }

  draw(size: { width: number; height: number; pixel: number; format?: number }): { buffer: number; file: TestFile } {
    const made = solidBuffer(this.client, this.shm, size);
    this.client.send(this.surface, "attach", made.buffer, 0, 0);
    this.client.send(this.surface, "damage_buffer", 0, 0, size.width, size.height);
    this.client.send(this.surface, "commit");
    return made;
  }
}
