/** Values as an editor shows them: a line, and their parts where one opens them. */
import { Condition } from "../datum/condition.ts";
import { NIL, Pair } from "../datum/datum.ts";
import { MultipleValues } from "../interpreter/machine.ts";
import { SchemePromise, SchemeRecord } from "../interpreter/primitives/control.ts";
import { writeShown } from "../source-texts.ts";

/** Something that has parts, which are asked for later, by its number. */
interface Opened {
  readonly count: number;
  readonly hasNames: boolean;
  readonly parts: (from: number, to: number) => readonly Part[];
}

export interface Part {
  readonly name: string;
  readonly value: unknown;
  /** Null: it cannot be set. */
  readonly set: ((value: unknown) => void) | null;
}

interface ShownVariable {
  readonly name: string;
  readonly value: string;
  readonly variablesReference: number;
  readonly indexedVariables?: number;
}

/** Elements of a list that are counted; the rest is opened by its own. */
const LIST_MAX = 10_000;
/** Parts that are shown at once. */
const PARTS_MAX = 1000;
/** More than these are asked for in pieces. */
const PIECE = 100;
/** Characters of a value in its line. */
const LINE_MAX = 400;
/** Values that are kept until the program goes on. */
const OPENED_MAX = 100_000;

export class ShownValues {
  #opened: Opened[];

  constructor() {
    this.#opened = [];
  }

  forget(): void {
    this.#opened = [];
  }

  /** Variables of a scope. @returns their number */
  openScope(parts: readonly Part[]): number {
    return this.#add({ count: parts.length, hasNames: true, parts: (from, to) => parts.slice(from, to) });
  }

  /** What a value is shown as. */
  shown(value: unknown): Omit<ShownVariable, "name"> {
    const text = writeShown(value);
    const opened = partsOf(value);
    return {
      value: text.length > LINE_MAX ? `${text.slice(0, LINE_MAX)}…` : text,
      variablesReference: opened === null ? 0 : this.#add(opened),
      ...(opened !== null && !opened.hasNames && opened.count > PIECE ? { indexedVariables: opened.count } : {}),
    };
  }

  /** @param range.count  0: all */
  variables(reference: number, range: { start: number; count: number }): ShownVariable[] {
    const opened = this.#opened[reference - 1];
    if (opened === undefined) return [];
    const from = Math.max(0, range.start);
    const to = Math.min(opened.count, from + Math.min(PARTS_MAX, range.count > 0 ? range.count : PARTS_MAX));
    return opened.parts(from, to).map(({ name, value }) => ({ name, ...this.shown(value) }));
  }

  /** @returns null: there is no such part */
  part(reference: number, name: string): Part | null {
    const opened = this.#opened[reference - 1];
    return opened?.parts(0, opened.count).find((one) => one.name === name) ?? null;
  }

  #add(opened: Opened): number {
    if (this.#opened.length >= OPENED_MAX) return 0;
    return this.#opened.push(opened);
  }
}

function named(parts: readonly Part[]): Opened {
  return { count: parts.length, hasNames: true, parts: (from, to) => parts.slice(from, to) };
}

function indexed(items: ArrayLike<unknown>, set: ((index: number, value: unknown) => void) | null): Opened {
  const part = (index: number): Part => ({
    name: `[${index}]`,
    value: items[index],
    set: set === null ? null : (value) => set(index, value),
  });
  return {
    count: items.length,
    hasNames: false,
    parts: (from, to) => Array.from({ length: Math.max(0, to - from) }, (_, index) => part(from + index)),
  };
}

function partsOf(value: unknown): Opened | null {
  if (value instanceof Pair) return partsOfPair(value);
  if (Array.isArray(value)) return indexed(value, (index, item) => (value[index] = item));
  if (value instanceof Uint8Array) return indexed(value, null);
  if (value instanceof MultipleValues) return indexed(value.values, null);
  if (value instanceof SchemeRecord)
    return named(value.type.fields.map((name, index) => ({ name, value: value.fields[index], set: null })));
  if (value instanceof SchemePromise && value.box.isDone)
    return named([{ name: "value", value: value.box.value, set: null }]);
  if (value instanceof Condition)
    return named(value.irritants.map((irritant, index) => ({ name: `irritant ${index}`, value: irritant, set: null })));
  return null;
}

/** A list's elements; of what is none the two parts. */
function partsOfPair(pair: Pair): Opened {
  const pairs: Pair[] = [];
  let rest: unknown = pair;
  for (; rest instanceof Pair && pairs.length < LIST_MAX; rest = rest.cdr) pairs.push(rest);
  if (rest !== NIL && pairs.length === 1)
    return named([
      { name: "car", value: pair.car, set: (value) => (pair.car = value) },
      { name: "cdr", value: pair.cdr, set: (value) => (pair.cdr = value) },
    ]);
  const items: unknown[] = pairs.map(({ car }) => car);
  const elements = indexed(items, (index, value) => (pairs[index]!.car = value));
  if (rest === NIL) return elements;
  const end: Part = { name: "rest", value: rest, set: null };
  return {
    count: elements.count + 1,
    hasNames: false,
    parts: (from, to) => [
      ...elements.parts(from, Math.min(to, elements.count)),
      ...(to > elements.count && from <= elements.count ? [end] : []),
    ],
  };
}
