/**
 * Goal: no header before a packet makes the kernel fail, and what is cut is whole. What Linux says of such headers
 * stands in tests/abi/tun-vnet.c. Method: a stream's packet of IPv6, and random changes of header and packet.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  EINVAL,
  VIRTIO_NET_HDR_F_NEEDS_CSUM,
  VIRTIO_NET_HDR_GSO_TCPV6,
  VIRTIO_NET_HDR_GSO_UDP_L4,
  VirtioNetHdr,
} from "@stratos/abi";
import { addToChecksum, foldChecksum } from "@stratos/netstack";
import { wholePackets } from "./vnet-header.ts";

const AT = 40,
  PAYLOAD_AT = 60;

function header(type: number, size: number): Uint8Array {
  const bytes = new Uint8Array(VirtioNetHdr.size);
  const view = new DataView(bytes.buffer);
  bytes[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  bytes[1] = type;
  view.setUint16(VirtioNetHdr.offset.gso_size, size, true);
  view.setUint16(VirtioNetHdr.offset.csum_start, AT, true);
  view.setUint16(VirtioNetHdr.offset.csum_offset, 16, true);
  return bytes;
}

/** FIN, PSH, ACK and CWR are set. */
function stream(length: number): Uint8Array {
  const bytes = new Uint8Array(PAYLOAD_AT + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, 20 + length);
  bytes[6] = 6;
  bytes.fill(0x20, 8, 40);
  view.setUint32(AT + 4, 0xfffffff0);
  bytes[AT + 12] = 0x50;
  bytes[AT + 13] = 0x99;
  for (let at = PAYLOAD_AT; at < bytes.length; at++) bytes[at] = at;
  return bytes;
}

it("a stream's packet of IPv6 becomes segments, each with its number, flags, length and checksum", () => {
  const whole = stream(2500);
  const made = wholePackets(header(VIRTIO_NET_HDR_GSO_TCPV6, 1000), whole, 0) as Uint8Array[];
  const told = made.map((segment) => {
    const view = new DataView(segment.buffer);
    const sum = foldChecksum(addToChecksum(6 + segment.length - AT, segment, 8, segment.length - 8));
    return [view.getUint16(4), view.getUint32(AT + 4), segment[AT + 13], sum];
  });
  assert.deepEqual(told, [
    [1020, 0xfffffff0, 0x90, 0],
    [1020, 984, 0x10, 0],
    [520, 1984, 0x19, 0],
  ]);
  assert.deepEqual(
    made.flatMap((segment) => [...segment.subarray(PAYLOAD_AT)]),
    [...whole.subarray(PAYLOAD_AT)],
  );
  assert.equal(wholePackets(header(VIRTIO_NET_HDR_GSO_TCPV6, 1), stream(2049), 0), -EINVAL, "too many");
});

it("random headers and packets are cut or refused", () => {
  let state = Number(process.env["SEED"] ?? 5);
  const random = (most: number): number => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % most;
  };
  for (let round = 0; round < 20_000; round++) {
    const words = header([VIRTIO_NET_HDR_GSO_TCPV6, VIRTIO_NET_HDR_GSO_UDP_L4, 0, 1][random(4)]!, random(100));
    const bytes = stream(random(300)).subarray(0, random(20) === 0 ? random(80) : undefined);
    for (let changes = random(4); changes > 0; changes--) words[random(words.length)] = random(256);
    for (let changes = random(3); changes > 0 && bytes.length > 0; changes--)
      bytes[random(Math.min(64, bytes.length))] = random(256);
    const made = wholePackets(words, bytes, random(10) === 0 ? 14 : 0);
    if (typeof made === "number") assert.equal(made, -EINVAL);
    else assert.ok(made.length >= 1 && made.every((packet) => packet.length <= bytes.length));
  }
});
