/**
 * Which sources are built anew, in which order. Goal: nothing that needs a package is missed, and none is built before
 * what it needs. Method: small channels by hand, and random ones against a slow, plain definition.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SeededRandom } from "@stratos/base";
import { namesOf, planRebuild, type ChannelSource } from "./plan-rebuild.ts";

/** `hello: libgreet-dev > hello(libgreet2), hello-doc`. */
function source(text: string): ChannelSource {
  const [name, rest] = text.split(":") as [string, string];
  const [depends, binaries = name] = rest.split(">");
  const words = (list: string): string[] => list.split(/[,\s]+/).filter((word) => word !== "");
  return {
    source: name,
    version: "1",
    depends: words(depends!),
    binaries: [...binaries.matchAll(/([a-z0-9-]+)(?:\(([^)]*)\))?(?:=([a-z0-9-]+))?/g)].map(
      ([, binary, needs, provides]) => ({
        name: binary!,
        depends: words(needs ?? ""),
        provides: provides === undefined ? [] : [provides],
      }),
    ),
  };
}
const plan = (lines: readonly string[], changed: readonly string[], more: { isRecursive?: boolean } = {}): string[] =>
  planRebuild(lines.map(source), { changed, isRecursive: false, sources: [], ...more }).map(
    ({ source: { source: name }, wave, because, circle }) =>
      `${wave} ${name} (${because.join(", ")})${circle.length === 0 ? "" : ` with ${circle.join(", ")}`}`,
  );

const GREET = [
  "libgreet: gcc > libgreet2, libgreet-dev(libgreet2)",
  "hello: libgreet-dev > hello(libgreet2)",
  "tools: libgreet-dev, hello > tools",
  "shell: tools > shell",
  "other: gcc > other",
];

test("those that build on a package come in the order in which they need each other", () => {
  assert.deepEqual(plan(GREET, ["libgreet-dev"]), ["1 hello (libgreet-dev)", "2 tools (libgreet-dev)"]);
  assert.deepEqual(plan(GREET, ["src:libgreet"]), ["1 hello (libgreet-dev)", "2 tools (libgreet-dev)"]);
  assert.deepEqual(plan(GREET, ["libgreet-dev"], { isRecursive: true }), [
    "1 hello (libgreet-dev)",
    "2 tools (libgreet-dev, hello)",
    "3 shell (tools)",
  ]);
  assert.deepEqual(plan(GREET, ["nothing"]), []);
});

test("what is needed through the dependencies of packages counts for the order", () => {
  const lines = ["a: base > a-lib", "b: base, wrapper > b", "wrap: x > wrapper(middle)", "mid: x > middle(a-lib)"];
  assert.deepEqual(plan(lines, ["base"]), ["1 a (base)", "2 b (base)"]);
});

test("names that packages provide lead to them", () => {
  const lines = ["mta: x > exim=mail-agent", "user: mail-agent > user", "third: exim > third"];
  assert.deepEqual(plan(lines, ["exim"]), ["1 third (exim)", "1 user (mail-agent)"]);
});

test("who makes the package is not built anew for it; a circle is one wave, and is named", () => {
  const lines = ["gcc: gcc > gcc", "a: gcc, b > a", "b: gcc, a > b", "c: gcc, b > c"];
  assert.deepEqual(plan(lines, ["gcc"]), ["1 a (gcc) with b", "1 b (gcc) with a", "2 c (gcc)"]);
});

test("sources by name are ordered, too", () => {
  const items = planRebuild(GREET.map(source), { changed: [], isRecursive: false, sources: ["shell", "tools"] });
  assert.deepEqual(
    items.map(({ source: one, wave, after }) => [one.source, wave, after]),
    [
      ["tools", 1, []],
      ["shell", 2, ["tools"]],
    ],
  );
});

test("a chain of ten thousand is no recursion", () => {
  const lines = Array.from(
    { length: 10_000 },
    (_, index) => `s${index}: ${index === 0 ? "x" : `s${index - 1}`} > s${index}`,
  );
  const items = planRebuild(lines.map(source), { changed: ["x"], isRecursive: true, sources: [] });
  assert.equal(items.length, 10_000);
  assert.equal(items.at(-1)!.wave, 10_000);
});

test("random channels: all that build on it, each after what it needs, waves as early as can be", () => {
  const seed = 99;
  const random = new SeededRandom(seed);
  for (let round = 0; round < 200; round++) {
    const count = 2 + random.below(12);
    const sources = Array.from({ length: count }, (_, index) => {
      const needs = Array.from({ length: random.below(4) }, () => `s${random.below(count)}`);
      return source(`s${index}: ${needs.join(" ")} ${random.below(2) === 0 ? "x" : ""} > s${index}`);
    });
    const items = planRebuild(sources, { changed: ["x"], isRecursive: true, sources: [] });
    const names = items.map(({ source: one }) => one.source);
    const reaches = (from: string, to: string, seen = new Set<string>()): boolean =>
      sources
        .find((one) => one.source === from)!
        .depends.some(
          (name) => name === to || (name !== "x" && !seen.has(name) && (seen.add(name), reaches(name, to, seen))),
        );
    for (const { source: one } of sources)
      assert.equal(names.includes(one), reaches(one, "x"), `seed ${seed}, round ${round}: ${one}`);
    const waves = new Map(items.map(({ source: one, wave }) => [one.source, wave]));
    for (const { source: one, wave, circle, after } of items) {
      const needed = names.filter((name) => name !== one.source && reaches(one.source, name));
      const isCircle = (name: string): boolean => reaches(name, one.source);
      assert.deepEqual([...circle].sort(), needed.filter(isCircle).sort(), `seed ${seed}, round ${round}`);
      const earlier = needed.filter((name) => !isCircle(name));
      const together = [one.source, ...circle].flatMap((name) =>
        names.filter((other) => reaches(name, other) && !reaches(other, name)),
      );
      assert.equal(wave, 1 + Math.max(0, ...together.map((name) => waves.get(name)!)), `seed ${seed}, round ${round}`);
      for (const name of earlier) assert.ok(waves.get(name)! < wave, `seed ${seed}, round ${round}`);
      for (const name of after) assert.ok(earlier.includes(name), `seed ${seed}, round ${round}`);
    }
  }
});

test("a field that is none has no names", () => {
  assert.deepEqual(namesOf("a (>= 1), b | c:any"), ["a", "b", "c"]);
  assert.deepEqual(namesOf("a; rm -rf"), []);
});
