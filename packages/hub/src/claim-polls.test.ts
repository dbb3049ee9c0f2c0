/** Goal: a host that claims again and again, as its connections break off, keeps nobody waiting but itself. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "./database/database.ts";
import { ClaimPolls } from "./claim-polls.ts";
import { registerHost } from "./store/hosts.ts";
import { openMigrated } from "./testing/test-database.ts";

let database: Database;
before(async () => void (database = await openMigrated("memory")));
after(() => database.close());

test("of many claims of one host the first ones are answered, with nothing", { timeout: 60_000 }, async () => {
  const polls = new ClaimPolls(database, 60);
  const sessionOf = (host: string): Promise<string> =>
    registerHost(database, host, { arches: ["amd64"], channels: ["default"], capacity: 1 }, "test");
  const [session, other] = [await sessionOf("many"), await sessionOf("other")];
  const answered: number[] = [];
  const claim = (host: string, ofSession: string): Promise<unknown> =>
    polls.claim(
      {
        host,
        session: ofSession,
        slots: 1,
        waitMs: 50_000,
        start: true,
        holding: [],
        mayStill: () => Promise.resolve(true),
      },
      new AbortController().signal,
    );
  const waiting = claim("other", other);
  const claims: Promise<unknown>[] = [];
  for (let index = 0; index < 20; index++) {
    claims.push(claim("many", session).then(() => answered.push(index)));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await Promise.all(claims.slice(0, 16));
  assert.deepEqual(
    answered.toSorted((a, b) => a - b),
    Array.from({ length: 16 }, (_, index) => index),
  );
  assert.equal(polls.waiting, 5);
  polls.close();
  await Promise.all([waiting, ...claims]);
  assert.equal(polls.waiting, 0);
});
