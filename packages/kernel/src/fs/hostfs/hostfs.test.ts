/** hostfs: the conformance suite over real temporary folders, and what the host does behind our back. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, it } from "node:test";
import { O_RDWR } from "@stratos/abi";
import { NodeFileTree } from "../../../../host-node/src/node-file-tree.ts";
import type { Kernel } from "../../kernel-state.ts";
import { FileTask } from "../../testing/file-system-task.ts";
import { writeBackAll } from "../../vfs/write-back.ts";
import { fileSystemConformance } from "../testing/conformance.ts";
import { HostFs } from "./hostfs.ts";

const folders: string[] = [];
const isRoot = process.getuid?.() === 0;
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

function create(kernel: Kernel, isPrivate: boolean): HostFs {
  const folder = mkdtempSync(join(tmpdir(), "stratos-hostfs-"));
  folders.push(folder);
  return new HostFs(kernel, new NodeFileTree(folder), { isPrivate });
}

const limits = { hasOwners: isRoot, hasXattrs: false, hasExchange: false, hasUnnamed: false, hasFifos: false };
fileSystemConformance("hostfs, shared", (kernel) => create(kernel, false), limits);
fileSystemConformance("hostfs, private", (kernel) => create(kernel, true), limits);

it("changes by the host are seen at once", () => {
  const { user } = FileTask.create((kernel) => create(kernel, false));
  const folder = folders.at(-1)!;
  user.put("/f", "guest");
  assert.equal(readFileSync(join(folder, "f"), "utf8"), "guest");
  writeFileSync(join(folder, "f"), "host was here");
  assert.equal(user.get("/f"), "host was here");
  writeFileSync(join(folder, "new"), "x");
  assert.equal(user.get("/new"), "x");
  rmSync(join(folder, "new"));
  assert.equal(user.get("/new"), -2);
});

it("a mapped page and write(2) agree, and write-back reaches the host", () => {
  const { test, user } = FileTask.create((kernel) => create(kernel, false));
  const folder = folders.at(-1)!;
  user.put("/m", "a".repeat(5000));
  const fd = user.open("/m", O_RDWR);
  const pages = user.task.files.get(fd)!.mapping();
  assert.ok(typeof pages !== "number");
  const frame = pages.frame(0);
  const memory = test.kernel.physical.u8;
  assert.equal(memory[frame * 4096], 97);
  user.call("pwrite64", fd, user.text("B"), 1, 1);
  assert.equal(memory[frame * 4096 + 1], 66);
  memory[frame * 4096 + 2] = 67;
  pages.markDirty(0);
  assert.equal(user.read(fd, 4), "aBCa");
  writeBackAll(test.kernel);
  assert.equal(readFileSync(join(folder, "m"), "utf8").slice(0, 4), "aBCa");
});
