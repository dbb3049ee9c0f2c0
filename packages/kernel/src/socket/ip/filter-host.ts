/** What rules of netfilter ask of a network: its interfaces, addresses and routes. */
import { RTN_BROADCAST, RTN_LOCAL, RTN_MULTICAST, RTN_UNICAST, RTN_UNREACHABLE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { PacketHost } from "@stratos/netfilter";
import { type IpAddress, isInPrefix, isLoopback, isMulticast, isV4, readV4, readV6 } from "@stratos/netstack";
import { randomWord } from "../../ground/random-word.ts";
import type { SocketCaller, SocketNetwork } from "../socket-kernel.ts";

const IP: IpAddress = new Uint32Array(4);

export class FilterHost implements PacketHost {
  #network: SocketNetwork;

  constructor(network: SocketNetwork) {
    this.#network = network;
  }

  now(): number {
    return this.#network.kernel.now();
  }

  realtimeMs(): number {
    const { seconds, nanoseconds } = this.#network.kernel.realtime();
    return seconds * 1000 + Math.floor(nanoseconds / 1e6);
  }

  random(): number {
    return randomWord(this.#network.kernel.random);
  }

  interfaceName(index: number): string {
    return this.#network.interfaceByIndex(index)?.name ?? "";
  }

  bridgeName(index: number): string {
    const one = this.#network.interfaceByIndex(index);
    return one?.bridge !== null ? (one?.name ?? "") : (one.master?.name ?? "");
  }

  interfaceType(index: number): number {
    return this.#network.interfaceByIndex(index)?.hardwareType ?? 0;
  }

  /** All are in the first; nobody puts them in another one here. */
  interfaceGroup(): number {
    return 0;
  }

  mtu(index: number): number {
    return this.#network.interfaceByIndex(index)?.mtu ?? 0;
  }

  addressType(bytes: Uint8Array, at: number, isV6: boolean, device: number): number {
    const ip = readIp(bytes, at, isV6);
    const network = this.#network;
    if (isMulticast(ip)) return RTN_MULTICAST;
    if (network.isBroadcast(ip)) return RTN_BROADCAST;
    const one = device === 0 ? undefined : network.interfaceByIndex(device);
    if (device === 0 ? network.hasAddress(ip) || isLoopback(ip) : one?.addressOf(ip) !== undefined) return RTN_LOCAL;
    return network.routes.find(ip) === null ? RTN_UNREACHABLE : RTN_UNICAST;
  }

  routeDevice(bytes: Uint8Array, at: number, isV6: boolean): number {
    const ip = readIp(bytes, at, isV6);
    if (this.#network.hasAddress(ip)) return this.#network.interfaceOf(ip).index;
    const route = this.#network.routes.find(ip);
    return route === null ? 0 : route.out.index;
  }

  /** One of the other's network, else the first that there is (net/ipv4/devinet.c, inet_select_addr). */
  sourceOf(device: number, toward: Uint8Array, at: number, isV6: boolean, into: Uint32Array): boolean {
    const one = this.#network.interfaceByIndex(device);
    if (one === undefined) return false;
    const ip = readIp(toward, at, isV6);
    let found = one.addresses.find((each) => isInPrefix(ip, each.ip, each.prefixLength))?.ip;
    found ??= one.sourceFor(ip) ?? one.addresses.find((each) => isV4(each.ip) !== isV6)?.ip;
    if (found === undefined) return false;
    into.set(found);
    if (!isV6) into[2] = 0;
    return true;
  }

  /** As in Linux packets of the machine's first network alone are told of (net.netfilter.nf_log_all_netns). */
  log(_level: number, line: string): void {
    const { kernel } = this.#network;
    const first = kernel.tasks.tasks.get(1) as SocketCaller | undefined;
    if (first?.network === this.#network) kernel.log(line);
  }

  static {
    stateClass("FilterHost", this, {
      save: (it) => ({ network: it.#network }),
      load: (it, from) => ({ network: it.#network } = from),
    });
  }
}

function readIp(bytes: Uint8Array, at: number, isV6: boolean): IpAddress {
  return isV6 ? readV6(bytes, at, IP) : readV4(bytes, at, IP);
}
