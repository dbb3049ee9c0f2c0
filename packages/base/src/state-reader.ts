/**
 * Reads a graph of objects (state-format.ts). All are made before any is filled, since each may refer to each. Those
 * that their class makes anew come when the others have their fields; then everything is filled once more, with them.
 */
import { byteString } from "./byte-string.ts";
import { crc32c } from "./crc.ts";
import {
  blankOf,
  constantNamed,
  fieldsOf,
  setFields,
  type StateClass,
  stateClassNamed,
  tellLoaded,
} from "./state-classes.ts";
import { LoneBytes } from "./lone-bytes.ts";
import { StateError } from "./state-error.ts";
import { HEAD, HEADER_BYTES, MAGIC, VALUE, VERSION, VIEWS } from "./state-format.ts";

export interface StateSources {
  /** What the one who loads has in the place of what was there before. */
  readonly ports: ReadonlyMap<string, object>;
  /** Objects that exist already and are filled, instead of new ones, by the name of their class. */
  readonly given: ReadonlyMap<string, object>;
  /** Of what classes it may hold objects, by their names; absent: of all that have one. */
  readonly classes?: ReadonlySet<string>;
}

/**
 * @returns the root
 * @throws StateError  "damaged": not what was written; "foreign": no state at all, of another version, or with classes,
 *   fields, constants or ports that are not here
 */
export function loadState(file: Uint8Array, sources: StateSources): object {
  return new Reader(file, sources).graph();
}

interface Shape {
  readonly name: string;
  readonly fields: readonly string[];
}

class Reader {
  readonly #file: Uint8Array;
  readonly #view: DataView;
  readonly #sources: StateSources;
  #at = HEADER_BYTES;
  #strings: string[] = [];
  #shapes: Shape[] = [];
  #objects: (object | null)[] = [];
  #heads: Uint8Array = new Uint8Array(0);
  /** By number of the object: its shape, if it has one. */
  #shapeOf: (Shape | null)[] = [];
  /** Where the body of each begins. */
  #bodies: number[] = [];
  /** Those that are being made anew. */
  readonly #underWay = new Set<number>();
  #mayMake = false;

