/** Goal: who waits for a task is told once for each reason why it does not begin, and nothing when it is over. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HubClient, WaitReason } from "@stratos/hub-api";
import { sayingWhyItWaits } from "./why-it-waits.ts";

const reason = (state: string, summary: string, attempts = 0): Partial<WaitReason> =>
  ({ state, summary, attempts }) as WaitReason;

test("each reason is told once, whatever its numbers; a task that runs tells nothing", async () => {
  assert.deepEqual(
    await saidOf([
      reason("FREE", "no host is online"),
      null,
      reason("FREE", "2 tasks are before it"),
      reason("FREE", "1 tasks are before it"),
      reason("RUNNING", "it does not wait"),
    ]),
    ["stratos: task 7: no host is online\n", "stratos: task 7: 2 tasks are before it\n"],
  );
});

test("each attempt that failed is told, also when the hub says the same of it", async () => {
  assert.deepEqual(
    await saidOf([
      reason("FREE", "it is tried again in 4 s, after: disk", 1),
      reason("FREE", "it is tried again in 2 s, after: disk", 1),
      reason("FREE", "it is tried again in 9 s, after: disk", 2),
    ]),
    [
      "stratos: task 7: it is tried again in 4 s, after: disk\n",
      "stratos: task 7: it is tried again in 9 s, after: disk\n",
    ],
  );
});

/** What is said while the hub answers so, one look after the other; null: it is away. */
async function saidOf(given: readonly (Partial<WaitReason> | null)[]): Promise<string[]> {
  const answers = [...given];
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
  return said;
}
