/** What forks of a running python3 with 100 MB in use cost (fork-once.ts), in processes of their own. */
import { join } from "node:path";
import { ENGINE_FLAGS } from "@stratos/host-node/engine-flags";
import { must } from "./fuse/systems.ts";
import { median } from "./statistics.ts";

const PATIENCE_MS = 600_000;
const COUNT = 1000;

/** Of one process: milliseconds, and KiB for each fork. */
type ForkFigures = Readonly<Record<(typeof NAMES)[number], number>>;

const NAMES = [
  "forkCpuMs",
  "forkWallMs",
  "allCpuMs",
  "allWallMs",
  "eachKib",
  "closeCpuMs",
  "answerCpuMs",
  "answerWallMs",
] as const;

/** Medians. */
export function measureForks(rounds: number, image: string): ForkFigures {
  const flags = ["--disable-warning=ExperimentalWarning", ...ENGINE_FLAGS.map(({ engine }) => engine), "--expose-gc"];
  const script = join(import.meta.dirname, "fork-once.ts");
  const all = Array.from(
    { length: rounds },
    () => JSON.parse(must(process.execPath, [...flags, script, image, String(COUNT)], PATIENCE_MS)) as ForkFigures,
  );
  return Object.fromEntries(NAMES.map((name) => [name, median(all.map((figures) => figures[name]))])) as ForkFigures;
}

/** Time on the wall, and of the processor in brackets. */
export function forkLines(figures: ForkFigures): string[] {
  const ms = (wall: number, cpu: number): string => `${wall.toFixed(2)} ms (${cpu.toFixed(2)} ms)`;
  const { forkWallMs, forkCpuMs, allWallMs, allCpuMs, eachKib, closeCpuMs, answerWallMs, answerCpuMs } = figures;
  return [
    `  a fork of python3 with 100 MB: ${ms(forkWallMs, forkCpuMs)}, ${eachKib.toFixed(0)} KiB until it writes`,
    `  ${COUNT} of them: ${ms(allWallMs, allCpuMs)}; closing one: ${closeCpuMs.toFixed(2)} ms of the processor`,
    `  from a fork to its python's answer: ${ms(answerWallMs, answerCpuMs)}`,
  ];
}
