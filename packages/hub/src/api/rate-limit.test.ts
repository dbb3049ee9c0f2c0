/** Goal: who asks too often is told when to come again, and nobody else is. Time is an argument, or short. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestHub } from "../testing/test-hub.ts";
import { RateLimit } from "./rate-limit.ts";

test("a bucket holds ten seconds of requests and fills at its pace", () => {
  let nowMs = 0;
  const limit = new RateLimit(5, () => nowMs);
  const served = (): number => {
    let count = 0;
    while (limit.take("192.0.2.1", "a") === 0) count++;
    return count;
  };
  assert.equal(served(), 50);
  assert.equal(limit.take("192.0.2.1", "a"), 1);
  nowMs += 1_000;
  assert.equal(served(), 5);
  nowMs += 3_600_000;
  assert.equal(served(), 50);
});

test("keys, addresses, and the same key elsewhere have their own; of version 6 a /64 is one address", () => {
  const limit = new RateLimit(1, () => 0);
  const drain = (address: string, key: string | null): void => {
    while (limit.take(address, key) === 0);
  };
  drain("192.0.2.1", "a");
  drain("::ffff:192.0.2.2", null);
  drain("2001:db8:0:1::1", null);
  for (const [address, key, isServed] of [
    ["192.0.2.1", "b", true],
    ["192.0.2.1", null, true],
    ["192.0.2.3", "a", true],
    ["192.0.2.2", null, false],
    ["2001:db8::1:2:3:4:5", null, false],
    ["2001:db8:0:2::1", null, true],
  ] as const)
    assert.equal(limit.take(address, key) === 0, isServed, `${address} ${key}`);
});

test("beyond the limit a hub answers 429 with when to come again; other keys go on", async (t) => {
  const hub = await startTestHub({ rateLimit: 1 });
  t.after(() => hub.close());
  const ask = (token: string | null, path = "/v1/whoami"): Promise<Response> =>
    fetch(hub.server.url + path, { headers: token === null ? {} : { authorization: `Bearer ${token}` } });
  const { token: other } = await hub.admin.call<{ token: string }>("POST", "/tokens", {
    principal: "other",
    scopes: ["*"],
  });
  for (const [token, path, good] of [
    [hub.adminToken, "/v1/whoami", 200],
    [null, "/healthz", 200],
  ] as const) {
    let answer = await ask(token, path);
    for (let count = 0; answer.status === good && count < 30; count++) answer = await ask(token, path);
    assert.equal(answer.status, 429, path);
    assert.match(answer.headers.get("retry-after")!, /^[12]$/);
    assert.match(answer.headers.get("ratelimit-policy")!, /^"requests";q=10;w=10$/);
    assert.equal(((await answer.json()) as { type: string }).type, "urn:stratos:hub:too-many-requests");
  }
  assert.equal((await ask(other)).status, 200);
});
