/**
 * Types as annotations write them, and the tests that they are checked by. A type is checked where a value crosses a
 * border (an argument, a result, a definition); nothing is proved here: the compiler drops what it can prove.
 *
 *     fixnum  integer  flonum  real  number  boolean  char  string  symbol  bytevector
 *     pair  null  list  vector  procedure  any            an atom is itself: #f  'symbol  5
 *     rational  complex  promise  port  error-object  eof-object  record-type
 *     (listof T)  (vectorof T)  (pairof A B)  (or T …)  (-> T … R)  (satisfies PREDICATE)
 *     NAME    of a record type, of a type of `define-type`, or of a predicate that the program or the system has
 *
 * See Typed Racket's guide ("Types in Typed Racket"), CHICKEN's manual ("Types") and SRFI 253, whose names and order
 * of words these follow.
 */
import type { Core, Global, Variable } from "../core/core.ts";
import { callPrimitive, makeCall, makeConst, makeIf, makeLambda, makeLocal, makeVariable } from "../core/build.ts";
import { syntaxError } from "../datum/condition.ts";
import { Char, Flonum, MString, NIL, Pair, Ratnum } from "../datum/datum.ts";
import { resolve } from "./binding.ts";
import type { Context } from "./body.ts";
import type { FormExpander } from "./form-expander.ts";
import { slotReference, type Slot } from "./local-binding.ts";
import { type Identifier, isIdentifier, type Syntax, syntaxItems, syntaxToDatum, unwrap } from "./syntax.ts";

export type Type = { readonly words: string } & (
  | { readonly kind: "any" }
  /** What one of the system's predicates takes. */
  | { readonly kind: "test"; readonly primitive: string }
  | { readonly kind: "record"; readonly slot: Slot }
  /** The expression is expanded anew for each use: what it binds may stand in one place only. */
  | { readonly kind: "satisfies"; readonly predicate: () => Core }
  | { readonly kind: "literal"; readonly datum: unknown }
  | { readonly kind: "or"; readonly types: readonly Type[] }
  | { readonly kind: "listof" | "vectorof"; readonly item: Type }
  | { readonly kind: "pairof"; readonly car: Type; readonly cdr: Type }
  | { readonly kind: "function"; readonly parameters: readonly Type[]; readonly result: Type }
  /** Several values: of results only. */
  | { readonly kind: "values"; readonly types: readonly Type[] }
);

const NAMED: ReadonlyMap<string, string> = new Map([
  ["fixnum", "fixnum?"],
  ["integer", "exact-integer?"],
  ["flonum", "flonum?"],
  ["rational", "rational?"],
  ["real", "real?"],
  ["complex", "complex?"],
  ["number", "number?"],
  ["boolean", "boolean?"],
  ["char", "char?"],
  ["string", "string?"],
  ["symbol", "symbol?"],
  ["bytevector", "bytevector?"],
  ["pair", "pair?"],
  ["null", "null?"],
  ["list", "list?"],
  ["vector", "vector?"],
  ["procedure", "procedure?"],
  ["promise", "promise?"],
  ["port", "port?"],
  ["error-object", "error-object?"],
  ["eof-object", "eof-object?"],
  ["record-type", "rtd?"],
]);

/** Variables that `define-record-type` gave a record type. */
const recordTypes = new WeakSet<Variable | Global>();

function placeOf(slot: Slot): Variable | Global {
  return "variable" in slot ? slot.variable : slot.global;
}

export function noteRecordType(slot: Slot): void {
  recordTypes.add(placeOf(slot));
}

