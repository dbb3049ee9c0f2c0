/** What may be written at a place: names that are visible there, libraries and their exports in an import. */
import type { CompletionItem, CompletionItemKind } from "vscode-languageserver-types";
import { SchemeError } from "../datum/condition.ts";
import { type Binding, datumToSyntax } from "../expander/syntax.ts";
import { standardNames } from "../library/standard.ts";
import { isDelimiter } from "../reader/letters.ts";
import { readAll } from "../reader/reader.ts";
import type { Analysis } from "./analysis.ts";
import type { Describer } from "./describe.ts";
import { placeAt, visibleNames } from "./names.ts";
import type { TextDocument } from "./text-document.ts";
import { scan, type Token } from "../reader/tokens.ts";
import type { Workspace } from "./workspace.ts";

const FUNCTION: CompletionItemKind = 3;
const VARIABLE: CompletionItemKind = 6;
const MODULE: CompletionItemKind = 9;
const KEYWORD: CompletionItemKind = 14;
/** Items that are given at a time. */
const ITEMS_MAX = 1500;

export interface Completions {
  readonly isIncomplete: boolean;
  readonly items: CompletionItem[];
  /** What the names of the items mean. */
  readonly names: ReadonlyMap<string, Known>;
}

/** The name that ends at an offset, and goes on behind it. */
function wordAround(text: string, offset: number): { readonly start: number; readonly end: number } {
  let start = offset,
    end = offset;
  while (start > 0 && !isDelimiter(text.charCodeAt(start - 1))) start--;
  while (end < text.length && !isDelimiter(text.charCodeAt(end))) end++;
  return { start, end };
}

export function completionsAt(workspace: Workspace, { file, text, lines }: TextDocument, offset: number): Completions {
  const tokens = scan(text);
  const inside = tokens.find(({ start, end }) => start < offset && offset <= end);
  const isInText =
    inside !== undefined &&
    (inside.kind === "comment" ||
      inside.kind === "number" ||
      inside.kind === "constant" ||
      (inside.kind === "string" && !(offset === inside.end && text[offset - 1] === '"')));
  if (isInText) return { isIncomplete: false, items: [], names: new Map() };
  const { start, end } = wordAround(text, offset);
  const prefix = text.slice(start, offset);
  const range = lines.range(start, end);
  const open = enclosing(tokens, offset).map((token) => text.slice(token.end, tokens[tokens.indexOf(token) + 1]?.end));
  const importAt = open.findIndex((word) => word === "import");
  const names =
    importAt >= 0
      ? importNames(workspace, text, tokens, offset, open.length - importAt - 1)
      : namesAt(workspace, file, text, offset, start === end);
  const found = [...names].filter(([name]) => matches(name, prefix)).sort(([a], [b]) => (a < b ? -1 : 1));
  const items = found.slice(0, ITEMS_MAX).map(([name, known]): CompletionItem => {
    const item = { label: name, textEdit: { range, newText: name } };
    if (known === "library") return { ...item, kind: MODULE };
    if (known === null) return item;
    return { ...item, kind: kindOf(known.binding, workspace) };
  });
  return { isIncomplete: found.length > items.length, items, names };
}

type Known = { readonly binding: Binding; readonly analysis: Analysis } | "library" | null;

/** By their beginning, or letters of it in order at the beginnings of their parts: `sl` finds string-length. */
function matches(name: string, prefix: string): boolean {
  if (name.startsWith(prefix)) return true;
  if (prefix.length < 2) return false;
  const parts = name.split(/[-/>:]/);
  return (
    parts.length > 1 &&
    parts
      .map((part) => part[0] ?? "")
      .join("")
      .startsWith(prefix)
  );
}

function namesAt(
  workspace: Workspace,
  file: string,
  text: string,
  offset: number,
  isEmpty: boolean,
): Map<string, Known> {
  // Where nothing is written yet a name is put there: only then the place is expanded.
  const probed = isEmpty ? `${text.slice(0, offset)} % ${text.slice(offset)}` : null;
  const analysis = probed === null ? workspace.analysisOf(file) : workspace.probe(file, probed);
  const names = new Map<string, Known>();
  if (analysis === null) return names;
  const place = placeAt(analysis, isEmpty ? offset + 1 : offset);
  const own = analysis.namespace.scopes;
  const scopes = place === null ? own : place.scopes;
  for (const [name, binding] of visibleNames(scopes, place?.phase ?? 0)) names.set(name, { binding, analysis });
  return names;
}

