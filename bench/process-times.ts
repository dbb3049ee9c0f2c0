/** Processor time of processes of the host. @see proc_pid_stat(5) */
import { readFileSync } from "node:fs";

/** Of Linux on all its processors (sysconf _SC_CLK_TCK). */
const TICKS_PER_SECOND = 100;

interface ProcessTimes {
  readonly parent: number;
  /** Milliseconds of its own. */
  readonly own: number;
  /** With those of its children that have ended. */
  readonly withEnded: number;
}

/** @returns null: there is none any more */
export function processTimes(pid: number): ProcessTimes | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  // Behind the name, which may hold anything: the third field is the state.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (number: number): number => Number(fields[number - 3]);
  const own = ((field(14) + field(15)) * 1000) / TICKS_PER_SECOND;
  return { parent: field(4), own, withEnded: own + ((field(16) + field(17)) * 1000) / TICKS_PER_SECOND };
}
