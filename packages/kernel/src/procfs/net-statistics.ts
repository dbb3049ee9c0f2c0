/**
 * /proc/net/snmp, snmp6 and netstat: what a network has counted. Connections and datagrams are counted whoever carries
 * them, and so are resets; packets and segments are those of links, the way out and, where rules see it, the loopback:
 * what stays in the machine, and what the host's sockets carry, is made of none. Source: Linux net/ipv4/proc.c,
 * net/ipv6/proc.c.
 */
import { IPPROTO_TCP, TCP_CLOSE_WAIT, TCP_ESTABLISHED } from "@stratos/abi";
import type { IpCounters } from "@stratos/netstack";
import type { Network } from "../socket/network.ts";
import type { UdpCounters } from "../socket/network-counters.ts";

type Count = readonly [name: string, count: number];

/** Messages of ICMP, by type, as they are called there. */
const ICMP_TYPES: readonly Count[] = [
  ["DestUnreachs", 3],
  ["TimeExcds", 11],
  ["ParmProbs", 12],
  ["SrcQuenchs", 4],
  ["Redirects", 5],
  ["Echos", 8],
  ["EchoReps", 0],
  ["Timestamps", 13],
  ["TimestampReps", 14],
  ["AddrMasks", 17],
  ["AddrMaskReps", 18],
];
const ICMPV6_TYPES: readonly Count[] = [
  ["DestUnreachs", 1],
  ["PktTooBigs", 2],
  ["TimeExcds", 3],
  ["ParmProblems", 4],
  ["Echos", 128],
  ["EchoReplies", 129],
  ["GroupMembQueries", 130],
  ["GroupMembResponses", 131],
  ["GroupMembReductions", 132],
  ["RouterSolicits", 133],
  ["RouterAdvertisements", 134],
  ["NeighborSolicits", 135],
  ["NeighborAdvertisements", 136],
  ["Redirects", 137],
  ["MLDv2Reports", 143],
];

/** net.ipv4.ip_forward as SNMP has it: 1, or 2 for a host that passes nothing on. */
function forwarding(network: Network): number {
  return network.settings.interfaces.all.forwardsV4 !== 0 ? 1 : 2;
}

export function describeProtocols(network: Network): string {
  const [v4] = network.ip.stack.counters;
  const icmp: Count[] = [
    ["InMsgs", sum(v4.icmpIn) + v4.icmpErrors],
    ["InErrors", v4.icmpErrors],
    ["InCsumErrors", v4.icmpErrors],
    ...ICMP_TYPES.map(([name, type]): Count => [`In${name}`, v4.icmpIn?.[type] ?? 0]),
    ["OutMsgs", sum(v4.icmpOut)],
    ["OutErrors", 0],
    ...ICMP_TYPES.map(([name, type]): Count => [`Out${name}`, v4.icmpOut?.[type] ?? 0]),
  ];
  const byType = [...typesOf(v4.icmpIn, "InType"), ...typesOf(v4.icmpOut, "OutType")];
  return [
    lines("Ip", [["Forwarding", forwarding(network)], ["DefaultTTL", 64], ...ipCounts(v4)]),
    lines("Icmp", icmp),
    byType.length === 0 ? "" : lines("IcmpMsg", byType),
    lines("Tcp", tcpCounts(network)),
    lines("Udp", udpCounts(network.counters.udp[0])),
  ].join("");
}

/** Each on a line of its own. */
export function describeProtocols6(network: Network): string {
  const [, v6] = network.ip.stack.counters;
  const counts: Count[] = [
    ["Ip6InReceives", v6.inReceives],
    ["Ip6InHdrErrors", v6.inHeaderErrors],
    ["Ip6InNoRoutes", v6.inNoRoutes],
    ["Ip6InAddrErrors", v6.inAddressErrors],
    ["Ip6InUnknownProtos", v6.inUnknownProtocols],
    ["Ip6InDelivers", v6.inDelivers],
    ["Ip6OutForwDatagrams", v6.forwarded],
    ["Ip6OutRequests", v6.outRequests],
    ["Ip6OutNoRoutes", v6.outNoRoutes],
    ["Ip6ReasmTimeout", v6.partsExpired],
    ["Ip6ReasmReqds", v6.partsReceived],
    ["Ip6ReasmOKs", v6.putTogether],
    ["Ip6ReasmFails", v6.partsExpired],
    ["Ip6FragOKs", v6.divided],
    ["Ip6FragCreates", v6.partsMade],
    ["Ip6InOctets", v6.inOctets],
    ["Ip6OutOctets", v6.outOctets],
    ["Icmp6InMsgs", sum(v6.icmpIn) + v6.icmpErrors],
    ["Icmp6InErrors", v6.icmpErrors],
    ["Icmp6OutMsgs", sum(v6.icmpOut)],
    ["Icmp6InCsumErrors", v6.icmpErrors],
    ...ICMPV6_TYPES.map(([name, type]): Count => [`Icmp6In${name}`, v6.icmpIn?.[type] ?? 0]),
    ...ICMPV6_TYPES.map(([name, type]): Count => [`Icmp6Out${name}`, v6.icmpOut?.[type] ?? 0]),
    ...typesOf(v6.icmpIn, "Icmp6InType"),
    ...typesOf(v6.icmpOut, "Icmp6OutType"),
    ...udpCounts(network.counters.udp[1]).map(([name, count]): Count => [`Udp6${name}`, count]),
  ];
  return counts.map(([name, count]) => `${name.padEnd(32)}\t${count}\n`).join("");
}

