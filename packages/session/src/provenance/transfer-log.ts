/**
 * What system calls of a recorded run moved between memory, files and streams, and which programs and processes there
 * were: written down by one pass over the run, so that who goes back from a byte finds the call that brought it.
 *
 * A stream (a pipe, one direction of a connection) is its bytes in their order: the Nth that was read is the Nth that
 * was written.
 */
import { CLONE_THREAD, CLONE_VM, FICLONE, MAP_SHARED, SYSCALL_NAMES } from "@stratos/abi";
import { byteStringToUtf8 } from "@stratos/base";
import { byteEnd, type Inode, type OpenFile, pathName, peekMemory, type Task } from "@stratos/kernel";
import type { Replay } from "../recording/replay.ts";
import { PrintedText } from "./printed-text.ts";

/** Calls that are kept: some hundred bytes each. */
const TRANSFERS_MAX = 2_000_000;
const VECTOR_MAX = 1024;

/** A place of bytes; `at`: the number of the first, be it an address, an offset, or its place in a stream. */
export interface Spot {
  readonly kind: "memory" | "file" | "host-file" | "stream" | "host" | "terminal" | "other";
  /** Which process, file or stream. */
  readonly id: string;
  readonly at: number;
  /** In words. */
  readonly name: string;
  /** Of a connection: address and port of who sends. */
  readonly sender?: string | null;
}

export interface Transfer {
  /** Done when so many instructions are. */
  readonly instructions: number;
  readonly tid: number;
  readonly pid: number;
  readonly program: string;
  readonly call: string;
  readonly from: Spot;
  readonly to: Spot;
  readonly count: number;
  /** The first byte of the run's output that came of it; −1: none did. */
  readonly output: number;
  /** As many bytes of it: a terminal makes two of a newline. */
  readonly shown: number;
}

interface Birth {
  readonly instructions: number;
  readonly parent: number;
  /** They have one memory, until one of them executes a program. */
  readonly sharesMemory: boolean;
}

interface Execution {
  readonly instructions: number;
  readonly pid: number;
  readonly argv: readonly string[];
}

/** How a call tells its bytes: the argument with the file, the shape of the memory, the argument with the offset. */
interface Shape {
  readonly way: "read" | "written";
  readonly memory: "buffer" | "vector" | "message";
  readonly offset?: number;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  read: { way: "read", memory: "buffer" },
  pread64: { way: "read", memory: "buffer", offset: 3 },
  readv: { way: "read", memory: "vector" },
  preadv: { way: "read", memory: "vector", offset: 3 },
  preadv2: { way: "read", memory: "vector", offset: 3 },
  recvfrom: { way: "read", memory: "buffer" },
  recvmsg: { way: "read", memory: "message" },
  write: { way: "written", memory: "buffer" },
  pwrite64: { way: "written", memory: "buffer", offset: 3 },
  writev: { way: "written", memory: "vector" },
  pwritev: { way: "written", memory: "vector", offset: 3 },
  pwritev2: { way: "written", memory: "vector", offset: 3 },
  sendto: { way: "written", memory: "buffer" },
  sendmsg: { way: "written", memory: "message" },
  vmsplice: { way: "written", memory: "vector" },
};

/** Between two files: arguments with the source and the target, and with pointers to their offsets. */
const MOVES: Readonly<Record<string, { from: number; fromAt: number; to: number; toAt: number }>> = {
  splice: { from: 0, fromAt: 1, to: 2, toAt: 3 },
  copy_file_range: { from: 0, fromAt: 1, to: 2, toAt: 3 },
  sendfile: { from: 1, fromAt: 2, to: 0, toAt: -1 },
  tee: { from: 0, fromAt: -1, to: 1, toAt: -1 },
};

export class TransferLog {
  readonly transfers: Transfer[] = [];
  readonly executions: Execution[] = [];
  /** By process. */
  readonly births = new Map<number, Birth>();
  /** Files that some process could write by storing to memory. */
  readonly sharedFiles = new Set<string>();
  /** What the run printed. */
  readonly output = new PrintedText("the output");
  readonly streams = { stdout: new PrintedText("standard output"), stderr: new PrintedText("standard error") };
  /** The run did more than is kept: what was first is not known. */
  isFull = false;
  #shown = 0;
  readonly #streams = new Map<object | string, { id: string; read: number; written: number }>();

  /** Looks on from here. */
  attach({ session, gate, header, firstPid }: Replay): void {
    const { kernel } = session.machine;
    const now = (): number => kernel.processor.retired(kernel.tally);
    this.executions.push({ instructions: 0, pid: firstPid, argv: header.argv.map(byteStringToUtf8) });
    gate.onOutput = (bytes, stream) => {
      this.streams[stream === 1 ? "stdout" : "stderr"].add(bytes, this.output.bytes);
      this.output.add(bytes, this.output.bytes);
      this.#shown += bytes.length;
    };
    kernel.onExec = (task, _path, argv) =>
      this.executions.push({ instructions: now(), pid: task.group.pid, argv: argv.map(byteStringToUtf8) });
    kernel.onSyscall = (task, number, args, result) => {
      if (result === undefined) return;
      const name = SYSCALL_NAMES[number] ?? "";
      if (result > 0 && (name === "clone" || name === "clone3")) this.#born(task, args, result, now(), name);
      else if (result > 0) this.#moved(task, name, args, result, now());
      else if (name === "ioctl" && args[1] === FICLONE && result === 0) this.#cloned(task, args, now());
      if (name === "mmap" && result >= 0) this.#mapped(task, args);
      this.#shown = 0;
    };
  }

