import type { RandomSource } from "@stratos/host";
import type { Netfilter } from "@stratos/netfilter";
import type { IpAddress, Neighbour, NeighbourCache } from "@stratos/netstack";
import type { CallWork } from "../ground/call-work.ts";
import type { UserNamespace } from "../security/user-namespace.ts";
import type { ProxiedAddresses } from "./ip/proxied-addresses.ts";
import type { InterfaceAddress, InterfaceKind, InterfaceOptions, NetworkInterface } from "./network-interface.ts";
import type { NetworkSettings } from "./network-settings.ts";
import type { Route, RoutingTable } from "./routes.ts";
import type { RoutingRule } from "./routing-rules.ts";

/** A network (network.ts), as those know it who change its interfaces, addresses and routes, or ask for them. */
export interface InterfaceNetwork {
  readonly kernel: { readonly random: RandomSource; readonly work: CallWork; now(): number };
  readonly owner: UserNamespace;
  /** By index. */
  readonly interfaces: NetworkInterface[];
  readonly settings: NetworkSettings;
  readonly routes: RoutingTable;
  readonly observers: ReadonlySet<NetworkObserver>;
  /** Who changes something by a message, while it is done; null: nobody does. */
  asker: ChangeAsker | null;
  /** /proc/PID/ns/net's number. */
  readonly ino: number;
  /** Rules for its packets; null: nobody has asked for any. */
  readonly netfilter: Netfilter | null;
  /** Packet sockets. */
  readonly packetSockets: ReadonlySet<FrameObserver>;
  /** The next index that is free: it is used up. */
  takeIndex(): number;
  makeInterface(kind: InterfaceKind, options: InterfaceOptions): NetworkInterface;
  /** Takes in what another network has let go: under its index, or where that is taken another. */
  adopt(one: NetworkInterface): void;
  /** What it calls another network in messages (NETNSA_NSID). */
  numberOf(other: InterfaceNetwork): number;
  giveNumber(other: InterfaceNetwork, number: number): boolean;
  readonly numbers: ReadonlyMap<InterfaceNetwork, number>;
  /** Its IP layer. */
  readonly ip: InterfaceIp;
  interfaceByName(name: string): NetworkInterface | undefined;
  interfaceByIndex(index: number): NetworkInterface | undefined;
  interfaceOf(ip: IpAddress): NetworkInterface;
  hasAddress(ip: IpAddress): boolean;
  sourceToOwn(ip: IpAddress): IpAddress;
  isLocal(ip: IpAddress): boolean;
  isBroadcast(ip: IpAddress): boolean;
  /** What the way out has of a family as often as it begins anew: its addresses, and a default route. */
  outsideIn(family: 4 | 6): { readonly addresses: readonly InterfaceAddress[]; readonly route: Route | null };
}

/** A request of rtnetlink: those who hear of the change are told by which, and who asked may hear it as well. */
export interface ChangeAsker {
  /** RTM_*. */
  readonly type: number;
  readonly sequence: number;
  /** Of its socket. */
  readonly port: number;
  /** NLM_F_ECHO: its socket hears what has changed. */
  readonly isEchoed: boolean;
}

/** Who wants to know what becomes of interfaces, their addresses and routes. */
export interface NetworkObserver {
  /** @param isGone  it was removed */
  interfaceChanged(one: NetworkInterface, isGone: boolean): void;
  /** What it is as a port of a bridge. @param isGone  it is none any more when this is over */
  portChanged?(port: NetworkInterface, isGone: boolean): void;
  addressChanged(one: NetworkInterface, address: InterfaceAddress, isGone: boolean): void;
  /** @param how  NLM_F_…: what became of others to the same destination (net/ipv4/fib_trie.c, fib_table_insert) */
  routeChanged(route: Route, isGone: boolean, how: number): void;
  ruleChanged(rule: RoutingRule, isGone: boolean): void;
  /** A router said something that programs want to know: what RTM_NEWNDUSEROPT has behind its head. */
  routerSaid?(payload: Uint8Array): void;
  neighbourChanged(one: Neighbour): void;
}

/** The IP layer of a network, as its interfaces know it (ip/network-ip.ts). */
export interface InterfaceIp {
  readonly neighbours: NeighbourCache;
  /** Whose neighbours are told that they are here. */
  readonly proxied: ProxiedAddresses;
  /** A frame came in, for this station, for all or for a group. */
  frameReceived(one: NetworkInterface, frame: Uint8Array, isForMany: boolean): void;
  /** The same, when its turn has come. */
  take(one: NetworkInterface, bytes: Uint8Array, isForMany: boolean, known: object | null, isFramed: boolean): void;
  /** A packet leaves by the loopback, `bytes[0 … length)`: it comes in there. */
  loop(one: NetworkInterface, bytes: Uint8Array, length: number): void;
  /** Do rules see packets? */
  readonly isFiltered: boolean;
  /** Do rules, packet sockets or raw ones see TCP and UDP that stay in the machine? Then those cross the IP layer. */
  readonly isSeen: boolean;
  /** Tells its neighbours its addresses of IPv4, where they are asked for at all. */
  announce(one: NetworkInterface): void;
  /** It is down or gone: its neighbours are unknown again. */
  interfaceDown(index: number): void;
  /** An interface carries packets now: it gets its own address of the link, and those that wait are asked for. */
  becomeReady(one: NetworkInterface): void;
  /** Asks a link whether an address of IPv6 is free; it is used when nobody has said no. */
  ask(one: NetworkInterface, address: InterfaceAddress): void;
  /** Somebody joined or left a group, or an interface changed by which such are told. */
  groupsChanged(): void;
  /** An address, or a route, ends by itself. */
  outlive(what: InterfaceAddress | Route): void;
  /** Something was sent from outside a system call of sockets. */
  settle(): void;
}

/** Sees frames come and go at interfaces (packet/packet-socket.ts). */
export interface FrameObserver {
  /** @param isTaken  a bridge has it: only who hears all hears it */
  frameSeen(one: NetworkInterface, frame: Uint8Array, type: number, packetType: number, isTaken: boolean): void;
  /** Does it hear what comes and goes at the interface? */
  hearsFrames(index: number): boolean;
  /** Are both of one group, which sees nothing of what one of it sends? */
  sharesWith(other: FrameObserver): boolean;
  interfaceDown(index: number): void;
  interfaceGone(index: number): void;
}
