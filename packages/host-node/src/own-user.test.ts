/** Goal: a user whom passwd(5) does not know runs all the same. Method: Node's answers, as they are for such a one. */
import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import { test, type TestContext } from "node:test";
import { ownUser, userHome } from "./own-user.ts";
import { stratosHome } from "./stratos-home.ts";

/** @param HOME  null: it is not set */
function withoutEntry(t: TestContext, HOME: string | null): void {
  const before = process.env["HOME"];
  const throws = (): never => {
    throw Object.assign(new Error("uv_os_get_passwd returned ENOENT"), { code: "ERR_SYSTEM_ERROR" });
  };
  t.mock.method(os, "userInfo", throws);
  if (HOME === null) {
    delete process.env["HOME"];
    t.mock.method(os, "homedir", throws);
  } else process.env["HOME"] = HOME;
  syncBuiltinESMExports();
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
    if (before === undefined) delete process.env["HOME"];
    else process.env["HOME"] = before;
  });
}

test("a user with an entry is that one", () => {
  const { uid, gid, name, home, shell } = ownUser();
  const { username, homedir, ...entry } = os.userInfo();
  assert.deepEqual([uid, gid, name, home], [entry.uid, entry.gid, username, homedir]);
  assert.match(shell, /^\//);
});

test("one without an entry has its number for a name, and HOME", (t) => {
  withoutEntry(t, "/data");
  const uid = process.geteuid!();
  assert.deepEqual(ownUser(), { uid, gid: process.getegid!(), name: String(uid), home: "/data", shell: "/bin/sh" });
  assert.equal(userHome(), "/data");
});

test("without HOME as well, or with one that is no path, home is the root", (t) => {
  withoutEntry(t, null);
  assert.equal(ownUser().home, "/");
  assert.equal(userHome(), "/");
  assert.equal(stratosHome({}), "/.local/share/stratos");
  process.env["HOME"] = "relative";
  assert.equal(ownUser().home, "/");
});
