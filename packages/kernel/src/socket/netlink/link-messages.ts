/** RTM_NEWLINK, RTM_DELLINK and their like: what is told of interfaces, and what is asked to become of them. */
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  ALTIFNAMSIZ,
  CAP_NET_ADMIN,
  EAFNOSUPPORT,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  EOPNOTSUPP,
  EPERM,
  ERANGE,
  IFF_ALLMULTI,
  IFF_MULTICAST,
  IFF_NOARP,
  IFF_PROMISC,
  IFF_NO_PI,
  IFF_TAP,
  IFF_TUN,
  IFF_VNET_HDR,
  IFF_UP,
  IFLA_ADDRESS,
  IFLA_AF_SPEC,
  IFLA_ALT_IFNAME,
  IFLA_TSO_MAX_SIZE,
  IFLA_TSO_MAX_SEGS,
  IFLA_MIN_MTU,
  IFLA_MAX_MTU,
  IFLA_GSO_MAX_SIZE,
  IFLA_GSO_MAX_SEGS,
  IFLA_GSO_IPV4_MAX_SIZE,
  IFLA_GRO_MAX_SIZE,
  IFLA_GRO_IPV4_MAX_SIZE,
  IFLA_ALLMULTI,
  IFLA_BROADCAST,
  IFLA_CARRIER,
  IFLA_EXT_MASK,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INET6_ADDR_GEN_MODE,
  IFLA_INFO_DATA,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_PROTINFO,
  RTM_SETLINK,
  IFLA_INFO_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_LINK_NETNSID,
  IFLA_LINKMODE,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_NET_NS_PID,
  IFLA_NUM_RX_QUEUES,
  IFLA_NUM_TX_QUEUES,
  IFLA_OPERSTATE,
  IFLA_PROMISCUITY,
  IFLA_PROP_LIST,
  IFLA_QDISC,
  IFLA_STATS,
  IFLA_STATS64,
  IFLA_TUN_GROUP,
  IFLA_TUN_MULTI_QUEUE,
  IFLA_TUN_NUM_DISABLED_QUEUES,
  IFLA_TUN_NUM_QUEUES,
  IFLA_TUN_OWNER,
  IFLA_TUN_PERSIST,
  IFLA_TUN_PI,
  IFLA_TUN_TYPE,
  IFLA_TUN_VNET_HDR,
  IFLA_TXQLEN,
  IF_OPER_DOWN,
  IF_OPER_LOWERLAYERDOWN,
  IF_OPER_UNKNOWN,
  IF_OPER_UP,
  NLA_F_NESTED,
  RTM_DELLINK,
  RTM_NEWLINK,
  RTM_NEWLINKPROP,
  VETH_INFO_PEER,
  isErrno,
  Ifinfomsg,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  RtnlLinkStats,
  RtnlLinkStats64,
} from "@stratos/abi";
import {
  moveInterface,
  MTU_MIN_V6,
  removeInterface,
  setInterfaceFlags,
  tellInterface,
  tellPort,
} from "../interface-changes.ts";
import {
  mtuBounds,
  packetSizeMax,
  renameInterface,
  setAlias,
  setHardwareAddress,
  setMaster,
  setMtu,
  setPacketSize,
} from "../interface-properties.ts";
import { isGeneration } from "../network-settings.ts";
import { createBridge, createDummy, createVethPair } from "../new-interfaces.ts";
import { TunDevice } from "../tun/tun-device.ts";
import { putFields, viewOf } from "../../ground/words.ts";
import { isCapable } from "../../security/credentials.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import { namedNetwork } from "./named-network.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import {
  AS_IT_COMES,
  ETHERNET_ADDRESS_SIZE,
  type InterfaceCounters,
  type NetworkInterface,
  type NewInterface,
  SEGMENTS_MAX,
} from "../network-interface.ts";
import { attributeOf, attributesIn, type NetlinkRequest, numberOf, textOf } from "./netlink-request.ts";
import { changeBridge, changeOwnBridge, changePort, writeBridge, writePort } from "./bridge-messages.ts";
import type { Settings } from "../packet/bridge-settings.ts";
import { NetlinkWriter, type NetlinkHeading } from "./netlink-writer.ts";

