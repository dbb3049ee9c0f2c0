/** What an engine has open: made durable, and let go of. */
import { ERRNO_NAMES } from "@stratos/abi";
import type { Volume } from "@stratos/aegisfs";
import { StratosError } from "./api.ts";
import type { OpenedRoot } from "./engine-host.ts";

/** @throws StratosError of kind volume */
export function makeDurable(volume: Volume, path: string): void {
  const failed = volume.readOnly ? 0 : volume.sync();
  if (failed < 0)
    throw new StratosError("volume", `${path}: could not be written (${ERRNO_NAMES[-failed] ?? -failed})`, { path });
}

/** Its end makes it durable first. */
export function durable({ volume, close }: OpenedRoot, path: string): { close(): void } {
  return {
    close() {
      try {
        makeDurable(volume, path);
      } finally {
        close();
      }
    },
  };
}

/** All of them, whichever fails. @throws what failed first */
export function closeAll(opened: readonly { close(): void }[]): void {
  const failures: unknown[] = [];
  for (const each of opened) {
    try {
      each.close();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
