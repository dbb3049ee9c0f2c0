import { AF_INET, AF_INET6, AF_UNIX, SOL_SOCKET } from "@stratos/abi";
import { byteString } from "@stratos/base";
import type { SocketProvider } from "@stratos/host";
import { ipOfText } from "@stratos/netstack";
import { Tmpfs } from "../fs/tmpfs/tmpfs.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { inetAddressBytes } from "../socket/inet/inet-address.ts";
import { unixAddressBytes } from "../socket/unix/unix-address.ts";
import { fileCalls } from "../syscall/file-calls.ts";
import { socketCalls } from "../syscall/socket-calls.ts";
import { mountRoot } from "../vfs/boot-mounts.ts";
import { Call, createTestKernel, type TestKernel } from "./fake-task.ts";
import { FileTask } from "./file-system-task.ts";

/** Places in the task's memory. */
const ADDRESS = 0x8000,
  LENGTH = 0x8100,
  DATA = 0x9000,
  HEADER = 0x8200,
  VECTOR = 0x8300,
  CONTROL = 0x8400,
  NAME = 0x8800;
const DATA_MAX = 0x6000;

interface ReceivedMessage {
  result: number;
  text: string;
  flags: number;
  control: { level: number; type: number; data: Uint8Array }[];
  name: Uint8Array;
}

/** A task that makes socket calls; results are numbers as the guest sees them. */
export class SocketTask extends FileTask {
  static createMachine(sockets: SocketProvider | null = null): { test: TestKernel; user: SocketTask } {
    const test = createTestKernel({ sockets });
    mountRoot(test.kernel, new Tmpfs(test.kernel));
    test.kernel.tasks.allocate(); // init, which no signal reaches
    return { test, user: new SocketTask(test.kernel) };
  }

  constructor(kernel: Kernel, parent: FileTask | null = null) {
    super(kernel, parent);
  }

  override start(name: string, ...args: (number | string)[]): Call {
    return Call.of(
      this.task,
      (socketCalls[name] ?? fileCalls[name])!,
      ...args.map((arg) => (typeof arg === "string" ? this.text(arg) : arg)),
    );
  }

