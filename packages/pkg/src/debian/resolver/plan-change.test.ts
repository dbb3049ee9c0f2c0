/**
 * Changes of a system. Goal: what is there stays unless it must go; removal, purge, upgrades, holds, pins and what
 * nobody needs any more follow apt; a refusal names what is held, essential or asked for. Systems and archives are
 * written out; random ones are judged by the words of Policy.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { SeededRandom } from "@stratos/base";
import { InstalledState, parseInstalledState } from "../installed-state.ts";
import { PackageIndex } from "../package-index.ts";
import { parsePreferences, priorities, targetRelease, PolicyError } from "../policy.ts";
import { findViolations } from "../violations.ts";
import { planChange, type ChangeRequest } from "./plan-change.ts";
import { UnsatisfiableError } from "./resolution.ts";

/** `name version [Field: value; …]`; as a stanza. */
function stanza(line: string, status: string | undefined): string {
  const [name, version, ...rest] = line.split(" ");
  const fields = rest
    .join(" ")
    .split(";")
    .map((field) => field.trim())
    .filter((field) => field !== "");
  const architecture = fields.some((field) => field.startsWith("Architecture:")) ? [] : ["Architecture: riscv64"];
  return (
    `${[
      `Package: ${name}`,
      ...(status === undefined ? [] : [`Status: ${status}`]),
      `Version: ${version}`,
      ...architecture,
      ...fields,
    ].join("\n")}` + "\n"
  );
}

interface World {
  index: PackageIndex;
  state: InstalledState;
}

/** @param system  lines; a name with `*` before it was asked for, the others came along; `!` before it: held */
function world(archive: string[], system: string[], pins = "", backports: string[] = []): World {
  const index = new PackageIndex();
  const release = {
    archive: "stable",
    codename: "trixie",
    origin: "Debian",
    label: "Debian",
    component: "main",
    version: "13",
    architecture: "riscv64",
  };
  index.add(
    archive.map((line) => stanza(line, undefined)).join("\n"),
    { name: "trixie/main", baseUrl: "http://x/debian", priority: 500, release },
    "riscv64",
  );
  if (backports.length > 0)
    index.add(
      backports.map((line) => stanza(line, undefined)).join("\n"),
      {
        name: "backports/main",
        baseUrl: "http://y/debian",
        priority: 100,
        release: { ...release, archive: "stable-backports", codename: "trixie-backports" },
      },
      "riscv64",
    );
  index.setPriorities(priorities(parsePreferences(pins, "preferences")));
  const status = system
    .map((line) => stanza(line.replace(/^[*!]+/, ""), `${/^[*]?!/.test(line) ? "hold" : "install"} ok installed`))
    .join("\n");
  const automatic = system
    .filter((line) => !line.startsWith("*"))
    .map((line) => `Package: ${line.replace(/^!/, "").split(" ")[0]}\nArchitecture: riscv64\nAuto-Installed: 1\n`)
    .join("\n");
  const state = parseInstalledState(status, automatic, "riscv64");
  state.joinIndex(index);
  return { index, state };
}

/** `+new`, `name from→to`, `-gone`, `--purged`, sorted. */
function change({ index, state }: World, request: ChangeRequest): string {
  const plan = planChange(index, state, request);
  return [
    ...plan.install.map((one) =>
      one.from === undefined
        ? `+${one.package.name}${one.package.version === "1" ? "" : ` ${one.package.version}`}`
        : `${one.package.name} ${one.from.version}→${one.package.version}`,
    ),
    ...plan.remove.map((one) => `${one.isPurge ? "--" : "-"}${one.package.name}`),
    ...plan.purgeConfig.map((name) => `--${name} config`),
  ]
    .sort()
    .join(", ");
}

function refusal(one: World, request: ChangeRequest): string {
  try {
    return assert.fail(`an answer: ${change(one, request)}`);
  } catch (error) {
    assert.ok(error instanceof UnsatisfiableError, String(error));
    return error.explanation.join("\n");
  }
}

