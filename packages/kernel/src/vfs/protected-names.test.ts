/**
 * Goal: fs.protected_symlinks, protected_hardlinks, protected_fifos and protected_regular refuse what they are for and
 * nothing else. Method: root (0) owns a folder like /tmp; 1000 and 1001 leave things there for each other.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AT_FDCWD, EACCES, EPERM, O_CREAT, O_EXCL, EEXIST, O_NONBLOCK, O_RDONLY, O_RDWR, S_IFIFO } from "@stratos/abi";
import { FileTask } from "../testing/file-system-task.ts";
import type { ProtectedNames } from "./protected-names.ts";

const MODES = { sticky: 0o1777, group: 0o1775, open: 0o777 };

function begin(): { user: FileTask; protects: ProtectedNames } {
  const { test: machine, user } = FileTask.create();
  user.call("umask", 0);
  for (const [name, mode] of Object.entries(MODES)) {
    user.call("mkdirat", AT_FDCWD, `/${name}`, mode);
    user.call("fchmodat", AT_FDCWD, `/${name}`, mode, 0);
    user.put(`/${name}/file`, "x");
    user.call("fchmodat", AT_FDCWD, `/${name}/file`, 0o666, 0);
    user.call("fchownat", AT_FDCWD, `/${name}/file`, 1000, 1000, 0);
    user.call("mknodat", AT_FDCWD, `/${name}/fifo`, S_IFIFO | 0o666, 0);
    user.call("fchownat", AT_FDCWD, `/${name}/fifo`, 1000, 1000, 0);
    user.call("symlinkat", "file", AT_FDCWD, `/${name}/link`);
    user.call("fchownat", AT_FDCWD, `/${name}/link`, 1000, 1000, 0x100);
  }
  user.call("symlinkat", "file", AT_FDCWD, "/sticky/owners");
  return { user, protects: machine.kernel.vfs.protects };
}

test("a link of somebody else's in a folder like /tmp isn't followed at a path's end", () => {
  const { user, protects } = begin();
  user.becomeUser(1001);
  assert.ok(user.open("/sticky/link", O_RDONLY) >= 0, "as it is by default");
  protects.symlinks = 1;
  assert.equal(user.open("/sticky/link", O_RDONLY), -EACCES);
  assert.equal(user.stat("/sticky/link"), -EACCES);
  assert.equal(user.call("readlinkat", AT_FDCWD, "/sticky/link", 0x2000, 9), 4);
  assert.ok(user.open("/sticky/owners", O_RDONLY) >= 0, "it is the folder's owner's");
  assert.ok(user.open("/group/link", O_RDONLY) >= 0);
  assert.ok(user.open("/open/link", O_RDONLY) >= 0);
  user.becomeUser(1000);
  assert.ok(user.open("/sticky/link", O_RDONLY) >= 0, "it is one's own");
});

test("who could not write a file gets no further name of it", () => {
  const { user, protects } = begin();
  user.put("/secret", "x");
  user.call("fchmodat", AT_FDCWD, "/secret", 0o644, 0);
  user.put("/program", "x");
  user.call("fchmodat", AT_FDCWD, "/program", 0o4777, 0);
  user.becomeUser(1001);
  const link = (from: string, to: string): number => user.call("linkat", AT_FDCWD, from, AT_FDCWD, `/open/${to}`, 0);
  assert.equal(link("/secret", "a"), 0, "as it is by default");
  protects.hardlinks = 1;
  assert.equal(link("/secret", "b"), -EPERM);
  assert.equal(link("/program", "c"), -EPERM);
  assert.equal(link("/open/fifo", "d"), -EPERM);
  assert.equal(link("/open/file", "e"), 0, "it may be read and written");
  user.becomeUser(1000);
  assert.equal(link("/open/fifo", "f"), 0, "it is one's own");
});

test("what others have put there isn't taken for what was to be created", () => {
  const { user, protects } = begin();
  const opens = (path: string): number => user.open(path, O_CREAT | O_RDWR | O_NONBLOCK, 0o600);
  assert.ok(opens("/sticky/file") >= 0 && opens("/sticky/fifo") >= 0, "as it is by default");
  protects.regular = 1;
  assert.equal(opens("/sticky/file"), -EACCES, "root, too");
  assert.ok(opens("/sticky/fifo") >= 0 && opens("/group/file") >= 0 && opens("/open/file") >= 0);
  assert.ok(user.open("/sticky/file", O_RDWR) >= 0, "without O_CREAT one means what is there");
  assert.equal(user.open("/sticky/file", O_CREAT | O_EXCL | O_RDWR), -EEXIST);
  protects.fifos = 2;
  assert.equal(opens("/sticky/fifo"), -EACCES);
  assert.equal(opens("/group/fifo"), -EACCES);
  user.becomeUser(1000);
  assert.ok(opens("/sticky/file") >= 0 && opens("/sticky/fifo") >= 0);
});
