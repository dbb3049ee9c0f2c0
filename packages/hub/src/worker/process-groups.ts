/**
 * Process groups of runs, written down in their folders: a worker that is started after one that was killed ends what
 * that one left running. A number alone could be another program's by now, so the time at which it was started is
 * noted, too (proc(5), field 22).
 *
 * A program may leave its group, as daemons do (setsid(2)). What runs start has the run's folder in its environment,
 * and is found by it, where there is a proc(5).
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { startOfProcess } from "@stratos/host-node/files";

/** Beside the run's folder, where the run does not see it. */
const noteOf = (folder: string): string => `${folder}.process`;

export function noteProcessGroup(folder: string, pid: number): void {
  writeFileSync(noteOf(folder), `${pid} ${startOfProcess(pid) ?? ""}`);
}

/** Of the environment of all that a run starts: its folder. */
export const RUN_VARIABLE = "STRATOS_RUN";

/**
 * Ends what runs have left running outside of their groups.
 *
 * @param isOf  whether a folder is of one of these runs
 * @returns how many processes there were
 */
export function endStrays(isOf: (folder: string) => boolean): number {
  // One that was told to end is found again until it has.
  const ended = new Set<number>();
  // What forks while it is looked for is found in the next round; whoever forks for ever is not waited for.
  for (let round = 0; round < STRAY_ROUNDS_MAX; round++) {
    const strays = processes().filter((pid) => pid !== process.pid && isOf(runFolderOf(pid) ?? ""));
    if (strays.length === 0) break;
    for (const pid of strays)
      try {
        process.kill(pid, "SIGKILL");
        ended.add(pid);
      } catch {
        // It ended meanwhile.
      }
  }
  return ended.size;
}

const STRAY_ROUNDS_MAX = 10;

function processes(): number[] {
  try {
    return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

/** Null: it has none, or it is somebody else's process. One that is dead and not waited for has none any more. */
function runFolderOf(pid: number): string | null {
  try {
    const variables = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
    return variables.find((one) => one.startsWith(`${RUN_VARIABLE}=`))?.slice(RUN_VARIABLE.length + 1) ?? null;
  } catch {
    return null;
  }
}

export function forgetRunFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  rmSync(noteOf(folder), { force: true });
}

/** @returns how many groups, and processes outside of them, were still running */
export function endLeftRuns(workFolder: string): number {
  let ended = 0;
  for (const name of existsSync(workFolder) ? readdirSync(workFolder) : []) {
    const path = join(workFolder, name);
    const match = /^(\d+) (\d+)$/.exec(name.endsWith(".process") ? readFileSync(path, "utf8") : "");
    if (match !== null && startOfProcess(Number(match[1])) === match[2]) {
      try {
        process.kill(-Number(match[1]), "SIGKILL");
        ended++;
      } catch {
        // It ended meanwhile.
      }
    }
    if (/^run-\d+(\.process)?$/.test(name)) rmSync(path, { recursive: true, force: true });
  }
  return ended + endStrays((folder) => /^run-\d+$/.test(relative(workFolder, folder)));
}
