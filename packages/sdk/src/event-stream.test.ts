/** Goal: events never pile up: what comes faster than it is heard is counted, and told in its place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EventStream } from "./event-stream.ts";
import { EVENT_WINDOW } from "./protocol.ts";

test("what comes beyond the window is left out, and how many that were is told once there is room", () => {
  const sent: string[] = [];
  const stream = new EventStream<string>(
    (event) => sent.push(event),
    (count) => `${count} lost`,
  );
  for (let index = 0; index < EVENT_WINDOW + 5; index++) stream.push(String(index));
  assert.equal(sent.length, EVENT_WINDOW);
  stream.taken(2);
  stream.push("next");
  stream.push("too many");
  assert.deepEqual(sent.slice(EVENT_WINDOW), ["5 lost", "next"]);
  stream.taken(1);
  assert.equal(sent.at(-1), "1 lost");
});
