/**
 * The programs of this folder on Linux: built for the host, run with an environment of their own. What they print is
 * kept in `expected/`.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { compiled } from "../support/compiled.ts";

const here = import.meta.dirname;
/** For riscv64 not optimised: to compile a program takes longer than to run it. */
export const GUEST_FLAGS = ["-O0", "-w"];
export const GUEST_LINK_FLAGS = ["-static", "-Wl,--no-relax"];
const LIMIT_MS = 120_000;
export const programs = readdirSync(here)
  .filter((name) => name.endsWith(".c"))
  .map((name) => name.slice(0, -2));

export function expectedPath(program: string): string {
  return join(here, "expected", `${program}.txt`);
}

/** @param compiler  default: for riscv64, linked statically. @returns the path of the executable */
export function build(program: string, compiler?: string): string {
  return compiled(join(here, `${program}.c`), {
    ...(compiler === undefined ? { flags: [...GUEST_FLAGS, ...GUEST_LINK_FLAGS] } : { compiler, flags: ["-O1", "-w"] }),
    libraries: ["-lpthread"],
  });
}

/** What a program prints, and its status in a last line. */
export function runOnLinux(path: string, args: readonly string[] = []): string {
  const result = spawnSync(path, args, {
    encoding: "latin1",
    stdio: ["ignore", "pipe", "pipe"],
    env: {},
    maxBuffer: 64 << 20,
    // One that waits for ever is as wrong as one that says something else.
    timeout: LIMIT_MS,
  });
  if (result.error !== undefined) throw new Error(`${basename(path)}: ${result.error.message}`);
  const signal = result.signal === null ? 0 : (constants.signals[result.signal] ?? 0);
  return transcript(result.stdout, result.status ?? 128 + signal);
}

export function transcript(output: string, status: number): string {
  return `${output}\nexit status ${status}\n`;
}

/** The first ten lines in which two transcripts differ; "" when they are equal. */
export function differences(linux: string, other: string, name: string): string {
  const expected = linux.split("\n");
  const actual = other.split("\n");
  const report: string[] = [];
  for (let line = 0; line < Math.max(expected.length, actual.length); line++) {
    if (expected[line] !== actual[line])
      report.push(`line ${line + 1}: Linux "${expected[line] ?? ""}", ${name} "${actual[line] ?? ""}"`);
  }
  return report.slice(0, 10).join("\n");
}
