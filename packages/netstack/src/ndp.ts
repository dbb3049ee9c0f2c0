/** Neighbour discovery (RFC 4861 §4.3, §4.4, §4.6.1): target, then options; of eight bytes each, here. */
import { ANY_V6, type IpAddress } from "./ip-address.ts";

export const NDP_SIZE = 24,
  NDP_OPTION_SIZE = 8,
  SOURCE_OPTION = 1,
  TARGET_OPTION = 2,
  NONCE_OPTION = 14;
export const ROUTER_FLAG = 0x80,
  SOLICITED_FLAG = 0x40,
  OVERRIDE_FLAG = 0x20;
/** None came by a router. */
export const NDP_HOPS = 255;

/** RFC 4291 §2.7.1: the group in which all of an address's last 24 bits are. */
export function solicitedNode(ip: IpAddress, into: IpAddress): IpAddress {
  into.set(ANY_V6);
  into[0] = 0xff020000;
  into[2] = 1;
  into[3] = (0xff000000 | (ip[3]! & 0xffffff)) >>> 0;
  return into;
}
