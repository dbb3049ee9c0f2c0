/**
 * Process groups of runs, written down in their folders: a worker that is started after one that was killed ends what
 * that one left running. A number alone could be another program's by now, so the time at which it was started is
 * noted, too (proc(5), field 22).
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Beside the run's folder, where the run does not see it. */
const noteOf = (folder: string): string => `${folder}.process`;

export function noteProcessGroup(folder: string, pid: number): void {
  writeFileSync(noteOf(folder), `${pid} ${startTime(pid) ?? ""}`);
}

export function forgetRunFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  rmSync(noteOf(folder), { force: true });
}

/** @returns how many groups were still running */
export function endLeftRuns(workFolder: string): number {
  let ended = 0;
  for (const name of existsSync(workFolder) ? readdirSync(workFolder) : []) {
    const path = join(workFolder, name);
    const match = /^(\d+) (\d+)$/.exec(name.endsWith(".process") ? readFileSync(path, "utf8") : "");
    if (match !== null && startTime(Number(match[1])) === match[2]) {
      try {
        process.kill(-Number(match[1]), "SIGKILL");
        ended++;
      } catch {
        // It ended meanwhile.
      }
    }
    if (/^run-\d+(\.process)?$/.test(name)) rmSync(path, { recursive: true, force: true });
  }
  return ended;
}

/** Null where there is no proc(5), or no such process. */
function startTime(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}
