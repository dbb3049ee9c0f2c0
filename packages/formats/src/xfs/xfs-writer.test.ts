/**
 * XFS. Judges: xfs_repair proves trees, counters, names and checksums; Linux mounts what was written, reads each file
 * back, changes it and lets it grow, where this host can; the same tree gives the same bytes.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sampleCount } from "@stratos/base/testing";
import { SeededRandom } from "@stratos/base";
import { MemoryDisk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { SAMPLE_TIME, sampleBytes, sampleFile, sampleTree } from "../testing/sample-tree.ts";
import { fileEntry, fileTreeOf, type FileEntry, type FileTree } from "../tree/file-tree.ts";
import { nameHash } from "./xfs-blocks.ts";
import { inodeTreeBlocks, xfsGeometry } from "./xfs-geometry.ts";
import { writeXfs, xfsSizeFor, type XfsOptions } from "./xfs-writer.ts";

const OPTIONS: XfsOptions = {
  uuid: "0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11",
  label: "sample",
  time: SAMPLE_TIME,
  isZeroed: true,
};

/** What Linux can do here: mounting is root's, and needs a loop device and the file system. */
const mountsNothing =
  process.getuid?.() !== 0
    ? "only root mounts"
    : !/\txfs$/m.test(readFileSync("/proc/filesystems", "latin1"))
      ? "the kernel of this host has no XFS"
      : run("losetup", ["-f"]).status !== 0
        ? "this host has no loop device"
        : false;

function write(path: string, tree: FileTree, size = xfsSizeFor(tree), options: Partial<XfsOptions> = {}): void {
  const disk = new DiskFile(path, size);
  try {
    writeXfs(disk, tree, { ...OPTIONS, ...options });
  } finally {
    disk.close();
  }
}

function check(path: string, about = ""): void {
  const { status, output } = run("xfs_repair", ["-n", "-f", path]);
  assert.equal(status, 0, `${about}${output}`);
}

const ACCESS_LIST = Buffer.from(
  `02000000${"01000600ffffffff"}${"02000600e8030000"}${"04000400ffffffff"}${"10000600ffffffff"}${"20000400ffffffff"}`,
  "hex",
).toString("latin1");

/** Each form that folders, extents, links and attributes take. */
function allForms(): FileTree {
  const holes = new Uint8Array(24 << 20);
  for (let at = 0; at < holes.length; at += 8192) holes[at] = 1;
  const xattrs = (pairs: readonly (readonly [string, string])[]): Partial<FileEntry> => ({ xattrs: new Map(pairs) });
  return fileTreeOf([
    ...sampleTree({ files: 6000 }).entries(),
    sampleFile("every-second-block", holes),
    sampleFile("zeros", new Uint8Array(1 << 20)),
    ...Array.from({ length: 40 }, (_, index) => sampleFile(`bin/in-one-block-${index}`, "s")),
    fileEntry("leaf", "directory", { mtime: SAMPLE_TIME }),
    ...Array.from({ length: 300 }, (_, index) => sampleFile(`leaf/of-some-blocks-${index}`, "s")),
    fileEntry("far", "symlink", { target: `/${"y".repeat(1022)}`, mtime: SAMPLE_TIME }),
    sampleFile("short", "x", xattrs([["user.a", "1"]])),
    sampleFile(
      "leafed",
      "x",
      xattrs([
        ["user.a", "x".repeat(250)],
        ["security.b", "y".repeat(2000)],
        ["trusted.c", ""],
      ]),
    ),
    sampleFile(
      "remote",
      "x",
      xattrs([
        ["user.long", "w".repeat(65_000)],
        ["user.b", "short"],
      ]),
    ),
    sampleFile("listed", "x", { mode: 0o664, ...xattrs([["system.posix_acl_access", ACCESS_LIST]]) }),
    sampleFile(
      "many-attributes",
      "x",
      xattrs(Array.from({ length: 300 }, (_, index) => [`user.attribute-${index}`, `${index}`.repeat(20)] as const)),
    ),
    fileEntry("dev/marked", "character", { deviceMajor: 1, deviceMinor: 5, ...xattrs([["security.mark", "yes"]]) }),
  ]);
}

