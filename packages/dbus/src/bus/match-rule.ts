/** Which messages a program wants besides its own (D-Bus Specification, "Match Rules"). */
import { type Message, ERROR, METHOD_CALL, METHOD_RETURN, SIGNAL } from "../wire/message.ts";
import { isBusName, isInterface, isMember, isPath, isWellKnownName } from "../wire/names.ts";
import type { Value } from "../wire/value-reader.ts";

const RULE_MAX = 1024;
const ARGUMENT_MAX = 63;
const TYPES: Readonly<Record<string, number>> = {
  signal: SIGNAL,
  method_call: METHOD_CALL,
  method_return: METHOD_RETURN,
  error: ERROR,
};

/** What a rule is asked about. */
export interface Matched {
  readonly message: Message;
  /** Of the body, as far as they are text or paths; others are `undefined`. */
  texts(): readonly (Argument | undefined)[];
  /** Whether both names are of one connection. @param name  a rule's sender or destination */
  owns(owner: string, name: string): boolean;
}

interface Argument {
  readonly text: string;
  readonly isPath: boolean;
}

/** Of a message's body, for rules. */
export function textsOf(signatureTypes: readonly string[], values: readonly Value[]): Argument[] {
  const texts: Argument[] = [];
  for (const [index, type] of signatureTypes.entries()) {
    if (index > ARGUMENT_MAX) break;
    if (type === "s" || type === "o") texts[index] = { text: values[index] as string, isPath: type === "o" };
  }
  return texts;
}

export class MatchRule {
  readonly #parts: ReadonlyMap<string, string>;
  /** Sorted: rules that say the same are the same. */
  readonly key: string;
  /** As a program has said it. */
  readonly text: string;

  private constructor(parts: ReadonlyMap<string, string>, text: string) {
    this.#parts = parts;
    this.text = text;
    this.key = [...parts]
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join("\0");
  }

  /** @returns null: it is none */
  static parse(text: string): MatchRule | null {
    if (text.length > RULE_MAX) return null;
    const parts = partsOf(text);
    if (parts === null) return null;
    for (const [key, value] of parts) if (!isPart(key, value)) return null;
    return parts.has("path") && parts.has("path_namespace") ? null : new MatchRule(parts, text);
  }

  /** Of messages for others, too. */
  get eavesdrops(): boolean {
    return this.#parts.get("eavesdrop") === "true";
  }

  matches(matched: Matched): boolean {
    for (const [key, value] of this.#parts) if (!fits(key, value, matched)) return false;
    return true;
  }
}

/** `key='value',…`: within apostrophes all is as it stands, outside of them `\'` is one. */
function partsOf(text: string): Map<string, string> | null {
  const parts = new Map<string, string>();
  const pattern = /\s*([a-z_0-9]+)=((?:'[^']*'|\\'|[^',\\]|\\(?!'))*)(?:,|$)/y;
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text);
    if (found === null || parts.has(found[1]!)) return null;
    parts.set(
      found[1]!,
      found[2]!.replace(/'([^']*)'|\\'/g, (_, quoted: string | undefined) => quoted ?? "'"),
    );
  }
  return parts;
}

function isPart(key: string, value: string): boolean {
  switch (key) {
    case "type":
      return Object.hasOwn(TYPES, value);
    case "sender":
    case "destination":
      return isBusName(value);
    case "interface":
      return isInterface(value);
    case "member":
      return isMember(value);
    case "path":
    case "path_namespace":
      return isPath(value);
    case "eavesdrop":
      return value === "true" || value === "false";
    case "arg0namespace":
      return isWellKnownName(value) || /^[A-Za-z_-][A-Za-z0-9_-]*$/.test(value);
    default: {
      const index = /^arg(0|[1-9]\d?)(?:path)?$/.exec(key)?.[1];
      return index !== undefined && Number(index) <= ARGUMENT_MAX;
    }
  }
}

function fits(key: string, value: string, { message, texts, owns }: Matched): boolean {
  switch (key) {
    case "type":
      return message.type === TYPES[value];
    case "sender":
      return message.sender !== undefined && owns(message.sender, value);
    case "destination":
      return message.destination !== undefined && owns(message.destination, value);
    case "interface":
      return message.interface === value;
    case "member":
      return message.member === value;
    case "path":
      return message.path === value;
    case "path_namespace":
      return message.path !== undefined && isWithin(message.path, value, "/");
    case "eavesdrop":
      return true;
    case "arg0namespace":
      return texts()[0]?.isPath === false && isWithin(texts()[0]!.text, value, ".");
    default:
      return isArgument(texts()[Number.parseInt(key.slice(3), 10)], value, key.endsWith("path"));
  }
}

function isWithin(name: string, space: string, separator: string): boolean {
  return name === space || name.startsWith(space.endsWith(separator) ? space : space + separator);
}

function isArgument(argument: Argument | undefined, value: string, isOfPaths: boolean): boolean {
  if (argument === undefined) return false;
  const { text, isPath: isPathType } = argument;
  if (text === value) return isOfPaths || !isPathType;
  return (
    isOfPaths && ((value.endsWith("/") && text.startsWith(value)) || (text.endsWith("/") && value.startsWith(text)))
  );
}
