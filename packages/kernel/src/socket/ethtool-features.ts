/**
 * Which features an interface has (ETHTOOL_GFEATURES, and the older requests that ask for one each): as Linux's drivers
 * say of it, since programs choose by that. Nothing here is changed: packets are what the stack makes of them.
 */
import {
  EFAULT,
  ETHTOOL_GFEATURES,
  ETHTOOL_GFLAGS,
  ETHTOOL_GGRO,
  ETHTOOL_GGSO,
  ETHTOOL_GRXCSUM,
  ETHTOOL_GSG,
  ETHTOOL_GTSO,
  ETHTOOL_GTXCSUM,
  EthtoolFeatures,
  EthtoolGfeatures,
  EthtoolValue,
} from "@stratos/abi";
import { viewOf } from "../ground/words.ts";
import type { InterfaceKind } from "./network-interface.ts";
import type { SocketCaller } from "./socket-kernel.ts";

/** By their bits (net/ethtool/common.c, netdev_features_strings). */
export const FEATURE_NAMES: readonly string[] = (
  "tx-scatter-gather tx-checksum-ipv4 - tx-checksum-ip-generic tx-checksum-ipv6 highdma tx-scatter-gather-fraglist " +
  "tx-vlan-hw-insert rx-vlan-hw-parse rx-vlan-filter vlan-challenged tx-generic-segmentation - - rx-gro rx-lro " +
  "tx-tcp-segmentation tx-gso-robust tx-tcp-ecn-segmentation tx-tcp-mangleid-segmentation tx-tcp6-segmentation " +
  "tx-fcoe-segmentation tx-gre-segmentation tx-gre-csum-segmentation tx-ipxip4-segmentation tx-ipxip6-segmentation " +
  "tx-udp_tnl-segmentation tx-udp_tnl-csum-segmentation tx-gso-partial tx-tunnel-remcsum-segmentation " +
  "tx-sctp-segmentation tx-esp-segmentation - tx-udp-segmentation tx-gso-list tx-tcp-accecn-segmentation " +
  "tx-checksum-fcoe-crc tx-checksum-sctp rx-ntuple-filter rx-hashing rx-checksum tx-nocache-copy loopback rx-fcs " +
  "rx-all tx-vlan-stag-hw-insert rx-vlan-stag-hw-parse rx-vlan-stag-filter l2-fwd-offload hw-tc-offload " +
  "esp-hw-offload esp-tx-csum-hw-offload rx-udp_tunnel-port-offload tls-hw-tx-offload tls-hw-rx-offload rx-gro-hw " +
  "tls-hw-record rx-gro-list macsec-hw-offload rx-udp-gro-forwarding hsr-tag-ins-offload hsr-tag-rm-offload " +
  "hsr-fwd-offload hsr-dup-offload"
)
  .split(" ")
  .map((name) => (name === "-" ? "" : name));

/** Of two words: what can be changed, what is asked for, what is so. */
interface Features {
  readonly available: readonly [number, number];
  readonly requested: readonly [number, number];
  readonly active: readonly [number, number];
}

const TUN: Features = {
  available: [0x0c1d48c9, 0x0a002202],
  requested: [0x0c1548c9, 0x00002002],
  active: [0x000048c1, 0x00002000],
};
const FEATURES: { readonly [kind in InterfaceKind]: Features } = {
  loopback: {
    available: [0x401d4800, 0x0a00000e],
    requested: [0x401d4800, 0x0000000e],
    active: [0x401d4c69, 0x0000052e],
  },
  veth: {
    available: [0x4fdd49e9, 0x0a00632e],
    requested: [0x4fdd09e9, 0x0000612e],
    active: [0x4fdd09e9, 0x0000612e],
  },
  bridge: {
    available: [0xffff48e9, 0x0a00220f],
    requested: [0xffff48e9, 0x0000200f],
    active: [0xffff48e9, 0x0000200f],
  },
  // drivers/net/dummy.c, dummy_setup
  dummy: {
    available: [0x4fdd4869, 0x0a00020e],
    requested: [0x4fdd4869, 0x0000000e],
    active: [0x4fdd4869, 0x0000000e],
  },
  tap: TUN,
  tun: TUN,
  // One that takes nothing off the stack.
  provider: { available: [0x00004800, 0x0a000200], requested: [0x00004800, 0], active: [0x00004000, 0] },
};

/** NETIF_F_VLAN_CHALLENGED (include/linux/netdev_features.h, NETIF_F_NEVER_CHANGE). */
const NEVER_CHANGED = [0x400, 0];

export function tellFeatures(space: SocketCaller["space"], kind: InterfaceKind, data: number): number {
  const { offset, size } = EthtoolGfeatures;
  const head = new Uint8Array(size);
  if (space.copyIn(data, head, 0, size) < 0) return -EFAULT;
  const { available, requested, active } = FEATURES[kind];
  const room = Math.min(viewOf(head).getUint32(offset.size, true), NEVER_CHANGED.length);
  const told = new Uint8Array(size + room * EthtoolFeatures.size);
  const view = viewOf(told);
  view.setUint32(offset.cmd, ETHTOOL_GFEATURES, true);
  view.setUint32(offset.size, NEVER_CHANGED.length, true);
  for (let word = 0; word < room; word++) {
    const at = size + word * EthtoolFeatures.size;
    view.setUint32(at + EthtoolFeatures.offset.available, available[word]!, true);
    view.setUint32(at + EthtoolFeatures.offset.requested, requested[word]!, true);
    view.setUint32(at + EthtoolFeatures.offset.active, active[word]!, true);
    view.setUint32(at + EthtoolFeatures.offset.never_changed, NEVER_CHANGED[word]!, true);
  }
  return space.copyOut(data, told, 0, told.length);
}

/** Bits, of both words, one of which makes the answer 1 (net/ethtool/ioctl.c, ethtool_get_feature_mask). */
const ASKED_ALONE: ReadonlyMap<number, readonly [number, number]> = new Map([
  [ETHTOOL_GRXCSUM, [0, 0x100]],
  [ETHTOOL_GTXCSUM, [0x1a, 0x30]],
  [ETHTOOL_GSG, [1, 0]],
  [ETHTOOL_GTSO, [0x1d0000, 8]],
  [ETHTOOL_GGSO, [0x800, 0]],
  [ETHTOOL_GGRO, [0x4000, 0]],
]);
/** LRO and the tags of VLANs are in the flags where they are among the features; filters and hashes aren't. */
const FLAGS = 0x8180,
  NTUPLE = 0x40,
  FLAG_NTUPLE = 1 << 27,
  RXHASH = 0x80,
  FLAG_RXHASH = 1 << 28;

export function asksOneFeature(command: number): boolean {
  return command === ETHTOOL_GFLAGS || ASKED_ALONE.has(command);
}

export function tellOneFeature(
  space: SocketCaller["space"],
  kind: InterfaceKind,
  command: number,
  data: number,
): number {
  const [low, high] = FEATURES[kind].active;
  const mask = ASKED_ALONE.get(command);
  const value =
    mask !== undefined
      ? Number((low & mask[0]) !== 0 || (high & mask[1]) !== 0)
      : (low & FLAGS) | ((high & NTUPLE) !== 0 ? FLAG_NTUPLE : 0) | ((high & RXHASH) !== 0 ? FLAG_RXHASH : 0);
  return space.storeU32(data + EthtoolValue.offset.data, value);
}
