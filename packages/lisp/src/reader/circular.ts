import { intern, Pair } from "../datum/datum.ts";

const QUOTE = intern("quote");

/**
 * Whether a program's datum contains itself, by the reader's labels. What is quoted may (R7RS §2.4).
 *
 * @param inside  what a wrapped datum wraps; null: it is not wrapped
 */
export function isCircular(root: unknown, inside: (value: unknown) => { readonly datum: unknown } | null): boolean {
  const datumOf = (value: unknown): unknown => {
    const wrapped = inside(value);
    return wrapped === null ? value : wrapped.datum;
  };
  const open = new Set<unknown>(),
    done = new Set<unknown>();
  const waiting: unknown[] = [datumOf(root)];
  while (waiting.length > 0) {
    const datum = waiting.at(-1);
    const isCompound = datum instanceof Pair || Array.isArray(datum);
    if (!isCompound || done.has(datum) || open.has(datum)) {
      waiting.pop();
      if (open.delete(datum)) done.add(datum);
      continue;
    }
    open.add(datum);
    const isQuoted = datum instanceof Pair && datumOf(datum.car) === QUOTE;
    const inner = isQuoted ? [] : datum instanceof Pair ? [datum.cdr, datum.car] : (datum as unknown[]);
    for (const one of inner) {
      const next = datumOf(one);
      if (open.has(next)) return true;
      waiting.push(next);
    }
  }
  return false;
}
