/**
 * Which classes a saved machine is made of. Each says its name once, in a static block; one with private fields says
 * how these are read and set, too, since nobody else can:
 *
 * ```ts
 * static {
 *   stateClass("WaitQueue", this, {
 *     save: (it) => ({ waiters: it.#waiters }),
 *     load: (it, from) => ({ waiters: it.#waiters } = from),
 *   });
 * }
 * ```
 *
 * Public fields go by themselves. A subclass names itself as well, and has its base's fields with its own.
 *
 * An object that is loaded begins as a *blank*: its constructor has run over `NOTHING`, which answers whatever is
 * asked of it with nothing, so that the object has the shape and the private fields that all of its kind have. Then
 * each field is set. So a constructor may make and count what it likes, but must do nothing to the world by other means
 * than its arguments.
 */
import { assert } from "./assert.ts";

interface StateFields<T, P extends object> {
  /** Private fields by name. */
  save(it: T): P;
  load(it: T, from: P): unknown;
}

export type Writable<T> = { -readonly [Name in keyof T]: T[Name] };

interface StateOptions<T> {
  /** Fields that are no state: a loaded object keeps what its blank has. */
  readonly keeps?: readonly ((keyof T & string) | `#${string}`)[];
  /** Made in another way than over `NOTHING`. */
  readonly blank?: () => T;
  /** Called when the object and all others are there: it takes up again with the outside. */
  readonly loaded?: (it: T) => void;
  /**
   * It is made anew from what `describe` says of it (closures that only its maker can give it), when all other objects
   * have their fields; its public fields are then set like those of others, but for functions.
   */
  readonly remake?: { describe(it: T): object; make(from: never): object };
  /**
   * Fields that a copy in memory (state-copy.ts) has as they are, objects included: these are never changed, or
   * `copied` sees to it that each has its own before it changes them.
   */
  readonly shares?: readonly ((keyof T & string) | `#${string}`)[];
  /**
   * Copies public fields that are never objects, or among `shares`, for a class of which there are many: code for these
   * fields alone is several times as fast as the code for any field. Those that it leaves out are copied one by one.
   */
  readonly copyPlain?: (to: Writable<T>, from: T) => void;
  /** Called of a copy in memory that has its fields: it gets what only one may hold, such as frames. */
  readonly copied?: (it: T, from: T) => void;
}

export interface StateClass {
  readonly name: string;
  readonly type: { readonly prototype: object };
  readonly fields: StateFields<object, Record<string, unknown>> | null;
  readonly options: StateOptions<Record<string, unknown>>;
  /** null: not asked for yet. */
  lineage: Lineage | null;
  /** What a copy of one may take from its blank (state-blanks.ts); null: none was copied. */
  ownParts: OwnParts | null;
}

/** Objects that a blank has for itself alone (state-blanks.ts). */
export interface OwnParts {
  /** null: it is a map or a set. */
  readonly entry: StateClass | null;
  /** Instances of classes with a name, maps and sets, by the fields that they stand in. */
  readonly inPublic: ReadonlyMap<string, OwnParts>;
  /** The same of each class with private fields, as in its lineage. */
  readonly inPrivate: readonly ReadonlyMap<string, OwnParts>[];
  /** They were looked for: of the first object of a class they are not, as of many classes there is but one. */
  readonly areFound: boolean;
}

/** What a class has with those that it extends. */
interface Lineage {
  /** Those with private fields, the base first. */
  readonly withFields: readonly StateClass[];
  readonly keeps: ReadonlySet<string>;
  readonly shares: ReadonlySet<string>;
  readonly copyPlain: ((to: Record<string, unknown>, from: Record<string, unknown>) => void) | null;
  /** Public fields, once they are known. */
  names: readonly string[] | null;
  readonly copied: readonly ((it: Record<string, unknown>, from: Record<string, unknown>) => void)[];
  readonly loaded: readonly ((it: Record<string, unknown>) => void)[];
}

const byName = new Map<string, StateClass>();
const byPrototype = new Map<object, StateClass>();
const namesOfConstants = new Map<unknown, string>();
const constants = new Map<string, unknown>();

/**
 * @param name  by which files know it; one of a kind in the whole system
 * @param fields  how private fields are read and set; null: it has none
 */
export function stateClass<T extends object, P extends object>(
  name: string,
  type: { readonly prototype: T },
  fields: StateFields<T, P> | null = null,
  options: StateOptions<NoInfer<T>> = {},
): void {
  assert(!byName.has(name), `one class is ${name}`);
  const entry = { name, type, fields, options, lineage: null, ownParts: null } as unknown as StateClass;
  byName.set(name, entry);
  byPrototype.set(type.prototype, entry);
}

/** What modules make once and state refers to (a driver, an observer, a table): every machine has it by this name. */
export function stateConstant<T>(name: string, value: T): T {
  assert(!constants.has(name), `one constant is ${name}`);
  constants.set(name, value);
  namesOfConstants.set(value, name);
  return value;
}