test("what is installed fulfils dependencies before anything new, and stays", () => {
  assert.equal(change(world(["a 1 Depends: x | y", "x 1", "y 1"], ["*y 1"]), { install: ["a"] }), "+a");
  assert.equal(
    change(world(["a 1 Depends: v", "p 1 Provides: v; Priority: important", "q 1 Provides: v"], ["*q 1 Provides: v"]), {
      install: ["a"],
    }),
    "+a",
  );
  assert.equal(change(world(["p 1 Provides: v", "q 1 Provides: v"], ["*q 1 Provides: v"]), { install: ["v"] }), "");
  assert.throws(
    () => change(world(["p 1 Provides: v", "q 1 Provides: v"], ["*x 1"]), { install: ["v"] }),
    /v is a virtual package, provided by p and q: ask for one of them/,
  );
  assert.equal(change(world(["a 2", "b 1"], ["*a 1"]), { install: ["b"] }), "+b");
  assert.equal(change(world(["a 1"], ["*a 1"]), { install: ["a"] }), "");
});

test("asking for what is installed upgrades it, and what it needs newer", () => {
  const one = world(["a 2 Depends: lib (>= 2)", "lib 2"], ["*a 1 Depends: lib", "lib 1"]);
  assert.equal(change(one, { install: ["a"] }), "a 1→2, lib 1→2");
  assert.equal(change(world(["a 1"], ["*a 2"]), { install: ["a"] }), "");
  assert.equal(change(world(["a 1"], ["*a 2"]), { install: ["a=1"] }), "a 2→1");
});

test("an upgraded package takes those along that are bound to its version", () => {
  const one = world(
    ["lib 2", "tool 2 Depends: lib (= 2)", "c 1 Depends: lib (>= 2)"],
    ["lib 1", "*tool 1 Depends: lib (= 1)"],
  );
  assert.equal(change(one, { install: ["c"] }), "+c, lib 1→2, tool 1→2");
});

test(
  "what is asked for from a suite takes what it needs from there, where that " + "would not do as it is to be taken",
  () => {
    const plain = ["lib 1", "deep 1", "other 1 Depends: b", "b 1"],
      from = (...backports: string[]): World => world(plain, [], "", backports);
    const a = "a 2 Depends: lib (= 2) | other";
    assert.equal(change(from(a, "lib 2"), { install: ["a/trixie-backports"] }), "+a 2, +lib 2");
    assert.equal(
      change(from(a, "lib 2"), { install: ["a=2"] }),
      "+a 2, +b, +other",
      "asked for in the same version by its number",
    );
    assert.equal(
      change(from(a, "lib 2 Depends: deep (>= 2)", "deep 2"), { install: ["a/trixie-backports"] }),
      "+a 2, +deep 2, +lib 2",
    );
    assert.equal(
      change(from(a, "lib 2 Depends: deep (>= 2)"), { install: ["a/trixie-backports"] }),
      "+a 2, +b, +other",
      "what cannot be fulfilled there is not taken",
    );
    assert.equal(
      change(world(["lib 1", "other 1"], [], "", [a, "lib 2"]), { install: ["a/trixie-backports"] }),
      "+a 2, +other",
      "an alternative that needs nothing else will do",
    );
    assert.equal(
      change(world(plain, ["*lib 1"], "", ["a 2 Depends: lib (>= 1)", "lib 2"]), { install: ["a/trixie-backports"] }),
      "+a 2",
      "what is installed will do",
    );
    // Wishes count too, where they are followed.
    const wishing = from("a 2 Recommends: lib (= 2) | other", "lib 2");
    assert.equal(change(wishing, { install: ["a/trixie-backports"] }), "+a 2, +lib 2");
    assert.equal(change(wishing, { install: ["a/trixie-backports"], recommends: false }), "+a 2");
    // What is asked for beside it comes in the version that it needs, unless its own words say another.
    const beside = from("a 2 Depends: lib (= 2)", "lib 2");
    assert.equal(change(beside, { install: ["a/trixie-backports", "lib"] }), "+a 2, +lib 2");
    assert.match(refusal(beside, { install: ["a/trixie-backports", "lib=1"] }), /lib/);
  },
);

