/**
 * Which packages a root consists of. Goal: what a source asks for comes above an unchanged base; where that cannot be,
 * the root is one whole; what cannot be had is told.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fileEntry, fileTreeOf, MemoryBlob, type FileEntry } from "@stratos/formats";
import { UnsatisfiableError } from "@stratos/pkg";
import { makeSigner, publish, sha256, testPorts, type TestPackage } from "@stratos/pkg/testing";
import type { BuildNeeds } from "../dependencies/build-relations.ts";
import { layerBetween, layersOf } from "./make-layers.ts";
import { planRoot, type RootPlan } from "./plan-root.ts";

const signer = await makeSigner(1_799_900_000);
const one = (name: string, fields: Record<string, string> = {}): TestPackage => ({
  control: { Package: name, Version: "1", Architecture: "riscv64", Description: "d", ...fields },
});
const ARCHIVE = [
  one("sh", { Essential: "yes" }),
  one("apt", { Depends: "sh" }),
  one("build-essential", { Depends: "cc | tcc" }),
  one("fakeroot"),
  one("cc"),
  one("tcc"),
  one("lib", { Depends: "lib-common" }),
  one("lib-common"),
  one("hates-apt", { Conflicts: "apt" }),
];

async function plan(needs: BuildNeeds | undefined, fields: Record<string, unknown> = {}): Promise<RootPlan> {
  const packages = testPorts();
  await publish(packages, ARCHIVE, signer);
  return planRoot(
    { packages, archive: { mirror: "http://mirror/debian", keyrings: [signer.publicKey] } },
    { suite: "trixie", architecture: "riscv64", ...fields },
    needs,
    () => {},
  );
}
const names = (packages: readonly { name: string }[] = []): string[] => packages.map(({ name }) => name).sort();

test("the base is essential packages, apt, and what sbuild calls core", async () => {
  const { base, root, reasons } = await plan(undefined);
  assert.deepEqual(names(base?.packages), ["apt", "build-essential", "cc", "fakeroot", "sh"]);
  assert.equal(root, base);
  assert.deepEqual(reasons, []);
});

test("build dependencies come above the base, which stays as it is", async () => {
  const { base, root, reasons } = await plan({ depends: ["lib"], conflicts: ["tcc"] });
  assert.deepEqual(root.packages.slice(0, base!.packages.length), base!.packages);
  assert.deepEqual(names(root.packages.slice(base!.packages.length)), ["lib", "lib-common"]);
  assert.deepEqual(
    reasons.map(({ name, neededBy, because }) => [name, neededBy, because]),
    [
      ["lib", undefined, "Build-Depends: lib"],
      ["lib-common", "lib", "Depends: lib-common"],
    ],
  );
  const layers = layersOf({ packages: testPorts(), version: "1" }, { base, root, reasons }, "riscv64");
  assert.deepEqual(
    layers.map(({ info }) => [info.kind, info.packages.length]),
    [
      ["base", 5],
      ["deps", 2],
    ],
  );
  const other = layersOf({ packages: testPorts(), version: "2" }, { base, root, reasons }, "riscv64");
  assert.notEqual(layers[1]!.info.key, other[1]!.info.key);
});

test("where the base is in the way, the root is one whole", async () => {
  const { base, root } = await plan({ depends: ["hates-apt"], conflicts: ["cc"] });
  assert.equal(base, undefined);
  assert.deepEqual(names(root.packages), ["build-essential", "fakeroot", "hates-apt", "sh", "tcc"]);
});

test("what cannot be had is told, with who asks for it", async () => {
  await assert.rejects(
    plan({ depends: ["lib (>= 2)"], conflicts: [] }),
    (error) => error instanceof UnsatisfiableError && /lib \(>= 2\)/.test(error.message),
  );
  await assert.rejects(plan({ depends: ["lib"], conflicts: ["sh"] }), UnsatisfiableError);
});

test("a cross build has libraries of what it is for beside tools of what builds", async () => {
  const packages = testPorts();
  const host = (name: string, fields: Record<string, string> = {}): TestPackage =>
    one(name, { Architecture: "arm64", ...fields });
  const same = { "Multi-Arch": "same" };
  await publish(
    packages,
    [
      ...ARCHIVE,
      one("lib-same", same),
      host("lib-same", same),
      host("lib-host", { Depends: "lib-same, tool" }),
      one("tool", { "Multi-Arch": "foreign" }),
      host("tool", { "Multi-Arch": "foreign" }),
      one("helper", { Depends: "lib-same" }),
    ],
    signer,
  );
  const { base, root } = await planRoot(
    { packages, archive: { mirror: "http://mirror/debian", keyrings: [signer.publicKey] } },
    { suite: "trixie", architecture: "riscv64", hostArchitecture: "arm64" },
    { depends: ["lib-host", "helper:native"], conflicts: [] },
    () => {},
  );
  assert.deepEqual(
    root.packages
      .slice(base!.packages.length)
      .map(({ name, architecture }) => `${name}:${architecture}`)
      .sort(),
    ["helper:riscv64", "lib-host:arm64", "lib-same:arm64", "lib-same:riscv64", "tool:riscv64"],
  );
});

test("versions that are given leave the resolver no say", async () => {
  const { root } = await plan(
    { depends: ["lib"], conflicts: [] },
    {
      installed: [
        { name: "tcc", version: "1" },
        { name: "sh", version: "1" },
      ],
    },
  );
  assert.deepEqual(names(root.packages), ["fakeroot", "sh", "tcc"]);
  await assert.rejects(plan(undefined, { installed: [{ name: "tcc", version: "0.9" }] }), UnsatisfiableError);
});

test("a layer holds what differs, its folders, whole groups of links, and what is gone", () => {
  const file = (path: string, text: string): FileEntry =>
    fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(text), sha256) });
  const folder = (path: string): FileEntry => fileEntry(path, "directory"),
    link = (path: string, target: string): FileEntry => fileEntry(path, "hardLink", { target });
  const lower = fileTreeOf([
    folder(""),
    folder("a"),
    file("a/same", "x"),
    file("a/changed", "x"),
    file("a/linked", "x"),
    folder("gone"),
    file("gone/inner", "x"),
    folder("b"),
    file("b/quiet", "x"),
    file("b/gone", "x"),
  ]);
  const upper = fileTreeOf([
    folder(""),
    folder("a"),
    file("a/same", "x"),
    file("a/changed", "y"),
    file("a/linked", "x"),
    link("a/twin", "a/linked"),
    folder("b"),
    file("b/quiet", "x"),
  ]);
  const { tree, removed } = layerBetween(lower, upper);
  assert.deepEqual(
    [...tree.entries()].map(({ path, kind }) => `${kind} ${path}`),
    ["directory ", "directory a", "file a/changed", "file a/linked", "hardLink a/twin", "directory b"],
  );
  assert.deepEqual([...removed].sort(), ["b/gone", "gone"]);
});
