/** Goal: a write-back meets all kinds of inodes that may be dirty. Method: a piece of it over one without pages. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { CallWork } from "../ground/call-work.ts";
import type { Inode } from "./inode.ts";
import { writeSomePages } from "./write-back.ts";

test("a dirty inode without pages, as a folder is, has none to write", () => {
  const folder = { pages: null } as unknown as Inode;
  const failures: number[] = [];
  assert.equal(
    writeSomePages(folder, 0, new CallWork(Infinity), (error) => failures.push(error)),
    0,
  );
  assert.deepEqual(failures, []);
});
