/**
 * /proc/net (proc_pid_net(5)): interfaces, routes and sockets in the forms that netstat, ss, lsof and ifconfig read.
 */
import {
  EACCES,
  ATF_COM,
  ATF_PERM,
  EINVAL,
  ENOENT,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  NUD_NOARP,
  NUD_PERMANENT,
  NUD_VALID,
  RTF_GATEWAY,
  RTF_HOST,
  RTF_UP,
  RT_SCOPE_HOST,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RT_TABLE_MAIN,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  RTN_UNREACHABLE,
  RTN_PROHIBIT,
  RTF_REJECT,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { ANY_V4, type IpAddress, isV4, isWildcard, netmaskOf, textOfIp, widthOf } from "@stratos/netstack";
import type { Inode } from "../vfs/inode.ts";
import { isAlive } from "./process-descriptors.ts";
import { belongToUser } from "./process-file.ts";
import type { Task } from "../task/task.ts";
import { type HeldPort, waitingState } from "../socket/inet/held-ports.ts";
import type { InetSocket } from "../socket/inet/inet-socket.ts";
import { TICK_NS } from "../socket/netlink/neighbour-messages.ts";
import {
  FOUND_BY_NAME,
  PseudoDirectory,
  PseudoFile,
  type PseudoFileSystem,
  type TextPiece,
  type TextSource,
} from "../pseudo/pseudo-inodes.ts";
import { flagsOf, scopeOf } from "../socket/network-interface.ts";
import { waysOf } from "../socket/route-ways.ts";
import { isRefusal, type Route } from "../socket/routes.ts";
import { describeGroups, describeGroups6, describeLinkGroups } from "./net-groups.ts";
import { describeSocketKinds } from "./net-protocols.ts";
import { describeFurther, describePacketWork, describeProtocols, describeProtocols6 } from "./net-statistics.ts";
import { numbered, tableInPieces } from "./table-in-pieces.ts";

/** /proc/PID/net: of the network namespace of the process. Its files are made when somebody asks for one. */
export class NetDirectory extends PseudoDirectory {
  #target: () => Task;

  constructor(fileSystem: PseudoFileSystem, target: () => Task) {
    super(fileSystem);
    this.#target = target;
  }

  override refresh(): number {
    belongToUser(this, this.#target());
    return 0;
  }

  /** A name stands only while the process lives. */
  override get cachesNames(): boolean {
    return false;
  }

  override get listingRefused(): number {
    return isAlive(this.#target()) ? 0 : -EINVAL;
  }

  override entryNamed(name: string): Inode | null {
    if (this.entries.size === 0) fill(this, this.#target);
    return super.entryNamed(name);
  }

  override lookup(name: string): Inode | number {
    if (!isAlive(this.#target())) return -ENOENT;
    if (this.entries.size === 0) fill(this, this.#target);
    return super.lookup(name);
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    if (this.entries.size === 0) fill(this, this.#target);
    return super.list(cursor, emit);
  }

  static {
    stateClass(
      "NetDirectory",
      this,
      { save: (it) => ({ target: it.#target }), load: (it, from) => ({ target: it.#target } = from) },
      FOUND_BY_NAME,
    );
  }
}

/** One that takes nothing is not opened to be written, unless its text is one piece (fs/proc/proc_net.c). */
class NetFile extends PseudoFile {
  override get writeRefusal(): number {
    return IN_ONE_PIECE.has(this.entryName) ? -EACCES : 0;
  }

  static {
    stateClass("NetFile", this, null, FOUND_BY_NAME);
  }
}

const IN_ONE_PIECE: ReadonlySet<string> = new Set(["sockstat", "sockstat6", "snmp", "snmp6", "netstat"]);

function fill(directory: PseudoDirectory, target: () => Task): void {
  const { fileSystem } = directory;
  const file = (name: string, source: TextSource): void =>
    void directory.add(name, new NetFile(fileSystem, (_reader, from, kept) => source(target(), from, kept)));
  file("dev", describeInterfaces);
  file("softnet_stat", ({ network }) => describePacketWork(network));
  file("route", describeRoutes);
  file("if_inet6", describeInet6);
  file("igmp", describeGroups);
  file("igmp6", describeGroups6);
  file("dev_mcast", describeLinkGroups);
  file("ipv6_route", describeRoutes6);
  file("arp", describeNeighbours);
  const sockets = (name: string, table: SocketTable, belongs: (socket: InetSocket) => boolean): void =>
    file(name, (task, from, kept) =>
      tableInPieces(task, { from, kept, header: headerOf(table) }, numbered(task.network.inetSockets), (socket, line) =>
        belongs(socket) ? describeSocket(task, socket, line, table) : "",
      ),
    );
  file("tcp", (task, from, kept) => describeConnections(task, TCP_V4, from, kept));
  file("tcp6", (task, from, kept) => describeConnections(task, TCP_V6, from, kept));
  sockets("udp", UDP_V4, (socket) => socket.protocol === IPPROTO_UDP);
  sockets("udp6", DATAGRAMS_V6, (socket) => socket.protocol === IPPROTO_UDP);
  sockets("udplite", UDP_V4, (socket) => socket.protocol === IPPROTO_UDPLITE);
  sockets("udplite6", DATAGRAMS_V6, (socket) => socket.protocol === IPPROTO_UDPLITE);
  sockets("raw", RAW_V4, (socket) => socket.type === SOCK_RAW);
  sockets("raw6", DATAGRAMS_V6, (socket) => socket.type === SOCK_RAW);
  sockets("icmp", PING_V4, (socket) => socket.type === SOCK_DGRAM && socket.protocol === IPPROTO_ICMP);
  sockets("icmp6", DATAGRAMS_V6, (socket) => socket.type === SOCK_DGRAM && socket.protocol === IPPROTO_ICMPV6);
  file("unix", describeUnix);
  file("netlink", describeNetlink);
  file("packet", describePacketSockets);
  file("protocols", describeSocketKinds);
  file("sockstat", describeTotals);
  file("sockstat6", () => "TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n");
  file("snmp", ({ network }) => describeProtocols(network));
  file("snmp6", ({ network }) => describeProtocols6(network));
  file("netstat", ({ network }) => describeFurther(network));
  file(
    "wireless",
    () =>
      "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n" +
      " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n",
  );
}

/** Bytes, packets, errors, losses … of each interface, as net/core/net-procfs.c lays them out. */
function describeInterfaces(task: Task): string {
  const column = (value: number, width: number): string => String(value).padStart(width);
  const rows = task.network.interfaces.map(({ name, counters: its }) => {
    const received = `${column(its.receivedBytes, 8)}${column(its.receivedPackets, 8)}    0`;
    const sent = `${column(its.sentBytes, 9)}${column(its.sentPackets, 8)}    0${column(its.sentDropped, 5)}`;
    const lost = `${column(its.receivedDropped, 5)}    0     0          0         0`;
    return `${name.padStart(6)}:${received}${lost}${sent}    0     0       0          0\n`;
  });
  return (
    "Inter-|   Receive                                                |  Transmit\n" +
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls " +
    `carrier compressed\n${rows.join("")}`
  );
}

/** net/ipv4/arp.c, arp_format_neigh_entry. */
function describeNeighbours({ network }: Task): string {
  let text = "IP address       HW type     Flags       HW address            Mask     Device\n";
  for (const { ip, device, state, address } of network.ip.neighbours.list()) {
    const out = network.interfaceByIndex(device);
    if (!isV4(ip) || (state & ~NUD_NOARP) === 0 || out === undefined) continue;
    const flags = ((state & NUD_VALID) !== 0 ? ATF_COM : 0) | (state === NUD_PERMANENT ? ATF_PERM : 0);
    const hex = (value: number): string => `0x${value.toString(16).padEnd(10)}`;
    const hardware = [...address].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
    text += `${textOfIp(ip).padEnd(16)} ${hex(out.hardwareType)}${hex(flags)}${hardware}     *        ${out.name}\n`;
  }
  return text;
}

/** Addresses stand there as the machine's words: little endian on RISC-V. */
function hexV4(ip: IpAddress): string {
  return swapHex(ip[3]!);
}

function hexV6(ip: IpAddress): string {
  return isWildcard(ip) ? "0".repeat(32) : [...ip].map(swapHex).join("");
}

/** `struct rtentry`.rt_flags of a route. */
function routeFlags(route: Route): number {
  const isHost = route.prefixLength === widthOf(route.destination);
  const { gateway, type, destination } = route;
  const isRejected = isV4(destination) ? type === RTN_UNREACHABLE || type === RTN_PROHIBIT : isRefusal(type);
  return RTF_UP | (gateway === null ? 0 : RTF_GATEWAY) | (isHost ? RTF_HOST : 0) | (isRejected ? RTF_REJECT : 0);
}

function describeRoutes(task: Task): string {
  const rows = task.network.routes
    .list()
    .filter(({ destination, table }) => isV4(destination) && table === RT_TABLE_MAIN)
    .map((route) => {
      // One of the other family has no place here.
      const gateway = route.gateway !== null && isV4(route.gateway) ? route.gateway : ANY_V4;
      const ends = `${hexV4(route.destination)}\t${hexV4(gateway)}`;
      const flags = routeFlags(route).toString(16).padStart(4, "0");
      const mask = hexV4(netmaskOf(route.prefixLength));
      const name = isRefusal(route.type) ? "*" : route.out.name;
      return `${name}\t${ends}\t${flags}\t0\t0\t${route.metric}\t${mask}\t0\t0\t0`.padEnd(127);
    });
  const header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT".padEnd(127);
  return `${[header, ...rows].join("\n")}\n`;
}

/** Destination, source, next hop, metric, counts, flags (net/ipv6/route.c, rt6_info_route). */
function describeRoutes6(task: Task): string {
  const any = "0".repeat(32);
  return task.network.routes
    .list()
    .filter(({ destination }) => !isV4(destination))
    .flatMap(waysOf)
    .map((route) => {
      const length = route.prefixLength.toString(16).padStart(2, "0");
      const gateway = route.gateway === null ? any : plainHex(route.gateway);
      const word = (value: number): string => value.toString(16).padStart(8, "0");
      const numbers = `${word(route.metric)} ${word(1)} ${word(0)} ${word(routeFlags(route))}`;
      return `${plainHex(route.destination)} ${length} ${any} 00 ${gateway} ${numbers} ${route.out.name.padStart(8)}\n`;
    })
    .join("");
}

function plainHex(ip: IpAddress): string {
  return [...ip].map((word) => word.toString(16).padStart(8, "0")).join("");
}

function swapHex(word: number): string {
  const swapped = ((word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | (word << 24)) >>> 0;
  return swapped.toString(16).padStart(8, "0").toUpperCase();
}

/** IPV6_ADDR_LOOPBACK, IPV6_ADDR_LINKLOCAL, everywhere; by RT_SCOPE_*. */
const SCOPES_V6: Readonly<Record<number, string>> = {
  [RT_SCOPE_HOST]: "10",
  [RT_SCOPE_LINK]: "20",
  [RT_SCOPE_UNIVERSE]: "00",
};

function describeInet6(task: Task): string {
  let text = "";
  for (const one of task.network.interfaces) {
    for (const address of one.addresses) {
      const { ip, prefixLength } = address;
      if (isV4(ip)) continue;
      const hex = (value: number): string => value.toString(16).padStart(2, "0");
      const scope = SCOPES_V6[scopeOf(ip)];
      const numbers = `${hex(one.index)} ${hex(prefixLength)} ${scope} ${hex(flagsOf(address) & 0xff)}`;
      text += `${plainHex(ip)} ${numbers} ${one.name.padStart(8)}\n`;
    }
  }
  return text;
}

/** SOCK_RAW 3 or SOCK_DGRAM 2, Ethernet type, interface, inode. */
function describePacketSockets(task: Task): string {
  const { uids } = task.credentials.userNamespace;
  let text = "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n";
  for (const socket of task.network.packetSockets) {
    const { uid = 0, ino = 0 } = socket.inode ?? {};
    const protocol = socket.ethernetType.toString(16).padStart(4, "0");
    const numbers = `${String(socket.interfaceIndex).padEnd(5)} 1 ${String(socket.queuedBytes).padEnd(6)}`;
    const kind = String(socket.type).padEnd(4);
    text += `0000000000000000 3      ${kind} ${protocol}   ${numbers} ${String(uids.shown(uid)).padEnd(6)} ${ino}\n`;
  }
  return text;
}

/** As net/netlink/af_netlink.c, netlink_native_seq_show. */
function describeNetlink(task: Task): string {
  let text = "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n";
  for (const socket of task.network.netlinkSockets.values()) {
    const numbers = [socket.protocol, socket.portId].map((value, at) => String(value).padEnd(at === 0 ? 3 : 10));
    const groups = socket.groupMask.toString(16).padStart(8, "0");
    text +=
      `0000000000000000 ${numbers.join(" ")} ${groups} ${String(socket.queuedBytes).padEnd(8)} ` +
      `0        0     2        0        ${String(socket.inode?.ino ?? 0).padEnd(8)}\n`;
  }
  return text;
}

const HEADER_V4 = "sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const HEADER_V6 =
  "sl  local_address                         remote_address                        st tx_queue rx_queue tr " +
  "tm->when retrnsmt   uid  timeout inode";

/** How a protocol tells its sockets; each does it a little differently. */
interface SocketTable {
  readonly header: string;
  readonly isV6: boolean;
  /** Of the number of a row. */
  readonly numberWidth: number;
  /** Of the header and of each row, 0: as long as they are. */
  readonly headerWidth: number;
  readonly rowWidth: number;
  /** Behind the inode: references, an address of the kernel, and what belongs to the protocol. */
  readonly rest: string;
}

/** net/ipv4/tcp_ipv4.c, tcp4_seq_show; net/ipv6/tcp_ipv6.c, tcp6_seq_show */
const TCP_V4: SocketTable = {
  header: `  ${HEADER_V4}`,
  isV6: false,
  numberWidth: 4,
  headerWidth: 149,
  rowWidth: 149,
  rest: "1 0000000000000000 100 0 0 10 0",
};
const TCP_V6: SocketTable = { ...TCP_V4, header: `  ${HEADER_V6}`, isV6: true, headerWidth: 0 };
/** net/ipv4/udp.c, udp4_seq_show; net/ipv4/raw.c, raw_seq_show; net/ipv4/ping.c, ping_v4_seq_show */
const UDP_V4: SocketTable = {
  header: `   ${HEADER_V4} ref pointer drops`,
  isV6: false,
  numberWidth: 5,
  headerWidth: 127,
  rowWidth: 127,
  rest: "2 0000000000000000 0",
};
const PING_V4: SocketTable = { ...UDP_V4, header: `  ${HEADER_V4} ref pointer drops` };
const RAW_V4: SocketTable = { ...PING_V4, numberWidth: 4, headerWidth: 0, rowWidth: 0 };
/** net/ipv6/datagram.c, __ip6_dgram_sock_seq_show */
const DATAGRAMS_V6: SocketTable = {
  ...UDP_V4,
  header: `  ${HEADER_V6} ref pointer drops`,
  isV6: true,
  headerWidth: 0,
  rowWidth: 0,
};

function headerOf({ header, headerWidth }: SocketTable): string {
  return `${header.padEnd(headerWidth)}\n`;
}

/** With those that have no socket any more. */
function describeConnections(task: Task, table: SocketTable, from: number, kept: unknown): TextPiece {
  const { inetSockets, tcpPorts } = task.network;
  const now = task.kernel.now();
  const all = function* (): Generator<InetSocket | HeldPort> {
    yield* inetSockets;
    yield* tcpPorts.held.waitingOnes(now);
  };
  return tableInPieces(task, { from, kept, header: headerOf(table) }, numbered(all()), (one, line) => {
    if ("untilNs" in one) return one.isV6 === table.isV6 ? describeWaiting(one, now, line, table) : "";
    return one.type === SOCK_STREAM ? describeSocket(task, one, line, table) : "";
  });
}

/** Its timer is the third, in ticks (net/ipv4/tcp_ipv4.c, get_timewait4_sock). */
function describeWaiting(one: HeldPort, now: number, line: number, table: SocketTable): string {
  const { ip, port, peer, isV6, untilNs } = one;
  const ticks = Math.ceil((untilNs - now) / TICK_NS)
    .toString(16)
    .padStart(8, "0")
    .toUpperCase();
  return `${(
    `${String(line).padStart(table.numberWidth)}: ${place(ip, port, isV6)} ` +
    `${place(peer?.ip ?? ANY_V4, peer?.port ?? 0, isV6)} ` +
    `0${waitingState(one)} 00000000:00000000 03:${ticks} 00000000     0        0 0 3 0000000000000000`
  ).padEnd(table.rowWidth)}\n`;
}

function describeSocket(task: Task, socket: InetSocket, line: number, table: SocketTable): string {
  const { isV6 } = table;
  if (socket.isV6 !== isV6 || !socket.isListed) return "";
  const { uids } = task.credentials.userNamespace;
  const state = socket.stateNumber.toString(16).padStart(2, "0").toUpperCase();
  return `${(
    `${String(line).padStart(table.numberWidth)}: ` +
    `${endpoint(socket, "local", isV6)} ${endpoint(socket, "peer", isV6)} ` +
    `${state} 00000000:00000000 00:00000000 00000000 ${String(uids.shown(socket.inode?.uid ?? 0)).padStart(5)} ` +
    `${"0".padStart(8)} ${socket.inode?.ino ?? 0} ${table.rest}`
  ).padEnd(table.rowWidth)}\n`;
}

function endpoint(socket: InetSocket, which: "local" | "peer", isV6: boolean): string {
  const end = socket[which];
  const ip = end?.ip ?? ANY_V4;
  // A raw socket's own port is its protocol (raw(7)).
  const port = socket.type !== SOCK_RAW ? (end?.port ?? 0) : which === "local" ? socket.protocol : 0;
  return place(ip, port, isV6);
}

function place(ip: IpAddress, port: number, isV6: boolean): string {
  return `${isV6 ? hexV6(ip) : hexV4(ip)}:${port.toString(16).padStart(4, "0").toUpperCase()}`;
}

function describeUnix(task: Task, from: number, kept: unknown): TextPiece {
  const header = "Num       RefCount Protocol Flags    Type St Inode Path\n";
  return tableInPieces(task, { from, kept, header }, numbered(task.network.unixSockets), (socket) => {
    const isConnected = socket.peerSocket !== null;
    const flags = socket.isListening ? "00010000" : "00000000";
    const type = socket.type.toString(16).padStart(4, "0");
    const name = socket.shownName;
    return (
      `0000000000000000: ${"00000002"} 00000000 ${flags} ${type} ${isConnected ? "03" : "01"} ` +
      `${String(socket.inode?.ino ?? 0).padStart(5)}${name === "" ? "" : ` ${name}`}\n`
    );
  });
}

function describeTotals(task: Task): string {
  const { network } = task;
  const waiting = network.tcpPorts.held.waiting(task.kernel.now());
  let tcp = 0,
    udp = 0,
    raw = 0;
  for (const socket of network.inetSockets) {
    if (socket.type === SOCK_STREAM) tcp++;
    else if (socket.type === SOCK_RAW) raw++;
    else udp++;
  }
  const used = network.inetSockets.size + network.unixSockets.size;
  return (
    `sockets: used ${used}\nTCP: inuse ${tcp} orphan 0 tw ${waiting} alloc ${tcp} mem ${network.tcpMemory.pages}\n` +
    `UDP: inuse ${udp} mem ${network.udpMemory.pages}\nUDPLITE: inuse 0\nRAW: inuse ${raw}\nFRAG: inuse 0 memory 0\n`
  );
}
