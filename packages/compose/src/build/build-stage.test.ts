/**
 * A stage as dpkg would make it. Goal: what packages do before they are unpacked happens before, on the tree of what
 * they need; paths that they divert then are diverted, for packages that are there and those that come.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { fileEntry, MemoryBlob, type FileEntry } from "@stratos/formats";
import type { TestPackage } from "@stratos/pkg/testing";
import { BASE, makeWorld, packageOf, sha256, textIn, type TestWorld } from "../testing/test-compose.ts";
import type { ScriptJob } from "../ports.ts";

const file = (path: string, content: string): FileEntry =>
  fileEntry(path, "file", { content: new MemoryBlob(Buffer.from(content, "latin1"), sha256) });
const isPreinst = (job: ScriptJob): boolean => job.script === "var/lib/dpkg/stratos-preinst/run";
const has = (job: ScriptJob, path: string): boolean => [...job.tree.entries()].some((entry) => entry.path === path);

/** Guards `halt`, which another package brings: before or after. */
const guard = (fields: Record<string, string>): TestPackage =>
  packageOf("guard", fields, [{ path: "./usr/bin/" }, { path: "./usr/bin/halt", text: "are you sure" }], {
    preinst: "#!/bin/sh\ndpkg-divert --rename --add /usr/bin/halt\n",
  });
const GUARD = guard({ "Pre-Depends": "guardlib" });
const GUARDLIB = packageOf("guardlib", {}, [{ path: "./usr/lib/" }, { path: "./usr/lib/guardlib", text: "1" }]);
const HALT = packageOf("halt", {}, [{ path: "./usr/bin/" }, { path: "./usr/bin/halt", text: "halt" }]);

async function compose(
  packages: Parameters<TestWorld["publish"]>[0][number][],
  treefile: string,
  effects: (job: ScriptJob) => FileEntry[],
): Promise<TestWorld> {
  const one = makeWorld();
  await one.publish([...BASE, ...packages]);
  one.runner.effects = (job) => {
    if (!isPreinst(job)) return undefined;
    const changed = effects(job);
    return {
      removed: changed.some(({ path }) => path === "usr/bin/halt.distrib") ? ["usr/bin/halt"] : [],
      changed: [file("var/lib/dpkg/diversions", "/usr/bin/halt\n/usr/bin/halt.distrib\nguard\n"), ...changed],
    };
  };
  const { steps } = await one.compose(treefile);
  assert.deepEqual(
    steps.filter(({ status }) => status !== "done"),
    [],
  );
  return one;
}

test("a package that diverts a path gets it, whoever else brings it with it", async () => {
  const one = await compose(
    [guard({}), HALT],
    "name: demo\npackages: [guard, halt]\noutputs: {root: {format: tar}}\n",
    () => [],
  );
  const tree = one.trees.get("root")!;
  assert.deepEqual([textIn(tree, "usr/bin/halt"), textIn(tree, "usr/bin/halt.distrib")], ["are you sure", "halt"]);
  assert.match(textIn(tree, "var/lib/dpkg/info/halt.list"), /^\/usr\/bin\/halt$/m);
  assert.ok(
    ![...tree.entries()].some(({ path }) => path.startsWith("var/lib/dpkg/stratos") || path === "var/lib/dpkg/tmp.ci"),
  );
});

test(
  "what runs before a package is unpacked finds what it pre-depends on " + "configured, and its own files not there",
  async () => {
    const seen: unknown[] = [];
    const one = await compose(
      [GUARD, GUARDLIB, HALT],
      "name: demo\npackages: [guard, halt]\noutputs: {root: {format: tar}}\n",
      (job) => {
        const status = textIn(job.tree, "var/lib/dpkg/status");
        seen.push(
          has(job, "usr/lib/guardlib"),
          /Package: guardlib\nStatus: install ok installed/.test(status),
          has(job, "var/lib/dpkg/info/guard.list"),
          textIn(job.tree, "var/lib/dpkg/stratos-preinst/0/preinst").includes("dpkg-divert"),
          has(job, "usr/sbin/policy-rc.d"),
        );
        // Round 0 has brought it, and dpkg-divert moves it.
        return [file("usr/bin/halt.distrib", textIn(job.tree, "usr/bin/halt"))];
      },
    );
    assert.deepEqual(seen, [true, true, false, true, true]);
    const tree = one.trees.get("root")!;
    assert.deepEqual([textIn(tree, "usr/bin/halt"), textIn(tree, "usr/bin/halt.distrib")], ["are you sure", "halt"]);
    const script = one.runner.jobs.find(
      (job) => job.script === "var/lib/dpkg/stratos-configure" && has(job, "var/lib/dpkg/info/guard.preinst"),
    )!;
    assert.ok(!textIn(script.tree, script.script).includes("preinst guard"), "it does not run twice");
  },
);

test("a later package's file goes where an earlier one has diverted it", async () => {
  const base = [
    ...BASE.filter(({ control }) => control["Package"] !== "apt"),
    packageOf("apt", { Priority: "important", Depends: "guard" }, []),
    GUARD,
    GUARDLIB,
  ];
  const one = makeWorld();
  await one.publish([...base, HALT]);
  one.runner.effects = (job) =>
    isPreinst(job)
      ? { removed: [], changed: [file("var/lib/dpkg/diversions", "/usr/bin/halt\n/usr/bin/halt.distrib\nguard\n")] }
      : undefined;
  await one.compose("name: demo\npackages: [halt]\noutputs: {root: {format: tar}}\n");
  const tree = one.trees.get("root")!;
  assert.deepEqual([textIn(tree, "usr/bin/halt"), textIn(tree, "usr/bin/halt.distrib")], ["are you sure", "halt"]);
});

test(
  "what a package of an earlier stage waits for is told to dpkg, with " + "the packages that have brought it",
  async () => {
    const base = [
      ...BASE.filter(({ control }) => control["Package"] !== "apt"),
      packageOf("apt", { Priority: "important", Depends: "shells" }, []),
      packageOf("shells", {}, [], {
        triggers: "interest-noawait /usr/share/shells.d\ninterest /usr/share/man\ninterest name\n",
      }),
    ];
    const one = makeWorld();
    await one.publish([
      ...base,
      packageOf("zsh", { "Multi-Arch": "same" }, [
        { path: "./usr/share/" },
        { path: "./usr/share/shells.d/" },
        { path: "./usr/share/shells.d/zsh", text: "/bin/zsh" },
      ]),
      packageOf("other", {}, [{ path: "./usr/share/" }, { path: "./usr/share/manual/" }]),
    ]);
    await one.compose("name: demo\npackages: [zsh, other]\noutputs: {root: {format: tar}}\n");
    assert.deepEqual(
      one.runner.jobs.map(({ tree }) => textIn(tree, "var/lib/dpkg/triggers/Unincorp")),
      ["", "", "/usr/share/shells.d zsh:riscv64\n"],
    );
  },
);

test("packages that pre-depend on each other in a circle come in one round", async () => {
  const one = makeWorld();
  await one.publish([...BASE, packageOf("egg", { "Pre-Depends": "hen" }), packageOf("hen", { Depends: "egg" })]);
  const { lock } = await one.compose("name: demo\npackages: [egg]\noutputs: {root: {format: tar}}\n");
  assert.deepEqual(
    lock.images["default/riscv64"]!.packages.filter(({ stage }) => stage === "image").map(({ name, round }) => [
      name,
      round,
    ]),
    [
      ["hen", undefined],
      ["egg", undefined],
    ],
  );
});
