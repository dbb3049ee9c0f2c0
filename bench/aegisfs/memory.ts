/**
 * Whether a volume stays within the memory that it was given (`cacheBytes`): what a process holds beyond what it held
 * before it mounted, at most, while it writes and reads files of 4 KiB, a million of them (4 GB) by default, on a file
 * of the backing.
 */
import { join } from "node:path";
import { must, type Workbench } from "../fuse/systems.ts";

interface MemoryRow {
  readonly files: number;
  /** MiB: the setting, and what was held. */
  readonly setting: number;
  readonly writing: number;
  readonly reading: number;
}

/** A million of files take half a minute, and on a busy machine many. */
const PATIENCE_MS = 1_800_000;

export function* measureMemory(files: number, bench: Workbench): Generator<MemoryRow> {
  for (const setting of [128, 32]) {
    const [before, writing, reading] = must(
      process.execPath,
      [
        "--disable-warning=ExperimentalWarning",
        "--expose-gc",
        join(import.meta.dirname, "memory-once.ts"),
        bench.image(`memory-${setting}`),
        String(files),
        String(setting),
      ],
      PATIENCE_MS,
    )
      .trim()
      .split(" ")
      .map(Number);
    yield { files, setting, writing: writing! - before!, reading: reading! - before! };
  }
}

export function memoryLine({ files, setting, writing, reading }: MemoryRow): string {
  return (
    `  ${files.toLocaleString("en")} files of 4 KiB: set ${setting} MiB, held ${writing.toFixed(1)} writing, ` +
    `${reading.toFixed(1)} reading${writing > setting || reading > setting ? " (too much)" : ""}`
  );
}
