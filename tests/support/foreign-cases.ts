/**
 * Random types of C, functions that take and give values of them, and the same in Lisp: what both print of the values
 * must be one text. Numbers are printed as whole fourths.
 */
import type { SeededRandom } from "@stratos/base";

export interface CType {
  readonly kind: "scalar" | "struct" | "union" | "array";
  /** As C has it in a declaration, and as Lisp has it. */
  readonly c: string;
  readonly lisp: string;
  readonly parts: readonly CType[];
  readonly count: number;
}
interface Scalar {
  readonly lisp: string;
  readonly c: string;
  /** A value in C, and in Lisp. */
  readonly value: (below: (bound: number) => number) => readonly [c: string, lisp: string];
}

const whole = (low: number, high: number) => (below: (bound: number) => number) => {
  const value = [low, high, low + below(Math.min(high - low + 1, 2 ** 31))][below(3)]!;
  return [`${value}`, `${value}`] as const;
};
const wide = (low: bigint, high: bigint) => (below: (bound: number) => number) => {
  const value = [low, high, BigInt(below(2 ** 31)) * 4294967291n][below(3)]!;
  return [low < 0n ? `((long long)${BigInt.asUintN(64, value)}ULL)` : `${value}ULL`, `${value}`] as const;
};
const fourths = (below: (bound: number) => number): readonly [string, string] => {
  const value = (below(100_000) - 50_000) / 4;
  return [value.toFixed(2), value.toFixed(2)];
};
const SCALARS: readonly Scalar[] = [
  { lisp: "int8", c: "signed char", value: whole(-128, 127) },
  { lisp: "uint8", c: "unsigned char", value: whole(0, 255) },
  { lisp: "short", c: "short", value: whole(-32768, 32767) },
  { lisp: "ushort", c: "unsigned short", value: whole(0, 65535) },
  { lisp: "int", c: "int", value: whole(-2147483647, 2147483647) },
  { lisp: "uint", c: "unsigned", value: whole(0, 4294967295) },
  { lisp: "long", c: "long", value: wide(-(2n ** 63n), 2n ** 63n - 1n) },
  { lisp: "uint64", c: "unsigned long", value: wide(0n, 2n ** 64n - 1n) },
  { lisp: "float", c: "float", value: fourths },
  { lisp: "double", c: "double", value: fourths },
  { lisp: "float", c: "float", value: fourths },
  { lisp: "double", c: "double", value: fourths },
  { lisp: "bool", c: "_Bool", value: (below) => (below(2) === 0 ? ["0", "#f"] : ["1", "#t"]) },
];
const scalarOf = ({ c }: CType): Scalar => SCALARS.find((scalar) => scalar.c === c)!;

/** A leaf of a value: the way to it in C and in Lisp. */
interface Leaf {
  readonly c: string;
  readonly lisp: string;
  readonly type: CType;
}

export class CaseMaker {
  readonly #random: SeededRandom;
  readonly aggregates: CType[];
  readonly #prefix: string;

  constructor(random: SeededRandom, prefix: string) {
    this.#random = random;
    this.aggregates = [];
    this.#prefix = prefix;
  }

  below = (bound: number): number => this.#random.below(bound);

  scalar(): CType {
    const { c, lisp } = SCALARS[this.below(SCALARS.length)]!;
    return { kind: "scalar", c, lisp, parts: [], count: 0 };
  }
  /** @param depth  of structs within structs */
  struct(depth: number, most = 5): CType {
    const kind = this.below(6) === 0 ? "union" : "struct";
    const parts = Array.from({ length: 1 + this.below(most) }, () => this.#part(depth));
    const name = `${this.#prefix}${this.aggregates.length}`;
    const type: CType = { kind, c: `${kind} ${name}`, lisp: name, parts, count: 0 };
    this.aggregates.push(type);
    return type;
  }
  #part(depth: number): CType {
    const inner = depth > 0 && this.below(4) === 0 ? this.struct(depth - 1, 3) : this.scalar();
    if (this.below(6) > 0) return inner;
    const count = 1 + this.below(4);
    return { kind: "array", c: inner.c, lisp: `(array ${inner.lisp} ${count})`, parts: [inner], count };
  }

