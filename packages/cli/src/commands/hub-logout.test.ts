/** Goal: a key that `hub login` kept is forgotten, and revoked if that is asked for. Method: a hub in this process. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { startCommandHub, type CommandHub } from "../testing/command-hub.ts";
import { runCommand } from "../testing/run-command.ts";

let hub: CommandHub;
const home = process.env["STRATOS_HOME"];
before(async () => {
  hub = await startCommandHub("stratos-hub-logout");
  process.env["STRATOS_HOME"] = hub.folder;
});
after(async () => {
  if (home === undefined) delete process.env["STRATOS_HOME"];
  else process.env["STRATOS_HOME"] = home;
  await hub.close();
});

async function logIn(principal: string): Promise<void> {
  const { stdout } = await hub.run("token", "create", principal, "--role", "submitter");
  writeFileSync(join(hub.folder, principal), stdout, { mode: 0o600 });
  assert.equal((await hub.as(principal, "login")).status, 0);
}
const kept = (): unknown => JSON.parse(readFileSync(join(hub.folder, "hub-logins.json"), "utf8"));

test("the key is forgotten, and another who has it goes on", async () => {
  await logIn("anna");
  assert.deepEqual(Object.keys(kept() as object), [hub.server.url]);
  const elsewhere = await runCommand("hub", "task", "ls", "--hub", "http://127.0.0.1:1");
  assert.match(elsewhere.stderr, new RegExp(`no key for this hub.*; there is one for ${hub.server.url}: --hub and `));
  assert.equal((await runCommand("hub", "logout", "--hub", hub.server.url)).status, 0);
  assert.deepEqual(kept(), {});
  assert.equal((await hub.as("anna", "task", "ls")).status, 0);
});

test("with --revoke nobody goes on with it, whatever its owner may do else", async () => {
  await logIn("bob");
  const { status, stderr } = await runCommand("hub", "logout", "--revoke", "--hub", hub.server.url);
  assert.equal(`${stderr}${status}`, "0");
  assert.deepEqual(kept(), {});
  assert.match((await hub.as("bob", "task", "ls")).stderr, /this token is unknown, expired or revoked/);
  const told = await hub.database.query("select actor from event where what = 'TOKEN_REVOKED'");
  assert.deepEqual(told, [{ actor: "bob" }]);
  const again = await runCommand("hub", "logout", "--revoke", "--hub", hub.server.url);
  assert.match(`${again.stderr}${again.status}`, /no key for this hub.*\n1$/);
});

test("a key that could not be revoked is kept; a file's is none of login's", async () => {
  await logIn("cyd");
  const { items } = JSON.parse(
    (await hub.run("token", "ls", "--json")).stdout.replace(/^(\[.*\])\s*$/s, '{"items":$1}'),
  ) as {
    items: { id: string; principal: string }[];
  };
  await hub.run("token", "revoke", items.find(({ principal }) => principal === "cyd")!.id);
  assert.equal((await runCommand("hub", "logout", "--revoke", "--hub", hub.server.url)).status, 1);
  assert.deepEqual(Object.keys(kept() as object), [hub.server.url]);
  assert.equal((await runCommand("hub", "logout", "--hub", hub.server.url)).status, 0);
  assert.match((await hub.as("cyd", "logout")).stderr, /--token-file: is not what/);
});