/** Attributes that a request may bring and that change nothing here. */
const PASSED = new Set([
  IFLA_ALT_IFNAME,
  IFLA_EXT_MASK,
  IFLA_IFNAME,
  IFLA_LINKINFO,
  IFLA_MAX_MTU,
  IFLA_MIN_MTU,
  IFLA_NUM_RX_QUEUES,
  IFLA_NUM_TX_QUEUES,
]);
/** What a link takes at once, and makes of what comes. The last three are told alone. */
const SIZES = [
  IFLA_GSO_MAX_SIZE,
  IFLA_GSO_MAX_SEGS,
  IFLA_GRO_MAX_SIZE,
  IFLA_GSO_IPV4_MAX_SIZE,
  IFLA_GRO_IPV4_MAX_SIZE,
  IFLA_TSO_MAX_SIZE,
  IFLA_TSO_MAX_SEGS,
  IFLA_ALLMULTI,
] as const;
/** Attributes that are heeded. */
const HEEDED = new Set([
  IFLA_ADDRESS,
  IFLA_IFALIAS,
  IFLA_MTU,
  IFLA_TXQLEN,
  IFLA_BROADCAST,
  IFLA_GROUP,
  IFLA_AF_SPEC,
  IFLA_NET_NS_PID,
  IFLA_NET_NS_FD,
  IFLA_MASTER,
  ...SIZES,
]);
/** Of one kind (net/core/rtnetlink.c, rtnl_create_link). */
const QUEUES_MAX = 4096;
/** What `ip link set` may turn on and off. */
const CHANGEABLE_FLAGS = IFF_UP | IFF_NOARP | IFF_PROMISC | IFF_ALLMULTI | IFF_MULTICAST;

/** @param family  AF_BRIDGE: asked for as a bridge or a port of one */
export function linkMessage(
  one: NetworkInterface,
  heading: NetlinkHeading,
  { isGone = false, family = AF_UNSPEC }: { isGone?: boolean; family?: number } = {},
): Uint8Array {
  const writer = new NetlinkWriter()
    .begin(isGone ? RTM_DELLINK : RTM_NEWLINK, heading)
    .fields(Ifinfomsg, {
      ifi_family: family,
      ifi_type: one.hardwareType,
      ifi_index: one.index,
      ifi_flags: one.flags,
      ifi_change: isGone ? 0xffffffff : 0,
    })
    .attributeText(IFLA_IFNAME, one.name)
    .attributeU32(IFLA_TXQLEN, one.queueLength)
    .attributeU8(IFLA_OPERSTATE, operationalState(one))
    .attributeU8(IFLA_LINKMODE, 0)
    .attributeU32(IFLA_MTU, one.mtu)
    .attributeU32(IFLA_GROUP, one.group)
    .attributeU32(IFLA_PROMISCUITY, (one.isPromiscuous ? 1 : 0) + (one.master === null ? 0 : 1))
    .attributeU32(IFLA_ALLMULTI, one.isAllMulticast ? 1 : 0)
    .attributeU32(IFLA_MIN_MTU, mtuBounds(one).least)
    .attributeU32(IFLA_MAX_MTU, mtuBounds(one).most)
    .attributeU32(IFLA_NUM_TX_QUEUES, one.queues.sending)
    .attributeU32(IFLA_NUM_RX_QUEUES, one.queues.receiving)
    .attributeU32(IFLA_GSO_MAX_SIZE, one.sizes.gso)
    .attributeU32(IFLA_GSO_MAX_SEGS, one.sizes.gsoSegments)
    .attributeU32(IFLA_GRO_MAX_SIZE, one.sizes.gro)
    .attributeU32(IFLA_GSO_IPV4_MAX_SIZE, one.sizes.gsoV4)
    .attributeU32(IFLA_GRO_IPV4_MAX_SIZE, one.sizes.groV4)
    .attributeU32(IFLA_TSO_MAX_SIZE, packetSizeMax(one))
    .attributeU32(IFLA_TSO_MAX_SEGS, SEGMENTS_MAX);
  if (one.master !== null) writer.attributeU32(IFLA_MASTER, one.master.index);
  writer.attributeU8(IFLA_CARRIER, one.hasCarrier ? 1 : 0).attributeText(IFLA_QDISC, one.queueDiscipline);
  if (one.hasFrames)
    writer.attribute(IFLA_ADDRESS, one.hardwareAddress).attribute(IFLA_BROADCAST, broadcastHardwareAddress(one));
  if (one.alias !== "") writer.attributeText(IFLA_IFALIAS, one.alias);
  writer
    .attribute(IFLA_STATS64, statistics(one.counters, RtnlLinkStats64))
    .attribute(IFLA_STATS, statistics(one.counters, RtnlLinkStats));
  if (one.peer !== null) {
    const { index, network } = one.peer;
    writer.attributeU32(IFLA_LINK, index);
    if (network !== one.network) writer.attributeU32(IFLA_LINK_NETNSID, one.network.numberOf(network));
  }
  const { bridge, master } = one;
  if (one.kind !== "loopback" && one.kind !== "provider" && family !== AF_BRIDGE) {
    writer.nest(IFLA_LINKINFO, (info) => {
      info.attributeText(IFLA_INFO_KIND, one.kind === "tap" ? "tun" : one.kind);
      if (one.link instanceof TunDevice) writeTunData(info, one.link);
      if (bridge !== null) info.nest(IFLA_INFO_DATA, (data) => writeBridge(data, bridge));
      if (master === null) return;
      info.attributeText(IFLA_INFO_SLAVE_KIND, "bridge").nest(IFLA_INFO_SLAVE_DATA, (data) => writePort(data, one));
    });
  }
  if (family === AF_BRIDGE && master !== null && !isGone)
    writer.nest(IFLA_PROTINFO | NLA_F_NESTED, (data) => writePort(data, one));
  if (one.mtu >= MTU_MIN_V6 && family !== AF_BRIDGE)
    writer.nest(IFLA_AF_SPEC, (families) =>
      families.nest(AF_INET6, (v6) => v6.attributeU8(IFLA_INET6_ADDR_GEN_MODE, one.settings.generation)),
    );
  if (one.alternativeNames.length > 0)
    writer.nest(IFLA_PROP_LIST | NLA_F_NESTED, (list) => {
      for (const name of one.alternativeNames) list.attributeText(IFLA_ALT_IFNAME, name);
    });
  return writer.finish();
}

