/** Expressions that aren't steps of their own (program.ts): each looks at a packet, counts, or says what is to be. */
import {
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPS_OFFLOAD,
  NFTA_CONNLIMIT_COUNT,
  NFTA_CONNLIMIT_FLAGS,
  NFTA_CT_SREG,
  NFTA_DYNSET_FLAGS,
  NFTA_DYNSET_OP,
  NFTA_DYNSET_SREG_DATA,
  NFTA_DYNSET_SREG_KEY,
  NFTA_DYNSET_TIMEOUT,
  NFTA_FIB_DREG,
  NFTA_FIB_FLAGS,
  NFTA_FIB_F_IIF,
  NFTA_FIB_F_OIF,
  NFTA_FIB_F_PRESENT,
  NFTA_FIB_F_SADDR,
  NFTA_FIB_RESULT,
  NFTA_HASH_DREG,
  NFTA_LIMIT_BURST,
  NFTA_LIMIT_FLAGS,
  NFTA_LIMIT_RATE,
  NFTA_LIMIT_TYPE,
  NFTA_LIMIT_UNIT,
  NFTA_LOG_GROUP,
  NFTA_LOG_LEVEL,
  NFTA_LOG_PREFIX,
  NFTA_META_KEY,
  NFTA_META_SREG,
  NFTA_NG_DREG,
  NFTA_NG_MODULUS,
  NFTA_NG_OFFSET,
  NFTA_NG_TYPE,
  NFTA_OBJREF_SET_SREG,
  NFTA_PAYLOAD_BASE,
  NFTA_PAYLOAD_CSUM_FLAGS,
  NFTA_PAYLOAD_CSUM_TYPE,
  NFTA_PAYLOAD_LEN,
  NFTA_PAYLOAD_OFFSET,
  NFTA_PAYLOAD_SREG,
  NFTA_QUOTA_BYTES,
  NFTA_QUOTA_FLAGS,
  NFTA_REJECT_ICMP_CODE,
  NFTA_REJECT_TYPE,
  NFTA_RT_DREG,
  NFTA_RT_KEY,
  NFT_DYNSET_F_INV,
  NFT_DYNSET_OP_DELETE,
  NFT_DYNSET_OP_UPDATE,
  NFT_FIB_RESULT_ADDRTYPE,
  NFT_FIB_RESULT_OIF,
  NFT_LIMIT_F_INV,
  NFT_LIMIT_PKTS,
  NFT_META_MARK,
  NFT_META_PRIORITY,
  NFT_RT_XFRM,
  NFT_NG_RANDOM,
  NFT_PAYLOAD_CSUM_INET,
  NFT_PAYLOAD_L4CSUM_PSEUDOHDR,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
  NFT_QUOTA_F_INV,
  NFT_REJECT_ICMPX_UNREACH,
  NFT_REJECT_TCP_RST,
  TCP_CONNTRACK_ESTABLISHED,
} from "@stratos/abi";
import { COUNTED_BYTES, COUNTED_PACKETS } from "../rules/statement-kinds.ts";
import { type Expression, SetElement } from "../rules/ruleset.ts";
import { ESTABLISHED, type PacketView, REPLY, UNTRACKED } from "../track/packet-view.ts";
import { replaceBytes } from "../track/rewrite.ts";
import { evaluateExtension } from "./evaluate-extension.ts";
import { evaluateArithmetic } from "./arithmetic.ts";
import { logPacket } from "./log-packet.ts";
import { evaluateNat } from "./evaluate-nat.ts";
import { DROPPED, MATCHED, NOT_MATCHED } from "./outcome.ts";
import { payloadPlace } from "./payload.ts";
import { putName, putByte, putNetworkShort, putWord, REGISTERS, wordOf } from "./registers.ts";
import { evaluateHeader } from "./evaluate-header.ts";
import { hashedNumber, scaled } from "./hash.ts";
import { refuseByIcmp, refuseByReset, type Surroundings } from "./surroundings.ts";

