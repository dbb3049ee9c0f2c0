/**
 * The devices of a volume that is to be checked: nobody changes it meanwhile, or who has it mounted keeps what is read.
 */
import type { VolumeDevices } from "@stratos/tools-node/volumes";
import { OperationError } from "@stratos/operation";
import { VolumeInUseError } from "./volume-in-use-error.ts";
import { openDevices, prepareVolume } from "./open-volume.ts";

interface CheckedDevices extends Pick<VolumeDevices, "devices" | "close"> {
  /** It is mounted and in use: what is checked is what was durable when the check began. */
  readonly isOnline: boolean;
}

/** @param isRepair  it is to be changed, for which nobody else may use it. @throws OperationError */
export async function openForCheck(path: string, isRepair: boolean): Promise<CheckedDevices> {
  // Read-only servers have no lock: a check reads beside them, a repair must not write.
  if (isRepair) await prepareVolume(path, "write");
  try {
    return { ...openDevices(path, "write"), isOnline: false };
  } catch (error) {
    if (!(error instanceof VolumeInUseError)) throw error;
    const held = isRepair ? null : await prepareVolume(path, "read");
    if (held === null)
      throw isRepair
        ? new OperationError("volume", path, `${error.why}; a check without --repair reads it as it is`, {
            cause: error,
          })
        : error;
    try {
      const opened = openDevices(path, "read");
      return {
        devices: opened.devices,
        isOnline: true,
        close: () => {
          opened.close();
          held.letGo();
        },
      };
    } catch (failure) {
      held.letGo();
      throw failure;
    }
  }
}
