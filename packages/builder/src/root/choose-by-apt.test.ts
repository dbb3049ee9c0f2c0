/**
 * What apt decides. Goal: its words become the root's packages, and its refusals a wait for packages. Method: apt's own
 * output, and a carrier whose apt says it; the real one is in tests/builder.test.ts.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { byteString } from "@stratos/base";
import { UnsatisfiableError } from "@stratos/pkg";
import { makeSigner, publish, testPorts, type TestPackage } from "@stratos/pkg/testing";
import { InfrastructureError, type BuilderPorts, type CleanRoot, type RootCommand } from "../ports.ts";
import { planBuildRoot, readAnswer } from "./choose-by-apt.ts";
import type { RootPlan } from "./plan-root.ts";

test("installed, upgraded and removed packages are read", () => {
  const answer =
    "Reading package lists...\nNOTE: This is only a simulation!\nPurg tcc [0.9-1]\n" +
    "Inst libz1 (1:1.3-2 localhost [amd64])\nInst libz-dev (1:1.3-2 localhost [amd64])\n" +
    "Inst gcc-14:i386 (14.2 localhost, Debian:13/stable [i386]) []\nInst cc [1-1] (1-2 localhost [all])\n" +
    "Inst stratos-build-depends (0 localhost [amd64])\nConf libz1 (1:1.3-2 localhost [amd64])\n";
  const { installed, removed, isBaseKept } = readAnswer(answer);
  assert.deepEqual(Object.fromEntries(installed), {
    libz1: "1:1.3-2",
    "libz-dev": "1:1.3-2",
    "gcc-14": "14.2",
    cc: "1-2",
  });
  assert.deepEqual([[...removed], isBaseKept], [["tcc"], false]);
  assert.equal(readAnswer("Inst stratos-build-depends (0 localhost [amd64])\n").isBaseKept, true);
  assert.throws(() => readAnswer("Reading package lists...\n"), InfrastructureError);
  assert.throws(() => readAnswer("Inst odd\n"), InfrastructureError);
});

const signer = await makeSigner(1_799_900_000);
const one = (name: string, fields: Record<string, string> = {}): TestPackage => ({
  control: { Package: name, Version: "1", Architecture: "riscv64", Description: "d", ...fields },
});
const ARCHIVE = [
  one("sh", { Essential: "yes" }),
  one("apt", { Depends: "sh" }),
  one("build-essential"),
  one("fakeroot"),
  one("tool", { Depends: "small | large" }),
  one("small"),
  one("large"),
  one("large", { Version: "2" }),
];

/** A root whose apt answers with these lines. @returns the plan, what apt was given, and whether its root is gone */
async function plan(
  lines: string,
  status = 0,
  obstacle?: string,
): Promise<{ made: RootPlan; lists: string; command: RootCommand; isDropped: boolean }> {
  const packages = testPorts();
  await publish(packages, ARCHIVE, signer);
  let lists = "",
    isDropped = true,
    command: RootCommand | undefined;
  const root = {
    bring: async () => {},
    write: async (_name: string, content: Uint8Array) => void (lists = byteString(content)),
    run: async (given: RootCommand) => {
      command = given;
      given.onOutput(Buffer.from(lines));
      return { status, cpuMs: 0, peakBytes: 0 };
    },
    drop: async () => void (isDropped = true),
  } as unknown as CleanRoot;
  const ports = {
    packages,
    archive: { mirror: "http://mirror/debian", keyrings: [signer.publicKey] },
    version: "0",
    signal: new AbortController().signal,
    carrier: {
      id: "test",
      isLayered: true,
      obstacle: () => obstacle,
      fixed: () => ({}),
      has: async () => obstacle === undefined || assert.fail("what cannot run is looked for"),
      clone: async () => ((isDropped = false), root),
    },
  } as unknown as BuilderPorts;
  try {
    const made = await planBuildRoot(
      ports,
      { suite: "trixie", architecture: "riscv64", resolver: "apt" },
      { depends: ["tool"], conflicts: ["small"] },
      () => {},
    );
    return { made, lists, command: command!, isDropped };
  } finally {
    assert.ok(isDropped, "the clone is gone, whatever apt says");
  }
}

test("the root holds what apt chose, over the base; apt is given each candidate, and no network", async () => {
  const { made, lists, command } = await plan(
    "Inst large (2 localhost [riscv64])\nInst tool (1 localhost [riscv64])\n" +
      "Inst stratos-build-depends (0 localhost [riscv64])\n",
  );
  const added = made.root.packages.slice(made.base!.packages.length);
  assert.deepEqual(added.map(({ name, version }) => `${name} ${version}`).sort(), ["large 2", "tool 1"]);
  assert.deepEqual(made.reasons, [
    { name: "large", version: "2", neededBy: "tool", because: "Depends: large" },
    { name: "tool", version: "1", neededBy: undefined, because: "Build-Depends: tool" },
  ]);
  assert.match(lists, /^Package: stratos-build-depends\n[^]*Depends: tool\nConflicts: small\n/);
  assert.match(lists, /\nPackage: large\nVersion: 2\n/);
  assert.doesNotMatch(lists, /\nPackage: large\nVersion: 1\n/);
  assert.notEqual(command.hasNetwork, true);
});

test("where apt takes something of the base away, the root is one whole", async () => {
  const { made } = await plan(
    "Remv fakeroot [1]\nInst large (2 localhost [riscv64])\nInst tool (1 localhost [riscv64])\n" +
      "Inst stratos-build-depends (0 localhost [riscv64])\n",
  );
  assert.equal(made.base, undefined);
  assert.ok(!made.root.packages.some(({ name }) => name === "fakeroot"));
});

test("what apt cannot do is a wait for packages; what it was never given, or its own trouble, is not", async () => {
  const unmet =
    "The following packages have unmet dependencies:\n" +
    " stratos-build-depends : Depends: tool but it is not installable\n" +
    "E: Unable to correct problems, you have held broken packages.\n";
  await assert.rejects(
    plan(unmet, 100),
    (error) => error instanceof UnsatisfiableError && /Depends: tool but it is not installable/.test(error.message),
  );
  await assert.rejects(plan("E: Could not open lock file\n", 100), InfrastructureError);
  await assert.rejects(
    plan("Inst ghost (1 x [riscv64])\nInst stratos-build-depends (0 localhost [riscv64])\n"),
    (error) => error instanceof InfrastructureError && /ghost 1 was chosen/.test(error.message),
  );
});

test("where its programs do not run, nothing of a root is fetched", async () => {
  await assert.rejects(
    plan("", 0, "no processor for it"),
    (error) => error instanceof InfrastructureError && error.message === "no processor for it",
  );
});
