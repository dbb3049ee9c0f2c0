/** Goal: who submits is limited from the command line. Method: a hub in this process, and somebody with a key. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startCommandHub, type CommandHub } from "../testing/command-hub.ts";

let hub: CommandHub;
before(async () => {
  hub = await startCommandHub("stratos-hub-limit");
});
after(() => hub.close());

async function printed(...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await hub.run(...words);
  assert.equal(`${stderr}${status}`, "0", words.join(" "));
  return stdout;
}

test("an owner's limit is set, refuses what is beyond it, is listed and removed", async () => {
  writeFileSync(join(hub.folder, "anna"), await printed("token", "create", "anna", "--role", "submitter"), {
    mode: 0o600,
  });
  await printed("limit", "set", "anna", "--max-queued", "1");
  assert.equal((await hub.as("anna", "task", "submit", "true")).status, 0);
  const second = await hub.as("anna", "task", "submit", "true");
  assert.match(`${second.stderr}${second.status}`, /anna has 1 open tasks? and may have 1.*\n1$/);
  assert.match(await printed("limit", "ls"), /^OWNER +QUEUED MAX +RUNNING MAX\nanna +1 +-\n$/);
  await printed("limit", "set", "anna", "--max-running", "2");
  assert.match(await printed("limit", "ls"), /^anna +1 +2$/m);
  await printed("limit", "set", "anna", "--max-running", "none");
  assert.match(await printed("limit", "ls"), /^anna +1 +-$/m);
  await printed("limit", "rm", "anna");
  assert.equal(await printed("limit", "ls", "--json"), "[]\n");
  assert.equal((await hub.as("anna", "task", "submit", "true")).status, 0);
  assert.match((await hub.run("limit", "rm", "anna")).stderr, /brake of anna: there is none/);
  assert.equal((await hub.run("limit", "set", "anna")).status, 2);
});
