/** Times that a TCP socket waits for. */
import { stateClass } from "@stratos/base";
import { Timer, type TimerClient, type TimerQueue } from "../../time/timer-queue.ts";

/** What is over: the holding back of MSG_MORE and TCP_CORK, or TCP_USER_TIMEOUT. */
export type TcpTime = "cork" | "user";

interface TimedSocket {
  readonly kernel: { readonly timers: TimerQueue; now(): number };
  timeIsOver(time: TcpTime): void;
}

/** The times of one socket; each has a timer once it was needed. */
export class TcpTimes {
  #socket: TimedSocket;
  #timers: SocketTimer[] = [];

  constructor(socket: TimedSocket) {
    this.#socket = socket;
  }

  /** In so much time, unless it runs already. */
  begin(time: TcpTime, ns: number): void {
    let one = this.#timers.find((each) => each.time === time);
    if (one === undefined) this.#timers.push((one = new SocketTimer(this.#socket, time)));
    const { timers } = this.#socket.kernel;
    if (!one.timer.isArmed) timers.set(one.timer, this.#socket.kernel.now() + ns);
  }

  end(time: TcpTime): void {
    for (const one of this.#timers) if (one.time === time) this.#socket.kernel.timers.cancel(one.timer);
  }

  endAll(): void {
    for (const { timer } of this.#timers) this.#socket.kernel.timers.cancel(timer);
  }

  static {
    stateClass("TcpTimes", this, {
      save: (it) => ({ socket: it.#socket, timers: it.#timers }),
      load: (it, from) => ({ socket: it.#socket, timers: it.#timers } = from),
    });
  }
}

class SocketTimer implements TimerClient {
  readonly time: TcpTime;
  readonly timer = new Timer(this);
  #socket: TimedSocket;

  constructor(socket: TimedSocket, time: TcpTime) {
    this.#socket = socket;
    this.time = time;
  }

  timerExpired(): void {
    this.#socket.timeIsOver(this.time);
  }

  static {
    stateClass("SocketTimer", this, {
      save: (it) => ({ socket: it.#socket }),
      load: (it, from) => ({ socket: it.#socket } = from),
    });
  }
}
