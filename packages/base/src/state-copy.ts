/**
 * A copy of a graph of objects in memory: what saving and loading it would give (state-writer.ts, state-reader.ts),
 * without bytes in between. Objects are met once and filled in the order in which they were met; those that their class
 * makes anew come when all others have their fields, and whoever refers to one is filled once more.
 */
import { assert } from "./assert.ts";
import { ownPartsOf } from "./state-blanks.ts";
import {
  blankOf,
  constantName,
  lineageOf,
  type OwnParts,
  publicNamesOf,
  type StateClass,
  stateClassOf,
} from "./state-classes.ts";
import { LoneBytes } from "./lone-bytes.ts";
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

/** Of objects that the next copy will have, so that lists have room: most copies are of what was copied before. */
let expectedCount = 0;

/** Stands for an object that is to be made anew. */
const MISSED = {};

class Copier {
  readonly #standIn: CopySources["standIn"];
  /** By originals. */
  readonly #copies: Map<object, object>;
  /** Originals whose copies are to be filled; of instances of classes what of their copies is there, too. */
  readonly #unfilled: object[] = new Array(expectedCount);
  readonly #parts: (OwnParts | null)[] = new Array(expectedCount);
  #count = 0;
  readonly #remade: object[] = [];
  /** What each of these is made from. */
  readonly #descriptions = new Map<object, object>();
  readonly #underWay = new Set<object>();
  /** Where originals stand that refer to one that is to be made. */
  readonly #unfinished: number[] = [];
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
    this.#copies = new Map(replaced);
    given.forEach((copy, original) => {
      const entry = stateClassOf(original);
      assert(entry !== undefined, "what is given has a class");
      this.#add(original, copy, ownPartsOf(entry, null));
      this.#noteTold(entry, original);
    });
  }

  *rehearsal(root: object, pieceObjects: number): Generator<void, void> {
    this.#isRehearsal = true;
    this.#value(root);
    for (let at = 0; at < this.#count; at++) {
      if (at % pieceObjects === pieceObjects - 1) yield;
      this.#fillOnce(at);
    }
  }

  graph(root: object): object {
    this.#value(root);
    for (let at = 0; at < this.#count; at++) this.#fillOnce(at);
    expectedCount = this.#count;
    this.#mayMake = true;
    for (const original of this.#remade) this.#make(original);
    for (const at of this.#unfinished) this.#fill(at);
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
    return this.#object(value, null, undefined);
  }

  /** @param own  what its copy may be, with that one's parts; null: nothing is there */
  #object(original: object, own: object | null, parts: OwnParts | undefined): unknown {
    const copy = this.#copies.get(original) ?? this.#begin(original, own, parts);
    if (copy !== MISSED) return copy;
    if (this.#mayMake) return this.#make(original);
    this.#hasMissed = true;
    return null;
  }

  #begin(original: object, own: object | null, parts: OwnParts | undefined): object {
    if (Array.isArray(original)) return this.#add(original, original.slice());
    const prototype = Object.getPrototypeOf(original) as object | null;
    const entry = prototype === null ? undefined : stateClassOf(original);
    if (constantName(original) !== undefined) return this.#keep(original, original);
    const isOwn = own !== null && parts !== undefined && Object.getPrototypeOf(own) === prototype;
    if (entry !== undefined) return this.#beginInstance(entry, original, isOwn ? own : null, isOwn ? parts : null);
    if (prototype === Object.prototype || prototype === null) return this.#add(original, { ...original });
    if (original instanceof Map) return this.#add(original, isOwn ? own : new Map());
    if (original instanceof Set) return this.#add(original, isOwn ? own : new Set());
    if (original instanceof ArrayBuffer) return this.#keep(original, this.#isRehearsal ? original : original.slice(0));
    if (original instanceof LoneBytes) return this.#keep(original, this.#isRehearsal ? original : original.copy());
    if (ArrayBuffer.isView(original)) return this.#keep(original, this.#view(original));
    if (typeof original === "function") this.#refuse(`a function${original.name === "" ? "" : ` (${original.name})`}`);
    const standIn = this.#standIn?.(original);
    if (standIn !== undefined) return this.#keep(original, standIn);
    this.#refuse(`an object of the class ${prototype.constructor.name}, which has no name in stateClass`);
  }

  #beginInstance(entry: StateClass, original: object, own: object | null, parts: OwnParts | null): object {
    this.#noteTold(entry, original);
    if (entry.options.remake !== undefined) return this.#beginRemade(entry, original);
    if (own !== null) return this.#add(original, own, parts);
    const blank = blankOf(entry);
    return this.#add(original, blank, ownPartsOf(entry, blank));
  }

  #add(original: object, copy: object, parts: OwnParts | null = null): object {
    this.#unfilled[this.#count] = original;
    this.#parts[this.#count++] = parts;
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
    this.#descriptions.set(original, from);
    for (const value of Object.values(from)) this.#value(value);
    this.#fieldsOfRemade(entry, original, null);
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
    for (const [name, value] of Object.entries(description)) from[name] = this.#value(value);
    return this.#keep(original, entry.options.remake!.make(from as never));
  }

  #fillRemade(original: object): void {
    this.#fieldsOfRemade(stateClassOf(original)!, original, this.#copies.get(original)!);
  }

  /**
   * Its fields but for functions, which only its maker can give it.
   *
   * @param copy  null: they are met, and nothing else
   */
  #fieldsOfRemade(entry: StateClass, original: object, copy: object | null): void {
    const { withFields, keeps, shares } = lineageOf(entry);
    const from = original as Record<string, unknown>;
    const to = copy as Record<string, unknown> | null;
    for (const name of Object.keys(from)) {
      if (keeps.has(name) || typeof from[name] === "function") continue;
      const value = shares.has(name) ? from[name] : this.#value(from[name]);
      if (to !== null && Object.hasOwn(to, name)) to[name] = value;
    }
    for (const { fields } of withFields) {
      const own = fields!.save(from);
      const made = to === null ? null : fields!.save(to);
      for (const name in own)
        if (typeof own[name] === "function") own[name] = made?.[name];
        else if (!shares.has(`#${name}`)) own[name] = this.#value(own[name]);
      if (to !== null) fields!.load(to, own);
    }
  }

  #fillOnce(at: number): void {
    this.#hasMissed = false;
    this.#fill(at);
    if (this.#hasMissed) this.#unfinished.push(at);
  }

  #fill(at: number): void {
    const original = this.#unfilled[at]!;
    const copy = this.#copies.get(original)!;
    const parts = this.#parts[at]!;
    this.#holder = original;
    if (parts !== null) this.#fillInstance(parts, original as Record<string, unknown>, copy as Record<string, unknown>);
    else if (Array.isArray(original)) this.#fillArray(original, copy as unknown[]);
    else if (original instanceof Map) {
      const map = copy as Map<unknown, unknown>;
      if (map.size > 0) map.clear();
      if (original.size > 0) original.forEach((value, key) => map.set(this.#value(key), this.#value(value)));
    } else if (original instanceof Set) {
      const set = copy as Set<unknown>;
      if (set.size > 0) set.clear();
      if (original.size > 0) original.forEach((value) => set.add(this.#value(value)));
    } else {
      const from = original as Record<string, unknown>;
      const to = copy as Record<string, unknown>;
      for (const name in from) {
        const value = from[name];
        if (value !== null && (typeof value === "object" || typeof value === "function"))
          to[name] = this.#object(value, null, undefined);
      }
    }
  }

  /** What is no object is there. */
  #fillArray(original: readonly unknown[], array: unknown[]): void {
    for (let index = 0; index < original.length; index++) {
      const value = original[index];
      if (value !== null && (typeof value === "object" || typeof value === "function"))
        array[index] = this.#object(value, null, undefined);
    }
  }

  #fillInstance(parts: OwnParts, from: Record<string, unknown>, to: Record<string, unknown>): void {
    const entry = parts.entry!;
    const { withFields, shares, copyPlain } = lineageOf(entry);
    if (copyPlain !== null) copyPlain(to, from);
    const names = publicNamesOf(entry, to);
    for (let index = 0; index < names.length; index++) {
      const name = names[index]!;
      const value = from[name];
      if ((typeof value !== "object" && typeof value !== "function") || value === null) to[name] = value;
      else if (shares.size > 0 && shares.has(name)) to[name] = value;
      else to[name] = this.#object(value, to[name] as object | null, parts.inPublic.get(name));
    }
    for (let index = 0; index < withFields.length; index++) {
      const fields = withFields[index]!.fields!;
      const own = fields.save(from);
      const ownParts = parts.inPrivate[index]!;
      const made = ownParts.size === 0 ? null : fields.save(to);
      for (const name in own) {
        const value = own[name];
        if ((typeof value !== "object" && typeof value !== "function") || value === null) continue;
        if (shares.size === 0 || !shares.has(`#${name}`))
          own[name] = this.#object(value, (made?.[name] ?? null) as object | null, ownParts.get(name));
      }
      fields.load(to, own);
    }
  }

  #refuse(what: string): never {
    const holder = this.#holder === null ? undefined : stateClassOf(this.#holder)?.name;
    throw new StateError("unsavable", `${holder ?? "a record"} holds ${what}`);
  }
}
