/** The supervisor of a home's named systems. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { untilGone } from "./until.ts";

/** Ends it, and its machines with it. One that nobody needed any more has ended by itself. */
export async function endSupervisor(home: string): Promise<void> {
  const lock = join(home, "systems/supervisor.lock");
  const pid = existsSync(lock) ? Number.parseInt(readFileSync(lock, "utf8"), 10) : NaN;
  if (Number.isNaN(pid)) return;
  try {
    process.kill(pid, "SIGTERM");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
  await untilGone(pid);
}
