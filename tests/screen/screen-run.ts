/** C programs of these tests on a machine with a screen, a keyboard and a pointer. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { attachInput, attachScreen } from "@stratos/kernel/devices";
import type { Machine } from "@stratos/machine";
import { type StaticRun, runStatic } from "../abi/run-static.ts";
import { compiled } from "../support/compiled.ts";

/** Built against Linux's headers. @param name  of the source beside this file */
export function buildProgram(name: string): Uint8Array {
  const flags = ["-D_GNU_SOURCE", "-O1", "-static"];
  return readFileSync(compiled(join(import.meta.dirname, `${name}.c`), { flags }));
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

/** In virtual time: how many frames go by between two of its requests is not chance. */
export function runOnScreen({ program, part, prepare, moments = {} }: ScreenRun): Promise<StaticRun> {
  return runStatic(program, {
    argv: ["program", part],
    seed: 1,
    prepare,
    onOutput: (text, machine) => moments[text.trimEnd().split("\n").at(-1)!]?.(machine),
  });
}
