/** Data that stand as constants in the runtime's code, as JSON. */
import { Char, Flonum, MString, NIL, SchemeSymbol, UNSPECIFIED, char, intern } from "../datum/datum.ts";
import type { Datum } from "../datum/datum.ts";

/** A safe integer or a truth value stands for itself; others are a letter and what makes them. */
export type EncodedDatum =
  | number
  | boolean
  | readonly [kind: "flonum" | "symbol" | "char" | "string" | "other", text: string];

/** @returns null where the datum has no such form: lists, vectors, large numbers */
export function encodeDatum(datum: Datum): EncodedDatum | null {
  if (typeof datum === "number" || typeof datum === "boolean") return datum;
  if (datum instanceof Flonum) return ["flonum", Object.is(datum.value, -0) ? "-0" : String(datum.value)];
  if (datum instanceof SchemeSymbol) return datum.isInterned ? ["symbol", datum.name] : null;
  if (datum instanceof Char) return ["char", String(datum.code)];
  if (datum instanceof MString) return ["string", datum.toString()];
  if (datum === NIL || datum === UNSPECIFIED) return ["other", datum === NIL ? "nil" : "unspecified"];
  return null;
}

export function decodeDatum(encoded: EncodedDatum): Datum {
  if (typeof encoded === "number" || typeof encoded === "boolean") return encoded;
  const [kind, text] = encoded;
  switch (kind) {
    case "flonum":
      return new Flonum(Number(text));
    case "symbol":
      return intern(text);
    case "char":
      return char(Number(text));
    case "string":
      return MString.of(text, true);
    case "other":
      return text === "nil" ? NIL : UNSPECIFIED;
  }
}
