/**
 * Scripts that would do again what they have done. Goal: after a change that they have not seen nothing runs, and the
 * root is that of a full compose, byte for byte; after one that they have seen, whatever it is that they saw of it,
 * they run.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { fileEntry } from "@stratos/formats";
import type { Observations } from "../ports.ts";
import { BASE, makeWorld, packageOf, textIn, type TestWorld } from "../testing/test-compose.ts";
import type { TestPackage } from "@stratos/pkg/testing";

const TREEFILE = "name: demo\npackages: [tool]\noutputs: {root: {format: tar}}\n";
const TAR = "demo-default-riscv64.tar";
const DATE = "Fri, 15 Jan 2027 07:00:00 UTC";
const NOTHING: Observations = { names: [], attributes: [], listings: [], contents: [], libraries: [], queries: [] };

interface ToolFields {
  readonly version?: string;
  readonly depends?: string;
  readonly files?: TestPackage["files"];
  readonly time?: number;
  readonly mode?: number;
}

function tool({
  version = "1.0-1",
  depends = "libtool (>= 1)",
  files = [],
  time = 1_700_000_000,
  mode = 0o755,
}: ToolFields = {}): TestPackage {
  return packageOf("tool", { Depends: depends, Version: version }, [
    { path: "./usr/bin/", fields: { mtime: time } },
    { path: "./usr/bin/tool", text: `tool ${version}` },
    { path: "./usr/share/" },
    { path: "./usr/share/tool/", fields: { mtime: time, mode } },
    ...files,
  ]);
}

const LIBTOOL = packageOf("libtool", {}, [{ path: "./usr/lib/" }, { path: "./usr/lib/libtool.so", text: "libtool 1" }]);
const publish = (to: TestWorld, changed: TestPackage): Promise<void> => to.publish([...BASE, LIBTOOL, changed], DATE);

/**
 * Composes with `before`, then with `after`. @returns how many times scripts ran the second time, and whether the root
 * is that of a full compose
 */
async function change(
  before: TestPackage,
  after: TestPackage,
  observed: Partial<Observations> | undefined,
): Promise<{ runs: number; isSame: boolean; one: TestWorld }> {
  const one = makeWorld();
  one.runner.observations = observed === undefined ? undefined : { ...NOTHING, ...observed };
  await publish(one, before);
  const { lock } = await one.compose(TREEFILE);
  const jobs = one.runner.jobs.length;
  await publish(one, after);
  const { steps } = await one.compose(TREEFILE, { lock, lockMode: "update" });
  assert.deepEqual(
    steps.filter(({ status }) => status !== "done"),
    [],
  );
  const other = makeWorld();
  await publish(other, after);
  await other.compose(TREEFILE);
  return {
    runs: one.runner.jobs.length - jobs,
    isSame: Buffer.from(one.outputs.get(TAR)!).equals(other.outputs.get(TAR)!),
    one,
  };
}

const CHANGED = tool({
  version: "1.0-2",
  depends: "libtool (>= 1.0)",
  files: [{ path: "./usr/share/tool/news", text: "news" }],
  time: 1_700_000_500,
  mode: 0o750,
});

test("what scripts have not seen runs none of them, and the root is that of a full compose", async () => {
  const { runs, isSame, one } = await change(tool(), CHANGED, {
    names: ["usr/bin/sh", "usr/bin", "usr/share/tool"],
    listings: ["etc"],
    contents: ["usr/bin/sh"],
    queries: ["apt"],
  });
  assert.equal(runs, 0);
  assert.ok(isSame);
  assert.match(
    textIn(one.trees.get("root")!, "var/lib/dpkg/status"),
    /Package: tool\nStatus: install ok installed\n[\s\S]*Version: 1\.0-2\n/,
  );
  assert.ok(one.events.some((event) => event.kind === "build" && event.event.kind === "repeated"));
});

