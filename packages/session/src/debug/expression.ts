/**
 * A debugger's expressions, in C's words and with C's precedence: variables and their parts (`list->next.value`,
 * `a[i + 1]`, `*p`, `&x`), numbers and characters, registers (`$a0`), what lies at an address (`*(0x1234 + 8)`: 8
 * bytes) and all of C's operators but assignments, calls, casts and `sizeof`. What is computed is `long`, `unsigned
 * long`, `double` or a pointer (arithmetic.ts). One parser serves hovers, watches, conditions of breakpoints and their
 * messages.
 */
import {
  addressOf,
  binaryOperation,
  doubleOf,
  ExpressionError,
  indexed,
  isTrue,
  longOf,
  memberNamed,
  namedConstant,
  type Operator,
  pointed,
  unaryOperation,
} from "./arithmetic.ts";
import type { ReadMemory, TypedValue } from "./typed-value.ts";

/** Where values come from while an expression is computed. */
export interface ValueSource {
  /** @returns null: there is none of this name */
  register(name: string): bigint | null;
  /** @returns null: there is none of this name. @throws DwarfError, ExpressionError: it has no value here */
  variable(name: string): TypedValue | null;
  readonly memory: ReadMemory;
}

export interface Expression {
  /** The first name of a variable in it; null: it has none. */
  readonly firstName: string | null;
  /** @throws ExpressionError, DwarfError */
  evaluate(from: ValueSource): TypedValue;
}

type Evaluate = Expression["evaluate"];
/** A part of an expression; with a name where it is nothing else: that may also be an enumeration's. */
interface Part {
  readonly evaluate: Evaluate;
  readonly name?: string;
}

const LENGTH_MAX = 1000;
/** Parentheses, signs, indices and choices within one another. */
const DEPTH_MAX = 100;

const TOKEN = new RegExp(
  [
    String.raw`\s*(0x[0-9a-f]+|\d+\.\d+(?:e[-+]?\d+)?|\d+|[a-z_]\w*|\$\w+`,
    String.raw`'(?:[^'\\]|\\(?:[0-7]{1,3}|x[0-9a-f]{1,2}|[^0-7x]))'`,
    String.raw`->|&&|\|\||<<|>>|[=!<>]=|[-+*/%&|^~!<>()[\].?:])`,
  ].join("|"),
  "iy",
);

/** The binary operators; what binds most strongly comes last. C17 §6.5.5 to §6.5.14. */
const LEVELS: readonly (readonly string[])[] = [
  ["||"],
  ["&&"],
  ["|"],
  ["^"],
  ["&"],
  ["==", "!="],
  ["<", "<=", ">", ">="],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
];

