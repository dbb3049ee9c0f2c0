/** Layers. Goal: together they are the tree, and a package that changes leaves the other layers as they are. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { checkFileTree, fileEntry, fileTreeOf, type FileEntry } from "@stratos/formats";
import type { LockedPackage } from "../gather/lock.ts";
import type { ComposeStore, TreeLayer } from "../ports.ts";
import { layerPath } from "./layer.ts";
import { PackBlob } from "./manifest.ts";
import { splitLayers } from "./split-layers.ts";

const store = {} as ComposeStore;

function packageOf(name: string, version: number): LockedPackage {
  const sha256 = Buffer.from(`${name}${version}`).toString("hex").padEnd(64, "0").slice(0, 64);
  return {
    name,
    version: String(version),
    architecture: "all",
    sizeBytes: 1,
    sha256,
    url: "file:///x",
    stage: "image",
    isAutomatic: false,
    source: name,
  };
}

function world(versions: Record<string, number>): {
  packages: LockedPackage[];
  layers: TreeLayer[];
  entries: FileEntry[];
} {
  const packages = Object.entries(versions).map(([name, version]) => packageOf(name, version));
  const entries: FileEntry[] = [
    fileEntry("", "directory"),
    fileEntry("usr", "directory", { mode: 0o750, mtime: Object.values(versions).reduce((sum, one) => sum + one) }),
    fileEntry("empty", "directory"),
    fileEntry("node", "fifo"),
  ];
  for (const one of packages) {
    const sizeBytes = one.name.startsWith("big") ? 2 << 20 : 1000;
    entries.push(
      fileEntry(`usr/${one.name}`, "file", {
        content: new PackBlob(store, {
          pack: layerPath(one),
          offset: 0,
          sizeBytes,
          digest: `${one.name}${one.version}`,
        }),
      }),
    );
    entries.push(fileEntry(`usr/${one.name}.link`, "hardLink", { target: `usr/${one.name}` }));
  }
  const tree = fileTreeOf(entries);
  return { packages, entries: [...tree.entries()], layers: splitLayers(tree, packages) };
}

const signature = ({ name, tree }: TreeLayer): string =>
  JSON.stringify([
    name,
    [...tree.entries()].map(({ path, kind, mode, mtime, content }) => [path, kind, mode, mtime, content?.digest]),
  ]);
const names = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`small${index}`, 1]));

test("layers together are the tree; each describes the folders above its files", () => {
  const { layers, entries } = world({ ...names, bigone: 1, bigtwo: 1 });
  const merged = new Map<string, FileEntry>();
  for (const { tree } of layers) {
    assert.equal(checkFileTree(tree), undefined);
    for (const entry of tree.entries()) merged.set(entry.path, entry);
  }
  assert.deepEqual(fileTreeOf(merged.values()).entries(), entries);
  assert.ok(
    layers
      .filter(({ name }) => name !== "changes")
      .every(({ tree }) => [...tree.entries()].some(({ path, mode }) => path === "usr" && mode === 0o750)),
  );
  assert.ok(
    layers.length <= 2 + 12 + 1 && layers.some(({ name }) => name === "bigone"),
    layers.map(({ name }) => name).join(),
  );
});

test("a package that changes, comes or goes changes one layer, and the last, which has the times of folders", () => {
  const before = new Set(world({ ...names, bigone: 1, bigtwo: 1 }).layers.map(signature));
  for (const changed of [
    { ...names, bigone: 2, bigtwo: 1 },
    { ...names, small7: 2, bigone: 1, bigtwo: 1 },
    { ...names, extra: 1, bigone: 1, bigtwo: 1 },
  ]) {
    const fresh = world(changed).layers.filter((layer) => !before.has(signature(layer)));
    assert.equal(fresh.length, 2, fresh.map(({ name }) => name).join());
    assert.equal(fresh[1]!.name, "changes");
  }
});
