import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RELATIME } from "@stratos/abi";
import { type Kernel, mountAt } from "@stratos/kernel";

interface SystemMount { readonly place: string; readonly type: string; readonly options: string; readonly flags: number }

/** What a Linux system has mounted when its first program starts, in order. Folders that the root lacks are made. */
const SYSTEM_MOUNTS: readonly SystemMount[] = [
  { place: "/dev", type: "devtmpfs", options: "mode=755", flags: MS_NOSUID | MS_RELATIME },
  { place: "/dev/pts", type: "devpts", options: "gid=5,mode=620,ptmxmode=666", flags: MS_NOSUID | MS_NOEXEC | MS_RELATIME },
  { place: "/dev/shm", type: "tmpfs", options: "mode=1777", flags: MS_NOSUID | MS_NODEV | MS_RELATIME },
  { place: "/proc", type: "proc", options: "", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME },
  { place: "/sys", type: "sysfs", options: "", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME },
  { place: "/run", type: "tmpfs", options: "mode=755", flags: MS_NOSUID | MS_NODEV | MS_RELATIME },
];

/** Mounts them, as far as the kernel has their types. @returns null, or what failed first */
export function mountSystem(kernel: Kernel): { place: string; errno: number } | null {
  for (const { place, type, options, flags } of SYSTEM_MOUNTS) {
    const kind = kernel.vfs.types.get(type);
    if (kind === undefined) continue;
    const fileSystem = kind.create(kernel, type, options);
    const mounted = typeof fileSystem === "number" ? fileSystem : mountAt(kernel, place, fileSystem, { source: type, flags });
    if (typeof mounted === "number") return { place, errno: -mounted };
  }
  return null;
}
