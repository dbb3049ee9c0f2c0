/** An X server for tests, as Xwayland is one: it answers what a window manager asks, and says what the test wants. */
import type { Compositor } from "../compositor.ts";
import type { Connection } from "../core/ports.ts";
import { TestClient, type TestScreen, solidBuffer } from "./test-client.ts";

export const ROOT = 0x20;
const ID_BASE = 0x200000;
const COMPOSITE_MAJOR = 140,
  XFIXES_MAJOR = 138;
export const XFIXES_EVENT = 87;
const REPLY_BYTES = 32;

interface Request {
  readonly opcode: number;
  readonly detail: number;
  /** Words after the first. */
  readonly words: readonly number[];
  readonly bytes: Uint8Array;
}

interface Property {
  readonly type: number;
  readonly format: 8 | 32;
  readonly bytes: Uint8Array;
}

export class TestXServer {
  readonly screen: TestScreen;
  readonly client: TestClient;
  readonly x11: Connection;
  #end: ReturnType<Compositor["connectXwayland"]>["x11"];
  #hasGreeted = false;
  #sequence = 0;
  readonly #atoms = new Map<string, number>([["STRING", 31]]);
  readonly #properties = new Map<string, Property>();
  requests: Request[] = [];
  isClosed = false;
  /** Without it windows can't be shown. */
  readonly #hasComposite: boolean;

  constructor(screen: TestScreen, { hasComposite = true } = {}) {
    this.screen = screen;
    this.#hasComposite = hasComposite;
    const waiting: Uint8Array[] = [];
    let take = (bytes: Uint8Array): void => void waiting.push(bytes);
    let end: ReturnType<Compositor["connectXwayland"]> | null = null;
    this.x11 = {
      key: null,
      files: new Map(),
      send: (bytes) => take(bytes),
      release: () => {},
      close: () => void (this.isClosed = true),
    };
    this.client = new TestClient(screen, false, (connection) => {
      end = screen.compositor.connectXwayland({ wayland: connection, x11: this.x11 });
      return end.wayland;
    });
    this.#end = end!.x11;
    take = (bytes) => this.#receive(bytes);
    for (const bytes of waiting) take(bytes);
  }

  atom(name: string): number {
    const known = this.#atoms.get(name);
    if (known !== undefined) return known;
    const atom = 1000 + this.#atoms.size;
    this.#atoms.set(name, atom);
    return atom;
  }

  /** Raw bytes of the server. */
  write(bytes: Uint8Array): void {
    this.#end.onData(bytes, []);
  }

  /** Another compositor goes on with it. */
  goOn(end: ReturnType<Compositor["connectXwayland"]>["x11"]): void {
    this.#end = end;
  }

  end(): void {
    this.#end.onEnd();
  }

  /** Requests of an opcode since the last call, which are then gone. */
  take(opcode: number): Request[] {
    const found = this.requests.filter((request) => request.opcode === opcode);
    this.requests = this.requests.filter((request) => request.opcode !== opcode);
    return found;
  }

  /** @param words  each at its byte of the event @param bytes  the same, of one byte */
  event(code: number, words: Readonly<Record<number, number>>, bytes: Readonly<Record<number, number>> = {}): void {
    const view = new DataView(new ArrayBuffer(32));
    view.setUint8(0, code);
    for (const [at, value] of Object.entries(words)) view.setUint32(Number(at), value, true);
    for (const [at, value] of Object.entries(bytes)) view.setUint8(Number(at), value);
    this.write(new Uint8Array(view.buffer));
  }

  message(window: number, type: string, data: readonly number[]): void {
    const words = Object.fromEntries(data.map((value, index) => [12 + 4 * index, value]));
    this.event(33, { 4: window, 8: this.atom(type), ...words }, { 1: 32 });
  }

  setWords(window: number, property: string | number, type: number, words: readonly number[]): void {
    const bytes = new Uint8Array(Uint32Array.from(words).buffer);
    this.#properties.set(this.#key(window, property), { type, format: 32, bytes });
  }

  setText(window: number, property: string | number, type: string, text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    this.#properties.set(this.#key(window, property), { type: this.atom(type), format: 8, bytes });
  }

