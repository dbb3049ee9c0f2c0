/**
 * RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH: which hardware addresses neighbours have (`ip neigh`), and of AF_BRIDGE
 * behind which ports of bridges stations are (`bridge fdb`).
 */
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  EAFNOSUPPORT,
  EEXIST,
  EINVAL,
  ENODEV,
  ENOENT,
  isErrno,
  NDA_CACHEINFO,
  NDA_DST,
  NDA_LLADDR,
  NDA_MASTER,
  NDA_PROBES,
  NdaCacheinfo,
  Ndmsg,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REPLACE,
  NTF_PROXY,
  NTF_ROUTER,
  NUD_PERMANENT,
  NUD_REACHABLE,
  NUD_VALID,
  RTM_DELNEIGH,
  RTM_NEWNEIGH,
  RTN_UNICAST,
} from "@stratos/abi";
import { type IpAddress, ipBytes, ipOfBytes, isV4, type Neighbour } from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { ProxiedAddress } from "../ip/proxied-addresses.ts";
import { ETHERNET_ADDRESS_SIZE, type NetworkInterface } from "../network-interface.ts";
import { attributeOf, type NetlinkRequest } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

/** USER_HZ. */
export const TICK_NS = 1e7;

/** Those of a family. @param wants  by the interface that they are at */
export function neighbourMessages(
  network: InterfaceNetwork,
  payload: Uint8Array,
  heading: NetlinkHeading,
  wants: (index: number) => boolean,
): Uint8Array[] {
  const family = payload[0] ?? AF_UNSPEC;
  const isOf = (ip: IpAddress): boolean => family === AF_UNSPEC || family === familyOf(ip);
  const { proxied, neighbours } = network.ip;
  if (payload.length >= Ndmsg.size && payload[Ndmsg.offset.ndm_flags] === NTF_PROXY)
    return proxied.list.filter(({ ip, index }) => isOf(ip) && wants(index)).map((one) => proxyMessage(one, heading));
  return [...neighbours.list()]
    .filter(({ ip, device }) => isOf(ip) && wants(device))
    .map((one) => neighbourMessage(network, one, heading));
}

function familyOf(ip: IpAddress): number {
  return isV4(ip) ? AF_INET : AF_INET6;
}

export function neighbourMessage(
  network: InterfaceNetwork,
  one: Neighbour,
  heading: NetlinkHeading,
  isGone = false,
): Uint8Array {
  const nowNs = network.kernel.now();
  const state = network.ip.neighbours.stateOf(one, nowNs);
  const writer = new NetlinkWriter()
    .begin(isGone ? RTM_DELNEIGH : RTM_NEWNEIGH, heading)
    .fields(Ndmsg, {
      ndm_family: familyOf(one.ip),
      ndm_ifindex: one.device,
      ndm_state: state,
      ndm_flags: one.isRouter ? NTF_ROUTER : 0,
      ndm_type: RTN_UNICAST,
    })
    .attribute(NDA_DST, ipBytes(one.ip));
  if ((state & NUD_VALID) !== 0) writer.attribute(NDA_LLADDR, one.address);
  const ages = new Uint8Array(NdaCacheinfo.size);
  const ticksSince = (timeNs: number): number => Math.floor((nowNs - timeNs) / TICK_NS);
  putFields(viewOf(ages), NdaCacheinfo, {
    ndm_confirmed: ticksSince(one.confirmedNs),
    ndm_used: ticksSince(one.usedNs),
    ndm_updated: ticksSince(one.confirmedNs),
  });
  return writer.attributeU32(NDA_PROBES, one.probes).attribute(NDA_CACHEINFO, ages).finish();
}

function proxyMessage({ ip, index, isRouter }: ProxiedAddress, heading: NetlinkHeading): Uint8Array {
  return new NetlinkWriter()
    .begin(RTM_NEWNEIGH, heading)
    .fields(Ndmsg, {
      ndm_family: familyOf(ip),
      ndm_ifindex: index,
      ndm_flags: NTF_PROXY | (isRouter ? NTF_ROUTER : 0),
      ndm_type: RTN_UNICAST,
    })
    .attribute(NDA_DST, ipBytes(ip))
    .finish();
}

/** What a request names; a negated errno where it names none that can be. */
interface NamedNeighbour {
  readonly index: number;
  readonly ip: IpAddress;
  readonly known: Neighbour | null;
  /** NTF_PROXY: it isn't a neighbour, but one that is stood in for. */
  readonly isProxied: boolean;
}

