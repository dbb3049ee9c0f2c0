/** Goal: the object of a file goes when nothing leads to it any more. Method: an inode that notes what it is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FileTask } from "../testing/file-system-task.ts";
import { Inode } from "./inode.ts";

class NotedInode extends Inode {
  wasForgotten = false;
  override forget(): void {
    this.wasForgotten = true;
  }
}

test("with its last cached name, unless somebody uses it or something is unwritten", () => {
  const { fileSystem } = FileTask.create().user.task.fs.root.dentry.inode!;
  for (const [state, goes] of [
    [{ nlink: 1 }, true],
    [{ nlink: 2 }, true],
    [{ nlink: 1, cachedNames: 2 }, false],
    [{ nlink: 1, users: 1 }, false],
    [{ nlink: 1, isDirty: true }, false],
  ] as const) {
    const inode = new NotedInode(fileSystem, 7, 0o100644, 0, 0, { seconds: 0, nanoseconds: 0 });
    Object.assign(inode, { cachedNames: 1, users: 0, ...state });
    inode.dropCachedName();
    assert.equal(inode.wasForgotten, goes, JSON.stringify(state));
  }
});
