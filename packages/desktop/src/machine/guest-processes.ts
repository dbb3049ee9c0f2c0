/** What a system monitor shows, from /proc of the guest (proc_stat(5), proc_meminfo(5), proc_pid_stat(5)). */
import type { FileAccess, ProcessInfo } from "@stratos/sdk/api";

interface MachineLoad {
  /** Of all processors since the start, in hundredths of a second. */
  readonly busyTicks: number;
  readonly idleTicks: number;
  readonly memoryBytes: number;
  readonly usedBytes: number;
  readonly uptimeSeconds: number;
  readonly processes: readonly ProcessLoad[];
}

interface ProcessLoad {
  readonly pid: number;
  readonly name: string;
  readonly command: string;
  readonly uid: number;
  readonly state: string;
  readonly residentBytes: number;
  readonly cpuTicks: number;
}

/** More are not shown. */
const PROCESSES_MAX = 500;
const PAGE = 4096;

export async function readLoad(
  files: FileAccess,
  processes: () => Promise<readonly ProcessInfo[]>,
): Promise<MachineLoad> {
  const text = async (path: string): Promise<string> =>
    files.read(path).then(
      (bytes) => new TextDecoder().decode(bytes),
      () => "",
    );
  const [stat, memory, uptime, all] = await Promise.all([
    text("/proc/stat"),
    text("/proc/meminfo"),
    text("/proc/uptime"),
    processes(),
  ]);
  const loads = await Promise.all(
    all.slice(0, PROCESSES_MAX).map(async ({ pid, name, command, uid, state }): Promise<ProcessLoad> => {
      const { residentBytes, cpuTicks } = processUse(await text(`/proc/${pid}/stat`));
      return { pid, name, command: command.join(" ").slice(0, 500), uid, state, residentBytes, cpuTicks };
    }),
  );
  return { ...processorUse(stat), ...memoryUse(memory), uptimeSeconds: parseFloat(uptime) || 0, processes: loads };
}

/** The first line: user, nice, system, idle, iowait, irq … */
export function processorUse(stat: string): { readonly busyTicks: number; readonly idleTicks: number } {
  const fields = (/^cpu +(.*)/.exec(stat)?.[1] ?? "").split(" ").map(Number);
  const idleTicks = (fields[3] || 0) + (fields[4] || 0);
  const all = fields.slice(0, 8).reduce((sum, each) => sum + (each || 0), 0);
  return { busyTicks: all - idleTicks, idleTicks };
}

export function memoryUse(meminfo: string): { readonly memoryBytes: number; readonly usedBytes: number } {
  const of = (name: string): number => 1024 * Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(meminfo)?.[1] ?? 0);
  const memoryBytes = of("MemTotal");
  return { memoryBytes, usedBytes: Math.max(0, memoryBytes - of("MemAvailable")) };
}

/** A name may hold anything, brackets too: what counts comes after the last of them. */
export function processUse(stat: string): { readonly residentBytes: number; readonly cpuTicks: number } {
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const number = (field: number): number => Number(fields[field - 3]) || 0;
  return { residentBytes: number(24) * PAGE, cpuTicks: number(14) + number(15) };
}
