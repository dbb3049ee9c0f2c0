import { EAGAIN, EINVAL, EMSGSIZE, EOPNOTSUPP } from "@stratos/abi";
import type { ChildProcess } from "node:child_process";
import { DatagramQueue, type HostAddress, type HostSocket, type HostSocketEvents } from "@stratos/host";
import { echoAnswer, readEchoRequest } from "@stratos/netstack/echo-answer";
import { ping, type PingProgram } from "./ping-program.ts";

/** Requests under way; further ones are lost, as on a way that is full. */
const AT_ONCE_MAX = 32;
/** A program that floods starts no more processes than these in a second. */
const STARTS_PER_SECOND = 50;
const BUFFER_BYTES = 256 * 1024;
/** What ping(8) takes as a size. */
const DATA_MAX = 65_507;

/** Echo requests as whole packets, each by a process of the host's ping. */
export class PingSocket implements HostSocket {
  readonly #program: PingProgram;
  readonly #events: HostSocketEvents;
  readonly #closed: (socket: HostSocket) => void;
  readonly #running = new Set<ChildProcess>();
  readonly #answers = new DatagramQueue(BUFFER_BYTES);
  /** Of this second. */
  #second = 0;
  #starts = 0;
  #isClosed = false;

  constructor(program: PingProgram, events: HostSocketEvents, closed: (socket: HostSocket) => void) {
    this.#program = program;
    this.#events = events;
    this.#closed = closed;
  }

  write(bytes: Uint8Array, at: number, length: number, to: HostAddress | null): number {
    const request = readEchoRequest(bytes.slice(at, at + length));
    if (request === null || to === null) return -EINVAL;
    if (request.dataLength > DATA_MAX) return -EMSGSIZE;
    if (!this.#mayStart()) return length;
    const child = ping(this.#program, request, to.address, (outcome) => {
      this.#running.delete(child!);
      if (this.#isClosed || outcome === null) return;
      if (this.#answers.push(echoAnswer(request, outcome), to)) this.#events.changed();
    });
    if (child !== null) this.#running.add(child);
    return length;
  }

  #mayStart(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) this.#starts = 0;
    this.#second = second;
    return this.#running.size < AT_ONCE_MAX && this.#starts++ < STARTS_PER_SECOND;
  }

  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    return this.#answers.read(bytes, at, length, peek);
  }

  get lastSender(): HostAddress | null {
    return this.#answers.lastSender;
  }

  get lastLength(): number {
    return this.#answers.lastLength;
  }

  readable(): boolean {
    return this.#answers.isReadable;
  }

  available(): number {
    return this.#answers.firstLength;
  }

  writable(): boolean {
    return true;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const child of this.#running) child.kill("SIGKILL");
    this.#answers.clear();
    this.#closed(this);
  }

  abort(): void {
    this.close();
  }

  // It has neither a port nor a peer.

  connect(): number {
    return -EOPNOTSUPP;
  }

  bind(): number {
    return -EOPNOTSUPP;
  }

  listen(): number {
    return -EOPNOTSUPP;
  }

  accept(): number {
    return -EAGAIN;
  }

  shutdown(): number {
    return 0;
  }

  setOption(): number {
    return 0;
  }

  localAddress(): null {
    return null;
  }

  peerAddress(): null {
    return null;
  }

  unsent(): number {
    return 0;
  }

  ended(): boolean {
    return false;
  }

  connected(): boolean {
    return false;
  }

  takeError(): number {
    return 0;
  }
}