test("what scripts have seen in any way makes them run", async () => {
  const seen: readonly [what: string, observed: Partial<Observations> | undefined][] = [
    ["a runner that cannot tell", undefined],
    ["a program that was run", { names: ["usr/bin/tool"], contents: ["usr/bin/tool"] }],
    ["a program in a folder that was listed", { names: ["usr/bin/tool"], listings: ["usr/bin"] }],
    ["what ldconfig alone has looked at, and which is no library", { libraries: ["usr/bin/tool"] }],
    ["a name that was not there", { names: ["usr/share/tool/news"] }],
    ["a folder that was listed", { listings: ["usr/share/tool"] }],
    ["a folder's mode", { attributes: ["usr/share/tool"] }],
    ["dpkg's own files", { names: ["var/lib/dpkg/info/tool.list"] }],
    ["a question to dpkg", { queries: ["tool"] }],
    ["a question to dpkg for any package", { queries: ["*"] }],
  ];
  for (const [what, observed] of seen) {
    const { runs, isSame } = await change(tool(), CHANGED, observed);
    assert.deepEqual([what, runs, isSame], [what, 1, true]);
  }
});

test("whether a program is there is all that is seen of one that nobody has run", async () => {
  const { runs, isSame } = await change(tool(), tool({ version: "1.0-2", depends: "libtool (>= 1.0)" }), {
    names: ["usr/bin/tool"],
  });
  assert.deepEqual([runs, isSame], [0, true]);
});

test("new times alone make nothing run; what scripts have copied with its time has the new one", async () => {
  const files = (mtime: number): TestPackage["files"] => [
    { path: "./usr/share/tool/model", text: "model", fields: { mtime } },
    { path: "./usr/share/tool/page.py", text: "pass", fields: { mtime } },
  ];
  const epoch = Date.parse(DATE) / 1000,
    LINKS = [
      ["usr/share/model", "../../etc/alternative"],
      ["etc/alternative", "/usr/share/tool/model"],
      ["etc/lost", "nowhere"],
    ] as const;
  const composed = async (time: number, one: TestWorld): Promise<void> => {
    one.runner.observations = {
      ...NOTHING,
      names: ["usr/bin/tool", "usr/share/tool", "usr/share/tool/model"],
      contents: ["usr/bin/tool", "usr/share/tool/model"],
      attributes: ["usr/share/tool"],
    };
    // As `cp -p` leaves it: with whatever time the script was shown.
    one.runner.effects = (job) => {
      const model = [...job.tree.entries()].find(({ path }) => path === "usr/share/tool/model");
      return model === undefined || job.script !== "var/lib/dpkg/stratos-configure"
        ? undefined
        : {
            removed: [job.script, "usr/sbin/policy-rc.d"],
            changed: [
              { ...model, path: "etc/copy" },
              ...LINKS.map(([path, target]) => fileEntry(path, "symlink", { target, mtime: model.mtime })),
            ],
            observations: one.runner.observations,
          };
    };
    await publish(one, tool({ time, files: files(time) }));
    const { lock, steps } = await one.compose(TREEFILE, { lockMode: "update" });
    assert.deepEqual(
      steps.filter(({ status }) => status !== "done"),
      [],
    );
    assert.ok(lock);
    const entries = new Map([...one.trees.get("root")!.entries()].map((entry) => [entry.path, entry]));
    assert.deepEqual(
      ["etc/copy", "usr/share/tool/model", "usr/share/tool/page.py"].map((path) => entries.get(path)?.mtime),
      [time, time, time],
    );
    assert.deepEqual(
      LINKS.map(([path]) => entries.get(path)?.mtime),
      [time, time, epoch - 1],
      "as update-alternatives leaves links: with the time of what they lead to",
    );
    assert.equal(entries.get("usr/share/tool")!.mtime, epoch, "folders have the image's");
  };
  const one = makeWorld(),
    other = makeWorld();
  await composed(1_700_000_000, one);
  const runs = one.runner.jobs.length;
  await composed(1_700_000_500, one);
  assert.equal(one.runner.jobs.length, runs, "no script ran again");
  await composed(1_700_000_500, other);
  assert.ok(Buffer.from(one.outputs.get(TAR)!).equals(other.outputs.get(TAR)!));
  // A compiled module says when its source was made.
  one.runner.observations = { ...NOTHING, names: ["usr/share/tool/page.py"] };
  const third = await change(tool({ files: files(1_700_000_000) }), tool({ files: files(1_700_000_500) }), {
    names: ["usr/share/tool/page.py"],
  });
  assert.deepEqual([third.runs, third.isSame], [1, true]);
});

