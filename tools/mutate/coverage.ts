/** Which places of the sources a test reaches, from what V8 counts (`NODE_V8_COVERAGE`). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface CountedRange {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

/** Functions of one file with their blocks; the first range of each is the function as a whole. */
export type CountedFunctions = readonly { readonly ranges: readonly CountedRange[] }[];

/**
 * Was the character at `offset` executed? The innermost range that holds it tells. Types are stripped by blanks, so
 * that offsets of what ran are those of the source.
 */
export function isReached(functions: CountedFunctions, offset: number): boolean {
  let innermost: CountedRange | null = null;
  for (const { ranges } of functions)
    for (const range of ranges) {
      if (offset < range.startOffset || offset >= range.endOffset) continue;
      const size = range.endOffset - range.startOffset;
      if (innermost === null || size < innermost.endOffset - innermost.startOffset) innermost = range;
    }
  return (innermost?.count ?? 0) > 0;
}

/** Reads a run's reports, of all its processes. @returns by path, of the files whose address starts with `home` */
export function readCoverage(folder: string, home: string): Map<string, CountedFunctions> {
  const found = new Map<string, CountedFunctions>();
  for (const name of readdirSync(folder)) {
    const report = JSON.parse(readFileSync(join(folder, name), "utf8")) as {
      result: { url: string; functions: CountedFunctions }[];
    };
    for (const { url, functions } of report.result) {
      if (!url.startsWith(home)) continue;
      const path = url.slice(home.length);
      // One process reached it, or another: an innermost range cannot be mixed, so the better known one is kept.
      const known = found.get(path);
      if (known === undefined || functions.length > known.length) found.set(path, functions);
    }
  }
  return found;
}
