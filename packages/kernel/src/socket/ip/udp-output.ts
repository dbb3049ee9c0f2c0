/** UDP that goes out by links (RFC 768). */
import { EFAULT, EMSGSIZE, IPPROTO_UDP } from "@stratos/abi";
import { type IpOutput, type IpSending, NO_OPTIONS, UDP_HEADER_SIZE, writeUdpHeader } from "@stratos/netstack";
import type { IoCursor } from "../../ground/io-cursor.ts";
import type { OutgoingDatagram } from "../inet/datagram-transport.ts";

const LENGTH_MAX = 65535;
const MESSAGE = new Uint8Array(LENGTH_MAX + 1);
const SENDING = {
  hops: 0,
  trafficClass: 0,
  dontFragment: false,
  device: 0,
  mark: 0,
  uid: -1,
  gid: -1,
  options: NO_OPTIONS as Uint8Array,
};

/**
 * Sends all that the cursor has as one datagram.
 *
 * @param device  the interface that it must leave by; 0: as routes say
 * @returns its length, −EFAULT, or what IpOutput.send says
 */
export function sendUdp(
  output: IpOutput,
  { from, to, hopLimit, trafficClass, options }: OutgoingDatagram,
  bytes: IoCursor,
  { device, dontFragment, mark, uid, gid }: Omit<IpSending, "hops" | "trafficClass" | "options">,
): number {
  const length = bytes.remaining;
  const size = UDP_HEADER_SIZE + length;
  if (size > LENGTH_MAX) return -EMSGSIZE;
  const taken = length === 0 ? 0 : bytes.take(MESSAGE, UDP_HEADER_SIZE, length);
  if (taken < length) return taken < 0 ? taken : -EFAULT;
  writeUdpHeader(MESSAGE, 0, size, from, to);
  SENDING.hops = hopLimit;
  SENDING.trafficClass = trafficClass;
  SENDING.dontFragment = dontFragment;
  SENDING.device = device;
  SENDING.mark = mark;
  SENDING.uid = uid;
  SENDING.gid = gid;
  SENDING.options = options ?? NO_OPTIONS;
  const failed = output.send(IPPROTO_UDP, from.ip, to.ip, MESSAGE, 0, size, SENDING);
  return failed < 0 ? failed : length;
}