  /** Declarations of all aggregates, in C and in Lisp. */
  declarations(): { readonly c: string; readonly lisp: string } {
    const c = this.aggregates.map(({ c: name, parts }) => {
      const many = ({ kind, count }: CType): string => (kind === "array" ? `[${count}]` : "");
      const fields = parts.map((part, index) => `${part.c} f${index}${many(part)};`);
      return `${name} { ${fields.join(" ")} };`;
    });
    const lisp = this.aggregates.map(({ kind, lisp: name, parts }) => {
      const fields = parts.map((part, index) => `(f${index} ${part.lisp})`);
      return `(define-foreign-${kind} ${name} ${fields.join(" ")})`;
    });
    return { c: c.join("\n"), lisp: lisp.join("\n") };
  }

  /** Of a union only the first field is looked at. */
  leaves(type: CType, c: string, lisp: string): Leaf[] {
    if (type.kind === "scalar") return [{ c, lisp, type }];
    if (type.kind === "array")
      return Array.from({ length: type.count }, (_, index) =>
        this.leaves(type.parts[0]!, `${c}[${index}]`, `${lisp} ${index}`),
      ).flat();
    const fields = type.kind === "union" ? type.parts.slice(0, 1) : type.parts;
    return fields.flatMap((part, index) => this.leaves(part, `${c}.f${index}`, `${lisp} 'f${index}`));
  }

  /** What puts values into a variable: statements of C, and an expression of Lisp that gives the value. */
  filled(type: CType, name: string): { readonly c: string; readonly lisp: string; readonly texts: string[] } {
    const values = this.leaves(type, name, "").map((leaf) => ({ leaf, value: scalarOf(leaf.type).value(this.below) }));
    const c = values.map(({ leaf, value }) => `${leaf.c} = ${value[0]};`).join(" ");
    const texts = values.map(({ value }) => fourthsOf(value[1]));
    if (type.kind === "scalar") return { c, lisp: values[0]!.value[1], texts };
    const sets = values.map(({ leaf, value }) => `(foreign-set! p${leaf.lisp} ${value[1]})`);
    return { c, lisp: `(let ((p (foreign-alloc ${type.lisp}))) ${sets.join(" ")} p)`, texts };
  }

  /** What prints a variable. */
  shown(type: CType, name: string): { readonly c: string; readonly lisp: string } {
    const leaves = this.leaves(type, name, "");
    const c = leaves.map((leaf) => `PUT(${leaf.c});`).join(" ");
    if (type.kind === "scalar") return { c, lisp: `(put ${name})` };
    return { c, lisp: leaves.map((leaf) => `(put (foreign-ref ${name}${leaf.lisp}))`).join(" ") };
  }
}

function fourthsOf(lisp: string): string {
  if (lisp === "#t" || lisp === "#f") return lisp === "#t" ? "4" : "0";
  return lisp.includes(".") ? `${Number(lisp) * 4}` : `${BigInt.asUintN(64, BigInt(lisp) * 4n)}`;
}

/** Values as whole fourths, modulo 2^64 for integers. */
export const C_HEAD = `
#include <stdio.h>
#include <stdarg.h>
#include <stddef.h>
char out[65536]; static char *at = out;
void begin(void) { at = out; *at = 0; }
#define PUT(x) (at += _Generic((x), float: put_double, double: put_double, default: put_whole)(x))
static int put_double(double x) { return sprintf(at, "%lld ", (long long)(x * 4)); }
static int put_whole(unsigned long x) { return sprintf(at, "%lu ", x * 4); }
`;
export const LISP_HEAD = `
(define (put x)
  (display (cond ((boolean? x) (if x 4 0)) ((exact-integer? x) (modulo (* 4 x) 18446744073709551616))
    (else (exact (* 4 x)))))
  (display " "))
`;
