/**
 * The resolver. Goal: apt's choice where apt has one, every answer valid, every refusal right and explained. Cases from
 * Policy are written out; random archives are compared with trying all subsets.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { acceptsProvided, acceptsVersion, type Dependency } from "../dependency.ts";
import { PackageIndex, type BinaryPackage } from "../package-index.ts";
import { UnsatisfiableError, resolve, type ResolveRequest } from "./resolve.ts";

/** Lines `name version [Field: value; …]`. */
function indexOf(...lines: string[]): PackageIndex {
  const text = lines
    .map((line) => {
      const [name, version, ...rest] = line.split(" ");
      const fields = rest
        .join(" ")
        .split(";")
        .map((field) => field.trim())
        .filter((field) => field !== "");
      const architecture = fields.some((field) => field.startsWith("Architecture:")) ? [] : ["Architecture: riscv64"];
      return [`Package: ${name}`, `Version: ${version}`, ...architecture, ...fields].join("\n") + "\n";
    })
    .join("\n");
  const index = new PackageIndex();
  index.add(text, { name: "test", baseUrl: "http://x", priority: 500 }, "riscv64");
  return index;
}

function names(index: PackageIndex, ...install: string[]): string {
  return resolve(index, { install }, "riscv64")
    .map((one) => String(one.package))
    .sort()
    .join(", ");
}

function refusal(index: PackageIndex, request: ResolveRequest): string {
  try {
    resolve(index, request, "riscv64");
  } catch (error) {
    assert.ok(error instanceof UnsatisfiableError);
    return error.explanation.join("\n");
  }
  return assert.fail("an answer came where none exists");
}

test("dependencies are followed, and nothing else is taken", () => {
  assert.equal(names(indexOf("a 1 Depends: b, c (>= 2)", "b 1 Recommends: d", "c 2", "d 1"), "a"), "a 1, b 1, c 2");
});

test("the newest version is taken, and an older one when only that works", () => {
  assert.equal(names(indexOf("a 1", "a 2", "b 1 Depends: a"), "b"), "a 2, b 1");
  assert.equal(names(indexOf("a 1", "a 2 Depends: missing", "b 1 Depends: a"), "b"), "a 1, b 1");
  assert.equal(names(indexOf("a 1", "a 2"), "a=1"), "a 1");
  assert.equal(names(indexOf("a 1", "a 2"), "a (<< 2)"), "a 1");
});

test("the first alternative is taken unless another is there already", () => {
  assert.equal(names(indexOf("a 1 Depends: x | y", "x 1", "y 1"), "a"), "a 1, x 1");
  assert.equal(names(indexOf("a 1 Depends: x | y", "x 1", "y 1"), "a", "y"), "a 1, y 1");
  assert.equal(names(indexOf("a 1 Depends: x | y", "x 1 Depends: missing", "y 1"), "a"), "a 1, y 1");
});

test("a real package goes before a provider, an important provider before an optional one", () => {
  assert.equal(names(indexOf("a 1 Depends: v", "p 1 Provides: v", "v 1"), "a"), "a 1, v 1");
  assert.equal(
    names(indexOf("a 1 Depends: v", "aaa 1 Provides: v", "zzz 1 Provides: v; Priority: important"), "a"),
    "a 1, zzz 1",
  );
  assert.equal(names(indexOf("a 1 Depends: v", "q 1 Provides: v", "p 1 Provides: v"), "a"), "a 1, p 1");
  assert.equal(names(indexOf("a 1 Depends: v", "p 1 Provides: v; Depends: a", "q 1 Provides: v"), "a"), "a 1, q 1");
});

test("of several that provide what was asked for, who asks chooses", () => {
  const index = indexOf("p 1 Provides: v, w", "q 1 Provides: v", "q 2 Provides: v", "x 1", "y 1 Provides: x");
  assert.equal(
    refusal(index, { install: ["v", "x"] }),
    "v is a virtual package, provided by p and q: ask for one of them",
  );
  assert.throws(
    () => resolve(index, { install: ["x", "v"] }, "riscv64"),
    (error) => error instanceof UnsatisfiableError && error.requests.join() === "v",
  );
  assert.equal(names(index, "w"), "p 1");
  assert.equal(names(index, "x"), "x 1");
  assert.equal(names(index, "v | nothing"), "q 2");
  assert.deepEqual(
    resolve(index, { install: ["v"], exclude: ["q"] }, "riscv64").map((one) => one.package.name),
    ["p"],
  );
});

test("versioned Provides are compared", () => {
  const index = indexOf("a 1 Depends: v (>= 2)", "p 1 Provides: v", "q 1 Provides: v (= 1)", "r 1 Provides: v (= 2)");
  assert.equal(names(index, "a"), "a 1, r 1");
});

