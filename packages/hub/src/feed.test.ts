/** Goal: who watches much leaves room for others. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Database } from "./database/database.ts";
import { Feed } from "./feed.ts";
import { HubError } from "./store/hub-error.ts";
import { openTestDatabase } from "./testing/test-database.ts";

let database: Database;
before(async () => void (database = await openTestDatabase("memory")));
after(() => database.close());

test("one principal has a quarter of the streams at most, and others have theirs", () => {
  const feed = new Feed(database);
  const open = Array.from({ length: 250 }, () => feed.watch("greedy"));
  assert.throws(
    () => feed.watch("greedy"),
    (error) => error instanceof HubError && error.status === 429,
  );
  feed.watch("other");
  open[0]!.close();
  open[0]!.close();
  feed.watch("greedy");
  assert.throws(() => feed.watch("greedy"), HubError);
  assert.equal(feed.watchers, 251);
  feed.close();
});
