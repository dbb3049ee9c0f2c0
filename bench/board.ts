/**
 * What a second sandbox costs on the first one's board, beside a second one on a board of its own in the same process:
 * processor time from its creation to its program's end, and memory that the process holds more afterwards. Each figure
 * is of a process of its own (board-once.ts), by turns.
 */
import { join } from "node:path";
import { ENGINE_FLAGS } from "@stratos/host-node/engine-flags";
import { must } from "./fuse/systems.ts";
import { median } from "./statistics.ts";

const PATIENCE_MS = 600_000;
const LINES = [
  ["a shell", "echo $(seq 100 | wc -l)"],
  ["python3", "python3 -c 'import json, hashlib; print(hashlib.md5(json.dumps([1]).encode()).hexdigest())'"],
  ["20 pipelines", "for i in $(seq 20); do seq 100 | sort -r | awk '{ s += $1 } END { print s }'; done"],
] as const;

interface BoardRow {
  readonly what: string;
  /** Milliseconds and MiB of the second sandbox: apart, and on the first one's board. */
  readonly cpuMs: readonly [number, number];
  readonly memoryMib: readonly [number, number];
}

export function* measureBoard(rounds: number, image: string): Generator<BoardRow> {
  for (const [what, line] of LINES) {
    const apart: number[][] = [];
    const together: number[][] = [];
    for (let round = 0; round < rounds; round++) {
      apart.push(once("apart", image, line));
      together.push(once("board", image, line));
    }
    const medians = (at: number): [number, number] => [
      median(apart.map((figures) => figures[at]!)),
      median(together.map((figures) => figures[at]!)),
    ];
    yield { what, cpuMs: medians(0), memoryMib: medians(1) };
  }
}

function once(way: "apart" | "board", image: string, line: string): number[] {
  const flags = ["--disable-warning=ExperimentalWarning", ...ENGINE_FLAGS.map(({ engine }) => engine), "--expose-gc"];
  const script = join(import.meta.dirname, "board-once.ts");
  return must(process.execPath, [...flags, script, way, image, line], PATIENCE_MS)
    .trim()
    .split(" ")
    .map(Number);
}

export function boardLine({ what, cpuMs, memoryMib }: BoardRow): string {
  const [apart, together] = [0, 1].map((at) => `${cpuMs[at]!.toFixed(0)} ms, ${memoryMib[at]!.toFixed(1)} MiB`);
  return `  second sandbox, ${what}: apart ${apart}; on the first one's board ${together}`;
}
