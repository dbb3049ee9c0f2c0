/**
 * Goal: system calls do what Linux does. Method: each C program of this folder prints what it observes; built for the host it runs on Linux,
 * built for riscv64 it runs in a machine of ours (interpreted and translated), and the outputs are compared line by line.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { runStatic } from "./run-static.ts";

const here = import.meta.dirname;
const programs = readdirSync(here).filter((name) => name.endsWith(".c")).map((name) => name.slice(0, -2));
let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "stratos-abi-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function build(program: string, compiler: string, flags: string[]): string {
  const output = join(folder, `${program}-${compiler}`);
  execFileSync(compiler, ["-O1", "-w", ...flags, "-o", output, join(here, `${program}.c`), "-lpthread"]);
  return output;
}

for (const program of programs) {
  describe(program, () => {
    test("prints on Stratos what it prints on Linux", async () => {
      const linux = runOnLinux(build(program, "gcc", []));
      const guest = readFileSync(build(program, "riscv64-linux-gnu-gcc", ["-static"]));
      for (const translate of [true, false]) {
        const result = await runStatic(guest, { translate });
        assert.deepEqual(result.output.split("\n"), linux.output.split("\n"), translate ? "translated" : "interpreted");
        assert.equal(result.status, linux.status);
      }
    });
  });
}

function runOnLinux(path: string): { output: string; status: number } {
  try {
    return { output: execFileSync(path, { encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] }), status: 0 };
  } catch (error) {
    const failure = error as { stdout: string; status: number };
    return { output: failure.stdout, status: failure.status };
  }
}
