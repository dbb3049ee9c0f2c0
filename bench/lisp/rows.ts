/**
 * r7rs-benchmarks beside Chez Scheme and Guile, in processor time, by turns; as WebAssembly, and as x86-64 programs
 * where the host is one:
 *
 *     npm run bench -- --only lisp --root FOLDER [--rounds N]
 *     npm run bench -- --only lisp-fib --root FOLDER       one program
 *
 * FOLDER is a checkout of ecraven/r7rs-benchmarks (nothing of it is kept here; nbody is our own); the peers are
 * Debian's `chezscheme` and `guile-3.0`, which need not be there. Each program checks its result. Counts are reduced so
 * that a run takes about a second; all read the same input. The clocks that programs read are processor clocks, but for
 * the x86-64 programs', whose whole process is counted.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NodeWasmEngine } from "@stratos/host-node";
import { CompiledLisp, Lisp } from "@stratos/lisp";
import { folderFinder, ownLibraryFolder } from "@stratos/tools-node/lisp";
import { processTimes } from "../process-times.ts";
import { geometricMean, median } from "../statistics.ts";

/** Program, and how often it is run. */
const PROGRAMS: readonly (readonly [name: string, count: number])[] = [
  ["fib", 1],
  ["tak", 1],
  ["ctak", 1],
  ["gcbench", 1],
  ["nqueens", 2],
  ["deriv", 2_000_000],
  ["earley", 1],
  ["browse", 200],
  ["mbrot", 100],
  ["fft", 20],
  ["string", 20],
  ["dynamic", 50],
  ["primes", 2000],
  ["nboyer", 1],
  ["equal", 20],
  ["pi", 10],
  ["quicksort", 200],
  ["peval", 200],
  // Beyond the eighteen: doubles in vectors, continuations, complex numbers.
  ["nbody", 1],
  ["fibc", 1],
  ["mbrotZ", 50],
];
/** What programs of ours read after their count, which lie beside this file: so many steps, and their result. */
const OWN_INPUTS: Readonly<Record<string, string>> = { nbody: "500000 -169237033" };
/** Of the table's mean. */
const COUNTED = 18;

/** Of one program on one system, processor seconds; the limit is generous beside what any should take. */
const TIMEOUT_MS = 120_000;

const SYSTEMS = ["wasm", "x86-64", "Guile", "Chez"] as const;
type SystemName = (typeof SYSTEMS)[number];

interface Prepared {
  readonly command: readonly string[];
  /** What the process took, as its program's clock is no processor clock. */
  readonly isWhole?: true;
}

