import { byteStringToUtf8 } from "@stratos/base";
import type { Kernel } from "@stratos/kernel";
import type { ProcessInfo } from "./api.ts";
import type { MachineFiles } from "./machine-files.ts";

/** What runs in a machine. */
export function processesOf(kernel: Kernel, files: MachineFiles): ProcessInfo[] {
  return [...kernel.tasks.processes.values()].map(({ pid, parent, leader }) => {
    const words = files.read(`/proc/${pid}/cmdline`);
    const status = files.read(`/proc/${pid}/stat`);
    const text = typeof words === "number" ? "" : new TextDecoder().decode(words);
    const state = typeof status === "number" ? "" : new TextDecoder().decode(status).replace(/.*\) (\S).*/s, "$1");
    return {
      pid,
      parentPid: parent?.pid ?? 0,
      name: byteStringToUtf8(leader.name),
      command: text === "" ? [] : text.replace(/\0$/, "").split("\0"),
      uid: leader.credentials.uid,
      state,
    };
  });
}
