/**
 * Requests of ethtool(8) (SIOCETHTOOL): who drives an interface, has it a link, how fast is it, who stamps packets,
 * what does it count? Its features: ethtool-features.ts.
 */
import {
  EFAULT,
  EOPNOTSUPP,
  ETH_SS_FEATURES,
  ETH_SS_STATS,
  ETHTOOL_GDRVINFO,
  ETHTOOL_GET_TS_INFO,
  ETHTOOL_GFEATURES,
  ETHTOOL_GLINK,
  ETHTOOL_GLINKSETTINGS,
  ETHTOOL_GPERMADDR,
  ETHTOOL_GSET,
  ETHTOOL_GSSET_INFO,
  ETHTOOL_GSTATS,
  ETHTOOL_GSTRINGS,
  EthtoolCommand,
  EthtoolDrvinfo,
  EthtoolGstrings,
  EthtoolLinkSettings,
  EthtoolPermAddr,
  EthtoolSsetInfo,
  EthtoolStats,
  EthtoolTsInfo,
  EthtoolValue,
  SOF_TIMESTAMPING_RX_SOFTWARE,
  SOF_TIMESTAMPING_SOFTWARE,
  SOF_TIMESTAMPING_TX_SOFTWARE,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { RELEASE } from "../ground/release.ts";
import { getU64, put64, viewOf } from "../ground/words.ts";
import { asksOneFeature, FEATURE_NAMES, tellFeatures, tellOneFeature } from "./ethtool-features.ts";
import type { InterfaceKind, NetworkInterface } from "./network-interface.ts";
import type { SocketCaller } from "./socket-kernel.ts";

type Space = SocketCaller["space"];

const STRING_SIZE = 32;
/** Sets of names that there are, in the order of their bits. */
const SETS = [ETH_SS_STATS, ETH_SS_FEATURES];
/**
 * What a veth pair counts (drivers/net/veth.c): by the first number containers' tools find its other end. Nothing is
 * taken in or sent by programs of XDP, which the others count.
 */
const VETH_COUNTS = [
  "peer_ifindex",
  ...["xdp_packets", "xdp_bytes", "drops", "xdp_redirect", "xdp_drops", "xdp_tx", "xdp_tx_errors"].map(
    (name) => `rx_queue_0_${name}`,
  ),
  ...["xdp_xmit", "xdp_xmit_errors"].map((name) => `tx_queue_0_${name}`),
];

/** @param data  address of what the command takes */
export function tellEthtool({ space }: SocketCaller, one: NetworkInterface, data: number): number {
  const command = space.loadU32(data + EthtoolValue.offset.cmd);
  switch (command) {
    case -EFAULT:
      return -EFAULT;
    case ETHTOOL_GLINK:
      return space.storeU32(data + EthtoolValue.offset.data, one.isRunning ? 1 : 0);
    case ETHTOOL_GET_TS_INFO:
      return tellTimestamping(space, one.kind, data);
    case ETHTOOL_GDRVINFO:
      return tellDriver(space, one, data);
    case ETHTOOL_GSSET_INFO:
      return tellSets(space, one, data);
    case ETHTOOL_GSTRINGS:
      return tellNames(space, one, data);
    case ETHTOOL_GSTATS:
      return tellCounts(space, one, data);
    case ETHTOOL_GFEATURES:
      return tellFeatures(space, one.kind, data);
    case ETHTOOL_GPERMADDR:
      return tellPermanentAddress(space, one, data);
    case ETHTOOL_GLINKSETTINGS:
      return tellLink(space, one, data);
    case ETHTOOL_GSET:
      return tellLinkShortly(space, one, data);
    default:
      return asksOneFeature(command) ? tellOneFeature(space, one.kind, command, data) : -EOPNOTSUPP;
  }
}

/** Of a set; none: the interface has not that set. */
function namesOf({ kind }: NetworkInterface, set: number): readonly string[] {
  if (set === ETH_SS_FEATURES) return FEATURE_NAMES;
  return set === ETH_SS_STATS && kind === "veth" ? VETH_COUNTS : [];
}

/** What programs made has no other address than that which it was given. */
function tellPermanentAddress(space: Space, { kind }: NetworkInterface, data: number): number {
  const { offset, size } = EthtoolPermAddr;
  const head = new Uint8Array(size);
  if (space.copyIn(data, head, 0, size) < 0) return -EFAULT;
  const view = viewOf(head);
  const length = kind === "tun" ? 0 : MAC_SIZE;
  if (view.getUint32(offset.size, true) < length) return -ETOOSMALL;
  view.setUint32(offset.size, length, true);
  const told = new Uint8Array(size + length);
  told.set(head);
  return space.copyOut(data, told, 0, told.length);
}

const MAC_SIZE = 6;
/** One that C libraries have no name for (include/linux/errno.h). */
const ETOOSMALL = 525;
/** What they say that are as fast as the machine is (drivers/net/veth.c, tun.c). */
const SPEED = 10_000,
  DUPLEX_FULL = 1;
/** Words of 32 modes each. */
const MODE_WORDS = 4;

function hasSpeed({ kind }: NetworkInterface): boolean {
  return kind === "veth" || kind === "tun" || kind === "tap";
}

/** Who has room for another number of modes is told how many there are (ethtool_get_link_ksettings). */
function tellLink(space: Space, one: NetworkInterface, data: number): number {
  if (!hasSpeed(one)) return -EOPNOTSUPP;
  const { offset, size } = EthtoolLinkSettings;
  const told = new Uint8Array(size + 3 * 4 * MODE_WORDS);
  if (space.copyIn(data, told, 0, size) < 0) return -EFAULT;
  const view = viewOf(told);
  const isAgreed = view.getInt8(offset.link_mode_masks_nwords) === MODE_WORDS;
  told.fill(0);
  view.setUint32(offset.cmd, ETHTOOL_GLINKSETTINGS, true);
  view.setInt8(offset.link_mode_masks_nwords, isAgreed ? MODE_WORDS : -MODE_WORDS);
  if (!isAgreed) return space.copyOut(data, told, 0, size);
  view.setUint32(offset.speed, SPEED, true);
  view.setUint8(offset.duplex, DUPLEX_FULL);
  return space.copyOut(data, told, 0, told.length);
}

function tellLinkShortly(space: Space, one: NetworkInterface, data: number): number {
  if (!hasSpeed(one)) return -EOPNOTSUPP;
  const { offset, size } = EthtoolCommand;
  const told = new Uint8Array(size);
  const view = viewOf(told);
  view.setUint32(offset.cmd, ETHTOOL_GSET, true);
  view.setUint16(offset.speed, SPEED, true);
  view.setUint8(offset.duplex, DUPLEX_FULL);
  return space.copyOut(data, told, 0, size);
}

function tellDriver(space: Space, one: NetworkInterface, data: number): number {
  const driver = DRIVERS[one.kind];
  if (driver === undefined) return -EOPNOTSUPP;
  const { offset, size } = EthtoolDrvinfo;
  const told = new Uint8Array(size);
  const view = viewOf(told);
  view.setUint32(offset.cmd, ETHTOOL_GDRVINFO, true);
  view.setUint32(offset.n_stats, namesOf(one, ETH_SS_STATS).length, true);
  told.set(byteStringOf(driver.name), offset.driver);
  told.set(byteStringOf(driver.version), offset.version);
  told.set(byteStringOf(driver.firmware ?? ""), offset.fw_version);
  told.set(byteStringOf(driver.bus ?? ""), offset.bus_info);
  return space.copyOut(data, told, 0, size);
}

/** Of the sets that are asked for, those that are there, and how many each has. */
function tellSets(space: Space, one: NetworkInterface, data: number): number {
  const { offset, size } = EthtoolSsetInfo;
  const told = new Uint8Array(size + SETS.length * 4);
  if (space.copyIn(data, told, 0, size) < 0) return -EFAULT;
  const view = viewOf(told);
  const wanted = getU64(view, offset.sset_mask);
  if (wanted === 0) return 0;
  let mask = 0;
  let end = size;
  for (const set of SETS) {
    const count = namesOf(one, set).length;
    if (count === 0 || Math.floor(wanted / 2 ** set) % 2 === 0) continue;
    mask += 2 ** set;
    view.setUint32(end, count, true);
    end += 4;
  }
  put64(view, offset.sset_mask, mask);
  return space.copyOut(data, told, 0, end);
}

function tellNames(space: Space, one: NetworkInterface, data: number): number {
  const { offset, size } = EthtoolGstrings;
  const head = new Uint8Array(size);
  if (space.copyIn(data, head, 0, size) < 0) return -EFAULT;
  const view = viewOf(head);
  const names = namesOf(one, view.getUint32(offset.string_set, true));
  if (names.length === 0) return -EOPNOTSUPP;
  view.setUint32(offset.len, names.length, true);
  const told = new Uint8Array(size + names.length * STRING_SIZE);
  told.set(head);
  names.forEach((name, at) => told.set(byteStringOf(name), size + at * STRING_SIZE));
  return space.copyOut(data, told, 0, told.length);
}

function tellCounts(space: Space, one: NetworkInterface, data: number): number {
  const { offset, size } = EthtoolStats;
  const names = namesOf(one, ETH_SS_STATS);
  if (names.length === 0) return -EOPNOTSUPP;
  const told = new Uint8Array(size + names.length * 8);
  const view = viewOf(told);
  view.setUint32(offset.cmd, ETHTOOL_GSTATS, true);
  view.setUint32(offset.n_stats, names.length, true);
  put64(view, size, one.peer?.index ?? 0);
  return space.copyOut(data, told, 0, told.length);
}

/** The kernel stamps what comes; what goes where the driver says so (net/ethtool/common.c, __ethtool_get_ts_info). */
function tellTimestamping(space: Space, kind: InterfaceKind, data: number): number {
  const { offset, size } = EthtoolTsInfo;
  const told = new Uint8Array(size);
  const view = viewOf(told);
  const received = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;
  view.setUint32(offset.cmd, ETHTOOL_GET_TS_INFO, true);
  view.setUint32(offset.so_timestamping, received | (kind === "bridge" ? 0 : SOF_TIMESTAMPING_TX_SOFTWARE), true);
  view.setInt32(offset.phc_index, -1, true);
  return space.copyOut(data, told, 0, size);
}

/** As Linux's drivers say (drivers/net/{veth,tun}.c, net/bridge/br_device.c); `lo` has none. */
const DRIVERS: {
  readonly [kind in InterfaceKind]?: { name: string; version: string; firmware?: string; bus?: string };
} = {
  bridge: { name: "bridge", version: "2.3", firmware: "N/A", bus: "N/A" },
  dummy: { name: "dummy", version: RELEASE },
  provider: { name: "stratos", version: RELEASE },
  tap: { name: "tun", version: "1.6", bus: "tap" },
  tun: { name: "tun", version: "1.6", bus: "tun" },
  veth: { name: "veth", version: "1.0" },
};
