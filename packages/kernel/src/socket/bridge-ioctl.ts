/** Requests of a socket that make, remove and fill bridges, of brctl(8) and lxc (net/bridge/br_ioctl.c). */
import {
  CAP_NET_ADMIN,
  EBUSY,
  EFAULT,
  EINVAL,
  ENODEV,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  IFNAMSIZ,
  IfreqIndex,
  isErrno,
  SIOCBRADDBR,
  SIOCBRADDIF,
  SIOCBRDELBR,
  SIOCBRDELIF,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { viewOf } from "../ground/words.ts";
import { removeInterface } from "./interface-changes.ts";
import { setMaster } from "./interface-properties.ts";
import { createBridge } from "./new-interfaces.ts";
import type { InterfaceNetwork } from "./interface-network.ts";
import { nameIn } from "./interface-request.ts";
import { AS_IT_COMES } from "./network-interface.ts";
import type { SocketCaller } from "./socket-kernel.ts";

export const BRIDGE_REQUESTS: ReadonlySet<number> = new Set([SIOCBRADDBR, SIOCBRDELBR, SIOCBRADDIF, SIOCBRDELIF]);

/**
 * @returns 0; −EPERM without CAP_NET_ADMIN, or what is to go is no bridge; −EFAULT; −EEXIST; −ENXIO there is none;
 *   −EBUSY it is up, or the interface is a port already; −ENODEV; −EOPNOTSUPP it is no bridge; −EINVAL no such
 *   interface, or not one of its ports; what `createBridge` and `setMaster` say
 */
export function bridgeIoctl(task: SocketCaller, network: InterfaceNetwork, command: number, argument: number): number {
  const request = new Uint8Array(IfreqIndex.size);
  const isOfBridge = command === SIOCBRADDBR || command === SIOCBRDELBR;
  if (isOfBridge && !isCapable(task.credentials, CAP_NET_ADMIN, network.owner)) return -EPERM;
  if (task.space.copyIn(argument, request, 0, isOfBridge ? IFNAMSIZ : IfreqIndex.size) < 0) return -EFAULT;
  const name = nameIn(request, 0);
  if (isOfBridge) return command === SIOCBRADDBR ? addBridge(network, name) : removeBridge(network, name);
  const found = network.interfaceByName(name);
  if (found === undefined) return -ENODEV;
  if (!isCapable(task.credentials, CAP_NET_ADMIN, network.owner)) return -EPERM;
  if (found.bridge === null) return -EOPNOTSUPP;
  const port = network.interfaceByIndex(viewOf(request).getInt32(IfreqIndex.offset.ifr_ifindex, true));
  if (port === undefined) return -EINVAL;
  if (command === SIOCBRADDIF) return port.master !== null ? -EBUSY : setMaster(network, port, found.index);
  return port.master === found ? setMaster(network, port, 0) : -EINVAL;
}

function addBridge(network: InterfaceNetwork, name: string): number {
  const made = createBridge(network, { ...AS_IT_COMES, name });
  return isErrno(made) ? made : 0;
}

function removeBridge(network: InterfaceNetwork, name: string): number {
  const one = network.interfaceByName(name);
  if (one === undefined) return -ENXIO;
  if (one.bridge === null) return -EPERM;
  return one.isUp ? -EBUSY : removeInterface(network, one);
}