test(
  "of providers alike the one is taken whose name the lists mention last, be it " + "in a relation of an earlier list",
  () => {
    const archive = ["a 1 Depends: v", "p 1 Provides: v"],
      later = ["q 1 Provides: v"];
    assert.equal(change(world(archive, [], "", later), { install: ["a"] }), "+a, +q");
    assert.equal(change(world(["z 1 Suggests: q", ...archive], [], "", later), { install: ["a"] }), "+a, +p");
  },
);

test("a version that two suites offer is of both", () => {
  const both = world(["a 1", "b 1"], [], "", ["a 1"]);
  assert.equal(change(both, { install: ["a/trixie-backports"] }), "+a");
  assert.match(refusal(both, { install: ["b/trixie-backports"] }), /b\/trixie-backports/);
});

test("packages of one source are kept at one version, unless one is held", () => {
  const archive = ["lib 2 Source: s", "tool 2 Source: s", "other 2"];
  assert.equal(change(world(archive, ["lib 1 Source: s", "*other 1"]), { install: ["tool"] }), "+tool 2, lib 1→2");
  assert.equal(change(world(archive, ["!lib 1 Source: s", "*other 1"]), { install: ["tool"] }), "+tool 2");
});

test("removal takes along who depends on it, unless an alternative is there or can come", () => {
  assert.equal(change(world(["a 1 Depends: b", "b 1"], ["*a 1 Depends: b", "b 1"]), { remove: ["b"] }), "-a, -b");
  assert.equal(change(world([], ["*a 1 Depends: b | c", "*b 1", "*c 1"]), { remove: ["b"] }), "-b");
  assert.equal(
    change(world(["a 1 Depends: b | c", "b 1", "c 1"], ["*a 1 Depends: b | c", "*b 1"]), { remove: ["b"] }),
    "+c, -b",
  );
  assert.equal(change(world(["b 1", "c 1"], ["*b 1"]), { install: ["c", "b-"] }), "+c, -b");
});

test("purge says so, also of what left only its configuration", () => {
  assert.equal(change(world(["b 1"], ["*b 1"]), { remove: ["b"], purge: true }), "--b");
  const { index } = world(["b 1"], []);
  const state = parseInstalledState(stanza("b 1", "deinstall ok config-files"), "", "riscv64");
  assert.equal(change({ index, state }, { remove: ["b"], purge: true }), "--b config");
  assert.equal(change({ index, state }, { remove: ["b"] }), "");
});

test("a conflict removes what is installed, and tells why", () => {
  const one = world(["a 1 Conflicts: b", "b 1", "c 1 Depends: b"], ["*b 1", "*c 1 Depends: b"]);
  assert.equal(change(one, { install: ["a"] }), "+a, -b, -c");
  assert.deepEqual(
    planChange(one.index, one.state, { install: ["a"] }).remove.map((gone) => gone.because),
    ["a 1 conflicts with it", "it depends on b, which goes"],
  );
});

test("held and essential packages stay, and refusals name them", () => {
  const held = world(["a 1 Conflicts: b", "b 2"], ["*!b 1"]);
  assert.equal(
    refusal(held, { install: ["a"] }),
    "b 1 is held\na was asked for\na 1 conflicts with b 1"
      .split("\n")
      .sort((x, y) => Number(y.startsWith("a was")) - Number(x.startsWith("a was")))
      .join("\n"),
  );
  assert.equal(change(held, { upgrade: "full" }), "");
  assert.match(refusal(held, { install: ["b"] }), /^b is held at 1/);
  const essential = world(["base 1 Essential: yes"], ["*base 1 Essential: yes"]);
  assert.match(refusal(essential, { remove: ["base"] }), /base 1 is essential/);
  assert.equal(change(essential, { remove: ["base"], allowRemoveEssential: true }), "-base");
});

