/**
 * Integer expressions of a debugger: C's operators, with C's precedence, over numbers, registers (`$a0`) and the 8
 * bytes at an address (`*$sp`, `*(0x1234 + 8)`). All is signed and has 64 bits, as `long` has.
 */

/** Where a value comes from while an expression is computed. */
export interface ValueSource {
  /** @returns null: there is none of this name */
  register(name: string): bigint | null;
  /** 8 bytes. @returns null: nothing is mapped there */
  memory(address: bigint): bigint | null;
}

/** @throws ExpressionError */
export type Expression = (from: ValueSource) => bigint;

/** Why an expression has no meaning, or no value here. */
export class ExpressionError extends Error {}

const LENGTH_MAX = 1000;
/** Parentheses and signs within one another. */
const DEPTH_MAX = 100;

const TOKEN = /\s*(0x[0-9a-f]+|\d+|\$\w+|&&|\|\||<<|>>|[=!<>]=|[-+*/%&|^~!<>()])/iy;

/** The binary operators; what binds most strongly comes last. C17 §6.5.5 to §6.5.14. */
const LEVELS: readonly Readonly<Record<string, (a: bigint, b: bigint) => bigint>>[] = [
  { "||": () => 0n },
  { "&&": () => 0n },
  { "|": (a, b) => a | b },
  { "^": (a, b) => a ^ b },
  { "&": (a, b) => a & b },
  { "==": (a, b) => truth(a === b), "!=": (a, b) => truth(a !== b) },
  {
    "<": (a, b) => truth(a < b),
    "<=": (a, b) => truth(a <= b),
    ">": (a, b) => truth(a > b),
    ">=": (a, b) => truth(a >= b),
  },
  { "<<": (a, b) => a << (b & 63n), ">>": (a, b) => a >> (b & 63n) },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "*": (a, b) => a * b, "/": (a, b) => a / divisor(b), "%": (a, b) => a % divisor(b) },
];

/** @throws ExpressionError */
export function parseExpression(text: string): Expression {
  if (text.length > LENGTH_MAX) throw new ExpressionError(`an expression has at most ${LENGTH_MAX} characters`);
  const tokens = tokensOf(text);
  let at = 0;
  let depth = 0;
  const binary = (level: number): Expression => {
    const operators = LEVELS[level];
    if (operators === undefined) return unary();
    let left = binary(level + 1);
    for (let token = tokens[at]; token !== undefined && Object.hasOwn(operators, token); token = tokens[at]) {
      at++;
      left = joined(token, operators[token]!, left, binary(level + 1));
    }
    return left;
  };
  const unary = (): Expression => {
    if (++depth > DEPTH_MAX) throw new ExpressionError(`${text}: more than ${DEPTH_MAX} levels`);
    const operand = primary();
    depth--;
    return operand;
  };
  const primary = (): Expression => {
    const token = tokens[at++];
    if (token === undefined) throw new ExpressionError(`${text}: a value is missing at the end`);
    if (token === "(") {
      const inner = binary(0);
      if (tokens[at++] !== ")") throw new ExpressionError(`${text}: a ) is missing`);
      return inner;
    }
    if (token.startsWith("$")) return register(token);
    if (/^\d/.test(token)) {
      const value = signed(BigInt(token));
      return () => value;
    }
    const operate = UNARY[token];
    if (operate === undefined) throw new ExpressionError(`${text}: ${token} where a value should be`);
    return operate(unary());
  };
  const whole = binary(0);
  if (at < tokens.length) throw new ExpressionError(`${text}: ${tokens[at]} is too much`);
  return whole;
}

const UNARY: Readonly<Record<string, (operand: Expression) => Expression>> = {
  "-": (operand) => (from) => signed(-operand(from)),
  "+": (operand) => operand,
  "~": (operand) => (from) => ~operand(from),
  "!": (operand) => (from) => truth(operand(from) === 0n),
  "*": (operand) => (from) => {
    const address = BigInt.asUintN(64, operand(from));
    const value = from.memory(address);
    if (value === null) throw new ExpressionError(`nothing is mapped at 0x${address.toString(16)}`);
    return signed(value);
  },
};

function tokensOf(text: string): readonly string[] {
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < end;) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) {
      throw new ExpressionError(`${text}: not understood from "${text.slice(at).trim()}" on`);
    }
    tokens.push(match[1]!);
  }
  return tokens;
}

function joined(token: string, compute: (a: bigint, b: bigint) => bigint, a: Expression, b: Expression): Expression {
  if (token === "||") return (from) => truth(a(from) !== 0n || b(from) !== 0n);
  if (token === "&&") return (from) => truth(a(from) !== 0n && b(from) !== 0n);
  return (from) => signed(compute(a(from), b(from)));
}

function register(token: string): Expression {
  const name = token.slice(1);
  return (from) => {
    const value = from.register(name);
    if (value === null) throw new ExpressionError(`${token}: no such register`);
    return signed(value);
  };
}

function divisor(value: bigint): bigint {
  if (value === 0n) throw new ExpressionError("a division by zero");
  return value;
}

function signed(value: bigint): bigint {
  return BigInt.asIntN(64, value);
}

function truth(holds: boolean): bigint {
  return holds ? 1n : 0n;
}
