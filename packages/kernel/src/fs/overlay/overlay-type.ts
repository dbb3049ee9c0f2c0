/** `overlay` among the types of file systems; what one is made of (overlay.ts) pages load when one is mounted. */
import type { FileSystemType } from "../../vfs/file-system.ts";
import type { MountOptions } from "../../vfs/mount-options.ts";
import type { FsKernel } from "../fs-kernel.ts";
import { mountOverlay } from "./overlay.ts";
import { checkOverlayOption, OVERLAY_OPTION_NAMES } from "./overlay-options.ts";

export const overlayType: FileSystemType = {
  name: "overlay",
  isVirtual: true,
  ignoresChanges: true,
  optionNames: OVERLAY_OPTION_NAMES,
  userNamespace: (caller) => caller.credentials.userNamespace,
  checkOption: (_kernel, key, value) => checkOverlayOption(key, value),
  create: (kernel: FsKernel, _source: string, options: MountOptions) => mountOverlay(kernel, options),
};