test("a safe upgrade removes and adds nothing, a full one may", () => {
  const archive = ["a 2 Depends: new", "new 1", "b 2 Conflicts: old", "old 1", "c 2"];
  const system = ["*a 1", "*b 1", "old 1", "*c 1"];
  const safe = world(archive, system);
  assert.equal(change(safe, { upgrade: "safe" }), "c 1→2");
  assert.deepEqual(
    planChange(safe.index, safe.state, { upgrade: "safe" }).keptBack.map(
      (kept) => `${kept.package} ${kept.candidate.version}`,
    ),
    ["a 1 2", "b 1 2"],
  );
  assert.equal(change(world(archive, system), { upgrade: "full" }), "+new, -old, a 1→2, b 1→2, c 1→2");
  assert.equal(change(world(["base 1 Essential: yes", "a 1"], ["*a 1"]), { upgrade: "full" }), "+base");
});

test("Recommends come with what is new, and with an upgrade only when they are new", () => {
  assert.equal(change(world(["a 1 Recommends: r", "r 1"], []), { install: ["a"] }), "+a, +r");
  assert.equal(change(world(["a 1 Recommends: r", "r 1"], []), { install: ["a"], recommends: false }), "+a");
  assert.equal(
    change(world(["a 2 Recommends: r, s", "r 1", "s 1"], ["*a 1 Recommends: r"]), { upgrade: "full" }),
    "+s, a 1→2",
  );
  assert.equal(change(world(["a 1 Recommends: r", "r 1", "b 1"], ["*a 1 Recommends: r"]), { install: ["b"] }), "+b");
});

test("what came for others and is needed no more is told, and removed when asked", () => {
  const one = world(
    ["a 1 Depends: lib", "lib 1", "doc 1", "b 1 Suggests: doc"],
    ["*a 1 Depends: lib", "lib 1", "doc 1", "*b 1 Suggests: doc"],
  );
  const plan = planChange(one.index, one.state, { remove: ["a"] });
  assert.deepEqual(plan.unneeded.map(String), ["lib 1"]);
  assert.equal(change(one, { remove: ["a"], autoremove: true }), "-a, -lib");
  assert.equal(change(world(["lib 1", "a 1 Depends: lib"], ["lib 1"]), { install: ["a"], autoremove: true }), "+a");
});

test("what is asked for is no longer automatic", () => {
  const one = world(["lib 1", "a 1 Depends: lib"], ["lib 1", "*a 1 Depends: lib"]);
  assert.deepEqual(planChange(one.index, one.state, { install: ["lib"] }).nowManual, ["lib"]);
  assert.deepEqual(planChange(one.index, one.state, { install: ["a"] }).nowManual, []);
  const old = world(["lib 2", "a 1 Depends: lib"], ["lib 1", "*a 1 Depends: lib"]);
  for (const keepsMarks of [false, true])
    assert.deepEqual(
      planChange(old.index, old.state, { install: ["lib"], keepsMarks }).install.map((planned) => planned.isAutomatic),
      [keepsMarks],
    );
  const fresh = world(["lib 1", "a 1 Depends: lib"], []);
  assert.deepEqual(
    planChange(fresh.index, fresh.state, { install: ["a"] }).install.map((planned) => [
      planned.package.name,
      planned.isAutomatic,
    ]),
    [
      ["a", false],
      ["lib", true],
    ],
  );
});

