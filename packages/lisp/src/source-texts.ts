/** The texts that were read, and errors in words that show where in them they are. */
import { CompiledError, Condition, SchemeError } from "./datum/condition.ts";
import type { Source } from "./datum/source.ts";
import { UncaughtError } from "./interpreter/machine.ts";
import { conditionText, writeObject } from "./interpreter/print-object.ts";
import { writeText } from "./reader/writer.ts";

/** Files whose text is kept, to show lines of them in errors. */
const SOURCES_MAX = 200;

export class SourceTexts {
  readonly #sources: Map<string, string>;

  constructor() {
    this.#sources = new Map();
  }

  keep(file: string, text: string): void {
    if (this.#sources.size >= SOURCES_MAX && !this.#sources.has(file))
      this.#sources.delete([...this.#sources.keys()][0]!);
    this.#sources.set(file, text);
  }

  /**
   * An error in words: `FILE:LINE:COLUMN: what`, the line and a caret below it where they are known. Columns are told
   * from 1. Null: it is none of Scheme's.
   */
  describe(error: unknown): string | null {
    const payload = error instanceof UncaughtError || error instanceof SchemeError ? error.payload : null;
    if (payload === null) return null;
    const source =
      payload instanceof Condition && payload.source !== null
        ? payload.source
        : error instanceof CompiledError
          ? error.source
          : error instanceof UncaughtError
            ? sourceOf(error)
            : null;
    const what =
      payload instanceof Condition
        ? conditionText(payload, writeShown)
        : `an object was raised that nobody handled: ${writeShown(payload)}`;
    return source === null ? what : `${placeText(source)}: ${what}${this.excerpt(source)}`;
  }

  /** The source line with a caret, on lines of their own; empty when the text is not known. */
  excerpt(source: Source): string {
    const text = this.#sources.get(source.file);
    const line = text?.split("\n")[source.line - 1];
    if (line === undefined || line.length > 400) return "";
    const shown = line.replaceAll("\t", " ").replace(/\r$/, "");
    const width = Math.max(1, Math.min(source.length, shown.length - source.column));
    return `\n  ${shown}\n  ${" ".repeat(source.column)}${"^".repeat(width)}`;
  }
}

/** Where an error happened: the call that failed, or the innermost that waits for it and has a place. */
function sourceOf({ site, continuation }: UncaughtError): Source | null {
  let source = site?.source ?? null;
  for (let { frame } = continuation; source === null && frame !== null; frame = frame.next)
    source = frame.site?.source ?? null;
  return source;
}

export function writeShown(value: unknown): string {
  const text = writeText(value, "write", writeObject);
  return text.length > 2000 ? `${text.slice(0, 2000)}…` : text;
}

export function placeText({ file, line, column }: Source): string {
  return `${file}:${line}:${column + 1}`;
}
