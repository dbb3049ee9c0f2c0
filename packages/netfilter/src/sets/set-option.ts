/** getsockopt(SOL_IP, SO_IP_SET): which sets there are, as iptables asks (net/netfilter/ipset/ip_set_core.c). */
import {
  EBADMSG,
  EINVAL,
  EPROTO,
  IP_SET_OP_GET_BYINDEX,
  IP_SET_OP_GET_BYNAME,
  IP_SET_OP_GET_FNAME,
  IP_SET_OP_VERSION,
  IPSET_INVALID_ID,
  IPSET_MAXNAMELEN,
  IPSET_PROTOCOL,
  IPSET_PROTOCOL_MIN,
  IpSetReqVersion,
} from "@stratos/abi";
import { byteString, byteStringOf } from "@stratos/base";
import type { IpSets } from "./ip-set.ts";

/** @param asked  is filled in @returns it; −EINVAL its size; −EPROTO another version; −EBADMSG no such question */
export function answerSetOption(sets: IpSets, asked: Uint8Array): Uint8Array | number {
  if (asked.length < IpSetReqVersion.size) return -EINVAL;
  const view = new DataView(asked.buffer, asked.byteOffset, asked.length);
  const { op, version } = IpSetReqVersion.offset;
  const command = view.getUint32(op, true);
  if (command === IP_SET_OP_VERSION) {
    view.setUint32(version, IPSET_PROTOCOL, true);
    return asked;
  }
  if (view.getUint32(version, true) < IPSET_PROTOCOL_MIN) return -EPROTO;
  // A union of the name and the index, which the family stands before, or nothing.
  const at = IpSetReqVersion.size + (command === IP_SET_OP_GET_FNAME ? 4 : 0);
  if (![IP_SET_OP_GET_BYNAME, IP_SET_OP_GET_FNAME, IP_SET_OP_GET_BYINDEX].includes(command)) return -EBADMSG;
  if (asked.length !== at + IPSET_MAXNAMELEN) return -EINVAL;
  if (command === IP_SET_OP_GET_BYINDEX) {
    const found = sets.at(view.getUint16(at, true));
    asked.fill(0, at);
    if (found !== undefined) asked.set(byteStringOf(found.name), at);
    return asked;
  }
  const end = asked.indexOf(0, at);
  const found = sets.named(byteString(asked, at, end < 0 ? asked.length : end));
  if (command === IP_SET_OP_GET_FNAME) view.setUint8(IpSetReqVersion.size, found?.options.family ?? 0);
  view.setUint16(at, found?.index ?? IPSET_INVALID_ID, true);
  return asked;
}
