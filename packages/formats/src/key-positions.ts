/** Where in a file the value at a path of keys stands. */
export interface Position {
  readonly line: number;
  readonly column: number;
}
export type KeyPath = readonly (string | number)[];
/** Finds the key at `path`, or the nearest one around it that the text shows. */
export type Locate = (path: KeyPath) => Position;

/** `variants.server.packages[2]`; keys that hold other characters are quoted. */
export function formatKeyPath(path: KeyPath): string {
  let text = "";
  for (const key of path) {
    if (typeof key === "number") text += `[${key}]`;
    else text += (text === "" ? "" : ".") + (/^[A-Za-z0-9_*-]+$/.test(key) ? key : JSON.stringify(key));
  }
  return text;
}

/**
 * Lines of the keys of a TOML file. The library gives values without places, so headers and keys at the beginning of
 * lines are looked for; what stands within an inline table or a list has the line of the key that holds it.
 */
export function tomlLocator(text: string): Locate {
  const found = new Map<string, Position>();
  const counts = new Map<string, number>();
  let prefix: (string | number)[] = [];
  let quote = "";
  for (const [index, line] of text.split("\n").entries()) {
    // Lines within a text of several lines hold no keys.
    if (quote !== "") {
      if (line.includes(quote)) quote = "";
      continue;
    }
    const header = /^\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$/.exec(line);
    const pair =
      header === null
        ? /^(\s*)((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=(.*)$/.exec(
            line,
          )
        : null;
    if (header !== null) {
      prefix = splitKey(header[2]!);
      if (header[1] === "[[") {
        const id = JSON.stringify(prefix);
        const count = counts.get(id) ?? 0;
        counts.set(id, count + 1);
        prefix = [...prefix, count];
      }
      mark(prefix, index, line.search(/\S/));
    } else if (pair !== null) {
      mark([...prefix, ...splitKey(pair[2]!)], index, pair[1]!.length);
      for (const mark3 of ['"""', "'''"]) if (pair[3]!.split(mark3).length === 2) quote = mark3;
    }
  }
  function mark(path: KeyPath, line: number, column: number): void {
    for (let length = 1; length <= path.length; length++) {
      const key = JSON.stringify(path.slice(0, length));
      if (!found.has(key)) found.set(key, { line: line + 1, column: column + 1 });
    }
  }
  return (path) => {
    for (let length = path.length; length > 0; length--) {
      const position = found.get(JSON.stringify(path.slice(0, length)));
      if (position !== undefined) return position;
    }
    return { line: 1, column: 1 };
  };
}

function splitKey(text: string): string[] {
  return [...text.matchAll(/[A-Za-z0-9_-]+|"([^"]*)"|'([^']*)'/g)].map((match) => match[1] ?? match[2] ?? match[0]);
}
