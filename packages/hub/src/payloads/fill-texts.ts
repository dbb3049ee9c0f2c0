/** Texts with `{{name}}` in them, anywhere in a value, and what stands there in the end. */

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

export type Filling = string | number | boolean;

/** A text that is nothing but one placeholder becomes the value itself, number or boolean too. */
export function fillTexts<Value>(value: Value, fillings: Readonly<Record<string, Filling>>): Value {
  return mapTexts(value, (text) => {
    const [, only] = /^\{\{([^{}]*)\}\}$/.exec(text) ?? [];
    if (only !== undefined) return fillings[only.trim()]!;
    return text.replace(PLACEHOLDER, (_, key: string) => String(fillings[key.trim()]));
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
