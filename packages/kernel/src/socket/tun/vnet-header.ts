/**
 * What stands before the packets of a tun or tap interface with IFF_VNET_HDR (`struct virtio_net_hdr`, virtio 1.2
 * §5.1.6): what a writer left to others, a checksum or the cut into segments. It is done here, at once (Linux does it
 * where a packet leaves). What is read is whole, and its header zero.
 */
import {
  EINVAL,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_ECN,
  VIRTIO_NET_HDR_GSO_NONE,
  VIRTIO_NET_HDR_GSO_TCPV4,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP_L4,
  VirtioNetHdr,
} from "@stratos/abi";
import { addToChecksum, foldChecksum } from "@stratos/netstack";
import { viewOf } from "../../ground/words.ts";

/** Segments of one write; Linux takes more, of fewer than 32 bytes each. */
const SEGMENTS_MAX = 2048;
const IPV4_LEAST = 20,
  IPV6_SIZE = 40,
  TCP_LEAST = 20,
  UDP_SIZE = 8;
const PROTOCOL_TCP = 6,
  PROTOCOL_UDP = 17;
// offset: of `struct iphdr`, `struct ipv6hdr`, `struct udphdr` and `struct tcphdr`
const IPV4_LENGTH = 2,
  IPV4_ID = 4,
  IPV4_CHECKSUM = 10,
  IPV6_LENGTH = 4,
  UDP_LENGTH = 4;
const TCP_SEQUENCE = 4,
  TCP_OFFSET = 12,
  TCP_FLAGS = 13;
const FIN_PUSH = 0x09,
  CWR = 0x80;
const TCP_CHECKSUM = 16,
  UDP_CHECKSUM = 6;

/**
 * Work: the packet's bytes, and SEGMENTS_MAX headers.
 *
 * @param header  VirtioNetHdr.size bytes
 * @param bytes  the packet; its checksum may be written
 * @param ipAt  where its IP header begins
 * @returns the packets that come of it; −EINVAL the header says what can't be
 */
export function wholePackets(header: Uint8Array, bytes: Uint8Array, ipAt: number): readonly Uint8Array[] | number {
  const view = viewOf(header);
  const { offset } = VirtioNetHdr;
  const hasPartSum = (header[offset.flags]! & VIRTIO_NET_HDR_F_NEEDS_CSUM) !== 0;
  const sumStart = view.getUint16(offset.csum_start, true);
  const sumAt = sumStart + view.getUint16(offset.csum_offset, true);
  if (hasPartSum && sumAt + 2 > bytes.length) return -EINVAL;
  if (view.getUint16(offset.hdr_len, true) > bytes.length) return -EINVAL;
  const type = header[offset.gso_type]! & ~VIRTIO_NET_HDR_GSO_ECN;
  if (type !== VIRTIO_NET_HDR_GSO_NONE) return segments(type, view.getUint16(offset.gso_size, true), bytes, ipAt);
  if (hasPartSum) {
    // What stands there is the sum of the pseudo-header.
    const sum = foldChecksum(addToChecksum(0, bytes, sumStart, bytes.length - sumStart));
    viewOf(bytes).setUint16(sumAt, sum || 0xffff);
  }
  return [bytes];
}

function segments(type: number, size: number, bytes: Uint8Array, ipAt: number): readonly Uint8Array[] | number {
  const isV6 = bytes[ipAt]! >> 4 === 6;
  const isTcp = type === VIRTIO_NET_HDR_GSO_TCPV4 || type === VIRTIO_NET_HDR_GSO_TCPV6;
  if (size === 0 || (!isTcp && type !== VIRTIO_NET_HDR_GSO_UDP_L4)) return -EINVAL;
  if (isTcp && isV6 !== (type === VIRTIO_NET_HDR_GSO_TCPV6)) return -EINVAL;
  if (!isV6 && bytes[ipAt]! >> 4 !== 4) return -EINVAL;
  const ipSize = isV6 ? IPV6_SIZE : (bytes[ipAt]! & 15) * 4;
  const at = ipAt + ipSize;
  if (ipSize < IPV4_LEAST || at + (isTcp ? TCP_LEAST : UDP_SIZE) > bytes.length) return -EINVAL;
  if (bytes[ipAt + (isV6 ? 6 : 9)] !== (isTcp ? PROTOCOL_TCP : PROTOCOL_UDP)) return -EINVAL;
  const payloadAt = at + (isTcp ? (bytes[at + TCP_OFFSET]! >> 4) * 4 : UDP_SIZE);
  if (payloadAt < at + (isTcp ? TCP_LEAST : UDP_SIZE) || payloadAt > bytes.length) return -EINVAL;
  const count = Math.max(1, Math.ceil((bytes.length - payloadAt) / size));
  if (count > SEGMENTS_MAX) return -EINVAL;
  const whole = viewOf(bytes);
  const made: Uint8Array[] = [];
  for (let index = 0; index < count; index++) {
    const from = payloadAt + index * size;
    const length = Math.min(size, bytes.length - from);
    const segment = new Uint8Array(payloadAt + length);
    segment.set(bytes.subarray(0, payloadAt));
    segment.set(bytes.subarray(from, from + length), payloadAt);
    const view = viewOf(segment);
    if (isTcp) {
      view.setUint32(at + TCP_SEQUENCE, whole.getUint32(at + TCP_SEQUENCE) + index * size);
      if (index > 0) segment[at + TCP_FLAGS]! &= ~CWR;
      if (index < count - 1) segment[at + TCP_FLAGS]! &= ~FIN_PUSH;
    } else view.setUint16(at + UDP_LENGTH, segment.length - at);
    if (isV6) view.setUint16(ipAt + IPV6_LENGTH, segment.length - at);
    else {
      view.setUint16(ipAt + IPV4_LENGTH, segment.length - ipAt);
      view.setUint16(ipAt + IPV4_ID, whole.getUint16(ipAt + IPV4_ID) + index);
      view.setUint16(ipAt + IPV4_CHECKSUM, 0);
      view.setUint16(ipAt + IPV4_CHECKSUM, foldChecksum(addToChecksum(0, segment, ipAt, ipSize)));
    }
    setChecksum(segment, view, { ipAt, at, isV6, isTcp });
    made.push(segment);
  }
  return made;
}

function setChecksum(
  segment: Uint8Array,
  view: DataView,
  { ipAt, at, isV6, isTcp }: { ipAt: number; at: number; isV6: boolean; isTcp: boolean },
): void {
  const field = at + (isTcp ? TCP_CHECKSUM : UDP_CHECKSUM);
  const length = segment.length - at;
  view.setUint16(field, 0);
  // The pseudo-header: both addresses, which stand side by side, the protocol and the length.
  const addresses = addToChecksum(0, segment, ipAt + (isV6 ? 8 : 12), isV6 ? 32 : 8);
  const sum = addresses + (isTcp ? PROTOCOL_TCP : PROTOCOL_UDP) + length;
  const checksum = foldChecksum(addToChecksum(sum, segment, at, length));
  view.setUint16(field, isTcp ? checksum : checksum || 0xffff);
}
