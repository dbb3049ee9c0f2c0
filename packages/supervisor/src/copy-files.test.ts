/**
 * Goal: what a system names leads to no other place of this host, and what can't be written there is named. Method: a
 * system whose folder has such names.
 */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type FileAccess, StratosError } from "@stratos/sdk/api";
import { copyIn, copyOut } from "./copy-files.ts";

const noMounts = async (): Promise<string> => "";

function systemWith(name: string): FileAccess {
  return {
    readText: noMounts,
    stat: async (path: string) => ({ kind: path === "/folder" ? "folder" : "file", mode: 0o755 }),
    list: async () => [{ name, kind: "file" }],
    read: async () => new TextEncoder().encode("bytes"),
  } as unknown as FileAccess;
}

test("a name with a way in it is refused, and nothing is written", async () => {
  const folder = mkdtempSync(join(tmpdir(), "copied-"));
  try {
    const to = join(folder, "to");
    const place = { from: "/folder", to };
    for (const name of ["../up", "..", "", "a/../../up"])
      await assert.rejects(copyOut(systemWith(name), place, assert.fail), /a name in it is none/);
    assert.equal(existsSync(join(folder, "up")), false);
    await copyOut(systemWith("..plain"), place, assert.fail);
    assert.equal(readFileSync(join(to, "..plain"), "utf8"), "bytes");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a file that finds no room is named", async () => {
  await assert.rejects(copyOut(systemWith("file"), { from: "/file", to: "/dev/full" }, assert.fail), {
    code: "ENOSPC",
    path: "/dev/full",
  });
});

test("a name that is not UTF-8 is left out and told, and all else is copied", async () => {
  const folder = mkdtempSync(join(tmpdir(), "copied-"));
  try {
    const from = join(folder, "from");
    mkdirSync(from);
    writeFileSync(join(from, "z"), "last");
    writeFileSync(Buffer.from(`${from}/a\xff`, "latin1"), "");
    symlinkSync(Buffer.from("t\xff", "latin1"), join(from, "link"));
    symlinkSync("z", join(from, "right"));
    const came: string[] = [],
      left: string[] = [];
    const system = {
      stat: async () => ({ kind: "folder", mode: 0o755 }),
      mkdir: async () => {},
      write: async (path: string) => void came.push(path),
      symlink: async (target: string, path: string) => void came.push(`${path} -> ${target}`),
    } as unknown as FileAccess;
    const tell = (path: string, why: string, isContent: boolean): void => void left.push(`${path} ${why} ${isContent}`);
    await copyIn(system, { from, to: "/to" }, tell);
    assert.deepEqual(came.sort(), ["/to/right -> z", "/to/z"]);
    assert.deepEqual(left.sort(), [
      `${from}/a\ufffd its name is not UTF-8 true`,
      `${from}/link where it leads is not UTF-8 true`,
    ]);

    left.length = 0;
    const gone = new StratosError("file", "ENOENT", { path: "", code: "ENOENT" });
    const other = {
      readText: noMounts,
      stat: async (path: string) => {
        if (path.includes("\ufffd")) throw gone;
        return { kind: path === "/from" ? "folder" : "file", mode: 0o755, sizeBytes: 1 };
      },
      list: async () => [
        { name: "a\ufffd", kind: "file" },
        { name: "l\ufffd", kind: "link" },
        { name: "link", kind: "link" },
        { name: "z", kind: "file" },
      ],
      readlink: async (path: string) => {
        if (path.includes("\ufffd")) throw gone;
        return "t\ufffd";
      },
      read: async () => new Uint8Array(1),
    } as unknown as FileAccess;
    await copyOut(other, { from: "/from", to: join(folder, "to") }, tell);
    assert.deepEqual(left, [
      "/from/a\ufffd its name is not UTF-8 true",
      "/from/l\ufffd its name is not UTF-8 true",
      "/from/link where it leads is not UTF-8 true",
    ]);
    assert.ok(existsSync(join(folder, "to/z")));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a file that no copy holds is refused before it is read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "copied-"));
  try {
    const from = join(folder, "large");
    writeFileSync(from, "");
    truncateSync(from, 2 ** 30 + 1);
    const place = { from, to: "/to" };
    await assert.rejects(copyIn({} as FileAccess, place, assert.fail), /larger than 1 GiB.*tar -c/);
    const system = {
      readText: noMounts,
      stat: async () => ({ kind: "file", mode: 0o644, sizeBytes: 2 ** 30 + 1 }),
    } as unknown as FileAccess;
    await assert.rejects(copyOut(system, place, assert.fail), /larger than 1 GiB/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** A system with these files, folders being the paths that others begin with. `null`: reading it fails. */
function systemOf(contents: Record<string, string | null>, mounts = ""): FileAccess {
  const fail = (path: string, code: string): never => {
    throw new StratosError("file", `${path}: ${code}`, { path, code });
  };
  const isFolder = (path: string): boolean =>
    Object.keys(contents).some((each) => each.startsWith(path === "/" ? "/" : `${path}/`));
  return {
    readText: async () => mounts,
    stat: async (path: string) => {
      if (isFolder(path)) return { kind: "folder", mode: 0o755 };
      return path in contents ? { kind: "file", mode: 0o644, sizeBytes: 1 } : fail(path, "ENOENT");
    },
    list: async (path: string) => {
      const start = path === "/" ? "/" : `${path}/`;
      const names = Object.keys(contents).flatMap((each) =>
        each.startsWith(start) ? [each.slice(start.length).split("/")[0]!] : [],
      );
      return [...new Set(names)].map((name) => ({ name, kind: "file" }));
    },
    read: async (path: string) => new TextEncoder().encode(contents[path] ?? fail(path, "EINVAL")),
  } as unknown as FileAccess;
}

test("what cannot be read is told, and all that comes after it is copied", async () => {
  const folder = mkdtempSync(join(tmpdir(), "copied-"));
  try {
    const left: string[] = [];
    const tell = (path: string, why: string, isContent: boolean): void => void left.push(`${path} ${why} ${isContent}`);
    const system = systemOf({ "/d/a/x": null, "/d/a/y": "y", "/d/z": "z" });
    await copyOut(system, { from: "/d", to: join(folder, "to") }, tell);
    assert.deepEqual(left, ["/d/a/x it cannot be read (EINVAL) true"]);
    assert.equal(readFileSync(join(folder, "to/a/y"), "utf8"), "y");
    assert.equal(readFileSync(join(folder, "to/z"), "utf8"), "z");
    await assert.rejects(copyOut(system, { from: "/d/a/x", to: join(folder, "x") }, tell), /EINVAL/);

    left.length = 0;
    const from = join(folder, "from");
    mkdirSync(join(from, "a"), { recursive: true });
    writeFileSync(join(from, "a/large"), "");
    truncateSync(join(from, "a/large"), 2 ** 30 + 1);
    writeFileSync(join(from, "z"), "");
    const came: string[] = [];
    const target = {
      stat: async () => ({ kind: "folder", mode: 0o755 }),
      write: async (path: string) => void came.push(path),
    } as unknown as FileAccess;
    await copyIn(target, { from, to: "/to" }, tell);
    assert.deepEqual(came, ["/to/z"]);
    assert.match(left.join("\n"), /^\S+\/a\/large it is larger than 1 GiB.* true$/);

    const full = {
      ...target,
      write: async (path: string) => {
        throw new StratosError("file", `${path}: no space`, { path, code: "ENOSPC" });
      },
    } as unknown as FileAccess;
    await assert.rejects(copyIn(full, { from, to: "/to" }, tell), /\/to\/z: no space/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("of a whole root what the kernel makes up is left out, unless it is asked for", async () => {
  const folder = mkdtempSync(join(tmpdir(), "copied-"));
  try {
    const mounts = "root / aegisfs rw 0 0\nproc /proc proc rw 0 0\nproc /jail\\040one/proc proc rw 0 0\n";
    const system = systemOf(
      { "/etc/motd": "m", "/proc/1/maps": "p", "/jail one/proc/uptime": "1", "/procs": "s" },
      mounts,
    );
    const left: string[] = [];
    const tell = (path: string, _why: string, isContent: boolean): void => void left.push(`${path} ${isContent}`);
    await copyOut(system, { from: "/", to: join(folder, "root") }, tell);
    assert.deepEqual(left, ["/proc false", "/jail one/proc false"]);
    assert.equal(existsSync(join(folder, "root/proc")), false);
    assert.equal(readFileSync(join(folder, "root/procs"), "utf8"), "s");
    await copyOut(system, { from: "/proc/1", to: join(folder, "one") }, tell);
    assert.equal(readFileSync(join(folder, "one/maps"), "utf8"), "p");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
