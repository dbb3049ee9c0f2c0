/**
 * One program's connection: its objects, requests in, events out. A client that breaks the protocol is told what it did
 * (wl_display.error) and disconnected; nothing that it sends reaches anybody else, and what it may make us hold is
 * bounded: OBJECTS_MAX, FILES_MAX, and what each kind of object bounds by itself.
 */
import { concatBytes } from "@stratos/base";
import { bytes, list, map, whole } from "@stratos/base/value-check";
import { ArgumentReader, HEADER_BYTES, MESSAGE_BYTES_MAX, MessageWriter, slotsOf } from "./message.ts";
import type { Connection, SharedFile } from "./ports.ts";
import { type Interface, type MessageType, ProtocolError, Resource, type Value } from "./resource.ts";
import { a, savedClass } from "../saved/saved-class.ts";

/** Codes of wl_display.error. */
const INVALID_OBJECT = 0,
  INVALID_METHOD = 1,
  NO_MEMORY = 2,
  IMPLEMENTATION = 3;
/** Opcodes of wl_display's events, which every client has as object 1. */
const ERROR_EVENT = 0,
  DELETE_ID_EVENT = 1;
const DISPLAY_ID = 1;
/** Numbers from here on are the server's (Wire Format, "new_id"). */
const SERVER_IDS = 0xff000000;
const OBJECTS_MAX = 1 << 16;
/** Files that came and no request has taken. */
const FILES_MAX = 256;
/** Bytes of pixels that its surfaces hold. */
const PIXEL_BYTES_MAX = 1 << 28;
/** libwayland takes so many with one message. */
const FILES_AT_ONCE = 28;

export interface ClientOwner {
  readonly interfaces: ReadonlyMap<string, Interface>;
  /** Of pixels that the surfaces of all clients hold. */
  pixelBytes: number;
  readonly pixelBytesMax: number;
  onDefect(error: unknown): void;
  /** Its objects are all gone. */
  clientGone(client: Client): void;
  /** Handles requests of an object that was loaded, and that has no part. @throws StateError: nobody can */
  serveAgain(resource: Resource): void;
}

export class Client {
  #connection: Connection;
  #owner: ClientOwner;
  readonly display: Resource;
  #objects = new Map<number, Resource>();
  #nextServerId = SERVER_IDS;
  #inbox = new Uint8Array(0);
  #files: SharedFile[] = [];
  readonly #out = new MessageWriter();
  #outFiles: SharedFile[] = [];
  #isGone = false;
  #pixelBytes = 0;
  surfaceCount = 0;
  /** What it waits for can be saved, too. */
  isKeepable = true;

  constructor(connection: Connection, owner: ClientOwner, display: Interface) {
    this.#connection = connection;
    this.#owner = owner;
    this.display = new Resource(this, DISPLAY_ID, display, display.version);
    this.#objects.set(DISPLAY_ID, this.display);
  }

  /** Its connection is found again by a display that goes on from here. */
  get isKept(): boolean {
    return !this.#isGone && this.isKeepable && this.#connection.key !== null;
  }

  get connection(): Connection {
    return this.#connection;
  }

  /** Of one that was loaded: each of its objects is where its number is, and its own. */
  get isWhole(): boolean {
    const isOwn = (id: number, object: Resource): boolean =>
      object.id === id && object.client === this && !object.isDestroyed;
    return this.#objects.get(DISPLAY_ID) === this.display && [...this.#objects].every(([id, each]) => isOwn(id, each));
  }

