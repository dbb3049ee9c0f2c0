/**
 * Goal: F_NOTIFY of fcntl(2) sends a signal for what it was asked for, once or each time. Method: system calls of a
 * task, whose pending signals are looked at.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AT_FDCWD,
  DN_ATTRIB,
  DN_CREATE,
  DN_MULTISHOT,
  DN_RENAME,
  EINVAL,
  ENOTDIR,
  F_NOTIFY,
  F_SETSIG,
} from "@stratos/abi";
import { FileTask } from "../../testing/file-system-task.ts";

const SIGNAL = 36;

function pending(user: FileTask): boolean {
  const { pending: signals } = user.task.group;
  const was = signals.set.has(SIGNAL);
  signals.discard(SIGNAL);
  return was;
}

it("a rename within the folder is one, into another it isn't; a shot is spent, many are not", () => {
  const { user } = FileTask.create();
  for (const name of ["/dir", "/dir/sub"]) user.call("mkdirat", AT_FDCWD, name, 0o755);
  user.put("/dir/file", "");
  const fd = user.open("/dir");
  assert.equal(user.call("fcntl", fd, F_SETSIG, SIGNAL), 0);
  assert.equal(user.call("fcntl", user.open("/dir/file"), F_NOTIFY, DN_CREATE), -ENOTDIR);
  assert.equal(user.call("fcntl", fd, F_NOTIFY, 0x1000), -EINVAL);
  assert.equal(user.call("fcntl", fd, F_NOTIFY, DN_RENAME | DN_ATTRIB | DN_MULTISHOT), 0);
  user.call("renameat2", AT_FDCWD, "/dir/file", AT_FDCWD, "/dir/other", 0);
  assert.equal(pending(user), true);
  user.call("renameat2", AT_FDCWD, "/dir/other", AT_FDCWD, "/dir/sub/other", 0);
  assert.equal(pending(user), false);
  user.call("fchmodat", AT_FDCWD, "/dir", 0o700, 0);
  assert.equal(pending(user), true, "the folder itself");
  user.call("fchmodat", AT_FDCWD, "/dir/sub", 0o700, 0);
  assert.equal(pending(user), true, "what lies in it");
  assert.equal(user.call("fcntl", fd, F_NOTIFY, 0), 0);
  user.call("fchmodat", AT_FDCWD, "/dir", 0o755, 0);
  assert.equal(pending(user), false, "it was called off");
  assert.equal(user.call("fcntl", fd, F_NOTIFY, DN_CREATE), 0);
  user.put("/dir/one", "");
  assert.equal(pending(user), true);
  user.put("/dir/two", "");
  assert.equal(pending(user), false, "one shot");
  user.call("close", fd);
  assert.equal(user.task.kernel.vfs.watchCount, 0);
});
