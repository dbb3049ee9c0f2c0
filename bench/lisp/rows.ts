/**
 * r7rs-benchmarks beside Chez Scheme, in CPU time, by turns:
 *
 *     npm run bench -- --only lisp --root FOLDER [--rounds N]
 *     npm run bench -- --only lisp-fib --root FOLDER       one program
 *
 * FOLDER is a checkout of ecraven/r7rs-benchmarks (nothing of it is kept here); Chez is Debian's `chezscheme`. Each
 * program checks its result. Counts are reduced so that a run takes about a second; both systems read the same input
 * and their clocks are CPU clocks.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Program, how often it is run, and the first lines of its input that we change. */
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
];

/** Of one program on one system, CPU seconds; the limit is generous beside what any should take. */
const TIMEOUT_MS = 120_000;

export function measureLisp(
  folder: string,
  options: { rounds: number; only: string | null; runner: readonly string[] },
  onResult: (line: string) => void,
): void {
  if (!existsSync(join(folder, "src/common.scm"))) throw new Error(`${folder} is no checkout of r7rs-benchmarks`);
  const work = mkdtempSync(join(tmpdir(), "stratos-lisp-bench-"));
  const ratios: number[] = [];
  try {
    for (const [name, count] of PROGRAMS) {
      if (options.only !== null && options.only !== name) continue;
      const source =
        `${readFileSync(join(folder, "src", `${name}.scm`), "utf8")}\n` +
        `${readFileSync(join(folder, "src/common.scm"), "utf8")}`;
      const input = readFileSync(join(folder, "inputs", `${name}.input`), "utf8").replace(/^\s*\d+/u, String(count));
      const own = join(work, `${name}.scm`);
      const peer = join(work, `${name}-chez.scm`);
      writeFileSync(
        own,
        `(import (stratos lisp))\n(define (this-scheme-implementation-name) "stratos")\n${source}\n` +
          "(run-benchmark)\n",
      );
      writeFileSync(
        peer,
        readFileSync(join(folder, "src/Petite-Chez-prelude.scm"), "utf8").replace(
          "(only (chezscheme)",
          "(only (chezscheme) sstats-cpu statistics",
        ) + `\n${CHEZ_CLOCK}\n${source.replace(/^\(import[^]*?\)\)\s*$/mu, "")}\n(run-benchmark)\n`,
      );
      const times = { ours: [] as number[], chez: [] as number[] };
      let error = "";
      for (let round = 0; round < options.rounds; round++) {
        const ours = run([...options.runner, own], input, folder);
        const chez = run(["chezscheme", "--program", peer], input, folder);
        if (typeof ours === "number") times.ours.push(ours);
        else error = ours;
        if (typeof chez === "number") times.chez.push(chez);
        else error ||= `Chez: ${chez}`;
      }
      const ours = median(times.ours);
      const chez = median(times.chez);
      if (ours !== null && chez !== null) ratios.push(ours / chez);
      onResult(
        `${name.padEnd(10)} ${shown(ours)} s, Chez ${shown(chez)} ` +
          `s${ours !== null && chez !== null ? `: ${(ours / chez).toFixed(2)} times Chez's` : `  ${error}`}`,
      );
    }
    if (ratios.length > 1)
      onResult(
        `geometric mean of ${ratios.length}: ` +
          `${Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length).toFixed(2)} times ` +
          "Chez's",
      );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const CHEZ_CLOCK = `(define (this-scheme-implementation-name) "chez")
(define (current-second) (let ((t (sstats-cpu (statistics)))) (+ (time-second t) (/ (time-nanosecond t) 1e9))))
(define (current-jiffy) (current-second))
(define (jiffies-per-second) 1)`;

/** @returns CPU seconds that the program tells, or why there are none */
function run(command: readonly string[], input: string, cwd: string): number | string {
  const { stdout, stderr, error } = spawnSync(command[0]!, command.slice(1), {
    input,
    cwd,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 26,
  });
  const seconds = /Elapsed time: ([\d.e+-]+) seconds/u.exec(stdout ?? "")?.[1];
  if (seconds !== undefined && !stdout.includes("INCORRECT")) return Number(seconds);
  return error?.message ?? `${stderr}${stdout}`.trim().split("\n").slice(0, 2).join(" ").slice(0, 160);
}

function median(values: number[]): number | null {
  return values.length === 0 ? null : values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

function shown(seconds: number | null): string {
  return seconds === null ? "-" : seconds.toFixed(3);
}
