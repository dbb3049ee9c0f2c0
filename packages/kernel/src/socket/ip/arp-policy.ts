/**
 * Whom a network answers by ARP and as whom it asks (net/ipv4/arp.c, arp_process and arp_solicit;
 * Documentation/networking/ip-sysctl.rst: arp_ignore, arp_announce, arp_filter, proxy_arp).
 */
import { isErrno, RTN_UNICAST } from "@stratos/abi";
import { type IpAddress, isInPrefix, isV4 } from "@stratos/netstack";
import type { InterfaceNetwork } from "../interface-network.ts";
import { type NetworkInterface, networkOf } from "../network-interface.ts";
import { ANY_FLOW } from "../routing-rules.ts";

const FLOW = { ...ANY_FLOW, source: null as IpAddress | null };

type Choice = "arpIgnore" | "arpAnnounce" | "arpFilter" | "proxiesArp" | "proxiesNdp";

/** Of all interfaces and of that one what is more counts (IN_DEV_MAXCONF, IN_DEV_ORCONF). */
function valueOf(network: InterfaceNetwork, one: NetworkInterface, name: Choice): number {
  return Math.max(network.settings.interfaces.all[name], one.settings[name]);
}

/**
 * Is who asks at an interface for one of this network's own addresses told?
 *
 * @param sender  null: has no address yet, and asks whether that one is free
 */
export function answersForOwn(
  network: InterfaceNetwork,
  one: NetworkInterface,
  sender: IpAddress | null,
  target: IpAddress,
): boolean {
  switch (valueOf(network, one, "arpIgnore")) {
    case 1:
      if (one.addressOf(target) === undefined) return false;
      break;
    case 2: {
      const own = one.addressOf(target);
      if (own === undefined || (sender !== null && !isInPrefix(sender, networkOf(own), own.prefixLength))) return false;
      break;
    }
    case 8:
      return false;
  }
  if (sender === null || valueOf(network, one, "arpFilter") === 0) return true;
  FLOW.source = target;
  FLOW.from = 0;
  const back = network.routes.lookUp(sender, FLOW, network);
  return !isErrno(back) && back.out === one;
}

/** Is who asks for another's address told that it is here: is it beyond, and this machine stands in for it? */
export function answersForOther(
  network: InterfaceNetwork,
  one: NetworkInterface,
  sender: IpAddress,
  target: IpAddress,
): boolean {
  if (one.settings.forwardsV4 === 0) return false;
  FLOW.source = sender;
  FLOW.from = one.index;
  const route = network.routes.lookUp(target, FLOW, network);
  if (isErrno(route) || route.type !== RTN_UNICAST || route.out === one) return false;
  return valueOf(network, one, "proxiesArp") !== 0 || network.ip.proxied.find(one.index, target) !== null;
}

/** Does it stand in for an address of IPv6 at that interface? */
export function standsFor(network: InterfaceNetwork, one: NetworkInterface, target: IpAddress): boolean {
  if (one.settings.forwardsV6 === 0 || valueOf(network, one, "proxiesNdp") === 0) return false;
  return network.ip.proxied.find(one.index, target) !== null;
}

/**
 * The address of IPv4 that a neighbour is asked from.
 *
 * @param waiting  what goes there comes from it; null: nothing does
 * @returns null: the interface's own that suits best
 */
export function askedFrom(
  network: InterfaceNetwork,
  one: NetworkInterface,
  target: IpAddress,
  waiting: IpAddress | null,
): IpAddress | null {
  const announce = valueOf(network, one, "arpAnnounce");
  if (waiting === null || announce > 1 || !network.hasAddress(waiting)) return null;
  if (announce <= 0) return waiting;
  // Where both are of one network of the interface's.
  const isBeside = one.addresses.some(
    (each) =>
      isV4(each.ip) &&
      isInPrefix(waiting, networkOf(each), each.prefixLength) &&
      isInPrefix(target, networkOf(each), each.prefixLength),
  );
  return isBeside ? waiting : null;
}
