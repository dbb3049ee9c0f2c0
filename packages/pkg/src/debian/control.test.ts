/**
 * Control files and relations. Goal: what dpkg accepts is read, what it refuses is refused with a place, nothing else
 * throws.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { ControlError, parseControl, parseSingleStanza } from "./control.ts";
import {
  DependencyError,
  acceptsProvided,
  formatDependency,
  parseAlternative,
  parseDependencies,
} from "./dependency.ts";
import { PackageIndex } from "./package-index.ts";

const ORIGIN = { name: "test", baseUrl: "http://x", priority: 500 };

test("stanzas, continuations, comments and odd line ends are read", () => {
  const stanzas = parseControl(
    "\n\nPackage: a\r\nDepends: b,\n c\n# no field\nDescription: short\n long\n .\n more\n \nPackage: b\n\n\n",
    "x",
  );
  assert.equal(stanzas.length, 2);
  assert.equal(stanzas[0]!.get("depends"), "b,\n c");
  assert.equal(stanzas[0]!.get("DESCRIPTION"), "short\n long\n .\n more");
  assert.equal(stanzas[1]!.get("Package"), "b");
  assert.equal(stanzas[1]!.toString(), "Package: b\n");
});

test("malformed control files are refused with their line", () => {
  assert.throws(() => parseControl("Package: a\nPackage: b\n", "f"), /f:2: field Package is given twice/);
  assert.throws(() => parseControl("Package: a\nnonsense\n", "f"), /f:2: not a field/);
  assert.throws(() => parseControl(" continued\n", "f"), /f:1: a continuation/);
  assert.throws(() => parseControl("-x: y\n", "f"), ControlError);
  assert.throws(() => parseSingleStanza("A: 1\n\nB: 2\n", "f"), /2 stanzas/);
});

test("relations of every form are read", () => {
  const parsed = parseDependencies(
    "libc6 (>= 2.41), default-mta | mail-transport-agent, python3:any (<<4), foo(= 1:2-3), bar (> 1) [linux-any " +
      "!hurd-any] <!nocheck> <x y>,",
  );
  assert.deepEqual(parsed.map(formatDependency), [
    "libc6 (>= 2.41)",
    "default-mta | mail-transport-agent",
    "python3:any (<< 4)",
    "foo (= 1:2-3)",
    "bar (>= 1)",
  ]);
  for (const bad of ["foo (2)", "foo (>= )", "(>= 2)", "foo bar", "foo (>= a_b)", "foo (== 1)"])
    assert.throws(() => parseAlternative(bad), DependencyError, bad);
});

test("an unversioned Provides fulfils no versioned dependency", () => {
  assert.ok(acceptsProvided(parseAlternative("v"), parseAlternative("v")));
  assert.ok(!acceptsProvided(parseAlternative("v (>= 1)"), parseAlternative("v")));
  assert.ok(acceptsProvided(parseAlternative("v (>= 1)"), parseAlternative("v (= 2)")));
  assert.ok(!acceptsProvided(parseAlternative("v (>= 3)"), parseAlternative("v (= 2)")));
});

test("an index knows names, providers, the newest version and what is required", () => {
  const index = new PackageIndex();
  const text = ["a 1.0 all", "a 2.0 riscv64", "a 3.0 amd64", "b 1 riscv64"]
    .map((line) => {
      const [name, version, architecture] = line.split(" ");
      return (
        `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\nProvides: virtual-${name} (= 1), ` +
        "other\nPriority: required\nEssential: yes\n"
      );
    })
    .join("\n");
  index.add(text, ORIGIN, "riscv64");
  index.add(text, ORIGIN, "riscv64");
  assert.equal(index.size, 3);
  assert.equal(String(index.candidate("a")), "a 2.0");
  assert.deepEqual(
    index.providers("other").map((provider) => String(provider.package)),
    ["a 1.0", "a 2.0", "b 1"],
  );
  assert.deepEqual(index.essential().map(String), ["a 2.0", "b 1"]);
  assert.deepEqual(index.required().map(String), ["a 2.0", "b 1"]);
  assert.equal(index.candidate("a")!.field("Provides"), "virtual-a (= 1), other");
  assert.throws(() => index.add("Package: ../c\nVersion: 1\nArchitecture: all\n", ORIGIN, "riscv64"), ControlError);
  assert.throws(() => index.add("Package: c\nArchitecture: all\n", ORIGIN, "riscv64"), ControlError);
});

test("10 000 damaged control files are answered or refused by name", () => {
  const random = new SeededRandom(3);
  const base =
    "Package: a\nVersion: 1.0-1\nArchitecture: all\nDepends: b (>= 1), c | d\nDescription: x\n y\n .\n\n" +
    "Package: b\nVersion: 2\nArchitecture: all\n";
  for (let round = 0; round < 10_000; round++) {
    let text = base;
    for (let edits = random.below(4) + 1; edits > 0; edits--) {
      const at = random.below(text.length);
      text =
        text.slice(0, at) +
        String.fromCharCode(random.below(random.below(2) ? 256 : 64)) +
        text.slice(at + random.below(3));
    }
    try {
      for (const stanza of parseControl(text, "fuzz")) parseDependencies(stanza.get("Depends") ?? "");
      // An index has tables of its own, which take longer than reading does.
      if (round % 10 === 0) new PackageIndex().add(text, ORIGIN, "all");
    } catch (error) {
      assert.ok(error instanceof ControlError || error instanceof DependencyError, String(error));
    }
  }
});
