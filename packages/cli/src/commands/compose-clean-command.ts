import { join } from "node:path";
import { stratosHome } from "@stratos/host-node";
import { cleanStore } from "@stratos/tools-node/compose";
import { FailedRemovals } from "../failed-removals.ts";
import { formatSize } from "@stratos/operation";
import { formatTable } from "../text-table.ts";
import type { ComposeCleanOptions } from "./compose-options.ts";

const DAY_MS = 86_400_000;

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

export async function cleanComposeStore(options: ComposeCleanOptions): Promise<number> {
  const failed = new FailedRemovals();
  const parts = cleanStore(join(stratosHome(), "compose"), {
    onFailure: failed.tell,
    isDry: options.dryRun === true,
    ...(options.olderThan === undefined ? {} : { olderThan: Date.now() - options.olderThan * DAY_MS }),
  });
  if (options.json === true) process.stdout.write(`${JSON.stringify(parts, null, 2)}\n`);
  else
    process.stdout.write(
      formatTable(
        ["PART", "FILES", options.dryRun === true ? "WOULD FREE" : "FREED"],
        [
          ...parts,
          { part: "all", files: sum(parts.map(({ files }) => files)), bytes: sum(parts.map(({ bytes }) => bytes)) },
        ].map(({ part, files, bytes }) => [part, String(files), formatSize(bytes)]),
      ),
    );
  return failed.end();
}
