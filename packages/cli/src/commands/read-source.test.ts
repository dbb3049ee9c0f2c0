/** What treefiles name. Goal: what never ends is refused at once, in words; what a shell pipes in is read. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { readSource } from "@stratos/systems/compose";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("read-source");
after(() => rmSync(folder, { recursive: true, force: true }));
const isPosix = process.platform !== "win32";

test(
  "devices, folders, pipes without a writer and large files are refused where a treefile names them",
  {
    skip: isPosix ? false : "devices and pipes are POSIX's",
    timeout: 20_000,
  },
  async () => {
    execFileSync("mkfifo", [join(folder, "pipe")]);
    mkdirSync(join(folder, "folder"));
    writeFileSync(join(folder, "large.yaml"), `# ${"x".repeat(5 << 20)}\n`);
    for (const [included, why] of [
      ["/dev/zero", /\/dev\/zero: is no regular file/],
      ["pipe", /pipe: is no regular file/],
      ["folder", /folder: is a folder/],
      ["large.yaml", /large\.yaml: is larger than 4194304 bytes/],
      ["none.yaml", /there is no file .*none\.yaml/],
    ] as const) {
      writeFileSync(join(folder, "main.yaml"), `include: [${included}]\nname: x\n`);
      const { status, stderr } = await runCommand("compose", "validate", join(folder, "main.yaml"));
      assert.deepEqual([status, why.test(stderr)], [1, true], stderr);
    }
    await assert.rejects(readSource("/dev/zero", { mayBePipe: true }), /is no regular file/);
    const written = writeFile(join(folder, "pipe"), "name: x\n");
    assert.equal(Buffer.from((await readSource(join(folder, "pipe"), { mayBePipe: true }))!).toString(), "name: x\n");
    await written;
  },
);

extendedTest("a file of many keys is answered as quickly as it is long", { timeout: 30_000 }, async () => {
  const keys = Array.from({ length: 40_000 }, (_, index) => `k${index}: 1\n`);
  writeFileSync(join(folder, "keys.yaml"), `${keys.join("")}k7: 2\n`);
  assert.match(
    (await runCommand("compose", "validate", join(folder, "keys.yaml"))).stderr,
    /keys\.yaml:40001:1: .*must be unique/i,
  );
  writeFileSync(join(folder, "keys.yaml"), keys.join(""));
  const { status, stderr } = await runCommand("compose", "validate", join(folder, "keys.yaml"));
  assert.deepEqual([status, stderr.split("\n").length, /keys\.yaml:1:1: k0: unknown key/.test(stderr)], [1, 51, true]);
});

test("outputs that cannot stand beside one another are told before anything is resolved", async () => {
  const file = join(folder, "outputs.yaml");
  const outputs = (...names: string[]): string =>
    `name: x\nsuite: trixie\noutputs:\n` +
    names.map((name, at) => `  o${at}: { format: tar, filename: ${name} }\n`).join("");
  for (const [text, why] of [
    [outputs("one.tar", "one.tar"), /outputs\.yaml:5:.*would be one\.tar of .*, as outputs\.o0 of .* is/],
    [outputs("SHA256SUMS"), /outputs\.yaml:4:.*which a compose writes itself/],
  ] as const) {
    writeFileSync(file, text);
    const { status, stderr } = await runCommand("compose", "validate", file);
    assert.match(stderr, why);
    assert.equal(status, 1);
  }
  writeFileSync(file, outputs("one.tar", "two.tar"));
  assert.equal((await runCommand("compose", "validate", file)).status, 0);
});
