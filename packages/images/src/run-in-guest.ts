import type { GuestCommand } from "./guest-command.ts";
import type { OpenVolume } from "./image-volume.ts";

/**
 * `guest-command.ts`, with the machine that it needs: most commands that could run something inside don't.
 *
 * @returns its exit status as a shell would say it; all that it wrote is in the volume, which is not yet synced
 */
export async function runInGuest(opened: OpenVolume, command: GuestCommand): Promise<number> {
  const { runGuestCommand } = await import("./guest-command.ts");
  return runGuestCommand(opened, command);
}
