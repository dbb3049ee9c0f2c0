/** Why a body does not fit its schema, in words, with the place: `tasks[0].weight: 0: expected a number from 1 on`. */
import { closestName } from "@stratos/base";
import type { ErrorObject } from "ajv/dist/2020.js";
import type { JsonSchema } from "./route.ts";

/** For {@link schemaFault}: errors tell what was there, and by which schema. */
export const FAULTS_WITH_SCHEMAS = { verbose: true } as const;
const SHOWN_MAX = 80;

/**
 * @param whole  what it is called, when it is wrong itself: `body`
 * @param within  what places begin with: `task`
 */
export function schemaFault(errors: readonly ErrorObject[] | null | undefined, whole: string, within = ""): string {
  const all = errors ?? [];
  // Of alternatives the first says what is wanted; that it is not null is no news.
  const telling = all.filter(({ keyword, params }) => keyword !== "anyOf" && params["type"] !== "null");
  const first = telling[0] ?? all[0];
  return first === undefined ? `${whole}: is not what is expected` : faultOf(first, whole, within);
}

function faultOf(
  { keyword, params, instancePath, parentSchema, data, message }: ErrorObject,
  whole: string,
  within: string,
): string {
  const place = placeOf(instancePath, within);
  const at = place === "" ? whole : place;
  const below = (name: unknown): string => `${place === "" ? "" : `${place}.`}${String(name)}`;
  const schema = (parentSchema ?? {}) as JsonSchema;
  switch (keyword) {
    case "required":
      return `${below(params["missingProperty"])}: is missing`;
    case "additionalProperties":
      return `${below(params["additionalProperty"])}: ${unknownKey(String(params["additionalProperty"]), schema)}`;
    case "type":
      return `${at}: expected ${kindsOf(params["type"])}`;
    case "enum":
      return `${at}: ${shown(data)}expected ${(params["allowedValues"] as unknown[]).map(String).join(", ")}`;
    case "minimum":
    case "maximum":
      return `${at}: ${shown(data)}expected a number ${spanOf(schema["minimum"], schema["maximum"])}`;
    case "minLength":
      return data === "" ? `${at}: is empty` : `${at}: expected ${String(params["limit"])} characters at least`;
    case "maxLength":
      return `${at}: expected ${String(params["limit"])} characters at most`;
    case "minItems":
      return `${at}: expected ${String(params["limit"])} at least`;
    case "maxItems":
      return `${at}: expected ${String(params["limit"])} at most`;
    case "pattern":
      return `${at}: ${shown(data)}expected ${wordsOf(schema)}`;
    default:
      return `${at}: ${message ?? "is not what is expected"}`;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: "a text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
};

/** Of one type, or of several that will do. */
function kindsOf(types: unknown): string {
  return [types]
    .flat()
    .map((type) => KINDS[String(type)] ?? String(type))
    .join(" or ");
}

/** `/tasks/0/weight` is `tasks[0].weight`. RFC 6901 §3. */
function placeOf(pointer: string, within: string): string {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce(
      (place, part) => (/^\d+$/.test(part) ? `${place}[${part}]` : place === "" ? part : `${place}.${part}`),
      within,
    );
}

function unknownKey(name: string, schema: JsonSchema): string {
  const known = Object.keys((schema["properties"] ?? {}) as object);
  const near = closestName(name, known, (meant) => Math.floor(meant.length / 3));
  return `there is no such key; ${near === undefined ? `known: ${known.join(", ")}` : `did you mean ${near}?`}`;
}

function spanOf(minimum: unknown, maximum: unknown): string {
  if (maximum === undefined) return `from ${String(minimum)} on`;
  return minimum === undefined ? `up to ${String(maximum)}` : `from ${String(minimum)} to ${String(maximum)}`;
}

/** A pattern that has a word for it says that. */
function wordsOf({ description, pattern }: JsonSchema): string {
  return typeof description === "string" ? description : `what fits ${String(pattern)}`;
}

function shown(data: unknown): string {
  const text = JSON.stringify(data);
  return text.length > SHOWN_MAX ? "" : `${text}: `;
}
