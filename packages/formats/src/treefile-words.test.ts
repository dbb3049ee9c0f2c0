/**
 * A treefile's words in other files. Goal: they mean the same, problems are told at what was written, and what is
 * said twice is told.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { ownWordsOf, type OwnWords } from "./treefile-words.ts";

const INSTALL: OwnWords = {
  settings: "system",
  users: { list: "user", root: "root", words: { password: "password_hash", "ssh-keys": "ssh_keys" } },
  files: "file",
};
const LIST: OwnWords = { settings: "system", files: "files", hasOwners: true, packages: ["packages", "debian"] };

test("an installation takes a treefile's users, files and names", () => {
  const { value, twice, written } = ownWordsOf(
    {
      hostname: "box",
      system: { locale: "C.UTF-8" },
      user: [{ name: "eve", "ssh-keys": ["k"] }],
      users: { ada: { uid: 5, "ssh-keys": ["a", "b"], password: "$6$x" }, root: { password: "$6$r" } },
      files: { "/etc/motd": { content: "x" } },
    },
    INSTALL,
  );
  assert.deepEqual(
    [value, twice],
    [
      {
        system: { locale: "C.UTF-8", hostname: "box" },
        user: [
          { name: "eve", ssh_keys: ["k"] },
          { name: "ada", uid: 5, ssh_keys: ["a", "b"], password_hash: "$6$x" },
        ],
        root: { password_hash: "$6$r" },
        file: [{ path: "/etc/motd", content: "x" }],
      },
      [],
    ],
  );
  assert.deepEqual(
    [
      written(["system", "hostname"]),
      written(["user", 1, "ssh_keys", 1]),
      written(["user", 0, "ssh_keys", 0]),
      written(["root", "password_hash"]),
      written(["file", 0, "mode"]),
      written(["disk", "size"]),
    ],
    [
      ["hostname"],
      ["users", "ada", "ssh-keys", 1],
      ["user", 0, "ssh-keys", 0],
      ["users", "root", "password"],
      ["files", "/etc/motd", "mode"],
      ["disk", "size"],
    ],
  );
});

test("a list takes a treefile's packages, files and names", () => {
  const { value, written } = ownWordsOf(
    { packages: ["nginx"], timezone: "UTC", files: { "/a": { content: "", uid: 33 }, "/b": { link: "c" } } },
    LIST,
  );
  assert.deepEqual(value, {
    packages: { debian: ["nginx"] },
    system: { timezone: "UTC" },
    files: [
      { path: "/a", content: "", owner: "33:0" },
      { path: "/b", link: "c" },
    ],
  });
  assert.deepEqual(
    [written(["packages", "debian", 0]), written(["files", 1])],
    [
      ["packages", 0],
      ["files", "/b"],
    ],
  );
});

test("own words stay as they are, and what is said in both is told", () => {
  const own = { system: { hostname: "a" }, packages: { debian: ["x"] }, files: [{ path: "/a" }] };
  assert.deepEqual(ownWordsOf(own, LIST).value, own);
  assert.deepEqual(ownWordsOf({ ...own, hostname: "b" }, LIST).twice, [["hostname"]]);
  assert.deepEqual(
    ownWordsOf(
      { root: {}, users: { root: {}, ada: {} }, user: [{ name: "ada" }], file: [{ path: "/x" }], files: { "/x": {} } },
      INSTALL,
    ).twice,
    [
      ["users", "root"],
      ["users", "ada"],
      ["files", "/x"],
    ],
  );
  for (const odd of [null, 5, [], { users: 5, files: [1], hostname: 3 }])
    assert.doesNotThrow(() => ownWordsOf(odd, INSTALL));
});
