import type { SchemeError } from "../datum/condition.ts";
import { EOF } from "../datum/datum.ts";
import type { Source } from "../datum/source.ts";
import type { Namespace } from "../expander/namespace.ts";
import { Syntax } from "../expander/syntax.ts";
import { IncompleteError, Reader } from "../reader/reader.ts";
import { TextCursor } from "../reader/text-cursor.ts";

/**
 * All forms of a text, also of one that is wrong. Where its end is missing, a form that begins in the first column is
 * taken for a new one, if that leaves fewer mistakes behind.
 */
export function readRecovering(
  text: string,
  file: string,
  namespace: Namespace,
  onError: (error: SchemeError) => void = () => {},
): Syntax[] {
  const wrapper = {
    wrap: (value: unknown, source: Source) => new Syntax(value, namespace.scopes, source),
    inside: (value: unknown) => (value instanceof Syntax ? value : null),
  };
  const read = (start: number, end: number, line: number): { forms: Syntax[]; errors: SchemeError[] } => {
    const errors: SchemeError[] = [];
    const cursor = new TextCursor(text, file, line, { start, end });
    const reader = new Reader(cursor, { wrapper, onError: (error) => void errors.push(error) });
    const forms: Syntax[] = [];
    for (let form = reader.read(); form !== EOF; form = reader.read()) forms.push(form as Syntax);
    return { forms, errors };
  };
  const whole = read(0, text.length, 1);
  const isOpen = whole.errors.some((error) => error instanceof IncompleteError);
  if (isOpen) {
    // In pieces: each begins with a form in the first column.
    const forms: Syntax[] = [],
      errors: SchemeError[] = [];
    let line = 1;
    const starts = [...text.matchAll(/^(?=\()/gm)].map(({ index }) => index).filter((index) => index > 0);
    for (const [index, start] of [0, ...starts].entries()) {
      const end = starts[index] ?? text.length;
      const found = read(start, end, line);
      forms.push(...found.forms);
      errors.push(...found.errors);
      line += text.slice(start, end).split("\n").length - 1;
    }
    if (errors.length <= whole.errors.length) {
      errors.forEach(onError);
      return forms;
    }
  }
  whole.errors.forEach(onError);
  return whole.forms;
}