export function measureLisp(
  folder: string,
  options: { rounds: number; only: string | null; runner: readonly string[] },
  onResult: (line: string) => void,
): void {
  if (!existsSync(join(folder, "src/common.scm"))) throw new Error(`${folder} is no checkout of r7rs-benchmarks`);
  const work = mkdtempSync(join(tmpdir(), "stratos-lisp-bench-"));
  const ratios: Record<Exclude<SystemName, "Chez">, Map<string, number>> = {
    wasm: new Map(),
    "x86-64": new Map(),
    Guile: new Map(),
  };
  try {
    for (const [name, count] of PROGRAMS) {
      if (options.only !== null && options.only !== name) continue;
      const own = OWN_INPUTS[name];
      const input =
        own === undefined
          ? readFileSync(join(folder, "inputs", `${name}.input`), "utf8").replace(/^\s*\d+/u, String(count))
          : `${count} ${own}`;
      const systems = prepare(folder, work, name, options.runner);
      const times = new Map<SystemName, number[]>();
      const errors: string[] = [];
      for (let round = 0; round < options.rounds; round++)
        for (const system of SYSTEMS) {
          const prepared = systems[system];
          if (prepared === null) continue;
          const took = run(prepared, input, folder);
          if (typeof took === "number") times.set(system, [...(times.get(system) ?? []), took]);
          else if (round === 0) errors.push(`${system}: ${took}`);
        }
      const chez = times.has("Chez") ? median(times.get("Chez")!) : null;
      const words = SYSTEMS.flatMap((system) => {
        const all = times.get(system);
        if (all === undefined) return [];
        const took = median(all);
        if (system !== "Chez" && chez !== null) ratios[system].set(name, took / chez);
        const beside = system !== "Chez" && chez !== null ? ` (${(took / chez).toFixed(2)} ×)` : "";
        return [`${system} ${took.toFixed(3)} s${beside}`];
      });
      onResult(`${name.padEnd(10)} ${[...words, ...errors].join(", ")}`);
    }
    if (options.only === null) tellMeans(ratios, onResult);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function tellMeans(ratios: Readonly<Record<string, Map<string, number>>>, onResult: (line: string) => void): void {
  const counted = PROGRAMS.slice(0, COUNTED).map(([name]) => name);
  for (const [system, all] of Object.entries(ratios)) {
    const rows = counted.flatMap((name) => (all.has(name) ? [{ name, ratio: all.get(name)! }] : []));
    if (rows.length === 0) continue;
    const worst = rows.reduce((a, b) => (a.ratio > b.ratio ? a : b));
    onResult(
      `${system}: geometric mean of ${rows.length} ${geometricMean(rows.map(({ ratio }) => ratio)).toFixed(2)} × ` +
        `Chez's time, worst ${worst.name} ${worst.ratio.toFixed(2)} ×`,
    );
  }
  const both = counted.filter((name) => ratios["wasm"]!.has(name) && ratios["Guile"]!.has(name));
  const faster = both.filter((name) => ratios["wasm"]!.get(name)! < ratios["Guile"]!.get(name)!);
  onResult(`WebAssembly is faster than Guile on ${faster.length} of ${both.length}`);
}

function prepare(
  folder: string,
  work: string,
  name: string,
  runner: readonly string[],
): Record<SystemName, Prepared | null> {
  const place = name in OWN_INPUTS ? import.meta.dirname : join(folder, "src");
  const program = readFileSync(join(place, `${name}.scm`), "utf8");
  const common = readFileSync(join(folder, "src/common.scm"), "utf8");
  const put = (file: string, text: string | Uint8Array, mode = 0o644): string => {
    const path = join(work, file);
    writeFileSync(path, text, { mode });
    return path;
  };
  const own =
    `(import (stratos lisp))\n(define (this-scheme-implementation-name) "stratos")\n${program}\n${common}\n` +
    "(run-benchmark)\n";
  const body = `${program.replace(/^\(import[^]*?\)\)\s*$/mu, "")}\n${common}\n(run-benchmark)\n`;
  const prelude = (file: string): string => readFileSync(join(folder, "src", file), "utf8");
  const chezPrelude = prelude("Petite-Chez-prelude.scm").replace(
    "(only (chezscheme)",
    "(only (chezscheme) sstats-cpu statistics",
  );
  return {
    wasm: { command: [...runner, put(`${name}.scm`, own)] },
    "x86-64":
      process.arch === "x64" && process.platform === "linux"
        ? { command: [put(name, buildNative(own, `${name}.scm`), 0o755)], isWhole: true }
        : null,
    Guile: isThere("guile")
      ? { command: guile(put(`${name}-guile.scm`, prelude("Guile3-prelude.scm") + GUILE_CLOCK + body)) }
      : null,
    Chez: isThere("chezscheme")
      ? {
          command: [
            "chezscheme",
            "--program",
            put(
              `${name}-chez.scm`,
              `${chezPrelude}
${CHEZ_CLOCK}
${body}`,
            ),
          ],
        }
      : null,
  };
}

function isThere(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

function buildNative(text: string, file: string): Uint8Array {
  const lisp = new Lisp({ findLibrary: folderFinder([ownLibraryFolder()]) });
  const session = new CompiledLisp(lisp, { wasm: new NodeWasmEngine(), keepsModules: true, isNative: true });
  return session.buildNative(text, file, ["x86_64"]).x86_64;
}

/** As r7rs-benchmarks' own script has it: compiled with -O3 before. */
function guile(path: string): readonly string[] {
  const compiled = `${path}.go`;
  const compile = `(compile-file "${path}" #:output-file "${compiled}" #:optimization-level 3)`;
  spawnSync("guile", ["--no-auto-compile", "-c", `(use-modules (system base compile)) ${compile}`], {
    stdio: "ignore",
  });
  return ["guile", "-c", `(load-compiled "${compiled}")`];
}

const CHEZ_CLOCK = `(define (this-scheme-implementation-name) "chez")
(define (current-second) (let ((t (sstats-cpu (statistics)))) (+ (time-second t) (/ (time-nanosecond t) 1e9))))
(define (current-jiffy) (current-second))
(define (jiffies-per-second) 1)`;
const GUILE_CLOCK = `
(define (this-scheme-implementation-name) "guile")
(define (current-jiffy) (get-internal-run-time))
(define (jiffies-per-second) internal-time-units-per-second)
(define (current-second) (/ (get-internal-run-time) 1.0 internal-time-units-per-second))
`;

/** @returns CPU seconds that the program tells, or why there are none */
function run({ command, isWhole }: Prepared, input: string, cwd: string): number | string {
  const before = processTimes(process.pid)!;
  const { stdout, stderr, error } = spawnSync(command[0]!, command.slice(1), {
    input,
    cwd,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 26,
    env: { ...process.env, GC_INITIAL_HEAP_SIZE: "100000000" },
  });
  const after = processTimes(process.pid)!;
  const seconds = /Elapsed time: ([\d.e+-]+) seconds/u.exec(stdout ?? "")?.[1];
  if (seconds !== undefined && !stdout.includes("INCORRECT"))
    return isWhole === true ? (after.withEnded - after.own - (before.withEnded - before.own)) / 1000 : Number(seconds);
  return error?.message ?? `${stderr}${stdout}`.trim().split("\n").slice(0, 2).join(" ").slice(0, 160);
}
