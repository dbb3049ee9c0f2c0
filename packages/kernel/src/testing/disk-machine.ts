import { devtmpfsOf } from "../fs/devtmpfs/devtmpfs.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { BUFFER, FileTask } from "./file-system-task.ts";

/** A task with /dev, on a machine whose loop devices can be written: files behind them are written as init. */
export function diskMachine(options: { memoryBytes?: number } = {}): { user: FileTask; messages: string[] } {
  const {
    test: { kernel, messages },
    user,
  } = FileTask.create(undefined, options);
  mountAt(kernel, "/dev", devtmpfsOf(kernel));
  kernel.tasks.tasks.set(1, new FileTask(kernel).task);
  return { user, messages };
}

/** Writes an MBR with one Linux partition: 100 sectors from sector 64 on. */
export function putPartitionTable(user: FileTask, fd: number): void {
  const { u8 } = user.memory;
  u8.fill(0, BUFFER, BUFFER + 512);
  u8.set([0, 0, 0, 0, 0x83, 0, 0, 0, 64, 0, 0, 0, 100, 0, 0, 0], BUFFER + 446);
  u8.set([0x55, 0xaa], BUFFER + 510);
  user.call("pwrite64", fd, BUFFER, 512, 0);
}
