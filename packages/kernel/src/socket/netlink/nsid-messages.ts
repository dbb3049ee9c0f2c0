/** RTM_GETNSID and RTM_NEWNSID: by which numbers a network knows others (ip-netns(8), list-id and set). */
import {
  EEXIST,
  EINVAL,
  ENOENT,
  isErrno,
  NETNSA_FD,
  NETNSA_NSID,
  NETNSA_PID,
  RTGENMSG_LENGTH,
  RTM_NEWNSID,
} from "@stratos/abi";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import { namedNetwork } from "./named-network.ts";
import { attributeOf, type NetlinkAnswer, numberOf } from "./netlink-request.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

/** What a network without a number has (NETNSA_NSID_NOT_ASSIGNED). */
const UNASSIGNED = -1;

export function tellNumbers(
  task: SocketCaller,
  network: InterfaceNetwork,
  payload: Uint8Array,
  heading: NetlinkHeading,
  isDump: boolean,
): NetlinkAnswer {
  const message = (number: number): Uint8Array =>
    new NetlinkWriter().begin(RTM_NEWNSID, heading).u32(0).attributeU32(NETNSA_NSID, number).finish();
  if (isDump) return { isDump, messages: [...network.numbers.values()].map(message) };
  const wanted = numberOf(attributeOf(payload, RTGENMSG_LENGTH, NETNSA_NSID));
  if (wanted !== null) {
    const isKnown = [...network.numbers.values()].includes(wanted | 0);
    return isKnown ? { isDump, messages: [message(wanted | 0)] } : -ENOENT;
  }
  const other = otherNetwork(task, payload);
  return isErrno(other) ? other : { isDump, messages: [message(network.numbers.get(other) ?? UNASSIGNED)] };
}

/** @returns 0; −EINVAL; −EEXIST it has one, or another has that */
export function assignNumber(task: SocketCaller, network: InterfaceNetwork, payload: Uint8Array): number {
  const number = numberOf(attributeOf(payload, RTGENMSG_LENGTH, NETNSA_NSID));
  if (number === null) return -EINVAL;
  const other = otherNetwork(task, payload);
  if (isErrno(other)) return other;
  if (network.numbers.has(other)) return -EEXIST;
  if ((number | 0) >= 0) return network.giveNumber(other, number) ? 0 : -EEXIST;
  network.numberOf(other);
  return 0;
}

function otherNetwork(task: SocketCaller, payload: Uint8Array): InterfaceNetwork | number {
  const network = namedNetwork(task, {
    pid: attributeOf(payload, RTGENMSG_LENGTH, NETNSA_PID),
    fd: attributeOf(payload, RTGENMSG_LENGTH, NETNSA_FD),
  });
  return network ?? -EINVAL;
}
