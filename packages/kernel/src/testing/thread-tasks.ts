/** Threads of one process over some pages of real memory: for unit tests of what threads wait for. */
import { MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE } from "@stratos/abi";
import type { Kernel } from "../task/kernel-state.ts";
import { mmap } from "../mm/mmap.ts";
import { Task } from "../task/task.ts";
import type { TestKernel } from "./fake-task.ts";
import { createMemoryTask } from "./memory-task.ts";

export interface Threads {
  readonly test: TestKernel;
  readonly kernel: Kernel;
  /** Address of the first page. */
  readonly page: number;
  readonly space: Task["space"];
  /** Without the first thread of the process, the leader. */
  readonly tasks: Task[];
  readonly leader: Task;
}

export function createThreads(count: number, sizeBytes = 4096): Threads {
  const { test, kernel, task: leader, space } = createMemoryTask();
  const page = mmap(leader, {
    address: 0,
    length: sizeBytes,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
  const { files, fs, credentials, namespaces } = leader;
  const tasks = Array.from({ length: count }, () => {
    const tid = kernel.tasks.allocate();
    const task = new Task(
      kernel,
      tid,
      leader.group,
      { space, files, fs, credentials, namespaces },
      new Uint8Array(0),
      0,
    );
    kernel.tasks.tasks.set(tid, task);
    leader.group.tasks.push(task);
    space.users++;
    files.users++;
    namespaces.retain();
    return task;
  });
  return { test, kernel, page, space, tasks, leader };
}
