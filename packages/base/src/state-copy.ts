/**
 * A copy of a graph of objects in memory: what saving and loading it would give (state-writer.ts, state-reader.ts),
 * without bytes in between. Objects are met once and filled in the order in which they were met; those that their class
 * makes anew come when all others have their fields, and whoever refers to one is filled once more.
 */
import {
  blankOf,
  constantName,
  fieldsOf,
  lineageOf,
  publicNamesOf,
  setFields,
  type StateClass,
  stateClassOf,
} from "./state-classes.ts";
import { StateError } from "./state-error.ts";
import type { StateStandIn } from "./state-writer.ts";

export interface CopySources {
  /** What the copy has in the place of an object; the object itself where both share it. */
  readonly replaced: ReadonlyMap<object, object>;
  /** Objects that exist already and are filled, instead of new ones, by those that they are copies of. */
  readonly given: ReadonlyMap<object, object>;
  readonly standIn?: StateStandIn;
}

/** @throws StateError of kind "unsavable", for an object that has no name and no stand-in, and for a function */
export function copyState<T extends object>(root: T, sources: CopySources): T {
  return new Copier(sources).graph(root) as T;
}

/**
 * Copies what a root leads to and throws it away, so that `copyState` of the same finds its code compiled. Between the
 * pieces the objects may change; nothing is made anew, and nobody is told.
 *
 * @param pieceObjects  how many are copied at a time
 * @throws StateError as copyState
 */
export function* rehearseCopy(root: object, sources: CopySources, pieceObjects: number): Generator<void, void> {
  yield* new Copier(sources).rehearsal(root, pieceObjects);
}

/** Stands for an object that is to be made anew. */
const MISSED = {};

class Copier {
  readonly #standIn: CopySources["standIn"];
  /** By originals. */
  readonly #copies: Map<object, object>;
  /** Originals whose copies are to be filled. */
  readonly #unfilled: object[];
  readonly #remade: object[] = [];
  /** What each of these is made from, with what it has beside. */
  readonly #descriptions = new Map<object, { from: object; fields: Record<string, unknown> }>();
  readonly #underWay = new Set<object>();
  /** Originals that refer to one that is to be made. */
  readonly #unfinished: object[] = [];
  /** Originals of classes that want to be told. */
  readonly #told: object[] = [];
  /** Contents of buffers are no code. */
  #isRehearsal = false;
  #hasMissed = false;
  #mayMake = false;
  /** What tells the class of who refers to an object that cannot be copied. */
  #holder: object | null = null;

  constructor({ replaced, given, standIn }: CopySources) {
    this.#standIn = standIn;
    this.#copies = new Map([...replaced, ...given]);
    this.#unfilled = [...given.keys()];
    for (const original of this.#unfilled) this.#noteTold(stateClassOf(original), original);
  }

  *rehearsal(root: object, pieceObjects: number): Generator<void, void> {
    this.#isRehearsal = true;
    this.#value(root);
    for (let at = 0; at < this.#unfilled.length; at++) {
      if (at % pieceObjects === pieceObjects - 1) yield;
      this.#fillOnce(this.#unfilled[at]!);
    }
  }

  graph(root: object): object {
    this.#value(root);
    for (let at = 0; at < this.#unfilled.length; at++) this.#fillOnce(this.#unfilled[at]!);
    this.#mayMake = true;
    for (const original of this.#remade) this.#make(original);
    for (const original of this.#unfinished) this.#fill(original);
    for (const original of this.#remade) this.#fillRemade(original);
    for (const hook of ["copied", "loaded"] as const)
      for (const original of this.#told) {
        const copy = this.#copies.get(original) as Record<string, unknown>;
        for (const tell of lineageOf(stateClassOf(original)!)[hook]) tell(copy, original as Record<string, unknown>);
      }
    return this.#copies.get(root)!;
  }

  #noteTold(entry: StateClass | undefined, original: object): void {
    if (entry === undefined) return;
    const { copied, loaded } = lineageOf(entry);
    if (copied.length + loaded.length > 0) this.#told.push(original);
  }

  #value(value: unknown): unknown {
    if (value === null || (typeof value !== "object" && typeof value !== "function")) return value;
    const copy = this.#copies.get(value) ?? this.#begin(value);
    if (copy !== MISSED) return copy;
    if (this.#mayMake) return this.#make(value);
    this.#hasMissed = true;
    return null;
  }

  #begin(original: object): object {
    if (Array.isArray(original)) return this.#add(original, []);
    const prototype = Object.getPrototypeOf(original) as object | null;
    const entry = prototype === null ? undefined : stateClassOf(original);
    if (entry !== undefined) return this.#beginInstance(entry, original);
    if (constantName(original) !== undefined) return this.#keep(original, original);
    if (prototype === Object.prototype || prototype === null) return this.#add(original, {});
    if (original instanceof Map) return this.#add(original, new Map());
    if (original instanceof Set) return this.#add(original, new Set());
    if (original instanceof ArrayBuffer) return this.#keep(original, this.#isRehearsal ? original : original.slice(0));
    if (ArrayBuffer.isView(original)) return this.#keep(original, this.#view(original));
    if (typeof original === "function") this.#refuse(`a function${original.name === "" ? "" : ` (${original.name})`}`);
    const standIn = this.#standIn?.(original);
    if (standIn !== undefined) return this.#keep(original, standIn);
    this.#refuse(`an object of the class ${prototype.constructor.name}, which has no name in stateClass`);
  }

  #beginInstance(entry: StateClass, original: object): object {
    if (constantName(original) !== undefined) return this.#keep(original, original);
    this.#noteTold(entry, original);
    if (entry.options.remake === undefined) return this.#add(original, blankOf(entry));
    return this.#beginRemade(entry, original);
  }

  #add(original: object, copy: object): object {
    this.#unfilled.push(original);
    return this.#keep(original, copy);
  }

  #keep(original: object, copy: object): object {
    this.#copies.set(original, copy);
    return copy;
  }