  /** Of an interface. */
  objectsOf(interfaceName: string): Resource[] {
    return [...this.#objects.values()].filter(({ interface: { name } }) => name === interfaceName);
  }

  serveAgain(resource: Resource): void {
    this.#owner.serveAgain(resource);
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Does what the bytes say, as far as they are whole messages; events are sent with `flush`. */
  receive(bytes: Uint8Array, files: readonly SharedFile[]): void {
    if (this.#isGone) return;
    this.#files.push(...files);
    const pending = this.#inbox.length > 0 ? concatBytes([this.#inbox, bytes]) : bytes;
    try {
      let at = 0;
      while (!this.#isGone && pending.length - at >= HEADER_BYTES) {
        const view = new DataView(pending.buffer, pending.byteOffset + at, HEADER_BYTES);
        const word = view.getUint32(4, true);
        const length = word >>> 16;
        if (length < HEADER_BYTES || length % 4 !== 0 || length > MESSAGE_BYTES_MAX)
          this.display.fail(INVALID_METHOD, `a message of ${length} bytes`);
        if (pending.length - at < length) break;
        this.#request(view.getUint32(0, true), word & 0xffff, pending.subarray(at + HEADER_BYTES, at + length));
        at += length;
      }
      this.#inbox = pending.slice(at);
      if (this.#files.length > FILES_MAX) this.display.fail(NO_MEMORY, "files that no request takes");
    } catch (error) {
      this.#refuse(error);
    }
  }

  #request(id: number, opcode: number, bytes: Uint8Array): void {
    const resource = this.#objects.get(id);
    if (resource === undefined) this.display.fail(INVALID_OBJECT, `invalid object ${id}`);
    const { name, requests } = resource.interface;
    const type = requests[opcode];
    if (type === undefined || type.since > resource.version)
      this.display.fail(INVALID_METHOD, `invalid method ${opcode}, object ${name}#${id}`);
    const values = this.#arguments(resource, type, bytes);
    const handler = resource.handler?.[type.name];
    if (handler !== undefined) handler.call(resource.handler, ...(values as never[]));
    else this.#dropFiles(values);
    if (type.isDestructor === true) resource.destroy();
  }

  #arguments(resource: Resource, type: MessageType, bytes: Uint8Array): Value[] {
    const reader = new ArgumentReader(bytes);
    const wrong = (): never =>
      this.display.fail(INVALID_METHOD, `invalid arguments for ${resource.interface.name}#${resource.id}.${type.name}`);
    const values = slotsOf(type.signature).map(({ letter, isNullable }, index): Value => {
      switch (letter) {
        case "i":
          return reader.i32() ?? wrong();
        case "u":
          return reader.u32() ?? wrong();
        case "f":
          return (reader.i32() ?? wrong()) / 256;
        case "a":
          return reader.array() ?? wrong();
        case "h":
          return this.#files.shift() ?? this.display.fail(INVALID_METHOD, "a file was expected");
        case "s": {
          const text = reader.string();
          return text === undefined ? (isNullable ? null : wrong()) : (text ?? wrong());
        }
        case "n":
          return this.#newObject(reader.u32() ?? wrong(), type.types[index]!, resource.version);
        default: {
          const id = reader.u32() ?? wrong();
          if (id === 0) return isNullable ? null : wrong();
          const object = this.#objects.get(id);
          const wanted = type.types[index] ?? null;
          if (object === undefined) this.display.fail(INVALID_OBJECT, `unknown object ${id}`);
          if (wanted !== null && object.interface.name !== wanted) wrong();
          return object;
        }
      }
    });
    return reader.isAtEnd ? values : wrong();
  }

  /** An object that the client names. @throws ProtocolError when the number is not free */
  create(id: number, type: Interface, version: number): Resource {
    if (id === 0 || id >= SERVER_IDS || this.#objects.has(id))
      this.display.fail(INVALID_OBJECT, `invalid new id ${id}`);
    return this.#add(new Resource(this, id, type, version));
  }

  #newObject(id: number, interfaceName: string, version: number): Resource {
    return this.create(id, this.#owner.interfaces.get(interfaceName)!, version);
  }

  /** An object that an event brings. */
  createForEvent(interfaceName: string, version: number): Resource {
    while (this.#objects.has(this.#nextServerId)) this.#stepServerId();
    const id = this.#nextServerId;
    this.#stepServerId();
    return this.#add(new Resource(this, id, this.#owner.interfaces.get(interfaceName)!, version));
  }

  #stepServerId(): void {
    this.#nextServerId = this.#nextServerId === 0xffffffff ? SERVER_IDS : this.#nextServerId + 1;
  }

  #add(resource: Resource): Resource {
    if (this.#objects.size >= OBJECTS_MAX) this.display.fail(NO_MEMORY, `more than ${OBJECTS_MAX} objects`);
    this.#objects.set(resource.id, resource);
    return resource;
  }

  /** The number of an object is free. */
  forget({ id }: Resource): void {
    this.#objects.delete(id);
    if (id < SERVER_IDS && !this.#isGone) this.display.send(DELETE_ID_EVENT, [id]);
  }

  /** @throws ProtocolError: it asked for more than it may have */
  refuseMemory(what: string): never {
    this.display.fail(NO_MEMORY, what);
  }

  /** A surface is to hold so many bytes of pixels. @throws ProtocolError when there are no more */
  takePixels(sizeBytes: number): void {
    const { pixelBytes, pixelBytesMax } = this.#owner;
    if (this.#pixelBytes + sizeBytes > PIXEL_BYTES_MAX)
      this.refuseMemory(`windows of more than ${PIXEL_BYTES_MAX} bytes`);
    if (pixelBytes + sizeBytes > pixelBytesMax)
      this.refuseMemory(`windows of all programs of more than ${pixelBytesMax} bytes`);
    this.#countPixels(sizeBytes);
  }

  givePixels(sizeBytes: number): void {
    this.#countPixels(-sizeBytes);
  }

  #countPixels(changeBytes: number): void {
    this.#pixelBytes += changeBytes;
    this.#owner.pixelBytes += changeBytes;
  }

  sendEvent(resource: Resource, opcode: number, type: MessageType, values: readonly Value[]): void {
    if (this.#isGone) return;
    const files = values.filter((_, index) => slotsOf(type.signature)[index]!.letter === "h") as SharedFile[];
    if (this.#outFiles.length + files.length > FILES_AT_ONCE) this.flush();
    this.#outFiles.push(...files);
    this.#out.add(resource.id, opcode, type, values);
    if (this.#out.length >= MESSAGE_BYTES_MAX) this.flush();
  }

  /** Events so far go out. Files go with them: whoever gave them away may let go afterwards. */
  flush(): void {
    if (this.#isGone || this.#out.length === 0) return;
    const files = this.#outFiles;
    this.#outFiles = [];
    this.#connection.send(this.#out.take(), files);
  }

  /** Does something for the client that its own bytes do not ask for now; what it did wrong ends it, and not us. */
  guard(work: () => void): void {
    if (this.#isGone) return;
    try {
      work();
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** A file is given back to where it came from. */
  release(file: SharedFile): void {
    this.#connection.release(file);
  }

  #dropFiles(values: readonly Value[]): void {
    for (const value of values)
      if (value !== null && typeof value === "object" && "sizeBytes" in value) this.release(value);
  }

  #refuse(error: unknown): void {
    const isOurs = !(error instanceof ProtocolError);
    if (isOurs) this.#owner.onDefect(error);
    const { resource, code, message } = isOurs
      ? { resource: this.display, code: IMPLEMENTATION, message: "a defect of the compositor" }
      : error;
    this.display.send(ERROR_EVENT, [resource.isDestroyed ? this.display : resource, code, message]);
    this.flush();
    this.disconnect();
    this.#connection.close();
  }

  /** The connection is no more: all of its objects go, the last made first. */
  disconnect(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const resource of [...this.#objects.values()].reverse()) {
      try {
        resource.destroy();
      } catch (error) {
        this.#owner.onDefect(error);
      }
    }
    for (const file of this.#files.splice(0)) this.release(file);
    this.#owner.clientGone(this);
  }

  static {
    savedClass(
      "Client",
      this,
      {
        display: a("Resource"),
        "#connection": isConnection,
        "#owner": isOwner,
        "#objects": map(whole(1, 2 ** 32 - 1), a("Resource"), OBJECTS_MAX),
        "#nextServerId": whole(SERVER_IDS, 2 ** 32 - 1),
        "#inbox": bytes(MESSAGE_BYTES_MAX),
        "#files": list(isFile, FILES_MAX),
      },
      {
        save: (it) => ({
          connection: it.#connection,
          owner: it.#owner,
          objects: it.#objects,
          nextServerId: it.#nextServerId,
          inbox: it.#inbox,
          files: it.#files,
        }),
        load: (it, from) =>
          ({
            connection: it.#connection,
            owner: it.#owner,
            objects: it.#objects,
            nextServerId: it.#nextServerId,
            inbox: it.#inbox,
            files: it.#files,
          } = from),
      },
      // What it holds of surfaces is counted as these come.
      { keeps: ["surfaceCount", "isKeepable", "#out", "#outFiles", "#isGone", "#pixelBytes"] },
    );
  }
}

function isConnection(value: unknown): boolean {
  return typeof value === "object" && value !== null && "files" in value;
}

function isOwner(value: unknown): boolean {
  return typeof value === "object" && value !== null && "clientGone" in value;
}

/** Of a connection's. */
export function isFile(value: unknown): boolean {
  return typeof value === "object" && value !== null && "sizeBytes" in value;
}
