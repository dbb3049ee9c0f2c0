/** Goal: no password of a database is in a message, whatever is in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withoutPassword } from "./place-name.ts";

test("a password goes, up to the last at sign", () => {
  for (const [place, shown] of [
    ["postgres://me:secret@db/hub", "postgres://me@db/hub"],
    ["postgresql://me:se:cr@et/x@db:5432/hub?x=1", "postgresql://me@db:5432/hub?x=1"],
    ["postgres://me@db/hub?password=secret&sslmode=require", "postgres://me@db/hub?password=…&sslmode=require"],
    ["postgres://db/hub?sslpassword=secret", "postgres://db/hub?sslpassword=…"],
    ["postgres://me@db:5432/hub", "postgres://me@db:5432/hub"],
    ["/srv/a:b@c", "/srv/a:b@c"],
    ["memory", "memory"],
  ])
    assert.equal(withoutPassword(place!), shown);
});
