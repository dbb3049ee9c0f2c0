/** What a mount's control socket asks the serving thread for in its own name: no command line begins so. */
import type { Volume } from "@stratos/aegisfs";
import { OperationError } from "@stratos/operation";

export const HOLD_WORD = "(hold)",
  LET_GO_WORD = "(let go)";

/** @returns 0, or 1 when what was written cannot be made durable; null for other words */
export function holdVolume(word: string, volume: Volume): number | null {
  if (word === LET_GO_WORD) {
    if (!volume.readOnly) volume.space.letGo();
    return 0;
  }
  if (word !== HOLD_WORD) return null;
  if (volume.readOnly) return 0;
  if (volume.sync() < 0) return 1;
  volume.space.hold();
  return 0;
}

/** What moves blocks or takes them away waits until nobody reads. @throws OperationError */
export function expectNotHeld(path: string, volume: Volume): void {
  if (volume.space.isHeld)
    throw new OperationError(
      "volume",
      path,
      "another command reads the mounted volume (a check, a backup, a transfer); try again when that is done",
    );
}
