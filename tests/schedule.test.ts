/**
 * Goal: `--schedule N` brings another order of events, the same one each time: in a run, in both runs of a check, and
 * in the replay of a recording, wherever that stands. Method: four programs that write lines into one pipe.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { stratos, stratosRun } from "./support/stratos.ts";
import { ensureTestImage, TEST_IMAGE } from "./support/test-image.ts";

let folder: string;
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-schedule-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const RACE = "for i in a b c d; do (for k in 1 2 3 4 5; do echo $i; : > /tmp/$i$k; done) & done; wait; echo $RANDOM";

async function raced(...options: string[]): Promise<string> {
  const { stdout, stderr, status } = await stratosRun([...options, "--", "bash", "-c", RACE]);
  assert.deepEqual([stderr, status], ["", 0]);
  return stdout.trim().split("\n").join(" ");
}

test("each number has an order of its own, and gives it again", async () => {
  const orders = new Set<string>();
  for (const schedule of ["1", "3", "4"]) orders.add(await raced("--seed", "5", "--schedule", schedule));
  assert.equal(orders.size, 3, [...orders].join("\n"));
  assert.ok(orders.has(await raced("--seed", "5", "--schedule", "4")));
});

extendedTest("number 0 is the order that there is without one, and the seed is 0 where none is given", async () => {
  assert.equal(await raced("--seed", "5", "--schedule", "0"), await raced("--seed", "5"));
  assert.equal(await raced("--schedule", "1"), await raced("--seed", "0", "--schedule", "1"));
});

test("a check runs twice in that order", async () => {
  const { stderr, status } = await stratos(["check", "-i", TEST_IMAGE, "--schedule", "3", "--", "bash", "-c", RACE]);
  assert.match(stderr, /the same twice/);
  assert.equal(status, 0);
});

test("a replay has the order of the run, at each of its positions", async () => {
  const file = join(folder, "race");
  const order = await raced("--seed", "5", "--schedule", "2", "--record", file);
  assert.equal(order, await raced("--seed", "5", "--schedule", "2"));
  const replayed = await stratos(["replay", file]);
  assert.deepEqual([replayed.stdout.trim().split("\n").join(" "), replayed.status], [order, 0]);
  const first = order.split(" ")[0]!;
  const made = await stratos(["replay", file, "--to", "line:9", "--", "sh", "-c", "ls /tmp"]);
  assert.equal(made.status, 0, made.stderr);
  assert.match(made.stdout, new RegExp(`^${first}1$`, "m"));
});

test("a system that lives on, and a run that shows windows, have no such order", async () => {
  for (const option of ["-d", "--display"]) {
    const { stderr, status } = await stratosRun([option, "--schedule", "1", "--", "true"]);
    assert.match(stderr, /^stratos: --schedule: /);
    assert.equal(status, 2);
  }
});
