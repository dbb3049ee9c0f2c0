/** The results on screen, as JSON and as docs/benchmarks.md's tables. */
import { GROUPS, type Group, type Row } from "./rows.ts";
import { geometricMean, median } from "./statistics.ts";

export interface RowResult {
  readonly row: Row;
  readonly oursNs: readonly number[];
  readonly peerNs: readonly number[];
  /** Of our last run: where the time went. */
  readonly stats: unknown;
  /** Why there is no figure. */
  readonly failure: string | null;
}

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

export function ratioOf(result: RowResult): number | null {
  return result.failure === null ? median(result.peerNs) / median(result.oursNs) : null;
}

interface GroupResult {
  readonly group: Group;
  readonly mean: number | null;
  readonly worst: number | null;
  readonly reached: "goal" | "floor" | "below the floor" | "incomplete";
}

export function groupResults(results: readonly RowResult[]): GroupResult[] {
  return GROUPS.filter((group) => results.some((result) => result.row.group === group.name)).map((group) => {
    const ratios = results.filter((result) => result.row.group === group.name).map(ratioOf);
    const known = ratios.filter((ratio) => ratio !== null);
    if (known.length < ratios.length || known.length === 0)
      return {
        group,
        mean: known.length === 0 ? null : geometricMean(known),
        worst: known.length === 0 ? null : Math.min(...known),
        reached: "incomplete",
      };
    const mean = geometricMean(known);
    const worst = Math.min(...known);
    const rowsHold = group.worstRow === null || worst >= group.worstRow;
    return {
      group,
      mean,
      worst,
      reached: mean >= group.goal && rowsHold ? "goal" : mean >= group.floor && rowsHold ? "floor" : "below the floor",
    };
  });
}

export function rowLine(result: RowResult): string {
  const ratio = ratioOf(result);
  if (ratio === null)
    return `  ${result.row.name.padEnd(24)} ${`failed: ${result.failure!.split("\n")[0]!.slice(0, 100)}`}`;
  return (
    `  ${result.row.name.padEnd(24)} ${time(median(result.oursNs)).padStart(10)} ` +
    `${time(median(result.peerNs)).padStart(10)} ${ratio.toFixed(2).padStart(7)} ×`
  );
}

export function markdown(results: readonly RowResult[], special: readonly SpecialResult[], about: string): string {
  const lines = [
    about,
    "",
    "| work | geometric mean | worst row | floor | goal | reached |",
    "|---|---|---|---|---|---|",
    ...groupResults(results).map(
      ({ group, mean, worst, reached }) =>
        `| ${group.title} | ${ratioText(mean)} | ${ratioText(worst)} | ${group.floor} ` +
        `×${group.worstRow === null ? "" : ` (no row below ${group.worstRow} ×)`} | ${group.goal} × | ${reached} |`,
    ),
    "",
    "| row | Stratos | qemu-user | ratio |",
    "|---|---|---|---|",
    ...results.map((result) =>
      result.failure === null
        ? `| ${result.row.name} | ${time(median(result.oursNs))} | ${time(median(result.peerNs))} | ` +
          `${ratioText(ratioOf(result))} |`
        : `| ${result.row.name} | failed: ${result.failure.split("\n")[0]!.replaceAll("|", "\\|")} | | |`,
    ),
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
