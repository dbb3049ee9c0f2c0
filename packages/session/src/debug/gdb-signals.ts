/** Numbers of signals in gdb's remote protocol, which are gdb's own on every system (include/gdb/signals.h). */
import { SIGNAL_NAMES, SIGRTMAX, SIGRTMIN } from "@stratos/abi";

/** By gdb's numbers from 1 on; ours has no number for EMT and LOST. */
const NAMES = (
  "HUP INT QUIT ILL TRAP ABRT EMT FPE KILL BUS SEGV SYS PIPE ALRM TERM URG STOP TSTP CONT CHLD TTIN TTOU IO XCPU " +
  "XFSZ VTALRM PROF WINCH LOST USR1 USR2 PWR"
).split(" ");
/** GDB_SIGNAL_REALTIME_33 … 63 follow each other; 32 and 64 were added later. */
const REALTIME_33 = 45,
  REALTIME_32 = 77,
  REALTIME_64 = 78,
  UNKNOWN = 143;

export function gdbSignalOf(signal: number): number {
  if (signal === SIGRTMIN) return REALTIME_32;
  if (signal === SIGRTMAX) return REALTIME_64;
  if (signal > SIGRTMIN) return REALTIME_33 + signal - 33;
  const at = NAMES.indexOf(SIGNAL_NAMES[signal] ?? "");
  return at < 0 ? UNKNOWN : at + 1;
}

/** @returns 0: we have no such signal */
export function signalOfGdb(number: number): number {
  if (number === REALTIME_32) return SIGRTMIN;
  if (number === REALTIME_64) return SIGRTMAX;
  if (number >= REALTIME_33 && number < REALTIME_33 + 31) return number - REALTIME_33 + 33;
  const name = NAMES[number - 1];
  return name === undefined ? 0 : Math.max(0, SIGNAL_NAMES.indexOf(name));
}
