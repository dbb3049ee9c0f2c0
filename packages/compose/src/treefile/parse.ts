/** Reads one treefile, YAML 1.2 or TOML 1.0, into plain data whose every key knows its line. */
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { parse as parseToml, TomlError } from "smol-toml";
import { isMap, isPair, isScalar, isSeq, LineCounter, parseDocument, visit, type Document } from "yaml";
import { closestName, slipsOfWord } from "@stratos/base";
import { ConditionError, parseCondition } from "./condition.ts";
import { isList, isObject, type Json, type JsonObject } from "./json.ts";
import { formatKeyPath, tomlLocator, type KeyPath, type Locate } from "./positions.ts";
import { isPattern } from "./pattern.ts";
import { ARCHITECTURE_NAMES, MACHINE_NAMES, TREEFILE_SCHEMA } from "./schema.ts";

/** One thing that is wrong, with its place; line 0: the file as a whole, which is not there. */
export interface TreefileProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly key: string;
  readonly message: string;
}

export class TreefileError extends Error {
  override name = "TreefileError";
  readonly problems: readonly TreefileProblem[];
  constructor(problems: readonly TreefileProblem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.problems = problems;
  }
}

export function formatProblem(problem: TreefileProblem): string {
  return (
    `${problem.file}${problem.line === 0 ? "" : `:${problem.line}:${problem.column}`}: ` +
    `${problem.key === "" ? "" : `${problem.key}: `}${problem.message}`
  );
}

export interface ParsedFile {
  readonly path: string;
  readonly value: JsonObject;
  readonly locate: Locate;
}

/** A treefile is some pages. */
export const TREEFILE_SIZE_MAX = 4 << 20;
const PROBLEMS_MAX = 50;
/** Levels of lists and maps; the schema knows some ten, `custom` takes what one likes. */
const NESTING_MAX = 100;
const TOO_DEEP = `is nested deeper than ${NESTING_MAX} levels, or holds itself`;

/**
 * Reads and checks a file by itself.
 *
 * @param path  for messages; `.toml` says which language it is
 * @param onUnknownKey  is told of each key that the schema does not know, which is then left out; without it such a key
 *   is an error
 * @throws TreefileError
 */
export function parseTreefile(
  text: string,
  path: string,
  onUnknownKey?: (problem: TreefileProblem) => void,
): ParsedFile {
  if (text.length > TREEFILE_SIZE_MAX)
    throw problemAt(path, { line: 1, column: 1 }, "", `is larger than ${TREEFILE_SIZE_MAX} bytes`);
  const { value, locate } = path.endsWith(".toml") ? readToml(text, path) : readYaml(text, path);
  if (!isObject(value))
    throw problemAt(path, { line: 1, column: 1 }, "", "expected keys with values, such as `name: …`, and nothing else");
  for (const [key, one] of Object.entries(value))
    if (isDeeper(one, NESTING_MAX)) throw problemAt(path, locate([key]), key, TOO_DEEP);
  const place = ({ key, message, known }: KeyProblem): TreefileProblem => ({
    file: path,
    ...locate(key),
    key: formatKeyPath(key),
    message: known === undefined ? message : `${message}${suggestion(String(key.at(-1)), known)}`,
  });
  const found = validate(value),
    unknown = onUnknownKey === undefined ? [] : found.filter(({ known }) => known !== undefined);
  for (const { key } of unknown) removeKey(value, key);
  const problems = [
    ...(onUnknownKey === undefined ? found : found.filter(({ known }) => known === undefined)),
    ...checkConditions(value),
    ...checkSections(value),
  ]
    .slice(0, PROBLEMS_MAX)
    .map(place);
  for (const one of unknown.slice(0, PROBLEMS_MAX)) onUnknownKey?.(place(one));
  if (problems.length > 0) throw new TreefileError(problems.sort((left, right) => left.line - right.line));
  return { path, value, locate };
}

/** An alias of YAML may stand in what it names. */
function isDeeper(value: Json, levels: number): boolean {
  if (levels === 0) return true;
  if (isList(value)) return value.some((one) => isDeeper(one, levels - 1));
  return isObject(value) && Object.values(value).some((one) => isDeeper(one as Json, levels - 1));
}

export function problemAt(
  file: string,
  position: { line: number; column: number },
  key: string,
  message: string,
): TreefileError {
  return new TreefileError([{ file, ...position, key, message }]);
}

