/**
 * Goal: a program that a bundler has joined with the library runs machines, as a module and as CommonJS, in each place
 * that machines may have, from wherever the bundle lies while the package is installed; without it that is told.
 *
 * Method: esbuild joins a program of a user; the bundle runs in the user's project, and in an empty folder.
 */
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sampleOf } from "@stratos/base/testing";
import { build } from "esbuild";
import { hostNode, installLibrary } from "./support/library-project.ts";
import { run } from "./support/stratos.ts";
import { endSupervisor } from "./support/supervisor.ts";
import { TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

let folder = "";
let project = "";

before(async () => {
  ({ folder, project } = await installLibrary());
  for (const name of ["home", "alone"]) mkdirSync(join(folder, name));
  writeFileSync(
    join(project, "user.ts"),
    `import { Sandbox, StratosError } from "stratos";
    async function main() {
      const box = await Sandbox.create({ image: process.env.IMAGE, memoryBytes: 2 ** 28, isolation: process.argv[2] });
      console.log((await box.run("echo from inside")).stdout.trim());
      await box.close();
      console.log((await Sandbox.list({ home: process.env.EMPTY })).length);
    }
    main().catch((error) => console.log(error instanceof StratosError, error.kind, error.message));`,
  );
});
after(async () => {
  await endSupervisor(join(folder, "home"));
  rmSync(folder, { recursive: true, force: true });
});

function start(node: string, script: string, ...args: readonly string[]): ReturnType<typeof run> {
  const env = { STRATOS_HOME: TEST_HOME, IMAGE: TEST_IMAGE, EMPTY: join(folder, "home") };
  return run([node, script, ...args], { cwd: join(script, ".."), env });
}

for (const format of sampleOf(["esm", "cjs"] as const, 2))
  test(`a bundle (${format}) runs machines, and tells where it finds no package`, async () => {
    const script = join(project, "out", format === "esm" ? "user.mjs" : "user.cjs");
    const entryPoints = [join(project, "user.ts")];
    await build({ entryPoints, bundle: true, platform: "node", format, outfile: script, logLevel: "error" });
    for (const [node, isolation] of [
      [hostNode(), "process"],
      [process.execPath, "worker"],
      [process.execPath, "shared"],
    ] as const) {
      const { stdout, stderr } = await start(node, script, isolation);
      assert.deepEqual([stdout, stderr], ["from inside\n0\n", ""], isolation);
    }
    const copy = join(folder, "alone", format === "esm" ? "user.mjs" : "user.cjs");
    copyFileSync(script, copy);
    const { stdout } = await start(hostNode(), copy, "process");
    assert.match(stdout, /^true engine the package stratos is not found: .*npm install stratos/);
  });