export function evaluateOther(it: Expression, packet: PacketView, around: Surroundings): number {
  switch (it.kind) {
    case "counter":
      it.state[COUNTED_PACKETS]!++;
      it.state[COUNTED_BYTES]! += packet.length;
      return MATCHED;
    case "limit":
      return isWithinLimit(it, packet.length, around.nowNs) ? MATCHED : NOT_MATCHED;
    case "quota":
      return evaluateQuota(it, packet.length);
    case "last":
      it.state[0] = around.nowNs;
      return MATCHED;
    case "connlimit":
      return evaluateConnlimit(it, packet, around);
    case "objref":
      return evaluateObject(it, packet, around);
    case "dynset":
      return evaluateDynset(it, packet, around);
    case "reject":
      return evaluateReject(it, packet, around);
    case "log":
      logPacket(packet, around.host, {
        level: it.number(NFTA_LOG_LEVEL),
        prefix: it.has(NFTA_LOG_GROUP) ? null : ((it.values[NFTA_LOG_PREFIX] as string | undefined) ?? ""),
      });
      return MATCHED;
    case "nat":
    case "masq":
    case "redir":
      return evaluateNat(it, packet, around);
    case "flow_offload":
      return offload(it, packet);
    case "notrack":
      if (packet.connection === null) packet.relation = UNTRACKED;
      return MATCHED;
    case "payload":
      return setPayload(it, packet);
    case "meta":
      return setMeta(it, packet);
    case "ct":
      if (packet.connection === null) return NOT_MATCHED;
      packet.connection.mark = wordOf(4 * it.number(NFTA_CT_SREG));
      return MATCHED;
    case "fib":
      return evaluateFib(it, packet, around);
    case "rt":
      // There is no IPsec.
      if (it.number(NFTA_RT_KEY) === NFT_RT_XFRM) putByte(4 * it.number(NFTA_RT_DREG), 0);
      else putNetworkShort(4 * it.number(NFTA_RT_DREG), segmentSize(packet, around));
      return MATCHED;
    case "exthdr":
      return evaluateHeader(it, packet);
    case "hash":
      putWord(4 * it.number(NFTA_HASH_DREG), hashedNumber(it, packet));
      return MATCHED;
    case "xfrm":
      return NOT_MATCHED;
    case "numgen":
      putWord(4 * it.number(NFTA_NG_DREG), nextNumber(it, around));
      return MATCHED;
    case "match":
    case "target":
      return evaluateExtension(it, packet, around);
    default:
      return evaluateArithmetic(it) ? MATCHED : NOT_MATCHED;
  }
}

/** Tokens are nanoseconds; a packet costs those that the rate gives it (net/netfilter/nft_limit.c). */
function isWithinLimit(it: Expression, length: number, nowNs: number): boolean {
  const { state } = it;
  const rate = it.number(NFTA_LIMIT_RATE);
  const unitNs = it.number(NFTA_LIMIT_UNIT) * 1e9;
  const isPackets = it.number(NFTA_LIMIT_TYPE) === NFT_LIMIT_PKTS;
  const burst = it.number(NFTA_LIMIT_BURST);
  const most = isPackets ? (unitNs / rate) * burst : (unitNs * (rate + burst)) / rate;
  const cost = isPackets ? unitNs / rate : (unitNs * length) / rate;
  const isInverted = (it.number(NFTA_LIMIT_FLAGS) & NFT_LIMIT_F_INV) !== 0;
  const tokens = Math.min(most, state[0]! + (nowNs - state[1]!));
  state[1] = nowNs;
  const isWithin = tokens >= cost;
  state[0] = isWithin ? tokens - cost : tokens;
  return isWithin !== isInverted;
}

function evaluateQuota(it: Expression, length: number): number {
  const isOver = it.state[0]! + length > it.number(NFTA_QUOTA_BYTES);
  it.state[0]! += length;
  return isOver === ((it.number(NFTA_QUOTA_FLAGS) & NFT_QUOTA_F_INV) !== 0) ? MATCHED : NOT_MATCHED;
}

