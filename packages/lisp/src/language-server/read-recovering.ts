import { type SchemeError, syntaxError } from "../datum/condition.ts";
import { EOF, intern, Pair } from "../datum/datum.ts";
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
      return finite(forms, onError);
    }
  }
  whole.errors.forEach(onError);
  return finite(whole.forms, onError);
}

/** Labels can make a form that contains itself; only what is quoted may (R7RS §2.4). */
function finite(forms: readonly Syntax[], onError: (error: SchemeError) => void): Syntax[] {
  return forms.filter((form) => {
    if (!isCircular(form)) return true;
    onError(syntaxError("a form that contains itself is no program", form.source));
    return false;
  });
}

function isCircular(root: Syntax): boolean {
  const open = new Set<unknown>(),
    done = new Set<unknown>();
  const waiting: unknown[] = [root];
  while (waiting.length > 0) {
    const value = waiting.at(-1);
    const datum = value instanceof Syntax ? value.datum : value;
    const isCompound = datum instanceof Pair || Array.isArray(datum);
    if (!isCompound || done.has(datum) || open.has(datum)) {
      waiting.pop();
      if (open.delete(datum)) done.add(datum);
      continue;
    }
    open.add(datum);
    const word = datum instanceof Pair && datum.car instanceof Syntax ? datum.car.datum : null;
    const inner = word === QUOTE ? [] : datum instanceof Pair ? [datum.cdr, datum.car] : (datum as unknown[]);
    for (const one of inner) {
      if (open.has(one instanceof Syntax ? one.datum : one)) return true;
      waiting.push(one);
    }
  }
  return false;
}

const QUOTE = intern("quote");
