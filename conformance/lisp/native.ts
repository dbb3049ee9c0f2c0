/** Programs of AstraLisp as machine code, for suites: built, and run by the host or by qemu-user. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { NodeWasmEngine } from "@stratos/host-node";
import { CompiledLisp, NATIVE_TARGETS, type Lisp, type NativeTarget } from "@stratos/lisp";
import { EMULATORS } from "../../tests/support/emulators.ts";

/** Beyond what any program of a suite takes under an emulator. */
const TIMEOUT_MS = 30 * 60_000;

/** The targets of `--target`: names with commas between, or `all`; null: none is asked for. */
export function targetsOf(value: string | undefined): readonly NativeTarget[] | null {
  if (value === undefined) return null;
  const names = value === "all" ? NATIVE_TARGETS : value.split(",");
  for (const name of names)
    if (!(NATIVE_TARGETS as readonly string[]).includes(name)) {
      console.error(`--target ${name}: one of ${NATIVE_TARGETS.join(", ")}, or all`);
      process.exit(2);
    }
  return names as readonly NativeTarget[];
}

/** A session that compiles to machine code. */
export function nativeSession(lisp: Lisp): CompiledLisp {
  return new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), keepsModules: true, isNative: true });
}

/** @param file  where the program is put */
export function runNative(
  target: NativeTarget,
  program: Uint8Array,
  {
    file,
    cwd,
    args = [],
    input = "",
    limitMs = TIMEOUT_MS,
  }: { file: string; cwd: string; args?: readonly string[]; input?: string; limitMs?: number },
): { output: string; status: number | null } {
  writeFileSync(file, program, { mode: 0o755 });
  const all = [...(EMULATORS[target] ?? ["qemu-x86_64-static"]), file, ...args];
  const { stdout, stderr, status, error } = spawnSync(all[0]!, all.slice(1), {
    cwd,
    input,
    encoding: "utf8",
    timeout: limitMs,
    maxBuffer: 1 << 28,
  });
  if (error !== undefined && stdout === null) throw error;
  return { output: stdout + stderr, status };
}
