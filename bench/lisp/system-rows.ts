/**
 * What AstraLisp costs beside running programs: its start, compiling, the prompt, deep recursion, the collector's
 * pauses, forks:
 *
 *     npm run bench -- --only lisp-system [--rounds N]
 *
 * In processor time.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeWasmEngine } from "@stratos/host-node";
import { CompiledLisp, Lisp } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { processTimes } from "../process-times.ts";
import {
  ANSWERS,
  BUSY,
  CLOCK,
  CLOCKED,
  DEEP,
  EVALUATES,
  FORK,
  LINES,
  NATIVE_CLOCK,
  PAUSES,
} from "./system-programs.ts";

/** Starts that are counted together: the kernel tells processor time in hundredths of a second. */
const STARTS = 20;

interface Paths {
  /** The bundle's main module, the launcher, and what runs a program with a processor clock. */
  readonly main: string;
  readonly launcher: readonly string[];
  readonly runner: readonly string[];
  /** Runs forms at a prompt. */
  readonly prompt: readonly string[];
}

export function measureLispSystem(paths: Paths, rounds: number, print: (line: string) => void): void {
  const work = mkdtempSync(join(tmpdir(), "stratos-lisp-system-"));
  try {
    const file = (name: string, text: string): string => {
      writeFileSync(join(work, name), text);
      return join(work, name);
    };
    const one = ["lisp", "-e", "(display 1)"];
    const lines = file("lines.scm", LINES);
    const commands: Record<string, readonly string[]> = {
      "Node alone": [process.execPath, "-e", "1"],
      "(display 1)": [process.execPath, paths.main, ...one],
      "(display 1) by the launcher": [...paths.launcher, ...one],
      "a file of 1,000 lines": [process.execPath, paths.main, "lisp", lines],
    };
    const least = new Map<string, number>();
    for (let round = 0; round < rounds; round++)
      for (const [name, command] of Object.entries(commands))
        least.set(name, Math.min(least.get(name) ?? Infinity, startMs(command)));
    for (const [name, ms] of least) print(`${name}, from start to end: ${ms.toFixed(1)} ms`);
    print(told("forms at the prompt", paths.prompt));
    const programs = { "a million frames deep": DEEP, pauses: PAUSES, "a loop that allocates": BUSY };
    for (const [name, text] of Object.entries(programs)) {
      const program = CLOCKED + text;
      print(told(`${name}, WebAssembly`, [...paths.runner, file(`${name}.scm`, CLOCK + program)]));
      if (isNativeHost()) print(told(`${name}, x86-64`, [native(work, name, NATIVE_CLOCK + program)]));
    }
    const fork = file("fork.scm", CLOCK + CLOCKED + EVALUATES + FORK);
    print(told("fork with 100 MB, WebAssembly", [...paths.runner, fork]));
    if (isNativeHost())
      print(told("fork with 100 MB, x86-64", [native(work, "fork", NATIVE_CLOCK + CLOCKED + ANSWERS + FORK)]));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function isNativeHost(): boolean {
  return process.arch === "x64" && process.platform === "linux";
}

/** Processor milliseconds of one start, of the mean of some. */
function startMs(command: readonly string[]): number {
  const spent = (): number => {
    const { own, withEnded } = processTimes(process.pid)!;
    return withEnded - own;
  };
  const before = spent();
  for (let start = 0; start < STARTS; start++) {
    const { status, stderr } = spawnSync(command[0]!, command.slice(1), { encoding: "utf8" });
    if (status !== 0) throw new Error(`${command.join(" ")}: status ${status}: ${stderr}`);
  }
  return (spent() - before) / STARTS;
}

/** What a program says of itself. */
function told(name: string, command: readonly string[]): string {
  const { stdout, stderr, status, error } = spawnSync(command[0]!, command.slice(1), { encoding: "utf8" });
  if (status !== 0) throw new Error(`${name}: ${error?.message ?? stderr}`);
  return `${name}: ${stdout.trim()}`;
}

function native(work: string, name: string, text: string): string {
  const lisp = new Lisp({ findLibrary: folderFinder([ownLibraryFolder()]) });
  const session = new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), keepsModules: true, isNative: true });
  const path = join(work, name.replaceAll(" ", "-"));
  writeFileSync(path, session.buildNative(text, `${name}.scm`, ["x86_64"]).x86_64, { mode: 0o755 });
  return path;
}
