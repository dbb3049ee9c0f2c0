/**
 * Where a clone keeps the archive of a new database (`PGLITE_IMAGE`) that `tools/database-image.ts` makes: one for each
 * version of PGlite and of the tables. The bundle takes it from there, and tests begin with it.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGLITE_IMAGE } from "../../database/pglite-image.ts";
import { MIGRATIONS } from "./migrate.ts";

/** Part of its key: another number for archives that are made otherwise. */
const FORM = 3;

/** @returns its path, whether it is there or not */
export function keptDatabaseImage(root: string): string {
  const library = dirname(dirname(fileURLToPath(import.meta.resolve("@electric-sql/pglite"))));
  const { version } = JSON.parse(readFileSync(join(library, "package.json"), "utf8")) as { version: string };
  const tables = createHash("sha256")
    .update(JSON.stringify([FORM, MIGRATIONS]))
    .digest("hex")
    .slice(0, 16);
  return join(root, "node_modules/.cache/stratos", `${version}-${tables}`, PGLITE_IMAGE);
}
