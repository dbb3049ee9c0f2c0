/** Asked at first: is an address free (RFC 4862 §5.4, RFC 7527), are there routers (RFC 4861 §4.1)? */
import { HARDWARE_SIZE } from "../ethernet.ts";
import { ICMP_HEADER_SIZE, NDP_ADVERTISEMENT, NDP_ROUTER_SOLICITATION, NDP_SOLICITATION } from "../icmp.ts";
import { ALL_NODES, ANY_V6, type IpAddress, isWildcard, writeV6 } from "../ip-address.ts";
import type { IpDevice } from "../ip-host.ts";
import {
  NDP_HOPS,
  NDP_SIZE,
  NONCE_OPTION,
  OVERRIDE_FLAG,
  SOURCE_OPTION,
  solicitedNode,
  TARGET_OPTION,
} from "../ndp.ts";
import { sendToGroup } from "./group-message.ts";

/** All routers of a link (RFC 4291 §2.7.1). */
export const ALL_ROUTERS: IpAddress = Uint32Array.of(0xff020000, 0, 0, 2);
/** Bytes of a nonce with the head of its option (RFC 3971 §5.3.2). */
export const NONCE_SIZE = 6;

/** @param nonce  by which a question that comes back is known; null: none is sent */
export function askForAddress(device: IpDevice, ip: IpAddress, nonce: Uint8Array | null): void {
  const message = new Uint8Array(NDP_SIZE + (nonce === null ? 0 : 8));
  message[0] = NDP_SOLICITATION;
  writeV6(ip, message, ICMP_HEADER_SIZE);
  if (nonce !== null) putOption(message, NDP_SIZE, NONCE_OPTION, nonce);
  const group = solicitedNode(ip, new Uint32Array(4));
  sendToGroup({ device, source: ANY_V6, group, hops: NDP_HOPS, alerts: false }, message);
}

/** @param source  all zero: it has none yet */
export function askForRouters(device: IpDevice, source: IpAddress): void {
  const tells = device.isEthernet && !isWildcard(source);
  const message = new Uint8Array(ICMP_HEADER_SIZE + (tells ? 8 : 0));
  message[0] = NDP_ROUTER_SOLICITATION;
  if (tells) putOption(message, ICMP_HEADER_SIZE, SOURCE_OPTION, device.hardwareAddress);
  sendToGroup({ device, source, group: ALL_ROUTERS, hops: NDP_HOPS, alerts: false }, message);
}

/** All stations learn whose it is now (RFC 4861 §7.2.6). @param flags  ROUTER_FLAG or 0 */
export function announceAddress(device: IpDevice, ip: IpAddress, flags: number): void {
  const message = new Uint8Array(NDP_SIZE + 8);
  message[0] = NDP_ADVERTISEMENT;
  message[4] = OVERRIDE_FLAG | flags;
  writeV6(ip, message, ICMP_HEADER_SIZE);
  putOption(message, NDP_SIZE, TARGET_OPTION, device.hardwareAddress);
  sendToGroup({ device, source: ip, group: ALL_NODES[0]!, hops: NDP_HOPS, alerts: false }, message);
}

function putOption(message: Uint8Array, at: number, type: number, value: Uint8Array): void {
  message[at] = type;
  message[at + 1] = 1;
  message.set(value.subarray(0, HARDWARE_SIZE), at + 2);
}
