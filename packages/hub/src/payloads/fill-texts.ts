/** Texts with `{{name}}` in them, anywhere in a value, and what stands there in the end. */

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

export type Filling = string | number | boolean;

/** A thousand times `{{name}}` is short, and what becomes of it need not be. */
const FILLED_LETTERS_MAX = 8 << 20;

export class FilledTooLong extends Error {}

/**
 * A text that is nothing but one placeholder becomes the value itself, number or boolean too.
 *
 * @throws FilledTooLong before it is
 */
export function fillTexts<Value>(value: Value, fillings: Readonly<Record<string, Filling>>): Value {
  let left = FILLED_LETTERS_MAX;
  return mapTexts(value, (text) => {
    const [, only] = /^\{\{([^{}]*)\}\}$/.exec(text) ?? [];
    const filling = (key: string): string => {
      const filled = String(fillings[key.trim()]);
      left -= filled.length;
      if (left < 0) throw new FilledTooLong(`filled in it has more than ${FILLED_LETTERS_MAX} letters`);
      return filled;
    };
    if (only !== undefined) filling(only);
    return only === undefined ? text.replace(PLACEHOLDER, (_, key: string) => filling(key)) : fillings[only.trim()]!;
  }) as Value;
}

/** @returns the first placeholder that is none of these, as it stands there, or null */
export function unknownPlaceholder(value: unknown, known: readonly string[]): string | null {
  let found: string | null = null;
  mapTexts(value, (text) => {
    for (const [whole, key] of text.matchAll(PLACEHOLDER)) if (!known.includes(key!.trim())) found ??= whole;
    return text;
  });
  return found;
}

/** @param change  is told a text and its place: `.files[0].name` */
export function mapTexts(value: unknown, change: (text: string, place: string) => Filling, place = ""): unknown {
  if (typeof value === "string") return change(value, place);
  if (Array.isArray(value)) return value.map((item, index) => mapTexts(item, change, `${place}[${index}]`));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mapTexts(item, change, `${place}.${key}`)]),
  );
}
