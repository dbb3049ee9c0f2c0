/** A volume's checksums and invariants proved, and what is wrong mended. */
import { check, exitOf, type Loss, type Problem, repair, type RepairResult } from "@stratos/aegisfs";
import { VOLUME_CODECS } from "@stratos/tools-node/volumes";
import { openForCheck } from "./check-devices.ts";
import { refusal } from "./open-volume.ts";

export type { Loss, Problem };

interface CheckedVolume {
  readonly problems: readonly Problem[];
  /** It is mounted: what was checked is what was durable when the check began. */
  readonly isOnline: boolean;
}

/**
 * @param metadataOnly  the content of files is not read
 * @throws OperationError
 */
export async function checkVolume(path: string, metadataOnly: boolean): Promise<CheckedVolume> {
  // A volume that changes meanwhile would look damaged: the check holds its lock, or its server keeps what is read.
  const opened = await openForCheck(path, false);
  try {
    const { devices, isOnline } = opened;
    const problems = check(devices.length === 1 ? devices[0]! : devices, { data: !metadataOnly });
    if (typeof problems === "string") throw refusal(path, opened, problems);
    return { problems, isOnline };
  } finally {
    opened.close();
  }
}

interface RepairedVolume extends Readonly<RepairResult> {
  /** As fsck(8)'s: 0 nothing was wrong, 1 all of it is (of a dry run: can be) mended, 4 something is left or lost. */
  readonly status: number;
}

/**
 * Nobody else may use the volume.
 * @param dryRun  only tells what would be mended, and what would be lost
 * @throws OperationError
 */
export async function repairVolume(path: string, dryRun: boolean): Promise<RepairedVolume> {
  const opened = await openForCheck(path, true);
  const { devices, close } = opened;
  try {
    const result = repair(devices.length === 1 ? devices[0]! : devices, { codecs: VOLUME_CODECS, dryRun });
    if (typeof result === "string") throw refusal(path, opened, result);
    return { ...result, status: exitOf(result) };
  } finally {
    close();
  }
}
