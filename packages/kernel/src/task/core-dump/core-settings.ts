import { EINVAL, RLIMIT_CORE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Kernel } from "../kernel-state.ts";
import { pathName } from "../../vfs/path-name.ts";
import type { Task } from "../task.ts";

/** /proc/sys/kernel/core_pattern and core_uses_pid (core(5)). */
export class CoreSettings {
  pattern = "core";
  usesPid = false;

  static {
    stateClass("CoreSettings", this);
  }
}

/** The file's name by the pattern (core(5), "Naming of core dump files"). Slashes of what is put in become "!". */
export function coreName(task: Task, signal: number): string {
  const { pattern, usesPid } = task.kernel.coreSettings;
  let name = "";
  let namesPid = false;
  for (let at = 0; at < pattern.length; at++) {
    if (pattern[at] !== "%") {
      name += pattern[at]!;
      continue;
    }
    const letter = pattern[++at] ?? "";
    namesPid ||= letter === "p";
    name += letter === "%" ? "%" : specifier(task, signal, letter).replaceAll("/", "!");
  }
  return usesPid && !namesPid ? `${name}.${task.pid}` : name;
}

function specifier(task: Task, signal: number, letter: string): string {
  const { kernel, credentials, group, space } = task;
  const program = (): string => (space.executable === null ? task.name : pathName(space.executable, task.fs.root));
  switch (letter) {
    case "p":
    case "P":
      return String(task.pid);
    case "i":
    case "I":
      return String(task.tid);
    case "u":
      return String(credentials.uid);
    case "g":
      return String(credentials.gid);
    case "d":
      return group.isDumpable ? "1" : "0";
    case "s":
      return String(signal);
    case "t":
      return String(kernel.realtime().seconds);
    case "h":
      return task.namespaces.uts.hostname;
    case "e":
      return task.name;
    case "f":
      return program().slice(program().lastIndexOf("/") + 1);
    case "E":
      return program();
    case "C":
      return String(task.hart);
    case "c":
      return limitText(group.limits[RLIMIT_CORE]!.soft);
    default:
      return "";
  }
}

function limitText(limit: number): string {
  return limit === Infinity ? "18446744073709551615" : String(limit);
}

/** What a write to core_pattern sets: 0; −EINVAL too long, or a program to start ("|…"), which is said in the log. */
export function setCorePattern(kernel: Kernel, text: string): number {
  if (text.length > PATTERN_MAX) return -EINVAL;
  if (text.startsWith("|")) {
    kernel.log("kernel.core_pattern: no program is started for a core; set it to the name of a file");
    return -EINVAL;
  }
  kernel.coreSettings.pattern = text;
  return 0;
}

/** CORENAME_MAX_SIZE of Linux, without its zero byte. */
const PATTERN_MAX = 127;
