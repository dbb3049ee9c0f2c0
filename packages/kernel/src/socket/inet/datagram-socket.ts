import { EAGAIN, EINVAL, ENOTCONN, EPIPE, SHUT_RD, SHUT_RDWR, SHUT_WR } from "@stratos/abi";
import { InetSocket } from "./inet-socket.ts";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { OutgoingMessage } from "../message.ts";
import type { SocketCaller } from "../socket-kernel.ts";

/** What UDP, ICMP and raw sockets share: each direction can be shut, with or without a peer. */
export abstract class DatagramSocket extends InetSocket {
  isReadShut = false;
  protected isWriteShut = false;

  /** What is told once the way is known: 0 or an error (net/core/sock.c, sock_alloc_send_pskb). */
  protected mayAllocate(): number {
    const error = this.takeError();
    return error !== 0 ? -error : this.isWriteShut ? -EPIPE : 0;
  }

  /** Of a receive that finds nothing: 0 where it would wait for what never comes (__skb_recv_udp), else −EAGAIN. */
  protected foundNothing(flags: number): number {
    return this.isReadShut && this.waits(flags) ? 0 : -EAGAIN;
  }

  /** Who sends has a port, whatever becomes of it (net/ipv4/af_inet.c, inet_send_prepare). −EAGAIN: none is left. */
  override sendWaiting(task: SocketCaller, from: IoCursor, message: OutgoingMessage, flags: number): number {
    if (!this.hasNumber && this.claimAnyPort(task) < 0) return -EAGAIN;
    return super.sendWaiting(task, from, message, flags);
  }

  /** shutdown(2): takes effect also without a peer, but says ENOTCONN then (net/ipv4/af_inet.c, inet_shutdown). */
  override shutdown(_task: SocketCaller, how: number): number {
    if (how < 0 || how > SHUT_RDWR) return -EINVAL;
    if (how !== SHUT_WR) this.isReadShut = true;
    if (how !== SHUT_RD) this.isWriteShut = true;
    this.readiness.wakeAll();
    return this.peer === null ? -ENOTCONN : 0;
  }
}
