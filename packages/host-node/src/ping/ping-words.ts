/** What ping(8) says of a request, as what came of it. Source: iputils ping/ping.c and ping6_common.c, pr_icmph. */
import {
  ADDRESS_UNREACHABLE_V6,
  HOST_UNREACHABLE,
  ICMP_TIME_EXCEEDED,
  ICMP_UNREACHABLE,
  ICMPV6_TIME_EXCEEDED,
  ICMPV6_TOO_BIG,
  ICMPV6_UNREACHABLE,
  NET_UNREACHABLE,
  NO_ROUTE_V6,
  PROHIBITED,
  PROHIBITED_V6,
} from "@stratos/netstack";
import type { EchoOutcome } from "@stratos/netstack/echo-answer";

/** By what a line says, in lower case: type and code. The first that fits holds. */
type Words = readonly (readonly [said: RegExp, type: number, code: number])[];

const V4: Words = [
  [/time to live exceeded/, ICMP_TIME_EXCEEDED, 0],
  [/frag(ment)? reassembly time exceeded/, ICMP_TIME_EXCEEDED, 1],
  [/frag(mentation)? needed/, ICMP_UNREACHABLE, 4],
  [/net unreachable for (type of service|tos)/, ICMP_UNREACHABLE, 11],
  [/host unreachable for (type of service|tos)/, ICMP_UNREACHABLE, 12],
  [/destination net unreachable/, ICMP_UNREACHABLE, NET_UNREACHABLE],
  [/destination host unreachable/, ICMP_UNREACHABLE, HOST_UNREACHABLE],
  [/destination protocol unreachable/, ICMP_UNREACHABLE, 2],
  [/destination port unreachable/, ICMP_UNREACHABLE, 3],
  [/source route failed/, ICMP_UNREACHABLE, 5],
  [/destination net unknown/, ICMP_UNREACHABLE, 6],
  [/destination host unknown/, ICMP_UNREACHABLE, 7],
  [/source host isolated/, ICMP_UNREACHABLE, 8],
  [/destination net prohibited/, ICMP_UNREACHABLE, 9],
  [/destination host prohibited/, ICMP_UNREACHABLE, 10],
  [/packet filtered|communication prohibited/, ICMP_UNREACHABLE, PROHIBITED],
];
const V6: Words = [
  [/time exceeded: hop limit|time to live exceeded/, ICMPV6_TIME_EXCEEDED, 0],
  [/time exceeded: defragmentation/, ICMPV6_TIME_EXCEEDED, 1],
  [/packet too big/, ICMPV6_TOO_BIG, 0],
  [/unreachable: no route|no route to destination/, ICMPV6_UNREACHABLE, NO_ROUTE_V6],
  [/administratively prohibited/, ICMPV6_UNREACHABLE, PROHIBITED_V6],
  [/beyond scope/, ICMPV6_UNREACHABLE, 2],
  [/address unreachable/, ICMPV6_UNREACHABLE, ADDRESS_UNREACHABLE_V6],
  [/port unreachable/, ICMPV6_UNREACHABLE, 4],
];

/** @returns null: the line says nothing of it */
export function outcomeOf(line: string, isV6: boolean): EchoOutcome | null {
  const reply = /bytes from .*\b(?:ttl|hlim)=(\d+)/.exec(line);
  if (reply !== null) return { kind: "reply", hops: Math.min(255, Number(reply[1])) };
  // `From 10.0.0.1 icmp_seq=1 …`, `From 10.0.0.1: icmp_seq=1 …`, `36 bytes from 10.0.0.1: …`
  const [, from, said = ""] =
    /\bfrom ([0-9a-f.:]+?)(?:%\S+)?[:,]?(?: \(\S+\))?(?: icmp_seq=\d+)? (.*)/i.exec(line) ?? [];
  if (from === undefined) return null;
  const lower = said.toLowerCase();
  const found = (isV6 ? V6 : V4).find(([words]) => words.test(lower));
  if (found === undefined) return null;
  const [, type, code] = found;
  const mtu = Number(/mtu\s*=\s*(\d+)/.exec(lower)?.[1] ?? 0);
  return { kind: "error", type, code, from, value: type === ICMPV6_TOO_BIG && isV6 ? mtu : mtu & 0xffff };
}

/**
 * Of a program that ended without such a line.
 *
 * @returns null: nobody answered
 */
export function failureOf(status: number, complaint: string, isV6: boolean): EchoOutcome | null {
  if (status <= 1 && complaint === "") return null;
  const error = (v4: number, v6: number): EchoOutcome => ({
    kind: "error",
    type: isV6 ? ICMPV6_UNREACHABLE : ICMP_UNREACHABLE,
    code: isV6 ? v6 : v4,
    value: 0,
    from: null,
  });
  if (/not permitted|permission denied|broadcast/i.test(complaint)) return error(PROHIBITED, PROHIBITED_V6);
  if (/network is unreachable|no route to host/i.test(complaint)) return error(NET_UNREACHABLE, NO_ROUTE_V6);
  return error(HOST_UNREACHABLE, ADDRESS_UNREACHABLE_V6);
}
