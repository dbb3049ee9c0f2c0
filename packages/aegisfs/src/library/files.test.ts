/** The library: paths, descriptors, rights, and that all of it is there after the next mount. */
import { test } from "node:test";
import assert from "node:assert/strict";
import {
  ACL_ACCESS_NAME,
  ACL_DEFAULT_NAME,
  EACCES,
  EBADF,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENAMETOOLONG,
  ENODATA,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  EPERM,
  EROFS,
  O_APPEND,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  R_OK,
  serializeAcl,
  W_OK,
  X_OK,
} from "@stratos/abi";
import type { AclEntry } from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { SimulatedClock } from "@stratos/host";
import { Attributes, check, Files, mount } from "../aegisfs.ts";
import { freshVolume, mountedVolume } from "../testing/fresh-volume.ts";

function library(mib = 16): { files: Files; clock: SimulatedClock; device: ReturnType<typeof freshVolume>["device"] } {
  const { device, volume } = freshVolume(mib);
  const clock = new SimulatedClock(1_700_000_000_000);
  return { files: new Files(volume, { clock }), clock, device };
}

const text = (value: string): Uint8Array => byteStringOf(value);
const attributes = new Attributes();
const modeOf = (files: Files, path: string): number => (
  assert.equal(files.lstat(path, attributes), 0),
  attributes.mode & 0o7777
);

test("what is written by path is read by path, and is there after the next mount", () => {
  const { files, clock, device } = library();
  assert.equal(files.mkdir("/straße"), 0);
  assert.equal(files.writeFile("/straße/ü.txt", text("hello")), 5);
  assert.deepEqual(files.contentOf("straße/./../straße//ü.txt"), text("hello"));
  assert.equal(files.writeFile("/straße/ü.txt", text("bye")), 3);
  assert.equal(files.overwrite("/straße/ü.txt", text("BY")), 2);
  assert.equal(files.writeFile("/big", new Uint8Array(300_000).fill(7)), 300_000);
  assert.deepEqual(files.readdir("/straße"), ["ü.txt"]);
  assert.equal(files.sync(), 0);
  const again = new Files(mountedVolume(mount(device)), { clock });
  assert.deepEqual(again.contentOf("/straße/ü.txt"), text("BYe"));
  const piece = new Uint8Array(10);
  assert.equal(again.readFile("/big", piece, 299_995), 5);
  assert.deepEqual(check(device, { data: true }), []);
});

