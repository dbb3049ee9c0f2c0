/** What files define as it is written there: forms of use and docstrings, by name. */
import { MString, Pair, SchemeSymbol } from "../datum/datum.ts";
import { type Syntax, syntaxItems, syntaxToDatum } from "../expander/syntax.ts";
import { writeText } from "../reader/writer.ts";
import type { Lisp } from "../session.ts";
import { type Entry, entryOf, head } from "./definitions.ts";
import { readRecovering } from "./read-recovering.ts";

export type Entries = ReadonlyMap<string, Entry>;

export function entriesOf(lisp: Lisp, file: string, text: string): Entries {
  const entries = new Map<string, Entry>();
  const lines = text.split("\n");
  for (const form of readRecovering(text, file, lisp.interaction)) {
    for (const one of definitionsOf(form))
      for (const entry of entryOf(one, lines)) {
        if (!entries.has(entry.name)) entries.set(entry.name, entry);
        for (const [name, use] of entry.others ?? [])
          if (!entries.has(name)) entries.set(name, { name, form: use, text: entry.text });
      }
  }
  return entries;
}

/** The form itself, or what stands in a library or in `begin`. */
function definitionsOf(form: Syntax): Syntax[] {
  const word = head(form);
  if (word !== "define-library" && word !== "begin") return [form];
  const inner = (syntaxItems(form) ?? []).slice(word === "begin" ? 1 : 2);
  return (word === "begin" ? inner : inner.filter((one) => head(one) === "begin")).flatMap(definitionsOf);
}

/** What the system itself defines, as `scheme/documentation/` tells it. */
export interface SystemEntry {
  readonly name: string;
  readonly kind: "procedure" | "syntax" | "value";
  /** How it is used; several where it may be used in several ways. */
  readonly forms: string[];
  /** What is said of each form. */
  readonly texts: string[];
  readonly file: string;
  /** Of the name, in UTF-16 units. */
  readonly offset: number;
}

/**
 * Reads descriptions:
 *
 *     (procedure (vector-fill! vector value (start (end))) "…")     a list within is what may be left out
 *     (procedure (string-length string) -> integer "…")             what it gives
 *     (syntax (if test then else) "…")   (value NAME "…")
 */
export function systemEntriesOf(lisp: Lisp, file: string, text: string): SystemEntry[] {
  const entries = new Map<string, SystemEntry>();
  for (const form of readRecovering(text, file, lisp.interaction)) {
    const kind = head(form);
    if (kind !== "procedure" && kind !== "syntax" && kind !== "value") continue;
    const items = syntaxItems(form)!;
    const use = items[1]!;
    const { parts } = use;
    const nameSyntax = parts instanceof Pair ? (parts.car as Syntax) : use;
    const name = writeText(syntaxToDatum(nameSyntax));
    const words = items.at(-1)!.datum;
    const gives = items.length === 5 ? ` → ${writeText(syntaxToDatum(items[3]))}` : "";
    const shown = (kind === "procedure" ? optional(syntaxToDatum(use), true) : writeText(syntaxToDatum(use))) + gives;
    const known = entries.get(name);
    const told = words instanceof MString ? words.toString().replace(/\s*\n\s*/g, " ") : "";
    if (known !== undefined) {
      known.forms.push(shown);
      known.texts.push(told);
    } else
      entries.set(name, {
        name,
        kind,
        forms: [shown],
        texts: [told],
        file,
        offset: nameSyntax.source?.offset ?? 0,
      });
  }
  return [...entries.values()];
}

/** `(f a (b (c)) . rest)` as `(f a [b [c]] rest …)`. */
function optional(datum: unknown, isOutermost: boolean): string {
  const parts: string[] = [];
  let rest = datum;
  for (; rest instanceof Pair; rest = rest.cdr)
    parts.push(rest.car instanceof Pair ? optional(rest.car, false) : writeText(rest.car));
  if (rest instanceof SchemeSymbol) parts.push(`${writeText(rest)} …`);
  return isOutermost ? `(${parts.join(" ")})` : `[${parts.join(" ")}]`;
}
