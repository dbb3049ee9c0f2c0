import {
  ARPHRD_ETHER,
  ARPHRD_LOOPBACK,
  IFF_BROADCAST,
  IFF_LOOPBACK,
  IFF_LOWER_UP,
  IFF_MULTICAST,
  IFF_RUNNING,
  IFF_UP,
} from "@stratos/abi";
import type { RandomSource, SocketProvider } from "@stratos/host";
import { canonicalIp, formatV4, isLinkLocal, isV4, LOOPBACK_V4, LOOPBACK_V6, parseV4 } from "./inet/ip-address.ts";

export interface InterfaceAddress {
  readonly ip: string;
  readonly prefixLength: number;
}

/** A network interface as programs see it (netdevice(7)). */
export interface NetworkInterface {
  readonly index: number;
  readonly name: string;
  /** IFF_*. */
  readonly flags: number;
  /** ARPHRD_*. */
  readonly hardwareType: number;
  readonly hardwareAddress: Uint8Array;
  readonly mtu: number;
  readonly addresses: readonly InterfaceAddress[];
}

/** `lo`, and `eth0` with the provider's addresses and a hardware address by chance when there is a provider. */
export function makeInterfaces(
  { provider, isLoopbackUp }: { provider: SocketProvider | null; isLoopbackUp: boolean },
  random: RandomSource,
): NetworkInterface[] {
  const interfaces: NetworkInterface[] = [
    {
      index: 1,
      name: "lo",
      flags: isLoopbackUp ? IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP : IFF_LOOPBACK,
      hardwareType: ARPHRD_LOOPBACK,
      hardwareAddress: new Uint8Array(6),
      mtu: 65536,
      addresses: [
        { ip: LOOPBACK_V4, prefixLength: 8 },
        { ip: LOOPBACK_V6, prefixLength: 128 },
      ],
    },
  ];
  if (provider !== null) {
    const addresses: InterfaceAddress[] = [];
    for (const { address, prefixLength } of provider.localAddresses()) {
      const ip = canonicalIp(address);
      if (ip !== null) addresses.push({ ip, prefixLength });
    }
    interfaces.push({
      index: 2,
      name: "eth0",
      flags: IFF_UP | IFF_BROADCAST | IFF_RUNNING | IFF_MULTICAST | IFF_LOWER_UP,
      hardwareType: ARPHRD_ETHER,
      hardwareAddress: chosenAddress(random),
      mtu: 1500,
      addresses,
    });
  }
  return interfaces;
}

/** An address that nobody assigned, of one station: locally administered and not of a group (IEEE 802-2014 §8.4). */
function chosenAddress(random: RandomSource): Uint8Array {
  const address = new Uint8Array(6);
  random.fill(address);
  address[0] = (address[0]! & ~3) | 2;
  return address;
}

export function netmaskOf(prefixLength: number): Uint8Array {
  const bits = prefixLength === 0 ? 0 : (-1 << (32 - prefixLength)) >>> 0;
  return Uint8Array.of(bits >>> 24, bits >>> 16, bits >>> 8, bits);
}

export function broadcastOf(address: InterfaceAddress): string {
  const bytes = parseV4(address.ip)!;
  const mask = netmaskOf(address.prefixLength);
  for (let index = 0; index < 4; index++) bytes[index] = bytes[index]! | ~mask[index]!;
  return formatV4(bytes, 0);
}

/**
 * The address of `outside` that connections to `destination` come from; null when no address of that family is there.
 */
export function sourceAddress(outside: NetworkInterface | undefined, destination: string): string | null {
  if (outside === undefined) return null;
  const v4 = isV4(destination);
  let linkLocal: string | null = null;
  for (const { ip } of outside.addresses) {
    if (isV4(ip) !== v4) continue;
    if (!isLinkLocal(ip) || isLinkLocal(destination)) return ip;
    linkLocal = ip;
  }
  return v4 ? linkLocal : null;
}
