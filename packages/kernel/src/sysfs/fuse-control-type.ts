import type { Kernel } from "../task/kernel-state.ts";
import type { FileSystemType } from "../vfs/file-system.ts";
import { makeFuseControl } from "./fuse-control.ts";

export const fuseControlType: FileSystemType = {
  name: "fusectl",
  isVirtual: true,
  create: (kernel: Kernel) => makeFuseControl(kernel),
};
