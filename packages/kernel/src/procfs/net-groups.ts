/** /proc/net/igmp, igmp6 and dev_mcast: which multicast groups each interface hears, for netstat(8) and `ip maddr`. */
import { ARPHRD_ETHER } from "@stratos/abi";
import { hexOf } from "@stratos/base";
import { ALL_HOSTS, ALL_NODES, isSameIp, type IpAddress, isV4 } from "@stratos/netstack";
import type { Network } from "../socket/network.ts";
import type { Task } from "../task/task.ts";

interface Group {
  readonly ip: IpAddress;
  users: number;
}

/** `mca_flags` (include/net/if_inet6.h): the interface's filter has it; it is told to nobody. */
const MAF_LOADED = 4,
  MAF_NOREPORT = 8;
const SCOPE_LINK_LOCAL = 2;

/** What sockets have joined, by the interface's index, the newest first. */
function joined(network: Network, wantsV4: boolean): Map<number, Group[]> {
  const known = new Map<string, Group>();
  const groups = new Map<number, Group[]>();
  for (const { ip } of network.groupMembers)
    for (const { group, index } of ip.groups) {
      network.kernel.work.charge(1);
      if (isV4(group) !== wantsV4) continue;
      const key = `${index} ${group.join()}`;
      const present = known.get(key);
      if (present !== undefined) {
        present.users++;
        continue;
      }
      const one = { ip: group, users: 1 };
      known.set(key, one);
      const list = groups.get(index);
      if (list === undefined) groups.set(index, [one]);
      else list.push(one);
    }
  for (const list of groups.values()) list.reverse();
  return groups;
}

export function describeGroups(task: Task): string {
  const { network } = task;
  const all = joined(network, true);
  let text = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n";
  for (const one of network.interfaces) {
    const groups = all.get(one.index) ?? [];
    if (one.isUp) groups.push({ ip: ALL_HOSTS, users: 1 });
    if (groups.length === 0) continue;
    text += `${one.index}\t${one.name.padEnd(10)}: ${String(groups.length).padStart(5)} ${"V3".padStart(7)}\n`;
    for (const { ip, users } of groups) text += `\t\t\t\t${wordOf(ip)} ${String(users).padStart(5)} 0:00000000\t\t0\n`;
  }
  return text;
}

/** As a word of the machine: little endian. */
function wordOf(ip: IpAddress): string {
  const bytes = ip[3]!.toString(16).padStart(8, "0").match(/../g)!;
  return bytes.reverse().join("").toUpperCase();
}

export function describeGroups6(task: Task): string {
  const { network } = task;
  const all = joined(network, false);
  let text = "";
  for (const one of network.interfaces) {
    const groups = all.get(one.index) ?? [];
    if (!one.isLoopback && !one.isNoArp)
      for (const { ip } of one.addresses) if (!isV4(ip)) groups.push({ ip: solicitedNode(ip), users: 1 });
    for (const ip of ALL_NODES) groups.push({ ip, users: 1 });
    for (const { ip, users } of groups) {
      const address = [...ip].map((word) => word.toString(16).padStart(8, "0")).join("");
      const flags = flagsOf(ip).toString(16).toUpperCase().padStart(8, "0");
      const device = `${String(one.index).padEnd(4)} ${one.name.padEnd(15)}`;
      text += `${device} ${address} ${String(users).padStart(5)} ${flags} 0\n`;
    }
  }
  return text;
}

/** dev_mcast: what each interface's own filter lets in (net/core/net-procfs.c, dev_mc_seq_show). */
export function describeLinkGroups(task: Task): string {
  const { network } = task;
  const all = [joined(network, false), joined(network, true)];
  let text = "";
  for (const one of network.interfaces) {
    const users = new Map<string, { count: number; isByHand: boolean }>();
    const hear = (address: string): void =>
      void users.set(address, { count: (users.get(address)?.count ?? 0) + 1, isByHand: false });
    if (one.hardwareType === ARPHRD_ETHER) {
      const heard: IpAddress[] = one.hasIpv6 && !one.isNoArp ? [ALL_NODES[0]!] : [];
      if (one.isUp) heard.push(ALL_HOSTS);
      if (!one.isNoArp) for (const { ip } of one.addresses) if (!isV4(ip)) heard.push(solicitedNode(ip));
      for (const groups of all) for (const { ip } of groups.get(one.index)?.reverse() ?? []) heard.push(ip);
      for (const ip of heard) if (isV4(ip) || (flagsOf(ip) & MAF_LOADED) !== 0) hear(etherOf(ip));
    }
    for (const socket of network.packetSockets) for (const address of socket.groupsAt(one.index)) hear(address);
    for (const group of one.linkGroups) {
      const address = hexOf(group);
      users.set(address, { count: (users.get(address)?.count ?? 0) + 1, isByHand: true });
    }
    const device = `${String(one.index).padEnd(4)} ${one.name.padEnd(15)}`;
    for (const [address, { count, isByHand }] of users)
      text += `${device} ${String(count).padEnd(5)} ${isByHand ? "1" : "0"}     ${address}\n`;
  }
  return text;
}

/** RFC 1112 §6.4: the lower 23 bits; RFC 2464 §7: the lower 32. */
function etherOf(ip: IpAddress): string {
  const [prefix, mask] = isV4(ip) ? ["01005e", 0x7fffff] : ["3333", 0xffffffff];
  return prefix + ((ip[3]! & mask) >>> 0).toString(16).padStart(12 - prefix.length, "0");
}

/** RFC 4291 §2.7.1. */
function solicitedNode(ip: IpAddress): IpAddress {
  return Uint32Array.of(0xff020000, 0, 1, (0xff000000 | (ip[3]! & 0xffffff)) >>> 0);
}

function flagsOf(ip: IpAddress): number {
  const scope = (ip[0]! >>> 16) & 15;
  if (scope < SCOPE_LINK_LOCAL) return MAF_NOREPORT;
  return isSameIp(ip, ALL_NODES[0]!) ? MAF_NOREPORT | MAF_LOADED : MAF_LOADED;
}
