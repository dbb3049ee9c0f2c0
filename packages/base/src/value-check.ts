/** What a value that came from outside may be: small checks, from which those of records are made. */
export type Check = (value: unknown) => boolean;

export const flag: Check = (value) => typeof value === "boolean";

/** A whole number. */
export function whole(least: number, most: number): Check {
  return (value) => Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** The protocol's words. */
export const uint32 = whole(0, 2 ** 32 - 1);
/** Of sums of such, as many as a program likes. */
export const coordinate: Check = (value) => Number.isFinite(value);

export function text(most: number): Check {
  return (value) => typeof value === "string" && value.length <= most;
}

export function bytes(most: number): Check {
  return (value) => value instanceof Uint8Array && value.length <= most;
}

export function oneOf(...values: unknown[]): Check {
  return (value) => values.includes(value);
}

export function maybe(check: Check): Check {
  return (value) => value === null || check(value);
}

export function absentOr(check: Check): Check {
  return (value) => value === undefined || check(value);
}

export function list(check: Check, most: number): Check {
  return (value) => Array.isArray(value) && value.length <= most && value.every(check);
}

export function map(key: Check, item: Check, most: number): Check {
  return (value) =>
    value instanceof Map && value.size <= most && [...value].every(([each, its]) => key(each) && item(its));
}

export function record(fields: Readonly<Record<string, Check>>): Check {
  const names = Object.keys(fields);
  return (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.getPrototypeOf(value) === Object.prototype &&
    Object.keys(value).length === names.length &&
    names.every((name) => fields[name]!((value as Record<string, unknown>)[name]));
}
