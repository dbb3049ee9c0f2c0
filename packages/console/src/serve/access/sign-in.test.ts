/** Goal: a key lets in as long as it is there and not over, and with it go the sessions that it began. */
import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { AccessKeys, addAccessKey, readAccessKeys, removeAccessKeys } from "@stratos/volumes/serve";
import { SignIn } from "./sign-in.ts";

function made(t: TestContext): { path: string; sessions: string; defects: string[]; signIn: () => SignIn } {
  const folder = mkdtempSync(join(tmpdir(), "stratos-access-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "serve.keys");
  const sessions = join(folder, "serve.sessions");
  const defects: string[] = [];
  const signIn = (): SignIn => new SignIn("token", new AccessKeys(path, (words) => defects.push(words)), sessions);
  return { path, sessions, defects, signIn };
}

test("a key is what its name and role say until it is removed, and its secret stands nowhere", (t) => {
  const { path, signIn } = made(t);
  const access = signIn();
  const secret = addAccessKey(path, "anna", "operator", null);
  addAccessKey(path, "bert", "viewer", null);
  assert.deepEqual(access.identify(secret), { name: "anna", role: "operator", session: null });
  assert.deepEqual(access.identify("token"), { name: "owner", role: "administrator", session: null });
  assert.equal(access.identify(`${secret}x`), null);
  assert.equal(access.identify(""), null);
  assert.ok(!readFileSync(path, "utf8").includes(secret));
  assert.throws(() => addAccessKey(path, "anna", "viewer", null), /there is a key of this name/);
  assert.throws(() => addAccessKey(path, "a/b", "viewer", null), /is no name/);
  assert.throws(() => removeAccessKeys(path, ["anna", "carl"]), /carl/);
  assert.equal(readAccessKeys(path).length, 2, "none is removed when one is not there");
  removeAccessKeys(path, ["anna"]);
  assert.equal(access.identify(secret), null);
});

test("a key that is over lets nobody in", (t) => {
  const { path, signIn } = made(t);
  const secret = addAccessKey(path, "anna", "viewer", Date.now() - 1);
  assert.equal(signIn().identify(secret), null);
  assert.equal(signIn().signIn(secret), null);
});

test("a session has the role of its key, survives a restart, and ends with the key", (t) => {
  const { path, signIn } = made(t);
  const secret = addAccessKey(path, "anna", "viewer", null);
  const first = signIn();
  const signedIn = first.signIn(secret)!;
  const owners = first.signIn("token")!;
  const access = signIn();
  assert.deepEqual([access.session(signedIn)!.name, access.session(signedIn)!.role], ["anna", "viewer"]);
  const ended: string[] = [];
  access.onSignedOut((id) => ended.push(id));
  const { session } = access.session(signedIn)!;
  access.sweep();
  assert.deepEqual(ended, []);
  removeAccessKeys(path, ["anna"]);
  assert.equal(access.session(signedIn), null);
  access.sweep();
  assert.deepEqual(ended, [session]);
  // A new key of the same name is another.
  addAccessKey(path, "anna", "administrator", null);
  assert.equal(signIn().session(signedIn), null);
  assert.equal(signIn().session(owners)!.role, "administrator");
});

test("a file that others may write, or that makes no sense, lets nobody in and is told of", (t) => {
  const { path, defects, signIn } = made(t);
  const secret = addAccessKey(path, "anna", "viewer", null);
  const access = signIn();
  const good = readFileSync(path, "utf8");
  chmodSync(path, 0o666);
  assert.equal(access.identify(secret), null);
  assert.match(defects.at(-1)!, /others than its owner may write it/);
  chmodSync(path, 0o600);
  for (const [content, words] of [
    ["{", /is no JSON/],
    ["null", /another version/],
    ['{"version": 2, "keys": []}', /another version/],
    [good.replace('"viewer"', '"owner"'), /holds what is no key/],
    [good.replace(/"digest": "\w+"/, '"digest": ""'), /holds what is no key/],
  ] as const) {
    writeFileSync(path, content);
    assert.equal(access.identify(secret), null, content);
    assert.match(defects.at(-1)!, words);
    assert.ok(access.identify("token") !== null, "the owner is let in");
  }
  writeFileSync(path, `${good}\n`);
  assert.ok(access.identify(secret) !== null);
});