/** −EINVAL malformed; −EAFNOSUPPORT; −ENODEV */
function namedIn(network: InterfaceNetwork, payload: Uint8Array): NamedNeighbour | number {
  if (payload.length < Ndmsg.size) return -EINVAL;
  const family = payload[Ndmsg.offset.ndm_family];
  if (family !== AF_INET && family !== AF_INET6) return -EAFNOSUPPORT;
  const destination = attributeOf(payload, Ndmsg.size, NDA_DST);
  if (destination === null) return -EINVAL;
  const index = viewOf(payload).getInt32(Ndmsg.offset.ndm_ifindex, true);
  const isProxied = (payload[Ndmsg.offset.ndm_flags]! & NTF_PROXY) !== 0;
  if (index !== 0 && network.interfaceByIndex(index) === undefined) return -ENODEV;
  if (index === 0 && !isProxied) return -EINVAL;
  const ip = ipOfBytes(destination);
  if (ip === null || familyOf(ip) !== family) return -EINVAL;
  return { index, ip, known: isProxied ? null : network.ip.neighbours.find(index, ip), isProxied };
}

/** RTM_GETNEIGH of one: −ENOENT, or what `namedIn` says. */
export function foundNeighbour(
  network: InterfaceNetwork,
  payload: Uint8Array,
  heading: NetlinkHeading,
): Uint8Array | number {
  const named = namedIn(network, payload);
  if (isErrno(named)) return named;
  if (named.isProxied) {
    const proxied = network.ip.proxied.at(named.index, named.ip);
    return proxied === null ? -ENOENT : proxyMessage(proxied, heading);
  }
  return named.known === null ? -ENOENT : neighbourMessage(network, named.known, heading);
}

/**
 * RTM_NEWNEIGH and RTM_DELNEIGH (net/core/neighbour.c, neigh_add, neigh_delete).
 *
 * @returns 0; −ENOENT it isn't there; −EEXIST it is; −EINVAL no address for a state that has one; what `namedIn` says
 */
export function changeNeighbour(network: InterfaceNetwork, { type, payload, flags }: NetlinkRequest): number {
  const named = namedIn(network, payload);
  if (isErrno(named)) return named;
  const { index, ip, known } = named;
  const { neighbours } = network.ip;
  if (named.isProxied) {
    const isRouter = (payload[Ndmsg.offset.ndm_flags]! & NTF_ROUTER) !== 0;
    return type === RTM_DELNEIGH ? removeProxied(network, index, ip) : network.ip.proxied.add({ index, ip, isRouter });
  }
  if (type === RTM_DELNEIGH) {
    if (known === null) return -ENOENT;
    neighbours.remove(known);
    return 0;
  }
  const address = attributeOf(payload, Ndmsg.size, NDA_LLADDR);
  if (address !== null && address.length !== ETHERNET_ADDRESS_SIZE) return -EINVAL;
  if (known === null && (flags & NLM_F_CREATE) === 0) return -ENOENT;
  if (known !== null && (flags & NLM_F_EXCL) !== 0) return -EEXIST;
  const state = viewOf(payload).getUint16(Ndmsg.offset.ndm_state, true);
  const isValid = (state & NUD_VALID) !== 0;
  const hasAddress = known !== null && (known.state & NUD_VALID) !== 0;
  if (isValid && address === null && !hasAddress) return -EINVAL;
  const nowNs = network.kernel.now();
  const one = known ?? neighbours.obtain(index, ip, nowNs);
  if (!isValid) return 0;
  const keepsAddress = hasAddress && (address === null || (flags & NLM_F_REPLACE) === 0);
  neighbours.set(one, keepsAddress ? one.address.slice() : address!, state, nowNs);
  network.ip.settle();
  return 0;
}

/** −ENOENT */
function removeProxied({ ip: { proxied } }: InterfaceNetwork, index: number, ip: IpAddress): number {
  const known = proxied.at(index, ip);
  if (known === null) return -ENOENT;
  proxied.remove(known);
  return 0;
}

export function stationMessages(network: InterfaceNetwork, heading: NetlinkHeading): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (const { bridge } of network.interfaces) {
    if (bridge === null) continue;
    const { own } = bridge;
    if (bridge.hasOwnAddress) messages.push(stationMessage(own, own.hardwareAddress, NUD_PERMANENT, heading));
    for (const port of bridge.ports) messages.push(stationMessage(port, port.hardwareAddress, NUD_PERMANENT, heading));
    for (const { address, port } of bridge.stations())
      messages.push(stationMessage(port, addressBytes(address), NUD_REACHABLE, heading));
  }
  return messages;
}

function stationMessage(
  port: NetworkInterface,
  address: Uint8Array,
  state: number,
  heading: NetlinkHeading,
): Uint8Array {
  return new NetlinkWriter()
    .begin(RTM_NEWNEIGH, heading)
    .fields(Ndmsg, { ndm_family: AF_BRIDGE, ndm_ifindex: port.index, ndm_state: state })
    .attribute(NDA_LLADDR, address)
    .attributeU32(NDA_MASTER, (port.master ?? port).index)
    .finish();
}

function addressBytes(address: number): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_ADDRESS_SIZE);
  for (let at = ETHERNET_ADDRESS_SIZE - 1, rest = address; at >= 0; at--, rest = Math.floor(rest / 256))
    bytes[at] = rest % 256;
  return bytes;
}
