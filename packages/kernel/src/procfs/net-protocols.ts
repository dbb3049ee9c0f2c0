/** /proc/net/protocols: what kinds of sockets there are, and how many of each. */
import { IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_UDPLITE, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM } from "@stratos/abi";
import type { InetSocket } from "../socket/inet/inet-socket.ts";
import type { Network } from "../socket/network.ts";
import type { Task } from "../task/task.ts";

interface Protocol {
  readonly name: string;
  readonly count: (network: Network) => number;
  /** Pages that wait in its sockets; absent: they are not counted. */
  readonly pages?: (network: Network) => number;
  readonly headerSize?: number;
  readonly hasSlab?: boolean;
  /** Which calls it has: close, connect, disconnect, accept, ioctl … get_port, enter_memory_pressure. */
  readonly calls: string;
}

const CLOSES = "ynnnnnnnnnnnnnnnnn",
  DATAGRAMS = "yyynyyynyyyynnyyyn",
  RAW = "yyynyyynyyyyyyyynn",
  PING = "yyynnynnyyyyyynyyn",
  STREAMS = "yyyyyyyyyyyynyyyyy";

/** In the order of Linux, which lists what was registered last first. */
const PROTOCOLS: readonly Protocol[] = [
  {
    name: "PACKET",
    count: ({ packetSockets }) => packetSockets.size,
    hasSlab: false,
    calls: CLOSES.replace("y", "n"),
  },
  { name: "PINGv6", count: (network) => inet(network, isPing, true), calls: PING },
  { name: "RAWv6", count: (network) => inet(network, isRaw, true), calls: RAW },
  { name: "UDPLITEv6", count: (network) => inet(network, isLite, true), pages: pagesOfUdp, calls: DATAGRAMS },
  { name: "UDPv6", count: (network) => inet(network, isUdp, true), pages: pagesOfUdp, calls: DATAGRAMS },
  { name: "TCPv6", count: (network) => inet(network, isTcp, true), pages: pagesOfTcp, headerSize: 192, calls: STREAMS },
  { name: "UNIX-STREAM", count: (network) => unix(network, true), calls: CLOSES },
  { name: "UNIX", count: (network) => unix(network, false), calls: CLOSES },
  { name: "UDP-Lite", count: (network) => inet(network, isLite, false), pages: pagesOfUdp, calls: DATAGRAMS },
  { name: "PING", count: (network) => inet(network, isPing, false), calls: PING },
  { name: "RAW", count: (network) => inet(network, isRaw, false), calls: RAW },
  { name: "UDP", count: (network) => inet(network, isUdp, false), pages: pagesOfUdp, calls: DATAGRAMS },
  { name: "TCP", count: (network) => inet(network, isTcp, false), pages: pagesOfTcp, headerSize: 192, calls: STREAMS },
  {
    name: "NETLINK",
    count: ({ netlinkSockets }) => netlinkSockets.size,
    hasSlab: false,
    calls: CLOSES.replace("y", "n"),
  },
];

function pagesOfTcp({ tcpMemory }: Network): number {
  return tcpMemory.pages;
}

function pagesOfUdp({ udpMemory }: Network): number {
  return udpMemory.pages;
}

function isTcp({ type }: InetSocket): boolean {
  return type === SOCK_STREAM;
}

function isRaw({ type }: InetSocket): boolean {
  return type === SOCK_RAW;
}

function isLite({ protocol, type }: InetSocket): boolean {
  return type === SOCK_DGRAM && protocol === IPPROTO_UDPLITE;
}

function isPing({ protocol, type }: InetSocket): boolean {
  return type === SOCK_DGRAM && (protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6);
}

function isUdp(socket: InetSocket): boolean {
  return socket.type === SOCK_DGRAM && !isLite(socket) && !isPing(socket);
}

function inet({ inetSockets }: Network, is: (socket: InetSocket) => boolean, isV6: boolean): number {
  let count = 0;
  for (const socket of inetSockets) if (socket.isV6 === isV6 && is(socket)) count++;
  return count;
}

function unix({ unixSockets }: Network, isStream: boolean): number {
  let count = 0;
  for (const { type } of unixSockets) if ((type === SOCK_STREAM) === isStream) count++;
  return count;
}

/** The size of a socket in the kernel's memory is no number of ours: 0. */
export function describeSocketKinds({ network }: Task): string {
  const rows = PROTOCOLS.map(({ name, count, pages, headerSize = 0, hasSlab = true, calls }) => {
    const memory = pages === undefined ? -1 : pages(network);
    // The last of its calls would enter it: UDP counts its pages, and knows no pressure.
    const pressure = calls.endsWith("y") ? "no" : "NI";
    return (
      `${name.padEnd(9)} ${"0".padStart(4)} ${String(count(network)).padStart(6)}  ${String(memory).padStart(6)}   ` +
      `${pressure.padEnd(3)} ${String(headerSize).padStart(6)}   ${(hasSlab ? "yes" : "no").padEnd(3)}  ` +
      `${"kernel".padEnd(10)} ${[...calls].map((call) => call.padStart(2)).join(" ")}\n`
    );
  });
  return (
    "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re bi br ha uh gp " +
    `em\n${rows.join("")}`
  );
}
