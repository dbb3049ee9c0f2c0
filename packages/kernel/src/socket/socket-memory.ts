/**
 * What waits in the sockets of one kind in the whole machine. It is memory of the host, which a socket's own bounds
 * (SO_SNDBUF, SO_RCVBUF) times the number of sockets would not spare.
 *
 * At the bound datagrams are lost (UDP, ICMP, raw) or refused with ENOBUFS (netlink), and streams and Unix sockets take
 * no more than a little each, so that all of them go on in small steps. Read first: tcp(7), tcp_mem; udp(7), udp_mem;
 * net/core/sock.c, __sk_mem_raise_allocated.
 */
import { PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";

/** Most that a machine's sockets of a kind hold, whatever its memory. */
const BYTES_MOST = 256 << 20;

export class SocketMemory {
  /** Bytes that wait, each message with its overhead. */
  bytes = 0;
  /** Pages, as tcp_mem and udp_mem name them: nothing is done below the first, all is done beyond the last. */
  limits: readonly [low: number, pressure: number, high: number];

  /** @param pages  that are half of what sockets may hold; Linux takes an eighth (UDP), a sixteenth (TCP) of memory */
  constructor(pages: number) {
    const pressure = Math.max(128, Math.min(Math.floor(pages), Math.floor(((BYTES_MOST / PAGE_SIZE) * 2) / 3)));
    const low = Math.floor(pressure / 4) * 3;
    this.limits = [low, pressure, low * 2];
  }

  /** No more than a little may be added to any queue. */
  get isFull(): boolean {
    return this.bytes >= this.limits[2] * PAGE_SIZE;
  }

  /** Not even what is the first in its queue is taken (ENOBUFS): there are too many queues. */
  refuses(bytes: number): boolean {
    return this.bytes + bytes > 2 * this.limits[2] * PAGE_SIZE;
  }

  /** For /proc/net/sockstat. */
  get pages(): number {
    return Math.ceil(this.bytes / PAGE_SIZE);
  }

  static {
    stateClass("SocketMemory", this);
  }
}
