/** Pairs, lists, symbols, booleans and equivalence: R7RS §6.1, §6.3 to §6.5. What calls procedures is in prelude.ts. */
import { DEFAULT, EOF, intern, list, MString, NIL, Pair, SchemeSymbol, UNSPECIFIED } from "../../datum/datum.ts";
import { outOfRange, wrongType } from "../../datum/condition.ts";
import { isEqual, isEqv } from "../equality.ts";
import { hashOf, identityHash } from "../hash.ts";
import { isProcedure } from "../machine.ts";
import { define, lengthOf, stringOf, symbolOf, type Table } from "./operands.ts";

/** Of a list that is made at once, so many between two looks at the memory: some 2 MiB of JavaScript's heap. */
const PAIRS_UNSEEN = 65_536;

/** @param checkMemory  raises where the heap is full; a machine looks only between its steps */
export function defineLists(table: Table, checkMemory: () => void = () => {}): void {
  define(table, "eq?", 2, 2, (a: unknown, b: unknown) => a === b || (typeof a === "bigint" && a === b));
  define(table, "eqv?", 2, 2, isEqv);
  define(table, "equal?", 2, 2, isEqual);
  define(table, "%hash", 1, 1, hashOf);
  define(table, "%identity-hash", 1, 1, identityHash);
  define(table, "not", 1, 1, (x: unknown) => x === false);
  define(table, "boolean?", 1, 1, (x: unknown) => typeof x === "boolean");
  define(table, "pair?", 1, 1, (x: unknown) => x instanceof Pair);
  define(table, "null?", 1, 1, (x: unknown) => x === NIL);
  define(table, "symbol?", 1, 1, (x: unknown) => x instanceof SchemeSymbol);
  define(table, "procedure?", 1, 1, (x: unknown) => isProcedure(x));
  define(table, "eof-object", 0, 0, () => EOF);
  define(table, "eof-object?", 1, 1, (x: unknown) => x === EOF);
  define(table, "default-object?", 1, 1, (x: unknown) => x === DEFAULT);
  define(table, "void", 0, Infinity, () => UNSPECIFIED);
  define(table, "cons", 2, 2, (a: unknown, b: unknown) => new Pair(a, b));
  define(table, "set-car!", 2, 2, (pair: unknown, value: unknown) => {
    pairOf("set-car!", pair).car = value;
    return UNSPECIFIED;
  });
  define(table, "set-cdr!", 2, 2, (pair: unknown, value: unknown) => {
    pairOf("set-cdr!", pair).cdr = value;
    return UNSPECIFIED;
  });
  for (const path of paths(4)) {
    const name = `c${path}r`;
    const steps = [...path].reverse();
    define(table, name, 1, 1, (value: unknown) => {
      let result = value;
      for (const step of steps) {
        if (!(result instanceof Pair)) throw wrongType(name, path.length === 1 ? "a pair" : "a longer list", value);
        result = step === "a" ? result.car : result.cdr;
      }
      return result;
    });
  }
  define(table, "list?", 1, 1, (x: unknown) => isList(x));
  define(table, "list", 0, Infinity, (...items: unknown[]) => list(items));
  define(table, "cons*", 1, Infinity, (...items: unknown[]) => list(items.slice(0, -1), items.at(-1)));
  define(table, "make-list", 1, 2, (count: unknown, fill: unknown = UNSPECIFIED) => {
    let result: unknown = NIL;
    for (let left = lengthOf("make-list", count); left > 0; left--) {
      result = new Pair(fill, result);
      if (left % PAIRS_UNSEEN === 0) checkMemory();
    }
    return result;
  });
  define(table, "length", 1, 1, (x: unknown) => listLength("length", x));
  define(table, "append", 0, Infinity, (...lists: unknown[]) => {
    let result = lists.length === 0 ? NIL : lists.at(-1);
    for (let index = lists.length - 2; index >= 0; index--) result = list(listItems("append", lists[index]), result);
    return result;
  });
  define(table, "reverse", 1, 1, (x: unknown) => {
    let result: unknown = NIL;
    for (const item of listItems("reverse", x)) result = new Pair(item, result);
    return result;
  });
  define(table, "list-tail", 2, 2, (x: unknown, count: unknown) => tail("list-tail", x, count));
  define(table, "list-ref", 2, 2, (x: unknown, index: unknown) => pairAt("list-ref", x, index).car);
  define(table, "list-set!", 3, 3, (x: unknown, index: unknown, value: unknown) => {
    pairAt("list-set!", x, index).car = value;
    return UNSPECIFIED;
  });
  define(table, "list-copy", 1, 1, (x: unknown) => {
    const items: unknown[] = [];
    let rest = x;
    for (; rest instanceof Pair; rest = rest.cdr) items.push(rest.car);
    return list(items, rest);
  });
  for (const [suffix, same] of [
    ["q", (a: unknown, b: unknown) => a === b],
    ["v", isEqv],
    ["ber", isEqual],
  ] as const) {
    define(table, suffix === "ber" ? "%member" : `mem${suffix}`, 2, 2, (x: unknown, items: unknown) => {
      let rest = items;
      for (; rest instanceof Pair; rest = rest.cdr) if (same(x, rest.car)) return rest;
      if (rest !== NIL) throw wrongType(suffix === "ber" ? "member" : `mem${suffix}`, "a list", items);
      return false;
    });
  }
  for (const [suffix, same] of [
    ["q", (a: unknown, b: unknown) => a === b],
    ["v", isEqv],
    ["oc", isEqual],
  ] as const) {
    const name = suffix === "oc" ? "assoc" : `ass${suffix}`;
    define(table, suffix === "oc" ? "%assoc" : name, 2, 2, (x: unknown, items: unknown) => {
      let rest = items;
      for (; rest instanceof Pair; rest = rest.cdr) {
        if (!(rest.car instanceof Pair)) throw wrongType(name, "a list of pairs", items);
        if (same(x, rest.car.car)) return rest.car;
      }
      if (rest !== NIL) throw wrongType(name, "a list of pairs", items);
      return false;
    });
  }
  define(table, "symbol=?", 2, Infinity, (...all: unknown[]) => {
    for (const x of all) symbolOf("symbol=?", x);
    return all.every((x) => x === all[0]);
  });
  define(table, "symbol->string", 1, 1, (x: unknown) => MString.of(symbolOf("symbol->string", x).name, true));
  define(table, "string->symbol", 1, 1, (x: unknown) => intern(stringOf("string->symbol", x).toString()));
  define(
    table,
    "string->uninterned-symbol",
    1,
    1,
    (x: unknown) => new SchemeSymbol(stringOf("string->uninterned-symbol", x).toString()),
  );
  let count = 0;
  define(
    table,
    "generate-uninterned-symbol",
    0,
    1,
    (prefix: unknown = "g") =>
      new SchemeSymbol(`${prefix instanceof SchemeSymbol ? prefix.name : String(prefix)}${++count}`),
  );
  alias(table, "gensym", "generate-uninterned-symbol");
}

