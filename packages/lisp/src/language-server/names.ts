/** Names: where they are used, what is visible at a place, and what they may be called instead. */
import { intern, SchemeSymbol } from "../datum/datum.ts";
import { SchemeError } from "../datum/condition.ts";
import { resolve } from "../expander/binding.ts";
import { type Binding, type Identifier, type ScopeSet, Syntax, syntaxItems } from "../expander/syntax.ts";
import { head } from "../definitions/definitions.ts";
import { readAll } from "../reader/reader.ts";
import type { Analysis, Occurrence, Place } from "./analysis.ts";
import { sourceOf } from "./site.ts";
import { written } from "./describe.ts";
import type { Workspace } from "./workspace.ts";

/** The occurrence that an offset is in or right behind. */
export function occurrenceAt({ occurrences }: Analysis, offset: number): Occurrence | null {
  let low = 0,
    high = occurrences.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (occurrences[middle]!.start <= offset) low = middle + 1;
    else high = middle;
  }
  const found = occurrences[low - 1];
  return found !== undefined && offset <= found.end ? found : null;
}

interface Reference {
  readonly file: string;
  readonly occurrence: Occurrence;
}

/** Every place in the workspace that means what `occurrence` means. */
export function referencesTo(workspace: Workspace, occurrence: Occurrence, file: string): Reference[] {
  const found: Reference[] = [];
  const isLocal = occurrence.binding.kind === "local" || occurrence.binding.kind === "pattern";
  const own = workspace.analysisOf(file);
  const analyses = isLocal && own !== null ? new Map([[file, own]]) : workspace.all();
  for (const [other, { occurrences }] of analyses)
    for (const one of occurrences) if (one.site === occurrence.site) found.push({ file: other, occurrence: one });
  return found;
}

export function isDefinition({ start, end, binding }: Occurrence, file: string): boolean {
  const source = sourceOf(binding);
  return source !== null && source.file === file && source.offset === start && source.length === end - start;
}

export class RenameError extends Error {}

/** What is written where, for a definition to have another name. @throws RenameError, in words for people */
export function renames(
  workspace: Workspace,
  occurrence: Occurrence,
  file: string,
  to: string,
): Map<string, readonly { readonly start: number; readonly end: number }[]> {
  const symbol = symbolOf(to);
  const source = sourceOf(occurrence.binding);
  if (source === null) throw new RenameError(`${occurrence.name} is defined by the system`);
  if (source.file.startsWith(workspace.files.ownFolder))
    throw new RenameError(`${occurrence.name} is defined by a library that comes with AstraLisp`);
  const references = referencesTo(workspace, occurrence, file);
  const definition = references.find((one) => isDefinition(one.occurrence, one.file));
  if (definition === undefined)
    throw new RenameError(`the definition of ${occurrence.name} is in no file that is known`);
  const { name } = definition.occurrence;
  if (occurrence.name !== name)
    throw new RenameError(`${occurrence.name} is another name of ${name}; rename that, or its import or export`);
  const edits = new Map<string, { start: number; end: number }[]>();
  const prefixes = new Map<string, readonly string[]>();
  for (const { file: other, occurrence: one } of references) {
    const { identifier, phase, end } = one;
    let own = prefixes.get(other);
    if (own === undefined) prefixes.set(other, (own = prefixesOf(workspace.analysisOf(other)!.forms)));
    // An import or export may give it another name, which stays; an import's prefix stays before it.
    const prefix = ["", ...own].find((before) => one.name === before + name);
    if (prefix === undefined) continue;
    const wanted = prefix === "" ? symbol : intern(prefix + symbol.name);
    if (resolveQuietly(new Syntax(wanted, identifier.scopes, null) as Identifier, phase) !== null)
      throw new RenameError(`${written(wanted.name)} means something else in ${other}: choose a name that is free`);
    const list = edits.get(other) ?? [];
    list.push({ start: one.start + prefix.length, end });
    edits.set(other, list);
  }
  return edits;
}

/** Of the import sets of a text: `(prefix SET PREFIX)`. */
function prefixesOf(forms: readonly Syntax[]): string[] {
  return forms.flatMap((form) => {
    const word = head(form);
    const inner = word === "" ? [] : (syntaxItems(form) ?? []).slice(1);
    if (word === "define-library" || word === "import") return prefixesOf(inner);
    if (!["only", "except", "rename", "prefix"].includes(word)) return [];
    const prefix = word === "prefix" ? inner[1]?.datum : null;
    return [...(prefix instanceof SchemeSymbol ? [prefix.name] : []), ...prefixesOf(inner.slice(0, 1))];
  });
}

function symbolOf(text: string): SchemeSymbol {
  try {
    const data = readAll(text, "");
    if (data.length === 1 && data[0] instanceof SchemeSymbol && text.trim() === text) return data[0];
  } catch (error) {
    if (!(error instanceof SchemeError)) throw error;
  }
  throw new RenameError(`${JSON.stringify(text)} is no identifier`);
}

function resolveQuietly(identifier: Identifier, phase: number): Binding | null {
  try {
    return resolve(identifier, phase);
  } catch (error) {
    if (error instanceof SchemeError) return null;
    throw error;
  }
}

/** The innermost form around an offset. */
export function placeAt({ places }: Analysis, offset: number): Place | null {
  let best: Place | null = null;
  for (const place of places) {
    if (place.start > offset || offset > place.end) continue;
    if (best === null || place.end - place.start <= best.end - best.start) best = place;
  }
  return best;
}

/** What can be named at a place: names as they are written, in no order. */
export function visibleNames(scopes: ScopeSet, phase: number): Map<string, Binding> {
  const names = new Map<string, Binding>();
  for (const scope of scopes.scopes)
    for (const symbol of scope.bindings.keys()) {
      const name = written(symbol.name);
      if (names.has(name)) continue;
      const binding = resolveQuietly(new Syntax(symbol, scopes, null) as Identifier, phase);
      if (binding !== null) names.set(name, binding);
    }
  return names;
}