  #putAddress(address: Uint8Array): number {
    this.memory.u8.set(address, ADDRESS);
    return ADDRESS;
  }

  socket(family: number, type: number, protocol = 0): number {
    return this.call("socket", family, type, protocol);
  }

  pair(type: number, family: number = AF_UNIX): [number, number] | number {
    const failed = this.call("socketpair", family, type, 0, DATA);
    return failed < 0 ? failed : [this.memory.view.getInt32(DATA, true), this.memory.view.getInt32(DATA + 4, true)];
  }

  startWith(name: string, fd: number, address: Uint8Array): Call {
    return this.start(name, fd, this.#putAddress(address), address.length);
  }

  bind(fd: number, address: Uint8Array): number {
    return this.call("bind", fd, this.#putAddress(address), address.length);
  }

  connect(fd: number, address: Uint8Array): number {
    return this.call("connect", fd, this.#putAddress(address), address.length);
  }

  name(fd: number, call = "getsockname"): Uint8Array | number {
    this.memory.view.setInt32(LENGTH, 128, true);
    const failed = this.call(call, fd, ADDRESS, LENGTH);
    return failed < 0 ? failed : this.memory.u8.slice(ADDRESS, ADDRESS + this.memory.view.getInt32(LENGTH, true));
  }

  /** Port of an AF_INET or AF_INET6 socket. */
  port(fd: number): number {
    const name = this.name(fd) as Uint8Array;
    return (name[2]! << 8) | name[3]!;
  }

  startSend(fd: number, data: string | Uint8Array, flags = 0, to: Uint8Array | null = null): Call {
    const bytes = typeof data === "string" ? Uint8Array.from(data, (c) => c.charCodeAt(0)) : data;
    this.memory.u8.set(bytes, DATA);
    return this.start("sendto", fd, DATA, bytes.length, flags, to === null ? 0 : this.#putAddress(to), to?.length ?? 0);
  }

  send(fd: number, data: string | Uint8Array, flags = 0, to: Uint8Array | null = null): number {
    return finished(this.startSend(fd, data, flags, to));
  }

  startReceive(fd: number, count: number = DATA_MAX, flags = 0): Call {
    return this.start("recvfrom", fd, DATA, count, flags, 0, 0);
  }

  /** The bytes of the last receive that ended with `count`. */
  received(count: number): string {
    return byteString(this.memory.u8, DATA, DATA + count);
  }

  receive(fd: number, count: number = DATA_MAX, flags = 0): string | number {
    const result = finished(this.startReceive(fd, count, flags));
    return result < 0 ? result : this.received(Math.min(result, count));
  }

  /** recvfrom with the sender's address. */
  receiveFrom(fd: number, flags = 0): { text: string; from: Uint8Array } | number {
    this.memory.view.setInt32(LENGTH, 128, true);
    const result = this.call("recvfrom", fd, DATA, DATA_MAX, flags, ADDRESS, LENGTH);
    return result < 0
      ? result
      : {
          text: this.received(result),
          from: this.memory.u8.slice(ADDRESS, ADDRESS + this.memory.view.getInt32(LENGTH, true)),
        };
  }

  #header(data: { address: number; count: number }, control: { length: number }, name: number): void {
    const { view } = this.memory;
    view.setBigUint64(HEADER, BigInt(name), true);
    view.setUint32(HEADER + 8, name === 0 ? 0 : 128, true);
    view.setBigUint64(HEADER + 16, BigInt(VECTOR), true);
    view.setBigUint64(HEADER + 24, 1n, true);
    view.setBigUint64(HEADER + 32, BigInt(control.length === 0 ? 0 : CONTROL), true);
    view.setBigUint64(HEADER + 40, BigInt(control.length), true);
    view.setBigUint64(VECTOR, BigInt(data.address), true);
    view.setBigUint64(VECTOR + 8, BigInt(data.count), true);
  }

  /** sendmsg with one control message made of ints (file descriptors, credentials). */
  sendMessage(fd: number, text: string, type: number, ints: number[], flags = 0, level: number = SOL_SOCKET): number {
    for (let index = 0; index < text.length; index++) this.memory.u8[DATA + index] = text.charCodeAt(index);
    const { view } = this.memory;
    const length = 16 + ints.length * 4;
    this.#header({ address: DATA, count: text.length }, { length: (length + 7) & ~7 }, 0);
    view.setBigUint64(CONTROL, BigInt(length), true);
    view.setInt32(CONTROL + 8, level, true);
    view.setInt32(CONTROL + 12, type, true);
    ints.forEach((value, index) => view.setInt32(CONTROL + 16 + index * 4, value, true));
    return this.call("sendmsg", fd, HEADER, flags);
  }

  receiveMessage(fd: number, options: { count?: number; room?: number; flags?: number } = {}): ReceivedMessage {
    const { view, u8 } = this.memory;
    this.#header({ address: DATA, count: options.count ?? DATA_MAX }, { length: options.room ?? 512 }, NAME);
    const result = this.call("recvmsg", fd, HEADER, options.flags ?? 0);
    const control: ReceivedMessage["control"] = [];
    const end = CONTROL + Number(view.getBigUint64(HEADER + 40, true));
    for (let at = CONTROL; result >= 0 && at + 16 <= end;) {
      const length = Number(view.getBigUint64(at, true));
      control.push({
        level: view.getInt32(at + 8, true),
        type: view.getInt32(at + 12, true),
        data: u8.slice(at + 16, at + length),
      });
      at += (length + 7) & ~7;
    }
    const name = u8.slice(NAME, NAME + view.getUint32(HEADER + 8, true));
    return {
      result,
      text: result < 0 ? "" : this.received(Math.min(result, options.count ?? DATA_MAX)),
      flags: view.getUint32(HEADER + 48, true),
      control,
      name,
    };
  }

  setInt(fd: number, level: number, option: number, value: number): number {
    this.memory.view.setInt32(DATA, value, true);
    return this.call("setsockopt", fd, level, option, DATA, 4);
  }

  setBytes(fd: number, level: number, option: number, value: Uint8Array): number {
    this.memory.u8.set(value, DATA);
    return this.call("setsockopt", fd, level, option, DATA, value.length);
  }

  getBytes(fd: number, level: number, option: number, room = 256): Uint8Array | number {
    this.memory.view.setInt32(LENGTH, room, true);
    const failed = this.call("getsockopt", fd, level, option, DATA, LENGTH);
    return failed < 0 ? failed : this.memory.u8.slice(DATA, DATA + this.memory.view.getInt32(LENGTH, true));
  }

  getInt(fd: number, level: number, option: number): number {
    const value = this.getBytes(fd, level, option, 4);
    return typeof value === "number" ? value : new DataView(value.buffer).getInt32(0, true);
  }

  poll(fd: number): number {
    return this.task.files.get(fd)!.poll();
  }
}

function finished(call: Call): number {
  if (call.result === null) throw new Error("the call blocked");
  return call.result;
}

export function inet(ip: string, port: number): Uint8Array {
  return inetAddressBytes({ ip: ipOfText(ip)!, port }, AF_INET);
}

export function inet6(ip: string, port: number): Uint8Array {
  return inetAddressBytes({ ip: ipOfText(ip)!, port }, AF_INET6);
}

export function unixPath(name: string): Uint8Array {
  return unixAddressBytes({ kind: "path", name });
}

export function unixAbstract(name: string): Uint8Array {
  return unixAddressBytes({ kind: "abstract", name });
}
