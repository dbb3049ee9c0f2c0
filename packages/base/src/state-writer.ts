/** Writes a graph of objects (state-format.ts); each object once, whoever refers to it. */
import { byteStringOf } from "./byte-string.ts";
import { crc32c } from "./crc.ts";
import { constantName, fieldsOf, type StateClass, stateClassOf } from "./state-classes.ts";
import { inOnePiece } from "./in-pieces.ts";
import { LoneBytes } from "./lone-bytes.ts";
import { StateError } from "./state-error.ts";
import { HEAD, HEADER_BYTES, MAGIC, VALUE, VERSION, VIEWS } from "./state-format.ts";

/** What the outside gives each machine, by name: it is not saved, and the one who loads gives its own. */
export type StatePorts = ReadonlyMap<object, string>;

/**
 * What is written in the place of an object of a class without a name, of a class that has one; undefined: nothing can.
 */
export type StateStandIn = (object: object) => object | undefined;

interface SaveOptions {
  readonly standIn?: StateStandIn;
  /** What is written in the place of an object, wherever that is referred to. */
  readonly replaced?: ReadonlyMap<object, object>;
}

/** @throws StateError of kind "unsavable", for an object that has no name and no stand-in, and for a function */
export function saveState(root: object, ports: StatePorts, options: SaveOptions = {}): Uint8Array {
  return inOnePiece(saveStateInPieces(root, ports, options));
}

/** As `saveState`; between the pieces nothing that the graph holds may change. */
export function* saveStateInPieces(
  root: object,
  ports: StatePorts,
  options: SaveOptions = {},
): Generator<void, Uint8Array> {
  const writer = new Writer(ports, options);
  yield* writer.graph(root);
  return yield* writer.file();
}

/** A millisecond or two, where the code is warm. */
const OBJECTS_AT_ONCE = 128;
const BYTES_AT_ONCE = 1 << 20;

/**
 * Copies much, half a MiB in a piece: memory that is touched for the first time takes as long as all the rest.
 *
 * @param checksum  CRC-32C of what came before. @returns that of all
 */
export function* copyInPieces(from: Uint8Array, to: Uint8Array, at: number, checksum = 0): Generator<void, number> {
  let sum = checksum;
  for (let done = 0; done < from.length; done += PIECE_BYTES_MAX) {
    if (done > 0) yield;
    const part = from.subarray(done, done + PIECE_BYTES_MAX);
    to.set(part, at + done);
    sum = crc32c(part, 0, part.length, sum);
  }
  return sum;
}

/** All objects that a file of `root` would hold. @throws StateError */
export function reachableState(root: object, ports: StatePorts, options: SaveOptions = {}): readonly object[] {
  const writer = new Writer(ports, options);
  inOnePiece(writer.graph(root));
  return writer.objects;
}

/** What is written grows by pieces: to copy it into ever larger ones takes long at once. */
const PIECE_BYTES_MAX = 1 << 19;

class Bytes {
  /** Those that are full. */
  readonly #pieces: Uint8Array[] = [];
  #fullBytes = 0;
  #bytes = new Uint8Array(4096);
  #at = 0;

  get length(): number {
    return this.#fullBytes + this.#at;
  }

