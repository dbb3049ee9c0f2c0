/**
 * Goal: scripts are shown times with which programs do what they would in a root that grew by itself. Method: trees of
 * a few entries.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileEntry, MemoryBlob, type FileEntry, type FileTree } from "@stratos/formats";
import { sha256 } from "../testing/test-compose.ts";
import { restoreTimes, showTimes } from "./script-times.ts";

const EPOCH = 1000;
const treeOf = (...entries: FileEntry[]): FileTree => ({ entries: () => entries });
const file = (path: string, mtime: number): FileEntry =>
  fileEntry(path, "file", { mtime, content: new MemoryBlob(Buffer.from(path), sha256) });
const timesOf = (tree: FileTree): Record<string, number> =>
  Object.fromEntries([...tree.entries()].map(({ path, mtime }) => [path, mtime]));

test("folders are newer than man's index, so that mandb looks for the pages that have come since", () => {
  const index = file("var/cache/man/de/index.db", EPOCH),
    folder = fileEntry("usr/share/man/de/man1", "directory", { mtime: 7 }),
    page = file("usr/share/man/de/man1/a.1.gz", 8);
  const tree = treeOf(file("usr/bin/mandb", 5), folder, page, index, file("var/cache/man/CACHEDIR.TAG", EPOCH));
  const shown = timesOf(showTimes(tree, EPOCH));
  assert.ok(shown[folder.path]! > shown[index.path]!);
  assert.deepEqual(
    [shown[page.path], shown["usr/bin/mandb"], shown["var/cache/man/CACHEDIR.TAG"]],
    [8, EPOCH - 1, EPOCH],
  );
  // A script has changed its mode alone, or mandb has found nothing and kept its time.
  const touched = restoreTimes({ changed: [{ ...index, mtime: shown[index.path]!, mode: 0o600 }] }, tree, EPOCH);
  assert.deepEqual(
    touched.changed.map(({ mtime, mode }) => [mtime, mode]),
    [[EPOCH, 0o600]],
  );
});

test("a link that update-alternatives has made has the time of what it names, be that a link, too", () => {
  const link = (path: string, target: string, mtime: number): FileEntry =>
    fileEntry(path, "symlink", { target, mtime });
  const tree = treeOf(
    link("bin", "usr/bin", 2),
    fileEntry("usr/bin", "directory", { mtime: 3 }),
    link("usr/bin/gcc", "gcc-14", 4),
    file("usr/bin/gcc-14", 5),
    file("usr/bin/more", 6),
  );
  const shown = timesOf(showTimes(tree, EPOCH))["usr/bin/gcc"]!;
  const made = [
    ["etc/alternatives/cc", "/usr/bin/gcc"],
    ["usr/bin/cc", "/etc/alternatives/cc"],
    ["etc/alternatives/pager", "/bin/more"],
    ["etc/alternatives/a", "b"],
    ["etc/alternatives/b", "a"],
    ["usr/bin/x", "../nowhere"],
  ] as const;
  const { changed } = restoreTimes({ changed: made.map(([path, target]) => link(path, target, shown)) }, tree, EPOCH);
  assert.deepEqual(
    changed.map(({ mtime }) => mtime),
    [4, 4, 6, shown, shown, shown],
  );
});
