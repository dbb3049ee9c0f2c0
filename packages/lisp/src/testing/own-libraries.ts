/** The libraries that are written in Scheme (`scheme/`), for tests. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export function findOwnLibrary(parts: readonly (string | number)[]): { text: string; file: string } | null {
  const file = join(import.meta.dirname, "../../scheme", `${parts.join("/")}.sld`);
  return existsSync(file) ? { text: readFileSync(file, "utf8"), file } : null;
}
