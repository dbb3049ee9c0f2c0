import {
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
} from "@stratos/abi";
import type { Procfs } from "./procfs.ts";
import type { Task } from "../task/task.ts";
import { parseV4, parseV6 } from "../socket/inet/ip-address.ts";
import type { InetSocket } from "../socket/inet/inet-socket.ts";
import { PseudoDirectory, PseudoFile, type TextSource } from "../pseudo/pseudo-inodes.ts";

/**
 * /proc/net (proc_pid_net(5)): interfaces, routes and sockets in the forms that netstat, ss, lsof and ifconfig read.
 */

/** One directory serves all processes: there is one network name space. */
export function netDirectory(fileSystem: Procfs): PseudoDirectory {
  if (fileSystem.netDirectory !== null) return fileSystem.netDirectory;
  const directory = new PseudoDirectory(fileSystem);
  const file = (name: string, source: TextSource): void => void directory.add(name, new PseudoFile(fileSystem, source));
  file("dev", describeInterfaces);
  file("route", describeRoutes);
  file("if_inet6", describeInet6);
  file("ipv6_route", () => "");
  file("arp", () => "IP address       HW type     Flags       HW address            Mask     Device\n");
  file("tcp", (task) => describeSockets(task, (socket) => socket.type === SOCK_STREAM, false));
  file("tcp6", (task) => describeSockets(task, (socket) => socket.type === SOCK_STREAM, true));
  file("udp", (task) => describeSockets(task, (socket) => socket.protocol === IPPROTO_UDP, false));
  file("udp6", (task) => describeSockets(task, (socket) => socket.protocol === IPPROTO_UDP, true));
  file("udplite", (task) => describeSockets(task, (socket) => socket.protocol === IPPROTO_UDPLITE, false));
  file("udplite6", (task) => describeSockets(task, (socket) => socket.protocol === IPPROTO_UDPLITE, true));
  file("raw", (task) => describeSockets(task, (socket) => socket.type === SOCK_RAW, false));
  file("raw6", (task) => describeSockets(task, (socket) => socket.type === SOCK_RAW, true));
  file("icmp", (task) =>
    describeSockets(task, (socket) => socket.type === SOCK_DGRAM && socket.protocol === IPPROTO_ICMP, false),
  );
  file("icmp6", (task) =>
    describeSockets(task, (socket) => socket.type === SOCK_DGRAM && socket.protocol === IPPROTO_ICMPV6, true),
  );
  file("unix", describeUnix);
  file("netlink", () => "sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n");
  file("packet", () => "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n");
  file(
    "protocols",
    () =>
      "protocol  size sockets  memory press maxhdr  slab module     cl co di ac io in de sh ss gs se re sp bi br " +
      "ha uh gp em\n",
  );
  file("sockstat", describeTotals);
  file("sockstat6", () => "TCP6: inuse 0\nUDP6: inuse 0\nUDPLITE6: inuse 0\nRAW6: inuse 0\nFRAG6: inuse 0 memory 0\n");
  file(
    "snmp",
    () =>
      "Ip: Forwarding DefaultTTL\nIp: 2 64\nTcp: RtoAlgorithm RtoMin RtoMax MaxConn\nTcp: 1 200 120000 -1\n" +
      "Udp: InDatagrams NoPorts\nUdp: 0 0\n",
  );
  file("netstat", () => "");
  file(
    "wireless",
    () =>
      "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n" +
      " face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n",
  );
  fileSystem.netDirectory = directory;
  return directory;
}

function describeInterfaces(task: Task): string {
  const zeros =
    "       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0    " +
    "      0\n";
  const rows = task.network.interfaces.map((one) => `${one.name.padStart(6)}:${zeros}`);
  return (
    "Inter-|   Receive                                                |  Transmit\n" +
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls " +
    `carrier compressed\n${rows.join("")}`
  );
}

/** Addresses stand there as the machine's words: little endian on RISC-V. */
function hexV4(ip: string): string {
  const bytes = parseV4(ip) ?? new Uint8Array(4);
  return [...bytes]
    .reverse()
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("")
    .toUpperCase();
}

function hexV6(ip: string): string {
  const v4 = parseV4(ip);
  let bytes = v4 === null ? parseV6(ip) : null;
  if (bytes === null) {
    bytes = new Uint8Array(16);
    if (v4 !== null && ip !== "0.0.0.0") bytes.set([0xff, 0xff, ...v4], 10);
  }
  let text = "";
  for (let word = 0; word < 16; word += 4)
    for (let byte = 3; byte >= 0; byte--) text += bytes[word + byte]!.toString(16).padStart(2, "0");
  return text.toUpperCase();
}