  #key(window: number, property: string | number): string {
    return `${window} ${typeof property === "number" ? property : this.atom(property)}`;
  }

  /** CreateNotify, as two programs' requests make it. */
  create(window: number, place: { x: number; y: number; width: number; height: number }, isOverride = false): void {
    this.event(
      16,
      { 4: ROOT, 8: window, 12: pair(place.x, place.y), 16: pair(place.width, place.height) },
      { 22: isOverride ? 1 : 0 },
    );
  }

  configure(window: number, place: { x: number; y: number; width: number; height: number }): void {
    this.event(22, { 4: ROOT, 8: window, 16: pair(place.x, place.y), 20: pair(place.width, place.height) });
  }

  /** The surface that shows a window, with a buffer of one colour. @returns the surface */
  show(window: number, size: { width: number; height: number; pixel: number }, serial: number): number {
    const { client } = this;
    const compositor = client.bind("wl_compositor");
    const shm = client.bind("wl_shm");
    const surface = client.create("wl_surface", compositor, "create_surface");
    const shell = client.bind("xwayland_shell_v1");
    const its = client.create("xwayland_surface_v1", shell, "get_xwayland_surface", surface);
    client.send(its, "set_serial", serial, 0);
    const { buffer } = solidBuffer(client, shm, size);
    client.send(surface, "attach", buffer, 0, 0);
    client.send(surface, "damage_buffer", 0, 0, size.width, size.height);
    this.message(window, "WL_SURFACE_SERIAL", [serial, 0]);
    client.send(surface, "commit");
    this.screen.frame();
    return surface;
  }

  #receive(bytes: Uint8Array): void {
    if (!this.#hasGreeted) {
      this.#hasGreeted = true;
      return this.write(setup());
    }
    let at = 0;
    while (at < bytes.length) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
      const sizeBytes = 4 * view.getUint16(2, true);
      const words = Array.from({ length: sizeBytes / 4 - 1 }, (_, index) => view.getUint32(4 + 4 * index, true));
      const request = {
        opcode: view.getUint8(0),
        detail: view.getUint8(1),
        words,
        bytes: bytes.slice(at, at + sizeBytes),
      };
      at += sizeBytes;
      this.#sequence = (this.#sequence + 1) & 0xffff;
      this.requests.push(request);
      this.#answer(request);
    }
  }

  #answer({ opcode, detail, words, bytes }: Request): void {
    const name = (): string => new TextDecoder().decode(bytes.subarray(8, 8 + (words[0]! & 0xffff)));
    if (opcode === 16) this.#reply({ 8: this.atom(name()) });
    else if (opcode === 98) {
      const major = name() === "XFIXES" ? XFIXES_MAJOR : this.#hasComposite ? COMPOSITE_MAJOR : 0;
      this.#reply({}, { 8: major === 0 ? 0 : 1, 9: major, 10: XFIXES_EVENT });
    } else if ((opcode === COMPOSITE_MAJOR || opcode === XFIXES_MAJOR) && detail === 0) this.#reply({});
    else if (opcode === 20) this.#replyProperty(words[0]!, words[1]!, detail === 1);
  }

  #replyProperty(window: number, property: number, isDeleted: boolean): void {
    const found = this.#properties.get(this.#key(window, property));
    if (isDeleted) this.#properties.delete(this.#key(window, property));
    if (found === undefined) return this.#reply({});
    const { type, format, bytes } = found;
    this.#reply({ 8: type, 16: bytes.length / (format / 8) }, { 1: format }, bytes);
  }

  #reply(
    words: Readonly<Record<number, number>>,
    bytes: Readonly<Record<number, number>> = {},
    content: Uint8Array = new Uint8Array(0),
  ): void {
    const padded = (content.length + 3) & ~3;
    const view = new DataView(new ArrayBuffer(REPLY_BYTES + padded));
    view.setUint8(0, 1);
    view.setUint16(2, this.#sequence, true);
    view.setUint32(4, padded / 4, true);
    for (const [at, value] of Object.entries(words)) view.setUint32(Number(at), value, true);
    for (const [at, value] of Object.entries(bytes)) view.setUint8(Number(at), value);
    const message = new Uint8Array(view.buffer);
    message.set(content, REPLY_BYTES);
    this.write(message);
  }
}

/** Two numbers of 16 bits as a word. */
export function pair(first: number, second: number): number {
  return ((first & 0xffff) | (second << 16)) >>> 0;
}

/** Connection Setup, of one screen. */
function setup(): Uint8Array {
  const view = new DataView(new ArrayBuffer(80));
  view.setUint8(0, 1);
  view.setUint16(2, 11, true);
  view.setUint16(6, (80 - 8) / 4, true);
  view.setUint32(12, ID_BASE, true);
  view.setUint8(28, 1);
  view.setUint32(40, ROOT, true);
  return new Uint8Array(view.buffer);
}
