/** Times that a TCP socket waits for. */
import { stateClass } from "@stratos/base";
import { Timer, type TimerClient, type TimerQueue } from "../../time/timer-queue.ts";

/** What is over: the holding back of MSG_MORE and TCP_CORK, or the patience with the peer. */
export type TcpTime = "cork" | "user";

/** Until a SYN that nobody answers is sent again for the first time (RFC 6298, 2.1), and at most later. */
const SYN_WAIT_SECONDS = 1,
  SYN_WAIT_SECONDS_MAX = 120;

/**
 * How long connect(2) waits for an answer that doesn't come: so many SYNs are sent again, the first of them at equal
 * intervals (net.ipv4.tcp_syn_linear_timeouts), or as long as that many at doubled ones would take, or TCP_USER_TIMEOUT
 * says; the time is over at a moment when a SYN would be sent (net/ipv4/tcp_timer.c, tcp_write_timeout).
 */
export function synPatienceNs(retries: number, linear: number, userTimeoutMs: number): number {
  let doubled = 0;
  for (let wait = SYN_WAIT_SECONDS, count = 0; count <= retries; count++) {
    doubled += wait;
    wait = Math.min(wait * 2, SYN_WAIT_SECONDS_MAX);
  }
  const enough = userTimeoutMs > 0 ? userTimeoutMs / 1000 : doubled;
  let at = SYN_WAIT_SECONDS;
  let wait = SYN_WAIT_SECONDS;
  for (let sent = 1; sent === 1 || (sent <= retries + linear && at < enough); sent++) {
    if (sent > linear) wait = Math.min(wait * 2, SYN_WAIT_SECONDS_MAX);
    // The last wait is no longer than what the program grants.
    at = userTimeoutMs > 0 ? Math.min(at + wait, Math.max(at, enough)) : at + wait;
  }
  return at * 1e9;
}

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
