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

interface Output {
  output: string;
  status: number;
}

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
      const native = build(program, "gcc", []);
      const guest = readFileSync(build(program, "riscv64-linux-gnu-gcc", ["-static"]));
      for (const translate of [true, false]) {
        // Virtual time: what a guest observes doesn't depend on how busy the host is.
        const result = await runStatic(guest, { translate, seed: 1 });
        assert.equal(differences(native, result), "", translate ? "translated" : "interpreted");
      }
    });
  });
}

/** The lines in which the runs differ. Linux keeps real time, so on a busy host its own run can be late: it has three tries. */
function differences(native: string, ours: Output): string {
  let report = "";
  for (let attempt = 0; attempt < 3; attempt++) {
    report = compare(runOnLinux(native), ours);
    if (report === "") return "";
  }
  return report;
}

function compare(linux: Output, ours: Output): string {
  const expected = [...linux.output.split("\n"), `exit status ${linux.status}`];
  const actual = [...ours.output.split("\n"), `exit status ${ours.status}`];
  const report: string[] = [];
  for (let line = 0; line < Math.max(expected.length, actual.length); line++) {
    if (expected[line] !== actual[line]) report.push(`line ${line + 1}: Linux "${expected[line] ?? ""}", Stratos "${actual[line] ?? ""}"`);
  }
  return report.slice(0, 10).join("\n");
}

function runOnLinux(path: string): Output {
  try {
    return { output: execFileSync(path, { encoding: "latin1", stdio: ["ignore", "pipe", "pipe"] }), status: 0 };
  } catch (error) {
    const failure = error as { stdout: string; status: number };
    return { output: failure.stdout, status: failure.status };
  }
}