export function broadcastHardwareAddress(one: NetworkInterface): Uint8Array {
  const address = new Uint8Array(ETHERNET_ADDRESS_SIZE);
  return one.isLoopback ? address : address.fill(255);
}

/** drivers/net/tun.c, tun_fill_info: `ip tuntap` shows them. */
function writeTunData(info: NetlinkWriter, device: TunDevice): void {
  info.nest(IFLA_INFO_DATA, (data) => {
    data.attributeU8(IFLA_TUN_TYPE, device.flags & (IFF_TUN | IFF_TAP));
    if (device.owner !== -1) data.attributeU32(IFLA_TUN_OWNER, device.owner);
    if (device.group !== -1) data.attributeU32(IFLA_TUN_GROUP, device.group);
    data
      .attributeU8(IFLA_TUN_PI, (device.flags & IFF_NO_PI) === 0 ? 1 : 0)
      .attributeU8(IFLA_TUN_VNET_HDR, (device.flags & IFF_VNET_HDR) !== 0 ? 1 : 0)
      .attributeU8(IFLA_TUN_PERSIST, device.isPersistent ? 1 : 0)
      .attributeU8(IFLA_TUN_MULTI_QUEUE, device.isMultiQueue ? 1 : 0);
    if (device.isMultiQueue)
      data
        .attributeU32(IFLA_TUN_NUM_QUEUES, device.queues.length)
        .attributeU32(IFLA_TUN_NUM_DISABLED_QUEUES, device.detached.size);
  });
}

/** RFC 2863 §3.1.14, as Linux tells it (Documentation/networking/operstates.rst). */
export function operationalState(one: NetworkInterface): number {
  if (!one.isUp) return IF_OPER_DOWN;
  if (one.kind === "loopback" || one.kind === "dummy") return IF_OPER_UNKNOWN;
  if (one.link instanceof TunDevice) return one.hasCarrier ? IF_OPER_UNKNOWN : IF_OPER_DOWN;
  return one.hasCarrier ? IF_OPER_UP : one.kind === "bridge" ? IF_OPER_DOWN : IF_OPER_LOWERLAYERDOWN;
}

function statistics(counters: InterfaceCounters, layout: typeof RtnlLinkStats | typeof RtnlLinkStats64): Uint8Array {
  const bytes = new Uint8Array(layout.size);
  putFields(viewOf(bytes), layout, {
    rx_packets: counters.receivedPackets,
    tx_packets: counters.sentPackets,
    rx_bytes: counters.receivedBytes,
    tx_bytes: counters.sentBytes,
    rx_dropped: counters.receivedDropped,
    tx_dropped: counters.sentDropped,
  });
  return bytes;
}

