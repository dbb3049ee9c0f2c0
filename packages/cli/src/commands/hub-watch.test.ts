/**
 * Goal: whoever waits for tasks hears of each that does not complete, by the exit status, too, and finds what was built
 * in its channel. Method: a hub in this process, whose tasks end as the test says.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { hubClient } from "@stratos/hub/client";
import type { ClaimAnswer, HubClient } from "@stratos/hub-api";
import { startCommandHub, type CommandHub } from "../testing/command-hub.ts";

let hub: CommandHub, host: HubClient, session: string;
before(async () => {
  hub = await startCommandHub("stratos-hub-watch");
  host = hubClient(hub.server.url, hub.server.firstToken!);
  const registration = { arches: ["amd64"], channels: ["default"], capacity: 1 };
  ({ session } = await host.call<{ session: string }>("PUT", "/hosts/one", registration));
});
after(() => hub.close());

function fileOf(name: string, content: unknown): string {
  const path = join(hub.folder, name);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const command = { kind: "command", payload: { argv: ["true"] } };

/** Takes as many tasks as there are ends, and ends them so. @param before  is done while the host has one */
async function end(
  outcomes: readonly ("COMPLETED" | "FAILED")[],
  before: () => Promise<unknown> = () => Promise.resolve(),
): Promise<void> {
  for (const outcome of outcomes) {
    const { runs } = await host.call<ClaimAnswer>("POST", "/hosts/one/claim", {
      ...{ session, slots: 1, waitSeconds: 10, start: true, holding: [] },
    });
    const { run, token } = runs[0]!;
    await before();
    const failure = outcome === "FAILED" ? { failureClass: "build", message: "exit status 3" } : {};
    await host.call("POST", "/hosts/one/runs/end", { runs: [{ run, token, outcome, ...failure }] });
  }
}

test("a file of tasks, a template and a second try are waited for, and one that fails is told", async () => {
  const tasks = [
    { ...command, label: "watched" },
    { ...command, label: "watched" },
  ];
  await hub.run("template", "set", "pair", fileOf("pair.json", { tasks }));
  const ways = [
    ["task", "submit", "--watch", "--file", fileOf("list.json", tasks)],
    ["task", "submit", "-w", "-f", fileOf("flow.json", { name: "flow", tasks })],
    ["template", "submit", "--watch", "pair"],
  ];
  for (const words of ways) {
    const [ended] = await Promise.all([hub.run(...words), end(["COMPLETED", "FAILED"])]);
    const ids = ended.stdout.trim().split("\n");
    assert.equal(ids.length, 2);
    assert.equal(`${ended.stderr}${ended.status}`, `stratos: task ${ids[1]}: FAILED: exit status 3\n1`);
    const [again] = await Promise.all([hub.run("task", "retry", "--watch", ids[1]!), end(["COMPLETED"])]);
    assert.equal(`${again.stderr}${again.status}`, "0");
  }
});

test("options that say how one task is are refused beside a file of tasks", async () => {
  const file = fileOf("one.json", [command]);
  for (const [option, ...value] of [
    ["--priority", "4"],
    ["--channel", "main"],
    ["--require", "kvm"],
  ] as const) {
    const { stderr, status } = await hub.run("task", "submit", "--file", file, option, ...value);
    assert.equal(`${stderr}${status}`, `stratos: ${option}: with --file each task of the file says it itself\n2`);
  }
  assert.equal((await hub.run("task", "submit", "--file", file, "true")).status, 2);
  assert.equal((await hub.run("task", "submit", "--file", file)).status, 0);
  await end(["COMPLETED"]);
});

test("a build is over when its packages are in the channel", async () => {
  // The leader would read them at once.
  await hub.server.service.housekeeping.close();
  let isOver = false;
  const built = hub.run("build", "--watch", "hello").finally(() => (isOver = true));
  await end(["COMPLETED"], () => hub.database.query("insert into to_publish (task_id) select max(id) from task"));
  await sleep(1_500);
  assert.equal(isOver, false);
  await hub.database.query("delete from to_publish");
  assert.equal((await built).status, 0);
});
