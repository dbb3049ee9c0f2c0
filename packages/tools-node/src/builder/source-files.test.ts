/** Goal: of a source's tree nothing is read but what is in it, whatever stands there. Method: trees of links. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hostSourceFiles } from "./source-files.ts";

let folder: string;
before(() => void (folder = mkdtempSync(join(tmpdir(), "source-files-"))));
after(() => rmSync(folder, { recursive: true, force: true }));

test("links that lead out, pipes, devices, folders and what is too large are not read", async () => {
  const tree = join(folder, "tree");
  mkdirSync(join(tree, "debian"), { recursive: true });
  // Its name begins as the tree's does.
  mkdirSync(join(folder, "tree-2"));
  writeFileSync(join(folder, "tree-2/secret"), "of the host");
  writeFileSync(join(tree, "real"), "of the tree");
  const at = (name: string): string => join(tree, "debian", name);
  symlinkSync("../real", at("inside"));
  symlinkSync(join(folder, "tree-2/secret"), at("absolute"));
  symlinkSync("../../tree-2/secret", at("relative"));
  symlinkSync("/dev/zero", at("device"));
  symlinkSync("loop", at("loop"));
  symlinkSync("nowhere", at("dangling"));
  symlinkSync(folder, join(tree, "away"));
  execFileSync("mkfifo", [at("pipe")]);
  mkdirSync(at("folder"));
  writeFileSync(at("large"), "");
  truncateSync(at("large"), 5 << 20);
  const files = hostSourceFiles({ downloads: folder, work: folder });
  const read = async (name: string): Promise<string | undefined> => {
    const found = await files.readWithin(tree, name, 4 << 20);
    return typeof found === "object" ? Buffer.from(found).toString() : found;
  };
  const out = "leads out of the source's tree";
  for (const [name, said] of [
    ["real", "of the tree"],
    ["debian/inside", "of the tree"],
    ["debian/absolute", out],
    ["debian/relative", out],
    ["debian/device", out],
    ["debian/loop", out],
    ["away/tree-2/secret", out],
    ["debian/pipe", "is no file"],
    ["debian/folder", "is no file"],
    ["debian/large", "is larger than 4 MiB"],
    ["debian/dangling", undefined],
    ["debian/none", undefined],
    ["real/none", undefined],
  ] as const)
    assert.equal(await read(name), said, name);
});
