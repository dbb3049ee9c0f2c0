/**
 * Goal: an output that finds no room leaves nothing, and is told of by the name that it was to have; so is a source
 * that needs some. Method: a small file system, as root.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { fileEntry, fileTreeOf, MemoryBlob } from "@stratos/formats";
import { describeFailure } from "@stratos/host-node/files";
import { openTreeSource } from "./tree-source.ts";
import { writeOutput } from "./write-output.ts";

const skip = (process.platform !== "linux" || process.geteuid?.() !== 0) && "mounts a file system, as Linux's root";

test("an output that finds no room leaves nothing, and tells its own name", { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-outputs-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", folder]);
  t.after(() => {
    execFileSync("umount", [folder]);
    rmdirSync(folder);
  });
  const random = new SeededRandom(1);
  const bytes = Uint8Array.from({ length: 6 << 20 }, () => random.below(256));
  const tree = fileTreeOf([
    fileEntry("", "directory"),
    fileEntry("big", "file", { content: new MemoryBlob(bytes, "") }),
  ]);
  const formats = ["tar", "cpio", "ext4", "btrfs", "xfs", "erofs", "squashfs", "oci", "oci-archive", "ostree"] as const;
  for (const format of formats) {
    const path = join(folder, "out");
    assert.throws(
      () => writeOutput(format, tree, path, { time: 1, architecture: "amd64", name: "n" }),
      (error: NodeJS.ErrnoException) => {
        assert.equal(error.code, "ENOSPC", `${format}: ${describeFailure(error)}`);
        assert.ok(error.path === path || (format === "ostree" && error.path?.startsWith(`${path}/`)), error.path);
        return true;
      },
    );
    assert.deepEqual(readdirSync(folder), [], format);
  }
  // What was there before stays.
  const layout = join(folder, "out");
  mkdirSync(layout);
  assert.throws(() => writeOutput("oci", tree, layout, { time: 1, architecture: "amd64", name: "n" }));
  assert.deepEqual(readdirSync(layout).sort(), ["blobs", "oci-layout"]);
  rmSync(layout, { recursive: true });
});

test("a packed archive that finds no room in the temporary folder says where", { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-inputs-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder]);
  const before = process.env["TMPDIR"];
  process.env["TMPDIR"] = folder;
  t.after(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
    execFileSync("umount", [folder]);
    rmdirSync(folder);
  });
  const archive = join(folder, "a.tar.gz");
  const tree = fileTreeOf([
    fileEntry("", "directory"),
    fileEntry("zeros", "file", { content: new MemoryBlob(new Uint8Array(4 << 20), "") }),
  ]);
  writeOutput("tar", tree, archive, { time: 1, architecture: "amd64", name: "n", compression: "gzip" });
  await assert.rejects(openTreeSource(archive), (error: NodeJS.ErrnoException) => {
    assert.equal(error.code, "ENOSPC");
    assert.match(String(error.path), /stratos-inputs-.*\/stratos-tree-.*\/layer-0\.tar$/);
    return true;
  });
  assert.deepEqual(readdirSync(folder), ["a.tar.gz"]);
});