test("conflicts and breaks are respected, also against what is provided; nobody conflicts with itself", () => {
  assert.equal(names(indexOf("a 1 Depends: x | y", "x 1 Conflicts: b", "y 1", "b 1"), "a", "b"), "a 1, b 1, y 1");
  assert.equal(names(indexOf("a 1 Depends: x | y", "x 1", "y 1", "b 1 Breaks: x (<< 2)"), "a", "b"), "a 1, b 1, y 1");
  assert.equal(names(indexOf("m 1 Provides: mta; Conflicts: mta", "n 1 Provides: mta; Conflicts: mta"), "m"), "m 1");
  assert.match(
    refusal(indexOf("m 1 Provides: mta; Conflicts: mta", "n 1 Provides: mta; Conflicts: mta"), { install: ["m", "n"] }),
    /m 1 conflicts with mta, which n 1 provides|n 1 conflicts with mta, which m 1 provides/,
  );
});

test("circles of dependencies are no problem", () => {
  assert.equal(names(indexOf("a 1 Depends: b", "b 1 Depends: c", "c 1 Depends: a"), "c"), "a 1, b 1, c 1");
});

test("a choice that fails far below is taken back", () => {
  const index = indexOf(
    "a 1 Depends: b | c, z",
    "b 1 Depends: b2",
    "b2 1 Depends: b3",
    "b3 1 Conflicts: z",
    "c 1",
    "z 1",
  );
  assert.equal(names(index, "a"), "a 1, c 1, z 1");
});

test("architecture qualifiers follow Multi-Arch", () => {
  assert.equal(names(indexOf("a 1 Depends: py:any", "py 1 Multi-Arch: allowed"), "a"), "a 1, py 1");
  assert.match(refusal(indexOf("a 1 Depends: py:any", "py 1"), { install: ["a"] }), /a 1 depends on py:any/);
});

test("Recommends are taken when asked for, and given up when they cannot be", () => {
  const answer = (...lines: string[]): string =>
    resolve(indexOf(...lines), { install: ["a"], recommends: true }, "riscv64")
      .map((one) => one.package.name)
      .sort()
      .join(" ");
  assert.equal(
    answer("a 1 Recommends: r, s, u", "r 1 Depends: missing", "s 1", "u 1 Depends: v", "v 1 Conflicts: a"),
    "a s",
  );
  assert.equal(
    answer("a 1 Recommends: s, t | u", "s 1", "t 1 Conflicts: s", "u 1"),
    "a t",
    "a later wish takes the place of an earlier one, as apt has it",
  );
});

test("what a package needs is settled with all that this recommends before its next need, as apt goes", () => {
  const answer = (index: PackageIndex): string =>
    resolve(index, { install: ["a"], recommends: true }, "riscv64")
      .map((one) => one.package.name)
      .sort()
      .join(" ");
  assert.equal(answer(indexOf("a 1 Depends: b, c | d", "b 1 Recommends: d", "c 1", "d 1")), "a b d");
  assert.equal(answer(indexOf("a 1 Depends: c | d, b", "b 1 Recommends: d", "c 1", "d 1")), "a b c d");
});

test("what came for an alternative that then failed does not come", () => {
  const lines = ["a 1 Depends: x | y", "x 1 Depends: l, m", "l 1", "m 1 Depends: n", "n 1 Depends: ghost", "y 1"];
  assert.equal(names(indexOf(...lines), "a"), "a 1, y 1");
  assert.equal(names(indexOf(...lines), "a", "l"), "a 1, l 1, y 1");
});

test("a request with thousands of needs in one chain is answered", () => {
  const lines = Array.from({ length: 4000 }, (_, at) => `p${at} 1 ${at === 3999 ? "" : `Depends: p${at + 1}`}`);
  assert.equal(resolve(indexOf(...lines), { install: ["p0"] }, "riscv64").length, 4000);
});

test("excluded packages are avoided or blamed", () => {
  const index = indexOf("a 1 Depends: x | y", "x 1", "y 1", "b 1 Depends: x");
  assert.equal(
    resolve(index, { install: ["a"], exclude: ["x"] }, "riscv64")
      .map((one) => one.package.name)
      .sort()
      .join(" "),
    "a y",
  );
  assert.match(refusal(index, { install: ["b"], exclude: ["x"] }), /x 1 was excluded/);
});

test("each package knows who needed it", () => {
  const found = resolve(indexOf("a 1 Depends: b", "b 1"), { install: ["a"] }, "riscv64");
  assert.deepEqual(
    found.map((one) => [one.package.name, one.neededBy?.name, one.because]),
    [
      ["a", undefined, "a"],
      ["b", "a", "Depends: b"],
    ],
  );
});