test(
  "pins choose versions: by name, release, version; a target release; never " + "below zero; downgrades from 1000 on",
  () => {
    const archive = ["a 1", "b 1"],
      backports = ["a 2", "b 2"];
    assert.equal(change(world(archive, [], "", backports), { install: ["a"] }), "+a");
    assert.equal(
      change(world(archive, [], "Package: a\nPin: release n=trixie-backports\nPin-Priority: 600\n", backports), {
        install: ["a", "b"],
      }),
      "+a 2, +b",
    );
    assert.equal(
      change(
        world(
          archive,
          [],
          "Package: *\nPin: release a=stable-backports\nPin-Priority: 600\n\nPackage: b\nPin: version 1*\n" +
            "Pin-Priority: 700\n",
          backports,
        ),
        { install: ["a", "b"] },
      ),
      "+a 2, +b",
    );
    assert.equal(change(world(archive, [], "", backports), { install: ["a/trixie-backports"] }), "+a 2");
    assert.match(
      refusal(world(archive, [], "Package: a\nPin: version *\nPin-Priority: -1\n"), { install: ["a"] }),
      /a was asked for, but there is only a 1, which a pin of -1 forbids/,
    );
    assert.equal(change(world(["a 1"], ["*a 2"]), { upgrade: "full" }), "");
    assert.equal(
      change(world(["a 1"], ["*a 2"], "Package: a\nPin: origin x\nPin-Priority: 1001\n"), { upgrade: "full" }),
      "a 2→1",
    );
    const { index } = world(archive, [], "", backports);
    index.setPriorities(priorities([targetRelease("trixie-backports")]));
    assert.equal(index.candidate("a")?.version, "2");
    for (const [target, version] of [
      ["/^trixie-back/", "2"],
      ["n=trixie-backports", "2"],
      ["trixie-*", "2"],
      ["b=riscv64,n=trixie-backports", "2"],
      ["b=amd64,n=trixie-backports", "1"],
    ] as const) {
      index.setPriorities(priorities([targetRelease(target)]));
      assert.equal(index.candidate("a")?.version, version, target);
    }
    for (const bad of [
      "Package: a\nPin: version 1\n",
      "Package: a\nPin: colour red\nPin-Priority: 1\n",
      "Package: a\nPin: release x=1\nPin-Priority: 1\n",
      "Pin: version 1\nPin-Priority: 1\n",
    ])
      assert.throws(() => parsePreferences(bad, "p"), PolicyError);
  },
);

test("an unknown package to remove is told", () => {
  assert.match(
    refusal(world(["a 1"], []), { remove: ["nothing"] }),
    /nothing was to be removed, but no package of that name exists/,
  );
});

test("foreign architectures: same-version libraries stand side by side, others are rivals", () => {
  const index = new PackageIndex();
  for (const architecture of ["riscv64", "amd64"])
    index.add(
      `Package: lib\nVersion: 1\nArchitecture: ${architecture}\nMulti-Arch: same\n\nPackage: tool\nVersion: 1\n` +
        `Architecture: ${architecture}\n`,
      { name: architecture, baseUrl: "", priority: 500 },
      architecture,
    );
  const state = new InstalledState("riscv64", []);
  assert.deepEqual(
    planChange(index, state, { install: ["lib", "lib:amd64"] }).install.map((one) => one.package.architecture),
    ["riscv64", "amd64"],
  );
  assert.throws(
    () => planChange(index, state, { install: ["tool", "tool:amd64"] }),
    /can be installed for one architecture only/,
  );
});

test("a sign behind a name says whether it comes or goes, unless it is part of a name", () => {
  const one = world(["a 1", "b 1", "g++ 1", "c 1"], ["*a 1", "*c 1"]);
  assert.equal(change(one, { install: ["b", "a-"] }), "+b, -a");
  assert.equal(change(one, { install: ["b+"] }), "+b");
  assert.equal(change(one, { remove: ["a", "b+"] }), "+b, -a");
  assert.equal(change(one, { remove: ["a-"] }), "-a");
  assert.equal(change(one, { install: ["g++"] }), "+g++");
  assert.match(refusal(one, { install: ["d+"] }), /^d was asked for, but no package of that name exists/);
  assert.throws(
    () => change(one, { install: ["b!c"] }),
    /^DependencyError: b!c is none of NAME, NAME=VERSION, NAME\/SUITE and NAME:ARCHITECTURE$/,
  );
  assert.throws(() => change(one, { install: ["b=*"] }), /^DependencyError: b=\* is none of .*: \* is no version$/);
});