/** The interface that a request speaks of, by `ifi_index`, or by the attribute IFLA_IFNAME or IFLA_ALT_IFNAME. */
export function requestedLink(network: InterfaceNetwork, payload: Uint8Array): NetworkInterface | undefined {
  if (payload.length < Ifinfomsg.size) return undefined;
  const index = viewOf(payload).getInt32(Ifinfomsg.offset.ifi_index, true);
  if (index > 0) return network.interfaceByIndex(index);
  const name = nameAttribute(payload);
  return name === null ? undefined : network.interfaceByName(textOf(name));
}

function namesLink(payload: Uint8Array): boolean {
  return viewOf(payload).getInt32(Ifinfomsg.offset.ifi_index, true) > 0 || nameAttribute(payload) !== null;
}

function nameAttribute(payload: Uint8Array): Uint8Array | null {
  return attributeOf(payload, Ifinfomsg.size, IFLA_IFNAME) ?? attributeOf(payload, Ifinfomsg.size, IFLA_ALT_IFNAME);
}

/** Of an interface; Linux lets it have some five hundred. */
const ALTERNATIVE_NAMES_MAX = 16;

/**
 * RTM_NEWLINKPROP and RTM_DELLINKPROP: gives or takes alternative names, one after the other until one fails.
 *
 * @returns 0; −EINVAL nothing is named, there are enough, or the name that is to go is no such one of the interface;
 *   −ENODEV; −EEXIST the name is taken; −ENOENT nothing has it; −ERANGE it is too long
 */
export function changeNames(network: InterfaceNetwork, request: NetlinkRequest): number {
  const { payload } = request;
  if (payload.length < Ifinfomsg.size) return -EINVAL;
  if (!namesLink(payload)) return -EINVAL;
  const one = requestedLink(network, payload);
  if (one === undefined) return -ENODEV;
  const list = attributeOf(payload, Ifinfomsg.size, IFLA_PROP_LIST);
  let failed = 0;
  let isChanged = false;
  for (const attribute of list === null ? [] : attributesIn(list, 0)) {
    if (attribute === null) break;
    if (attribute.type !== IFLA_ALT_IFNAME) continue;
    const name = textOf(attribute.value);
    const isNew = request.type === RTM_NEWLINKPROP;
    failed = name.length >= ALTIFNAMSIZ ? -ERANGE : isNew ? addName(network, one, name) : dropName(network, one, name);
    if (failed < 0) break;
    isChanged = true;
  }
  // What was done before one failed is told with the next change (net/core/rtnetlink.c, rtnl_linkprop).
  if (isChanged && failed === 0) tellInterface(network, one, false);
  return failed;
}

function addName(network: InterfaceNetwork, one: NetworkInterface, name: string): number {
  if (one.alternativeNames.length >= ALTERNATIVE_NAMES_MAX) return -EINVAL;
  if (network.interfaceByName(name) !== undefined) return -EEXIST;
  one.alternativeNames.push(name);
  return 0;
}

function dropName(network: InterfaceNetwork, one: NetworkInterface, name: string): number {
  const found = network.interfaceByName(name);
  if (found === undefined) return -ENOENT;
  const at = one.alternativeNames.indexOf(name);
  if (found !== one || at < 0) return -EINVAL;
  one.alternativeNames.splice(at, 1);
  return 0;
}

/**
 * RTM_SETLINK changes an interface; RTM_NEWLINK does, too, or makes one of the kinds `dummy`, `veth` and `bridge`. What
 * the flags say of one that is there or is not concerns RTM_NEWLINK alone (net/core/rtnetlink.c, rtnl_setlink).
 *
 * @returns 0; −EINVAL nothing says which is to be changed; −ENODEV no such interface; −EEXIST it is to be made and is
 *   there; −EBUSY its index is another's; −EOPNOTSUPP for other kinds, NLM_F_REPLACE, and what can't be changed;
 *   −EPERM, −ESRCH, −EBADF of the network that it is to be in; of what is said of a family, as generationIn
 */
