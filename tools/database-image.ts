/**
 * Makes the archive of a new database that `stratos hub` begins with, once for each version of PGlite and of the
 * tables: it is kept in node_modules, whence the bundle and the hub's tests take it. Part of `npm run build`; the
 * bundle that a clone makes at its first start does without.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, zstdCompressSync } from "node:zlib";
import { PgliteDatabase } from "../packages/hub/src/database/pglite.ts";
import { keptDatabaseImage } from "../packages/hub/src/store/migrations/kept-image.ts";
import { migrate } from "../packages/hub/src/store/migrations/migrate.ts";

const COMPRESSION_LEVEL = 9;

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
