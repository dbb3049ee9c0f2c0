/**
 * Processes that carry a mark in their environment, at whatever distance below who set it, their parents gone or not:
 * how a test that does not end is looked at and ended with all that it started. Elsewhere than on Linux there are none.
 *
 * Plain JavaScript, as `tools/test.mjs` is. Sources: proc_pid_environ(5), proc_pid_stat(5), proc_pid_wchan(5).
 */
import { readdirSync, readFileSync } from "node:fs";

/** In which Linux counts for programs. */
const TICKS_PER_SECOND = 100;
const MAX_COMMAND = 200;
/** Rounds of ending: who is ended may just have started another. */
const ROUNDS = 5;

/** @returns {number[]} process ids, never the caller's */
export function markedProcesses(name, value) {
  const mark = `${name}=${value}`;
  return processIds().filter((pid) => pid !== process.pid && read(pid, "environ").split("\0").includes(mark));
}

/** @returns {string[]} a line each: id, parent, state, processor time, where it waits in the kernel, command */
export function describeProcesses(pids) {
  return pids.map((pid) => {
    const stat = read(pid, "stat");
    const [state, parent, , , , , , , , , , user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const seconds = ((Number(user) + Number(system)) / TICKS_PER_SECOND).toFixed(1);
    const command = read(pid, "cmdline").replaceAll("\0", " ").slice(0, MAX_COMMAND);
    return `${pid} (of ${parent}) ${state} ${seconds} s of processor time, in ${read(pid, "wchan") || "?"}: ${command}`;
  });
}

export function endMarkedProcesses(name, value) {
  for (let round = 0; round < ROUNDS; round++) {
    const pids = markedProcesses(name, value);
    if (pids.length === 0) return;
    for (const pid of pids) end(pid);
  }
}

function end(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

function processIds() {
  try {
    return readdirSync("/proc")
      .filter((entry) => /^\d+$/.test(entry))
      .map(Number);
  } catch {
    return [];
  }
}

/** Of a process that is gone, or another user's: empty. */
function read(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
