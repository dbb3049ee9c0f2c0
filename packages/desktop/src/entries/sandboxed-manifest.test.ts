/** Goal: a manifest says exactly what may be asked for, and one that is wrong is told in words and gives nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { covers, isPlainPath, parseManifest, permissionText } from "./sandboxed-manifest.ts";

test("a manifest's permissions are paths as they are", () => {
  const text = JSON.stringify({
    name: "Notes",
    names: { de: "Notizen" },
    panel: "panel.html",
    permissions: ["notify", "read:~/notes", "write:/srv/x", "run:/usr/bin/make"],
  });
  const manifest = parseManifest(text, "/home/me", "de");
  assert.ok(typeof manifest !== "string", String(manifest));
  assert.equal(manifest.name, "Notizen");
  assert.equal(manifest.entry, "index.html");
  assert.deepEqual(manifest.permissions.map(permissionText), [
    "panel",
    "notify",
    "read:/home/me/notes",
    "write:/srv/x",
    "run:/usr/bin/make",
  ]);
});

test("what is wrong is told", () => {
  const said = (value: unknown): unknown => parseManifest(JSON.stringify(value), "/root", "en");
  for (const [value, words] of [
    [[], /an object/],
    [{}, /^name:/],
    [{ name: "a\nb" }, /^name:/],
    [{ name: "x", entry: "../y.html" }, /^entry:/],
    [{ name: "x", entry: ".hidden" }, /^entry:/],
    [{ name: "x", panel: "a/b" }, /^panel:/],
    [{ name: "x", permissions: ["panel"] }, /^permissions: "panel"/],
    [{ name: "x", more: 1 }, /^more: no such key/],
    [{ name: "x", permissions: "notify" }, /a list/],
    ...["read:", "read:etc", "read:/", "read:/a/../b", "read:/a/./b", "read:/a/", "read://a", "all", "exec:/x", 7].map(
      (each) => [{ name: "x", permissions: [each] }, /^permissions: .*expected$/] as const,
    ),
  ] as const)
    assert.match(String(said(value)), words, JSON.stringify(value));
  assert.match(String(parseManifest("{", "/", "en")), /^is no JSON/);
});

test("a permission covers its path and what is below it, of its own kind", () => {
  const read = { kind: "read", path: "/home/me/notes" } as const;
  assert.ok(covers(read, "read", "/home/me/notes") && covers(read, "read", "/home/me/notes/a/b"));
  for (const path of ["/home/me/notes2", "/home/me", "/home/me/note"]) assert.ok(!covers(read, "read", path), path);
  assert.ok(!covers(read, "write", "/home/me/notes"));
  assert.ok(!covers({ kind: "run", path: "/usr/bin" }, "run", "/usr/bin/make"));
  for (const path of ["", "/", "a", "/a/..", "/a//b", "/a/.", "/../a", "/a/", "/a\0b"])
    assert.ok(!isPlainPath(path), JSON.stringify(path));
  assert.ok(isPlainPath("/a/.b/..c/d"));
});
