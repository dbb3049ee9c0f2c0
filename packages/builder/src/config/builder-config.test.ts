/**
 * Settings from several places. Goal: the later place counts, each value's origin is known, and what makes no sense is
 * named with its file.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, mergeConfig, sizeOf } from "./builder-config.ts";

test("the later place counts, and says so", () => {
  const settings = mergeConfig([
    { origin: "built-in", values: { suite: "trixie", limits: { timeout: 60, memory: "1G" } } },
    {
      origin: "/etc/x",
      values: { suite: "sid", profiles: ["nocheck"], hooks: [{ point: "pre-Build", command: ["a"] }] },
    },
    {
      origin: "project",
      values: {
        limits: { timeout: 5 },
        profiles: ["nodoc"],
        hooks: [{ point: "post-Check", command: ["b", "c"], timeout: 9 }],
      },
    },
  ]);
  const told = Object.fromEntries(settings.map(({ key, value, origin }) => [key, [value, origin]]));
  assert.deepEqual(told["suite"], ["sid", "/etc/x"]);
  assert.deepEqual(told["limits.timeout"], [5, "project"]);
  assert.deepEqual(told["limits.memory"], ["1G", "built-in"]);
  assert.deepEqual(told["profiles"], [["nodoc"], "project"]);
  assert.deepEqual(told["hooks"], [
    [
      { point: "pre-Build", command: ["a"] },
      { point: "post-Check", command: ["b", "c"], timeout: 9 },
    ],
    "/etc/x, project",
  ]);
});

test("null takes a setting away", () => {
  assert.deepEqual(
    mergeConfig([
      { origin: "a", values: { ccache: true } },
      { origin: "b", values: { ccache: null } },
    ]),
    [],
  );
});

test("what makes no sense is named with its place", () => {
  for (const [values, words] of [
    [{ siute: "x" }, /^f: there is no setting siute/],
    [{ jobs: 0 }, /^f: jobs: /],
    [{ limits: { memory: "lots" } }, /^f: limits.memory: /],
    [{ hooks: [{ point: "during-Build", command: ["x"] }] }, /^f: hooks: /],
    [{ mirror: "mirror.example" }, /^f: mirror: /],
    [{ environment: { "A B": "x" } }, /^f: environment: /],
  ] as const)
    assert.throws(
      () => mergeConfig([{ origin: "f", values: values as never }]),
      (error) => error instanceof ConfigError && words.test(error.message),
    );
});

test("sizes are bytes or have a letter", () => {
  assert.deepEqual(
    [sizeOf(7), sizeOf("7"), sizeOf("2K"), sizeOf("1.5M"), sizeOf("16G"), sizeOf("x")],
    [7, 7, 2048, 1572864, 17179869184, undefined],
  );
});
