import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { statOfProcess } from "./running-process.ts";

/**
 * Background work gives way to everything else that the host does. Where Linux shares processors out by sessions first
 * (sched(7), the autogroup feature, which most distributions have on), a nice value counts within its own session
 * only: a process that leads one has the session's lowered, too.
 *
 * @param pid  of this user
 */
export function giveWay(pid: number = process.pid): void {
  const least = constants.priority.PRIORITY_LOW;
  try {
    setPriority(pid, least);
    if (process.platform === "linux" && leadsSession(pid)) writeFileSync(`/proc/${pid}/autogroup`, `${least}\n`);
  } catch {
    // It has ended, or this kernel has no such thing.
  }
}

/** Who lives in another's session, such as a shell's, has no say in what that one gets. */
function leadsSession(pid: number): boolean {
  const [, , , session] = statOfProcess(pid);
  return session === String(pid);
}
