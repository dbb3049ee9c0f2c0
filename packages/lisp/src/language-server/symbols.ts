/** What a text defines, as a tree. */
import type { DocumentSymbol, SymbolKind } from "vscode-languageserver-types";
import { SchemeSymbol } from "../datum/datum.ts";
import { type Syntax, syntaxItems, syntaxToDatum } from "../expander/syntax.ts";
import { head } from "../definitions/definitions.ts";
import { writeText } from "../reader/writer.ts";
import type { Analysis } from "./analysis.ts";
import { isDefinition } from "./names.ts";
import type { TextLines } from "./text-document.ts";

const MODULE: SymbolKind = 2;
const CLASS: SymbolKind = 5;
const FIELD: SymbolKind = 8;
const FUNCTION: SymbolKind = 12;
const VARIABLE: SymbolKind = 13;
const OPERATOR: SymbolKind = 25;
/** Definitions in definitions, so deep. */
const DEPTH_MAX = 6;

export function symbolsOf(analysis: Analysis, lines: TextLines, file: string): DocumentSymbol[] {
  const found = new Set<number>();
  const symbols = analysis.forms.flatMap((form) => symbolOf(form, lines, 0, found));
  // What macros of the program define.
  for (const occurrence of analysis.occurrences) {
    const { binding, start, end, name } = occurrence;
    if (found.has(start) || binding.kind !== "global" || !isDefinition(occurrence, file)) continue;
    const range = lines.range(start, end);
    symbols.push({ name, kind: VARIABLE, range, selectionRange: range });
  }
  return symbols;
}

function symbolOf(form: Syntax, lines: TextLines, depth: number, found: Set<number>): DocumentSymbol[] {
  const word = head(form);
  const { source } = form;
  if (source === null || depth > DEPTH_MAX) return [];
  const items = syntaxItems(form);
  if (items === null) return [];
  const [, target, ...body] = items;
  const range = lines.range(source.offset, source.offset + source.length);
  const symbol = (name: Syntax, kind: SymbolKind, inner: readonly Syntax[]): DocumentSymbol[] => {
    if (name.source === null) return [];
    const { offset, length } = name.source;
    found.add(offset);
    const children = inner.flatMap((one) => symbolOf(one, lines, depth + 1, found));
    return [
      {
        name: writeText(syntaxToDatum(name)),
        kind,
        range,
        selectionRange: lines.range(offset, offset + length),
        ...(children.length === 0 ? {} : { children }),
      },
    ];
  };
  if (word === "begin" || word === "begin-for-syntax")
    return items.slice(1).flatMap((one) => symbolOf(one, lines, depth + 1, found));
  if (target === undefined) return [];
  switch (word) {
    case "define-library":
      return symbol(target, MODULE, body);
    case "define-syntax":
      return symbol(target, OPERATOR, []);
    case "define-values": {
      const names = syntaxItems(target) ?? [];
      return names.flatMap((name) => symbol(name, VARIABLE, []));
    }
    case "define-record-type":
    case "define-record-type/typed": {
      const name = (syntaxItems(target) ?? [target])[0]!;
      const [made] = symbol(name, CLASS, []);
      if (made === undefined) return [];
      const [constructor, predicate, ...fields] = body;
      const parts = [
        ...[(syntaxItems(constructor) ?? [constructor])[0], predicate].map((one) => [one, FUNCTION] as const),
        ...fields.flatMap((field) => (syntaxItems(field) ?? []).slice(1).map((one) => [one, FIELD] as const)),
      ];
      const children = parts.flatMap(([one, kind]) => {
        if (one === undefined || !(one.datum instanceof SchemeSymbol) || one.source === null) return [];
        const { offset, length } = one.source;
        found.add(offset);
        const own = lines.range(offset, offset + length);
        return [{ name: one.datum.name, kind, range: own, selectionRange: own }];
      });
      return [{ ...made, children }];
    }
    case "define":
    case "define/typed": {
      let name: Syntax = target;
      // ((f a) b) defines f.
      for (let items = syntaxItems(name) ?? improper(name); items !== null && items.length > 0;) {
        name = items[0]!;
        items = syntaxItems(name) ?? improper(name);
      }
      if (!(name.datum instanceof SchemeSymbol)) return [];
      const isProcedure = name !== target || ["lambda", "case-lambda", "named-lambda"].includes(head(body[0] ?? name));
      return symbol(name, isProcedure ? FUNCTION : VARIABLE, name === target ? [] : body);
    }
    default:
      return [];
  }
}

/** The first of `(f . rest)`. */
function improper(syntax: Syntax): Syntax[] | null {
  const { parts } = syntax;
  return typeof parts === "object" && parts !== null && "car" in parts ? [parts.car as Syntax] : null;
}
