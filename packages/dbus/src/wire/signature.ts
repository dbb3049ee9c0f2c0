/** Signatures: lists of complete types (D-Bus Specification 0.43, "Type System" and "Valid Signatures"). */

const SIGNATURE_MAX = 255;
/** Of arrays within each other, and of structures likewise. */
const DEPTH_MAX = 32;
const BASIC = "ybnqiuxtdsogh";

/** Bytes at which a value of a type begins, by the type's first letter. */
export function alignmentOf(type: string): number {
  switch (type[0]) {
    case "y":
    case "g":
    case "v":
      return 1;
    case "n":
    case "q":
      return 2;
    case "x":
    case "t":
    case "d":
    case "(":
    case "{":
      return 8;
    default:
      return 4;
  }
}

/** @returns the complete types of a signature, in order; null: it is none */
export function typesOf(signature: string): readonly string[] | null {
  if (signature.length > SIGNATURE_MAX) return null;
  const types: string[] = [];
  for (let at = 0; at < signature.length;) {
    const end = typeEnd(signature, at, 0, 0);
    if (end < 0) return null;
    types.push(signature.slice(at, end));
    at = end;
  }
  return types;
}

/** @returns where the complete type at `at` ends; −1: there is none */
function typeEnd(signature: string, at: number, arrays: number, structs: number): number {
  const letter = signature[at];
  if (letter === undefined || arrays > DEPTH_MAX || structs > DEPTH_MAX) return -1;
  if (letter === "v" || BASIC.includes(letter)) return at + 1;
  if (letter === "a")
    return signature[at + 1] === "{"
      ? entryEnd(signature, at + 1, arrays + 1, structs)
      : typeEnd(signature, at + 1, arrays + 1, structs);
  if (letter !== "(" || signature[at + 1] === ")") return -1;
  let end = at + 1;
  while (signature[end] !== ")") {
    end = typeEnd(signature, end, arrays, structs + 1);
    if (end < 0) return -1;
  }
  return end + 1;
}

/** Of `{kv}`, which only an array holds; its key is of a basic type. */
function entryEnd(signature: string, at: number, arrays: number, structs: number): number {
  const key = signature[at + 1];
  if (key === undefined || !BASIC.includes(key)) return -1;
  const end = typeEnd(signature, at + 2, arrays, structs + 1);
  return end >= 0 && signature[end] === "}" ? end + 1 : -1;
}
