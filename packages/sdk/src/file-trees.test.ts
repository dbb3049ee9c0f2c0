/**
 * Goal: folders are copied, packed and unpacked whole, with modes, owners, times and links, and an archive that cannot
 * be trusted is refused. Method: volumes in memory.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EBUSY, EINVAL, EIO, EISDIR, ENOENT } from "@stratos/abi";
import { Files } from "@stratos/aegisfs";
import { concatBytes, utf8Of } from "@stratos/base";
import { tarEnd, tarEntry, tarHeader, tarPadding, TarType } from "@stratos/formats/tar";
import { StratosError } from "./api.ts";
import { makeFolders, remove } from "./file-operations.ts";
import { copyFiles, packFolder, unpackFolder } from "./file-trees.ts";
import { ports, volumeWith } from "./testing/memory-volume.ts";
import { VolumeFiles } from "./volume-files.ts";

function newFiles(): VolumeFiles {
  return new VolumeFiles(new Files(volumeWith(), { clock: ports.clock }));
}

/** A folder with a bit of everything. */
function sample(): VolumeFiles {
  const files = newFiles();
  for (const path of ["/tree/sub", "/tree/empty"]) assert.equal(makeFolders(files, path, 0o755), 0);
  assert.equal(files.write("/tree/sub/text", utf8Of("content"), 0o644), 0);
  assert.equal(
    files.setAttributes("/tree/sub/text", { mode: 0o4755, uid: 7, gid: 8, modifiedMs: 1_500_000_000_000 }),
    0,
  );
  assert.equal(files.makeLink("sub/text", "/tree/link"), 0);
  assert.equal(files.makeLink("/nowhere", "/tree/sub/dangling"), 0);
  return files;
}

/** All that is below, as lines. */
function linesOf(files: VolumeFiles, folder: string): string[] {
  const entries = files.list(folder);
  assert.ok(typeof entries !== "number", folder);
  return entries
    .map(({ name }) => name)
    .sort()
    .flatMap((name) => {
      const path = `${folder}/${name}`;
      const status = files.linkStatus(path);
      assert.ok(typeof status !== "number", path);
      const { kind, mode, uid, gid, modifiedMs } = status;
      const content =
        kind === "file"
          ? new TextDecoder().decode(files.read(path) as Uint8Array)
          : kind === "link"
            ? (files.readLink(path) as string)
            : "";
      const line = [name, kind, kind === "link" ? "" : mode.toString(8), uid, gid, modifiedMs, content].join(" ");
      return kind === "folder" ? [line, ...linesOf(files, path)] : [line];
    });
}

test("a copied folder is the same, whichever way it went", () => {
  const files = sample();
  const lines = linesOf(files, "/tree");
  assert.equal(copyFiles(files, { from: "/tree", to: "/copy" }, true), 0);
  assert.deepEqual(linesOf(files, "/copy"), lines);
  const tar = packFolder(files, "/tree/");
  assert.ok(tar instanceof Uint8Array);
  const other = newFiles();
  for (let time = 0; time < 2; time++) assert.equal(unpackFolder(other, "/into/here", tar), 0);
  assert.deepEqual(linesOf(other, "/into/here"), lines);
  assert.deepEqual(packFolder(other, "/into/here"), tar);
});

test("a copy replaces files and links, and never what a link leads to", () => {
  const files = sample();
  assert.equal(copyFiles(files, { from: "/tree/sub/text", to: "/tree/link" }, false), 0);
  const status = files.linkStatus("/tree/link");
  assert.ok(typeof status !== "number" && status.kind === "file" && status.mode === 0o4755);
  assert.equal(copyFiles(files, { from: "/tree", to: "/x" }, false), -EISDIR);
  assert.equal(copyFiles(files, { from: "/tree", to: "/tree/sub/in" }, true), -EINVAL);
  assert.equal(copyFiles(files, { from: "/tree/sub/text", to: "/tree/empty" }, false), -EISDIR);
  assert.equal(copyFiles(files, { from: "/none", to: "/x" }, true), -ENOENT);
});

