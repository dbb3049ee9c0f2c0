/**
 * Families of tables, the hooks that chains of each may have, and where packets meet them. Where packets are frames
 * (bridges, ARP, devices) a hook's number means something else than in IP, so places have numbers of their own.
 */
import {
  NFPROTO_ARP,
  NFPROTO_BRIDGE,
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFPROTO_NETDEV,
  NF_INET_INGRESS,
  NF_INET_LOCAL_OUT,
} from "@stratos/abi";

export const FAMILIES: ReadonlySet<number> = new Set([
  NFPROTO_INET,
  NFPROTO_IPV4,
  NFPROTO_IPV6,
  NFPROTO_ARP,
  NFPROTO_BRIDGE,
  NFPROTO_NETDEV,
]);

/** The five of IP are NF_INET_* themselves; behind them a device's, those of bridges (NF_BR_*), and those of ARP. */
export const PLACE_INGRESS = 5,
  PLACE_EGRESS = 6,
  PLACE_BRIDGE = 7,
  PLACE_ARP = 12,
  PLACES = 14;

export function isIpFamily(family: number): boolean {
  return family === NFPROTO_INET || family === NFPROTO_IPV4 || family === NFPROTO_IPV6;
}

/** Has a chain there devices of its own? */
export function hasDevices(family: number, hook: number): boolean {
  return family === NFPROTO_NETDEV || (family === NFPROTO_INET && hook === NF_INET_INGRESS);
}

export function placeOf(family: number, hook: number): number {
  switch (family) {
    case NFPROTO_NETDEV:
      return PLACE_INGRESS + hook;
    case NFPROTO_BRIDGE:
      return PLACE_BRIDGE + hook;
    case NFPROTO_ARP:
      return PLACE_ARP + hook;
    default:
      return hook;
  }
}

const ALL_OF_IP = 0b11111;

/** Hooks, a bit each, that chains of a type may have; null: the family has no such type. */
export function hooksOf(family: number, type: string): number | null {
  switch (type) {
    case "filter":
      if (family === NFPROTO_ARP || family === NFPROTO_NETDEV) return 0b11;
      return family === NFPROTO_INET ? ALL_OF_IP | (1 << NF_INET_INGRESS) : ALL_OF_IP;
    case "nat":
      return isIpFamily(family) ? 0b11011 : null;
    case "route":
      return isIpFamily(family) ? 1 << NF_INET_LOCAL_OUT : null;
    default:
      return null;
  }
}
