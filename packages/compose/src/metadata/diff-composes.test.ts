/** Differences. Goal: each change is told once, with what it was and is. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { fileEntry, fileTreeOf, MemoryBlob } from "@stratos/formats";
import { diffComposes, diffTrees, diffValues, type ComposedImage } from "./diff-composes.ts";

test("packages, configuration and artefacts of each image", () => {
  const image = (version: string, extra: Partial<ComposedImage> = {}): ComposedImage => ({
    packages: [
      { name: "a", version },
      { name: "b", version: "1" },
    ],
    config: { hostname: "x", packages: ["a", "b"] },
    artifacts: { "x.tar": version },
    ...extra,
  });
  assert.deepEqual(diffComposes(new Map([["v/amd64", image("1")]]), new Map([["v/amd64", image("1")]])), []);
  assert.deepEqual(
    diffComposes(
      new Map([["v/amd64", image("1")]]),
      new Map([
        ["v/amd64", image("2", { config: { packages: ["b", "c"], custom: { deep: 1 } } })],
        ["w/amd64", { packages: [{ name: "z", version: "1" }], config: {}, artifacts: {} }],
      ]),
    ),
    [
      {
        image: "v/amd64",
        packages: [{ name: "a", before: "1", after: "2" }],
        artifacts: [{ key: '"x.tar"', before: "1", after: "2" }],
        config: [
          { key: "custom", before: undefined, after: { deep: 1 } },
          { key: "hostname", before: "x", after: undefined },
          { key: "packages", before: ["a"], after: ["c"] },
        ],
      },
      { image: "w/amd64", packages: [{ name: "z", before: undefined, after: "1" }], config: [], artifacts: [] },
    ],
  );
  assert.deepEqual(diffValues({ a: { b: 1, c: [1] } }, { a: { b: 2, c: [1] } }), [{ key: "a.b", before: 1, after: 2 }]);
});

test("files, by what of them changed", () => {
  const blob = (text: string) => new MemoryBlob(Buffer.from(text), text);
  const before = fileTreeOf([
    fileEntry("", "directory"),
    fileEntry("a", "file", { content: blob("1") }),
    fileEntry("b", "symlink", { target: "a" }),
    fileEntry("gone", "fifo"),
  ]);
  const after = fileTreeOf([
    fileEntry("", "directory"),
    fileEntry("a", "file", { content: blob("2"), mode: 0o600 }),
    fileEntry("b", "symlink", { target: "a" }),
    fileEntry("new", "directory"),
  ]);
  assert.deepEqual(diffTrees(before, after), [
    { path: "a", change: "changed", what: ["content", "mode"] },
    { path: "gone", change: "removed", what: ["fifo"] },
    { path: "new", change: "added", what: ["directory"] },
  ]);
});
