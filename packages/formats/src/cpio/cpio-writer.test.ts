/** cpio. Judge: cpio(1) lists and unpacks what we write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes, sampleTree } from "../testing/sample-tree.ts";
import { cpioArchive } from "./cpio-writer.ts";

test("cpio unpacks a tree of ours", () =>
  withFolder((folder) => {
    const pieces: Buffer[] = [];
    for (const piece of cpioArchive(sampleTree({ devices: false, files: 20 }))) pieces.push(Buffer.from(piece));
    const archive = Buffer.concat(pieces);
    const listing = run("cpio", ["-itv", "--quiet"], { input: archive });
    assert.equal(listing.status, 0, listing.output);
    assert.match(listing.output, /-rwsr-xr-x +2 .* bin\/tool\n/);
    assert.equal(run("cpio", ["-idm", "--quiet", "--no-preserve-owner"], { input: archive, cwd: folder }).status, 0);
    assert.ok(readFileSync(join(folder, "bin/tool2")).equals(Buffer.from(sampleBytes(100_001, 1))));
    assert.equal(statSync(join(folder, "bin/tool")).ino, statSync(join(folder, "bin/tool2")).ino);
    assert.ok(readFileSync(join(folder, "deep/large")).equals(Buffer.from(sampleBytes(2_500_000, 4))));
  }));
