/**
 * Control files ("deb822"): stanzas of fields, separated by empty lines. Text is a byte string, since descriptions may
 * hold any encoding and dpkg copies them unchanged.
 *
 *     Package: bash
 *     Description: GNU Bourne Again SHell
 *      Continuation lines begin with a blank.
 *
 * Source: Debian Policy §5.1; deb822(5).
 */

/** A malformed control file; the message names the line. */
export class ControlError extends Error {
  override name = "ControlError";
}

/** One stanza. Field names are compared without regard to case and keep their spelling and order. */
export class Stanza {
  readonly #fields: Map<string, { name: string; value: string }>;

  constructor(fields: Iterable<readonly [string, string]> = []) {
    this.#fields = new Map();
    for (const [name, value] of fields) this.set(name, value);
  }

  /** The value without blanks around it; lines of a long value are joined by newlines, each with its leading blank. */
  get(name: string): string | undefined {
    return this.#fields.get(name.toLowerCase())?.value;
  }

  has(name: string): boolean {
    return this.#fields.has(name.toLowerCase());
  }

  set(name: string, value: string): void {
    this.#fields.set(name.toLowerCase(), { name, value });
  }

  delete(name: string): void {
    this.#fields.delete(name.toLowerCase());
  }

  *[Symbol.iterator](): Generator<readonly [string, string]> {
    for (const { name, value } of this.#fields.values()) yield [name, value];
  }

  /** The stanza as text, each field on its line, with a final newline. */
  toString(): string {
    let text = "";
    for (const { name, value } of this.#fields.values())
      text += value === "" || value.startsWith("\n") ? `${name}:${value}\n` : `${name}: ${value}\n`;
    return text;
  }
}

/**
 * All stanzas of `text`.
 *
 * @param source  what the text is, for error messages
 * @throws ControlError  a line that is no field, a continuation without a field, a field given twice
 */
export function parseControl(text: string, source: string): Stanza[] {
  const stanzas: Stanza[] = [];
  let stanza: Stanza | undefined;
  let name = "",
    value = "";
  let lineNumber = 0;
  const finishField = (): void => {
    if (name === "") return;
    stanza ??= new Stanza();
    stanza.set(name, value.trimEnd());
    name = "";
  };
  const finishStanza = (): void => {
    finishField();
    if (stanza !== undefined) stanzas.push(stanza);
    stanza = undefined;
  };
  for (let at = 0; at < text.length;) {
    let end = text.indexOf("\n", at);
    if (end < 0) end = text.length;
    const line = text.slice(at, end > at && text.charCodeAt(end - 1) === 13 ? end - 1 : end);
    at = end + 1;
    lineNumber++;
    const first = line.charCodeAt(0);
    if (line.trim() === "") finishStanza();
    else if (first === 0x23) continue;
    else if (first === 0x20 || first === 0x09) {
      if (name === "") throw new ControlError(`${source}:${lineNumber}: a continuation line without a field`);
      value += `\n${line}`;
    } else {
      finishField();
      const colon = line.indexOf(":");
      if (colon < 1 || !/^[!-9;-~]+$/.test(line.slice(0, colon)) || first === 0x2d)
        throw new ControlError(`${source}:${lineNumber}: not a field: ${line.slice(0, 60)}`);
      name = line.slice(0, colon);
      if (stanza?.has(name)) throw new ControlError(`${source}:${lineNumber}: field ${name} is given twice`);
      // Blanks at the end of a line that others follow belong to the value, as dpkg has it.
      value = line.slice(colon + 1).trimStart();
    }
  }
  finishStanza();
  return stanzas;
}

/** The only stanza of `text`. */
export function parseSingleStanza(text: string, source: string): Stanza {
  const stanzas = parseControl(text, source);
  if (stanzas.length !== 1) throw new ControlError(`${source}: holds ${stanzas.length} stanzas, expected one`);
  return stanzas[0]!;
}
