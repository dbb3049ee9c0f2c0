/**
 * ISO 9660 and FAT, mounted: what xorriso or our own writer of FAT made is there with its names, rights and bytes.
 * Judge: what went into the image. Damaged images end with errors.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { sampleCount } from "@stratos/base/testing";
import { EINVAL, ENOENT, EROFS, O_CREAT, O_RDWR, S_IFLNK } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { FatVolume, MemoryDisk, readBytes } from "@stratos/formats";
import { FormatError } from "@stratos/formats/image";
import { CALL_WORK } from "../../ground/call-work.ts";
import { UNFINISHED } from "../../ground/wait-queue.ts";
import { memoryDevice } from "../../testing/memory-device.ts";
import { FileTask } from "../../testing/file-system-task.ts";
import { DiskError } from "../mounted-disk.ts";
import { ImageFileSystem } from "./image-file-system.ts";
import { imageTypes } from "./image-type.ts";
import { mountImage } from "./mount-image.ts";

const MIB = 1 << 20;

function mounted(name: string, bytes: Uint8Array, options: Record<string, string> = {}): FileTask {
  return FileTask.create(
    (kernel) => {
      const on = { device: memoryDevice(bytes), readOnly: true };
      const made = mountImage(kernel, name, new Map(Object.entries(options)), on);
      assert.ok(made instanceof ImageFileSystem, `${String(made)}`);
      return made;
    },
    { memoryBytes: 32 * MIB },
  ).user;
}

function names(user: FileTask, ...folders: string[]): string[] {
  let inode = user.task.fs.root.dentry.inode!;
  for (const folder of folders) inode = inode.lookup(folder) as typeof inode;
  const found: string[] = [];
  assert.equal(
    inode.list(0, (name) => (found.push(name), true)),
    0,
  );
  return found.sort();
}

const LONG = "x".repeat(9000) + "end";

/** What xorriso makes of a folder. @param options  of its mkisofs form */
function isoOf(...options: string[]): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "stratos-iso-"));
  try {
    const from = join(folder, "from");
    mkdirSync(join(from, "a/b/c/d/e/f/g/h/i"), { recursive: true });
    writeFileSync(join(from, "a/b/c/d/e/f/g/h/i/deep"), "deep");
    writeFileSync(join(from, "Read Me, please: a name of some length.text"), LONG, { mode: 0o640 });
    writeFileSync(join(from, "empty"), "");
    writeFileSync(join(from, "größe"), "umlaut");
    symlinkSync(`../${"long/".repeat(60)}./target`, join(from, "link"));
    for (let index = 0; index < 300; index++) writeFileSync(join(from, "a", `file number ${index}`), `${index}`);
    const path = join(folder, "iso");
    const { status, stderr } = spawnSync("xorriso", ["-as", "mkisofs", ...options, "-o", path, from], {
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    return new Uint8Array(readFileSync(path));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("ISO 9660", () => {
  it("shows names, rights, links and bytes by Rock Ridge", () => {
    const user = mounted("iso9660", isoOf("-R", "-J"));
    const long = "Read Me, please: a name of some length.text";
    assert.deepEqual(names(user), [long, "a", "empty", "gr\xc3\xb6\xc3\x9fe", "link"].sort());
    assert.equal(names(user, "a").length, 301);
    assert.equal(user.get(`/${long}`), LONG);
    assert.equal(user.get("/a/file number 299"), "299");
    assert.equal(user.get("/a/b/c/d/e/f/g/h/i/deep"), "deep");
    assert.equal(user.get("/empty"), "");
    const stat = user.stat(`/${long}`);
    assert.ok(typeof stat !== "number" && (stat.mode & 0o777) === 0o640 && stat.size === LONG.length);
    const link = user.task.fs.root.dentry.inode!.lookup("link");
    assert.ok(typeof link !== "number" && link.readlink(null) === `../${"long/".repeat(60)}./target`);
    assert.equal(link.mode & 0o170000, S_IFLNK);
    assert.equal(user.open("/missing"), -ENOENT);
    assert.equal(user.open("/new", O_CREAT | O_RDWR), -EROFS);
  });

  it("shows Joliet's names, or its own ones, without Rock Ridge", () => {
    const image = isoOf("-J");
    const joliet = mounted("iso9660", image, { norock: "", uid: "7", mode: "600" });
    assert.ok(names(joliet).includes("gr\xc3\xb6\xc3\x9fe"));
    const long = names(joliet).find((name) => name.startsWith("Read Me, please"));
    assert.equal(joliet.get(`/${long}`), LONG);
    const stat = joliet.stat("/empty");
    assert.ok(typeof stat !== "number" && (stat.mode & 0o777) === 0o600 && stat.uid === 7);
    const plain = mounted("iso9660", image, { norock: "", nojoliet: "" });
    assert.equal(plain.get("/empty"), "");
    assert.equal(plain.get("/Empty"), -ENOENT);
  });

  it("says which options it knows before there is a device", () => {
    const known = (name: string): readonly string[] => imageTypes.find((type) => type.name === name)!.optionNames!;
    assert.ok(known("iso9660").includes("norock") && !known("iso9660").includes("umask"));
    assert.ok(known("vfat").includes("umask") && !known("vfat").includes("norecovery"));
  });

  it("is refused for writing, with a bad option, and where there is none", () => {
    FileTask.create((kernel) => {
      const image = isoOf("-R");
      const mount = (bytes: Uint8Array, readOnly: boolean, options: string[][] = []): unknown =>
        mountImage(kernel, "iso9660", new Map(options as [string, string][]), {
          device: memoryDevice(bytes),
          readOnly,
        });
      assert.equal(mount(image, false), -EROFS);
      assert.equal(mount(image, true, [["uid", "me"]]), -EINVAL);
      assert.equal(mount(new Uint8Array(MIB), true), -EINVAL);
      return mount(image, true) as ImageFileSystem;
    });
  });
});

/** A FAT with files, made by our writer: mkfs.vfat's is its judge (formats/src/fat). */
function fatOf(size: number): Uint8Array {
  const disk = new MemoryDisk(size);
  const volume = FatVolume.format(disk, { label: "TEST", volumeId: 1 });
  volume.makeDirectory("EFI/BOOT", 1_700_000_000);
  for (let index = 0; index < 100; index++)
    volume.write(`EFI/a long name, number ${index}.txt`, new TextEncoder().encode(`${index}`), 1_700_000_000);
  volume.write("EFI/BOOT/grub.cfg", new TextEncoder().encode(LONG), 1_700_000_001);
  volume.write("größe", new Uint8Array(70_000).fill(0x61), 1_700_000_002);
  volume.flush();
  return readBytes(disk, 0, size);
}

describe("FAT", () => {
  for (const [bits, size] of [
    [12, MIB],
    [16, 20 * MIB],
    [32, 40 * MIB],
  ] as const)
    it(`of ${bits} bits: names whatever their case, and the bytes`, () => {
      const user = mounted("vfat", fatOf(size), { gid: "5", fmask: "0077" });
      assert.deepEqual(names(user), ["EFI", "gr\xc3\xb6\xc3\x9fe"]);
      assert.equal(names(user, "EFI").length, 101);
      assert.equal(user.get("/efi/boot/GRUB.CFG"), LONG);
      assert.equal(user.get("/EFI/A LONG name, number 99.txt"), "99");
      assert.equal(user.get("/GR\xc3\x96\xc3\x9fE"), "a".repeat(70_000));
      const stat = user.stat("/EFI/BOOT/grub.cfg");
      assert.ok(typeof stat !== "number" && (stat.mode & 0o777) === 0o700 && stat.gid === 5);
      const folder = user.stat("/EFI");
      assert.ok(typeof folder !== "number" && (folder.mode & 0o777) === 0o755);
      assert.equal(user.open("/EFI/new", O_CREAT | O_RDWR), -EROFS);
    });
});

it("names are read by several executions of a call, by each within its work", () => {
  for (const [name, image, folder, last] of [
    ["iso9660", isoOf("-R"), "a", "file number 299"],
    ["vfat", fatOf(MIB), "EFI", "a long name, number 99.txt"],
  ] as const) {
    const user = mounted(name, image);
    const { work } = user.task.kernel;
    work.begin();
    const inode = user.task.fs.root.dentry.inode!.lookup(folder);
    assert.ok(typeof inode !== "number");
    work.charge(CALL_WORK - 50);
    assert.equal(inode.lookup(last), UNFINISHED, name);
    assert.ok(work.spent <= CALL_WORK + 2, `${name}: ${work.spent} units`);
    work.begin();
    assert.ok(typeof inode.lookup(last) !== "number", name);
    assert.equal(inode.lookup("missing"), -ENOENT, name);
  }
});

it("damaged images end with errors, not with anything thrown", () => {
  const random = new SeededRandom(7);
  for (const [name, image] of [
    ["iso9660", isoOf("-R", "-J")],
    ["iso9660", isoOf("-J")],
    ["vfat", fatOf(MIB)],
  ] as const) {
    // Where folders lie.
    const dense = name === "vfat" ? 64 * 1024 : 200 * 1024;
    for (let round = 0; round < sampleCount(60, 0.34); round++) {
      const bytes = image.slice();
      for (let flips = 0; flips < 40; flips++) bytes[random.below(Math.min(dense, bytes.length))] = random.below(256);
      const device = memoryDevice(bytes);
      FileTask.create((kernel) => {
        const rights = new Map<string, string>();
        const made = mountImage(kernel, name, rights, { device, readOnly: true });
        if (typeof made === "number")
          return mountImage(kernel, name, rights, { device: memoryDevice(image), readOnly: true }) as ImageFileSystem;
        try {
          let left = 500;
          const walk = (inode: typeof made.root, depth: number): void => {
            inode.list(0, (entry) => {
              const child = inode.lookup(entry);
              if (left-- <= 0 || typeof child === "number") return left > 0;
              if (child.isDirectory && depth < 10) walk(child, depth + 1);
              child.pages?.frame(0);
              return true;
            });
          };
          walk(made.root, 0);
        } catch (thrown) {
          assert.ok(!(thrown instanceof FormatError) && !(thrown instanceof DiskError), `${String(thrown)}`);
          throw thrown;
        }
        return made as ImageFileSystem;
      });
    }
  }
});