test("400 random changes of random systems: each answer is valid, and held packages are where they were", () => {
  const seed = 77;
  const random = new SeededRandom(seed);
  let answers = 0,
    refusals = 0;
  for (let round = 0; round < 400; round++) {
    const name = (): string => `p${random.below(8)}`;
    const relation = (): string => `${name()}${["", "", " (>= 2)", " (<< 3)"][random.below(4)]}`;
    const fields = (): string =>
      [
        ...(random.below(2) ? [`Depends: ${relation()}${random.below(2) ? ` | ${relation()}` : ""}`] : []),
        ...(random.below(4) === 0 ? [`Conflicts: ${relation()}`] : []),
        ...(random.below(3) === 0 ? [`Provides: ${name()} (= ${1 + random.below(3)})`] : []),
        ...(random.below(3) === 0 ? [`Recommends: ${relation()}`] : []),
      ].join("; ");
    const archive = new Map<string, string>();
    for (let count = 0; count < 14; count++) {
      const own = `${name()} ${1 + random.below(3)}`;
      archive.set(own, `${own} ${fields()}`);
    }
    const before = world([...archive.values()], []);
    const request = (): ChangeRequest =>
      [
        { install: [name(), name()] },
        { remove: [name()] },
        { upgrade: "full" as const },
        { upgrade: "safe" as const },
        { install: [name()], remove: [name()], autoremove: true },
      ][random.below(5)]!;
    try {
      const base = planChange(before.index, before.state, { install: [`${name()} (<< 3)`, `${name()} (<< 3)`] });
      const held = base.install.filter(() => random.below(5) === 0).map((one) => one.package.name);
      const after = world(
        [...archive.values()],
        base.install.map(
          (one) =>
            `${one.isAutomatic ? "" : "*"}${held.includes(one.package.name) ? "!" : ""}` +
            `${archive.get(String(one.package))!}`,
        ),
      );
      const asked = request();
      const plan = planChange(after.index, after.state, asked);
      const gone = new Set([
        ...plan.remove.map((one) => one.package),
        ...plan.install.flatMap((one) => one.from ?? []),
      ]);
      const result = [
        ...after.state
          .entries()
          .map((entry) => entry.package)
          .filter((one) => !gone.has(one)),
        ...plan.install.map((one) => one.package),
      ];
      assert.deepEqual(
        findViolations(result, "riscv64"),
        [],
        `seed ${seed}, round ${round}: ${JSON.stringify(asked)}\n${[...archive.values()].join("\n")}`,
      );
      for (const one of held)
        if (asked.install?.includes(one) !== true)
          assert.ok(![...gone].some((other) => other.name === one), `seed ${seed}, round ${round}: ${one} is held`);
      answers++;
    } catch (error) {
      if (!(error instanceof UnsatisfiableError)) throw error;
      refusals++;
    }
  }
  assert.ok(answers > 100 && refusals > 50, `both happen: ${answers}, ${refusals}`);
});

test("packages of one source become newer together, with what that needs newer in turn", () => {
  const archive = [
    "new 1 Depends: one (>= 2)",
    "one 2 Source: both",
    "two 2 Source: both; Depends: under (>= 2)",
    "under 2 Source: under",
    "over 2 Source: under",
  ];
  const system = [
    "*one 1 Source: both",
    "under 1 Source: under",
    "over 1 Source: under",
    "two 1 Source: both; Depends: under",
  ];
  // `under` would stay as it is of itself; `over` follows it.
  assert.equal(change(world(archive, system), { install: ["new"] }), "+new, one 1→2, over 1→2, two 1→2, under 1→2");
});

test("a full upgrade gives up what no list offers any more for what takes its place, and nothing else", () => {
  const archive = ["app 2 Depends: lib-t64", "lib-t64 1 Breaks: lib; Replaces: lib", "other 1"];
  const system = ["*lib 1", "app 1 Depends: lib", "other 1"];
  assert.equal(change(world(archive, system), { upgrade: "full" }), "+lib-t64, -lib, app 1→2");
  assert.equal(change(world([...archive, "lib 1"], system), { upgrade: "full" }), "", "what is still offered stays");
});

test("among providers apt's is taken: important ones, then the one whose name the lists mention last", () => {
  const archive = [
    "a 1 Depends: terminal",
    "one 1 Provides: terminal; Depends: l1, l2",
    "other 1 Provides: terminal",
    "l1 1",
    "l2 1",
  ];
  assert.equal(change(world(archive, []), { install: ["a"] }), "+a, +other", "the later stanza");
  assert.equal(
    change(world(["z 1 Suggests: other", ...archive], []), { install: ["a"] }),
    "+a, +l1, +l2, +one",
    "a mention counts",
  );
  assert.equal(
    change(world(["z 1 Suggests: other:any", ...archive], []), { install: ["a"] }),
    "+a, +other",
    "with an architecture it does not",
  );
  for (const field of ["Priority: important", "Protected: yes"]) {
    assert.equal(
      change(world([...archive.slice(0, 1), `one 1 Provides: terminal; ${field}`, ...archive.slice(2)], []), {
        install: ["a"],
      }),
      "+a, +one",
      field,
    );
  }
});

