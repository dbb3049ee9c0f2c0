import { MS_NODEV, MS_NOEXEC, MS_NOSUID, MS_RELATIME } from "@stratos/abi";
import { type Kernel, mountAt, parseMountOptions } from "@stratos/kernel";
import { copyFolder } from "./run-folder.ts";

interface SystemMount {
  readonly place: string;
  readonly type: string;
  readonly options: string;
  readonly flags: number;
  readonly keepsContent?: true;
}

/** What a Linux system has mounted when its first program starts, in order. Folders that the root lacks are made. */
const SYSTEM_MOUNTS: readonly SystemMount[] = [
  { place: "/dev", type: "devtmpfs", options: "mode=755", flags: MS_NOSUID | MS_RELATIME },
  {
    place: "/dev/pts",
    type: "devpts",
    options: "gid=5,mode=620,ptmxmode=666",
    flags: MS_NOSUID | MS_NOEXEC | MS_RELATIME,
  },
  { place: "/dev/shm", type: "tmpfs", options: "mode=1777", flags: MS_NOSUID | MS_NODEV | MS_RELATIME },
  { place: "/proc", type: "proc", options: "", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME },
  { place: "/sys", type: "sysfs", options: "", flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME },
  {
    place: "/sys/fs/cgroup",
    type: "cgroup2",
    // As systemd mounts it.
    options: "nsdelegate",
    flags: MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME,
  },
  { place: "/run", type: "tmpfs", options: "mode=755", flags: MS_NOSUID | MS_NODEV | MS_RELATIME, keepsContent: true },
];

/**
 * Mounts them, as far as the kernel has their types.
 *
 * @param options.keepsRun  what programs leave in /run is kept in the root (a root that is being built)
 * @returns null, or what failed first
 */
export function mountSystem(
  kernel: Kernel,
  options: { keepsRun?: boolean } = {},
): { place: string; errno: number } | null {
  for (const { place, type, options: words, flags, keepsContent } of SYSTEM_MOUNTS) {
    if (place === "/run" && options.keepsRun === true) continue;
    const kind = kernel.vfs.types.get(type);
    if (kind === undefined) continue;
    const fileSystem = kind.create(kernel, type, parseMountOptions(words));
    if (keepsContent === true && typeof fileSystem !== "number") copyFolder(kernel, place, fileSystem.root);
    const mounted =
      typeof fileSystem === "number" ? fileSystem : mountAt(kernel, place, fileSystem, { source: type, flags });
    if (typeof mounted === "number") return { place, errno: -mounted };
  }
  return null;
}