/** Connections that are there already are counted once, when they begin. Work: those that are there. */
function evaluateConnlimit(it: Expression, { connection }: PacketView, { conntrack, nowNs }: Surroundings): number {
  if (connection === null) return NOT_MATCHED;
  let count = 1;
  for (const one of conntrack.connections(nowNs)) if (one !== connection) count++;
  const isOver = count > it.number(NFTA_CONNLIMIT_COUNT);
  return isOver === ((it.number(NFTA_CONNLIMIT_FLAGS) & 1) !== 0) ? MATCHED : NOT_MATCHED;
}

function evaluateObject(it: Expression, packet: PacketView, around: Surroundings): number {
  if (it.object !== null) return evaluateOther(it.object.expression, packet, around);
  const found = it.set!.find(REGISTERS, 4 * it.number(NFTA_OBJREF_SET_SREG), around.nowNs);
  return found === null || found.object === null ? NOT_MATCHED : evaluateOther(found.object.expression, packet, around);
}

/** Packets add, touch and remove elements (net/netfilter/nft_dynset.c); when the set is full, none matches. */
function evaluateDynset(it: Expression, packet: PacketView, around: Surroundings): number {
  const set = it.set!;
  const { nowNs } = around;
  const at = 4 * it.number(NFTA_DYNSET_SREG_KEY);
  const isInverted = (it.number(NFTA_DYNSET_FLAGS) & NFT_DYNSET_F_INV) !== 0;
  const key = REGISTERS.slice(at, at + set.shape.keyLength);
  let element = set.exact(key, null, false);
  if (element !== null && element.isExpired(nowNs)) {
    set.remove(element);
    element = null;
  }
  const operation = it.number(NFTA_DYNSET_OP);
  if (operation === NFT_DYNSET_OP_DELETE) {
    if (element !== null) set.remove(element);
    return (element === null) === isInverted ? MATCHED : NOT_MATCHED;
  }
  const timeoutMs = it.number(NFTA_DYNSET_TIMEOUT) || set.shape.timeoutMs;
  if (element === null) {
    if (set.elements.size >= set.shape.sizeMost) {
      for (const old of set.expired(nowNs)) set.remove(old);
      if (set.elements.size >= set.shape.sizeMost) return isInverted ? MATCHED : NOT_MATCHED;
    }
    element = new SetElement(key, null, 0);
    if (it.has(NFTA_DYNSET_SREG_DATA)) {
      const from = 4 * it.number(NFTA_DYNSET_SREG_DATA);
      element.data = REGISTERS.slice(from, from + set.shape.dataLength);
    }
    const templates = it.templates.length > 0 ? it.templates : set.templates;
    element.expressions = templates.map((one) => one.copy());
    setExpiry(element, timeoutMs, nowNs);
    set.insert(element);
  } else if (operation === NFT_DYNSET_OP_UPDATE) setExpiry(element, timeoutMs, nowNs);
  for (const one of element.expressions)
    if (evaluateOther(one, packet, around) !== MATCHED) return isInverted ? MATCHED : NOT_MATCHED;
  return isInverted ? NOT_MATCHED : MATCHED;
}

/** From now on the connection goes by the rules (net/netfilter/nft_flow_offload.c). */
function offload({ flowtable }: Expression, { connection, relation, protocol }: PacketView): number {
  const isEstablished = relation % REPLY === ESTABLISHED && relation <= REPLY;
  if (connection === null || !isEstablished || connection.has(IPS_OFFLOAD)) return NOT_MATCHED;
  if (protocol === IPPROTO_TCP ? connection.state !== TCP_CONNTRACK_ESTABLISHED : protocol !== IPPROTO_UDP)
    return NOT_MATCHED;
  connection.status |= IPS_OFFLOAD;
  connection.flowtable = flowtable;
  return MATCHED;
}

function setExpiry(element: SetElement, timeoutMs: number, nowNs: number): void {
  element.timeoutMs = timeoutMs;
  element.expiresNs = timeoutMs === 0 ? 0 : nowNs + timeoutMs * 1e6;
}

/** ICMP codes of NFT_REJECT_ICMPX_* in both versions. */
const ICMPX_V4 = [0, 3, 1, 13],
  ICMPX_V6 = [0, 4, 3, 1];

