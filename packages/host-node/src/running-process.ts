/** Processes of this host. */
import { readFileSync } from "node:fs";

/** Whether there is a process of that number, a zombie included. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Of a process, what proc_pid_stat(5) tells behind its name: state (its field 3), parent, group, session …
 *
 * @throws Node's error where there is no such process, or no /proc
 */
export function statOfProcess(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/**
 * When a process began, in ticks since the host did (field 22): with it a number that was written down is told from a
 * later process of the same number. Undefined: no such process, or no /proc.
 */
export function startOfProcess(pid: number): string | undefined {
  try {
    return statOfProcess(pid)[19];
  } catch {
    return undefined;
  }
}

/** `process 4711 (stratos fs mount …)`, for messages; of one that cannot be seen, that there is one. */
export function processWords(pid: number): string {
  if (pid <= 0) return "a process that cannot be seen from here";
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8")
      .split("\0")
      .filter((word) => word !== "");
    // How Node runs us, and what a mount hands to its server, says nothing to who asks.
    const shown = words
      .join(" ")
      .replace(/\s+/g, " ")
      .replace(/^\S*\bnode(?: --\S*)* \S*\b(stratos|main)\.\w+/, "stratos")
      .replace(/ --foreground(?: --rw)? -o \S+ --/, "");
    return shown === ""
      ? `process ${pid}`
      : `process ${pid} (${shown.length > WORDS_MAX ? `${shown.slice(0, WORDS_MAX)}…` : shown})`;
  } catch {
    return `process ${pid}`;
  }
}

const WORDS_MAX = 100;
