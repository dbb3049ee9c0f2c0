/**
 * Where threads run (proc_pid_stat(5)), and a thread of ours elsewhere. Node has no sched_setaffinity(2); taskset(1) of
 * util-linux, which each Debian has, sets it for any thread of ours. The thread is allowed one processor alone for the
 * moment between two runs of it, and then all that it was allowed before: Linux leaves it where it is.
 */
import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { spawn, type ChildProcess } from "node:child_process";
import type { Processors } from "./caller-habit.ts";

/** A thread that is to run on `processor`, and then where it may: a list as cpuset(7) has it. */
export interface ThreadMove {
  readonly thread: number;
  readonly processor: number;
  readonly allowed: string;
}

/** Of the calling thread. @returns null where nobody says where threads run, or there is but one processor for it */
export function threadProcessors(move: (wish: ThreadMove) => void): Processors | null {
  const buffer = Buffer.alloc(1024);
  try {
    const thread = Number(/^(\d+) /.exec(readFileSync("/proc/thread-self/stat", "latin1"))?.[1]);
    if (/^\d+$/.test(allowedProcessors())) return null;
    const own = openSync("/proc/thread-self/stat", "r");
    return {
      nowMs: () => performance.now(),
      processorOf: (caller) => {
        try {
          const fd = openSync(`/proc/${caller}/stat`, "r");
          try {
            return processorIn(buffer, readSync(fd, buffer, 0, buffer.length, 0));
          } finally {
            closeSync(fd);
          }
        } catch {
          return -1;
        }
      },
      ownProcessor: () => processorIn(buffer, readSync(own, buffer, 0, buffer.length, 0)),
      moveTo: (processor) => {
        // Whoever administers this host may have changed it meanwhile.
        const allowed = allowedProcessors();
        if (holds(allowed, processor)) move({ thread, processor, allowed });
      },
    };
  } catch {
    return null;
  }
}

/** Field 39 of a line of `stat`; the second is a name in parentheses that may hold anything. */
function processorIn(line: Buffer, length: number): number {
  const fields = line.toString("latin1", line.lastIndexOf(")", length - 1) + 2, length).split(" ");
  const processor = fields[36];
  return processor === undefined || !/^\d+$/.test(processor) ? -1 : Number(processor);
}

function allowedProcessors(): string {
  return /^Cpus_allowed_list:\s*([\d,-]+)$/m.exec(readFileSync("/proc/thread-self/status", "latin1"))?.[1] ?? "0";
}

function holds(list: string, processor: number): boolean {
  return list.split(",").some((range) => {
    const [first, last = first] = range.split("-").map(Number);
    return processor >= first! && processor <= last!;
  });
}

/** Any number of moves before it is gone: one line each. */
const SCRIPT =
  'while read -r thread processor allowed; do taskset -cp "$processor" "$thread"; taskset -cp "$allowed" "$thread"; ' +
  "done > /dev/null 2>&1";

/** A shell that moves threads of this process, and ends with it. It starts with the first one. */
export class ThreadMover {
  #shell: ChildProcess | null = null;
  #isStopped = false;

  move({ thread, processor, allowed }: ThreadMove): void {
    if (this.#isStopped) return;
    this.#shell ??= this.#start();
    this.#shell.stdin!.write(`${thread} ${processor} ${allowed}\n`);
  }

  stop(): void {
    this.#isStopped = true;
    // What it has begun it ends: a thread must not stay confined.
    this.#shell?.stdin!.end();
  }

  #start(): ChildProcess {
    const shell = spawn("sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], cwd: "/" });
    // Where there is none the thread stays where it is.
    const ended = (): void => void (this.#isStopped = true);
    shell.on("error", ended);
    shell.on("exit", ended);
    shell.stdin.on("error", () => {});
    // It must not keep the process that serves from ending.
    shell.unref();
    (shell.stdin as unknown as { unref(): void }).unref();
    return shell;
  }
}
