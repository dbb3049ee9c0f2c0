/**
 * Frames that came in by interfaces and wait for the IP layer of their network (Linux's input queue,
 * net.core.netdev_max_backlog): what one network sends another doesn't have inside the same call, so that no protocol
 * is entered twice, and an exchange of packets doesn't nest. Who sent something from a system call lets it run at the
 * end (`run`), anything else is done at the machine's next turn. Bound: FRAMES_MAX, BYTES_MAX; AT_ONCE in a run.
 */
import { stateClass } from "@stratos/base";
import { Timer, type TimerClient, type TimerQueue } from "../../time/timer-queue.ts";
import type { NetworkInterface } from "../network-interface.ts";

const FRAMES_MAX = 1000,
  BYTES_MAX = 4 << 20,
  AT_ONCE = 256;

interface BacklogKernel {
  readonly timers: TimerQueue;
  readonly work: { charge(units: number): void };
  now(): number;
}

interface WaitingFrame {
  /** By which it came; where that is now takes it. */
  readonly one: NetworkInterface;
  readonly bytes: Uint8Array;
  /** It went to all stations, or a group. */
  readonly isForMany: boolean;
  /** What the filter knows of one that came by the loopback. */
  readonly known: object | null;
  /** A frame on the loopback, from a packet socket; else what goes round there is a bare packet. */
  readonly isFramed: boolean;
}

export class PacketBacklog implements TimerClient {
  #waiting: WaitingFrame[] = [];
  #bytes = 0;
  #timer = new Timer(this);
  #kernel: BacklogKernel | null = null;
  #isRunning = false;

  /** @param bytes  are kept @returns is there room? */
  add(
    kernel: BacklogKernel,
    one: NetworkInterface,
    bytes: Uint8Array,
    isForMany: boolean,
    known: object | null = null,
    isFramed = false,
  ): boolean {
    if (this.#waiting.length >= FRAMES_MAX || this.#bytes + bytes.length > BYTES_MAX) return false;
    this.#waiting.push({ one, bytes, isForMany, known, isFramed });
    this.#bytes += bytes.length;
    this.#kernel = kernel;
    if (!this.#timer.isArmed) kernel.timers.set(this.#timer, kernel.now());
    return true;
  }

  /** Hands in what waits, and what comes of it. */
  run(): void {
    const kernel = this.#kernel;
    if (this.#isRunning || kernel === null) return;
    this.#isRunning = true;
    for (let left = AT_ONCE; left > 0; left--) {
      const frame = this.#waiting.shift();
      if (frame === undefined) break;
      const { one, bytes, isForMany, known, isFramed } = frame;
      this.#bytes -= bytes.length;
      kernel.work.charge(1 + (bytes.length >> 12));
      if (one.isUp && one.network.interfaceByIndex(one.index) === one)
        one.network.ip.take(one, bytes, isForMany, known, isFramed);
    }
    this.#isRunning = false;
    if (this.#waiting.length === 0) kernel.timers.cancel(this.#timer);
    // Others come in between.
    else kernel.timers.set(this.#timer, kernel.now() + 1);
  }

  timerExpired(): void {
    this.run();
  }

  static {
    stateClass(
      "PacketBacklog",
      this,
      {
        save: (it) => ({ waiting: it.#waiting, bytes: it.#bytes, timer: it.#timer, kernel: it.#kernel }),
        load: (it, from) => ({ waiting: it.#waiting, bytes: it.#bytes, timer: it.#timer, kernel: it.#kernel } = from),
      },
      { keeps: ["#isRunning"] },
    );
  }
}