function readToml(text: string, path: string): { value: Json; locate: Locate } {
  try {
    return { value: plain(parseToml(text)), locate: tomlLocator(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw problemAt(
      path,
      { line: error.line, column: error.column },
      "",
      error.message.replace(/^Invalid TOML document: /, "").split("\n")[0]!,
    );
  }
}

/** TOML's dates become text, as YAML's are. */
function plain(value: unknown): Json {
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object" && value !== null) {
    if (Object.getPrototypeOf(value) !== null && Object.getPrototypeOf(value) !== Object.prototype)
      return String(value);
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
  }
  return value as Json;
}

function readYaml(text: string, path: string): { value: Json; locate: Locate } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const problems = [...document.errors, ...document.warnings].map(({ pos, message }) => {
    const { line, col } = lines.linePos(pos[0]);
    return { file: path, line, column: col, key: "", message: ownWords(message) };
  });
  problems.push(...repeatedKeys(document, lines, path));
  if (problems.length > 0) throw new TreefileError(problems.slice(0, PROBLEMS_MAX));
  let value: Json;
  try {
    value = (document.toJS({ maxAliasCount: 100 }) ?? {}) as Json;
  } catch (error) {
    throw problemAt(path, { line: 1, column: 1 }, "", ownWords(String((error as Error).message)));
  }
  return { value, locate: (key) => locateInYaml(document, lines, key) };
}

/** What the library says to programmers, for those who write treefiles. */
function ownWords(message: string): string {
  if (message.includes("call stack")) return TOO_DEEP;
  if (message.includes("multiple documents")) return "a second document begins here; a treefile is one";
  if (message.startsWith("Excessive alias count")) return "its aliases (*NAME) stand for more than a treefile can hold";
  return message.split("\n")[0]!;
}

/** The library's own search compares each key of a map with each other one. */
function repeatedKeys(document: Document.Parsed, lines: LineCounter, path: string): TreefileProblem[] {
  const problems: TreefileProblem[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          const { line, col } = lines.linePos(key.range?.[0] ?? 0);
          const message = `${String(key.value)} is in this map already`;
          problems.push({ file: path, line, column: col, key: "", message });
        }
        seen.add(key.value);
      }
    },
  });
  return problems;
}

function locateInYaml(document: Document.Parsed, lines: LineCounter, path: KeyPath): { line: number; column: number } {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(key),
      );
      if (pair === undefined) break;
      offset = (pair.key as { range?: readonly number[] }).range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(key)] as { range?: readonly number[] } | undefined;
      if (item === undefined) break;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else break;
  }
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** `known`: of a key that is unknown, those beside it that are not. */
interface KeyProblem {
  key: KeyPath;
  message: string;
  known?: readonly string[];
}

function removeKey(value: JsonObject, path: KeyPath): void {
  let inner: Json | undefined = value;
  for (const key of path.slice(0, -1))
    inner = isList(inner) ? inner[Number(key)] : isObject(inner) ? inner[key] : undefined;
  if (isObject(inner)) delete (inner as Record<string, Json>)[path.at(-1)!];
}

/** The schema is a table of ours: that it is one itself is for a test to say, not for each start. */
const VALIDATOR = {
  allErrors: true,
  strict: false,
  verbose: true,
  validateSchema: false,
  meta: false,
  code: { optimize: false },
} as const;

/**
 * What the schema says of the keys that occur in the values: the rest of it would be compiled for nothing, which takes
 * as long as all else that a short compose does. The names of all keys stay, for who misspells one.
 */
function relevantSchema(schema: Json, values: readonly Json[]): Json {
  if (!isObject(schema)) return schema;
  const reference = schema["$ref"];
  if (typeof reference === "string")
    return relevantSchema((TREEFILE_SCHEMA["$defs"] as JsonObject)[reference.slice("#/$defs/".length)]!, values);
  const objects = values.filter(isObject),
    { properties, items, additionalProperties } = schema;
  const relevant: Record<string, Json> = { ...schema };
  if (isObject(properties)) {
    relevant["properties"] = Object.fromEntries(
      Object.entries(properties).map(([key, inner]) => {
        const own = objects.filter((one) => Object.hasOwn(one, key)).map((one) => one[key]!);
        return [key, own.length === 0 ? true : relevantSchema(inner, own)];
      }),
    );
  }
  if (isObject(additionalProperties)) {
    const others = objects.flatMap((one) =>
      Object.entries(one)
        .filter(([key]) => !isObject(properties) || !Object.hasOwn(properties, key))
        .map(([, value]) => value),
    );
    relevant["additionalProperties"] = others.length === 0 ? true : relevantSchema(additionalProperties, others);
  }
  if (isObject(items)) relevant["items"] = relevantSchema(items, values.filter(isList).flat());
  return relevant;
}

function validate(value: JsonObject): KeyProblem[] {
  const { $schema: _schema, $defs: _definitions, ...schema } = TREEFILE_SCHEMA;
  const isValid = new Ajv2020(VALIDATOR).compile(relevantSchema(schema, [value]) as JsonObject);
  if (isValid(value)) return [];
  const errors = isValid.errors ?? [];
  const kept = errors.filter(({ keyword }) => keyword !== "propertyNames");
  const seen = new Set<string>();
  return kept.map(describe).filter(({ key, message }) => {
    const id = JSON.stringify([key, message]);
    return !seen.has(id) && seen.add(id);
  });
}

