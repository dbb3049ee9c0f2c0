import { readFileSync } from "node:fs";

/**
 * What the launcher was started with, when that held more than UTF-8; else ours is the same.
 *
 * @param variable  where the launcher keeps it (tools/launch/raw-arguments.mjs)
 * @param file  of /proc/self
 * @returns strings with a zero byte after each; null where there is no /proc
 */
export function startedWith(variable: string, file: string): Uint8Array | null {
  const kept = process.env[variable];
  if (kept !== undefined) return Buffer.from(kept, "base64");
  try {
    return readFileSync(`/proc/self/${file}`);
  } catch {
    return null;
  }
}
