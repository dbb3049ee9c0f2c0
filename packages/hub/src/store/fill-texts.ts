/** Texts with `{{name}}` in them, anywhere in a value, and what stands there in the end. */

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;

type Filling = string | number | boolean;

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

function mapTexts(value: unknown, change: (text: string) => Filling): unknown {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, change)]));
}