export function changeLink(task: SocketCaller, network: InterfaceNetwork, request: NetlinkRequest): number {
  const { payload } = request;
  if (payload.length < Ifinfomsg.size) return -EINVAL;
  const isOfBridges = payload[Ifinfomsg.offset.ifi_family] === AF_BRIDGE;
  if (isOfBridges && request.type === RTM_SETLINK) return changeAsPort(network, payload);
  for (const attribute of attributesIn(payload, Ifinfomsg.size)) {
    if (attribute === null) return -EINVAL;
    if (!PASSED.has(attribute.type) && !HEEDED.has(attribute.type)) return -EOPNOTSUPP;
  }
  const isNew = request.type === RTM_NEWLINK;
  const flags = isNew ? request.flags : 0;
  const found = requestedLink(network, payload);
  if (found === undefined) {
    const isNamed = namesLink(payload);
    if (!isNew && !isNamed) return -EINVAL;
    const group = isNamed ? null : groupIn(payload);
    if (group !== null && (flags & NLM_F_CREATE) === 0) return changeGroup(network, group, payload);
    return (flags & NLM_F_CREATE) === 0 ? -ENODEV : createLink(task, network, payload);
  }
  network.asker = null;
  if ((flags & NLM_F_EXCL) !== 0) return -EEXIST;
  if ((flags & NLM_F_REPLACE) !== 0) return -EOPNOTSUPP;
  const target = targetNetwork(task, payload);
  if (isErrno(target)) return target;
  const changed = isNew ? changeOfItsKind(found, payload) : 0;
  if (changed < 0) return changed;
  if (target === null) return setLink(network, found, payload);
  const name = attributeOf(payload, Ifinfomsg.size, IFLA_IFNAME);
  const failed = moveInterface(found, target, name === null ? null : textOf(name));
  return failed < 0 ? failed : setLink(target, found, payload);
}

function groupIn(payload: Uint8Array): number | null {
  return numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_GROUP));
}

/** `ip link set group 5 up`: one after the other, until one fails (net/core/rtnetlink.c, rtnl_group_changelink). */
function changeGroup(network: InterfaceNetwork, group: number, payload: Uint8Array): number {
  let failed = 0;
  for (const one of network.interfaces.filter((each) => each.group === group)) {
    failed = setLink(network, one, payload);
    if (failed < 0) break;
  }
  return failed;
}

/** IFLA_LINKINFO of an interface that is there: settings of a bridge, or of a port of one (rtnl_changelink). */
function changeOfItsKind(one: NetworkInterface, payload: Uint8Array): number {
  const info = attributeOf(payload, Ifinfomsg.size, IFLA_LINKINFO);
  if (info === null) return 0;
  const data = attributeOf(info, 0, IFLA_INFO_DATA);
  const ofPort = attributeOf(info, 0, IFLA_INFO_SLAVE_DATA);
  if (data !== null) {
    const kind = attributeOf(info, 0, IFLA_INFO_KIND);
    if (one.bridge === null || kind === null || textOf(kind) !== "bridge") return -EOPNOTSUPP;
    const failed = changeOwnBridge(one.bridge, data);
    if (failed < 0) return failed;
  }
  const failed = ofPort === null ? 0 : changePort(one, ofPort);
  if (failed === 0 && (data !== null || ofPort !== null)) tellInterface(one.network, one, false);
  return failed;
}

/** bridge(8): RTM_SETLINK of AF_BRIDGE (net/bridge/br_netlink.c, br_setlink); VLANs (IFLA_AF_SPEC) there are none. */
function changeAsPort(network: InterfaceNetwork, payload: Uint8Array): number {
  const one = network.interfaceByIndex(viewOf(payload).getInt32(Ifinfomsg.offset.ifi_index, true));
  if (one === undefined) return -ENODEV;
  if (one.master === null || attributeOf(payload, Ifinfomsg.size, IFLA_AF_SPEC) !== null) return -EOPNOTSUPP;
  const data = attributeOf(payload, Ifinfomsg.size, IFLA_PROTINFO);
  if (data === null) return 0;
  const failed = changePort(one, data);
  if (failed === 0) tellPort(one, false);
  return failed;
}

/** The network that IFLA_NET_NS_PID or IFLA_NET_NS_FD names, where the caller may change things; else −EPERM. */
function targetNetwork(task: SocketCaller, payload: Uint8Array): InterfaceNetwork | null | number {
  const network = namedNetwork(task, {
    pid: attributeOf(payload, Ifinfomsg.size, IFLA_NET_NS_PID),
    fd: attributeOf(payload, Ifinfomsg.size, IFLA_NET_NS_FD),
  });
  if (network === null || isErrno(network)) return network;
  return isCapable(task.credentials, CAP_NET_ADMIN, network.owner) ? network : -EPERM;
}

