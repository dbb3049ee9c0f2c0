/** System V IPC. Read first: ipc/ipc-table.ts. */
import type { SyscallTable } from "./syscall-table.ts";

export const ipcCalls: SyscallTable = {
  semget: { run: (task, key, count, flags) => task.ipc.semaphores.get(task, key | 0, count | 0, flags | 0) },
  semop: {
    run: (task, id, operations, count) => task.ipc.semaphores.operate(task, id | 0, operations, count >>> 0, 0),
  },
  semtimedop: {
    run: (task, id, operations, count, timeout) =>
      task.ipc.semaphores.operate(task, id | 0, operations, count >>> 0, timeout),
  },
  semctl: {
    run: (task, id, index, command, argument) =>
      task.ipc.semaphores.control(task, id | 0, index | 0, command | 0, argument),
  },
  msgget: { run: (task, key, flags) => task.ipc.messages.get(task, key | 0, flags | 0) },
  msgsnd: {
    run: (task, id, message, size, flags) => task.ipc.messages.send(task, id | 0, message, size, flags | 0),
  },
  msgrcv: {
    run: (task, id, message, size, type, flags) =>
      task.ipc.messages.receive(task, id | 0, message, size, type, flags | 0),
  },
  msgctl: { run: (task, id, command, address) => task.ipc.messages.control(task, id | 0, command | 0, address) },
  shmget: {
    run: (task, key, size, flags) => task.ipc.memory.get(task, key | 0, size, flags | 0),
    gaps: "SHM_HUGETLB: ENOMEM",
  },
  shmat: { run: (task, id, address, flags) => task.ipc.memory.attach(task, id | 0, address, flags | 0) },
  shmdt: { run: (task, address) => task.ipc.memory.detach(task, address) },
  shmctl: { run: (task, id, command, address) => task.ipc.memory.control(task, id | 0, command | 0, address) },
};
