/** Goal: who comes late is told the last that was denied, then what follows, in order; nothing grows without end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Denial } from "./api.ts";
import { DENIALS_MAX, DenialLog } from "./denial-log.ts";

const denial = (port: number): Denial => ({
  ...{ host: "example.org", port, protocol: "tcp", rule: null, reason: "no rule allows it" },
  ...{ atMs: 0, process: { pid: 2, name: "curl" } },
});

test("the last are kept, and told before what happens from then on, until nobody wants it", async () => {
  const log = new DenialLog();
  const ports = (): number[] => log.last.map(({ port }) => port);
  for (let port = 1; port <= 3 * DENIALS_MAX + 1; port++) log.add(denial(port));
  assert.equal(ports().length, DENIALS_MAX);
  assert.deepEqual([ports()[0], ports().at(-1)], [2 * DENIALS_MAX + 2, 3 * DENIALS_MAX + 1]);
  const told: unknown[] = [];
  const { kill, ended, outputs } = log.follow(
    (each) => told.push("port" in each ? each.port : each),
    new Promise(() => {}),
  );
  assert.deepEqual(told, ports());
  for (let more = 1; more <= 50; more++) log.add(denial(more));
  assert.deepEqual(
    told.slice(DENIALS_MAX),
    Array.from({ length: 24 }, (_, index) => index + 1),
  );
  outputs[0]!.taken(told.length);
  assert.deepEqual(told.at(-1), { lost: 26 });
  kill();
  await ended;
  log.add(denial(1));
  assert.deepEqual(told.at(-1), { lost: 26 });
});
