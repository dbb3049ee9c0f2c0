/** Expressions that name a variable or a part of one: `x`, `*p`, `&x`, `list->next.value`, `a[2]`, `(*p)[1]`. */
import { ExpressionError } from "./expression.ts";
import { elementOf, namedMember, numberOfValue, pointedTo, type ReadMemory, type TypedValue } from "./typed-value.ts";

const LENGTH_MAX = 1000;
const DEPTH_MAX = 100;
const TOKEN = /\s*([A-Za-z_]\w*|0x[0-9a-f]+|\d+|->|[.*&()[\]])/iy;

interface PathSource {
  /** @returns null: there is none of this name. @throws DwarfError, ExpressionError */
  variable(name: string): TypedValue | null;
  readonly memory: ReadMemory;
}

/** Could it be one? What begins with a number or a register is an expression of integers. */
export function isVariablePath(text: string): boolean {
  return /^[\s*&(]*[A-Za-z_]/.test(text) && tokensOf(text) !== null;
}

/** @throws ExpressionError, DwarfError */
export function evaluatePath(text: string, from: PathSource): TypedValue {
  const tokens = tokensOf(text);
  if (tokens === null) throw new ExpressionError(`${text}: not understood`);
  let at = 0;
  const expect = (token: string): void => {
    if (tokens[at++] !== token) throw new ExpressionError(`${text}: a ${token} is missing`);
  };
  const unary = (depth: number): TypedValue => {
    if (depth > DEPTH_MAX) throw new ExpressionError(`${text}: more than ${DEPTH_MAX} levels`);
    if (tokens[at] === "*") {
      at++;
      return pointed(text, unary(depth + 1), from.memory);
    }
    if (tokens[at] === "&") {
      at++;
      return addressOf(text, unary(depth + 1));
    }
    return postfix(depth);
  };
  const postfix = (depth: number): TypedValue => {
    let value = primary(depth);
    for (;;) {
      const token = tokens[at];
      if (token === "." || token === "->") {
        at++;
        const name = tokens[at++] ?? "";
        const isPointer = value.type.kind === "pointer";
        const whole = isPointer ? pointed(text, value, from.memory) : value;
        const member = namedMember(whole, name);
        if (member === null) throw new ExpressionError(`${text}: ${whole.type.name} has no member ${name}`);
        value = member;
      } else if (token === "[") {
        at++;
        value = element(value, depth);
        expect("]");
      } else return value;
    }
  };
  const element = (value: TypedValue, depth: number): TypedValue => {
    const isNumber = /^\d/.test(tokens[at] ?? "");
    const index = isNumber ? BigInt(tokens[at++]!) : numberOfValue(unary(depth + 1), from.memory);
    if (index === null) throw new ExpressionError(`${text}: an index that is no number`);
    const found =
      value.type.kind === "array" ? elementOf(value, Number(index)) : pointedTo(value, from.memory, Number(index));
    if (found === null) throw new ExpressionError(`${text}: ${value.type.name} has no elements`);
    return found;
  };
  const primary = (depth: number): TypedValue => {
    const token = tokens[at++];
    if (token === "(") {
      const inner = unary(depth + 1);
      expect(")");
      return inner;
    }
    if (token === undefined || !/^[A-Za-z_]/.test(token))
      throw new ExpressionError(`${text}: ${token ?? "the end"} where a name should be`);
    const value = from.variable(token);
    if (value === null) throw new ExpressionError(`${token}: no variable of this name is known here`);
    return value;
  };
  const whole = unary(0);
  if (at < tokens.length) throw new ExpressionError(`${text}: ${tokens[at]} is too much`);
  return whole;
}

function pointed(text: string, value: TypedValue, memory: ReadMemory): TypedValue {
  const target = value.type.kind === "array" ? elementOf(value, 0) : pointedTo(value, memory);
  if (target === null) throw new ExpressionError(`${text}: ${value.type.name} is no pointer, or it is not there`);
  return target;
}

function addressOf(text: string, { type, place, bits }: TypedValue): TypedValue {
  const isInMemory = place.kind === "memory" && Number.isFinite(place.address) && (bits ?? null) === null;
  if (!isInMemory) throw new ExpressionError(`${text}: it is not in memory`);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, BigInt(Math.trunc(place.address))), true);
  const name = type.name.endsWith("*") ? `${type.name}*` : `${type.name} *`;
  return { type: { kind: "pointer", name, size: 8, target: () => type }, place: { kind: "bytes", bytes } };
}

/** @returns null: something in it is of no path */
function tokensOf(text: string): readonly string[] | null {
  if (text.length > LENGTH_MAX) return null;
  const tokens: string[] = [];
  const end = text.trimEnd().length;
  for (TOKEN.lastIndex = 0; TOKEN.lastIndex < end;) {
    const match = TOKEN.exec(text);
    if (match === null) return null;
    tokens.push(match[1]!);
  }
  return tokens;
}
