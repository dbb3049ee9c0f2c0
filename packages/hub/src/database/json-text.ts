/** JSON for a parameter of type jsonb, which holds no U+0000: it becomes U+FFFD. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(/(?<!\\)((?:\\\\)*)\\u0000/g, "$1\\ufffd");
}
