/**
 * How one layer of a treefile is laid over another (an including file over the included, a variant over what it inherits):
 *
 * - maps are merged key by key, to any depth;
 * - lists are appended, without repeating a plain value that is there; an item `-PATTERN` takes away the values before it that match;
 * - all else is replaced;
 * - `null` takes a key away.
 *
 * A merged value holds no `-PATTERN` and no `null` of a map any more, so merging it again changes nothing. Layers that are still to be
 * laid over others (variants and sections, when files are merged) are deferred: what they take away stays written in them.
 */
import { isList, isObject, type Json, type JsonObject } from "./json.ts";
import { compilePattern } from "./pattern.ts";

/** `over` laid over `under`; neither is changed. */
export function mergeObjects(under: JsonObject, over: JsonObject, isDeferred = false): JsonObject {
  const merged: Record<string, Json> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    if (value === null && !isDeferred) delete merged[key];
    else merged[key] = mergeValues(merged[key], value, isDeferred);
  }
  return merged;
}

function mergeValues(under: Json | undefined, over: Json, isDeferred: boolean): Json {
  if (isList(over)) return mergeLists(isList(under) ? under : [], over, isDeferred);
  if (isObject(over)) return mergeObjects(isObject(under) ? under : {}, over, isDeferred);
  return over;
}

function mergeLists(under: readonly Json[], over: readonly Json[], isDeferred: boolean): Json[] {
  let merged = [...under];
  for (const item of over) {
    if (typeof item === "string" && REMOVAL.test(item)) {
      const matches = compilePattern(item.slice(1));
      merged = merged.filter((one) => typeof one !== "string" || !matches(one));
      if (isDeferred) merged.push(item);
    } else if (typeof item === "object" || !merged.includes(item)) merged.push(isObject(item) ? mergeObjects({}, item, isDeferred) : item);
  }
  return merged;
}

/** One word behind a minus: a script that begins with one is no removal. */
const REMOVAL = /^-[^\s-]\S*$/;
