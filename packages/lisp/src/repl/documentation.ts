/** What a prompt says of a name while one types: the system's descriptions, and docstrings of what was typed before. */
import { entriesOf, systemEntriesOf } from "../definitions/entries.ts";
import { scan, type Token } from "../reader/tokens.ts";
import type { Lisp } from "../session.ts";

/** Texts that were typed and are still looked through. */
const TYPED_MAX = 500;

export interface NameDocumentation {
  /** How it is used; a text for each way. */
  readonly forms: readonly string[];
  /** What is said of it; may be empty. */
  readonly text: string;
}

/** A text in `scheme/documentation/`. */
export interface DocumentationFile {
  readonly file: string;
  readonly text: string;
}

export class PromptDocumentation {
  readonly #lisp: Lisp;
  readonly #files: () => readonly DocumentationFile[];
  /** The newest last. */
  readonly #typed: string[];
  /** Null: nobody has asked yet. */
  #system: ReadonlyMap<string, NameDocumentation> | null;

  constructor(lisp: Lisp, files: () => readonly DocumentationFile[]) {
    this.#lisp = lisp;
    this.#files = files;
    this.#typed = [];
    this.#system = null;
  }

  keep(text: string): void {
    this.#typed.push(text);
    if (this.#typed.length > TYPED_MAX) this.#typed.shift();
  }

  of(name: string): NameDocumentation | null {
    for (const text of [...this.#typed].reverse()) {
      if (!text.includes(name)) continue;
      const entry = entriesOf(this.#lisp, "repl", text).get(name);
      if (entry !== undefined) return { forms: [entry.form], text: entry.text };
    }
    return this.#ofSystem(name);
  }

  #ofSystem(name: string): NameDocumentation | null {
    this.#system ??= new Map(
      this.#files()
        .flatMap(({ file, text }) => systemEntriesOf(this.#lisp, file, text))
        .map((entry) => [entry.name, { forms: entry.forms, text: entry.texts.filter((one) => one !== "").join("\n") }]),
    );
    return this.#system.get(name) ?? null;
  }
}

/** The operators of the calls around a place that are symbols, the innermost first. */
export function operatorsAt(text: string, at: number): string[] {
  const tokens = scan(text);
  const opened: number[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.start >= at) break;
    if (token.kind === "open") opened.push(index);
    else if (token.kind === "close") opened.pop();
  }
  return opened
    .reverse()
    .map((index) => tokens[index + 1])
    .filter((operator) => operator?.kind === "symbol")
    .map((operator) => text.slice(operator!.start, operator!.end));
}

/** Text from a place on, its strings and comments as `paint` makes them. */
export function paintedText(text: string, from: number, paint: (kind: Token["kind"], part: string) => string): string {
  const parts: string[] = [];
  let at = from;
  for (const { kind, start, end } of scan(text)) {
    if (end <= at) continue;
    const first = Math.max(start, at);
    parts.push(text.slice(at, first), paint(kind, text.slice(first, end)));
    at = end;
  }
  parts.push(text.slice(at));
  return parts.join("");
}