function describeRoutes(task: Task): string {
  const rows: string[] = [];
  const outside = task.network.outside;
  const row = (name: string, target: string, flags: string, mask: string): void =>
    void rows.push(`${name}\t${target}\t00000000\t${flags}\t0\t0\t0\t${mask}\t0\t0\t0`.padEnd(127));
  if (outside !== undefined) {
    row(outside.name, "00000000", "0001", "00000000");
    for (const { ip, prefixLength } of outside.addresses) {
      const bytes = parseV4(ip);
      if (bytes === null) continue;
      const mask = prefixLength === 0 ? 0 : (-1 << (32 - prefixLength)) >>> 0;
      const word = (((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) & mask) >>> 0;
      row(outside.name, swapHex(word), "0001", swapHex(mask));
    }
  }
  return (
    `${[
      "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT".padEnd(127),
      ...rows,
    ].join("\n")}` + "\n"
  );
}

function swapHex(word: number): string {
  const swapped = ((word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | (word << 24)) >>> 0;
  return swapped.toString(16).padStart(8, "0").toUpperCase();
}

function describeInet6(task: Task): string {
  let text = "";
  for (const one of task.network.interfaces) {
    for (const { ip, prefixLength } of one.addresses) {
      const bytes = parseV4(ip) === null ? parseV6(ip) : null;
      if (bytes === null) continue;
      const address = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      const scope = one.name === "lo" ? "10" : ip.startsWith("fe80") ? "20" : "00";
      text +=
        `${address} ${one.index.toString(16).padStart(2, "0")} ${prefixLength.toString(16).padStart(2, "0")} ` +
        `${scope} 80 ${one.name.padStart(8)}\n`;
    }
  }
  return text;
}

const SOCKET_HEADER_V4 =
  `${"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode".padEnd(149)}` +
  "\n";
const SOCKET_HEADER_V6 =
  "  sl  local_address                         remote_address                        st tx_queue rx_queue tr " +
  "tm->when retrnsmt   uid  timeout inode\n";

function describeSockets(task: Task, belongs: (socket: InetSocket) => boolean, isV6: boolean): string {
  let text = isV6 ? SOCKET_HEADER_V6 : SOCKET_HEADER_V4;
  let line = 0;
  for (const socket of task.network.inetSockets) {
    if (!belongs(socket) || socket.isV6 !== isV6 || socket.local === null) continue;
    const state = socket.stateNumber.toString(16).padStart(2, "0").toUpperCase();
    text +=
      `${(
        `${String(line++).padStart(4)}: ${endpoint(socket, "local", isV6)} ${endpoint(socket, "peer", isV6)} ` +
        `${state} 00000000:00000000 00:00000000 00000000 ${String(socket.inode?.uid ?? 0).padStart(5)} ` +
        `${"0".padStart(8)} ${socket.inode?.ino ?? 0} 1 0000000000000000 100 0 0 10 0`
      ).padEnd(149)}` + "\n";
  }
  return text;
}

function endpoint(socket: InetSocket, which: "local" | "peer", isV6: boolean): string {
  const end = socket[which];
  const ip = end?.ip ?? (isV6 ? "::" : "0.0.0.0");
  return `${isV6 ? hexV6(ip) : hexV4(ip)}:${(end?.port ?? 0).toString(16).padStart(4, "0").toUpperCase()}`;
}

function describeUnix(task: Task): string {
  let text = "Num       RefCount Protocol Flags    Type St Inode Path\n";
  for (const socket of task.network.unixSockets) {
    const isConnected = socket.peerSocket !== null;
    const flags = socket.isListening ? "00010000" : "00000000";
    const type = socket.type.toString(16).padStart(4, "0");
    const name = socket.shownName;
    text +=
      `0000000000000000: ${"00000002"} 00000000 ${flags} ${type} ${isConnected ? "03" : "01"} ` +
      `${String(socket.inode?.ino ?? 0).padStart(5)}${name === "" ? "" : ` ${name}`}\n`;
  }
  return text;
}

function describeTotals(task: Task): string {
  const { network } = task;
  let tcp = 0,
    udp = 0,
    raw = 0;
  for (const socket of network.inetSockets) {
    if (socket.type === SOCK_STREAM) tcp++;
    else if (socket.type === SOCK_RAW) raw++;
    else udp++;
  }
  return (
    `sockets: used ${network.inetSockets.size + network.unixSockets.size}\nTCP: inuse ${tcp} orphan 0 tw 0 alloc ` +
    `${tcp} mem ${network.tcpMemory.pages}\n` +
    `UDP: inuse ${udp} mem ${network.udpMemory.pages}\nUDPLITE: inuse 0\nRAW: inuse ${raw}\nFRAG: inuse 0 memory 0\n`
  );
}
