/**
 * The text that both databases are made of: `%FIELD%` on a line, its values on the lines below, an empty line after.
 * Texts are byte strings.
 */

/** A malformed database entry. */
export class DescError extends Error {
  override name = "DescError";
}

export type DescFields = Map<string, string[]>;

/** Adds the fields of `text` to `fields`; the same field again (as `files` after `desc`) replaces it. */
export function parseDesc(text: string, name: string, fields: DescFields = new Map()): DescFields {
  let values: string[] | undefined;
  let start = 0;
  while (start < text.length) {
    let end = text.indexOf("\n", start);
    if (end < 0) end = text.length;
    const line = text.charCodeAt(end - 1) === 0x0d ? text.slice(start, end - 1) : text.slice(start, end);
    start = end + 1;
    if (line === "") {
      values = undefined;
      continue;
    }
    if (values !== undefined) {
      values.push(line);
      continue;
    }
    if (!/^%[A-Z0-9]{1,40}%$/.test(line))
      throw new DescError(`${name}: a field was expected, not "${line.slice(0, 60)}"`);
    values = [];
    fields.set(line.slice(1, -1), values);
  }
  return fields;
}

/** Fields without values are left out, as pacman leaves them. */
export function formatDesc(fields: Iterable<readonly [string, readonly string[]]>): string {
  let text = "";
  for (const [name, values] of fields) {
    if (values.length > 0) text += `%${name}%\n${values.join("\n")}\n\n`;
  }
  return text;
}
