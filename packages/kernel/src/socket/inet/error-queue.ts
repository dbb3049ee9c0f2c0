/**
 * Errors of datagrams with what they belong to (ip(7), IP_RECVERR; ipv6(7), IPV6_RECVERR), which MSG_ERRQUEUE reads.
 * Inside the machine there is one: nobody listens at the port, which hosts tell by ICMP.
 */
import {
  AF_INET,
  AF_INET6,
  ECONNREFUSED,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVERR,
  IP_RECVERR,
  SO_EE_ORIGIN_ICMP,
  SO_EE_ORIGIN_ICMP6,
  SockExtendedErr,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type InetEndpoint, isV4, keepEndpoint } from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";
import type { ControlMessage } from "../message.ts";
import type { SocketMemory } from "../socket-memory.ts";
import { inetAddressBytes } from "./inet-address.ts";

interface DatagramError {
  readonly errno: number;
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
    const cost = bytes.length + OVERHEAD;
    if (this.#cost + cost > most || this.#memory.isFull) return;
    this.#errors.push({ errno: ECONNREFUSED, bytes, to: keepEndpoint(to.ip, to.port) });
    this.#cost += cost;
    this.#memory.bytes += cost;
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

/** What happened, and the address of who said it: this machine, for what it refused itself. */
export function errorControl(error: DatagramError): ControlMessage {
  const v4 = isV4(error.to.ip);
  const offender = inetAddressBytes({ ip: error.to.ip, port: 0 }, v4 ? AF_INET : AF_INET6);
  const data = new Uint8Array(SockExtendedErr.size + offender.length);
  putFields(viewOf(data), SockExtendedErr, {
    ee_errno: error.errno,
    ee_origin: v4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6,
    ee_type: v4 ? UNREACHABLE : UNREACHABLE_V6,
    ee_code: v4 ? UNREACHABLE_PORT : UNREACHABLE_PORT_V6,
  });
  data.set(offender, SockExtendedErr.size);
  return v4 ? { level: IPPROTO_IP, type: IP_RECVERR, data } : { level: IPPROTO_IPV6, type: IPV6_RECVERR, data };
}
