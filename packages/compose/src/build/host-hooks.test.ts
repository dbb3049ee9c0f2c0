/** Programs of the host. Goal: they run at their points with what they need to know, and never unasked. */
import { test } from "node:test";
import assert from "node:assert/strict";
import { BASE, makeWorld, packageOf, type TestWorld } from "../testing/test-compose.ts";

async function world(): Promise<TestWorld> {
  const made = makeWorld();
  await made.publish([...BASE, packageOf("tool", {}, [{ path: "./usr/bin/" }, { path: "./usr/bin/tool" }])]);
  return made;
}

const TREEFILE = (hooks: string): string =>
  "name: t\nversion: '3'\npackages: [tool]\narchitectures: [riscv64]\n" +
  `outputs: {root: {format: tar, filename: t.tar}}\nhost-hooks:\n${hooks}`;
const TWO =
  "  before-build:\n    - {command: [./make, -v, -v], directory: tools, timeout: 5, environment: {KEY: one}}\n" +
  "  after-outputs:\n    - command: [upload]\n";

test("programs of the host run at their points, with what is made", async () => {
  const one = await world();
  const { steps } = await one.compose(TREEFILE(TWO), { hostHooks: "run" });
  assert.ok(steps.every(({ status }) => status === "done"));
  const [before, after] = one.hostPrograms;
  assert.deepEqual([before!.command, before!.directory, before!.timeoutSeconds], [["./make", "-v", "-v"], "tools", 5]);
  const { SOURCE_DATE_EPOCH: epoch, ...environment } = before!.environment;
  assert.match(epoch!, /^\d{9,}$/);
  assert.deepEqual(environment, {
    STRATOS_POINT: "before-build",
    STRATOS_NAME: "t",
    STRATOS_VERSION: "3",
    STRATOS_VARIANT: "default",
    STRATOS_ARCHITECTURE: "riscv64",
    STRATOS_ARTIFACTS: "",
    KEY: "one",
  });
  assert.deepEqual([after!.environment["STRATOS_ARTIFACTS"], after!.timeoutSeconds], ["t.tar", 600]);
  // What is kept is not made anew, and is told to them all the same.
  await one.compose(TREEFILE(TWO), { hostHooks: "run" });
  assert.equal(one.hostPrograms.length, 4);
});

test("nothing is run on the host that was not allowed; one made again says what it leaves out", async () => {
  const one = await world();
  await assert.rejects(
    one.compose(TREEFILE(TWO)),
    /t\.yaml:7:\d+: host-hooks\.before-build: \.\/make would be run .* with --allow-host-hooks/,
  );
  const { steps } = await one.compose(TREEFILE(TWO), { hostHooks: "skip" });
  assert.ok(steps.every(({ status }) => status === "done"));
  assert.deepEqual(one.hostPrograms, []);
  assert.match(JSON.stringify(one.events), /1 of host-hooks\.after-outputs not run/);
});

test("a program that fails is told with its line, and nothing is built after it", async () => {
  const one = await world();
  const { steps } = await one.compose(
    TREEFILE('  before-build:\n    - command: ["true"]\n    - command: ["false"]\n    - command: [never]\n'),
    { hostHooks: "run" },
  );
  assert.match(
    steps.find(({ status }) => status === "failed")!.reason,
    /t\.yaml:9:\d+: host-hooks\.before-build\[1\]: false: ended with status 1/,
  );
  assert.deepEqual(
    one.hostPrograms.map(({ command }) => command[0]),
    ["true", "false"],
  );
  assert.equal(one.outputs.has("t.tar"), false);
});

test("plugins are asked about each image, before and after, and what they refuse is not made", async () => {
  const one = await world(),
    text = TREEFILE("").replace("host-hooks:\n", "");
  await one.compose(text);
  const about = { name: "t", version: "3", variant: "default", architecture: "riscv64" };
  assert.deepEqual(
    one.plugins.asked.map((asked) => JSON.parse(asked) as unknown),
    [
      { point: "before-build", ...about, artifacts: [] },
      { point: "after-outputs", ...about, artifacts: ["t.tar"] },
    ],
  );
  one.plugins.refusal = "plugin rules: not on a Friday";
  const { steps } = await one.compose(text);
  assert.match(JSON.stringify(steps.find(({ status }) => status === "failed")), /plugin rules: not on a Friday/);
  assert.equal(one.plugins.asked.length, 3);
});

test("outputs that are refused when they are there are listed nowhere, and keep no other image back", async () => {
  const one = await world();
  const outputs = 'outputs: {root: {format: tar, filename: "t-${variant}.tar"}}';
  const text = `name: t\npackages: [tool]\narchitectures: [riscv64]\n${outputs}\nvariants: {a: {}, b: {}}\n`;
  one.plugins.refuses = ({ point, variant }) => (point === "after-outputs" && variant === "a" ? "not a" : undefined);
  const { steps, info } = await one.compose(text);
  assert.match(JSON.stringify(steps.filter(({ status }) => status === "failed")), /not a/);
  const made = JSON.parse(Buffer.from(one.outputs.get("composeinfo.json")!).toString()) as typeof info;
  assert.equal(made.status, "failed");
  assert.deepEqual(
    made.images.map(({ variant, artifacts }) => [variant, artifacts.map(({ path }) => path)]),
    [
      ["a", []],
      ["b", ["t-b.tar"]],
    ],
  );
  assert.match(Buffer.from(one.outputs.get("SHA256SUMS")!).toString(), /^\w+  t-b\.tar\n$/);
});
