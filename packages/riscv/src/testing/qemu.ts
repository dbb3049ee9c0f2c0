import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { staticElf, type StaticProgram } from "./assembler.ts";

/** What a program wrote to stdout, and how it ended. */
export interface RunResult {
  readonly output: Uint8Array;
  readonly status: number;
}

const QEMU = "qemu-riscv64-static";
/** Extensions that aren't on unless asked for. */
const PROCESSOR = "rv64,zba=on,zbb=on,zbs=on,zknd=on,zkne=on,Zfhmin=on";

/** Whether the judge is installed. */
export function hasQemu(): boolean {
  return spawnSync(QEMU, ["--version"]).status === 0;
}

/** Runs the program under qemu's user-mode emulation. */
export function runQemu(program: StaticProgram): RunResult {
  const folder = mkdtempSync(join(tmpdir(), "stratos-differential-"));
  try {
    const file = join(folder, "program");
    writeFileSync(file, staticElf(program));
    chmodSync(file, 0o755);
    const { stdout, status, signal, error } = spawnSync(QEMU, ["-cpu", PROCESSOR, file], {
      maxBuffer: 1 << 30,
      timeout: 120_000,
    });
    if (error !== undefined) throw error;
    return { output: new Uint8Array(stdout), status: status ?? (signal === null ? -1 : -2) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
