/**
 * Goal: a leader that lives and renews its lease stays the leader; one that hangs is deposed.
 * Method: two candidates on a PostgreSQL server of the test's own; a lease of a second.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openMigrated, startPostgres } from "../testing/test-database.ts";
import { Leadership } from "./leadership.ts";

const LEASE_SECONDS = 1;

test("others leave a leader alone while it renews, and depose it when it does not", async () => {
  const server = startPostgres();
  const place = server.createDatabase();
  const databases = [await openMigrated(place), await openMigrated(place)];
  const told: string[] = [];
  const candidates = databases.map(
    (database, index) =>
      new Leadership(database, {
        holder: `hub ${index}`,
        leaseSeconds: LEASE_SECONDS,
        changed: (leads, term) => void told.push(`${index} ${leads ? `leads ${term}` : "no more"}`),
        warn: (message) => void told.push(message),
      }),
  );
  try {
    candidates[0]!.start();
    while (!candidates[0]!.isLeader) await sleep(20);
    candidates[1]!.start();
    // Each looks five times in a lease.
    await sleep(2 * LEASE_SECONDS * 1000);
    assert.deepEqual(told, ["0 leads 1"]);
    // What it renews is not its row any more, as if it had not come to it.
    server.sql("hub1", "update leader set lease_until = now() - interval '1 s', term = 7");
    while (!candidates[1]!.isLeader) await sleep(20);
    assert.deepEqual(
      told.filter((text) => text.startsWith("1 ")),
      ["1 leads 8"],
    );
  } finally {
    for (const candidate of candidates) await candidate.close();
    for (const database of databases) await database.close();
    server.stop();
  }
});