function evaluateReject(it: Expression, packet: PacketView, around: Surroundings): number {
  const type = it.number(NFTA_REJECT_TYPE);
  const code = it.number(NFTA_REJECT_ICMP_CODE);
  if (type === NFT_REJECT_TCP_RST) refuseByReset(around);
  else
    refuseByIcmp(around, packet, type === NFT_REJECT_ICMPX_UNREACH ? (packet.isV6 ? ICMPX_V6 : ICMPX_V4)[code]! : code);
  return DROPPED;
}

function setPayload(it: Expression, packet: PacketView): number {
  const base = it.number(NFTA_PAYLOAD_BASE);
  const from = payloadPlace(packet, base);
  const size = it.number(NFTA_PAYLOAD_LEN);
  const at = from + it.number(NFTA_PAYLOAD_OFFSET);
  if (from < 0 || at + size > packet.end) return NOT_MATCHED;
  const isSummed = it.number(NFTA_PAYLOAD_CSUM_TYPE) === NFT_PAYLOAD_CSUM_INET;
  const isPseudo = (it.number(NFTA_PAYLOAD_CSUM_FLAGS) & NFT_PAYLOAD_L4CSUM_PSEUDOHDR) !== 0;
  const isTransport = base === NFT_PAYLOAD_TRANSPORT_HEADER;
  replaceBytes(packet, at, REGISTERS, 4 * it.number(NFTA_PAYLOAD_SREG), size, {
    ip: isSummed && base === NFT_PAYLOAD_NETWORK_HEADER && !packet.isV6,
    transport: isPseudo || (isTransport && isSummed),
  });
  return MATCHED;
}

function setMeta(it: Expression, packet: PacketView): number {
  const value = wordOf(4 * it.number(NFTA_META_SREG));
  switch (it.number(NFTA_META_KEY)) {
    case NFT_META_MARK:
      packet.mark = value;
      break;
    case NFT_META_PRIORITY:
      packet.priority = value;
  }
  return MATCHED;
}

function evaluateFib(it: Expression, packet: PacketView, { host }: Surroundings): number {
  if (!packet.isIp) return NOT_MATCHED;
  const flags = it.number(NFTA_FIB_FLAGS);
  const to = 4 * it.number(NFTA_FIB_DREG);
  const { bytes, at, isV6, inDevice, outDevice } = packet;
  const isSource = (flags & NFTA_FIB_F_SADDR) !== 0;
  const place = at + (isV6 ? (isSource ? 8 : 24) : isSource ? 12 : 16);
  const device = (flags & NFTA_FIB_F_IIF) !== 0 ? inDevice : (flags & NFTA_FIB_F_OIF) !== 0 ? outDevice : 0;
  const result = it.number(NFTA_FIB_RESULT);
  if (result === NFT_FIB_RESULT_ADDRTYPE) {
    putWord(to, host.addressType(bytes, place, isV6, device));
    return MATCHED;
  }
  let found = host.routeDevice(bytes, place, isV6);
  if (device !== 0 && found !== device) found = 0;
  if ((flags & NFTA_FIB_F_PRESENT) !== 0) putWord(to, found === 0 ? 0 : 1);
  else if (result === NFT_FIB_RESULT_OIF) putWord(to, found);
  else putName(to, found === 0 ? "" : host.interfaceName(found));
  return MATCHED;
}

/** Of TCP over the way that the packet takes: what the interface takes, without headers. */
function segmentSize({ outDevice, isV6 }: PacketView, { host }: Surroundings): number {
  return Math.max(0, (outDevice === 0 ? 1500 : host.mtu(outDevice)) - (isV6 ? 60 : 40));
}

function nextNumber(it: Expression, { host }: Surroundings): number {
  const modulus = it.number(NFTA_NG_MODULUS);
  const offset = it.number(NFTA_NG_OFFSET);
  if (it.number(NFTA_NG_TYPE) === NFT_NG_RANDOM) return offset + scaled(host.random(), modulus);
  const number = it.state[0]!;
  it.state[0] = (number + 1) % modulus;
  return offset + number;
}