export function parseType(syntax: Syntax, context: Context, expander: FormExpander): Type {
  const words = expander.host.written(syntaxToDatum(syntax));
  if (isIdentifier(syntax)) return namedType(syntax, words, context, expander);
  const datum = unwrap(syntax);
  if (isLiteral(datum)) return { kind: "literal", datum, words };
  const items = syntaxItems(syntax);
  const [head, ...rest] = items ?? [];
  const parse = (one: Syntax): Type => parseType(one, context, expander);
  const exactly = (count: number): void => {
    if (rest.length !== count)
      throw syntaxError(`the type ${words} must have ${count} operand${count === 1 ? "" : "s"}`, syntax.source);
  };
  switch (isIdentifier(head) ? head.datum.name : "") {
    case "listof":
    case "vectorof":
      exactly(1);
      return { kind: (head as Identifier).datum.name as "listof" | "vectorof", item: parse(rest[0]!), words };
    case "pairof":
      exactly(2);
      return { kind: "pairof", car: parse(rest[0]!), cdr: parse(rest[1]!), words };
    case "or":
      return { kind: "or", types: rest.map(parse), words };
    case "->": {
      if (rest.length === 0) throw syntaxError("the type (-> T … R) must name a result", syntax.source);
      return { kind: "function", parameters: rest.slice(0, -1).map(parse), result: parseResult(rest.at(-1)!), words };
    }
    case "satisfies": {
      exactly(1);
      const [predicate] = rest as [Syntax];
      const own = expander.host.written(syntaxToDatum(predicate));
      const primitive = isIdentifier(predicate) ? primitiveOf(predicate, context) : null;
      if (primitive !== null) return { kind: "test", primitive, words: own };
      return { kind: "satisfies", predicate: () => expander.expand(predicate, context), words: own };
    }
    case "quote":
      exactly(1);
      return { kind: "literal", datum: syntaxToDatum(rest[0]), words };
    default:
      throw syntaxError(`${words} is no type`, syntax.source);
  }
  function parseResult(one: Syntax): Type {
    return parseResultType(one, context, expander);
  }
}

/** The same, also `(values T …)`. */
export function parseResultType(syntax: Syntax, context: Context, expander: FormExpander): Type {
  const items = syntaxItems(syntax);
  if (items === null || !isIdentifier(items[0]) || items[0].datum.name !== "values")
    return parseType(syntax, context, expander);
  return {
    kind: "values",
    types: items.slice(1).map((one) => parseType(one, context, expander)),
    words: expander.host.written(syntaxToDatum(syntax)),
  };
}

function isLiteral(datum: unknown): boolean {
  return (
    typeof datum === "boolean" ||
    typeof datum === "number" ||
    typeof datum === "bigint" ||
    datum instanceof Flonum ||
    datum instanceof Ratnum ||
    datum instanceof Char
  );
}

/** The system's predicate that an identifier means, or null. */
function primitiveOf(identifier: Identifier, { phase }: Context): string | null {
  const binding = resolve(identifier, phase);
  const primitive = binding?.kind === "global" ? binding.global.primitive : null;
  return primitive !== null && primitive.endsWith("?") ? primitive : null;
}

function namedType(identifier: Identifier, words: string, context: Context, expander: FormExpander): Type {
  const { name } = identifier.datum;
  const binding = resolve(identifier, context.phase);
  if (binding !== null) expander.host.onlooker?.identifier(identifier, binding, context);
  if (binding?.kind === "type") return { ...(binding.type() as Type), words };
  const slot: Slot | null =
    binding?.kind === "local"
      ? { variable: binding.variable }
      : binding?.kind === "global" && binding.global.primitive === null
        ? { global: binding.global }
        : null;
  // What the program binds goes before the names of types: it may have a record type of that name.
  if (slot !== null && recordTypes.has(placeOf(slot))) return { kind: "record", slot, words };
  if (slot !== null && !(NAMED.has(name) || name === "any"))
    return { kind: "satisfies", predicate: () => slotReference(slot, identifier.source), words };
  if (name === "any") return { kind: "any", words };
  const primitive = NAMED.get(name) ?? primitiveOf(identifier, context);
  if (primitive === null) throw syntaxError(`${words} is no type`, identifier.source);
  return { kind: "test", primitive, words };
}

/** The system's predicate that tells all of a type; null: it takes more. */
export function predicateOf(type: Type): string | null {
  return type.kind === "test" ? type.primitive : null;
}