function alias(table: Table, name: string, other: string): void {
  table.set(name, table.get(other));
}

/** Each word of a's and d's of one to `most` letters. */
function paths(most: number): string[] {
  let last = [""];
  const all: string[] = [];
  for (let length = 1; length <= most; length++) {
    last = last.flatMap((path) => [`a${path}`, `d${path}`]);
    all.push(...last);
  }
  return all;
}

function pairOf(who: string, value: unknown): Pair {
  if (!(value instanceof Pair)) throw wrongType(who, "a pair", value);
  return value;
}

function isList(value: unknown): boolean {
  let fast = value,
    slow = value;
  for (;;) {
    if (fast === NIL) return true;
    if (!(fast instanceof Pair)) return false;
    fast = fast.cdr;
    if (fast === NIL) return true;
    if (!(fast instanceof Pair)) return false;
    fast = fast.cdr;
    slow = (slow as Pair).cdr;
    if (fast === slow) return false;
  }
}

function listLength(who: string, value: unknown): number {
  if (!isList(value)) throw wrongType(who, "a list", value);
  let count = 0;
  for (let rest = value; rest instanceof Pair; rest = rest.cdr) count++;
  return count;
}

export function listItems(who: string, value: unknown): unknown[] {
  if (!isList(value)) throw wrongType(who, "a list", value);
  const items: unknown[] = [];
  for (let rest = value; rest instanceof Pair; rest = rest.cdr) items.push(rest.car);
  return items;
}

function tail(who: string, value: unknown, count: unknown): unknown {
  if (typeof count !== "number" || count < 0) throw wrongType(who, "an index", count);
  let rest = value;
  for (let left = count; left > 0; left--) {
    if (!(rest instanceof Pair)) throw outOfRange(who, "index", count);
    rest = rest.cdr;
  }
  return rest;
}

function pairAt(who: string, value: unknown, index: unknown): Pair {
  const rest = tail(who, value, index);
  if (!(rest instanceof Pair)) throw outOfRange(who, "index", index);
  return rest;
}