  constructor(file: Uint8Array, sources: StateSources) {
    this.#file = file;
    this.#sources = sources;
    this.#view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  }

  graph(): object {
    this.#header();
    this.#strings = this.#list(1, () => this.#text());
    this.#shapes = this.#list(1, () => {
      const name = this.#name();
      return { name, fields: this.#list(1, () => this.#name()) };
    });
    this.#readHeads();
    const bodies = this.#at;
    for (let id = 0; id < this.#objects.length; id++) {
      this.#bodies.push(this.#at);
      this.#fill(id);
    }
    if (this.#at !== this.#file.length) throw damaged("bytes behind the end");
    this.#mayMake = true;
    for (let id = 0; id < this.#objects.length; id++) this.#make(id);
    this.#at = bodies;
    for (let id = 0; id < this.#objects.length; id++) this.#fill(id);
    for (let id = 0; id < this.#objects.length; id++) {
      const shape = this.#shapeOf[id];
      if (shape !== null && this.#heads[id] !== HEAD.record) tellLoaded(this.#classOf(shape!), this.#objects[id]!);
    }
    const root = this.#objects[0];
    if (root === undefined || root === null) throw damaged("no root");
    return root;
  }

  #header(): void {
    const file = this.#file;
    if (byteString(file, 0, MAGIC.length) !== MAGIC) throw foreign("it does not begin as a saved state does");
    if (file.length < HEADER_BYTES) throw damaged("cut short");
    const version = this.#view.getUint32(8, true);
    if (version < 1 || version > VERSION)
      throw foreign(`its format is version ${version}; this one reads 1 to ${VERSION}`);
    if (this.#view.getUint32(12, true) !== crc32c(file, HEADER_BYTES)) throw damaged("its checksum is another");
  }

  #readHeads(): void {
    const total = this.#count(1);
    this.#heads = new Uint8Array(total);
    const views: { id: number; kind: number; buffer: number; offset: number; length: number }[] = [];
    for (let id = 0; id < total; id++) {
      const head = this.#u8();
      this.#heads[id] = head;
      this.#shapeOf.push(null);
      if (head === HEAD.view) {
        views.push({
          id,
          kind: this.#u8(),
          buffer: this.#varint(),
          offset: this.#varint(),
          length: this.#varint(),
        });
        this.#objects.push(null);
      } else this.#objects.push(this.#blank(id, head));
    }
    for (const { id, kind, buffer, offset, length } of views) {
      const type = VIEWS[kind];
      const bytes = this.#objects[buffer];
      if (type === undefined || !(bytes instanceof ArrayBuffer)) throw damaged("a view of no buffer");
      try {
        this.#objects[id] = new (type as new (...args: unknown[]) => object)(bytes, offset, length);
      } catch {
        throw damaged("a view beyond its buffer");
      }
    }
  }

  #blank(id: number, head: number): object | null {
    switch (head) {
      case HEAD.array:
        return [];
      case HEAD.map:
        return new Map();
      case HEAD.set:
        return new Set();
      case HEAD.record:
        this.#shapeOf[id] = this.#shape();
        return {};
      case HEAD.remade:
        this.#shapeOf[id] = this.#shape();
        this.#classOf(this.#shapeOf[id]);
        return null;
      case HEAD.instance: {
        const shape = this.#shape();
        this.#shapeOf[id] = shape;
        const entry = this.#classOf(shape);
        const object = this.#sources.given.get(shape.name) ?? blankOf(entry);
        checkFields(shape, Object.keys(fieldsOf(entry, object)));
        return object;
      }
      case HEAD.buffer:
        return this.#bytes((length) => new Uint8Array(length)).buffer;
      case HEAD.loneBytes:
        return this.#bytes((length) => new LoneBytes(new ArrayBuffer(length)));
      case HEAD.constant: {
        const name = this.#name();
        const constant = constantNamed(name);
        if (constant === undefined) throw foreign(`it refers to ${name}, which this version does not have`);
        return constant as object;
      }
      case HEAD.port: {
        const name = this.#name();
        const port = this.#sources.ports.get(name);
        if (port === undefined) throw foreign(`it needs ${name}, which it was not given`);
        return port;
      }
      default:
        throw damaged(`an object of kind ${head}`);
    }
  }

  #bytes<B extends Uint8Array>(make: (length: number) => B): B {
    const length = this.#varint();
    const kept = this.#count(1);
    if (kept > length || length > BUFFER_MAX) throw damaged("a buffer that is too long");
    const bytes = make(length);
    bytes.set(this.#file.subarray(this.#at, this.#at + kept));
    this.#at += kept;
    return bytes;
  }

  #fill(id: number): void {
    const object = this.#objects[id]!;
    switch (this.#heads[id]) {
      case HEAD.array: {
        const array = object as unknown[];
        const length = this.#count(1);
        array.length = 0;
        for (let index = 0; index < length; index++) array.push(this.#value());
        return;
      }
      case HEAD.map: {
        const map = object as Map<unknown, unknown>;
        map.clear();
        for (let left = this.#count(2); left > 0; left--) {
          const key = this.#value();
          map.set(key, this.#value());
        }
        return;
      }
      case HEAD.set: {
        const set = object as Set<unknown>;
        set.clear();
        for (let left = this.#count(1); left > 0; left--) set.add(this.#value());
        return;
      }
      case HEAD.record:
        for (const name of this.#shapeOf[id]!.fields) (object as Record<string, unknown>)[name] = this.#value();
        return;
      case HEAD.instance:
      case HEAD.remade: {
        const shape = this.#shapeOf[id]!;
        const values: Record<string, unknown> = {};
        for (const name of shape.fields) values[name] = this.#value();
        if (object !== null) setFields(this.#classOf(shape), object, values);
      }
    }
  }

  /** An object that its class makes; what it is made from is filled before. */
  #make(id: number): object | null {
    if (this.#heads[id] !== HEAD.remade || this.#objects[id] !== null) return this.#objects[id]!;
    if (this.#underWay.has(id)) throw damaged("an object that is made from itself");
    this.#underWay.add(id);
    const resumeAt = this.#at;
    const shape = this.#shapeOf[id]!;
    this.#at = this.#bodies[id]!;
    if (shape.fields[0] !== "" || this.#u8() !== VALUE.object) throw damaged("an object without a description");
    const record = this.#varint();
    if (this.#heads[record] !== HEAD.record) throw damaged("an object without a description");
    this.#at = this.#bodies[record]!;
    this.#fill(record);
    this.#at = resumeAt;
    const made = this.#classOf(shape).options.remake!.make(this.#objects[record] as never);
    this.#objects[id] = made;
    return made;
  }

  #value(): unknown {
    const tag = this.#u8();
    switch (tag) {
      case VALUE.undefined:
        return undefined;
      case VALUE.null:
        return null;
      case VALUE.false:
        return false;
      case VALUE.true:
        return true;
      case VALUE.integer: {
        const bits = this.#varint();
        return (bits >>> 1) ^ -(bits & 1);
      }
      case VALUE.number: {
        this.#need(8);
        this.#at += 8;
        return this.#view.getFloat64(this.#at - 8, true);
      }
      case VALUE.string:
        return this.#name();
      case VALUE.object: {
        const id = this.#varint();
        if (id >= this.#objects.length) throw damaged("a reference to no object");
        return this.#mayMake ? this.#make(id) : this.#objects[id];
      }
      case VALUE.bigint: {
        const digits = this.#name();
        if (!/^-?\d+$/.test(digits)) throw damaged("a number without digits");
        return BigInt(digits);
      }
      default:
        throw damaged(`a value of kind ${tag}`);
    }
  }

  #shape(): Shape {
    const shape = this.#shapes[this.#varint()];
    if (shape === undefined) throw damaged("a shape that is not there");
    return shape;
  }

  #classOf({ name }: Shape): StateClass {
    const entry = this.#sources.classes?.has(name) === false ? undefined : stateClassNamed(name);
    if (entry === undefined) throw foreign(`it holds a ${name}, which this version does not have`);
    return entry;
  }

  #text(): string {
    const head = this.#varint();
    const isWide = (head & 1) === 1;
    const length = Math.floor(head / 2);
    this.#need(isWide ? 2 * length : length);
    let text = "";
    for (let index = 0; index < length; index++) {
      const low = this.#u8();
      text += String.fromCharCode(isWide ? low | (this.#u8() << 8) : low);
    }
    return text;
  }

  #name(): string {
    const text = this.#strings[this.#varint()];
    if (text === undefined) throw damaged("a string that is not there");
    return text;
  }

  #list<T>(leastBytes: number, read: () => T): T[] {
    const list: T[] = [];
    for (let left = this.#count(leastBytes); left > 0; left--) list.push(read());
    return list;
  }

  /** A count of things that have so many bytes each at least. */
  #count(leastBytes: number): number {
    const count = this.#varint();
    this.#need(count * leastBytes);
    return count;
  }

  #varint(): number {
    let value = 0;
    for (let factor = 1; factor < 2 ** 56; factor *= 128) {
      const byte = this.#u8();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
    throw damaged("a number that is too long");
  }

  #u8(): number {
    this.#need(1);
    return this.#file[this.#at++]!;
  }

  #need(count: number): void {
    if (this.#at + count > this.#file.length) throw damaged("cut short");
  }
}

/** No buffer of a machine is longer: it has one memory of 4 GiB. */
const BUFFER_MAX = 2 ** 32;

function checkFields({ name, fields }: Shape, own: readonly string[]): void {
  const lacking = own.filter((field) => !fields.includes(field));
  const unknown = fields.filter((field) => !own.includes(field));
  if (lacking.length + unknown.length === 0) return;
  const words = [
    ...(lacking.length > 0 ? [`without ${lacking.join(", ")}`] : []),
    ...(unknown.length > 0 ? [`with ${unknown.join(", ")}`] : []),
  ];
  throw foreign(`its ${name} is another version's: ${words.join(" and ")}`);
}

function damaged(what: string): StateError {
  return new StateError("damaged", `the saved state is damaged: ${what}`);
}

function foreign(what: string): StateError {
  return new StateError("foreign", `the saved state cannot be read here: ${what}`);
}
