/** What runs that were killed leave on this computer. */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** What is left of a killed run must be gone within this time; the kernel takes a moment on a busy host. */
const GONE_WITHIN_MS = 60_000;

/** Mounts and processes of runs that are over: each has its work below `folder`. */
export async function leftBehind(folder: string): Promise<string[]> {
  const deadline = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    const found: string[] = [];
    if (readFileSync("/proc/self/mounts", "utf8").includes(folder)) found.push("a mount is left");
    for (const pid of readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name) && name !== String(process.pid))) {
      try {
        if (readFileSync(`/proc/${pid}/mountinfo`, "utf8").includes(folder))
          found.push(
            `process ${pid} is left, with mounts of its own: ` +
              `${readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ")}`,
          );
      } catch {
        // It has ended, or is none of ours.
      }
    }
    if (found.length === 0 || performance.now() > deadline) return found;
    await delay(20);
  }
}
