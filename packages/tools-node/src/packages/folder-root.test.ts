/**
 * Changes of a folder of the host. Goal: where a link and a folder take each other's place, nothing behind the link is
 * touched or taken for what was there, and the change can be taken back.
 */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RootChanges, type ChangeDraft } from "@stratos/pkg";
import { FolderRoot } from "./folder-root.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-folder-root-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const FILE = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o644, mtime: 7 };
const DIRECTORY = { ...FILE, mode: 0o755 };

function apply(changes: RootChanges, draft: ChangeDraft): number {
  const id = draft.commit({ title: "test", time: 1, data: null });
  changes.apply(id);
  changes.finish(id);
  return id;
}

test("a link becomes a folder and a folder a link, with files of the same names behind; and back", () => {
  const root = join(folder, "root"),
    outside = join(folder, "outside");
  for (const path of [root, outside, join(root, "real"), join(root, "target")]) mkdirSync(path);
  writeFileSync(join(outside, "x"), "outside\n");
  writeFileSync(join(root, "target/y"), "behind\n");
  writeFileSync(join(root, "real/y"), "own\n");
  symlinkSync(outside, join(root, "link"));
  const changes = new RootChanges(new FolderRoot(root, { ownership: false }));
  const draft = changes.begin();
  draft.remove("real/y");
  draft.symlink("real", FILE, "target");
  draft.directory("link", DIRECTORY);
  assert.equal(draft.look("link/x"), undefined, "what is behind the link is not in the folder");
  draft.file("link/x", FILE, Buffer.from("inside\n"));
  const id = apply(changes, draft);
  assert.deepEqual(
    [
      lstatSync(join(root, "link")).isDirectory(),
      readFileSync(join(root, "link/x"), "utf8"),
      readFileSync(join(root, "real/y"), "utf8"),
    ],
    [true, "inside\n", "behind\n"],
  );

  apply(changes, changes.revert(id));
  assert.deepEqual(
    [lstatSync(join(root, "link")).isSymbolicLink(), lstatSync(join(root, "real")).isDirectory()],
    [true, true],
  );
  assert.deepEqual(
    [
      readFileSync(join(outside, "x"), "utf8"),
      readFileSync(join(root, "real/y"), "utf8"),
      readFileSync(join(root, "target/y"), "utf8"),
    ],
    ["outside\n", "own\n", "behind\n"],
  );
  assert.equal(existsSync(join(root, "target/x")), false);
});
