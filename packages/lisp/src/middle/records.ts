/**
 * The procedures of a record type as functions in line: `define-record-type` gives calls of `record-accessor` and its
 * like with constant indexes, and what those return would be closures that nobody knows. As functions of their own they
 * are put in place of their calls.
 */
import { SchemeSymbol, UNSPECIFIED, intern } from "../datum/datum.ts";
import type { Datum } from "../datum/datum.ts";
import { Fun, Var, constant, ref } from "./ir.ts";
import type { Node } from "./ir.ts";
import { PREDICATES, prim, primitive } from "./primitives.ts";
import { TESTED } from "./value-type.ts";

/**
 * @param fieldCount  of the record's type, where the unit tells it
 * @returns the function that the call gives; null: the call must be made
 */
export function recordProcedure(primitiveName: string, args: readonly Node[], fieldCount: number | null): Node | null {
  const [type, ...rest] = args;
  if (type === undefined || !isFixed(type)) return null;
  const [index, name] = rest.map((node) => (node.k === "const" ? node.datum : undefined));
  const record = new Var("record");
  switch (primitiveName) {
    case "record-predicate":
      return rest.length === 1 && index instanceof SchemeSymbol
        ? lambda(index, [record], { k: "prim", op: prim("%record?", 2), args: [ref(record), type] })
        : null;
    case "record-accessor":
      if (rest.length > 3 || typeof index !== "number" || !(name instanceof SchemeSymbol)) return null;
      return lambda(
        name,
        [record],
        ofType(rest[2], {
          k: "prim",
          op: prim("%record-ref", 4),
          args: [ref(record), type, constant(index), constant(name)],
        }),
      );
    case "record-modifier": {
      if (rest.length !== 2 || typeof index !== "number" || !(name instanceof SchemeSymbol)) return null;
      const value = new Var("value");
      return lambda(name, [record, value], {
        k: "prim",
        op: prim("%record-set!", 5),
        args: [ref(record), type, constant(index), ref(value), constant(name)],
      });
    }
    case "record-constructor": {
      if (rest.length !== 2 || !Array.isArray(index) || !(name instanceof SchemeSymbol)) return null;
      if (fieldCount === null || primitive("%record", fieldCount + 1) === undefined) return null;
      const fields: Node[] = Array.from({ length: fieldCount }, () => constant(UNSPECIFIED as Datum));
      const parameters = index.map((field) => {
        const parameter = new Var("field");
        fields[field as number] = ref(parameter);
        return parameter;
      });
      return lambda(name, parameters, { k: "prim", op: prim("%record", fieldCount + 1), args: [type, ...fields] });
    }
    default:
      return null;
  }
}

/** A field whose values have been checked by the predicate that an accessor's call names. */
function ofType(predicate: Node | undefined, field: Node): Node {
  const name = predicate?.k === "const" ? (predicate.datum as SchemeSymbol).name : "";
  const type = TESTED[PREDICATES[name] ?? name];
  return type === undefined ? field : { k: "prim", op: prim("%the", 2), args: [field, constant(intern(type))] };
}

/** It may be read again wherever the function is called. */
export function isFixed(type: Node): boolean {
  return (type.k === "gref" && !type.g.isAssigned) || (type.k === "ref" && !type.v.isAssigned);
}

function lambda(name: SchemeSymbol, parameters: Var[], body: Node): Node {
  return { k: "lambda", fun: new Fun(name.name, [{ parameters, hasRest: false, body }], null) };
}
