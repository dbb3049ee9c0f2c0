/** Goal: a hub's database belongs to one process, and why it cannot be had is told without what is secret. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { lockFile } from "@stratos/host-node";
import { OperationError } from "@stratos/operation";
import { openHubPlace, openLasting } from "./hub-place.ts";

const state = mkdtempSync(join(tmpdir(), "stratos-hub-place-"));
after(() => rmSync(state, { recursive: true, force: true }));

test("a database that another process has is refused as in use", async () => {
  const database = join(state, "database");
  mkdirSync(database);
  const release = lockFile(database);
  try {
    await assert.rejects(openHubPlace({ state }), { kind: "in-use", what: database });
  } finally {
    release();
  }
});

test("what is brought into a database stays there: it is locked, and not in memory", async () => {
  const database = join(state, "target");
  mkdirSync(database);
  const release = lockFile(database);
  try {
    await assert.rejects(openLasting(database), { kind: "in-use", what: database });
  } finally {
    release();
  }
  await assert.rejects(openLasting("memory"), { kind: "hub", what: "memory", why: /would be gone/ });
});

test("a server that does not answer is told without its password, and nothing stays locked", async () => {
  await assert.rejects(openHubPlace({ state, database: "postgres://me:secret@127.0.0.1:1/hub" }), {
    kind: "hub",
    what: "postgres://me@127.0.0.1:1/hub",
  });
  lockFile(join(state, "database"))();
});

test("a server's URL with a slip is refused, and makes no folder of that name", async () => {
  for (const database of ["mysql://me:secret@db/hub", "postgre://me:secret@db/hub", "postgres:/db/hub"])
    for (const opened of [openHubPlace({ state, database }), openLasting(database)])
      await assert.rejects(opened, (error) => {
        assert.ok(error instanceof OperationError);
        assert.equal(error.kind, "option");
        assert.match(error.message, /^the hub's database: \w+:… is none: expected memory, a folder, or postgres:/);
        return !error.message.includes("secret") && !existsSync(database);
      });
});