/** @throws ExpressionError */
export function parseExpression(text: string): Expression {
  return new Parser(text).whole();
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    if (text.length > LENGTH_MAX) throw new ExpressionError(`an expression has at most ${LENGTH_MAX} characters`);
    this.#text = text;
    this.#tokens = tokensOf(text);
  }

  whole(): Expression {
    const { evaluate } = this.#choice();
    if (this.#at < this.#tokens.length) throw this.#error(`${this.#tokens[this.#at]} is too much`);
    const firstName = this.#tokens.find((token, index) => isName(token) && !isMember(this.#tokens, index)) ?? null;
    return { firstName, evaluate };
  }

  /** `c ? a : b` (§6.5.15). */
  #choice(): Part {
    this.#enter();
    const condition = this.#binary(0);
    let part = condition;
    if (this.#take("?")) {
      const yes = this.#choice();
      this.#expect(":");
      const no = this.#choice();
      part = { evaluate: (from) => (isTrue(condition.evaluate(from), from.memory) ? yes : no).evaluate(from) };
    }
    this.#depth--;
    return part;
  }

  #binary(level: number): Part {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#unary();
    let left = this.#binary(level + 1);
    for (let token = this.#tokens[this.#at]; token !== undefined && operators.includes(token);) {
      this.#at++;
      left = { evaluate: joined(token as Operator, left, this.#binary(level + 1)) };
      token = this.#tokens[this.#at];
    }
    return left;
  }

  #unary(): Part {
    const token = this.#tokens[this.#at];
    if (token === undefined || !/^[-+~!*&]$/.test(token)) return this.#postfix();
    this.#at++;
    this.#enter();
    const operand = this.#unary();
    this.#depth--;
    if (token === "*") return { evaluate: (from) => pointed(operand.evaluate(from), from.memory) };
    if (token === "&") return { evaluate: (from) => addressOf(operand.evaluate(from)) };
    const operator = token as "-" | "+" | "~" | "!";
    return { evaluate: (from) => unaryOperation(operator, operand.evaluate(from), from.memory) };
  }

  #postfix(): Part {
    let part = this.#primary();
    for (;;) {
      const whole = part;
      if (this.#take("[")) {
        const index = this.#choice();
        this.#expect("]");
        part = { evaluate: (from) => indexed(whole.evaluate(from), index.evaluate(from), from.memory) };
      } else if (this.#take(".") || this.#take("->")) {
        const name = this.#tokens[this.#at++] ?? "";
        if (!isName(name)) throw this.#error(`${name || "the end"} where a member's name should be`);
        part = { evaluate: (from) => memberNamed(whole.evaluate(from), name, from.memory) };
      } else return part;
    }
  }

  #primary(): Part {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw this.#error("a value is missing at the end");
    if (token === "(") {
      const inner = this.#choice();
      this.#expect(")");
      return inner;
    }
    if (token.startsWith("$")) return { evaluate: register(token) };
    if (isName(token)) return { name: token, evaluate: (from) => variable(token, from.variable(token)) };
    const constant = constantOf(token);
    if (constant === null) throw this.#error(`${token} where a value should be`);
    return { evaluate: () => constant };
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #expect(token: string): void {
    if (!this.#take(token)) throw this.#error(`a ${token} is missing`);
  }

  #enter(): void {
    if (++this.#depth > DEPTH_MAX) throw this.#error(`more than ${DEPTH_MAX} levels`);
  }

  #error(what: string): ExpressionError {
    return new ExpressionError(`${this.#text}: ${what}`);
  }
}

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < end;) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) throw new ExpressionError(`${text}: not understood from "${text.slice(at).trim()}" on`);
    tokens.push(match[1]!);
  }
  return tokens;
}

function isName(token: string): boolean {
  return /^[a-z_]/i.test(token);
}

function isMember(tokens: readonly string[], index: number): boolean {
  return tokens[index - 1] === "." || tokens[index - 1] === "->";
}

function constantOf(token: string): TypedValue | null {
  if (/^\d+\./.test(token)) return doubleOf(Number(token));
  if (/^\d/.test(token)) return longOf(BigInt(token));
  return token.startsWith("'") ? longOf(BigInt(characterCode(token.slice(1, -1)))) : null;
}

const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, e: 27, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** C17 §6.4.4.4. */
function characterCode(character: string): number {
  if (!character.startsWith("\\")) return character.codePointAt(0)!;
  const rest = character.slice(1);
  if (/^[0-7]/.test(rest)) return parseInt(rest, 8);
  return /^x/i.test(rest) ? parseInt(rest.slice(1), 16) : (ESCAPES[rest] ?? rest.codePointAt(0)!);
}

function register(token: string): Evaluate {
  const name = token.slice(1);
  return (from) => {
    const value = from.register(name);
    if (value === null) throw new ExpressionError(`${token}: no such register`);
    return longOf(value);
  };
}

function variable(name: string, value: TypedValue | null): TypedValue {
  if (value === null) throw new ExpressionError(`${name}: no variable of this name is known here`);
  return value;
}

function joined(operator: Operator, left: Part, right: Part): Evaluate {
  const holds = ({ evaluate }: Part, from: ValueSource): boolean => isTrue(evaluate(from), from.memory);
  if (operator === "&&") return (from) => longOf(holds(left, from) && holds(right, from) ? 1n : 0n);
  if (operator === "||") return (from) => longOf(holds(left, from) || holds(right, from) ? 1n : 0n);
  return (from) => {
    const [a, b] = operandsOf(left, right, from);
    return binaryOperation(operator, [a, b], from.memory);
  };
}

/** A name that is no variable's may be one of the other side's enumeration: `node->colour == RED`. */
function operandsOf(left: Part, right: Part, from: ValueSource): readonly [TypedValue, TypedValue] {
  const known = ({ name, evaluate }: Part): TypedValue | null =>
    name === undefined ? evaluate(from) : from.variable(name);
  const a = known(left);
  const b = known(right);
  const constant = (name: string | undefined, of: TypedValue | null): TypedValue | null =>
    name === undefined || of === null ? null : namedConstant(of.type, name);
  return [
    a ?? constant(left.name, b) ?? variable(left.name ?? "", null),
    b ?? constant(right.name, a) ?? variable(right.name ?? "", null),
  ];
}
