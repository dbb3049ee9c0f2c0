/**
 * Goal: a change is there whole or not at all, whatever moment it is interrupted at, and can be taken back. Method: the
 * same change is stopped at each of its steps, and again at each step of the recovery; what is found must be the old or
 * the new state, byte for byte.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Crash, MemoryRootFiles } from "../testing/memory-root-files.ts";
import { CHANGES_FOLDER, ChangeError, RootChanges, type ChangeDraft } from "./root-change.ts";
import { placeOf, RootPathError } from "./root-paths.ts";

const META = { uid: 0, gid: 0, mode: 0o644, mtime: 7 };
const FOLDER = { uid: 0, gid: 0, mode: 0o755, mtime: 7 };
const NOTE = { title: "test", time: 1, data: null };
const OUTSIDE = "var";
const bytes = (text: string): Uint8Array => Buffer.from(text);

function oldRoot(): MemoryRootFiles {
  const root = new MemoryRootFiles();
  for (const path of ["etc", "usr", "usr/bin", "usr/old", "var", "opt"]) root.directory(path, FOLDER);
  root.file("etc/config", META, bytes("old"));
  root.file("usr/bin/tool", META, bytes("tool 1"));
  root.hardLink("usr/bin/alias", "usr/bin/tool");
  root.file("usr/old/a", META, bytes("a"));
  root.symlink("usr/link", META, "old");
  root.file("opt/becomes-folder", META, bytes("x"));
  root.directory("opt/becomes-file", FOLDER);
  root.file("opt/becomes-file/inner", META, bytes("y"));
  return root;
}

function fill(draft: ChangeDraft): void {
  draft.file("etc/config", META, bytes("new"));
  draft.directory("usr/new", { ...FOLDER, mode: 0o700 });
  draft.file("usr/new/b", META, bytes("b"));
  draft.file("usr/bin/tool", { ...META, mode: 0o4755 }, bytes("tool 2"));
  draft.hardLink("usr/bin/alias", "usr/bin/tool");
  draft.remove("usr/old/a");
  draft.removeDirectory("usr/old");
  draft.symlink("usr/link", META, "new");
  draft.remove("opt/becomes-file/inner");
  draft.file("opt/becomes-file", META, bytes("file"));
  draft.directory("opt/becomes-folder", FOLDER);
  draft.file("opt/becomes-folder/z", META, bytes("z"));
  draft.file("etc/twice", META, bytes("first"));
  draft.file("etc/twice", META, bytes("second"));
}

function change(root: MemoryRootFiles): void {
  const changes = new RootChanges(root);
  const draft = changes.begin();
  fill(draft);
  const id = draft.commit(NOTE);
  changes.apply(id);
  changes.finish(id);
}

/** Runs `work` until the N-th change of the root; true when it came to its end. */
function runUntil(root: MemoryRootFiles, changes: number, work: () => void): boolean {
  root.changes = 0;
  root.crashAfter = changes;
  try {
    work();
    return true;
  } catch (error) {
    if (!(error instanceof Crash)) throw error;
    return false;
  } finally {
    root.crashAfter = -1;
  }
}

test("an interruption at any step, and at any step of the recovery, leaves the old state or the new one", () => {
  const before = oldRoot().snapshot(OUTSIDE);
  const finished = oldRoot();
  change(finished);
  const after = finished.snapshot(OUTSIDE);
  assert.ok(
    after.includes("etc/config file 644 new") &&
      after.includes("usr/bin/alias file 4755 tool 2") &&
      !after.some((line) => line.startsWith("usr/old")),
  );
  let old = 0,
    renewed = 0,
    cases = 0;
  for (let stop = 0; ; stop++) {
    const root = oldRoot();
    if (runUntil(root, stop, () => change(root))) break;
    for (let again = 0; ; again++) {
      const copied = root.copy();
      const recovered = runUntil(copied, again, () => {
        new RootChanges(copied).recover();
      });
      if (!recovered) new RootChanges(copied).recover();
      const state = copied.snapshot(OUTSIDE);
      const isOld = JSON.stringify(state) === JSON.stringify(before);
      if (isOld) old++;
      else {
        assert.deepEqual(state, after, `stopped at ${stop}, recovery at ${again}`);
        renewed++;
      }
      assert.ok(!copied.list(CHANGES_FOLDER).some((name) => name.endsWith(".draft")), "nothing half is left");
      cases++;
      if (recovered) break;
    }
  }
  assert.ok(old > 20 && renewed > 20 && cases > 100, `${old} old, ${renewed} new`);
});

test("a change is taken back, and the taking back too", () => {
  const root = oldRoot();
  const before = root.snapshot(OUTSIDE);
  change(root);
  const after = root.snapshot(OUTSIDE);
  for (const [id, expected] of [
    [1, before],
    [2, after],
    [3, before],
  ] as const) {
    const changes = new RootChanges(root);
    const next = changes.revert(id).commit(NOTE);
    changes.apply(next);
    changes.finish(next);
    assert.deepEqual(root.snapshot(OUTSIDE), expected);
  }
  assert.throws(
    () => new RootChanges(root).revert(2),
    (error) => error instanceof ChangeError && /not the last one: take back 4 first/.test(error.message),
  );
});

test("a draft shows the root as it will be, and giving it up leaves no trace", () => {
  const root = oldRoot();
  const draft = new RootChanges(root).begin();
  fill(draft);
  assert.equal(draft.look("usr/old/a"), undefined);
  assert.equal(Buffer.from(draft.read("etc/twice")).toString(), "second");
  assert.equal(draft.look("usr/bin/tool")?.meta.mode, 0o4755);
  assert.equal(Buffer.from(root.read("etc/config")).toString(), "old");
  draft.discard();
  assert.deepEqual(
    root.snapshot(CHANGES_FOLDER).filter((line) => !/^var\/lib/.test(line)),
    oldRoot().snapshot(CHANGES_FOLDER),
  );
  assert.deepEqual(root.list(CHANGES_FOLDER), []);
});

test("only the last changes are kept", () => {
  const root = oldRoot();
  for (let round = 0; round < 14; round++) {
    const changes = new RootChanges(root);
    const draft = changes.begin();
    draft.file("etc/round", META, bytes(String(round)));
    const id = draft.commit(NOTE);
    changes.apply(id);
    changes.finish(id);
  }
  const history = new RootChanges(root).history();
  assert.deepEqual([history.length, history[0]!.id, history.at(-1)!.id], [10, 5, 14]);
});

test("paths are resolved within the root, and circles are refused", () => {
  const root = new MemoryRootFiles();
  root.directory("usr", FOLDER);
  root.directory("usr/lib", FOLDER);
  root.symlink("lib", META, "usr/lib");
  root.symlink("up", META, "../../../usr");
  root.symlink("abs", META, "/up/lib");
  root.symlink("one", META, "two");
  root.symlink("two", META, "one");
  const look = (path: string): ReturnType<MemoryRootFiles["look"]> => root.look(path);
  assert.equal(placeOf(look, "lib/x/y"), "usr/lib/x/y");
  assert.equal(placeOf(look, "abs/x"), "usr/lib/x");
  assert.equal(placeOf(look, "lib"), "lib");
  for (const path of ["one/x", "a/../b", "/a", "a//b", "a/./b"])
    assert.throws(() => placeOf(look, path), RootPathError, path);
});