function createLink(task: SocketCaller, network: InterfaceNetwork, payload: Uint8Array): number {
  const info = attributeOf(payload, Ifinfomsg.size, IFLA_LINKINFO);
  const kind = info === null ? null : attributeOf(info, 0, IFLA_INFO_KIND);
  if (info === null || kind === null) return -EOPNOTSUPP;
  const wanted = newInterface(task, payload);
  if (isErrno(wanted)) return wanted;
  let made: NetworkInterface | number;
  if (textOf(kind) === "dummy") made = createDummy(network, wanted);
  else if (textOf(kind) === "bridge") made = createBridgeAs(network, wanted, attributeOf(info, 0, IFLA_INFO_DATA));
  else if (textOf(kind) === "veth") {
    const data = attributeOf(info, 0, IFLA_INFO_DATA);
    const peer = data === null ? null : attributeOf(data, 0, VETH_INFO_PEER);
    if (peer !== null && peer.length < Ifinfomsg.size) return -EINVAL;
    const { queueLength, queues } = wanted;
    const wantedPeer = peer === null ? { ...AS_IT_COMES, queueLength, queues } : newInterface(task, peer);
    made = isErrno(wantedPeer) ? wantedPeer : createVethPair(network, wanted, wantedPeer);
  } else return -EOPNOTSUPP;
  if (isErrno(made)) return made;
  // What the link does not take is left as it comes.
  setPacketSizes(made, payload);
  const master = numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_MASTER));
  const failed = master === null ? 0 : setMaster(made.network, made, master);
  return failed < 0 ? failed : changeFlags(made.network, made, payload);
}

function createBridgeAs(
  network: InterfaceNetwork,
  wanted: NewInterface,
  data: Uint8Array | null,
): NetworkInterface | number {
  const settings: Settings = new Map();
  const failed = data === null ? 0 : changeBridge(settings, data);
  if (failed < 0) return failed;
  const made = createBridge(network, wanted);
  if (!isErrno(made)) made.bridge!.settings = settings;
  return made;
}

function newInterface(task: SocketCaller, payload: Uint8Array): NewInterface | number {
  const network = targetNetwork(task, payload);
  if (isErrno(network)) return network;
  const name = attributeOf(payload, Ifinfomsg.size, IFLA_IFNAME);
  const mtu = numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_MTU));
  const index = viewOf(payload).getInt32(Ifinfomsg.offset.ifi_index, true);
  if (index < 0) return -EINVAL;
  const sending = numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_NUM_TX_QUEUES)) ?? 1;
  const receiving = numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_NUM_RX_QUEUES)) ?? 1;
  if ([sending, receiving].some((count) => count < 1 || count > QUEUES_MAX)) return -EINVAL;
  return {
    network,
    name: name === null ? undefined : textOf(name),
    hardwareAddress: attributeOf(payload, Ifinfomsg.size, IFLA_ADDRESS)?.slice(),
    mtu: mtu ?? undefined,
    queueLength: numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_TXQLEN)) ?? undefined,
    queues: { sending, receiving },
    group: groupIn(payload) ?? 0,
    index,
  };
}

/**
 * IFLA_AF_SPEC: how the interface makes its own addresses of IPv6; null: nothing is said; −EAFNOSUPPORT it has no such
 * family; −EINVAL, −ERANGE (net/core/rtnetlink.c, validate_linkmsg; net/ipv6/addrconf.c, inet6_validate_link_af).
 */
function generationIn(one: NetworkInterface, payload: Uint8Array): number | null {
  let mode: number | null = null;
  const families = attributeOf(payload, Ifinfomsg.size, IFLA_AF_SPEC);
  for (const family of families === null ? [] : attributesIn(families, 0)) {
    if (family?.type === AF_INET) return -EOPNOTSUPP;
    if (family?.type !== AF_INET6 || one.mtu < MTU_MIN_V6) return -EAFNOSUPPORT;
    const value = attributeOf(family.value, 0, IFLA_INET6_ADDR_GEN_MODE);
    if (value === null) return -EINVAL;
    if (value.length === 0) return -ERANGE;
    mode = value[0]!;
    if (!isGeneration(mode)) return -EINVAL;
  }
  return mode;
}

