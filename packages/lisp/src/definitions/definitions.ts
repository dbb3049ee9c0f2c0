/** Definitions as they are written: how each is used, and its docstring or the comment right above it. */
import { MString, Pair, SchemeSymbol } from "../datum/datum.ts";
import { type Syntax, syntaxItems, syntaxToDatum } from "../expander/syntax.ts";
import { writeText } from "../reader/writer.ts";

export interface Entry {
  readonly name: string;
  /** How it is used, as Scheme writes it. */
  readonly form: string;
  readonly text: string;
  /** Of a record type: what else it defines, each with its form. */
  readonly others?: ReadonlyMap<string, string>;
}

/** What a form defines; nothing where it is no definition. */
export function entryOf(form: Syntax, lines: readonly string[]): Entry[] {
  const [, target, ...body] = syntaxItems(form) ?? [];
  const word = head(form);
  if (target === undefined || !DEFINING.has(word)) return [];
  const above = commentAbove(form.source?.line ?? 1, lines);
  const datum = syntaxToDatum(target);
  if (word.startsWith("define-record-type")) {
    const name = writeText(datum instanceof Pair ? datum.car : datum);
    return [{ name, form: writeText(syntaxToDatum(form)), text: above, others: recordForms(name, body) }];
  }
  if (datum instanceof SchemeSymbol) {
    const { name } = datum;
    const value = word === "define" && body.length === 1 && head(body[0]!) === "lambda" ? syntaxItems(body[0]) : null;
    if (value === null || value.length < 3) {
      const isPlain = word === "define" || word.startsWith("define/");
      return [{ name, form: isPlain ? name : `(${word} ${name})`, text: above }];
    }
    const use = writeText(new Pair(datum, syntaxToDatum(value[1])));
    return [{ name, form: use, text: docstring(value.slice(2)) ?? above }];
  }
  // (define (name . parameters) body …), or a record's (name …).
  if (!(datum instanceof Pair)) return [];
  const written = writeText(datum.car);
  if (written.startsWith("(")) return [];
  return [{ name: written, form: writeText(datum), text: docstring(isTyped(body) ? body.slice(2) : body) ?? above }];
}

const DEFINING: ReadonlySet<string> = new Set([
  "define",
  "define/typed",
  "define-checked",
  "define-type",
  "define-syntax",
  "define-record-type",
  "define-record-type/typed",
  "define-record-type-checked",
  "define-stream",
]);

/** `: TYPE` stands before the body. */
function isTyped([mark]: readonly Syntax[]): boolean {
  return mark !== undefined && mark.datum instanceof SchemeSymbol && mark.datum.name === ":";
}

/** What a record type defines besides itself. */
function recordForms(type: string, [constructor, predicate, ...fields]: readonly Syntax[]): Map<string, string> {
  const textOf = (syntax: unknown): string => writeText(syntaxToDatum(syntax));
  const object = type.replace(/^<(.+)>$/, "$1");
  const forms = new Map<string, string>();
  const fieldNames = fields.map((field) => textOf((syntaxItems(field) ?? [field])[0]));
  const made = syntaxItems(constructor);
  if (made !== null && made.length > 0) forms.set(textOf(made[0]), textOf(constructor));
  else if (constructor?.datum instanceof SchemeSymbol)
    forms.set(textOf(constructor), `(${[textOf(constructor), ...fieldNames].join(" ")})`);
  if (predicate?.datum instanceof SchemeSymbol) forms.set(textOf(predicate), `(${textOf(predicate)} object)`);
  for (const field of fields) {
    const [, accessor, modifier] = syntaxItems(field) ?? [];
    if (accessor !== undefined) forms.set(textOf(accessor), `(${textOf(accessor)} ${object})`);
    if (modifier !== undefined) forms.set(textOf(modifier), `(${textOf(modifier)} ${object} value)`);
  }
  return forms;
}

/** The word that a form begins with; empty: it begins with none. */
export function head(form: Syntax): string {
  const items = syntaxItems(form);
  const word = items === null || items.length === 0 ? null : syntaxToDatum(items[0]);
  return word instanceof SchemeSymbol ? word.name : "";
}

/** A string that begins a body, before other forms; its lines lose the indentation that all but the first share. */
function docstring(body: readonly Syntax[]): string | null {
  const text = body.length > 1 ? syntaxToDatum(body[0]) : null;
  if (!(text instanceof MString)) return null;
  const [first = "", ...rest] = text.toString().split("\n");
  const indents = rest.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  const indent = indents.length === 0 ? 0 : Math.min(...indents);
  return [first, ...rest.map((line) => line.slice(indent))].join("\n").trim();
}

/** Lines of two semicolons or more that end right above a line (from 1), without them. */
export function commentAbove(line: number, lines: readonly string[]): string {
  const found: string[] = [];
  for (let at = line - 2; at >= 0; at -= 1) {
    const comment = /^\s*;;+ ?(.*)$/.exec(lines[at]!);
    if (comment === null) break;
    found.unshift(comment[1]!);
  }
  return found.join("\n").trim();
}