test("paths fail as those of the system calls do", () => {
  const { files } = library();
  files.mkdir("/d");
  files.writeFile("/f", text("x"));
  files.symlink("loop", "/loop");
  files.symlink("d", "/link");
  files.symlink("nowhere/below", "/dangling");
  assert.equal(files.stat("", attributes), -ENOENT);
  assert.equal(files.stat("/none", attributes), -ENOENT);
  assert.equal(files.stat("/none/below", attributes), -ENOENT);
  assert.equal(files.stat("/f/below", attributes), -ENOTDIR);
  assert.equal(files.stat("/f/", attributes), -ENOTDIR);
  assert.equal(files.stat("/loop", attributes), -ELOOP);
  assert.equal(files.stat(`/${"n".repeat(256)}`, attributes), -ENAMETOOLONG);
  assert.equal(files.stat(`/${"d/".repeat(2100)}`, attributes), -ENAMETOOLONG);
  assert.equal(files.mkdir("/d"), -EEXIST);
  assert.equal(files.mkdir("/link"), -EEXIST);
  assert.equal(files.mkdir("/new/"), 0);
  assert.equal(files.writeFile("/link/inside", text("y")), 1);
  assert.equal(files.rmdir("/d"), -ENOTEMPTY);
  assert.equal(files.rmdir("/f"), -ENOTDIR);
  assert.equal(files.rmdir("/d/."), -EINVAL);
  assert.equal(files.unlink("/d"), -EISDIR);
  assert.equal(files.unlink("/f/"), -ENOTDIR);
  assert.equal(files.readdir("/f"), -ENOTDIR);
  assert.equal(files.readFile("/d", new Uint8Array(1)), -EISDIR);
  assert.equal(files.readlink("/f"), -EINVAL);
  assert.equal(files.readlink("/link"), "d");
  assert.equal(files.open("/dangling", O_RDONLY), -ENOENT);
  assert.equal(files.open("/dangling", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
  assert.equal(files.open("/d", O_RDWR), -EISDIR);
  assert.equal(files.rename("/d", "/d/below"), -EINVAL);
  assert.equal(files.rename("/f", "/d"), -EISDIR);
  assert.equal(files.link("/d", "/hard"), -EPERM);
  assert.equal(files.link("/f", "/hard"), 0);
  assert.equal(files.stat("/hard", attributes), 0);
  assert.equal(attributes.nlink, 2);
});

test("descriptors: positions, appending, files without a name, and files that lost theirs", () => {
  const { files, device } = library();
  const fd = files.open("/log", O_RDWR | O_CREAT | O_APPEND, 0o600);
  assert.equal(files.write(fd, text("one"), 0, 3), 3);
  assert.equal(files.write(fd, text("two"), 0, 3, 0), 3);
  assert.deepEqual(files.contentOf("/log"), text("onetwo"));
  assert.equal(modeOf(files, "/log"), 0o600);
  const bytes = new Uint8Array(6);
  assert.equal(files.read(fd, bytes, 0, 6), 3, "the write moved the position");
  assert.equal(files.unlink("/log"), 0);
  assert.equal(files.read(fd, bytes, 0, 6, 0), 6);
  assert.equal(files.close(fd), 0);
  assert.equal(files.close(fd), -EBADF);
  assert.equal(files.read(fd, bytes, 0, 1), -EBADF);
  const unnamed = files.open("/", O_TMPFILE | O_RDWR, 0o644);
  assert.ok(unnamed >= 0);
  files.write(unnamed, text("born late"), 0, 9);
  assert.equal(files.linkDescriptor(unnamed, "/named"), 0);
  assert.equal(files.close(unnamed), 0);
  const never = files.open("/", O_TMPFILE | O_RDWR | O_EXCL, 0o644);
  assert.equal(files.linkDescriptor(never, "/other"), -ENOENT);
  assert.equal(files.close(never), 0);
  const truncated = files.open("/named", O_WRONLY | O_TRUNC);
  assert.equal(files.read(truncated, bytes, 0, 1), -EBADF);
  assert.equal(files.ftruncate(truncated, 4), 0);
  assert.deepEqual(files.contentOf("/named"), new Uint8Array(4));
  assert.equal(files.fsync(truncated), 0);
  assert.deepEqual(check(device, { data: true }), []);
});

test("rights: mode bits, sticky folders, set-group-ID, ownership", () => {
  const { files } = library();
  files.umask = 0;
  files.mkdir("/tmp", 0o1777);
  files.mkdir("/closed", 0o700);
  files.mkdir("/team", 0o777);
  files.chown("/team", 0, 50);
  files.chmod("/team", 0o2777);
  files.writeFile("/closed/f", text("s"));
  files.become({ uid: 7, gid: 7, groups: [50] });
  assert.equal(files.stat("/closed/f", attributes), -EACCES);
  assert.equal(files.writeFile("/closed/new", text("x")), -EACCES);
  assert.equal(files.writeFile("/tmp/mine", text("x"), 0o640), 1);
  files.mkdir("/team/sub");
  assert.equal(modeOf(files, "/team/sub") & 0o2000, 0o2000);
  assert.equal(attributes.gid, 50);
  assert.equal(files.chown("/tmp/mine", 8, -1), -EPERM);
  assert.equal(files.chown("/tmp/mine", -1, 50), 0);
  assert.equal(files.chmod("/tmp/mine", 0o6755), 0);
  assert.equal(modeOf(files, "/tmp/mine"), 0o6755);
  assert.equal(files.writeFile("/tmp/mine", text("xy")), 2);
  assert.equal(modeOf(files, "/tmp/mine"), 0o755, "writing takes set-user-ID away");
  files.become({ uid: 8, gid: 8, groups: [] });
  assert.equal(files.unlink("/tmp/mine"), -EPERM);
  assert.equal(files.rename("/tmp/mine", "/tmp/theirs"), -EPERM);
  assert.equal(files.chmod("/tmp/mine", 0o777), -EPERM);
  assert.equal(files.access("/tmp/mine", R_OK | X_OK), 0);
  assert.equal(files.access("/tmp/mine", W_OK), -EACCES);
  assert.equal(files.setXattr("/tmp/mine", "user.a", text("1")), -EACCES);
});

test("access control lists decide, follow chmod, and are inherited", () => {
  const { files } = library();
  const acl = (...entries: [number, number, number][]): Uint8Array =>
    serializeAcl(entries.map(([tag, permissions, id]): AclEntry => ({ tag, permissions, id })));
  files.writeFile("/f", text("x"), 0o600);
  assert.equal(files.setXattr("/f", ACL_ACCESS_NAME, text("bad")), -EINVAL);
  assert.equal(files.setXattr("/f", ACL_ACCESS_NAME, acl([1, 6, 0], [2, 4, 7], [4, 0, 0], [16, 6, 0], [32, 0, 0])), 0);
  assert.equal(modeOf(files, "/f"), 0o660, "the group bits show the mask");
  files.become({ uid: 7, gid: 7, groups: [] });
  assert.equal(files.access("/f", R_OK), 0);
  assert.equal(files.access("/f", W_OK), -EACCES);
  assert.equal(files.setXattr("/f", ACL_ACCESS_NAME, acl([1, 6, 0], [4, 0, 0], [32, 0, 0])), -EPERM);
  files.become({ uid: 0, gid: 0, groups: [] });
  assert.equal(files.chmod("/f", 0o600), 0);
  files.become({ uid: 7, gid: 7, groups: [] });
  assert.equal(files.access("/f", R_OK), -EACCES, "chmod cut the mask");
  files.become({ uid: 0, gid: 0, groups: [] });
  assert.equal(files.setXattr("/f", ACL_ACCESS_NAME, acl([1, 6, 0], [4, 4, 0], [32, 4, 0])), 0);
  assert.equal(files.getXattr("/f", ACL_ACCESS_NAME), -ENODATA, "a list that says what the mode says is not kept");
  assert.equal(modeOf(files, "/f"), 0o644);

  files.mkdir("/shared", 0o770);
  assert.equal(
    files.setXattr("/shared", ACL_DEFAULT_NAME, acl([1, 7, 0], [2, 7, 7], [4, 5, 0], [16, 7, 0], [32, 0, 0])),
    0,
  );
  assert.equal(files.setXattr("/f", ACL_DEFAULT_NAME, acl([1, 7, 0], [4, 5, 0], [32, 0, 0])), -EACCES);
  files.umask = 0o077;
  files.mkdir("/shared/sub", 0o777);
  files.writeFile("/shared/sub/file", text("x"), 0o666);
  assert.equal(modeOf(files, "/shared/sub/file"), 0o660, "the default list stands in for the umask");
  const unnamed = files.open("/shared/sub", O_TMPFILE | O_RDWR, 0o666);
  assert.equal(files.linkDescriptor(unnamed, "/shared/sub/later"), 0);
  files.close(unnamed);
  assert.equal(modeOf(files, "/shared/sub/later"), 0o660, "also for what gets its name later");
  files.become({ uid: 7, gid: 7, groups: [] });
  assert.equal(files.access("/shared/sub/file", R_OK | W_OK), -EACCES, "the parent itself lets nobody through");
  files.become({ uid: 0, gid: 0, groups: [] });
  files.chmod("/shared", 0o777);
  files.become({ uid: 7, gid: 7, groups: [] });
  assert.equal(files.access("/shared/sub/file", R_OK | W_OK), 0);
  assert.equal(files.access("/shared/sub/file", X_OK), -EACCES);
});

test("times: relatime, and what a change stamps", () => {
  const { files, clock } = library();
  files.writeFile("/f", text("x"));
  clock.advance(10e9);
  files.readFile("/f", new Uint8Array(1));
  files.stat("/f", attributes);
  assert.ok(attributes.atimeSeconds > attributes.mtimeSeconds);
  const first = attributes.atimeSeconds;
  clock.advance(10e9);
  files.readFile("/f", new Uint8Array(1));
  files.stat("/f", attributes);
  assert.equal(attributes.atimeSeconds, first, "read again without a change");
  files.setTimes("/f", { atimeSeconds: 1, atimeNanoseconds: 2, mtimeSeconds: -5, mtimeNanoseconds: 999_999_999 });
  files.stat("/f", attributes);
  assert.deepEqual(
    [attributes.atimeSeconds, attributes.atimeNanoseconds, attributes.mtimeSeconds, attributes.mtimeNanoseconds],
    [1, 2, -5, 999_999_999],
  );
  assert.ok(attributes.ctimeSeconds >= first + 10);
});

test("tick flushes when its interval is over, and not before", () => {
  const { files, clock, device } = library();
  files.writeFile("/f", text("x"));
  assert.equal(files.tick(), 0);
  assert.equal(mountedVolume(mount(device)).root.lookup(1, "f"), -ENOENT);
  clock.advance(5e9);
  assert.equal(files.tick(), 1);
  assert.ok(mountedVolume(mount(device)).root.lookup(1, "f") > 0);
});

test("giving a file away takes the bits by which it ran as its owner; one of the group only where it may run", () => {
  const { files } = library();
  for (const [mode, after] of [
    [0o6755, 0o755],
    [0o6745, 0o2745],
    [0o2711, 0o711],
  ] as const) {
    files.writeFile("/program", text("x"));
    assert.equal(files.chmod("/program", mode), 0);
    assert.equal(files.chown("/program", 7, 50), 0);
    assert.equal(modeOf(files, "/program"), after);
  }
});

test("a snapshot that is read-only is read, and nothing in it is opened to be written", () => {
  const { volume } = freshVolume(16);
  const clock = new SimulatedClock(1_700_000_000_000);
  new Files(volume, { clock }).writeFile("/f", text("then"));
  const id = volume.snapshot(volume.root, "snapshot", { readOnly: true });
  assert.ok(id > 0);
  const files = new Files(volume, { clock, subvolume: volume.subvolume(id)! });
  const bytes = new Uint8Array(10);
  const fd = files.open("/f", O_RDONLY);
  assert.equal(files.read(fd, bytes, 0, 10), 4);
  for (const flags of [O_WRONLY, O_RDWR, O_RDONLY | O_TRUNC])
    assert.equal(files.open("/f", flags), -EROFS, `flags ${flags}`);
  assert.equal(files.close(fd), 0);
});
