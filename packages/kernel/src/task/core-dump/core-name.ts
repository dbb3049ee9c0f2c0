import { RLIMIT_CORE } from "@stratos/abi";
import { pathName } from "../../vfs/path-name.ts";
import type { Task } from "../task.ts";

/** The file's name by the pattern (core(5), "Naming of core dump files"). */
export function coreName(task: Task, signal: number): string {
  const { pattern, usesPid } = task.kernel.coreSettings;
  const { text, namesPid } = expand(task, signal, pattern);
  return usesPid && !namesPid ? `${text}.${task.group.ownPid}` : text;
}

/** The words of "|PROGRAM …", each with what its letters stand for; spaces in that make no further words. */
export function helperArguments(task: Task, signal: number): string[] {
  return task.kernel.coreSettings.pattern
    .slice(1)
    .split(" ")
    .filter((word) => word !== "")
    .map((word) => expand(task, signal, word).text);
}

/** Slashes of what is put in become "!". */
function expand(task: Task, signal: number, pattern: string): { text: string; namesPid: boolean } {
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
  return { text: name, namesPid };
}

function specifier(task: Task, signal: number, letter: string): string {
  const { kernel, credentials, group, space } = task;
  const program = (): string => (space.executable === null ? task.name : pathName(space.executable, task.fs.root));
  switch (letter) {
    case "p":
      return String(group.ownPid);
    case "P":
      return String(task.pid);
    case "i":
      return String(task.ownTid);
    case "I":
      return String(task.tid);
    case "u":
      return String(credentials.uid);
    case "g":
      return String(credentials.gid);
    case "d":
      return String(group.dumpable);
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
