/**
 * How one layer of a treefile is laid over another (an including file over the included, a variant over what it
 * inherits):
 *
 * - maps are merged key by key, to any depth;
 * - of each list the schema says by `x-merge` what it is (`MergeRule`): a set, a sequence, or replaced. A list that the
 *   schema does not know (in `custom`, `x-…`) is replaced, since nobody but its owner knows what its words mean;
 * - all else is replaced;
 * - `null` takes a key away.
 *
 * A merged set holds no `-PATTERN` and a merged map no `null` any more, so merging it again changes nothing. Layers
 * that are still to be laid over others (variants and sections, when files are merged) are deferred: what they take
 * away stays written in them.
 */
import { isList, isObject, type Json, type JsonObject } from "./json.ts";
import { compilePattern } from "./pattern.ts";
import { TREEFILE_SCHEMA } from "./schema.ts";
import type { MergeRule } from "./schema-vocabulary.ts";

interface MergeOptions {
  readonly schema?: JsonObject;
  readonly isDeferred?: boolean;
}

/**
 * `over` laid over `under`; neither is changed.
 *
 * @param options  `schema`: of both (default: a treefile's, whose keys are those of its layers, too)
 */
export function mergeObjects(
  under: JsonObject,
  over: JsonObject,
  { schema = TREEFILE_SCHEMA, isDeferred = false }: MergeOptions = {},
): JsonObject {
  const merged: Record<string, Json> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === null && !isDeferred) delete merged[key];
    else merged[key] = mergeValues(merged[key], value, { schema: schemaOf(schema, key), isDeferred });
  }
  return merged;
}

function mergeValues(under: Json | undefined, over: Json, options: Required<MergeOptions>): Json {
  if (isList(over)) return mergeLists(isList(under) ? under : [], over, options);
  if (isObject(over)) return mergeObjects(isObject(under) ? under : {}, over, options);
  return over;
}

function mergeLists(
  under: readonly Json[],
  over: readonly Json[],
  { schema, isDeferred }: Required<MergeOptions>,
): Json[] {
  switch ((schema["x-merge"] ?? "replaced") as MergeRule) {
    case "replaced":
      return [...over];
    case "sequence":
      return [...under, ...over];
    case "set":
      return mergeSets(under, over, isDeferred);
  }
}

function mergeSets(under: readonly Json[], over: readonly Json[], isDeferred: boolean): Json[] {
  let merged = [...under];
  for (const item of over) {
    if (typeof item === "string" && REMOVAL.test(item)) {
      const matches = compilePattern(item.slice(1));
      merged = merged.filter((one) => typeof one !== "string" || !matches(one));
      if (isDeferred) merged.push(item);
    } else if (!merged.includes(item)) merged.push(item);
  }
  return merged;
}

/** What stands in a set to take others away. */
const REMOVAL = /^-[^\s-]\S*$/;

/** The schema of a key's value; one that says nothing where there is none. */
function schemaOf(schema: JsonObject, key: string): JsonObject {
  const { properties, additionalProperties } = schema;
  const own = isObject(properties) && Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
  if (!isObject(own)) return {};
  const reference = own["$ref"];
  return typeof reference === "string"
    ? ((TREEFILE_SCHEMA["$defs"] as JsonObject)[reference.slice("#/$defs/".length)] as JsonObject)
    : own;
}
