/**
 * Goal: a channel is changed in what is said of it, and stays what it is in the rest. Method: a hub in this process.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { ChannelView } from "@stratos/hub-api";
import { hubClient } from "@stratos/hub/client";
import { changeKept } from "../hub/change-kept.ts";
import { startCommandHub, type CommandHub } from "../testing/command-hub.ts";

let hub: CommandHub;
before(async () => {
  hub = await startCommandHub("stratos-hub-channel");
});
after(() => hub.close());

async function set(...words: readonly string[]): Promise<Partial<ChannelView>> {
  const { status, stdout, stderr } = await hub.run("channel", "set", "--json", ...words);
  assert.equal(`${stderr}${status}`, "0", words.join(" "));
  const { version: _, ...channel } = JSON.parse(stdout) as ChannelView;
  return channel;
}

test("one word after the other, each change leaves what it does not speak of", async () => {
  await set("stable");
  const made = await set("main", "--policy", "fair", "--max-queued", "20000", "--max-running", "200", "--keep", "30");
  assert.deepEqual(made, {
    ...{ name: "main", policy: "fair", balance: "first", description: "", inherits: [] },
    ...{ retentionDays: 30, maxQueued: 20_000, maxRunning: 200 },
  });
  assert.deepEqual(await set("main", "--balance", "pack"), { ...made, balance: "pack" });
  const all = { ...made, balance: "pack", inherits: ["stable"] };
  assert.deepEqual(await set("main", "--inherit", "stable"), all);
  assert.deepEqual(await set("main"), all);
  assert.deepEqual(await set("main", "--keep", "never", "--max-queued", "none", "--inherit", ""), {
    ...all,
    ...{ retentionDays: null, maxQueued: null, inherits: [] },
  });
  const bad = await hub.run("channel", "set", "main", "--keep", "soon");
  assert.match(`${bad.stderr}${bad.status}`, /'soon': expected a number from 1 to 36500, or never\n2$/);
});

test("those who change it at once all have their way", async () => {
  const client = hubClient(hub.server.url, hub.server.firstToken!);
  const change = (said: object): Promise<ChannelView> =>
    changeKept<ChannelView>(client, "/channels/busy", (kept) => {
      const { policy, maxQueued, retentionDays } = kept ?? {};
      return { policy, maxQueued, retentionDays, ...said };
    });
  await Promise.all([change({ maxQueued: 5 }), change({ policy: "fifo" }), change({ retentionDays: 7 })]);
  const { policy, retentionDays, maxQueued } = await set("busy");
  assert.deepEqual([policy, retentionDays, maxQueued], ["fifo", 7, 5]);
});
