/**
 * proc_pid_mounts(5), proc_pid_mountinfo(5), proc_pid_mountstats(5): the mounts that the process can reach from its
 * root.
 */
import { MS_RDONLY } from "@stratos/abi";
import type { Task } from "../task/task.ts";
import { majorOf, minorOf } from "../vfs/device-registry.ts";
import type { Mount } from "../vfs/mount.ts";
import { describeMountFlags } from "../vfs/mount-attributes.ts";
import { groupBehind } from "../cgroup/cgroup2.ts";
import { heardFrom, placeOf, rootWithin } from "../vfs/mount-names.ts";

/** fstab(5): white space and backslashes as octal numbers. */
function escape(text: string): string {
  return text.replace(/[ \t\n\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

/** By their numbers, wherever they were moved since (fs/mount.h, mnt_ns_attached). */
function reachable(task: Task): { mount: Mount; place: string }[] {
  const result: { mount: Mount; place: string }[] = [];
  for (const mount of task.fs.namespace.mounts.toSorted((one, other) => one.id - other.id)) {
    const place = placeOf(mount, task.fs.root);
    if (place !== null) result.push({ mount, place });
  }
  return result;
}

function superOptions(mount: Mount): string {
  const access = mount.fileSystem.readOnly ? "ro" : "rw";
  return mount.fileSystem.options === "" ? access : `${access},${mount.fileSystem.options}`;
}

export function describeMounts(task: Task): string {
  return reachable(task)
    .map(({ mount, place }) => {
      const flags = describeMountFlags(mount.flags | (mount.fileSystem.readOnly ? MS_RDONLY : 0));
      const options = mount.fileSystem.options === "" ? flags : `${flags},${mount.fileSystem.options}`;
      return `${escape(mount.source)} ${escape(place)} ${mount.fileSystem.type} ${options} 0 0\n`;
    })
    .join("");
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

export function describeMountInfo(task: Task): string {
  return reachable(task)
    .map(({ mount, place }) => {
      const device = mount.fileSystem.device;
      return (
        `${mount.id} ${mount.parent?.id ?? mount.id} ${majorOf(device)}:${minorOf(device)} ` +
        `${escape(rootSeen(task, mount))} ${escape(place)} ${describeMountFlags(mount.flags)}` +
        describePropagation(mount) +
        ` - ${mount.fileSystem.type} ${escape(mount.source)} ${superOptions(mount)}\n`
      );
    })
    .join("");
}

export function describeMountStats(task: Task): string {
  return reachable(task)
    .map(
      ({ mount, place }) =>
        `device ${escape(mount.source)} mounted on ${escape(place)} with fstype ${mount.fileSystem.type}\n`,
    )
    .join("");
}