export function describeFurther(network: Network): string {
  const stack = network.tcp.begun;
  const [v4] = network.ip.stack.counters;
  return (
    lines("TcpExt", [
      ["ListenOverflows", stack?.listenOverflows ?? 0],
      ["ListenDrops", stack?.listenDrops ?? 0],
      ["TCPDSACKRecv", stack?.duplicatesTold ?? 0],
      ["TCPDSACKOfoRecv", stack?.duplicatesBeyondTold ?? 0],
      ["TCPTimeouts", stack?.timeouts ?? 0],
      ["TCPSynRetrans", stack?.synRetransmits ?? 0],
      ["TCPOrigDataSent", stack?.newSegmentsOut ?? 0],
    ]) +
    lines("IpExt", [
      ["InNoRoutes", v4.inNoRoutes],
      ["InOctets", v4.inOctets],
      ["OutOctets", v4.outOctets],
    ])
  );
}

function ipCounts(of: IpCounters): Count[] {
  return [
    ["InReceives", of.inReceives],
    ["InHdrErrors", of.inHeaderErrors],
    ["InAddrErrors", of.inAddressErrors],
    ["ForwDatagrams", of.forwarded],
    ["InUnknownProtos", of.inUnknownProtocols],
    ["InDiscards", 0],
    ["InDelivers", of.inDelivers],
    ["OutRequests", of.outRequests],
    ["OutDiscards", 0],
    ["OutNoRoutes", of.outNoRoutes],
    ["ReasmTimeout", of.partsExpired],
    ["ReasmReqds", of.partsReceived],
    ["ReasmOKs", of.putTogether],
    ["ReasmFails", of.partsExpired],
    ["FragOKs", of.divided],
    ["FragFails", 0],
    ["FragCreates", of.partsMade],
  ];
}

/** RtoMin and RtoMax in milliseconds; MaxConn of −1: no bound is told. */
function tcpCounts({ counters, inetSockets, tcp: { begun: stack } }: Network): Count[] {
  let established = 0;
  for (const { protocol, stateNumber } of inetSockets)
    if (protocol === IPPROTO_TCP && (stateNumber === TCP_ESTABLISHED || stateNumber === TCP_CLOSE_WAIT)) established++;
  return [
    ["RtoAlgorithm", 1],
    ["RtoMin", 200],
    ["RtoMax", 120_000],
    ["MaxConn", -1],
    ["ActiveOpens", counters.activeOpens],
    ["PassiveOpens", counters.passiveOpens],
    ["AttemptFails", counters.attemptFails],
    ["EstabResets", counters.establishedResets + (stack?.establishedResets ?? 0)],
    ["CurrEstab", established],
    ["InSegs", stack?.segmentsIn ?? 0],
    ["OutSegs", stack?.segmentsOut ?? 0],
    ["RetransSegs", stack?.retransmits ?? 0],
    ["InErrs", stack?.errorsIn ?? 0],
    ["OutRsts", counters.resetsOut + (stack?.resetsOut ?? 0)],
    ["InCsumErrors", stack?.errorsIn ?? 0],
  ];
}

function udpCounts(of: UdpCounters): Count[] {
  const errors = of.noRoom + of.badChecksums;
  return [
    ["InDatagrams", of.inDatagrams],
    ["NoPorts", of.noPorts],
    ["InErrors", errors],
    ["OutDatagrams", of.outDatagrams],
    ["RcvbufErrors", of.noRoom],
    ["SndbufErrors", 0],
    ["InCsumErrors", of.badChecksums],
    ["IgnoredMulti", 0],
    ["MemErrors", 0],
  ];
}

function typesOf(counts: Float64Array | null, name: string): Count[] {
  return [...(counts ?? NO_COUNTS)]
    .map((count, type): Count => [`${name}${type}`, count])
    .filter(([, count]) => count > 0);
}

function sum(counts: Float64Array | null): number {
  return (counts ?? NO_COUNTS).reduce((all, count) => all + count, 0);
}

const NO_COUNTS = new Float64Array(0);

/** Names on one line, counts on the next. */
function lines(group: string, counts: readonly Count[]): string {
  return (
    `${group}: ${counts.map(([name]) => name).join(" ")}\n` +
    `${group}: ${counts.map(([, count]) => count).join(" ")}\n`
  );
}

/**
 * Packets that a processor has taken from interfaces, and what made it stop (net/core/net-procfs.c, softnet_seq_show).
 * The harts take turns on one thread: all that was done stands at the first. Nothing of it waits or is dropped.
 */
export function describePacketWork(network: Network): string {
  let taken = 0;
  for (const { counters } of network.interfaces) taken += counters.receivedPackets;
  return `${(taken >>> 0).toString(16).padStart(8, "0")}${" 00000000".repeat(14)}\n`;
}
