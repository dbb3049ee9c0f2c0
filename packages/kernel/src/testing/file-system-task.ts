import { AT_FDCWD, RLIMIT_FSIZE } from "@stratos/abi";
import { byteString } from "@stratos/base";
import { fileCalls } from "../syscall/file-calls.ts";
import { processCalls } from "../syscall/process-calls.ts";
import { Tmpfs } from "../fs/tmpfs/tmpfs.ts";
import { type Credentials, ROOT } from "../security/credentials.ts";
import type { Task } from "../task/task.ts";
import { FileTable } from "../vfs/file-table.ts";
import type { FileSystem } from "../vfs/file-system.ts";
import { FsContext } from "../vfs/fs-context.ts";
import { mountRoot, rootPath } from "../vfs/boot-mounts.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { Call, createTestKernel, createTestTask, type FakeUserMemory, type TestKernel } from "./fake-task.ts";

/** A task with a root file system, and file calls by name whose strings are put into its memory. */
export class FileTask {
  readonly task: Task;
  readonly memory: FakeUserMemory;
  #next = 0x100;

  constructor(kernel: Kernel, parent: FileTask | null = null) {
    const { task, memory } = createTestTask(kernel, parent?.task ?? null);
    this.task = task;
    this.memory = memory;
    task.group.limits[RLIMIT_FSIZE] = { soft: Infinity, hard: Infinity };
    task.fs =
      parent !== null ? parent.task.fs.copy() : new FsContext(kernel.mounts, rootPath(kernel), rootPath(kernel), 0o022);
    task.files = new FileTable();
  }

  static create(
    makeRoot: (kernel: Kernel) => FileSystem = (kernel) => new Tmpfs(kernel),
    options: { memoryBytes?: number; harts?: number } = {},
  ): { test: TestKernel; user: FileTask } {
    const test = createTestKernel(options);
    mountRoot(test.kernel, makeRoot(test.kernel));
    return { test, user: new FileTask(test.kernel) };
  }

  become(change: Partial<Credentials>): void {
    this.task.credentials = { ...ROOT, ...change };
  }

  becomeUser(id: number): void {
    this.become({
      uid: id,
      euid: id,
      suid: id,
      fsuid: id,
      gid: id,
      egid: id,
      sgid: id,
      fsgid: id,
      effective: 0,
      permitted: 0,
    });
  }

  /** Puts a string into memory; reused in a circle, so its address is good for the next calls only. */
  text(value: string): number {
    if (this.#next + value.length + 1 > 0x8000) this.#next = 0x100;
    const at = this.#next;
    for (let index = 0; index < value.length; index++) this.memory.u8[at + index] = value.charCodeAt(index);
    this.memory.u8[at + value.length] = 0;
    this.#next = at + value.length + 1;
    return at;
  }

  /** Runs a call to its end; strings become addresses. */
  call(name: string, ...args: (number | string)[]): number {
    const call = this.start(name, ...args);
    if (call.result === null) throw new Error(`${name} blocked`);
    return call.result;
  }

  start(name: string, ...args: (number | string)[]): Call {
    const row = fileCalls[name] ?? processCalls[name]!;
    return Call.of(this.task, row, ...args.map((arg) => (typeof arg === "string" ? this.text(arg) : arg)));
  }

  open(path: string, flags = 0, mode = 0o666): number {
    return this.call("openat", AT_FDCWD, path, flags, mode);
  }

  write(fd: number, text: string): number {
    return this.call("write", fd, text, text.length);
  }

  read(fd: number, count = 4096): string | number {
    const result = this.call("read", fd, BUFFER, count);
    return result < 0 ? result : byteString(this.memory.u8, BUFFER, BUFFER + result);
  }

  /** Writes a whole file anew. */
  put(path: string, text: string): void {
    const fd = this.open(path, 0o1101);
    if (fd < 0) throw new Error(`${path}: ${fd}`);
    this.write(fd, text);
    this.call("close", fd);
  }

  get(path: string): string | number {
    const fd = this.open(path);
    if (fd < 0) return fd;
    let all = "";
    for (;;) {
      const part = this.read(fd);
      if (typeof part === "string" && part !== "") {
        all += part;
        continue;
      }
      this.call("close", fd);
      return typeof part === "number" ? part : all;
    }
  }

  stat(path: string, flags = 0): Stat | number {
    const result = this.call("newfstatat", AT_FDCWD, path, BUFFER, flags);
    return result < 0 ? result : this.statAt(BUFFER);
  }

  fstat(fd: number): Stat | number {
    const result = this.call("fstat", fd, BUFFER);
    return result < 0 ? result : this.statAt(BUFFER);
  }

  statAt(at: number): Stat {
    const { view } = this.memory;
    const u64 = (offset: number): number => Number(view.getBigUint64(at + offset, true));
    return {
      ino: u64(8),
      mode: view.getUint32(at + 16, true),
      nlink: view.getUint32(at + 20, true),
      uid: view.getUint32(at + 24, true),
      gid: view.getUint32(at + 28, true),
      rdev: u64(32),
      size: u64(48),
      blocks: u64(64),
      mtime: Number(view.getBigInt64(at + 88, true)),
      mtimeNs: u64(96),
    };
  }

  list(path: string): string[] | number {
    const fd = this.open(path, 0o200000);
    if (fd < 0) return fd;
    const names: string[] = [];
    for (;;) {
      const count = this.call("getdents64", fd, BUFFER, 512);
      if (count < 0) return count;
      if (count === 0) break;
      names.push(...this.namesIn(count));
    }
    this.call("close", fd);
    return names.sort();
  }

  /** What getdents64(2) has put into BUFFER. @param count  bytes */
  namesIn(count: number): string[] {
    const names: string[] = [];
    for (let at = BUFFER; at < BUFFER + count; at += this.memory.view.getUint16(at + 16, true)) {
      const end = this.memory.u8.indexOf(0, at + 19);
      names.push(byteString(this.memory.u8, at + 19, end));
    }
    return names;
  }

  cwd(): string | number {
    const result = this.call("getcwd", BUFFER, 4096);
    return result < 0 ? result : byteString(this.memory.u8, BUFFER, BUFFER + result - 1);
  }

  readlink(path: string): string | number {
    const result = this.call("readlinkat", AT_FDCWD, path, BUFFER, 4096);
    return result < 0 ? result : byteString(this.memory.u8, BUFFER, BUFFER + result);
  }
}

export interface Stat {
  ino: number;
  mode: number;
  nlink: number;
  uid: number;
  gid: number;
  rdev: number;
  size: number;
  blocks: number;
  mtime: number;
  mtimeNs: number;
}

/** Where results are put. */
export const BUFFER = 0x8000;
