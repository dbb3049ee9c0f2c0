/** Goal: who waits for a task is told once for each reason why it does not begin, and nothing when it is over. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HubClient, WaitReason } from "@stratos/hub-api";
import { sayingWhyItWaits } from "./why-it-waits.ts";

const reason = (state: string, summary: string): Partial<WaitReason> => ({ state, summary }) as WaitReason;

test("each reason is told once, whatever its numbers; a task that runs tells nothing", async () => {
  const answers = [
    reason("FREE", "no host is online"),
    null,
    reason("FREE", "2 tasks are before it"),
    reason("FREE", "1 tasks are before it"),
    reason("RUNNING", "it does not wait"),
  ];
  let done = (): void => {};
  const ended = new Promise<void>((resolve) => (done = resolve));
  const client = {
    call: (): Promise<unknown> => {
      const answer = answers.shift();
      if (answers.length === 0) setImmediate(done);
      return answer == null ? Promise.reject(new TypeError("fetch failed")) : Promise.resolve(answer);
    },
  } as unknown as HubClient;
  const said: string[] = [];
  const how = { lookMs: { first: 1, then: 1 }, say: (words: string) => void said.push(words) };
  const answer = await sayingWhyItWaits(client, 7, () => ended.then(() => "done"), how);
  assert.equal(answer, "done");
  assert.deepEqual(said, ["stratos: task 7: no host is online\n", "stratos: task 7: 2 tasks are before it\n"]);
});