test("xfs_repair finds no fault in any form of folder, extents, links and attributes", () =>
  withFolder((folder) => {
    const image = join(folder, "image");
    for (const tree of [fileTreeOf([fileEntry("", "directory")]), sampleTree({ files: 0 }), allForms()]) {
      write(image, tree);
      check(image);
    }
    assert.match(
      run("blkid", ["-p", image]).output,
      /LABEL="sample" UUID="0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11".*TYPE="xfs"/,
    );
    const facts = run("xfs_db", ["-f", "-r", "-c", "info", image]).output;
    for (const fact of ["crc=1", "finobt=1", "sparse=1", "reflink=1", "bigtime=1", "ftype=1", "sectsz=4096"])
      assert.match(facts, new RegExp(fact));
    assert.match(run("xfs_logprint", ["-t", image]).output, /<CLEAN>/);
  }));

test("inodes in several leaves of their tree, and files across allocation groups", () =>
  withFolder((folder) => {
    const image = join(folder, "image");
    const small = Array.from({ length: 17_000 }, (_, index) => sampleFile(`f${index}`, ""));
    // More than two groups of 75 MiB hold.
    const large = Array.from({ length: 5 }, (_, index) => sampleFile(`large-${index}`, sampleBytes(32 << 20, index)));
    write(image, fileTreeOf([fileEntry("", "directory"), ...small, ...large]));
    check(image);
    assert.match(run("xfs_db", ["-f", "-r", "-c", "agi 0", "-c", "p level", image]).output, /level = 2/);
    // Eight files and folders have content: each in one piece, and in two where a group ends.
    assert.match(run("xfs_db", ["-f", "-r", "-c", "frag", image]).output, /actual 11, ideal 8/);
  }));

test(
  "Linux mounts it, reads each file, attribute, owner and time back, changes it, and lets it grow",
  { skip: mountsNothing },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "stratos-formats-")),
      image = join(folder, "image"),
      tree = allForms();
    write(image, tree);
    const loop = run("losetup", ["-f", "--show", image]).output.trim();
    try {
      await mounted(loop, join(folder, "mounted"), (place) => {
        for (const entry of tree.entries()) assertSame(place, entry);
        const attributes = (path: string): string => run("getfattr", ["-d", "-m-", join(place, path)]).output;
        assert.match(run("getfacl", ["-n", join(place, "listed")]).output, /^user:1000:rw-$/m);
        assert.match(attributes("many-attributes"), /user\.attribute-299="2992/);
        assert.match(attributes("leafed"), /security\.b="y{2000}"/);
        assert.match(attributes("remote"), /user\.long="w{65000}"/);
        assert.match(attributes("dev/marked"), /security\.mark="yes"/);
        // What a system does next: files beside those that are there, folders gone, shared blocks.
        for (let index = 0; index < 500; index++) writeFileSync(join(place, "many", `new-${index}`), `${index}`);
        rmSync(join(place, "leaf"), { recursive: true });
        assert.equal(run("cp", ["--reflink=always", join(place, "deep/large"), join(place, "copy")]).status, 0);
      });
      check(image);
      truncateSync(image, 1 << 30);
      assert.equal(run("losetup", ["-c", loop]).status, 0);
      await mounted(loop, join(folder, "mounted"), (_, inside) =>
        assert.match(inside("xfs_growfs", [join(folder, "mounted")]), /data blocks changed from 76800 to 262144/),
      );
      check(image);
    } finally {
      run("losetup", ["-d", loop]);
      rmSync(folder, { recursive: true, force: true });
    }
  },
);

