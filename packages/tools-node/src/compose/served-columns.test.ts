/** What threads are told of a tree. Goal: nothing of an entry is lost on the way. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { decodeColumns, encodeColumns } from "./served-columns.ts";
import type { ServedEntry } from "./served-tree.ts";

test("entries of each kind arrive as they were", () => {
  const entry = (path: string, kind: ServedEntry["kind"], fields: Partial<ServedEntry> = {}): ServedEntry => ({
    path,
    kind,
    mode: 0o755,
    uid: 0,
    gid: 0,
    mtime: 1_700_000_000,
    sizeBytes: 0,
    target: "",
    pack: 0,
    offset: 0,
    xattrs: [],
    ...fields,
  });
  const entries = [
    entry("", "directory"),
    entry("a b\n", "file", {
      sizeBytes: 2 ** 40 + 1,
      pack: 3,
      offset: 2 ** 33,
      uid: 65534,
      gid: 42,
      mode: 0o4711,
      xattrs: [
        ["security.capability", "\0\xff"],
        ["user.x", ""],
      ],
    }),
    entry("caf\xc3\xa9", "symlink", { target: "a b\n" }),
    entry("f", "fifo", { mtime: -5 }),
    entry("h", "hardLink", { target: "a b\n" }),
  ];
  assert.deepEqual(decodeColumns(structuredClone(encodeColumns(entries))), entries);
  assert.deepEqual(decodeColumns(encodeColumns([])), []);
});
