/**
 * What of a display is state: each class says by its fields what a saved one may hold, since what comes back from a
 * file is as little to be trusted as what a program sends. One that is not as its check says is refused by its name,
 * and so is one without a check.
 */
import { stateClass, StateError, stateFields, stateName } from "@stratos/base";
import { type Check, coordinate, record } from "@stratos/base/value-check";

/** Names of state belong to the whole system. */
const PREFIX = "wayland.";
const checks = new Map<string, Readonly<Record<string, Check>>>();

type PublicField<T> = {
  [Key in keyof T & string]: T[Key] extends (...values: never[]) => unknown ? never : Key;
}[keyof T & string];

/** @param fields  of those that are state: public ones as they are called, private ones as `#name` */
export function savedClass<T extends object, P extends object>(
  name: string,
  type: { readonly prototype: T },
  fields: Readonly<Partial<Record<PublicField<T> | `#${string}`, Check>>>,
  own: { save(it: T): P; load(it: T, from: P): unknown } | null = null,
  options: { readonly keeps?: readonly ((keyof T & string) | `#${string}`)[]; readonly loaded?: (it: T) => void } = {},
): void {
  checks.set(PREFIX + name, fields as Readonly<Record<string, Check>>);
  stateClass(PREFIX + name, type, own, options as never);
}

/** Of all classes of a display. */
export function savedClassNames(): ReadonlySet<string> {
  return new Set(checks.keys());
}

/** @throws StateError that names the first field which is not as it has to be */
export function checkSaved(objects: readonly object[]): void {
  for (const object of objects) {
    const name = stateName(object);
    if (name === undefined || !checks.has(name)) continue;
    const fields = checks.get(name)!;
    const values = Object.entries(stateFields(object)).map(([field, value]) => [field.replace(/^.*#/, "#"), value]);
    const unknown = values.find(([field]) => fields[field as string] === undefined);
    if (unknown !== undefined)
      throw new StateError("unsavable", `${name}: nothing says what its ${String(unknown[0])} may be`);
    for (const [field, value] of values)
      if (!fields[field as string]!(value)) throw damaged(`${name}: its ${String(field)} is impossible`);
  }
}

export function damaged(what: string): StateError {
  return new StateError("damaged", `the saved display is damaged: ${what}`);
}

/** An object of that class, as `savedClass` calls it. */
export function a(...names: string[]): Check {
  const known = names.map((name) => PREFIX + name);
  return (value) => typeof value === "object" && value !== null && known.includes(stateName(value) ?? "");
}

export const rectangle = record({ x: coordinate, y: coordinate, width: coordinate, height: coordinate });
export const point = record({ x: coordinate, y: coordinate });
