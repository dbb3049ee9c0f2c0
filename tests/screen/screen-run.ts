/** C programs of these tests on a machine with a screen, a keyboard and a pointer. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attachInput, attachScreen } from "@stratos/kernel/devices";
import type { Machine } from "@stratos/machine";
import { type StaticRun, runStatic } from "../abi/run-static.ts";

/** Built against Linux's headers. @param name  of the source beside this file */
export function buildProgram(name: string): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), `stratos-${name}-`));
  try {
    const output = join(folder, name),
      source = join(import.meta.dirname, `${name}.c`);
    execFileSync("riscv64-linux-gnu-gcc", ["-D_GNU_SOURCE", "-O1", "-static", "-o", output, source]);
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns what attaches a screen of that size, and input */
export function withScreen(size: { readonly width: number; readonly height: number }): (machine: Machine) => void {
  return ({ kernel }) => {
    attachScreen(kernel, size);
    attachInput(kernel);
  };
}

interface ScreenRun {
  readonly program: Uint8Array;
  readonly part: string;
  readonly prepare: (machine: Machine) => void;
  /** What to do when the program has written a line, by the line. */
  readonly moments?: Readonly<Record<string, (machine: Machine) => void>>;
}

export function runOnScreen({ program, part, prepare, moments = {} }: ScreenRun): Promise<StaticRun> {
  return runStatic(program, {
    argv: ["program", part],
    prepare,
    onOutput: (text, machine) => moments[text.trimEnd().split("\n").at(-1)!]?.(machine),
  });
}