/** The entry of the class that made the object itself. */
export function stateClassOf(object: object): StateClass | undefined {
  return byPrototype.get(Object.getPrototypeOf(object) as object);
}

/** The name of the object's class; undefined: it has none, and can't be saved. */
export function stateName(object: object): string | undefined {
  return stateClassOf(object)?.name;
}

export function stateClassNamed(name: string): StateClass | undefined {
  const known = byName.get(name);
  if (known !== undefined || loadMissing === null) return known;
  const load = loadMissing;
  loadMissing = null;
  load();
  return byName.get(name);
}

let loadMissing: (() => void) | null = null;

/** Where a program is loaded in parts: called once, when state has a class that is in none so far. */
export function whenClassMissing(load: () => void): void {
  loadMissing = load;
}

export function constantName(value: unknown): string | undefined {
  return namesOfConstants.get(value);
}

export function constantNamed(name: string): unknown {
  return constants.get(name);
}

export function allStateClasses(): readonly StateClass[] {
  return [...byName.values()];
}

/** Computed once: all that a class extends has its name when the first object of it is met. */
export function lineageOf(entry: StateClass): Lineage {
  if (entry.lineage !== null) return entry.lineage;
  const classes: StateClass[] = [];
  for (let at: object | null = entry.type.prototype; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    const each = byPrototype.get(at);
    if (each !== undefined) classes.unshift(each);
  }
  return (entry.lineage = {
    withFields: classes.filter(({ fields }) => fields !== null),
    keeps: new Set<string>(classes.flatMap(({ options }) => options.keeps ?? [])),
    shares: new Set<string>(classes.flatMap(({ options }) => options.shares ?? [])),
    copyPlain: (entry.options.copyPlain ?? null) as Lineage["copyPlain"],
    names: null,
    copied: classes.flatMap(({ options }) => options.copied ?? []),
    loaded: classes.flatMap(({ options }) => options.loaded ?? []),
  });
}

/**
 * Public fields of all objects of a class, but those that it keeps, and those of `copyPlain`.
 *
 * @param object  a blank, or as complete as one
 */
export function publicNamesOf(entry: StateClass, object: object): readonly string[] {
  const lineage = lineageOf(entry);
  return (lineage.names ??= namesIn(lineage, object));
}

function namesIn({ keeps, copyPlain }: Lineage, object: object): string[] {
  const others = new Set(keeps);
  const note = (_fields: object, name: string | symbol): boolean => others.add(String(name)) === others;
  copyPlain?.(new Proxy({}, { set: note }), {});
  return Object.keys(object).filter((name) => !others.has(name));
}

/** The fields of an object by name: public ones as they are called, private ones as "Class#name". */
export function fieldsOf(entry: StateClass, object: object): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  const { withFields, keeps } = lineageOf(entry);
  for (const name of Object.keys(object)) if (!keeps.has(name)) values[name] = (object as typeof values)[name];
  for (const { name: className, fields } of withFields) {
    const own = fields!.save(object);
    for (const name of Object.keys(own)) values[`${className}#${name}`] = own[name];
  }
  return values;
}

/** As `fieldsOf`, of an object whose class has a name. */
export function stateFields(object: object): Readonly<Record<string, unknown>> {
  return fieldsOf(stateClassOf(object)!, object);
}

/** Sets all of them; what `values` lacks stays. */
export function setFields(entry: StateClass, object: object, values: Readonly<Record<string, unknown>>): void {
  for (const name of Object.keys(values))
    if (Object.hasOwn(object, name)) (object as Record<string, unknown>)[name] = values[name];
  for (const { name: className, fields } of lineageOf(entry).withFields) {
    const own = fields!.save(object);
    for (const name of Object.keys(own)) {
      const value = `${className}#${name}`;
      if (Object.hasOwn(values, value)) own[name] = values[value];
    }
    fields!.load(object, own);
  }
}

export function tellLoaded(entry: StateClass, object: object): void {
  for (const tell of lineageOf(entry).loaded) tell(object as Record<string, unknown>);
}

const zero = (): number => 0;

/** Answers each question with itself, counts as 0 and as an empty list. */
const NOTHING: unknown = new Proxy(function nothing(): void {}.bind(null), {
  get: (_target, key) => (key === Symbol.toPrimitive ? zero : NOTHING),
  set: () => true,
  has: () => false,
  apply: () => NOTHING,
  construct: () => NOTHING as object,
  getPrototypeOf: () => null,
});

/** An object of the class as its constructor leaves it. @throws what the constructor throws */
export function blankOf(entry: StateClass): object {
  if (entry.options.blank !== undefined) return entry.options.blank();
  const type = entry.type as unknown as new (...args: unknown[]) => object;
  return Reflect.construct(type, NOTHINGS) as object;
}

/** More than any constructor takes. */
const NOTHINGS = Array<unknown>(12).fill(NOTHING);
