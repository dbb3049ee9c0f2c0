/**
 * Goal: a database that begins from an archive is as good as one that was made. Method: one is made, archived and
 * unpacked beside what an unpacking left that was cut off.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { migrate } from "../store/migrations/migrate.ts";
import { PgliteDatabase } from "./pglite.ts";
import { unpackPgliteImage } from "./pglite-image.ts";

test("an archive becomes a database, whole or not at all, whatever was left there before", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hub-image-"));
  try {
    const made = await PgliteDatabase.open(null);
    await migrate(made);
    const tar = await made.archive();
    await made.close();
    const data = join(folder, "pgdata");
    mkdirSync(`${data}.new`);
    writeFileSync(join(`${data}.new`, "PG_VERSION"), "cut off");
    await assert.rejects(unpackPgliteImage(tar.subarray(0, 1 << 20), data), /damaged: truncated/);
    assert.ok(!existsSync(data), "half of an archive is no database");
    await unpackPgliteImage(tar, data);
    assert.ok(!existsSync(`${data}.new`));

    const database = await PgliteDatabase.open(folder);
    assert.deepEqual(await migrate(database), [], "its tables are there");
    assert.deepEqual(await database.query("select name from channel"), [{ name: "default" }]);
    const others = await database.query("select datname from pg_database where datname <> current_database()");
    assert.deepEqual(others, [], "databases to copy are left out");
    await database.query("insert into setting (name, value) values ('a', 'b')");
    await database.script("vacuum analyze");
    await database.close();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
