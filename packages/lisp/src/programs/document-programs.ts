/**
 * A reference of Scheme programs and libraries as Markdown: each definition with its form, and the text of its
 * docstring (a string that begins a procedure's body) or else of the comment lines right above it. Of a library what it
 * exports is told, in the order of its definitions; of a program what has a text. Nothing is run.
 */
import { type Syntax, syntaxItems, syntaxToDatum } from "../expander/syntax.ts";
import { writeText } from "../reader/writer.ts";
import type { Lisp } from "../session.ts";
import { commentAbove, type Entry, entryOf, head } from "../definitions/definitions.ts";

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
    if (entry.others !== undefined && [...entry.others.keys()].some((name) => exported.has(name))) return [entry];
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
