/**
 * Makes the archive of a new database that `stratos hub` begins with, once for each version of PGlite and of the
 * tables: it is kept in node_modules, whence the bundle takes it. Part of `npm run build`; the bundle that a clone
 * makes at its first start does without.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, zstdCompressSync } from "node:zlib";
import { PGLITE_IMAGE } from "../packages/hub/src/database/pglite-image.ts";
import { PgliteDatabase } from "../packages/hub/src/database/pglite.ts";
import { migrate, MIGRATIONS } from "../packages/hub/src/store/migrations/migrate.ts";

const COMPRESSION_LEVEL = 9;
/** Part of its key: another number for archives that are made otherwise. */
const FORM = 2;

/** Where it is kept, whether it is there or not. */
export function keptDatabaseImage(root: string): string {
  const library = dirname(dirname(fileURLToPath(import.meta.resolve("@electric-sql/pglite"))));
  const { version } = JSON.parse(readFileSync(join(library, "package.json"), "utf8")) as { version: string };
  const tables = createHash("sha256")
    .update(JSON.stringify([FORM, MIGRATIONS]))
    .digest("hex")
    .slice(0, 16);
  return join(root, "node_modules/.cache/stratos", `${version}-${tables}`, PGLITE_IMAGE);
}

if (import.meta.main) {
  const path = keptDatabaseImage(dirname(dirname(fileURLToPath(import.meta.url))));
  if (!existsSync(path)) {
    const database = await PgliteDatabase.open(null);
    await migrate(database);
    const tar = await database.archive();
    await database.close();
    mkdirSync(dirname(path), { recursive: true });
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, zstdCompressSync(tar, { params: { [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL } }));
    renameSync(draft, path);
  }
}
