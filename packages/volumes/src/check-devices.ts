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
  const held = await prepareVolume(path, isRepair ? "write" : "read");
  try {
    // Beside who serves it read-only a check reads, as it does where nothing can be written.
    const opened = openDevices(path, isRepair ? "write" : held === null ? "quiet" : "read");
    return {
      devices: opened.devices,
      isOnline: held !== null,
      close: () => {
        opened.close();
        held?.letGo();
      },
    };
  } catch (error) {
    held?.letGo();
    throw isRepair && error instanceof VolumeInUseError
      ? new OperationError("volume", path, `${error.why}; a check without --repair reads it as it is`, { cause: error })
      : error;
  }
}
