/** Goal: what nobody looks for in a made directory is not made. Method: directories of /sys, filled by the test. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { ENOENT } from "@stratos/abi";
import { FileTask } from "../testing/file-system-task.ts";
import { Sysfs } from "../sysfs/sysfs.ts";
import { PseudoDirectory } from "./pseudo-inodes.ts";

it("a directory that is filled later is not filled for what stands in it already", () => {
  const fileSystem = new Sysfs(FileTask.create().test.kernel);
  let filled = 0;
  const there = new PseudoDirectory(fileSystem),
    later = new PseudoDirectory(fileSystem);
  const directory = new PseudoDirectory(fileSystem)
    .fillLater(7, (own) => void (filled++, own.add("later", later)))
    .add("there", there);
  assert.equal(directory.lookup("there"), there);
  assert.equal(directory.entryNamed("there"), there);
  assert.equal(filled, 0);
  assert.equal(directory.lookup("later"), later);
  assert.equal(directory.lookup("neither"), -ENOENT);
  assert.equal(filled, 1);
  assert.equal(directory.nlink, 4);
});

it("/sys/fs/cgroup stands there with as little, and /sys has the rest when it is listed", () => {
  const { root } = new Sysfs(FileTask.create().test.kernel);
  assert.equal((root.lookup("fs") as PseudoDirectory).entries.has("cgroup"), true);
  const names: string[] = [];
  root.list(0, (name) => names.push(name) > 0);
  assert.deepEqual(names.filter((name) => !/^\.\.?$/.test(name)).sort(), [...root.entries.keys()].sort());
  for (const name of ["fs", "class", "devices", "kernel", "block"]) assert.ok(names.includes(name), name);
});