function describe(error: ErrorObject): KeyProblem {
  const key: (string | number)[] = error.instancePath
    .split("/")
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part.replaceAll("~1", "/").replaceAll("~0", "~")));
  const { params } = error as { params: Record<string, unknown> };
  switch (error.keyword) {
    case "additionalProperties": {
      const name = String(params["additionalProperty"]);
      return {
        key: [...key, name],
        message: "unknown key",
        known: Object.keys((error.parentSchema as { properties?: object } | undefined)?.properties ?? {}),
      };
    }
    case "enum": {
      const allowed = (params["allowedValues"] as unknown[])
        .filter((one) => one !== null && !String(one).startsWith("-"))
        .map(String);
      // Known to the world, and not to our writers: no slip of who asks.
      const unwritten =
        (error.parentSchema as { "x-unwritten"?: readonly unknown[] } | undefined)?.["x-unwritten"]?.includes(
          error.data,
        ) === true;
      if (unwritten) return { key, message: `${String(error.data)} is not written yet; ${allowed.join(", ")} are` };
      return {
        key,
        message:
          `expected one of ${allowed.join(", ")}, not ${show(error.data)}` +
          `${typeof error.data === "string" ? suggestion(error.data, allowed) : ""}`,
      };
    }
    case "type": {
      const types = [params["type"]]
        .flat()
        .filter((type) => type !== "null")
        .map(String);
      const isBareNumber = types.includes("string") && typeof error.data === "number";
      return {
        key,
        message:
          `expected ${expectedWords(types, error)}, ${isBareNumber ? "not the number " : "not "}${show(error.data)}` +
          remedy(types, error.data),
      };
    }
    case "pattern": {
      const isName = error.propertyName !== undefined,
        { title } = error.parentSchema as { title: string };
      return {
        key: isName ? [...key, error.propertyName!] : key,
        message: `expected ${title}, not ${show(isName ? error.propertyName : error.data)}`,
      };
    }
    default:
      return { key, message: error.message ?? `breaks the rule ${error.keyword}` };
  }
}

/** A text of a form has a title that shows one: `mode: 0644` is no text, and says nothing of octal. */
function expectedWords(types: readonly string[], { parentSchema }: ErrorObject): string {
  const { pattern, title } = parentSchema as { pattern?: string; title?: string };
  return pattern !== undefined && title !== undefined
    ? title
    : types.map((type) => TYPE_WORDS[type] ?? type).join(" or ");
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: "a map",
  array: "a list",
  string: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
};

/** How a value of the wrong type is often meant. */
function remedy(types: readonly string[], value: unknown): string {
  if (types.includes("string") && (typeof value === "number" || typeof value === "boolean"))
    return "; write it in quotes";
  return types.includes("array") && typeof value === "string" ? `; write [${show(value)}]` : "";
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function suggestion(name: string, known: readonly string[]): string {
  const meant = known.find((one) => MACHINE_NAMES[one] === name) ?? closestName(name, known, slipsOfWord);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

/** Conditions anywhere in the file must make sense, though they are only asked later. */
function checkConditions(value: Json, path: KeyPath = []): KeyProblem[] {
  if (isList(value)) return value.flatMap((one, index) => checkConditions(one, [...path, index]));
  if (!isObject(value)) return [];
  const problems: KeyProblem[] = [];
  for (const [key, one] of Object.entries(value)) {
    const at = [...path, key];
    if (key === "custom" || key.startsWith("x-")) continue;
    if (key === "when" && typeof one === "string") {
      try {
        parseCondition(one);
      } catch (error) {
        if (!(error instanceof ConditionError)) throw error;
        problems.push({ key: at, message: error.message });
      }
    }
    problems.push(...checkConditions(one, at));
  }
  return problems;
}

/**
 * A section for an architecture that there is not would never say anything. Of those that there are, a file may have
 * sections for others than its images'.
 */
function checkSections(value: JsonObject, path: KeyPath = []): KeyProblem[] {
  const { architecture, variants } = value;
  const names = isObject(architecture) ? Object.keys(architecture) : [];
  const unknown = names.filter((name) => !isPattern(name) && !(ARCHITECTURE_NAMES as readonly string[]).includes(name));
  const inner = isObject(variants)
    ? Object.entries(variants).flatMap(([name, variant]) =>
        isObject(variant) ? checkSections(variant, ["variants", name]) : [],
      )
    : [];
  return [
    ...unknown.map((name) => ({
      key: [...path, "architecture", name],
      message: `there is no architecture of that name${suggestion(name, ARCHITECTURE_NAMES)}`,
    })),
    ...inner,
  ];
}
