/**
 * Random expressions whose value every Scheme agrees on: no effect that another operand could see, no order that a
 * report leaves open, no printed form of floats. An error of any kind counts as the value `err`.
 */
import type { SeededRandom } from "@stratos/base";

type Kind = "number" | "list" | "boolean" | "string" | "symbol" | "any";
interface Scope {
  readonly names: readonly { name: string; kind: Kind }[];
  readonly depth: number;
}

const TYPES: Readonly<Record<Kind, readonly string[]>> = {
  number: ["number", "real", "(or integer rational flonum)", "any"],
  list: ["(or list pair)", "(or null pair)", "any"],
  boolean: ["boolean", "(or #t #f)"],
  string: ["string", "any"],
  symbol: ["any"],
  any: ["any"],
};

/** One expression, as text. @param isTyped  what is bound has a type that it is of */
export function randomExpression(random: SeededRandom, isTyped = false): string {
  let count = 0;
  const fresh = (prefix: string): string => `${prefix}${count++}`;
  const pick = <T>(items: readonly T[]): T => items[random.below(items.length)]!;
  const KINDS: readonly Kind[] = ["number", "list", "boolean", "string", "symbol"];

  /** A binding's name with its type. */
  const typed = (name: string, kind: Kind): string => (isTyped ? `${name} : ${pick(TYPES[kind])}` : name);
  const form = (word: string): string => (isTyped ? `${word}/typed` : word);
  const result = (kind: Kind): string => (isTyped ? `: ${pick(TYPES[kind])} ` : "");

  const atom = (kind: Kind): string => {
    switch (kind) {
      case "number":
        return pick([
          "0",
          "1",
          "-1",
          "2",
          "7",
          "-13",
          "100",
          "1/2",
          "-7/3",
          "4294967296",
          "-9007199254740993",
          "123456789012345678901234567890",
          "0.5",
          "-2.25",
          "1e10",
        ]);
      case "list":
        return pick(["'()", "'(1 2 3)", "'(a (b . c) #(d))", "(list 1 2)", "'((1 . 2) (3 . 4))", "'(3 1 2)"]);
      case "boolean":
        return pick(["#t", "#f"]);
      case "string":
        return pick(['""', '"abc"', '"a b"', '"\\"q\\""', '"Zz"']);
      case "symbol":
        return pick(["'a", "'b", "'foo", "'else"]);
      case "any":
        return atom(pick(KINDS));
    }
  };

  const make = (wanted: Kind, scope: Scope): string => {
    const kind = wanted === "any" ? pick(KINDS) : wanted;
    const known = scope.names.filter((name) => name.kind === kind);
    if (known.length > 0 && random.below(3) === 0) return pick(known).name;
    if (scope.depth <= 0) return atom(kind);
    const inner: Scope = { ...scope, depth: scope.depth - 1 };
    const one = (of: Kind): string => make(of, inner);
    const withNames = (...names: { name: string; kind: Kind }[]): Scope => ({
      names: [...scope.names, ...names],
      depth: scope.depth - 1,
    });
    // Forms that any kind of value may come from.
    switch (random.below(16)) {
      case 0:
        return `(if ${one("boolean")} ${one(kind)} ${one(kind)})`;
      case 1: {
        const name = fresh("v"),
          of = pick(KINDS);
        return (
          `(${form("let")} ((${typed(name, of)} ${one(of)})) ` +
          `${result(kind)}${make(kind, withNames({ name, kind: of }))})`
        );
      }
      case 2: {
        const name = fresh("f"),
          parameter = fresh("p"),
          of = pick(KINDS);
        return (
          `(let ((${name} (${form("lambda")} (${isTyped ? `(${typed(parameter, of)})` : parameter} . rest) ` +
          `${result(kind)}${make(kind, withNames({ name: parameter, kind: of }))}))) (${name} ${one(of)}))`
        );
      }
      case 3: {
        const name = fresh("k");
        return `(call-with-current-continuation (lambda (${name}) (cons 1 (${name} ${one(kind)}))))`;
      }
      case 4: {
        const name = fresh("m"),
          of = pick(KINDS);
        return (
          `(let ((${name} ${one(of)})) (set! ${name} ${make(of, withNames({ name, kind: of }))}) ` +
          `${make(kind, withNames({ name, kind: of }))})`
        );
      }
      case 5:
        return (
          `(cond (${one("boolean")} ${one(kind)}) (${one("any")} => (lambda (x) ` +
          `${one(kind)})) (else ${one(kind)}))`
        );
      case 6:
        return `(case ${one("number")} ((0 1 2) ${one(kind)}) ((7 -13) ${one(kind)}) (else ${one(kind)}))`;
      case 7:
        return `(call-with-values (lambda () (values ${one(kind)} ${one("any")})) (lambda (a b) a))`;
      case 8:
        return `(guard (e ((number? e) ${one(kind)}) ((pair? e) ${one(kind)})) (raise ${one("any")}))`;
      case 9: {
        const name = fresh("t"),
          of = pick(KINDS);
        return (
          `(let-syntax ((mac (syntax-rules () ((_ a b) (let ((${name} a)) b))))) (let ((${name} ${one(of)})) (mac ` +
          `${one("any")} ${make(kind, withNames({ name, kind: of }))})))`
        );
      }
      case 10: {
        const name = fresh("i"),
          sum = fresh("s");
        return (
          `(do ((${name} 0 (+ ${name} 1)) (${sum} ${one(kind)} ` +
          `${make(kind, withNames({ name, kind: "number" }))})) ((= ${name} ${1 + random.below(4)}) ${sum}))`
        );
      }
      case 11:
        return `(force (delay ${one(kind)}))`;
      default:
        return specific(kind, one, withNames);
    }
  };

  const specific = (
    kind: Kind,
    one: (of: Kind) => string,
    withNames: (...names: { name: string; kind: Kind }[]) => Scope,
  ): string => {
    switch (kind) {
      case "number":
        return pick<() => string>([
          () => `(${pick(["+", "-", "*"])} ${one("number")} ${one("number")})`,
          () => `(${pick(["+", "*", "max", "min"])} ${one("number")} ${one("number")} ${one("number")})`,
          () => `(${pick(["quotient", "remainder", "modulo", "gcd", "lcm"])} ${one("number")} ${one("number")})`,
          () => `(/ ${one("number")} ${one("number")})`,
          () =>
            "(" +
            pick([
              "abs",
              "floor",
              "round",
              "truncate",
              "ceiling",
              "numerator",
              "denominator",
              "exact",
              "inexact",
              "-",
            ]) +
            ` ${one("number")})`,
          () => `(length ${one("list")})`,
          () => `(string-length ${one("string")})`,
          () => `(apply + ${one("list")})`,
          () => `(vector-length (list->vector ${one("list")}))`,
          () => {
            const name = fresh("n"),
              loop = fresh("loop");
            return (
              `(${form("let")} ${loop} ((${typed(name, "number")} ${random.below(6)})) ${result("number")}` +
              `(if (= ${name} 0) ${one("number")} (+ ` +
              `${make("number", withNames({ name, kind: "number" }))} (${loop} (- ${name} 1)))))`
            );
          },
          () => `(expt ${one("number")} ${random.below(5)})`,
          () => `(exact (floor ${one("number")}))`,
          () => `(char->integer (string-ref ${one("string")} 0))`,
        ])();
      case "list":
        return pick<() => string>([
          () => `(cons ${one("any")} ${one("list")})`,
          () => `(append ${one("list")} ${one("list")})`,
          () => `(reverse ${one("list")})`,
          () => `(cdr ${one("list")})`,
          () => {
            const name = fresh("x");
            return `(map (lambda (${name}) ${make("any", withNames({ name, kind: "any" }))}) ${one("list")})`;
          },
          () => `(list ${one("any")} ${one("any")})`,
          () => `\`(1 ,${one("any")} ,@${one("list")} . ${pick(["()", "tail", "(x)"])})`,
          () => `(vector->list (vector ${one("any")} ${one("any")}))`,
          () => `(string->list ${one("string")})`,
          () => `(list-tail ${one("list")} ${random.below(3)})`,
          () =>
            "(let ((trace '())) (dynamic-wind (lambda () (set! trace (cons 1 trace))) (lambda () (set! trace (cons " +
            `${one("any")} trace))) (lambda () (set! trace (cons 3 trace)))) trace)`,
          () => `(let*-values (((a b) (values ${one("any")} ${one("any")})) ((c . d) (values a b 1))) (list a b c d))`,
        ])();
      case "boolean":
        return pick<() => string>([
          () => `(${pick(["<", "=", ">", "<=", ">="])} ${one("number")} ${one("number")})`,
          () => `(equal? ${one("any")} ${one("any")})`,
          () => `(null? ${one("list")})`,
          () => `(not ${one("any")})`,
          () => `(and ${one("boolean")} ${one("boolean")})`,
          () => `(or ${one("boolean")} ${one("boolean")})`,
          () => `(${pick(["number?", "integer?", "exact?", "pair?", "string?", "symbol?"])} ${one("any")})`,
          () => `(pair? (member ${one("any")} ${one("list")}))`,
          () => `(string<? ${one("string")} ${one("string")})`,
          () => `(eqv? ${one("number")} ${one("number")})`,
        ])();
      case "string":
        return pick<() => string>([
          () => `(string-append ${one("string")} ${one("string")})`,
          () => `(substring ${one("string")} 0 ${random.below(3)})`,
          () => `(symbol->string ${one("symbol")})`,
          () => `(number->string (exact (round ${one("number")})))`,
          () => `(list->string (reverse (string->list ${one("string")})))`,
          () => `(string-upcase ${one("string")})`,
        ])();
      default:
        return pick<() => string>([
          () => `(string->symbol ${one("string")})`,
          () => `(car (list ${one("symbol")} ${one("any")}))`,
          () => `(if ${one("boolean")} ${one("symbol")} ${one("symbol")})`,
        ])();
    }
  };
  return make("any", { names: [], depth: 2 + random.below(4) });
}

/** Shows floats by their exact values, whatever a Scheme prints them as. */
const SHOW = `(define (show x)
  (cond ((pair? x) (cons (show (car x)) (show (cdr x))))
        ((vector? x) (list->vector (map show (vector->list x))))
        ((and (number? x) (inexact? x)) (if (= x x) (if (< -1e300 x 1e300) (list 'fl (exact x)) 'infinite) 'nan))
        ((procedure? x) 'procedure)
        (else x)))`;

/** A line for each expression: its value, or `err`. */
export function programOf(expressions: readonly string[]): string {
  return (
    `${SHOW}\n` +
    expressions.map((expression) => `(write (guard (e (#t 'err)) (show ${expression})))\n(newline)`).join("\n") +
    "\n"
  );
}
