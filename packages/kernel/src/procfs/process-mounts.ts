/**
 * proc_pid_mounts(5), proc_pid_mountinfo(5), proc_pid_mountstats(5): the mounts that the process can reach from its
 * root.
 */
import { MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK, MS_RDONLY, MS_SYNCHRONOUS } from "@stratos/abi";
import type { TextPiece } from "../pseudo/pseudo-inodes.ts";
import type { Task } from "../task/task.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import type { Mount } from "../vfs/mount.ts";
import { describeMountFlags } from "../vfs/mount-attributes.ts";
import { groupBehind } from "../cgroup/cgroup2.ts";
import { heardFrom, placeOf, rootWithin } from "../vfs/mount-names.ts";
import { tableInPieces } from "./table-in-pieces.ts";

/** fstab(5): white space and backslashes as octal numbers. */
function escape(text: string): string {
  return text.replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

/** By their numbers, wherever they were moved since (fs/mount.h, mnt_ns_attached); there may be 100,000. */
function describeReachable(task: Task, from: number, describe: (mount: Mount, place: string) => string): TextPiece {
  const mounts = task.fs.namespace.mounts.toSorted((one, other) => one.id - other.id);
  const byNumber = mounts.map((mount) => [mount.id, mount] as const);
  return tableInPieces(task, { from }, byNumber, (mount) => {
    const place = placeOf(mount, task.fs.root);
    return place === null ? "" : describe(mount, place);
  });
}

function superOptions(mount: Mount): string {
  const { readOnly, superFlags, options } = mount.fileSystem;
  return `${readOnly ? "ro" : "rw"}${superWords(superFlags)}${options === "" ? "" : `,${options}`}`;
}

/** fs/proc_namespace.c, show_sb_opts. */
function superWords(flags: number): string {
  let words = "";
  if ((flags & MS_SYNCHRONOUS) !== 0) words += ",sync";
  if ((flags & MS_DIRSYNC) !== 0) words += ",dirsync";
  if ((flags & MS_MANDLOCK) !== 0) words += ",mand";
  if ((flags & MS_LAZYTIME) !== 0) words += ",lazytime";
  return words;
}

export function describeMounts(task: Task, from: number): TextPiece {
  return describeReachable(task, from, (mount, place) => {
    const { readOnly, superFlags, options, type } = mount.fileSystem;
    const flags = describeMountFlags(mount, mount.flags | (readOnly ? MS_RDONLY : 0));
    // "ro" or "rw", then what the file system says of itself, then the mount (show_vfsmnt).
    const shown = flags.slice(0, 2) + superWords(superFlags) + flags.slice(2) + (options === "" ? "" : `,${options}`);
    return `${escape(mount.source)} ${escape(place)} ${type} ${shown} 0 0\n`;
  });
}

/** The optional fields: `shared:X`, `master:X`, `propagate_from:X`, `unbindable`. */
function describePropagation(mount: Mount): string {
  const { group, master, isUnbindable } = mount;
  const shared = group === null ? "" : ` shared:${group.id}`;
  if (master === null) return isUnbindable ? `${shared} unbindable` : shared;
  const seen = heardFrom(mount);
  return `${shared} master:${master.id}${seen === null || seen === master ? "" : ` propagate_from:${seen.id}`}`;
}

/** Of control groups as the reader's namespace names them (kernel/cgroup/cgroup.c, cgroup_show_path). */
function rootSeen({ namespaces }: Task, mount: Mount): string {
  const group = groupBehind(mount.root.inode);
  return group === null ? rootWithin(mount) : namespaces.cgroup.pathOf(group);
}

export function describeMountInfo(task: Task, from: number): TextPiece {
  return describeReachable(task, from, (mount, place) => {
    const device = mount.fileSystem.device;
    return (
      `${mount.id} ${mount.parent?.id ?? mount.id} ${majorOf(device)}:${minorOf(device)} ` +
      `${escape(rootSeen(task, mount))} ${escape(place)} ${describeMountFlags(mount, mount.flags)}` +
      describePropagation(mount) +
      ` - ${mount.fileSystem.type} ${escape(mount.source)} ${superOptions(mount)}\n`
    );
  });
}

export function describeMountStats(task: Task, from: number): TextPiece {
  return describeReachable(
    task,
    from,
    (mount, place) =>
      `device ${escape(mount.source)} mounted on ${escape(place)} with fstype ${mount.fileSystem.type}\n`,
  );
}
