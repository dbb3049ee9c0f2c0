/** Programs with foreign functions of C, built and run: on the host (x86-64), and on the machine with Debian's libc. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runStatic } from "../abi/run-static.ts";
import { nativeLisp } from "./native-lisp.ts";

/** Where libc6-riscv64-cross has its libraries. */
const CROSS = "/usr/riscv64-linux-gnu/lib";
const LIBRARIES = ["ld-linux-riscv64-lp64d.so.1", "libc.so.6", "libm.so.6"];

export const ON_HOST = process.arch === "x64" && process.platform === "linux";
export const WITHOUT_HOST = ON_HOST ? false : "the host is no x86-64 Linux";

interface ForeignRun {
  /** What it wrote to stdout and stderr, as bytes. */
  readonly output: string;
  readonly status: number;
}

export class ForeignPrograms {
  readonly folder: string;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "stratos-lisp-foreign-"));
  }
  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** @throws SchemeError  the program is refused */
  build<T extends "x86_64" | "rv64">(text: string, targets: readonly T[]): Record<T, Uint8Array> {
    const build = nativeLisp();
    return build.buildNative(text, "test.scm", targets);
  }

  onHost(program: Uint8Array, args: readonly string[] = []): ForeignRun {
    const file = join(this.folder, "program");
    writeFileSync(file, program, { mode: 0o755 });
    const { stdout, stderr, status, signal } = spawnSync(file, args, { encoding: "latin1", timeout: 120_000 });
    return { output: stdout + stderr + (signal ?? ""), status: status ?? -1 };
  }

  async onMachine(program: Uint8Array, files: Readonly<Record<string, Uint8Array>> = {}): Promise<ForeignRun> {
    const libraries = LIBRARIES.map((name) => [`lib/${name}`, readFileSync(join(CROSS, name))] as const);
    const { output, status } = await runStatic(program, { files: { ...Object.fromEntries(libraries), ...files } });
    return { output, status };
  }

  /** A shared library that C's compiler makes of a text. */
  library(source: string, compiler: string): string {
    const file = join(this.folder, `${compiler}.c`);
    const library = join(this.folder, `lib${compiler}.so`);
    writeFileSync(file, source);
    execFileSync(compiler, ["-O1", "-w", "-shared", "-fPIC", "-o", library, file]);
    return library;
  }
}

/** Each allocation of the program collects, from its first on (heap/layout.ts: the file begins with the registers). */
export function tortured(program: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(program);
  copy[0x78] = 2;
  copy.copyWithin(0x44, 0x40, 0x44);
  return copy;
}
