/** Interfaces that programs make (ip-link(8), tun): pages load how when the first is made. */
import { EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, ENOBUFS, IFF_TAP, isErrno } from "@stratos/abi";
import { makeLinkPair } from "@stratos/host";
import {
  carrierChanged,
  freeName,
  INTERFACES_MAX,
  isStationAddress,
  MTU_MAX,
  MTU_MIN,
  tellInterface,
} from "./interface-changes.ts";
import type { InterfaceNetwork } from "./interface-network.ts";
import { chosenHardwareAddress, type NetworkInterface, type NewInterface } from "./network-interface.ts";
import { Bridge } from "./packet/bridge.ts";
import { InterfaceLink } from "./packet/interface-frames.ts";
import { TunDevice } from "./tun/tun-device.ts";

const MTU_DEFAULT = 1500;

/** ip-link(8), TYPE DUMMY: takes whatever it is given and carries nothing. */
export function createDummy(asked: InterfaceNetwork, wanted: NewInterface): NetworkInterface | number {
  const network = wanted.network ?? asked;
  const name = freeName(network, wanted.name ?? "dummy%d");
  if (isErrno(name)) return name;
  const refused = checkNew(network, wanted);
  if (refused < 0) return refused;
  const one = network.makeInterface("dummy", {
    name,
    hardwareAddress: wanted.hardwareAddress ?? chosenHardwareAddress(network.kernel.random),
    mtu: wanted.mtu ?? MTU_DEFAULT,
    link: null,
    index: wanted.index,
    queueLength: wanted.queueLength,
    queues: wanted.queues,
    group: wanted.group,
  });
  tellInterface(network, one, false);
  return one;
}

/** ip-link(8), TYPE BRIDGE (packet/bridge.ts). */
export function createBridge(asked: InterfaceNetwork, wanted: NewInterface): NetworkInterface | number {
  const network = wanted.network ?? asked;
  const name = freeName(network, wanted.name ?? "bridge%d");
  if (isErrno(name)) return name;
  const refused = checkNew(network, wanted);
  if (refused < 0) return refused;
  const one = network.makeInterface("bridge", {
    name,
    hardwareAddress: wanted.hardwareAddress ?? chosenHardwareAddress(network.kernel.random),
    mtu: wanted.mtu ?? MTU_DEFAULT,
    link: null,
    index: wanted.index,
    queueLength: wanted.queueLength,
    queues: wanted.queues,
    group: wanted.group,
  });
  one.bridge = new Bridge(one, wanted.hardwareAddress !== undefined);
  tellInterface(network, one, false);
  return one;
}

/**
 * TUNSETIFF (tun/tun-file.ts).
 *
 * @param flags  IFF_TUN or IFF_TAP, and what goes with it
 */
export function createTun(
  network: InterfaceNetwork,
  wished: string,
  index: number,
  flags: number,
): NetworkInterface | number {
  const name = freeName(network, wished);
  if (isErrno(name)) return name;
  const isTap = (flags & IFF_TAP) !== 0;
  const hardwareAddress = isTap ? chosenHardwareAddress(network.kernel.random) : new Uint8Array(0);
  const link = new TunDevice(hardwareAddress, flags);
  const kind = isTap ? "tap" : "tun";
  const one = network.makeInterface(kind, { name, hardwareAddress, mtu: MTU_DEFAULT, link, index });
  link.setEvents(new InterfaceLink(one, carrierChanged));
  return one;
}

/** veth(4): a pair of interfaces, what one sends the other receives. The peer is made first. */
export function createVethPair(
  asked: InterfaceNetwork,
  wanted: NewInterface,
  wantedPeer: NewInterface,
): NetworkInterface | number {
  const network = wanted.network ?? asked;
  const peerNetwork = wantedPeer.network ?? network;
  const refused = checkNew(network, wanted) || checkNew(peerNetwork, wantedPeer);
  if (refused < 0) return refused;
  if (network.interfaces.length + 2 > INTERFACES_MAX) return -ENOBUFS;
  const peerName = freeName(peerNetwork, wantedPeer.name ?? "veth%d");
  if (isErrno(peerName)) return peerName;
  if (wanted.name === peerName && network === peerNetwork) return -EEXIST;
  const wantedName = wanted.name === undefined ? "" : freeName(network, wanted.name);
  if (isErrno(wantedName)) return wantedName;
  const peerIndex = wantedPeer.index || peerNetwork.takeIndex();
  if (wanted.index === peerIndex && network === peerNetwork) return -EBUSY;
  const { random } = network.kernel;
  const peerAddress = wantedPeer.hardwareAddress ?? chosenHardwareAddress(random);
  const address = wanted.hardwareAddress ?? chosenHardwareAddress(random);
  const [link, peerLink] = makeLinkPair({ address, mtu: MTU_MAX }, { address: peerAddress, mtu: MTU_MAX });
  const peer = peerNetwork.makeInterface("veth", {
    name: peerName,
    hardwareAddress: peerAddress,
    mtu: wantedPeer.mtu ?? wanted.mtu ?? MTU_DEFAULT,
    link: peerLink,
    index: peerIndex,
    queueLength: wantedPeer.queueLength,
    queues: wantedPeer.queues,
    group: wantedPeer.group,
  });
  // The other end isn't there yet, and is the one that was asked for.
  const { asker } = peerNetwork;
  peerNetwork.asker = null;
  tellInterface(peerNetwork, peer, false);
  peerNetwork.asker = asker;
  const one = network.makeInterface("veth", {
    name: wantedName === "" ? (freeName(network, "veth%d") as string) : wantedName,
    hardwareAddress: address,
    mtu: wanted.mtu ?? MTU_DEFAULT,
    link,
    index: wanted.index,
    queueLength: wanted.queueLength,
    queues: wanted.queues,
    group: wanted.group,
  });
  one.peer = peer;
  peer.peer = one;
  for (const end of [one, peer]) end.link!.setEvents(new InterfaceLink(end, carrierChanged));
  tellInterface(network, one, false);
  return one;
}

function checkNew(network: InterfaceNetwork, wanted: NewInterface): number {
  if (wanted.index > 0 && network.interfaceByIndex(wanted.index) !== undefined) return -EBUSY;
  if (wanted.hardwareAddress !== undefined && !isStationAddress(wanted.hardwareAddress)) return -EADDRNOTAVAIL;
  return wanted.mtu !== undefined && (wanted.mtu < MTU_MIN || wanted.mtu > MTU_MAX) ? -EINVAL : 0;
}
