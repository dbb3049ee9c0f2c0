/** Words of data that need no memory. */
import { Char, DEFAULT, EOF, NIL, UNSPECIFIED } from "../datum/datum.ts";
import { CHARACTER_BYTE, Immediate } from "./layout.ts";

/** The word of a datum that needs no memory. */
export function immediateWord(datum: unknown): bigint | null {
  if (typeof datum === "number") return BigInt(datum) << 3n;
  if (typeof datum === "bigint") return datum >= -(1n << 60n) && datum < 1n << 60n ? datum << 3n : null;
  if (datum === false) return BigInt(Immediate.false);
  if (datum === true) return BigInt(Immediate.true);
  if (datum === NIL) return BigInt(Immediate.nil);
  if (datum === UNSPECIFIED) return BigInt(Immediate.unspecified);
  if (datum === EOF) return BigInt(Immediate.eof);
  if (datum === DEFAULT) return BigInt(Immediate.default);
  if (datum instanceof Char) return (BigInt(datum.code) << 8n) | BigInt(CHARACTER_BYTE);
  return null;
}
