/**
 * btrfs. Judges: btrfs check proves trees, free space and checksums; btrfs restore reads each file back; the same trees
 * give the same bytes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { lstatSync, mkdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { SeededRandom } from "@stratos/base";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { SAMPLE_TIME, sampleBytes, sampleFile, sampleTree } from "../testing/sample-tree.ts";
import { fileEntry, fileTreeOf, type FileEntry, type FileTree } from "../tree/file-tree.ts";
import { btrfsSizeFor, writeBtrfs, type BtrfsOptions, type BtrfsVolume } from "./btrfs-writer.ts";

const OPTIONS: BtrfsOptions = {
  uuid: "0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11",
  label: "sample",
  time: SAMPLE_TIME,
  id: (what) =>
    createHash("md5")
      .update(what)
      .digest("hex")
      .replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5"),
};

function write(
  path: string,
  volumes: readonly BtrfsVolume[],
  options: Partial<BtrfsOptions> = {},
  size = btrfsSizeFor(volumes),
): void {
  const disk = new DiskFile(path, size);
  try {
    writeBtrfs(disk, volumes, { ...OPTIONS, ...options });
  } finally {
    disk.close();
  }
}

function check(path: string): string {
  const { status, output } = run("btrfs", ["check", "--check-data-csum", path]);
  assert.equal(status, 0, output);
  assert.match(output, /no error found/);
  return output;
}

function assertRestored(image: string, folder: string, tree: FileTree, subvolume: string | null): void {
  mkdirSync(folder);
  const isRoot = process.getuid?.() === 0;
  const root = subvolume === null ? [] : ["-r", subvolume];
  const result = run("btrfs", ["restore", "-S", ...(isRoot ? ["-m", "-x"] : []), ...root, image, folder]);
  assert.equal(result.status, 0, result.output);
  for (const entry of tree.entries()) {
    // Devices are not restored by it.
    if (entry.kind === "character" || entry.kind === "block" || entry.kind === "fifo") continue;
    const place = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(entry.path, "latin1")]);
    const stat = lstatSync(place);
    if (entry.kind === "file")
      assert.equal(createHash("sha256").update(readFileSync(place)).digest("hex"), entry.content!.digest, entry.path);
    if (entry.kind === "symlink") assert.equal(readlinkSync(place, "latin1"), entry.target);
    // What a folder without files is like, it does not restore.
    else if (isRoot && entry.kind !== "directory")
      assert.deepEqual(
        [stat.mode & 0o7777, stat.uid, stat.gid, Math.floor(stat.mtimeMs / 1000)],
        [entry.mode, entry.uid, entry.gid, Math.floor(entry.kind === "hardLink" ? SAMPLE_TIME : entry.mtime)],
        entry.path,
      );
  }
  if (isRoot)
    assert.match(
      run("getfattr", ["-d", "-m-", join(folder, "bin/ping")]).output,
      /security\.capability=[\s\S]*user\.comment="hello"/,
    );
}

test("btrfs finds no fault in a volume, and gives back each file, attribute, owner and time", () =>
  withFolder((folder) => {
    const image = join(folder, "image");
    // Names for several leaves, and content that lies on both sides of the superblock's copy at 64 MiB.
    const large = sampleFile("large", sampleBytes(70 << 20, 11));
    const tree = fileTreeOf([...sampleTree({ files: 3000 }).entries(), large]);
    write(image, [{ name: "", tree }]);
    assert.match(check(image), /found \d+ bytes used/);
    assertRestored(image, join(folder, "out"), tree, null);
    const dump = run("btrfs", ["inspect-internal", "dump-tree", image]).output;
    assert.match(dump, /rdev 1048579\n/, "the device 1:3");
    assert.match(
      run("blkid", ["-p", image]).output,
      /LABEL="sample".* UUID="0e5b5a4e-8a3f-4d6e-9d0c-4f6f1f4e7a11".*TYPE="btrfs"/,
    );
  }));

test("subvolumes have their own files, a snapshot shares its source's content, and packing takes less", () =>
  withFolder((folder) => {
    const image = join(folder, "image"),
      packed = join(folder, "packed");
    const words = Buffer.from("all work and no play makes a dull disk\n".repeat(40_000));
    const tree = fileTreeOf([...sampleTree().entries(), sampleFile("words", words)]);
    const home = fileTreeOf([fileEntry("", "directory", { mode: 0o700 }), sampleFile("note", "kept")]);
    const volumes: BtrfsVolume[] = [
      { name: "@", tree },
      { name: "@home", tree: home },
      { name: "@factory", tree, snapshotOf: "@", readOnly: true },
    ];
    const used = (path: string): number => Number(/found (\d+) bytes used/.exec(check(path))![1]);
    write(image, volumes);
    write(packed, volumes, { zstd: nodeCodecs().zstd });
    const once = join(folder, "once");
    write(once, volumes.slice(0, 2));
    assert.ok(used(image) - used(once) < 1 << 20, "a snapshot costs its metadata alone");
    assert.ok(used(packed) < used(image) - (1 << 20));
    const roots = run("btrfs", ["inspect-internal", "dump-tree", "-t", "root", image]).output;
    assert.match(roots, /item \d+ key \(258 ROOT_ITEM 0\)[\s\S]*?flags 0x1\(RDONLY\)/);
    const uuid = /key \(256 ROOT_ITEM 0\)[\s\S]*?\n\s*uuid (\S+)/.exec(roots)![1]!;
    assert.match(roots, new RegExp(`key \\(258 ROOT_ITEM 0\\)[\\s\\S]*?parent_uuid ${uuid}`));
    assert.match(roots, /ROOT_BACKREF 5\)[\s\S]*?name @home/);
    for (const path of [image, packed])
      for (const id of ["256", "258"])
        assertRestored(path, join(folder, `out-${path === packed ? "packed" : "plain"}-${id}`), tree, id);
  }));

test("trees made by chance are without fault", () =>
  withFolder((folder) => {
    const seed = 20_261_120;
    const random = new SeededRandom(seed);
    for (let round = 0; round < 6; round++) {
      const entries: FileEntry[] = [fileEntry("", "directory")],
        folders = [""];
      for (let index = 0; index < 400; index++) {
        const parent = folders[random.below(folders.length)]!,
          path = `${parent === "" ? "" : `${parent}/`}${"n".repeat(random.below(200))}${index}`;
        if (random.below(5) === 0) {
          folders.push(path);
          entries.push(fileEntry(path, "directory", { mtime: index + 0.25 }));
        } else entries.push(sampleFile(path, sampleBytes(random.below(round * 9000 + 4097), index)));
      }
      const image = join(folder, `image-${round}`);
      write(image, [{ name: "", tree: fileTreeOf(entries) }]);
      const { status, output } = run("btrfs", ["check", "--check-data-csum", image]);
      assert.equal(status, 0, `seed ${seed}, round ${round}: ${output}`);
    }
  }));

test("the same trees give the same bytes; what does not fit or has no form is refused", () =>
  withFolder((folder) => {
    const [one, two] = [join(folder, "one"), join(folder, "two")];
    for (const path of [one, two]) write(path, [{ name: "@", tree: sampleTree() }]);
    assert.ok(readFileSync(one).equals(readFileSync(two)));
    const refuse = (volumes: readonly BtrfsVolume[], pattern: RegExp, size?: number): void =>
      assert.throws(() => write(two, volumes, {}, size), pattern);
    refuse([{ name: "", tree: sampleTree() }], /needs \d+ bytes, and there are 16777216/, 16 << 20);
    refuse(
      [{ name: "", tree: fileTreeOf([fileEntry("", "directory"), sampleFile("big", sampleBytes(9 << 20, 1))]) }],
      /big: there is no room for its content/,
      8 << 20,
    );
    refuse(
      [
        {
          name: "",
          tree: fileTreeOf([
            fileEntry("", "directory"),
            sampleFile("f", "x", { xattrs: new Map([["system.other", "x"]]) }),
          ]),
        },
      ],
      /f: btrfs has no form for the attribute system.other/,
    );
    refuse([{ name: "a/b", tree: sampleTree() }], /a\/b: no name for a subvolume/);
    refuse([{ name: "@s", tree: sampleTree(), snapshotOf: "@" }], /a snapshot of @, which does not stand before it/);
  }));