function setLink(network: InterfaceNetwork, one: NetworkInterface, payload: Uint8Array): number {
  const address = attributeOf(payload, Ifinfomsg.size, IFLA_ADDRESS);
  const broadcast = attributeOf(payload, Ifinfomsg.size, IFLA_BROADCAST);
  const mtu = numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_MTU));
  const queueLength = numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_TXQLEN));
  const group = groupIn(payload);
  const name = attributeOf(payload, Ifinfomsg.size, IFLA_IFNAME);
  const generation = generationIn(one, payload);
  if (generation !== null && generation < 0) return generation;
  if (broadcast !== null && broadcast.some((byte, at) => byte !== broadcastHardwareAddress(one)[at]))
    return -EOPNOTSUPP;
  let failed = address === null ? 0 : setHardwareAddress(network, one, address);
  if (failed === 0 && mtu !== null) failed = setMtu(network, one, mtu);
  if (failed === 0 && name !== null) failed = renameInterface(network, one, textOf(name));
  const master = numberOf(attributeOf(payload, Ifinfomsg.size, IFLA_MASTER));
  if (failed === 0 && master !== null) failed = setMaster(network, one, master);
  const alias = attributeOf(payload, Ifinfomsg.size, IFLA_IFALIAS);
  if (failed === 0 && alias !== null) failed = setAlias(network, one, textOf(alias));
  if (failed === 0) failed = setPacketSizes(one, payload);
  if (failed < 0) return failed;
  if (group !== null && group !== one.group) {
    one.group = group;
    tellInterface(network, one, false);
  }
  if (queueLength !== null && queueLength !== one.queueLength) {
    one.queueLength = queueLength;
    tellInterface(network, one, false);
  }
  const flagsFailed = changeFlags(network, one, payload);
  if (flagsFailed < 0 || generation === null) return flagsFailed;
  // From when it comes up next; what /proc says holds at once (net/ipv6/addrconf.c, inet6_set_link_af).
  one.settings.generation = generation;
  tellInterface(network, one, false);
  return 0;
}

/** One after the other, until one fails. */
function setPacketSizes(one: NetworkInterface, payload: Uint8Array): number {
  for (const attribute of SIZES) {
    const size = numberOf(attributeOf(payload, Ifinfomsg.size, attribute));
    const failed = size === null ? 0 : setPacketSize(one, attribute, size);
    if (failed < 0) return failed;
  }
  return 0;
}

/** `ifi_flags` as far as `ifi_change` says, which is all when it says nothing. */
function changeFlags(network: InterfaceNetwork, one: NetworkInterface, payload: Uint8Array): number {
  const view = viewOf(payload);
  const wanted = view.getUint32(Ifinfomsg.offset.ifi_flags, true);
  const mask = view.getUint32(Ifinfomsg.offset.ifi_change, true) || (wanted === 0 ? 0 : 0xffffffff);
  const flags = (one.flags & ~mask) | (wanted & mask);
  if (((flags ^ one.flags) & CHANGEABLE_FLAGS) === 0) return 0;
  setInterfaceFlags(network, one, flags);
  return 0;
}

/**
 * RTM_DELLINK, of one interface or of a group: 0; −EINVAL neither is named; −ENODEV there is none; −EOPNOTSUPP one that
 * programs did not make, then none of the group goes; −EPERM the group that all begin in.
 */
export function deleteLink(network: InterfaceNetwork, { payload }: NetlinkRequest): number {
  if (payload.length < Ifinfomsg.size) return -EINVAL;
  const group = namesLink(payload) ? null : groupIn(payload);
  if (group !== null) return deleteGroup(network, group);
  if (!namesLink(payload)) return -EINVAL;
  const found = requestedLink(network, payload);
  return found === undefined ? -ENODEV : removeInterface(network, found);
}

function deleteGroup(network: InterfaceNetwork, group: number): number {
  if (group === 0) return -EPERM;
  const all = network.interfaces.filter((one) => one.group === group);
  if (all.length === 0) return -ENODEV;
  if (all.some(({ kind }) => kind === "loopback" || kind === "provider")) return -EOPNOTSUPP;
  // One may be gone with its peer.
  for (const one of all) if (network.interfaces.includes(one)) removeInterface(network, one);
  return 0;
}