test("nothing becomes newer for the sake of what goes anyway", () => {
  // `helper` could stay as its newer version, which wants `base` newer too; but only `app` needs it.
  const archive = ["helper 2 Depends: base (>= 2)", "base 2"];
  const system = ["*app 1 Depends: helper, lib", "helper 1 Depends: lib", "lib 1", "*base 1"];
  assert.equal(change(world(archive, system), { remove: ["lib"], autoremove: true }), "-app, -helper, -lib");
  assert.equal(
    change(world(archive, system), { remove: ["lib"] }),
    "-app, -lib, base 1→2, helper 1→2",
    "unless it stays",
  );
});

test("an old library that no list offers gives way to what others need newer, and what was asked for does not", () => {
  const archive = [
    "new 1 Depends: base (>= 2)",
    "base 2 Breaks: perl (<< 2)",
    "perl 2 Depends: lib-t64",
    "lib-t64 1 Breaks: lib; Replaces: lib",
  ];
  const system = ["*base 1", "lib 1", "perl 1 Depends: lib"];
  assert.equal(change(world(archive, system), { install: ["new"] }), "+lib-t64, +new, -lib, base 1→2, perl 1→2");
  assert.equal(
    change(world(archive, ["*base 1", "*lib 1", "perl 1 Depends: lib"]), { install: ["new"] }),
    "+new, -perl, base 1→2",
  );
});

test("what was taken for an alternative is left out when something that apt meets before brings another", () => {
  const archive = (needs: string): string[] => [
    `app 1 Depends: ${needs}`,
    "seat 1 Depends: seat-lib; Recommends: seat-doc",
    "seat-lib 1 Depends: seat-data",
    "seat-data 1 Depends: seat-lib",
    "seat-doc 1",
    "later 1 Depends: left | right",
    "left 1 Depends: logind",
    "right 1",
    "logind 1",
  ];
  const seat = ", +seat, +seat-data, +seat-doc, +seat-lib";
  assert.equal(
    change(world(archive("later, seat | logind"), []), { install: ["app"] }),
    "+app, +later, +left, +logind",
  );
  assert.equal(
    change(world(archive("seat | logind, later"), []), { install: ["app"] }),
    `+app, +later, +left, +logind${seat}`,
    "apt has not met it yet",
  );
  assert.equal(
    change(world(archive("later, seat | logind"), []), { install: ["app", "seat"] }),
    `+app, +later, +left, +logind${seat}`,
    "it was asked for",
  );
  assert.equal(
    change(
      world(archive("later, seat | logind"), [
        "seat 1 Depends: seat-lib",
        "seat-lib 1 Depends: seat-data",
        "seat-data 1 Depends: seat-lib",
      ]),
      { install: ["app"] },
    ),
    "+app, +later, +left, +logind",
    "it is there, and stays",
  );
});

test("an installed package of a listed version with other relations is another package", () => {
  const archive = ["app 1 Depends: lib (>= 2)", "lib 2", "new 1"];
  // Built here against the old library: nothing is broken, and a full upgrade takes the listed one.
  const system = ["*app 1 Depends: lib (>= 1)", "lib 1"];
  assert.equal(change(world(archive, system), { install: ["new"] }), "+new");
  assert.equal(change(world(archive, system), { upgrade: "full" }), "app 1→1, lib 1→2");
  assert.equal(
    change(world(archive, ["*app 1 Depends: lib  (>=2)", "lib 2"]), { upgrade: "full" }),
    "",
    "blanks say nothing",
  );
});