test("of what a package asks of triggers only the directives count", async () => {
  const with1 = (triggers: string, version: string): TestPackage =>
    packageOf("tool", { Depends: "libtool", Version: version }, [{ path: "./usr/bin/" }], { triggers });
  const observed = { names: ["var/lib/dpkg/info/tool.triggers"], contents: ["var/lib/dpkg/info/tool.triggers"] };
  const results: unknown[] = [];
  for (const triggers of ["# made by 2\nactivate-noawait ldconfig # so\n", "activate-noawait other\n"]) {
    const { runs, isSame } = await change(
      with1("# made by 1\nactivate-noawait ldconfig\n", "1"),
      with1(triggers, "2"),
      observed,
    );
    results.push(runs, isSame);
  }
  assert.deepEqual(results, [0, true, 1, true]);
});

test("a file that is gone, and one that was taken over, are as in a full compose", async () => {
  const before = tool({
    files: [
      { path: "./usr/share/tool/old", text: "old" },
      { path: "./usr/share/tool/dir/" },
      { path: "./usr/share/tool/dir/x", text: "x" },
    ],
  });
  const after = tool({ version: "2", files: [{ path: "./usr/share/tool/dir", text: "a file now" }] });
  assert.deepEqual((({ runs, isSame }) => [runs, isSame])(await change(before, after, {})), [0, true]);
  assert.deepEqual(
    (({ runs, isSame }) => [runs, isSame])(await change(before, after, { names: ["usr/share/tool/dir/x"] })),
    [1, true],
  );
});

test("a package with other relations is configured anew, since dpkg may order it otherwise", async () => {
  const { runs, isSame } = await change(tool(), tool({ version: "1.0-2", depends: "libtool, apt" }), {});
  assert.deepEqual([runs, isSame], [1, true]);
});

test("a program that may have read dpkg's status by itself makes scripts run", async () => {
  const reader = (version: string): TestPackage =>
    tool({ version, files: [{ path: "./usr/share/tool/reader", text: "grep x /var/lib/dpkg/status" }] });
  assert.deepEqual(
    (({ runs, isSame }) => [runs, isSame])(
      await change(reader("1"), reader("2"), { contents: ["usr/share/tool/reader"] }),
    ),
    [1, true],
  );
  assert.deepEqual(
    (({ runs, isSame }) => [runs, isSame])(await change(reader("1"), reader("2"), { contents: ["usr/bin/dpkg"] })),
    [0, true],
  );
});

test("a change after a change that was not seen is known too", async () => {
  const one = makeWorld();
  one.runner.observations = { ...NOTHING, names: ["usr/share/tool/late"] };
  await publish(one, tool());
  let { lock } = await one.compose(TREEFILE);
  for (const [version, late, runs] of [
    ["2", false, 3],
    ["3", false, 3],
    ["4", true, 4],
    ["5", true, 4],
  ] as const) {
    await publish(one, tool({ version, files: late ? [{ path: "./usr/share/tool/late", text: "late" }] : [] }));
    ({ lock } = await one.compose(TREEFILE, { lock, lockMode: "update" }));
    assert.equal(one.runner.jobs.length, runs, version);
    assert.equal(textIn(one.trees.get("root")!, "usr/bin/tool"), `tool ${version}`);
  }
});
