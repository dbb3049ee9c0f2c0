/** Requests of ethtool(8) (SIOCETHTOOL): who drives an interface, has it a link, who stamps packets, what it counts. */
import {
  EFAULT,
  EOPNOTSUPP,
  ETH_SS_STATS,
  ETHTOOL_GDRVINFO,
  ETHTOOL_GET_TS_INFO,
  ETHTOOL_GLINK,
  ETHTOOL_GSSET_INFO,
  ETHTOOL_GSTATS,
  ETHTOOL_GSTRINGS,
  EthtoolDrvinfo,
  EthtoolGstrings,
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
import type { InterfaceKind, NetworkInterface } from "./network-interface.ts";
import type { SocketCaller } from "./socket-kernel.ts";

type Space = SocketCaller["space"];

const STRING_SIZE = 32;
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
    default:
      return -EOPNOTSUPP;
  }
}

function namesOf({ kind }: NetworkInterface): readonly string[] {
  return kind === "veth" ? VETH_COUNTS : [];
}

function tellDriver(space: Space, one: NetworkInterface, data: number): number {
  const driver = DRIVERS[one.kind];
  if (driver === undefined) return -EOPNOTSUPP;
  const { offset, size } = EthtoolDrvinfo;
  const told = new Uint8Array(size);
  const view = viewOf(told);
  view.setUint32(offset.cmd, ETHTOOL_GDRVINFO, true);
  view.setUint32(offset.n_stats, namesOf(one).length, true);
  told.set(byteStringOf(driver.name), offset.driver);
  told.set(byteStringOf(driver.version), offset.version);
  told.set(byteStringOf(driver.firmware ?? ""), offset.fw_version);
  told.set(byteStringOf(driver.bus ?? ""), offset.bus_info);
  return space.copyOut(data, told, 0, size);
}

/** Of the sets that are asked for, those that are there, and how many each has. */
function tellSets(space: Space, one: NetworkInterface, data: number): number {
  const { offset, size } = EthtoolSsetInfo;
  const told = new Uint8Array(size + 4);
  if (space.copyIn(data, told, 0, size) < 0) return -EFAULT;
  const view = viewOf(told);
  const count = namesOf(one).length;
  const wanted = getU64(view, offset.sset_mask);
  if (wanted === 0) return 0;
  const isTold = count > 0 && Math.floor(wanted / 2 ** ETH_SS_STATS) % 2 === 1;
  put64(view, offset.sset_mask, isTold ? 2 ** ETH_SS_STATS : 0);
  view.setUint32(size, count, true);
  return space.copyOut(data, told, 0, isTold ? size + 4 : size);
}

function tellNames(space: Space, one: NetworkInterface, data: number): number {
  const { offset, size } = EthtoolGstrings;
  const head = new Uint8Array(size);
  if (space.copyIn(data, head, 0, size) < 0) return -EFAULT;
  const view = viewOf(head);
  const names = namesOf(one);
  if (view.getUint32(offset.string_set, true) !== ETH_SS_STATS || names.length === 0) return -EOPNOTSUPP;
  view.setUint32(offset.len, names.length, true);
  const told = new Uint8Array(size + names.length * STRING_SIZE);
  told.set(head);
  names.forEach((name, at) => told.set(byteStringOf(name), size + at * STRING_SIZE));
  return space.copyOut(data, told, 0, told.length);
}

function tellCounts(space: Space, one: NetworkInterface, data: number): number {
  const { offset, size } = EthtoolStats;
  const names = namesOf(one);
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
