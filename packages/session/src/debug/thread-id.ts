/**
 * Threads as gdb names them ("Debugging with GDB", E.1, "thread-id syntax"): `TID`, or `pPID.TID` with a client that
 * knows several processes, of which it has the real number then: by that it reads /proc/PID, as for the core of one.
 */

/** @param pid  0: the client knows one process */
export function threadId(pid: number, tid: number): string {
  return pid === 0 ? tid.toString(16) : `p${pid.toString(16)}.${tid.toString(16)}`;
}

/**
 * @param pid  0: of whichever process
 * @returns 0: any one; −1: all of them; NaN: no thread of this process, or no thread at all
 */
export function parseThreadId(text: string, pid: number): number {
  const [, process, thread] = /^(?:p(-1|[0-9a-f]{1,8})(?=\.[-0-9a-f]|$)\.?)?(-1|[0-9a-f]{1,8})?$/.exec(text) ?? [];
  if (process === undefined && thread === undefined) return NaN;
  if (process !== undefined && process !== "-1" && pid !== 0 && ![0, pid].includes(parseInt(process, 16))) return NaN;
  // A process alone is all of its threads.
  return thread === undefined ? -1 : parseInt(thread, 16);
}