  #born(task: Task, args: readonly number[], tid: number, instructions: number, name: string): void {
    const flags = name === "clone" ? args[0]! : word(task, args[0]!);
    if ((flags & CLONE_THREAD) !== 0) return;
    const pid = task.kernel.tasks.tasks.get(tid)?.group.pid ?? tid;
    this.births.set(pid, { instructions, parent: task.group.pid, sharesMemory: (flags & CLONE_VM) !== 0 });
  }

  #mapped(task: Task, args: readonly number[]): void {
    const file = task.files.get(args[4]! | 0);
    if ((args[3]! & MAP_SHARED) === 0 || (args[2]! & 2) === 0 || file === undefined) return;
    const end = byteEnd(file, "written");
    if (end.kind === "file") this.sharedFiles.add(fileId(end.inode));
  }

  /** ioctl_ficlone(2): the whole of a file becomes that of another. */
  #cloned(task: Task, args: readonly number[], instructions: number): void {
    const count = task.files.get(args[2]! | 0)?.contentInode?.size ?? 0;
    const from = this.#spot(task, args[2]!, "read", count, count);
    const to = this.#spot(task, args[0]!, "written", count, count);
    const { tid, group, name } = task;
    const common = { instructions, tid, pid: group.pid, program: byteStringToUtf8(name), call: "ioctl" };
    if (from !== null && to !== null) this.#add({ ...common, from, to, count, output: -1, shown: 0 });
  }

  #moved(task: Task, call: string, args: readonly number[], result: number, instructions: number): void {
    const common = { instructions, tid: task.tid, pid: task.group.pid, program: byteStringToUtf8(task.name), call };
    const move = MOVES[call];
    if (move !== undefined) {
      const from = this.#spot(task, args[move.from]!, "read", result, pointed(task, args[move.fromAt]), call === "tee");
      const to = this.#spot(task, args[move.to]!, "written", result, pointed(task, args[move.toAt]));
      if (from !== null && to !== null) this.#add({ ...common, from, to, count: result, ...this.#output() });
      return;
    }
    const shape = SHAPES[call];
    if (shape === undefined) return;
    const offset = shape.offset === undefined || args[shape.offset]! < 0 ? -1 : args[shape.offset]! + result;
    const spot = this.#spot(task, args[0]!, shape.way, result, offset);
    if (spot === null) return;
    const output = this.#output();
    let done = 0;
    for (const { address, length } of partsOf(task, shape.memory, args)) {
      const count = Math.min(length, result - done);
      if (count <= 0) break;
      const memory: Spot = { kind: "memory", id: String(common.pid), at: address, name: "its memory" };
      const there = { ...spot, at: spot.at + done };
      const [from, to] = shape.way === "read" ? [there, memory] : [memory, there];
      const shown = output.shown === result ? count : output.shown - done;
      this.#add({ ...common, from, to, count, shown, output: output.output < 0 ? -1 : output.output + done });
      done += count;
    }
  }

  #output(): { output: number; shown: number } {
    return { output: this.#shown === 0 ? -1 : this.output.bytes - this.#shown, shown: this.#shown };
  }

  #add(transfer: Transfer): void {
    if (this.transfers.length < TRANSFERS_MAX) this.transfers.push(transfer);
    else this.isFull = true;
  }

  /** @param end  where the call has come to in a file; −1: its position tells. @param stays  it isn't taken away */
  #spot(task: Task, fd: number, way: Shape["way"], count: number, end: number, stays = false): Spot | null {
    const file = task.files.get(fd | 0);
    if (file === undefined) return null;
    const found = byteEnd(file, way);
    switch (found.kind) {
      case "stream": {
        let stream = this.#streams.get(found.key);
        if (stream === undefined)
          this.#streams.set(found.key, (stream = { id: String(this.#streams.size), read: 0, written: 0 }));
        const at = stream[way];
        if (!stays) stream[way] += count;
        return { kind: "stream", id: stream.id, at, name: found.name, sender: found.sender };
      }
      case "file":
      case "host-file": {
        const at = (end < 0 ? file.position : end) - count;
        return { kind: found.kind, id: fileId(found.inode), at, name: nameOf(task, file) };
      }
      case "host": {
        const id = `host ${way}`;
        let stream = this.#streams.get(id);
        if (stream === undefined) this.#streams.set(id, (stream = { id, read: 0, written: 0 }));
        const at = stream[way];
        stream[way] += count;
        return { kind: "host", id, at, name: way === "read" ? "the standard input" : "the output" };
      }
      default:
        return { kind: found.kind, id: "", at: 0, name: nameOf(task, file) };
    }
  }
}

export function fileId(inode: Inode): string {
  return `${inode.fileSystem.device} ${inode.ino}`;
}

function nameOf(task: Task, file: OpenFile): string {
  return byteStringToUtf8(file.path === null ? file.description : pathName(file.path, task.fs.root));
}

function partsOf(task: Task, memory: Shape["memory"], args: readonly number[]): { address: number; length: number }[] {
  if (memory === "buffer") return [{ address: args[1]!, length: Infinity }];
  // struct msghdr: msg_iov and msg_iovlen stand at 16 and 24 (recvmsg(2)).
  const [vector, count] =
    memory === "vector" ? [args[1]!, args[2]!] : [word(task, args[1]! + 16), word(task, args[1]! + 24)];
  return Array.from({ length: Math.min(count, VECTOR_MAX) }, (_, index) => ({
    address: word(task, vector + 16 * index),
    length: word(task, vector + 16 * index + 8),
  }));
}

function pointed(task: Task, address: number | undefined): number {
  return address === undefined || address === 0 ? -1 : word(task, address);
}

/** 8 bytes of the task's memory; 0: there are none. */
function word({ space }: Task, address: number): number {
  const bytes = new Uint8Array(8);
  peekMemory(space, address, bytes);
  return Number(new DataView(bytes.buffer).getBigUint64(0, true));
}