test("an archive with a way out, or a damaged one, is refused by its reason", () => {
  const archive = (path: string, content = "x"): Uint8Array => {
    const size = content.length;
    const parts = [
      tarHeader(tarEntry(path, TarType.file, { size })),
      utf8Of(content),
      new Uint8Array(tarPadding(size)),
    ];
    return concatBytes([...parts, tarEnd()]);
  };
  const refusal = (tar: Uint8Array): string => {
    try {
      return String(unpackFolder(newFiles(), "/in", tar));
    } catch (error) {
      assert.ok(error instanceof StratosError && error.kind === "archive");
      return error.message;
    }
  };
  assert.match(refusal(archive("a/../../b")), /a name with "\.\."/);
  assert.match(refusal(archive("a", "x".repeat(600)).subarray(0, 700)), /truncated/);
  assert.match(refusal(archive("a").fill(1, 0, 90)), /checksum/);
  const files = newFiles();
  assert.equal(unpackFolder(files, "/in", archive("/etc/passwd")), 0);
  assert.deepEqual(linesOf(files, "/in").length, 2);
});

test("the root, and what ends in a dot, is refused before anything in it is removed", () => {
  const files = sample();
  const lines = linesOf(files, "/");
  for (const [path, error] of [
    ["/", EBUSY],
    ["//", EBUSY],
    ["/tree/..", EINVAL],
    ["/tree/../", EINVAL],
    ["/tree/.", EINVAL],
  ] as const)
    assert.equal(remove(files, path, true), -error, path);
  assert.deepEqual(linesOf(files, "/"), lines);
  assert.equal(remove(files, "/tree/", true), 0);
  assert.deepEqual(files.list("/"), []);
});

test("names and targets that are not UTF-8 are copied, packed, unpacked and removed as all others", () => {
  const files = newFiles();
  assert.equal(makeFolders(files, "/tree/d\udcff", 0o755), 0);
  assert.equal(files.write("/tree/d\udcff/q\udcfe", utf8Of("a"), 0o644), 0);
  assert.equal(files.write("/tree/q\ufffd", utf8Of("b"), 0o644), 0);
  assert.equal(files.write("/tree/q\udcff", utf8Of("c"), 0o644), 0);
  assert.equal(files.makeLink("t\udcff", "/tree/link"), 0);
  for (const path of ["/tree", "/tree/d\udcff"]) assert.equal(files.setAttributes(path, SAME), 0);
  const lines = linesOf(files, "/tree");
  assert.equal(lines.length, 5);
  assert.equal(copyFiles(files, { from: "/tree", to: "/copy" }, true), 0);
  assert.deepEqual(linesOf(files, "/copy"), lines);
  const tar = packFolder(files, "/tree");
  assert.ok(typeof tar !== "number");
  assert.ok(Buffer.from(tar).includes(Buffer.from("d\xff/q\xfe\0", "latin1")));
  assert.equal(unpackFolder(files, "/again", tar), 0);
  const untimed = (all: readonly string[]): string[] => all.map((line) => line.replace(/ \d{4,}(\.\d+)? /, " "));
  assert.deepEqual(untimed(linesOf(files, "/again")), untimed(lines));
  for (const path of ["/tree", "/copy", "/again"]) assert.equal(remove(files, path, true), 0);
  assert.deepEqual(files.list("/"), []);
});

const SAME = { mode: 0o755, uid: 0, gid: 0, modifiedMs: 1_500_000_000_000 };

test("what cannot be read below a folder is named", () => {
  const files = sample();
  const read = files.read.bind(files);
  files.read = (path) => (path === "/tree/sub/text" ? -EIO : read(path));
  const isNamed = { kind: "file", message: "/tree/sub/text: EIO", data: { path: "/tree/sub/text", code: "EIO" } };
  assert.throws(() => packFolder(files, "/tree"), isNamed);
  assert.throws(() => copyFiles(files, { from: "/tree", to: "/copy" }, true), isNamed);
  assert.equal(packFolder(files, "/none"), -ENOENT);
});

test("what the kernel makes up is passed over, unless it is asked for", () => {
  const files = sample();
  assert.equal(makeFolders(files, "/proc", 0o755), 0);
  assert.equal(
    files.write("/proc/mounts", utf8Of("sys /tree/sub sysfs rw 0 0\nx /tree/empty tmpfs rw 0 0\n"), 0o444),
    0,
  );
  const names = (folder: string): string[] => {
    const into = newFiles();
    const tar = packFolder(files, folder);
    assert.ok(typeof tar !== "number");
    assert.equal(unpackFolder(into, "/in", tar), 0);
    return linesOf(into, "/in").map((line) => line.split(" ")[0]!);
  };
  assert.deepEqual(names("/tree").length, 2);
  assert.deepEqual(names("/tree/sub").length, 2);
  assert.equal(copyFiles(files, { from: "/tree", to: "/copy" }, true), 0);
  assert.equal(files.linkStatus("/copy/sub"), -ENOENT);
});
