/**
 * Conditions of phases and outputs: `variant == "server" && architecture != "riscv64"`.
 *
 *     or    = and ("||" and)*
 *     and   = not ("&&" not)*
 *     not   = "!" not | "(" or ")" | value (("==" | "!=" | "=~" | "!~") value)?
 *     value = "text" | 'text' | number | true | false | name("." name)*
 *
 * `=~` matches a shell pattern. A name is looked up in what is known of the image (`CONDITION_NAMES`); of one's own
 * fields one that is not there is false, and unequal to everything.
 */
import { closestName, slipsOfWord } from "@stratos/base";
import { compilePattern } from "./pattern.ts";
import { isObject, type Json, type JsonObject } from "./json.ts";

export class ConditionError extends Error {
  override name = "ConditionError";
}

/** What conditions may ask for; `custom.…` holds a treefile's own fields. */
export const CONDITION_NAMES = [
  "name",
  "version",
  "suite",
  "base",
  "variant",
  "architecture",
  "arch",
  "custom",
] as const;

/** Words and signs of one condition, whose parentheses are read by recursion. */
const TOKENS_MAX = 1000;

type Condition = (scope: JsonObject) => boolean;

/** @throws ConditionError  with the place where it stops making sense */
export function parseCondition(text: string): Condition {
  const tokens = tokenize(text);
  if (tokens.length > TOKENS_MAX)
    throw new ConditionError(`the condition has ${tokens.length} words and signs; ${TOKENS_MAX} at most`);
  let at = 0;
  const fail = (): never => {
    throw new ConditionError(
      `the condition makes no sense at ${at < tokens.length ? `'${tokens[at]!.text}'` : "its end"}: ${text}`,
    );
  };
  const take = (symbol: string): boolean => {
    if (tokens[at]?.kind !== "symbol" || tokens[at]!.text !== symbol) return false;
    at++;
    return true;
  };
  const or = (): Condition => {
    const parts = [and()];
    while (take("||")) parts.push(and());
    return parts.length === 1 ? parts[0]! : (scope) => parts.some((part) => part(scope));
  };
  const and = (): Condition => {
    const parts = [not()];
    while (take("&&")) parts.push(not());
    return parts.length === 1 ? parts[0]! : (scope) => parts.every((part) => part(scope));
  };
  const not = (): Condition => {
    if (take("!")) {
      const inner = not();
      return (scope) => !inner(scope);
    }
    if (take("(")) {
      const inner = or();
      if (!take(")")) fail();
      return inner;
    }
    const left = value();
    if (take("==")) {
      const right = value();
      return (scope) => left(scope) !== undefined && left(scope) === right(scope);
    }
    if (take("!=")) {
      const right = value();
      return (scope) => left(scope) !== right(scope);
    }
    for (const [symbol, isWanted] of [
      ["=~", true],
      ["!~", false],
    ] as const) {
      if (!take(symbol)) continue;
      const token = tokens[at];
      if (token?.kind !== "text") return fail();
      at++;
      const matches = compilePattern(token.text);
      return (scope) => matches(String(left(scope) ?? "")) === isWanted;
    }
    return (scope) => {
      const found = left(scope);
      return found !== undefined && found !== false && found !== null && found !== "";
    };
  };
  const value = (): ((scope: JsonObject) => Json | undefined) => {
    const token = tokens[at];
    if (token === undefined || token.kind === "symbol") return fail();
    at++;
    switch (token.kind) {
      case "text":
        return () => token.text;
      case "number": {
        const number = Number(token.text);
        return () => number;
      }
      case "name": {
        if (token.text === "true" || token.text === "false") {
          const constant = token.text === "true";
          return () => constant;
        }
        const path = token.text.split(".");
        if (!(CONDITION_NAMES as readonly string[]).includes(path[0]!)) throw new ConditionError(unknownName(path[0]!));
        return (scope) => lookUp(scope, path);
      }
    }
  };
  const condition = or();
  if (at < tokens.length) fail();
  return condition;
}

function unknownName(name: string): string {
  const meant = closestName(name, CONDITION_NAMES, slipsOfWord);
  return (
    `the condition asks for ${name}, which is not known; ` +
    `${
      meant === undefined
        ? `there is ${CONDITION_NAMES.join(", ")}, and text stands in quotes`
        : `did you mean ${meant}?`
    }`
  );
}

interface Token {
  kind: "symbol" | "text" | "number" | "name";
  text: string;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const expression =
    // wide: one pattern
    /\s*(?:(&&|\|\||==|!=|=~|!~|!|\(|\))|"([^"]*)"|'([^']*)'|(-?\d+(?:\.\d+)?)(?![\w-])|([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*))/y;
  const end = text.trimEnd().length;
  while (expression.lastIndex < end) {
    const from = expression.lastIndex;
    const match = expression.exec(text);
    if (match === null)
      throw new ConditionError(`the condition makes no sense at '${text.slice(from).trim()}': ${text}`);
    if (match[1] !== undefined) tokens.push({ kind: "symbol", text: match[1] });
    else if (match[4] !== undefined) tokens.push({ kind: "number", text: match[4] });
    else if (match[5] !== undefined) tokens.push({ kind: "name", text: match[5] });
    else tokens.push({ kind: "text", text: match[2] ?? match[3]! });
  }
  return tokens;
}

function lookUp(scope: JsonObject, path: readonly string[]): Json | undefined {
  let value: Json | undefined = scope;
  for (const name of path) value = isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  return value;
}
