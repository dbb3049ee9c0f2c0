/**
 * A reference of Scheme programs and libraries as Markdown: each definition with its form, and the text of its
 * docstring (a string that begins a procedure's body) or else of the comment lines right above it. Of a library what it
 * exports is told, in the order of its definitions; of a program what has a text. Nothing is run.
 */
import { MString, Pair, SchemeSymbol } from "../datum/datum.ts";
import { type Syntax, syntaxItems, syntaxToDatum } from "../expander/syntax.ts";
import { writeText } from "../reader/writer.ts";
import type { Lisp } from "../session.ts";

interface Entry {
  readonly name: string;
  /** How it is used, as Scheme writes it. */
  readonly form: string;
  readonly text: string;
  /** Of a record type: what else it defines. */
  readonly others?: readonly string[];
}

/** The comment that a file begins with, when an empty line follows it. */
function commentAtTop(lines: readonly string[]): string {
  const from = lines[0]?.startsWith("#!") === true ? 1 : 0;
  let end = from;
  while (end < lines.length && /^\s*;;/.test(lines[end]!)) end += 1;
  // What stands right above a form is that form's.
  return end < lines.length && lines[end]!.trim() === "" ? commentAbove(end + 1, lines) : "";
}

/** @throws SchemeError  of kind "read", where the text is none of Scheme */
export function documentPrograms(
  lisp: Lisp,
  programs: readonly { readonly file: string; readonly text: string }[],
): string {
  return programs.flatMap(({ file, text }) => sections(lisp, file, text)).join("\n");
}

function sections(lisp: Lisp, file: string, text: string): string[] {
  const lines = text.split("\n");
  const forms = lisp.readForms(text, file);
  const parts = forms.filter((form) => head(form) === "define-library").map((form) => librarySection(form, lines));
  const own = forms.flatMap((form) => entryOf(form, lines)).filter((entry) => entry.text !== "");
  return own.length > 0 || parts.length === 0 ? [...parts, section(file, commentAtTop(lines), own)] : parts;
}

function librarySection(form: Syntax, lines: readonly string[]): string {
  const [, name, ...declarations] = syntaxItems(form) ?? [];
  // Exported names by those inside: (rename INSIDE OUTSIDE).
  const exported = new Map<string, string>();
  const entries: Entry[] = [];
  for (const declaration of declarations) {
    const rest = (syntaxItems(declaration) ?? []).slice(1);
    if (head(declaration) === "export") {
      for (const one of rest) {
        const names = (syntaxItems(one) ?? [one, one]).map((word) => writeText(syntaxToDatum(word)));
        exported.set(names.at(-2)!, names.at(-1)!);
      }
    } else if (head(declaration) === "begin") entries.push(...rest.flatMap((one) => entryOf(one, lines)));
  }
  const shown = entries.flatMap((entry) => {
    if (entry.others?.some((name) => exported.has(name)) === true) return [entry];
    const outside = exported.get(entry.name);
    if (outside === undefined || outside === entry.name) return outside === undefined ? [] : [entry];
    return [{ ...entry, name: outside, form: entry.form.replace(entry.name, () => outside) }];
  });
  return section(writeText(syntaxToDatum(name)), commentAbove(form.source?.line ?? 1, lines), shown);
}

function section(title: string, text: string, entries: readonly Entry[]): string {
  const parts = [`# ${title}`, ...(text === "" ? [] : [text])];
  for (const { name, form, text: own } of entries)
    parts.push(`## ${name}`, `\`\`\`scheme\n${form}\n\`\`\``, ...(own === "" ? [] : [own]));
  return `${parts.join("\n\n")}\n`;
}

function entryOf(form: Syntax, lines: readonly string[]): Entry[] {
  const [, target, ...body] = syntaxItems(form) ?? [];
  const word = head(form);
  if (target === undefined || !["define", "define-syntax", "define-record-type"].includes(word)) return [];
  const above = commentAbove(form.source?.line ?? 1, lines);
  const datum = syntaxToDatum(target);
  if (word === "define-record-type") {
    const others = body.flatMap((part) => (syntaxItems(part) ?? [part]).map((one) => writeText(syntaxToDatum(one))));
    const name = writeText(datum instanceof Pair ? datum.car : datum);
    return [{ name, form: writeText(syntaxToDatum(form)), text: above, others }];
  }
  if (datum instanceof SchemeSymbol) {
    const { name } = datum;
    const value = word === "define" && body.length === 1 && head(body[0]!) === "lambda" ? syntaxItems(body[0]) : null;
    if (value === null || value.length < 3)
      return [{ name, form: word === "define" ? name : `(${word} ${name})`, text: above }];
    const use = writeText(new Pair(datum, syntaxToDatum(value[1])));
    return [{ name, form: use, text: docstring(value.slice(2)) ?? above }];
  }
  // (define (name . parameters) body …), or a record's (name …).
  if (!(datum instanceof Pair)) return [];
  const written = writeText(datum.car);
  if (written.startsWith("(")) return [];
  return [{ name: written, form: writeText(datum), text: (word === "define" ? docstring(body) : null) ?? above }];
}

/** The word that a form begins with; empty: it begins with none. */
function head(form: Syntax): string {
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
function commentAbove(line: number, lines: readonly string[]): string {
  const found: string[] = [];
  for (let at = line - 2; at >= 0; at -= 1) {
    const comment = /^\s*;;+ ?(.*)$/.exec(lines[at]!);
    if (comment === null) break;
    found.unshift(comment[1]!);
  }
  return found.join("\n").trim();
}
