/**
 * Bounds and counts of one command's processes: a control group of its own, of version 2 or of version 1 as the host
 * has it. Where none can be made (an ordinary user without delegation), processes go without. Source: Linux
 * Documentation/admin-guide/cgroup-v1, cgroup-v2.rst.
 */
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isRunning } from "@stratos/host-node/files";

const ROOT = "/sys/fs/cgroup";
const PREFIX = "stratos-build-";
const REMOVE_TRIES = 250;
const REMOVE_PAUSE_MS = 20;
let serial = 0;

interface CgroupUsage {
  readonly cpuMs: number;
  readonly peakBytes: number;
  /** processes were killed since they had more memory than allowed */
  readonly isOutOfMemory: boolean;
}

export class Cgroup {
  /** files that a process writes its number to, to come in */
  readonly entrances: readonly string[];
  readonly #folders: readonly string[];
  readonly #isUnified: boolean;

  private constructor(folders: readonly string[], isUnified: boolean) {
    this.#folders = folders;
    this.#isUnified = isUnified;
    this.entrances = folders.map((folder) => join(folder, "cgroup.procs"));
  }

  /** undefined: none can be made here */
  static create(limits: { readonly memoryBytes: number; readonly processes: number }): Cgroup | undefined {
    removeForgotten();
    const name = `${PREFIX}${process.pid}-${serial++}`;
    const isUnified = existsSync(join(ROOT, "cgroup.controllers"));
    const controllers = isUnified ? [""] : ["memory", "pids", "cpuacct"].filter((one) => isWritable(join(ROOT, one)));
    if (controllers.length === 0 || !isWritable(join(ROOT, controllers[0]!))) return undefined;
    const folders = controllers.map((one) => join(ROOT, one, name));
    const group = new Cgroup(folders, isUnified);
    try {
      if (isUnified) tryWrite(join(ROOT, "cgroup.subtree_control"), "+memory +pids +cpu");
      for (const folder of folders) mkdirSync(folder);
    } catch {
      for (const folder of folders) removeFolder(folder);
      return undefined;
    }
    group.#set(isUnified ? "memory.max" : "memory.limit_in_bytes", limits.memoryBytes);
    if (isUnified) group.#set("memory.swap.max", 0);
    group.#set("pids.max", limits.processes);
    return group;
  }

  usage(): CgroupUsage {
    if (this.#isUnified) {
      const micros = Number(/^usage_usec (\d+)/m.exec(this.#get("cpu.stat"))?.[1] ?? 0);
      return {
        cpuMs: micros / 1000,
        peakBytes: Number(this.#get("memory.peak")) || 0,
        isOutOfMemory: !/^oom_kill 0$/m.test(this.#get("memory.events")) && this.#get("memory.events") !== "",
      };
    }
    return {
      cpuMs: Number(this.#get("cpuacct.usage")) / 1e6,
      peakBytes: Number(this.#get("memory.max_usage_in_bytes")) || 0,
      isOutOfMemory: /^oom_kill [1-9]/m.test(this.#get("memory.oom_control")),
    };
  }

  /** How many more processes were wanted than allowed. */
  get refusedForks(): number {
    return Number(/^max (\d+)/m.exec(this.#get("pids.events"))?.[1] ?? 0);
  }

  /** Waits for processes that have been killed and are not gone yet. */
  async remove(): Promise<void> {
    for (let tries = 0; tries < REMOVE_TRIES && this.#folders.some((folder) => !removeFolder(folder)); tries++)
      await sleep(REMOVE_PAUSE_MS);
  }

  #set(file: string, value: number): void {
    for (const folder of this.#folders) if (existsSync(join(folder, file))) tryWrite(join(folder, file), String(value));
  }

  #get(file: string): string {
    for (const folder of this.#folders) {
      try {
        return readFileSync(join(folder, file), "latin1");
      } catch {
        // Another controller's.
      }
    }
    return "";
  }
}

/** Groups of builders that were killed: their processes went with their namespaces. */
function removeForgotten(): void {
  for (const controller of ["", "memory", "pids", "cpuacct"]) {
    let names: string[];
    try {
      names = readdirSync(join(ROOT, controller));
    } catch {
      continue;
    }
    for (const name of names) {
      const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
      if (pid !== undefined && !isRunning(Number(pid))) removeFolder(join(ROOT, controller, name));
    }
  }
}

/** @returns whether it is gone; a group that has processes stays */
function removeFolder(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT";
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function tryWrite(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch {
    // A bound that this host does not know.
  }
}