  #view(view: ArrayBufferView): object {
    const buffer = this.#value(view.buffer);
    const type = view.constructor as new (buffer: unknown, offset: number, length: number) => object;
    return new type(buffer, view.byteOffset, "length" in view ? (view.length as number) : view.byteLength);
  }

  /** Meets what it is made from, so that all of that is filled before. */
  #beginRemade(entry: StateClass, original: object): object {
    this.#keep(original, MISSED);
    this.#remade.push(original);
    const from = entry.options.remake!.describe(original as never);
    const fields = fieldsOf(entry, original);
    this.#descriptions.set(original, { from, fields });
    for (const value of Object.values(from)) this.#value(value);
    for (const value of Object.values(fields)) if (typeof value !== "function") this.#value(value);
    return MISSED;
  }

  #make(original: object): object {
    const known = this.#copies.get(original);
    if (known !== undefined && known !== MISSED) return known;
    const entry = stateClassOf(original);
    const description = this.#descriptions.get(original);
    if (entry === undefined || description === undefined || this.#underWay.has(original))
      this.#refuse("an object that is made from itself");
    this.#underWay.add(original);
    const from: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(description.from)) from[name] = this.#value(value);
    return this.#keep(original, entry.options.remake!.make(from as never));
  }

  #fillRemade(original: object): void {
    const { fields } = this.#descriptions.get(original)!;
    const values: Record<string, unknown> = {};
    for (const name of Object.keys(fields))
      if (typeof fields[name] !== "function") values[name] = this.#value(fields[name]);
    setFields(stateClassOf(original)!, this.#copies.get(original)!, values);
  }

  #fillOnce(original: object): void {
    this.#hasMissed = false;
    this.#fill(original);
    if (this.#hasMissed) this.#unfinished.push(original);
  }

  #fill(original: object): void {
    const copy = this.#copies.get(original)!;
    this.#holder = original;
    if (Array.isArray(original)) {
      const array = copy as unknown[];
      const { length } = original;
      array.length = length;
      for (let index = 0; index < length; index++) {
        const value = (original as unknown[])[index];
        array[index] = typeof value === "number" ? value : this.#value(value);
      }
    } else if (original instanceof Map) {
      const map = copy as Map<unknown, unknown>;
      if (map.size > 0) map.clear();
      if (original.size > 0) original.forEach((value, key) => map.set(this.#value(key), this.#value(value)));
    } else if (original instanceof Set) {
      const set = copy as Set<unknown>;
      if (set.size > 0) set.clear();
      if (original.size > 0) original.forEach((value) => set.add(this.#value(value)));
    } else {
      const entry = stateClassOf(original);
      const from = original as Record<string, unknown>;
      const to = copy as Record<string, unknown>;
      if (entry === undefined) for (const name of Object.keys(from)) to[name] = this.#value(from[name]);
      else this.#fillInstance(entry, from, to);
    }
  }

  #fillInstance(entry: StateClass, from: Record<string, unknown>, to: Record<string, unknown>): void {
    const { withFields, shares } = lineageOf(entry);
    for (const name of publicNamesOf(entry, to)) {
      const value = from[name];
      if ((typeof value !== "object" && typeof value !== "function") || value === null) to[name] = value;
      else to[name] = shares.size > 0 && shares.has(name) ? value : this.#value(value);
    }
    for (const { fields } of withFields) {
      const own = fields!.save(from);
      for (const name in own) {
        const value = own[name];
        if ((typeof value !== "object" && typeof value !== "function") || value === null) continue;
        if (shares.size === 0 || !shares.has(`#${name}`)) own[name] = this.#value(value);
      }
      fields!.load(to, own);
    }
  }

  #refuse(what: string): never {
    const holder = this.#holder === null ? undefined : stateClassOf(this.#holder)?.name;
    throw new StateError("unsavable", `${holder ?? "a record"} holds ${what}`);
  }
}
