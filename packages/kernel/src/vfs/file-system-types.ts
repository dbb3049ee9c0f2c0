import type { FileSystem } from "./file-system.ts";
import type { MountDevice } from "./mount-device.ts";
import type { UserNamespace } from "../security/user-namespace.ts";
import type { Caller, VfsKernel } from "./vfs-kernel.ts";

/** What a file system that isn't virtual lies on. */
export interface MountedDevice {
  readonly device: MountDevice;
  readonly readOnly: boolean;
}

/** Makes an instance for mount(2), or says why not. `options` is the data string, comma separated. */
export interface FileSystemType {
  readonly name: string;
  /** Needs no device ("nodev" in /proc/filesystems). */
  readonly isVirtual: boolean;
  /** Where CAP_SYS_ADMIN lets one mount it; absent: in the initial user namespace alone. */
  userNamespace?(caller: Caller): UserNamespace;
  /** Shows what a mount of it shows that is there: a user namespace gets no more of it (mount_too_revealing). */
  readonly isRevealing?: boolean;
  create(kernel: VfsKernel, source: string, options: string, on?: MountedDevice): FileSystem | number;
}

/** `size=64k,mode=755` → a map; flags without a value map to "". */
export function parseMountOptions(text: string): Map<string, string> {
  const options = new Map<string, string>();
  for (const part of text.split(",")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    if (equals < 0) options.set(part, "");
    else options.set(part.slice(0, equals), part.slice(equals + 1));
  }
  return options;
}
