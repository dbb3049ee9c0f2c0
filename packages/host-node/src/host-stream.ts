/**
 * Standard input, output and error as byte streams, whatever they are: files are read and written at once, pipes and
 * sockets through Node's event loop.
 *
 * A pipe is opened anew through /proc/self/fd, because the event loop needs O_NONBLOCK, and that flag belongs to the
 * description which other processes share with us.
 */
import { EAGAIN, EPIPE } from "@stratos/abi";
import type { HostStreamIn, HostStreamOut } from "@stratos/host";
import { constants, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { hostErrno } from "./host-errno.ts";

/** What is read ahead from a pipe before it is paused, and where reading goes on. */
const HIGH_WATER = 1 << 20,
  LOW_WATER = 1 << 18;
/** Bytes on their way out before writers wait. */
const OUTPUT_CAPACITY = 1 << 18;
const FILE_CHUNK = 1 << 16;

/** A socket object over a pipe or socket descriptor. */
function socketOver(fd: number, direction: "in" | "out"): Socket {
  let own = fd;
  try {
    own = openSync(
      `/proc/self/fd/${fd}`,
      (direction === "in" ? constants.O_RDONLY : constants.O_WRONLY) | constants.O_NONBLOCK,
    );
  } catch {
    // A socket, or a host without /proc: the description is shared, as Node's own process.stdin does.
  }
  return new Socket({ fd: own, readable: direction === "in", writable: direction === "out", allowHalfOpen: true });
}

function isEventDriven(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isFIFO() || stat.isSocket();
}

/** The stream of a descriptor that is open for reading. Nothing is read before someone asks. */
export function openStreamIn(fd: number): HostStreamIn & { close(): void } {
  return isEventDriven(fd) ? new PipeIn(fd) : new FileIn(fd);
}

/** The stream of a descriptor that is open for writing. */
export function openStreamOut(fd: number): HostStreamOut & { drain(): Promise<void>; close(): void } {
  return isEventDriven(fd) ? new PipeOut(fd) : new FileOut(fd);
}

/** A regular file, a terminal's line or a device: never has to be waited for, or blocks all of us while it must. */
class FileIn implements HostStreamIn {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(FILE_CHUNK);
  #start = 0;
  #end = 0;
  #hasEnd = false;
  #error = 0;

  constructor(fd: number) {
    this.#fd = fd;
  }

  #fill(): void {
    if (this.#start < this.#end || this.#hasEnd) return;
    try {
      this.#start = 0;
      this.#end = readSync(this.#fd, this.#buffer, 0, FILE_CHUNK, null);
      this.#hasEnd = this.#end === 0;
    } catch (error) {
      this.#end = 0;
      this.#error = hostErrno(error);
      this.#hasEnd = this.#error !== -EAGAIN;
    }
  }

  get available(): number {
    this.#fill();
    return this.#end - this.#start;
  }

  get isEnded(): boolean {
    this.#fill();
    return this.#hasEnd;
  }

  read(into: Uint8Array, at: number, count: number): number {
    this.#fill();
    const part = Math.min(count, this.#end - this.#start);
    if (part === 0) return this.#error;
    into.set(this.#buffer.subarray(this.#start, this.#start + part), at);
    this.#start += part;
    return part;
  }

  onReadable(): void {}
  close(): void {}
}

class PipeIn implements HostStreamIn {
  readonly #fd: number;
  #socket: Socket | null = null;
  readonly #chunks: Uint8Array[] = [];
  /** Bytes of the first chunk that were read. */
  #within = 0;
  #buffered = 0;
  #hasEnd = false;
  #error = 0;
  #isPaused = false;
  #listener: () => void = () => {};

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** A program that never looks at its input must not swallow that of the next one. */
  #start(): void {
    if (this.#socket !== null || this.#hasEnd) return;
    const socket = socketOver(this.#fd, "in");
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      this.#chunks.push(chunk);
      this.#buffered += chunk.length;
      if (this.#buffered >= HIGH_WATER) {
        this.#isPaused = true;
        socket.pause();
      }
      this.#listener();
    });
    const end = (error: number): void => {
      if (this.#hasEnd) return;
      this.#hasEnd = true;
      this.#error = error;
      this.#listener();
    };
    socket.on("end", () => end(0));
    socket.on("close", () => end(0));
    socket.on("error", (error) => end(hostErrno(error)));
  }

  get available(): number {
    this.#start();
    return this.#buffered;
  }

  get isEnded(): boolean {
    this.#start();
    return this.#hasEnd && this.#buffered === 0;
  }

  onReadable(listener: () => void): void {
    this.#listener = listener;
  }

  read(into: Uint8Array, at: number, count: number): number {
    this.#start();
    if (this.#buffered === 0) return this.#hasEnd ? this.#error : -EAGAIN;
    let moved = 0;
    while (moved < count && this.#buffered > 0) {
      const chunk = this.#chunks[0]!;
      const part = Math.min(count - moved, chunk.length - this.#within);
      into.set(chunk.subarray(this.#within, this.#within + part), at + moved);
      moved += part;
      this.#within += part;
      this.#buffered -= part;
      if (this.#within === chunk.length) {
        this.#chunks.shift();
        this.#within = 0;
      }
    }
    if (this.#isPaused && this.#buffered < LOW_WATER) {
      this.#isPaused = false;
      this.#socket?.resume();
    }
    return moved;
  }

  close(): void {
    this.#hasEnd = true;
    this.#socket?.destroy();
  }
}

class FileOut implements HostStreamOut {
  readonly #fd: number;
  readonly room = FILE_CHUNK;
  isBroken = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array, at: number, count: number): number {
    for (;;) {
      try {
        return writeSync(this.#fd, bytes, at, count);
      } catch (error) {
        const errno = hostErrno(error);
        if (errno === -EPIPE) this.isBroken = true;
        if (errno !== -EAGAIN) return errno;
        // A terminal that somebody made non-blocking: wait for it here.
        pause(1);
      }
    }
  }

  onWritable(): void {}
  drain(): Promise<void> {
    return Promise.resolve();
  }
  close(): void {}
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread for some milliseconds. */
export function pause(milliseconds: number): void {
  Atomics.wait(never, 0, 0, milliseconds);
}

class PipeOut implements HostStreamOut {
  readonly #socket: Socket;
  isBroken = false;
  #listener: () => void = () => {};
  #waiting: (() => void)[] = [];

  constructor(fd: number) {
    this.#socket = socketOver(fd, "out");
    this.#socket.on("error", () => this.#breakOff());
    this.#socket.on("close", () => this.#breakOff());
    // An idle output must not keep the process alive; what is on its way is waited for by `drain`.
    this.#socket.unref();
  }

  get room(): number {
    return this.isBroken ? 0 : Math.max(0, OUTPUT_CAPACITY - this.#socket.writableLength);
  }

  onWritable(listener: () => void): void {
    this.#listener = listener;
  }

  write(bytes: Uint8Array, at: number, count: number): number {
    if (this.isBroken) return -EPIPE;
    const part = Math.min(count, this.room);
    if (part === 0) return -EAGAIN;
    this.#socket.write(bytes.slice(at, at + part), () => this.#written());
    return part;
  }

  #written(): void {
    this.#listener();
    if (this.#socket.writableLength === 0) this.#settle();
  }

  #breakOff(): void {
    if (this.isBroken) return;
    this.isBroken = true;
    this.#listener();
    this.#settle();
  }

  #settle(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  /** Resolves when all that was written is with the other side, or never will be. */
  drain(): Promise<void> {
    if (this.isBroken || this.#socket.writableLength === 0) return Promise.resolve();
    this.#socket.ref();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  close(): void {
    this.#socket.destroy();
  }
}