  #reserve(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    this.#pieces.push(this.#bytes.subarray(0, this.#at));
    this.#fullBytes += this.#at;
    this.#bytes = new Uint8Array(Math.max(Math.min(this.#bytes.length * 2, PIECE_BYTES_MAX), count));
    this.#at = 0;
  }

  u8(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  varint(value: number): void {
    this.#reserve(10);
    while (value >= 128) {
      this.#bytes[this.#at++] = (value % 128) | 128;
      value = Math.floor(value / 128);
    }
    this.#bytes[this.#at++] = value;
  }

  f64(value: number): void {
    this.#reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.#at, value, true);
    this.#at += 8;
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  get pieces(): Uint8Array[] {
    return [...this.#pieces, this.#bytes.subarray(0, this.#at)];
  }
}

class Writer {
  readonly #ports: StatePorts;
  readonly #standIn: StateStandIn | undefined;
  readonly #replaced: ReadonlyMap<object, object> | undefined;
  readonly objects: object[] = [];
  readonly #ids = new Map<object, number>();
  /** Who led to each object first: its number, −1 for the root, and by which field. */
  readonly #holders: number[] = [];
  readonly #places: string[] = [];
  readonly #strings = new Map<string, number>();
  readonly #shapes = new Map<string, number>();
  readonly #stringBytes = new Bytes();
  readonly #shapeBytes = new Bytes();
  readonly #heads = new Bytes();
  readonly #bodies = new Bytes();
  #holder = -1;
  #place = "";

  constructor(ports: StatePorts, { standIn, replaced }: SaveOptions) {
    this.#ports = ports;
    this.#standIn = standIn;
    this.#replaced = replaced;
  }

  *graph(root: object): Generator<void> {
    this.#number(root);
    let [objects, bytes] = [0, 0];
    for (let id = 0; id < this.objects.length; id++) {
      this.#holder = id;
      this.#object(this.objects[id]!);
      const written = this.#heads.length + this.#bodies.length;
      if (id - objects < OBJECTS_AT_ONCE && written - bytes < BYTES_AT_ONCE) continue;
      [objects, bytes] = [id, written];
      yield;
    }
  }

  *file(): Generator<void, Uint8Array> {
    const parts = [
      count(this.#strings.size),
      ...this.#stringBytes.pieces,
      count(this.#shapes.size),
      ...this.#shapeBytes.pieces,
      count(this.objects.length),
      ...this.#heads.pieces,
      ...this.#bodies.pieces,
    ];
    const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, HEADER_BYTES));
    let at = HEADER_BYTES;
    let checksum = 0;
    for (const part of parts) {
      if (part.length > PIECE_BYTES_MAX / 2) yield;
      checksum = yield* copyInPieces(part, file, at, checksum);
      at += part.length;
    }
    file.set(byteStringOf(MAGIC));
    const view = new DataView(file.buffer);
    view.setUint32(8, VERSION, true);
    view.setUint32(12, checksum, true);
    return file;
  }

  #number(referred: object): number {
    const known = this.#ids.get(referred);
    if (known !== undefined) return known;
    const object = this.#replaced?.get(referred) ?? referred;
    if (object !== referred) {
      const id = this.#number(object);
      this.#ids.set(referred, id);
      return id;
    }
    const id = this.objects.length;
    this.#ids.set(object, id);
    this.objects.push(object);
    this.#holders.push(this.#holder);
    this.#places.push(this.#place);
    return id;
  }

  #string(text: string): number {
    const known = this.#strings.get(text);
    if (known !== undefined) return known;
    let isWide = false;
    for (let index = 0; index < text.length && !isWide; index++) isWide = text.charCodeAt(index) > 255;
    this.#stringBytes.varint(text.length * 2 + Number(isWide));
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      this.#stringBytes.u8(unit & 255);
      if (isWide) this.#stringBytes.u8(unit >> 8);
    }
    const index = this.#strings.size;
    this.#strings.set(text, index);
    return index;
  }

  #shape(name: string, fields: readonly string[]): number {
    const key = JSON.stringify([name, ...fields]);
    const known = this.#shapes.get(key);
    if (known !== undefined) return known;
    this.#shapeBytes.varint(this.#string(name));
    this.#shapeBytes.varint(fields.length);
    for (const field of fields) this.#shapeBytes.varint(this.#string(field));
    const index = this.#shapes.size;
    this.#shapes.set(key, index);
    return index;
  }

  #value(value: unknown, place: string): void {
    const to = this.#bodies;
    switch (typeof value) {
      case "undefined":
        return to.u8(VALUE.undefined);
      case "boolean":
        return to.u8(value ? VALUE.true : VALUE.false);
      case "number":
        if (value !== (value | 0) || Object.is(value, -0)) {
          to.u8(VALUE.number);
          return to.f64(value);
        }
        to.u8(VALUE.integer);
        return to.varint(((value << 1) ^ (value >> 31)) >>> 0);
      case "string":
        to.u8(VALUE.string);
        return to.varint(this.#string(value));
      case "bigint":
        to.u8(VALUE.bigint);
        return to.varint(this.#string(String(value)));
      case "symbol":
        return this.#refuse(place, "a symbol");
      default:
        if (value === null) return to.u8(VALUE.null);
        this.#place = place;
        if (typeof value === "function" && constantName(value) === undefined && !this.#ports.has(value))
          this.#refuse(place, `a function${value.name === "" ? "" : ` (${value.name})`}`);
        to.u8(VALUE.object);
        return to.varint(this.#number(value as object));
    }
  }

  #object(object: object): void {
    const port = this.#ports.get(object);
    if (port !== undefined) return this.#named(HEAD.port, port);
    const constant = constantName(object);
    if (constant !== undefined) return this.#named(HEAD.constant, constant);
    if (Array.isArray(object)) {
      this.#heads.u8(HEAD.array);
      this.#bodies.varint(object.length);
      for (let index = 0; index < object.length; index++) this.#value(object[index], `[${index}]`);
    } else if (object instanceof Map) {
      this.#heads.u8(HEAD.map);
      this.#bodies.varint(object.size);
      for (const [key, value] of object as Map<unknown, unknown>) {
        this.#value(key, " key");
        this.#value(value, typeof key === "object" ? "[…]" : `[${String(key)}]`);
      }
    } else if (object instanceof Set) {
      this.#heads.u8(HEAD.set);
      this.#bodies.varint(object.size);
      for (const value of object as Set<unknown>) this.#value(value, "[…]");
    } else if (object instanceof ArrayBuffer) this.#bytes(HEAD.buffer, new Uint8Array(object));
    else if (object instanceof LoneBytes) this.#bytes(HEAD.loneBytes, object);
    else if (ArrayBuffer.isView(object)) this.#view(object);
    else this.#fields(object);
  }

  #named(kind: number, name: string): void {
    this.#heads.u8(kind);
    this.#heads.varint(this.#string(name));
  }

  #bytes(kind: number, bytes: Uint8Array): void {
    let kept = bytes.length;
    while (kept > 0 && bytes[kept - 1] === 0) kept--;
    this.#heads.u8(kind);
    this.#heads.varint(bytes.length);
    this.#heads.varint(kept);
    this.#heads.append(bytes.subarray(0, kept));
  }

  #view(view: ArrayBufferView): void {
    const kind = VIEWS.findIndex((type) => view instanceof type);
    this.#heads.u8(HEAD.view);
    this.#heads.u8(kind);
    this.#place = ".buffer";
    this.#heads.varint(this.#number(view.buffer));
    this.#heads.varint(view.byteOffset);
    this.#heads.varint("length" in view ? (view.length as number) : view.byteLength);
  }

  #fields(object: object): void {
    const prototype = Object.getPrototypeOf(object) as object | null;
    if (prototype === Object.prototype || prototype === null) {
      this.#heads.u8(HEAD.record);
      return this.#values("", object as Record<string, unknown>, Object.keys(object));
    }
    const entry = stateClassOf(object);
    if (entry === undefined) {
      const standIn = this.#standIn?.(object);
      if (standIn !== undefined) return this.#fields(standIn);
      const { constructor } = prototype;
      return this.#refuse("", `an object of the class ${constructor.name}, which has no name in stateClass`);
    }
    if (entry.options.remake !== undefined) return this.#remade(entry, object);
    this.#heads.u8(HEAD.instance);
    const values = fieldsOf(entry, object);
    this.#values(entry.name, values, Object.keys(values));
  }

  #remade(entry: StateClass, object: object): void {
    this.#heads.u8(HEAD.remade);
    const values: Record<string, unknown> = { "": entry.options.remake!.describe(object as never) };
    for (const [name, value] of Object.entries(fieldsOf(entry, object)))
      if (typeof value !== "function") values[name] = value;
    this.#values(entry.name, values, Object.keys(values));
  }

  #values(name: string, values: Record<string, unknown>, names: readonly string[]): void {
    this.#heads.varint(this.#shape(name, names));
    for (const each of names) this.#value(values[each], `.${each}`);
  }

  #refuse(place: string, what: string): never {
    const holders: object[] = [];
    let path = place;
    for (let id = this.#holder; id >= 0; id = this.#holders[id]!) {
      holders.push(this.objects[id]!);
      const name = stateClassOf(this.objects[id]!)?.name;
      path = (name === undefined ? "" : ` ${name}`) + path;
      path = this.#places[id]! + path;
    }
    throw new StateError("unsavable", `${path.trim()} holds ${what}`, holders);
  }
}

function count(value: number): Uint8Array {
  const bytes = new Bytes();
  bytes.varint(value);
  return bytes.pieces[0]!;
}
