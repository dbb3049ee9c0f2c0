/**
 * JSON for a parameter of type jsonb, which holds neither U+0000 nor halves of surrogate pairs: they become U+FFFD.
 * `JSON.stringify` writes these alone with `\\u` and D8 to DF; a backslash that is text is written as two.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f][0-9a-f]{2})/g, "$1\\ufffd");
}
