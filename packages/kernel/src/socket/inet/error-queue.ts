/**
 * Errors of datagrams with what they belong to (ip(7), IP_RECVERR; ipv6(7), IPV6_RECVERR), which MSG_ERRQUEUE reads.
 * Inside the machine there is one: nobody listens at the port, which hosts tell by ICMP. Others come from links.
 */
import {
  AF_INET,
  AF_INET6,
  ECONNREFUSED,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVERR,
  IP_RECVERR,
  EAGAIN,
  MSG_ERRQUEUE,
  MSG_TRUNC,
  EMSGSIZE,
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SO_EE_ORIGIN_LOCAL,
  SockExtendedErr,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type IcmpError, type InetEndpoint, type IpAddress, isV4, keepEndpoint } from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import type { ControlMessage, IncomingMessage } from "../message.ts";
import type { SocketMemory } from "../socket-memory.ts";
import { inetAddressBytes, writeInetAddress } from "./inet-address.ts";

interface DatagramError {
  readonly errno: number;
  readonly type: number;
  readonly code: number;
  /** `ee_info`: of what was too long, how long it may be. */
  readonly mtu: number;
  /** Who said so; null: this machine, before anything was sent. */
  readonly offender: IpAddress | null;
  /** What was sent, and where to. */
  readonly bytes: Uint8Array;
  readonly to: InetEndpoint;
}

/** "Destination unreachable", and its code for a port (RFC 792, RFC 4443). */
const UNREACHABLE = 3,
  UNREACHABLE_PORT = 3,
  UNREACHABLE_V6 = 1,
  UNREACHABLE_PORT_V6 = 4;
const OVERHEAD = 576;

/** Bound: the socket's SO_RCVBUF, and the machine's memory for sockets; what comes beyond is forgotten. */
export class ErrorQueue {
  #errors: DatagramError[] = [];
  #cost = 0;
  #memory: SocketMemory;

  constructor(memory: SocketMemory) {
    this.#memory = memory;
  }

  get first(): DatagramError | undefined {
    return this.#errors[0];
  }

  /** @param most  bytes that may wait */
  refused(bytes: Uint8Array, to: InetEndpoint, most: number): void {
    const isOfV4 = isV4(to.ip);
    const type = isOfV4 ? UNREACHABLE : UNREACHABLE_V6;
    const code = isOfV4 ? UNREACHABLE_PORT : UNREACHABLE_PORT_V6;
    this.add({ errno: ECONNREFUSED, type, code, mtu: 0 }, to.ip, to, bytes, most);
  }

  /** It was too long to be sent at all (net/ipv4/ip_sockglue.c, ip_local_error). */
  tooLong(to: InetEndpoint, mtu: number, most: number): void {
    this.add({ errno: EMSGSIZE, type: 0, code: 0, mtu }, null, to, new Uint8Array(0), most);
  }

  /** @param most  bytes that may wait */
  add(
    { errno, type, code, mtu }: Pick<IcmpError, "errno" | "type" | "code" | "mtu">,
    offender: IpAddress | null,
    to: InetEndpoint,
    bytes: Uint8Array,
    most: number,
  ): void {
    const cost = bytes.length + OVERHEAD;
    if (this.#cost + cost > most || this.#memory.isFull) return;
    this.#errors.push({
      errno,
      type,
      code,
      mtu,
      offender: offender?.slice() ?? null,
      bytes,
      to: keepEndpoint(to.ip, to.port),
    });
    this.#cost += cost;
    this.#memory.bytes += cost;
  }

  /**
   * The first error that waits, with the datagram that it belongs to (MSG_ERRQUEUE); never waits itself.
   *
   * @param family  of the socket
   * @returns bytes moved; −EAGAIN none waits; −EFAULT (it is lost all the same)
   */
  receive(to: IoCursor, message: IncomingMessage, family: number): number {
    const error = this.first;
    if (error === undefined) return -EAGAIN;
    const count = Math.min(error.bytes.length, to.remaining);
    const moved = putWhole(to, error.bytes, 0, count);
    this.shift();
    if (moved < 0) return moved;
    message.addressLength = writeInetAddress(message.address, error.to.ip, error.to.port, family, 2);
    const control = errorControl(error);
    message.addControl(control.level, control.type, control.data);
    message.flags |= moved < error.bytes.length ? MSG_ERRQUEUE | MSG_TRUNC : MSG_ERRQUEUE;
    return moved;
  }

  shift(): void {
    const error = this.#errors.shift();
    if (error === undefined) return;
    this.#cost -= error.bytes.length + OVERHEAD;
    this.#memory.bytes -= error.bytes.length + OVERHEAD;
  }

  clear(): void {
    while (this.first !== undefined) this.shift();
  }

  static {
    stateClass("ErrorQueue", this, {
      save: (it) => ({ errors: it.#errors, cost: it.#cost, memory: it.#memory }),
      load: (it, from) => ({ errors: it.#errors, cost: it.#cost, memory: it.#memory } = from),
    });
  }
}

/** What happened, and the address of who said it. */
function errorControl(error: DatagramError): ControlMessage {
  const v4 = isV4(error.to.ip);
  const family = v4 ? AF_INET : AF_INET6;
  const offender = inetAddressBytes({ ip: error.offender ?? error.to.ip, port: 0 }, family);
  if (error.offender === null) offender.fill(0);
  const data = new Uint8Array(SockExtendedErr.size + offender.length);
  putFields(viewOf(data), SockExtendedErr, {
    ee_errno: error.errno,
    ee_origin: error.offender === null ? SO_EE_ORIGIN_LOCAL : v4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6,
    ee_type: error.type,
    ee_code: error.code,
    ee_info: error.mtu,
  });
  data.set(offender, SockExtendedErr.size);
  return v4 ? { level: IPPROTO_IP, type: IP_RECVERR, data } : { level: IPPROTO_IPV6, type: IPV6_RECVERR, data };
}
