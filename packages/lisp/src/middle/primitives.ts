/**
 * The operations that back ends emit in line: name, count of operands, what they may do and what they give. One table
 * for the middle (folding, order, types) and the back ends. Names that begin with `%` are the runtime's own: unchecked,
 * not bound by any library.
 *
 *     safepoint  `never`: no allocation, no call that returns;  `cold`: may allocate or call the runtime, rarely
 *     isPure     may be dropped when its value is not used (an error is an effect)
 */
import type { ValueType } from "./value-type.ts";

export interface Primitive {
  readonly name: string;
  readonly count: number;
  readonly safepoint: "never" | "cold";
  readonly isPure: boolean;
  readonly result: ValueType;
  /** Gives 0 or 1 for a test at no cost. */
  readonly isTest: boolean;
}

const table = new Map<string, Primitive>();

function add(
  names: string,
  count: number,
  {
    safepoint = "never",
    pure = false,
    result = "any",
    test = false,
  }: { safepoint?: "never" | "cold"; pure?: boolean; result?: ValueType; test?: boolean } = {},
): void {
  for (const name of names.split(" "))
    table.set(`${name}/${count}`, {
      name,
      count,
      safepoint,
      isPure: pure,
      result: test ? "boolean" : result,
      isTest: test,
    });
}

add("eq?", 2, { pure: true, test: true });
add(
  "not null? pair? vector? string? symbol? char? boolean? procedure? eof-object? bytevector? %fixnum? %flonum? " +
    "%unbound? %object? %default?",
  1,
  { pure: true, test: true },
);
// Of numbers: exact integers; reals; all numbers.
add("%integer? %real? %number?", 1, { pure: true, test: true });
/** The value, which is of the type that the second operand names: put in where a test has shown it. */
add("%the", 2, { pure: true });
/** Raises what a program's types ask for: words, value. */
add("%check-failed", 2, { result: "none" });
add("car cdr", 1);
add("cons", 2, { safepoint: "cold", pure: true, result: "pair" });
add("set-car! set-cdr!", 2);
add("+ - *", 2, { safepoint: "cold" });
add("-", 1, { safepoint: "cold" });
add("< <= > >= =", 2, { safepoint: "cold", test: true });
add("quotient remainder modulo", 2, { safepoint: "cold" });
add("/", 2, { safepoint: "cold" });
add("vector-length string-length bytevector-length", 1, { result: "fixnum" });
add("vector-ref", 2);
add("string-ref", 2, { result: "char" });
add("bytevector-u8-ref", 2, { result: "fixnum" });
add("vector-set! bytevector-u8-set!", 3);
add("char->integer", 1, { result: "fixnum" });
add("integer->char", 1, { result: "char" });
add("char=? char<? char>? char<=? char>=?", 2, { test: true });
add("%box", 1, { safepoint: "cold", pure: true });
add("%unbox", 1);
add("%set-box!", 2);

// Flonums: unchecked, operands are flonums.
add("%fl+ %fl- %fl* %fl/", 2, { safepoint: "cold", pure: true, result: "flonum" });
add("%fl< %fl<= %fl> %fl>= %fl=", 2, { pure: true, test: true });
add("%flsqrt %flfloor %flceiling %flround %fltruncate %flabs %flnegate", 1, {
  safepoint: "cold",
  pure: true,
  result: "flonum",
});
add("%fixnum->flonum", 1, { safepoint: "cold", pure: true, result: "flonum" });
/** A whole flonum below 2^60 in magnitude. */
add("%flonum->fixnum", 1, { pure: true, result: "fixnum" });
/** A double from its register into a new flonum (put in by the choice of representations). */
add("%rebox", 1, { safepoint: "cold", pure: true, result: "flonum" });
add("exact->inexact inexact sqrt", 1, { safepoint: "cold" });

// Fixnums: unchecked, results wrap at 61 bits.
add("%fx+ %fx- %fx* %fxquotient %fxremainder %fxand %fxor %fxxor %fxshl %fxshr", 2, { pure: true, result: "fixnum" });
add("%fx< %fx<= %fx> %fx>= %fx=", 2, { pure: true, test: true });
add("%fx<u", 2, { pure: true, test: true });

// Objects: unchecked.
add("%kind?", 2, { pure: true, test: true }); // (object, constant kind): is an object with this kind
add("%make", 2, { safepoint: "cold", pure: true }); // (constant kind, count of words): words are 0
add("%make-bytes", 2, { safepoint: "cold", pure: true }); // (constant kind, count of bytes): zeros
add("%make-vector", 2, { safepoint: "cold", pure: true, result: "vector" });
add("%ref", 2);
add("%set!", 3);
add("%count", 1, { pure: true, result: "fixnum" }); // words or bytes, from the header
add("%extra", 1, { pure: true, result: "fixnum" }); // the header's extra bits
add("%set-extra!", 2);
add("%set-count!", 2);
add("%u8 %u32", 2, { result: "fixnum" });
add("%set-u8! %set-u32!", 3);
add("%f64", 2, { safepoint: "cold", result: "flonum" });
add("%set-f64!", 3);
add("%bytes-copy!", 5); // (to, to-start, from, from-start, bytes)
add("%words-copy!", 5); // vectors or objects of slots, in words
add("%bits", 1, { safepoint: "never", result: "fixnum" }); // flonum's upper 61 bits
add("%vref", 2);
add("%vset!", 3);
add("%car %cdr", 1);
add("%char->integer", 1, { pure: true, result: "fixnum" });
add("%integer->char", 1, { pure: true, result: "char" });
add("%arity", 1, { pure: true, result: "fixnum" });
add("%cell", 1);
add("%symbol-name", 1, { pure: true, result: "string" });
add("%set-cell!", 2);
add("%register", 1, { result: "fixnum" });
add("%set-register!", 2);
add("%mulhi", 2, { pure: true, result: "fixnum" });
for (let count = 0; count <= 6; count++) add("%host", count + 1); // (operation, operand …): see runtime/host.ts
// Records: (type, field …); (record, type); (record, type, constant index, name for errors), a value before the name.
for (let count = 0; count <= 8; count++) add("%record", count + 1, { safepoint: "cold", pure: true, result: "record" });
add("%record?", 2, { pure: true, test: true });
add("%record-ref", 4);
add("%record-set!", 5);
add("%closure-ref", 2);
add("%closure-set!", 3); // (closure, constant index, value)
add("%eqv?", 2, { pure: true, test: true });
add("%equal", 2, { pure: true, result: "fixnum" }); // 1: equal; 0: not; -1: the host must compare

/** The primitive of a name for a count of operands. */
export function primitive(name: string, count: number): Primitive | undefined {
  return table.get(`${name}/${count}`);
}

/** The same; it must exist. */
export function prim(name: string, count: number): Primitive {
  const found = table.get(`${name}/${count}`);
  if (found === undefined) throw new Error(`no primitive ${name} of ${count} operands`);
  return found;
}

/** Procedures of one operand that give a double for each double (`log` and `sqrt` may give a complex number). */
export const KEEPING_DOUBLES: ReadonlySet<string> = new Set(["exp", "sin", "cos", "tan", "atan"]);

/** Predicates of the system as operations. */
export const PREDICATES: Readonly<Record<string, string>> = {
  "fixnum?": "%fixnum?",
  "flonum?": "%flonum?",
  "exact-integer?": "%integer?",
  "real?": "%real?",
  "number?": "%number?",
  "complex?": "%number?",
};

/** Names that programs may use, for their procedures in the runtime. */
export function publicPrimitives(): Primitive[] {
  return [...table.values()].filter(({ name }) => !name.startsWith("%"));
}