test("refusals say why, from what was asked for down to the cause, and hold nothing idle", () => {
  assert.equal(
    refusal(indexOf("python3 1"), { install: ["pyhton3"] }),
    "pyhton3 was asked for, but no package of that name exists (did you mean python3?)",
  );
  assert.equal(refusal(indexOf("a 1"), { install: ["a (>= 2)"] }), "a (>= 2) was asked for, but there is only a 1");
  const index = indexOf(
    "idle 1 Depends: idle2",
    "idle2 1",
    "a 1 Depends: b",
    "b 1 Depends: lib (>= 2)",
    "lib 1",
    "lib 2",
    "c 1 Depends: lib (<< 2)",
  );
  assert.equal(
    refusal(index, { install: ["idle", "a", "c"] }),
    [
      "a was asked for",
      "c was asked for",
      "a 1 depends on b",
      "c 1 depends on lib (<< 2): lib 1",
      "b 1 depends on lib (>= 2): lib 2",
      "only one version of lib can be installed: 1 or 2",
    ].join("\n"),
  );
  assert.equal(
    refusal(indexOf("a 1 Depends: b (>= 2)", "b 1"), { install: ["a"] }),
    "a was asked for\na 1 depends on b (>= 2), but there is only b 1",
  );
});

/** Whether `chosen` has all dependencies fulfilled and no conflict, by the words of Policy alone. */
function isValid(chosen: readonly BinaryPackage[], requests: readonly Dependency[]): boolean {
  const fulfils = (dependency: Dependency): boolean =>
    dependency.some((alternative) =>
      chosen.some(
        (one) =>
          (one.name === alternative.name && acceptsVersion(alternative, one.version)) ||
          one.provides.some((provided) => provided.name === alternative.name && acceptsProvided(alternative, provided)),
      ),
    );
  if (new Set(chosen.map((one) => one.name)).size !== chosen.length || !requests.every(fulfils)) return false;
  return chosen.every(
    (one) =>
      one.relations("Depends").every(fulfils) &&
      !one
        .relations("Conflicts")
        .some(([conflict]) =>
          chosen.some(
            (other) =>
              other.name !== one.name &&
              ((other.name === conflict!.name && acceptsVersion(conflict!, other.version)) ||
                other.provides.some(
                  (provided) => provided.name === conflict!.name && acceptsProvided(conflict!, provided),
                )),
          ),
        ),
  );
}

test("600 random archives: the verdict is that of trying everything, and every answer is valid", () => {
  const random = new SeededRandom(2024);
  let satisfiable = 0;
  for (let round = 0; round < 600; round++) {
    const count = 5 + random.below(5);
    const name = (): string => `p${random.below(5)}`;
    const relation = (): string => `${name()}${["", "", " (>= 2)", " (<< 2)", " (= 1)"][random.below(5)]}`;
    const lines = new Map<string, string>();
    for (let index = 0; index < count; index++) {
      const own = `p${random.below(5)} ${1 + random.below(2)}`;
      const fields: string[] = [];
      if (random.below(2))
        fields.push(
          "Depends: " +
            Array.from({ length: 1 + random.below(2) }, () =>
              Array.from({ length: 1 + random.below(2) }, relation).join(" | "),
            ).join(", "),
        );
      if (random.below(3) === 0) fields.push(`Conflicts: ${relation()}`);
      if (random.below(3) === 0) fields.push(`Provides: ${name()}${random.below(2) ? " (= 2)" : ""}`);
      lines.set(own, `${own} ${fields.join("; ")}`);
    }
    const archive = indexOf(...lines.values());
    const install = [...new Set([name(), name()])];
    const requests: Dependency[] = install.map((text) => [
      { name: text, qualifier: undefined, relation: undefined, version: "" },
    ]);
    const all = [...archive.names()].flatMap((one) => [...archive.versions(one)]);
    let exists = false;
    for (let mask = 0; mask < 1 << all.length && !exists; mask++)
      exists = isValid(
        all.filter((_, index) => mask & (1 << index)),
        requests,
      );
    try {
      // Of several providers one is taken only for a wish that leaves the choice.
      const answer = resolve(
        archive,
        { install: install.map((text) => (archive.versions(text).length > 0 ? text : `${text} | ${text}`)) },
        "riscv64",
      ).map((one) => one.package);
      assert.ok(
        isValid(answer, requests),
        `round ${round}: ${install} ${answer.join(", ")}\n${[...lines.values()].join("\n")}`,
      );
      satisfiable++;
    } catch (error) {
      if (!(error instanceof UnsatisfiableError)) throw error;
      assert.ok(!exists, `round ${round}: refused ${install}\n${[...lines.values()].join("\n")}\n${error.message}`);
    }
  }
  assert.ok(satisfiable > 150 && satisfiable < 500, `the archives test both verdicts: ${satisfiable}`);
});
