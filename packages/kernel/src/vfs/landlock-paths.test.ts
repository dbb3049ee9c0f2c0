/**
 * Goal: a rule is for the file that it was made for, not for another that has got its number, as file systems of the
 * host and ext4 give them. Method: files in folders, as the check sees them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EACCES, LANDLOCK_ACCESS_FS_READ_FILE, LANDLOCK_ACCESS_FS_WRITE_FILE } from "@stratos/abi";
import { withLayer } from "../security/landlock.ts";
import { checkLandlock } from "./landlock-paths.ts";
import type { Path } from "./path.ts";

const READ = LANDLOCK_ACCESS_FS_READ_FILE,
  WRITE = LANDLOCK_ACCESS_FS_WRITE_FILE;

interface File {
  readonly ino: number;
  nlink: number;
}

function at(inode: File): Path {
  const dentry = { inode: Object.assign(inode, { fileSystem: { device: 3 } }), parent: null };
  return { mount: { id: 1, root: dentry, parent: null, mountPoint: null }, dentry } as unknown as Path;
}

function rules(file: File, rights: number): Parameters<typeof withLayer>[2] {
  return {
    files: new Map([[3, new Map([[file.ino, rights]])]]),
    owners: new Map([[3, new Map([[file.ino, file]])]]),
    ports: new Map(),
  };
}

test("a file that is made with the number of a removed one is granted nothing", () => {
  const file = { ino: 7, nlink: 1 };
  const domain = withLayer(null, { fs: READ, net: 0, scoped: 0 }, rules(file, READ));
  assert.equal(checkLandlock(domain, at(file), READ), 0);
  // The same file, known anew.
  assert.equal(checkLandlock(domain, at({ ino: 7, nlink: 1 }), READ), 0);
  file.nlink = 0;
  assert.equal(checkLandlock(domain, at({ ino: 7, nlink: 1 }), READ), -EACCES);
  assert.equal(checkLandlock(domain, at(file), READ), 0, "who has it open still finds it");
});

test("a layer's rule for the file that came does not give it what an older layer granted the one before", () => {
  const file = { ino: 7, nlink: 1 },
    other = { ino: 7, nlink: 1 };
  const first = withLayer(null, { fs: READ, net: 0, scoped: 0 }, rules(file, READ));
  file.nlink = 0;
  const second = withLayer(first, { fs: WRITE, net: 0, scoped: 0 }, rules(other, WRITE));
  assert.equal(checkLandlock(second, at(other), WRITE), 0);
  assert.equal(checkLandlock(second, at(other), READ), -EACCES);
});

test("rules of a machine that was saved before go by number alone", () => {
  const file = { ino: 7, nlink: 0 };
  const { owners: _owners, ...old } = withLayer(null, { fs: READ, net: 0, scoped: 0 }, rules(file, READ));
  assert.equal(checkLandlock(old, at({ ino: 7, nlink: 1 }), READ), 0);
});
