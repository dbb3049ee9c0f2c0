import { byteStringToUtf8 } from "@stratos/base";
import { type Kernel, peekTitle } from "@stratos/kernel";
import type { ProcessInfo } from "./api.ts";

/** Whose call is under way; null: none is. */
export function callingProcess({ scheduler }: Kernel): Pick<ProcessInfo, "pid" | "name"> | null {
  const group = scheduler.current?.group;
  return group === undefined ? null : { pid: group.pid, name: byteStringToUtf8(group.leader.name) };
}

/** What runs in a machine. Nothing of it is touched: to open files of /proc would number them. */
export function processesOf(kernel: Kernel): ProcessInfo[] {
  return [...kernel.tasks.processes.values()].map(({ pid, parent, leader }) => {
    const title = byteStringToUtf8(peekTitle(leader));
    return {
      pid,
      parentPid: parent?.pid ?? 0,
      name: byteStringToUtf8(leader.name),
      command: title === "" ? [] : title.replace(/\0$/, "").split("\0"),
      uid: leader.credentials.uid,
      state: leader.state,
    };
  });
}
