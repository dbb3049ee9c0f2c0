/** Goal: who may move what where, by path (rename(2)). Method: a library used as root and as others. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EACCES, EBUSY, EEXIST, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, RENAME_NOREPLACE } from "@stratos/abi";
import { SimulatedClock } from "@stratos/host";
import { Files } from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function library(): Files {
  const files = new Files(freshVolume(16).volume, { clock: new SimulatedClock(1_700_000_000_000) });
  files.umask = 0;
  files.mkdir("/shared", 0o1777);
  files.mkdir("/open", 0o777);
  files.mkdir("/closed", 0o755);
  return files;
}

const become = (files: Files, id: number): void => files.become({ uid: id, gid: id, groups: [] });

test("in a sticky folder nobody's file is replaced but one's own, and nothing of others' is taken out of it", () => {
  const files = library();
  become(files, 7);
  files.writeFile("/shared/theirs", bytes("7"));
  files.writeFile("/open/theirs", bytes("7"));
  become(files, 8);
  files.writeFile("/shared/own", bytes("8"));
  files.writeFile("/open/own", bytes("8"));
  assert.equal(files.rename("/shared/own", "/shared/theirs"), -EPERM);
  assert.equal(files.rename("/open/own", "/shared/theirs"), -EPERM);
  assert.equal(files.rename("/shared/theirs", "/open/taken"), -EPERM);
  assert.deepEqual(files.contentOf("/shared/theirs"), bytes("7"));
  assert.equal(files.rename("/shared/own", "/shared/new"), 0);
  assert.equal(files.rename("/open/own", "/open/theirs"), 0, "this folder is not sticky");
  assert.deepEqual(files.contentOf("/open/theirs"), bytes("8"));
  files.writeFile("/shared/own", bytes("8"));
  assert.equal(files.rename("/shared/own", "/shared/new"), 0);
});

test("both folders must be one's to change, and names are whole", () => {
  const files = library();
  become(files, 7);
  files.writeFile("/open/f", bytes("f"));
  assert.equal(files.rename("/open/f", "/closed/f"), -EACCES);
  become(files, 0);
  files.writeFile("/closed/g", bytes("g"));
  become(files, 7);
  assert.equal(files.rename("/closed/g", "/open/g"), -EACCES);
  assert.equal(files.rename("/open/none", "/open/g"), -ENOENT);
  assert.equal(files.rename("/open/f", `/open/${"x".repeat(256)}`), -ENAMETOOLONG);
  assert.equal(files.rename(`/open/${"x".repeat(256)}`, "/open/g"), -ENAMETOOLONG);
  assert.equal(files.rename("/open/f", "/open/g/"), -ENOTDIR);
  assert.equal(files.rename("/", "/open/root"), -EBUSY);
  assert.equal(files.rename("/open/f", "/open/f", RENAME_NOREPLACE), -EEXIST);
  assert.deepEqual(files.contentOf("/open/f"), bytes("f"));
});