test("a conflict that names an architecture is with packages of that architecture alone", () => {
  const one = world(["a 1 Conflicts: b:i386", "b 1", "c 1 Conflicts: b:riscv64"], ["*b 1"]);
  assert.equal(change(one, { install: ["a"] }), "+a");
  const both = [...one.index.versions("a"), ...one.index.versions("b")];
  assert.deepEqual(findViolations(both, "riscv64"), []);
  assert.deepEqual(findViolations([...both, ...one.index.versions("c")], "riscv64"), ["c 1 conflicts with b 1"]);
});

test("what is there and would do is no reason to give up what needs it newer", () => {
  const archive = ["new 1 Depends: std, lib (>= 2)", "lib 2", "dev 2 Depends: lib (= 2), std (>= 2)", "std 2"];
  const system = ["*top 1 Depends: dev", "dev 1 Depends: lib (= 1)", "lib 1", "*std 1"];
  assert.equal(change(world(archive, system), { install: ["new"] }), "+new, dev 1→2, lib 1→2, std 1→2");
});

test("patterns and tasks stand for what they match, as on apt's command line", () => {
  const archive = ["py3 1", "py3-a 1", "py3-b 1", "other 1", "desk 1 Task: desktop, laptop", "lap 1 Task: laptop"],
    system = ["*py3 1", "*py3-x 1"];
  assert.equal(change(world(archive, system), { install: ["py3*"] }), "+py3-a, +py3-b");
  assert.equal(change(world(archive, system), { install: ["py3-[a]", "o?her"] }), "+other, +py3-a");
  assert.equal(change(world(archive, system), { install: ["laptop^"] }), "+desk, +lap");
  assert.equal(change(world(archive, system), { remove: ["py3*"] }), "-py3, -py3-x");
  assert.equal(change(world(archive, system), { install: ["other", "py3*-"] }).includes("-py3"), true);
  assert.equal(refusal(world(archive, system), { install: ["none*"] }), "none*: no package matches");
  assert.equal(refusal(world(archive, system), { install: ["none^"] }), "none^: no package is part of this task");
  // Debian's archive says no more which packages a task has: it has packages that depend on them.
  assert.equal(
    refusal(world([...archive, "task-none 1"], system), { install: ["none^"] }),
    "none^: no package is part of this task; the archive has a package for it, task-none",
  );
});

test("what is held is not changed by any way of asking for it", () => {
  const one = world(["a 2", "b 1 Depends: a (>= 2)"], ["*!a 1"], "", ["a 3"]);
  for (const text of ["a/trixie", "a=2", "a", "a/trixie-backports"])
    assert.match(
      refusal(one, { install: [text] }),
      /^a is held at 1, and [23] was asked for; `apt-mark unhold a` there lets it change$/,
      text,
    );
  assert.match(refusal(one, { install: ["b"] }), /held/);
  assert.equal(change(one, { install: ["a=1"] }), "");
});

test("a program that may be of any architecture is the native one, though a rebuild made another one newer", () => {
  const index = new PackageIndex("riscv64");
  for (const [architecture, version] of [
    ["arm64", "1+b1"],
    ["riscv64", "1"],
  ] as const)
    index.add(
      `Package: libc-dev\nVersion: 1\nArchitecture: ${architecture}\nMulti-Arch: same\nDepends: proto\n\n` +
        `Package: proto\nVersion: ${version}\nArchitecture: ${architecture}\nMulti-Arch: foreign\n`,
      { name: architecture, baseUrl: "", priority: 500 },
      architecture,
    );
  const planned = (status: string, request: ChangeRequest): string[] => {
    const state = parseInstalledState(status, "", "riscv64");
    state.joinIndex(index);
    return planChange(index, state, request)
      .install.map(({ package: one }) => `${one.name}:${one.architecture}`)
      .sort();
  };
  assert.deepEqual(planned("", { install: ["libc-dev:arm64"] }), ["libc-dev:arm64", "proto:riscv64"]);
  assert.deepEqual(planned("", { install: ["proto"] }), ["proto:riscv64"]);
  assert.equal(index.candidate("proto")!.architecture, "riscv64");
  const installed =
    "Package: proto\nStatus: install ok installed\nVersion: 1\nArchitecture: riscv64\nMulti-Arch: foreign\n";
  assert.deepEqual(planned(installed, { upgrade: "full" }), []);
});