/** `(import (only (LIBRARY) NAME …))`: names of libraries, of words, and of what a library exports. */
function importNames(
  workspace: Workspace,
  text: string,
  tokens: readonly Token[],
  offset: number,
  depth: number,
): Map<string, Known> {
  const stack = enclosing(tokens, offset);
  const word = (token: Token | undefined): string =>
    token === undefined ? "" : text.slice(token.end, tokens[tokens.indexOf(token) + 1]?.end);
  const names = new Map<string, Known>();
  const set = stack.at(-1);
  const kind = depth > 0 ? word(set) : "";
  if (["only", "except", "rename"].includes(kind) && depth > 0) {
    const at = tokens.indexOf(set!) + 2;
    const library = listText(text, tokens, at);
    for (const [name, binding] of exportsOf(workspace, library)) names.set(name, bindingOf(binding, workspace));
    if (names.size > 0) return names;
  }
  const wordStart = wordAround(text, offset).start;
  const isFirst = depth > 0 && !tokens.some(({ start }) => set!.end <= start && start < wordStart);
  for (const name of libraryNames(workspace)) {
    if (depth === 0 || isFirst) names.set(depth === 0 ? name : name.slice(1, -1), "library");
    else {
      // Further parts of a name that has begun.
      const before = text.slice(set!.end, wordStart).trim().replace(/\s+/g, " ");
      if (name.startsWith(`(${before} `)) names.set(name.slice(before.length + 2, -1), "library");
    }
  }
  if (depth > 0 && isFirst) for (const one of ["only", "except", "prefix", "rename"]) names.set(one, null);
  return names;
}

function bindingOf(binding: Binding, workspace: Workspace): Known {
  const analysis = [...workspace.documents.values()]
    .map(({ file }) => workspace.analysisOf(file))
    .find((one) => one !== null);
  return analysis === undefined || analysis === null ? null : { binding, analysis };
}

/** The list that begins at a token, as it is written. */
function listText(text: string, tokens: readonly Token[], from: number): string {
  let depth = 0;
  for (let at = from; at < tokens.length; at++) {
    if (tokens[at]!.kind === "open") depth++;
    else if (tokens[at]!.kind === "close") depth--;
    if (depth <= 0) return text.slice(tokens[from]!.start, tokens[at]!.end);
  }
  return "";
}

function exportsOf(workspace: Workspace, library: string): ReadonlyMap<string, Binding> {
  try {
    const [name] = readAll(library, "");
    return (name === undefined ? null : workspace.lisp.libraries.find(datumToSyntax(null, name)))?.exports ?? new Map();
  } catch (error) {
    if (error instanceof SchemeError) return new Map();
    throw error;
  }
}

/** Libraries of the system, those that come along, and those of the workspace. */
function libraryNames(workspace: Workspace): Set<string> {
  const { files, folders, lisp } = workspace;
  const names = new Set<string>(standardNames());
  for (const folder of [files.ownFolder, ...folders])
    for (const file of files.list(folder, 2000)) {
      const path = file.slice(folder.length + 1);
      if (path.endsWith(".sld")) names.add(`(${path.slice(0, -4).split("/").join(" ")})`);
    }
  for (const { name } of lisp.libraries.all) names.add(name);
  return new Set([...names].filter((name) => !/^\((?:stratos primitive|astra) /.test(name)));
}

/** The lists that an offset is in, the outermost first. */
export function enclosing(tokens: readonly Token[], offset: number): Token[] {
  const open: Token[] = [];
  for (const token of tokens) {
    if (token.start >= offset) break;
    if (token.kind === "open") open.push(token);
    else if (token.kind === "close" && token.end <= offset) open.pop();
  }
  return open;
}

function kindOf(binding: Binding, { procedures }: Workspace): CompletionItemKind {
  if (binding.kind === "global") {
    const { primitive } = binding.global;
    return primitive !== null || procedures.ofGlobal(binding.global) !== null ? FUNCTION : VARIABLE;
  }
  return binding.kind === "local" || binding.kind === "pattern" ? VARIABLE : KEYWORD;
}

/** The rest of an item, once it is looked at. */
export function resolvedItem(describer: Describer, item: CompletionItem, known: Known): CompletionItem {
  if (known === null || known === "library") return item;
  const { forms, documentation, origin } = describer.describe(item.label, known.binding, known.analysis);
  return {
    ...item,
    detail: forms[0]! + (origin === "" ? "" : ` — ${origin}`),
    ...(documentation === "" ? {} : { documentation: { kind: "markdown", value: documentation } }),
  };
}
