/**
 * Which build dependencies count. Goal: lists of architectures, formulas of profiles and alternatives mean what Policy
 * and sbuild say.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DependencyError, parseControl } from "@stratos/pkg";
import { isInArchitectureList, matchesArchitecture } from "./architecture-match.ts";
import { buildNeeds, reduceRelations, type BuildSurroundings } from "./build-relations.ts";

const AMD64: BuildSurroundings = { architecture: "amd64", profiles: [], parts: "both" };
const reduce = (text: string, fields: Partial<BuildSurroundings> = {}): string =>
  reduceRelations(text, { ...AMD64, ...fields }).join(", ");

test("wildcards match by the parts of an architecture's tuple", () => {
  for (const [architecture, pattern, isMatch] of [
    ["amd64", "any", true],
    ["amd64", "linux-any", true],
    ["amd64", "any-amd64", true],
    ["amd64", "hurd-any", false],
    ["hurd-amd64", "hurd-any", true],
    ["hurd-amd64", "any-amd64", true],
    ["armhf", "any-arm", true],
    ["armel", "any-arm", true],
    ["armhf", "any-armhf", false],
    ["arm64", "any-arm", false],
    ["amd64", "gnu-any-any", true],
    ["amd64", "musl-linux-any", false],
    ["musl-linux-amd64", "amd64", false],
    ["riscv64", "riscv64", true],
    ["riscv64", "riscv32", false],
  ] as const)
    assert.equal(matchesArchitecture(architecture, pattern), isMatch, `${architecture} ${pattern}`);
  assert.equal(isInArchitectureList("amd64", "!i386 !armel"), true);
  assert.equal(isInArchitectureList("amd64", "!linux-any"), false);
});

test("relations for other architectures and profiles do not count", () => {
  assert.equal(reduce("a [amd64], b [i386], c [!amd64], d [linux-any]"), "a, d");
  assert.equal(reduce("a <!nocheck>, b <nocheck>, c <!nocheck !nodoc>, d <cross> <!stage1>"), "a, c, d");
  assert.equal(
    reduce("a <!nocheck>, b <nocheck>, c <!nocheck !nodoc>, d <cross> <!stage1>", {
      profiles: ["nocheck", "stage1"],
    }),
    "b",
  );
});

test("the first alternative that is meant counts, with others of the same package", () => {
  assert.equal(reduce("a [i386] | b | c"), "b");
  assert.equal(reduce("a (>= 2) | b | a (<< 1)"), "a (>= 2) | a (<< 1)");
  assert.equal(
    reduce("gcc:native (>= 4:10), python3:any, libc6-dev:amd64, x:i386"),
    "gcc (>= 4:10), python3:any, libc6-dev, x:i386",
  );
  assert.equal(reduce("a,\n a , ,b\n\t(= 1)"), "a, b (= 1)");
});

test("fields follow which packages are built", () => {
  const [stanza] = parseControl(
    "Source: x\nBuild-Depends: a\nBuild-Depends-Arch: b\nBuild-Depends-Indep: c\nBuild-Conflicts: d\n" +
      "Build-Conflicts-Indep: e\n",
    "test",
  );
  assert.deepEqual(buildNeeds(stanza!, AMD64), { depends: ["a", "b", "c"], conflicts: ["d", "e"] });
  assert.deepEqual(buildNeeds(stanza!, { ...AMD64, parts: "any" }), { depends: ["a", "b"], conflicts: ["d"] });
  assert.deepEqual(buildNeeds(stanza!, { ...AMD64, parts: "all" }), { depends: ["a", "c"], conflicts: ["d", "e"] });
});

test("what is no relation is named", () => {
  assert.throws(
    () => reduce("a; rm -rf"),
    (error) => error instanceof DependencyError && /not a build dependency: a; rm -rf/.test(error.message),
  );
});

test("in a cross build relations are of the host architecture, but for those of the machine that builds", () => {
  const cross = { hostArchitecture: "riscv64", profiles: ["cross", "nocheck"] };
  assert.equal(
    reduce("a [amd64], b [riscv64], c:native, d:any, e:riscv64, f:amd64", cross),
    "b, c:native, d:any, e, f:amd64",
  );
  assert.equal(reduce("a <!cross>, b <cross>, c <!nocheck>", cross), "b");
  const { depends } = buildNeeds(parseControl("Package: x\nBuild-Depends: lib\n", "x")[0]!, { ...AMD64, ...cross });
  assert.deepEqual(depends, ["lib", "libc-dev", "libstdc++-dev", "crossbuild-essential-riscv64:native"]);
});
