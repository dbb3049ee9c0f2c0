/** What every writable file system must do, seen through system calls. Each of `fs/` runs it over a fresh instance. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  EACCES,
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
  O_APPEND,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "@stratos/abi";
import type { Kernel } from "../task/kernel-state.ts";
import { BUFFER, FileTask, type Stat } from "./file-system-task.ts";
import type { FileSystem } from "../vfs/file-system.ts";

/** What an instance can't do by its nature. */
interface ConformanceOptions {
  hasOwners?: boolean;
  hasXattrs?: boolean;
  hasExchange?: boolean;
  hasUnnamed?: boolean;
  hasFifos?: boolean;
  dispose?: () => void;
}

export function fileSystemConformance(
  name: string,
  create: (kernel: Kernel) => FileSystem,
  options: ConformanceOptions = {},
): void {
  const { hasOwners = true, hasXattrs = true, hasExchange = true, hasUnnamed = true, hasFifos = true } = options;
  const begin = (): FileTask => FileTask.create(create).user;
  const statOf = (user: FileTask, path: string, flags = 0): Stat => {
    const stat = user.stat(path, flags);
    assert.ok(typeof stat !== "number", `stat ${path}: ${stat}`);
    return stat;
  };

  describe(`conformance of ${name}`, () => {
    it("a file holds what was written, at any offset, with zeroes in holes", () => {
      const user = begin();
      const fd = user.open("/f", O_RDWR | O_CREAT, 0o644);
      assert.equal(user.write(fd, "hello"), 5);
      assert.equal(user.call("pwrite64", fd, "end", 3, 10_000), 3);
      assert.equal(user.call("lseek", fd, 0, 0), 0);
      assert.equal(user.read(fd, 5), "hello");
      assert.equal(user.read(fd, 3), "\0\0\0");
      assert.equal(user.call("lseek", fd, 9_998, 0), 9_998);
      assert.equal(user.read(fd), "\0\0end");
      assert.equal(user.read(fd), "");
      const stat = user.fstat(fd) as Stat;
      assert.equal(stat.size, 10_003);
      assert.equal(stat.mode & S_IFMT, S_IFREG);
      assert.equal(user.call("close", fd), 0);
      assert.equal((user.get("/f") as string).length, 10_003);
    });

    it("large writes and reads cross pages unharmed", () => {
      const user = begin();
      const fd = user.open("/big", O_RDWR | O_CREAT);
      let expected = "";
      for (let part = 0; part < 40; part++) {
        const text = String.fromCharCode(97 + (part % 26)).repeat(3000 + part);
        assert.equal(user.write(fd, text), text.length);
        expected += text;
      }
      assert.equal(user.get("/big"), expected);
    });

    it("O_APPEND writes at the end, O_TRUNC empties, O_EXCL refuses", () => {
      const user = begin();
      user.put("/a", "one");
      const fd = user.open("/a", O_WRONLY | O_APPEND);
      assert.equal(user.call("lseek", fd, 0, 0), 0);
      user.write(fd, "two");
      assert.equal(user.get("/a"), "onetwo");
      assert.equal(user.open("/a", O_WRONLY | O_CREAT | O_EXCL), -EEXIST);
      user.call("close", user.open("/a", O_WRONLY | O_TRUNC));
      assert.equal(statOf(user, "/a").size, 0);
    });

    it("truncation drops bytes for good", () => {
      const user = begin();
      user.put("/t", "x".repeat(9000));
      assert.equal(user.call("truncate", "/t", 4099), 0);
      assert.equal(user.call("truncate", "/t", 9000), 0);
      assert.equal(user.get("/t"), "x".repeat(4099) + "\0".repeat(9000 - 4099));
      assert.equal(user.call("truncate", "/t", -1), -EINVAL);
    });

    it("directories are made, listed and removed", () => {
      const user = begin();
      assert.equal(user.call("mkdirat", AT_FDCWD, "/d", 0o755), 0);
      assert.equal(user.call("mkdirat", AT_FDCWD, "/d", 0o755), -EEXIST);
      assert.equal(user.call("mkdirat", AT_FDCWD, "/d/sub/", 0o755), 0);
      assert.equal(user.call("mkdirat", AT_FDCWD, "/none/sub", 0o755), -ENOENT);
      for (let index = 0; index < 40; index++) user.put(`/d/file-${index}`, "");
      const names = user.list("/d") as string[];
      assert.equal(names.length, 43);
      assert.equal(new Set(names).size, 43);
      assert.ok(names.includes("file-39") && names.includes("sub") && names.includes(".."));
      assert.equal(user.call("unlinkat", AT_FDCWD, "/d", AT_REMOVEDIR), -ENOTEMPTY);
      assert.equal(user.call("unlinkat", AT_FDCWD, "/d", 0), -EISDIR);
      assert.equal(user.call("unlinkat", AT_FDCWD, "/d/file-0", AT_REMOVEDIR), -ENOTDIR);
      for (let index = 0; index < 40; index++) assert.equal(user.call("unlinkat", AT_FDCWD, `/d/file-${index}`, 0), 0);
      assert.equal(user.call("unlinkat", AT_FDCWD, "/d/sub", AT_REMOVEDIR), 0);
      assert.equal(statOf(user, "/d").nlink, 2);
      assert.equal(user.call("unlinkat", AT_FDCWD, "/d", AT_REMOVEDIR), 0);
      assert.equal(user.stat("/d"), -ENOENT);
    });

    it("an unlinked file lives on in its descriptors", () => {
      const user = begin();
      user.put("/u", "still here");
      const fd = user.open("/u", O_RDWR);
      assert.equal(user.call("unlinkat", AT_FDCWD, "/u", 0), 0);
      assert.equal(user.stat("/u"), -ENOENT);
      assert.equal(user.read(fd), "still here");
      assert.equal((user.fstat(fd) as Stat).nlink, 0);
      user.put("/u", "another");
      assert.equal(user.call("pread64", fd, BUFFER, 100, 0), 10);
      assert.equal(user.get("/u"), "another");
      assert.equal(user.call("close", fd), 0);
    });

    it("hard links share content and count names", () => {
      const user = begin();
      user.put("/one", "same");
      assert.equal(user.call("linkat", AT_FDCWD, "/one", AT_FDCWD, "/two", 0), 0);
      assert.equal(user.call("linkat", AT_FDCWD, "/one", AT_FDCWD, "/two", 0), -EEXIST);
      assert.equal(statOf(user, "/one").nlink, 2);
      assert.equal(statOf(user, "/one").ino, statOf(user, "/two").ino);
      user.put("/two", "changed");
      assert.equal(user.get("/one"), "changed");
      assert.equal(user.call("unlinkat", AT_FDCWD, "/one", 0), 0);
      assert.equal(statOf(user, "/two").nlink, 1);
      user.call("mkdirat", AT_FDCWD, "/dir", 0o755);
      assert.equal(user.call("linkat", AT_FDCWD, "/dir", AT_FDCWD, "/dir2", 0), -EPERM);
    });

    it("symbolic links lead on, are read, and end in ELOOP", () => {
      const user = begin();
      user.call("mkdirat", AT_FDCWD, "/real", 0o755);
      user.put("/real/file", "target");
      assert.equal(user.call("symlinkat", "real/file", AT_FDCWD, "/link"), 0);
      assert.equal(user.call("symlinkat", "/real", AT_FDCWD, "/dirlink"), 0);
      assert.equal(user.call("symlinkat", "loop", AT_FDCWD, "/loop"), 0);
      assert.equal(user.get("/link"), "target");
      assert.equal(user.get("/dirlink/file"), "target");
      assert.equal(user.readlink("/link"), "real/file");
      assert.equal(user.readlink("/real"), -EINVAL);
      assert.equal(user.open("/loop"), -ELOOP);
      assert.equal(user.open("/link", O_NOFOLLOW), -ELOOP);
      const stat = statOf(user, "/link", AT_SYMLINK_NOFOLLOW);
      assert.equal(stat.mode & S_IFMT, S_IFLNK);
      assert.equal(stat.size, 9);
      assert.equal(user.call("symlinkat", "nowhere", AT_FDCWD, "/dangling"), 0);
      user.put("/dangling", "made through the link");
      assert.equal(user.get("/nowhere"), "made through the link");
      assert.equal(user.call("unlinkat", AT_FDCWD, "/dirlink/", 0), -ENOTDIR);
    });

    it("rename moves, replaces and refuses as rename(2) says", () => {
      const user = begin();
      const rename = (from: string, to: string, flags = 0): number =>
        user.call("renameat2", AT_FDCWD, from, AT_FDCWD, to, flags);
      user.put("/a", "A");
      user.put("/b", "B");
      assert.equal(rename("/a", "/b", RENAME_NOREPLACE), -EEXIST);
      assert.equal(rename("/a", "/b"), 0);
      assert.equal(user.get("/b"), "A");
      assert.equal(user.stat("/a"), -ENOENT);
      user.call("mkdirat", AT_FDCWD, "/d1", 0o755);
      user.call("mkdirat", AT_FDCWD, "/d2", 0o755);
      user.call("mkdirat", AT_FDCWD, "/d1/in", 0o755);
      user.put("/d1/in/file", "deep");
      assert.equal(rename("/d1", "/d1/in/x"), -EINVAL);
      assert.equal(rename("/b", "/d2"), -EISDIR);
      assert.equal(rename("/d2", "/b"), -ENOTDIR);
      assert.equal(rename("/d2", "/d1"), -ENOTEMPTY);
      assert.equal(rename("/d1/in", "/d2"), 0);
      assert.equal(user.get("/d2/file"), "deep");
      assert.equal(statOf(user, "/d1").nlink, 2);
      assert.equal(rename("/d1", "/renamed"), 0);
      assert.equal(user.call("chdir", "/d2"), 0);
      assert.equal(rename("/d2", "/renamed/d3"), 0);
      assert.equal(user.cwd(), "/renamed/d3");
      assert.equal(user.get("file"), "deep");
      assert.equal(rename("/nothing", "/x"), -ENOENT);
      if (hasExchange) {
        user.put("/p", "P");
        user.put("/q", "Q");
        assert.equal(rename("/p", "/q", RENAME_EXCHANGE), 0);
        assert.equal(user.get("/p"), "Q");
        assert.equal(user.get("/q"), "P");
        assert.equal(rename("/p", "/zzz", RENAME_EXCHANGE), -ENOENT);
      }
      const names = (user.list("/") as string[]).length;
      if (user.task.fs.root.mount.fileSystem.hasWhiteouts) {
        assert.equal(rename("/b", "/renamed/d3/b", RENAME_WHITEOUT), 0);
        assert.equal(user.get("/renamed/d3/b"), "A");
        const { mode, rdev } = statOf(user, "/b");
        assert.deepEqual([mode, rdev], [S_IFCHR, 0]);
        assert.equal(rename("/nothing", "/x", RENAME_WHITEOUT), -ENOENT);
      } else assert.equal(rename("/b", "/elsewhere", RENAME_WHITEOUT), -EINVAL);
      assert.equal((user.list("/") as string[]).length, names, "nothing is left of it");
    });

    it("a file replaced by rename stays readable by who had it open", () => {
      const user = begin();
      user.put("/old", "old content");
      user.put("/new", "new content");
      const fd = user.open("/old");
      assert.equal(user.call("renameat2", AT_FDCWD, "/new", AT_FDCWD, "/old", 0), 0);
      assert.equal(user.read(fd), "old content");
      assert.equal(user.get("/old"), "new content");
    });

    it("names are at most 255 bytes of anything but slash", () => {
      const user = begin();
      user.put(`/${"n".repeat(255)}`, "long");
      assert.equal(user.get(`/${"n".repeat(255)}`), "long");
      assert.equal(user.open(`/${"n".repeat(256)}`, O_CREAT), -ENAMETOOLONG);
    });

    it("mode and times are kept", () => {
      const user = begin();
      user.put("/m", "");
      assert.equal(user.call("fchmodat", AT_FDCWD, "/m", 0o4751), 0);
      assert.equal(statOf(user, "/m").mode & 0o7777, 0o4751);
      const { view } = user.memory;
      view.setBigInt64(0x9000, 1000n, true);
      view.setBigInt64(0x9008, 0n, true);
      view.setBigInt64(0x9010, 1234567890n, true);
      view.setBigInt64(0x9018, 500_000_000n, true);
      assert.equal(user.call("utimensat", AT_FDCWD, "/m", 0x9000, 0), 0);
      const stat = statOf(user, "/m");
      assert.equal(stat.mtime, 1234567890);
      assert.equal(stat.mtimeNs, 500_000_000);
      if (hasOwners) {
        assert.equal(user.call("fchownat", AT_FDCWD, "/m", 12, 34, 0), 0);
        assert.equal(statOf(user, "/m").uid, 12);
        assert.equal(statOf(user, "/m").gid, 34);
        assert.equal(statOf(user, "/m").mode & 0o4000, 0, "a change of owner drops set-user-ID");
      }
    });

    it("whoever may not, may not", () => {
      if (!hasOwners) return;
      const user = begin();
      user.put("/secret", "s");
      user.call("fchmodat", AT_FDCWD, "/secret", 0o600);
      user.call("fchmodat", AT_FDCWD, "/", 0o755);
      user.becomeUser(1000);
      assert.equal(user.open("/secret"), -EACCES);
      assert.equal(user.open("/mine", O_CREAT | O_WRONLY), -EACCES);
      assert.equal(user.call("unlinkat", AT_FDCWD, "/secret", 0), -EACCES);
      assert.equal(user.call("fchmodat", AT_FDCWD, "/secret", 0o666), -EPERM);
    });

    if (hasFifos)
      it("fifos are kept as such", () => {
        const user = begin();
        assert.equal(user.call("mknodat", AT_FDCWD, "/pipe", S_IFIFO | 0o600, 0), 0);
        assert.equal(statOf(user, "/pipe").mode, S_IFIFO | 0o600);
      });

    if (hasUnnamed)
      it("O_TMPFILE makes a file without a name that may get one", () => {
        const user = begin();
        const fd = user.open("/", O_TMPFILE | O_RDWR, 0o600);
        assert.ok(fd >= 0, String(fd));
        user.write(fd, "no name");
        assert.deepEqual(user.list("/"), [".", ".."].concat((user.list("/") as string[]).slice(2)));
        assert.equal((user.fstat(fd) as Stat).nlink, 0);
        assert.equal(user.call("linkat", fd, "", AT_FDCWD, "/named", 0x1000), 0);
        assert.equal(user.get("/named"), "no name");
      });

    if (hasXattrs)
      it("extended attributes are kept", () => {
        const user = begin();
        user.put("/x", "");
        assert.equal(user.call("setxattr", "/x", "user.color", "blue", 4, 0), 0);
        assert.equal(user.call("getxattr", "/x", "user.color", BUFFER, 100), 4);
        assert.equal(String.fromCharCode(...user.memory.u8.subarray(BUFFER, BUFFER + 4)), "blue");
        assert.equal(user.call("setxattr", "/x", "user.color", "red", 3, 1), -EEXIST);
        assert.equal(user.call("listxattr", "/x", BUFFER, 100), 11);
        assert.equal(user.call("removexattr", "/x", "user.color"), 0);
        assert.equal(user.call("getxattr", "/x", "user.color", BUFFER, 100), -ENODATA);
      });

    it("open says what it refuses", () => {
      const user = begin();
      user.put("/f", "");
      user.call("mkdirat", AT_FDCWD, "/d", 0o755);
      assert.equal(user.open("/f/x"), -ENOTDIR);
      assert.equal(user.open("/f/"), -ENOTDIR);
      assert.equal(user.open("/f", O_DIRECTORY), -ENOTDIR);
      assert.equal(user.open("/d", O_WRONLY), -EISDIR);
      assert.equal(user.open("/d", O_CREAT | O_RDONLY), -EISDIR);
      assert.equal(user.open("/new/", O_CREAT | O_WRONLY), -EISDIR);
      assert.equal(user.open("/missing"), -ENOENT);
      assert.equal(user.open(""), -ENOENT);
      assert.equal(statOf(user, "/d").mode & S_IFMT, S_IFDIR);
    });
    options.dispose?.();
  });
}