/** An expression that tells whether the value of a variable is of a type, as far as that can be told at once. */
export function testOf(type: Type, variable: Variable): Core {
  const value = makeLocal(variable);
  switch (type.kind) {
    case "any":
      return makeConst(true);
    case "test":
      return callPrimitive(type.primitive, [value]);
    case "record":
      return callPrimitive("%record-of?", [value, slotReference(type.slot)]);
    case "satisfies":
      return makeCall(type.predicate(), [value]);
    case "literal":
      return callPrimitive("eqv?", [value, makeConst(type.datum)]);
    case "or":
      return type.types.reduceRight<Core>(
        (rest, one) => makeIf(testOf(one, variable), makeConst(true), rest),
        makeConst(false),
      );
    case "listof":
    case "vectorof": {
      const item = makeVariable("item");
      return callPrimitive(type.kind === "listof" ? "%list-of?" : "%vector-of?", [
        makeLambda([item], null, testOf(type.item, item)),
        value,
      ]);
    }
    case "pairof": {
      const part = (name: string, one: Type): Core => {
        const own = makeVariable(name);
        return {
          kind: "let",
          variables: [own],
          values: [callPrimitive(name, [value])],
          body: testOf(one, own),
          source: null,
        };
      };
      return makeIf(
        callPrimitive("pair?", [value]),
        makeIf(part("car", type.car), part("cdr", type.cdr), makeConst(false)),
        makeConst(false),
      );
    }
    case "function":
      return callPrimitive("procedure?", [value]);
    case "values":
      throw syntaxError(`${type.words} is a type of results only`, null);
  }
}

/** Its values are checked when they are called: a procedure of it must be wrapped. */
export function functionIn(type: Type): (Type & { kind: "function" }) | null {
  if (type.kind === "function")
    return [...type.parameters, type.result].every(({ kind }) => kind === "any") ? null : type;
  if (type.kind !== "or") return null;
  const found = type.types.map(functionIn).filter((one) => one !== null);
  return found.length === 1 ? found[0]! : null;
}

const NARROWER: ReadonlyMap<string, string> = new Map([
  ["fixnum?", "exact-integer?"],
  ["exact-integer?", "real?"],
  ["flonum?", "real?"],
  ["real?", "number?"],
  ["null?", "list?"],
]);

/** Whether each value of one type is one of the other, as far as that is plain. */
export function isWithin(one: Type, other: Type): boolean {
  if (other.kind === "any") return one.kind !== "values";
  if (one.kind === "or") return one.types.every((each) => isWithin(each, other));
  if (other.kind === "or" && functionIn(other) === null) return other.types.some((each) => isWithin(one, each));
  if (one.kind === "values" && other.kind === "values")
    return one.types.length === other.types.length && one.types.every((each, at) => isWithin(each, other.types[at]!));
  if (one.kind === "record" && other.kind === "record") return placeOf(one.slot) === placeOf(other.slot);
  if (one.kind === "literal") return acceptsDatum(other, one.datum);
  if (one.kind !== "test" || other.kind !== "test") return false;
  for (let name: string | undefined = one.primitive; name !== undefined; name = NARROWER.get(name))
    if (name === other.primitive) return true;
  return false;
}

/** Whether a constant is of a type for certain. */
export function acceptsDatum(type: Type, datum: unknown): boolean {
  switch (type.kind) {
    case "any":
      return true;
    case "literal":
      return type.datum === datum;
    case "or":
      return type.types.some((one) => acceptsDatum(one, datum));
    case "test":
      switch (type.primitive) {
        case "fixnum?":
          return typeof datum === "number";
        case "exact-integer?":
          return typeof datum === "number" || typeof datum === "bigint";
        case "flonum?":
          return datum instanceof Flonum;
        case "real?":
        case "number?":
          return typeof datum === "number" || typeof datum === "bigint" || datum instanceof Flonum;
        case "boolean?":
          return typeof datum === "boolean";
        case "string?":
          return datum instanceof MString;
        case "char?":
          return datum instanceof Char;
        case "null?":
          return datum === NIL;
        case "pair?":
          return datum instanceof Pair;
        default:
          return false;
      }
    default:
      return false;
  }
}
