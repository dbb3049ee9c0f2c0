/** Elements as messages of ipset(8) name them: one, or each of a range (net/netfilter/ipset/ip_set_hash_*.c, uadt). */
import {
  ERANGE,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPSET_ATTR_CIDR,
  IPSET_ATTR_IP,
  IPSET_ATTR_IP_TO,
  IPSET_ATTR_IPADDR_IPV4,
  IPSET_ATTR_IPADDR_IPV6,
  IPSET_ATTR_PORT,
  IPSET_ATTR_PORT_TO,
  IPSET_ATTR_PROTO,
  IPSET_ERR_INVALID_CIDR,
  IPSET_ERR_INVALID_PROTO,
  IPSET_ERR_IPADDR_IPV4,
  IPSET_ERR_IPADDR_IPV6,
  IPSET_ERR_MISSING_PROTO,
  IPSET_ERR_PROTOCOL,
} from "@stratos/abi";
import type { Attributes } from "../wire/attributes.ts";
import { refuse } from "../wire/refusal.ts";
import { cut, type IpSet, KEY_SIZE, PORT_AT, PREFIX_AT, PROTOCOL_AT } from "./ip-set.ts";

/** IPSET_MAX_RANGE: elements that one message may name. */
const RANGE_MAX = 1 << 14;

/** @throws Refusal what is malformed or too much */
export function namedKeys(set: IpSet, attributes: Attributes): Uint8Array[] {
  const keys: Uint8Array[] = [];
  const ports = portsIn(set, attributes);
  const count = ports.last - ports.first + 1;
  for (const { address, prefix } of addressesIn(set, attributes)) {
    if ((keys.length + 1) * count > RANGE_MAX) refuse(ERANGE);
    for (let port = ports.first; port <= ports.last; port++) {
      const key = new Uint8Array(KEY_SIZE);
      key.set(address);
      cut(key, set.options.type.isNet ? prefix : set.options.netmask);
      key[PREFIX_AT] = prefix;
      key[PROTOCOL_AT] = ports.protocol;
      key[PORT_AT] = port >> 8;
      key[PORT_AT + 1] = port;
      keys.push(key);
    }
  }
  return keys;
}

interface NamedAddress {
  readonly address: Uint8Array;
  readonly prefix: number;
}

function* addressesIn(set: IpSet, attributes: Attributes): Generator<NamedAddress> {
  const whole = set.isV6 ? 128 : 32;
  const { isNet } = set.options.type;
  const address = addressIn(set, attributes, IPSET_ATTR_IP) ?? refuse(IPSET_ERR_PROTOCOL);
  const prefix = attributes.u8(IPSET_ATTR_CIDR) ?? whole;
  if (prefix === 0 || prefix > whole) refuse(IPSET_ERR_INVALID_CIDR);
  if (set.isV6) {
    // Of IPv6 there are no ranges.
    if (!isNet && prefix !== whole) refuse(IPSET_ERR_INVALID_CIDR);
    if (attributes.has(IPSET_ATTR_IP_TO)) refuse(IPSET_ERR_PROTOCOL);
    yield { address, prefix };
    return;
  }
  const given = addressIn(set, attributes, IPSET_ATTR_IP_TO);
  if (given === null && isNet) {
    yield { address, prefix };
    return;
  }
  let from = wordOf(address);
  let to = given === null ? (from | (prefix === 32 ? 0 : 0xffffffff >>> prefix)) >>> 0 : wordOf(given);
  if (given === null && prefix < 32) from = (from & ~(0xffffffff >>> prefix)) >>> 0;
  if (from > to) [from, to] = [to, from];
  if (!isNet) {
    const step = 2 ** (32 - set.options.netmask);
    if ((to - from) / step >= RANGE_MAX) refuse(ERANGE);
    for (let ip = from; ip <= to; ip += step) yield { address: bytesOf(ip), prefix: 32 };
    return;
  }
  // The largest networks that begin where the one before ends (ip_set_range_to_cidr).
  while (from <= to) {
    let bits = 0;
    while (bits < 31 && from % 2 ** (bits + 1) === 0 && from + 2 ** (bits + 1) - 1 <= to) bits++;
    yield { address: bytesOf(from), prefix: 32 - bits };
    from += 2 ** bits;
  }
}

function addressIn(set: IpSet, attributes: Attributes, type: number): Uint8Array | null {
  const nested = attributes.nested(type);
  if (nested === null) return null;
  const bytes = nested.bytes(set.isV6 ? IPSET_ATTR_IPADDR_IPV6 : IPSET_ATTR_IPADDR_IPV4);
  if (bytes === null) return refuse(set.isV6 ? IPSET_ERR_IPADDR_IPV6 : IPSET_ERR_IPADDR_IPV4);
  return bytes.length === (set.isV6 ? 16 : 4) ? bytes : refuse(IPSET_ERR_PROTOCOL);
}

function portsIn(set: IpSet, attributes: Attributes): { protocol: number; first: number; last: number } {
  if (!set.options.type.hasPort) return { protocol: 0, first: 0, last: 0 };
  const port = attributes.u16(IPSET_ATTR_PORT) ?? refuse(IPSET_ERR_PROTOCOL);
  const protocol = attributes.u8(IPSET_ATTR_PROTO) ?? refuse(IPSET_ERR_MISSING_PROTO);
  if (protocol === 0) refuse(IPSET_ERR_INVALID_PROTO);
  if (!hasPorts(protocol)) {
    const isMessage = protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6;
    return { protocol, first: isMessage ? port : 0, last: isMessage ? port : 0 };
  }
  const to = attributes.u16(IPSET_ATTR_PORT_TO) ?? port;
  return { protocol, first: Math.min(port, to), last: Math.max(port, to) };
}

/** ip_set_proto_with_ports */
export function hasPorts(protocol: number): boolean {
  return (
    protocol === IPPROTO_TCP || protocol === IPPROTO_UDP || protocol === IPPROTO_SCTP || protocol === IPPROTO_UDPLITE
  );
}

function wordOf(address: Uint8Array): number {
  return ((address[0]! << 24) | (address[1]! << 16) | (address[2]! << 8) | address[3]!) >>> 0;
}

function bytesOf(word: number): Uint8Array {
  return Uint8Array.of(word >>> 24, word >>> 16, word >>> 8, word);
}