/** Mounts in a namespace of its own: who copies this one would keep the volume in use. */
async function mounted(
  device: string,
  place: string,
  work: (place: string, inside: (program: string, args: readonly string[]) => string) => void,
): Promise<void> {
  mkdirSync(place, { recursive: true });
  const script = `mount -t xfs ${device} ${place} && echo mounted && cat > /dev/null && umount ${place}`;
  const holder = spawn("unshare", ["-m", "--propagation", "private", "sh", "-c", script], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(holder, "exit");
  try {
    assert.match(String((await once(holder.stdout, "data"))[0]), /mounted/);
    work(
      `/proc/${holder.pid}/root${place}`,
      (program, args) => run("nsenter", [`--mount=/proc/${holder.pid}/ns/mnt`, program, ...args]).output,
    );
  } finally {
    holder.stdin.end();
    assert.deepEqual(await ended, [0, null]);
  }
}

function assertSame(place: string, entry: FileEntry): void {
  const path = Buffer.concat([Buffer.from(`${place}/`), Buffer.from(entry.path, "latin1")]);
  const stat = lstatSync(path);
  if (entry.kind === "file")
    assert.equal(createHash("sha256").update(readFileSync(path)).digest("hex"), entry.content!.digest, entry.path);
  if (entry.kind === "symlink") assert.equal(readlinkSync(path, "latin1"), entry.target);
  if (entry.kind === "character" || entry.kind === "block")
    assert.equal(
      run("stat", ["-c", "%t:%T", path.toString("latin1")]).output.trim(),
      `${entry.deviceMajor.toString(16)}:${entry.deviceMinor.toString(16)}`,
    );
  if (entry.kind === "hardLink") return assert.ok(stat.nlink > 1, entry.path);
  assert.deepEqual(
    [stat.mode & 0o7777, stat.uid, stat.gid, Math.floor(stat.mtimeMs / 1000)],
    [entry.mode, entry.uid, entry.gid, Math.floor(entry.mtime)],
    entry.path,
  );
}

const ROUNDS = sampleCount(6, 0.5);

test("trees made by chance are without fault", () =>
  withFolder((folder) => {
    const seed = 20_261_121;
    const random = new SeededRandom(seed);
    for (let round = 0; round < ROUNDS; round++) {
      const entries: FileEntry[] = [fileEntry("", "directory")],
        folders = [""];
      for (let index = 0; index < 100 * (round * 4 + 1); index++) {
        const parent = folders[random.below(folders.length)]!,
          path = `${parent === "" ? "" : `${parent}/`}${"n".repeat(random.below(200))}${index}`;
        const xattrs = new Map(
          Array.from({ length: random.below(4) }, (_, one) => [
            `user.${one}`,
            "v".repeat(random.below(400 * round + 9)),
          ]),
        );
        if (random.below(12) === 0) {
          folders.push(path);
          entries.push(fileEntry(path, "directory", { mtime: index + 0.25, xattrs }));
        } else if (random.below(6) === 0)
          entries.push(fileEntry(path, "symlink", { target: "t".repeat(1 + random.below(1023)), xattrs }));
        else entries.push(sampleFile(path, sampleBytes(random.below(round * 9000 + 4097), index), { xattrs }));
      }
      const image = join(folder, "image");
      write(image, fileTreeOf(entries));
      check(image, `seed ${seed}, round ${round}: `);
    }
  }));

test("the same tree gives the same bytes, on a disk that was used before too", () =>
  withFolder((folder) => {
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    for (const path of [one, two]) write(path, sampleTree());
    assert.equal(run("cmp", [one, two]).output, "");
    const used = new DiskFile(two);
    try {
      for (let at = 0; at < used.size; at += 1 << 20) used.write(at, sampleBytes(1 << 16, at));
      writeXfs(used, sampleTree(), { ...OPTIONS, isZeroed: false });
    } finally {
      used.close();
    }
    check(two);
  }));

test("what does not fit or has no form is refused", () => {
  const refuse = (entries: readonly FileEntry[], pattern: RegExp, size = 300 << 20): void =>
    assert.throws(
      () => writeXfs(new MemoryDisk(size), fileTreeOf([fileEntry("", "directory"), ...entries]), OPTIONS),
      pattern,
    );
  refuse([], /XFS takes 300 MiB at least, and there are 1048576 bytes/, 1 << 20);
  const large = { sizeBytes: 400 << 20, digest: "", read: (_: number, into: Uint8Array) => into.fill(1).length };
  refuse([fileEntry("big", "file", { content: large })], /big: there is no room for it on 314572800 bytes/);
  refuse(
    [sampleFile("f", "x", { xattrs: new Map([["system.other", "x"]]) })],
    /f: XFS has no form for the attribute system\.other/,
  );
  refuse([sampleFile("f", "x", { xattrs: new Map([["user.a", "x".repeat(65_537)]]) })], /at most 65536 bytes/);
  refuse([fileEntry("l", "symlink", { target: "x".repeat(1024) })], /l: a symbolic link of 1024 bytes; XFS holds 1023/);
  refuse([fileEntry("d", "block", { deviceMajor: 1 << 14 })], /d: XFS has no form for the device 16384:0/);
});

test("names are hashed as Linux does it; groups are divided as mkfs.xfs does it", () => {
  // From `xfs_db -c 'hash NAME'`.
  const hashes = [".", "..", "passwd", "file-with-a-name"].map(nameHash);
  assert.deepEqual(hashes, [0x2e, 0x172e, 0x1e7cf862, 0x4f5db1bc]);
  const large = xfsGeometry(2 ** 40, 10);
  assert.deepEqual([large.groups.length, large.groupBlocks, large.logGroup.log!.count], [4, 2 ** 26, 131_072]);
  assert.equal(xfsGeometry(5 * 2 ** 40, 10).groups.length, 5);
  assert.deepEqual([0, 252, 253, 252 * 505, 252 * 505 + 1].map(inodeTreeBlocks), [0, 0, 2, 505, 508]);
});
