/** The results on screen, as JSON and as docs/benchmarks.md's tables. */
import type { Run, RunStats } from "./peers.ts";
import { type Bar, GROUPS, type Group, type Row } from "./rows.ts";
import { geometricMean, median } from "./statistics.ts";

export interface RowResult {
  readonly row: Row;
  readonly ours: Readonly<Record<Run, RunFigures>>;
  readonly peerNs: readonly number[];
  /** Why there is no figure. */
  readonly failure: string | null;
}

export interface RunFigures {
  readonly ns: readonly number[];
  /** Of the last one: where the time went. */
  readonly stats: RunStats | null;
}

export const RUNS: readonly Run[] = ["first", "later"];

/** Figures that are not a ratio of the same command: system calls, the whole command, memory. */
export interface SpecialResult {
  readonly name: string;
  readonly ours: number | null;
  readonly peer: number | null;
  readonly peerName: string;
  readonly unit: string;
  readonly floor: string;
  readonly goal: string;
  readonly failure: string | null;
}

function ratioOf(result: RowResult, run: Run): number | null {
  return result.failure === null ? median(result.peerNs) / median(result.ours[run].ns) : null;
}

interface GroupResult {
  readonly group: Group;
  readonly run: Run;
  readonly bar: Bar;
  readonly mean: number | null;
  readonly worst: number | null;
  readonly reached: "goal" | "floor" | "below the floor" | "incomplete";
}

export function groupResults(results: readonly RowResult[]): GroupResult[] {
  return GROUPS.flatMap((group) => {
    const rows = results.filter((result) => result.row.group === group.name);
    return rows.length === 0 ? [] : RUNS.map((run) => groupResult(group, run, rows));
  });
}

function groupResult(group: Group, run: Run, rows: readonly RowResult[]): GroupResult {
  const bar = group[run];
  const ratios = rows.map((row) => ratioOf(row, run));
  const known = ratios.filter((ratio) => ratio !== null);
  const mean = known.length === 0 ? null : geometricMean(known);
  const worst = known.length === 0 ? null : Math.min(...known);
  if (mean === null || worst === null || known.length < ratios.length)
    return { group, run, bar, mean, worst, reached: "incomplete" };
  const rowsHold = bar.worstRow === null || worst >= bar.worstRow;
  const reached = mean >= bar.goal && rowsHold ? "goal" : mean >= bar.floor && rowsHold ? "floor" : "below the floor";
  return { group, run, bar, mean, worst, reached };
}

export function rowLine(result: RowResult): string {
  const name = result.row.name.padEnd(24);
  if (result.failure !== null) return `  ${name} failed: ${result.failure.split("\n")[0]!.slice(0, 100)}`;
  const { first, later } = result.ours;
  const times = [first.ns, later.ns, result.peerNs].map((ns) => time(median(ns)).padStart(10));
  const ratios = RUNS.map((run) => `${ratioOf(result, run)!.toFixed(2).padStart(7)} ×`);
  return `  ${name} ${[...times, ...ratios].join(" ")}`;
}

export function rowHead(): string {
  const heads = ["first", "later", "qemu-user"].map((head) => head.padStart(10));
  return `  ${"row".padEnd(24)} ${[...heads, "first".padStart(9), "later".padStart(9)].join(" ")}`;
}

export function markdown(results: readonly RowResult[], special: readonly SpecialResult[], about: string): string {
  const lines = [
    about,
    "",
    "| work | run | geometric mean | worst row | floor | goal | reached |",
    "|---|---|---|---|---|---|---|",
    ...groupResults(results).map(
      ({ group, run, bar, mean, worst, reached }) =>
        `| ${group.title} | ${run} | ${ratioText(mean)} | ${ratioText(worst)} | ${bar.floor} ` +
        `×${bar.worstRow === null ? "" : ` (no row below ${bar.worstRow} ×)`} | ${bar.goal} × | ${reached} |`,
    ),
    "",
    "| row | first run | later run | qemu-user | ratio, first | ratio, later |",
    "|---|---|---|---|---|---|",
    ...results.map((result) =>
      result.failure === null
        ? `| ${result.row.name} | ${time(median(result.ours.first.ns))} | ${time(median(result.ours.later.ns))} | ` +
          `${time(median(result.peerNs))} | ${ratioText(ratioOf(result, "first"))} | ` +
          `${ratioText(ratioOf(result, "later"))} |`
        : `| ${result.row.name} | failed: ${result.failure.split("\n")[0]!.replaceAll("|", "\\|")} | | | | |`,
    ),
    ...profileLines(results),
  ];
  if (special.length > 0) {
    lines.push("", "| measure | Stratos | peer | floor | goal |", "|---|---|---|---|---|");
    for (const { name, ours, peer, peerName, unit, floor, goal, failure } of special) {
      lines.push(
        `| ${name} | ${failure ?? `${figure(ours)} ${unit}`} | ` +
          `${peer === null ? "not measured" : `${figure(peer)} ${unit}`} (${peerName}) | ${floor} | ${goal} |`,
      );
    }
  }
  return `${lines.join("\n")}\n`;
}

/** Where each row's time went; "a → b": in the first run and in the later one. */
function profileLines(results: readonly RowResult[]): string[] {
  const lines: string[] = [];
  for (const { row, ours } of results) {
    const [first, later] = [ours.first.stats, ours.later.stats];
    if (first === null || later === null) continue;
    const pair = (figureOf: (stats: RunStats) => string): string => `${figureOf(first)} → ${figureOf(later)}`;
    const millions = (count: number): string => (count / 1e6).toPrecision(3);
    lines.push(
      `| ${row.name} | ${millions(first.instructions)} | ` +
        `${pair((stats) => millions(stats.interpretedInstructions))} | ` +
        `${pair((stats) => stats.translateMs.toFixed(0))} | ` +
        `${pair((stats) => thousands(stats.translatedInstructions))} | ${thousands(later.keptInstructions)} | ` +
        `${first.systemCalls} | ${first.faults} | ${pair((stats) => stats.startMs.toFixed(0))} |`,
    );
  }
  if (lines.length === 0) return [];
  return [
    "",
    "Where it went, of the whole machine with what prepares a row: what the interpreter ran, what the translator " +
      "took and made in the run, what came from earlier runs, what the kernel was asked (first run → later run).",
    "",
    "| row | instructions, million | interpreted, million | translator, ms | translated, thousand | " +
      "kept, thousand | system calls | faults | start of Stratos, ms |",
    "|---|---|---|---|---|---|---|---|---|",
    ...lines,
  ];
}

function thousands(count: number): string {
  return (count / 1e3).toFixed(0);
}

function figure(value: number | null): string {
  return value === null ? "not measured" : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

function ratioText(ratio: number | null): string {
  return ratio === null ? "-" : `${ratio.toFixed(2)} ×`;
}

function time(ns: number): string {
  return ns >= 1e9
    ? `${(ns / 1e9).toFixed(2)} s`
    : ns >= 1e6
      ? `${(ns / 1e6).toFixed(1)} ms`
      : `${(ns / 1e3).toFixed(1)} µs`;
}
