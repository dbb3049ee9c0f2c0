/**
 * Goal: packets that anybody may have made do nothing to an uplink, and what was under way is over for a copy of it.
 * Method: packets made by hand, and damaged ones; what it does right is shown with a machine's networks
 * (packages/kernel/src/socket/ip/network-uplink.test.ts).
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { EAGAIN, ECONNRESET, IPPROTO_TCP, IPPROTO_UDP } from "@stratos/abi";
import { copyState, SeededRandom, stateClass } from "@stratos/base";
import { type HostSocket, SimulatedNetwork, type SocketProvider } from "@stratos/host";
import { type IpAddress, isSameIp } from "../ip-address.ts";
import { IncomingPacket, PARSED } from "../ip-packet.ts";
import { ipOfText } from "../ip-text.ts";
import { IpHeader } from "../ip-writer.ts";
import { ACK, HEADER_SIZE, RST, SYN, TcpSegment, writeChecksum, writeHeader } from "../tcp/tcp-segment.ts";
import { UDP_HEADER_SIZE, writeUdpHeader } from "../udp.ts";
import { Uplink, type UplinkHost } from "./uplink.ts";

const OWN = ipOfText("192.0.2.1")!,
  THERE = ipOfText("192.0.2.2")!,
  STRANGE = ipOfText("10.0.0.1")!;
const KEY = Uint8Array.from({ length: 16 }, (_, index) => index);

class Machine implements UplinkHost {
  readonly provider: SocketProvider;
  readonly mtu = 1500;
  readonly isShort = false;
  nowNs = 1e9;
  nextNs = Infinity;
  arrived: Uint8Array[] = [];
  readonly uplink: Uplink;

  constructor(provider: SocketProvider) {
    this.provider = provider;
    this.uplink = new Uplink(this, KEY);
  }

  now(): number {
    return this.nowNs;
  }

  wakeAt(deadlineNs: number): void {
    this.nextNs = deadlineNs;
  }

  wakeNow(): void {
    this.nextNs = this.nowNs;
  }

  isOutside(ip: IpAddress): boolean {
    return isSameIp(ip, OWN);
  }

  arrive(packet: Uint8Array): boolean {
    this.arrived.push(packet);
    return true;
  }

  addressOutside(isV6: boolean): IpAddress | null {
    return isV6 ? null : OWN;
  }

  echoesNothing(): void {}

  charge(): void {}

  send(packet: Uint8Array): void {
    this.uplink.transmit(packet, 0, packet.length);
  }

  /** What is due is done. @returns flags of the segments that came of it */
  look(): number[] {
    if (this.nextNs <= this.nowNs) this.uplink.advance();
    return this.arrived.splice(0).map((bytes) => segmentIn(bytes).flags);
  }
}

function packet(protocol: number, source: IpAddress, payload: Uint8Array): Uint8Array {
  const header = new IpHeader();
  header.protocol = protocol;
  header.source.set(source);
  header.destination.set(THERE);
  const bytes = new Uint8Array(20 + payload.length);
  header.write(bytes, 0, payload.length);
  bytes.set(payload, 20);
  return bytes;
}

function segment(flags: number, seq: number, ack: number, { source = OWN, port = 80 } = {}): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  writeHeader(bytes, 5000, port, seq, ack, flags, 60000, 0, HEADER_SIZE);
  writeChecksum(source, THERE, bytes, HEADER_SIZE);
  return packet(IPPROTO_TCP, source, bytes);
}

function datagram(text: string): Uint8Array {
  const bytes = new Uint8Array(UDP_HEADER_SIZE + text.length);
  bytes.set(Buffer.from(text), UDP_HEADER_SIZE);
  writeUdpHeader(bytes, 0, bytes.length, { ip: OWN, port: 5000 }, { ip: THERE, port: 53 });
  return packet(IPPROTO_UDP, OWN, bytes);
}

function segmentIn(bytes: Uint8Array): TcpSegment {
  const outer = new IncomingPacket();
  assert.equal(outer.read(bytes, 0, bytes.length), PARSED);
  const found = new TcpSegment();
  assert.ok(found.read(outer.source, outer.destination, bytes, outer.payloadAt, outer.payloadLength));
  return found;
}

function begin(): { network: SimulatedNetwork; machine: Machine; server: HostSocket } {
  const network = new SimulatedNetwork();
  const machine = new Machine(network.host([{ family: 4, address: "192.0.2.1", prefixLength: 24 }]));
  const there = network.host([{ family: 4, address: "192.0.2.2", prefixLength: 24 }]);
  const server = there.create(4, "stream", { changed() {} });
  server.bind({ family: 4, address: "192.0.2.2", port: 80 }, { reuseAddress: true, v6Only: false });
  server.listen(100);
  network.deliver();
  return { network, machine, server };
}

it("a connection begins inside when it is there outside, however often it is asked for meanwhile", () => {
  const { network, machine } = begin();
  machine.send(segment(SYN, 1, 0));
  machine.send(segment(SYN, 1, 0));
  assert.deepEqual(machine.look(), []);
  network.deliver();
  assert.deepEqual(machine.look(), [SYN | ACK]);
  assert.equal(machine.uplink.flowCount, 1);
});

it("what nobody asked for opens nothing: false checksums, strange addresses, segments of no connection", () => {
  const { network, machine } = begin();
  const spoilt = segment(SYN, 1, 0);
  spoilt[36]! ^= 1;
  machine.send(spoilt);
  machine.send(segment(SYN, 1, 0, { source: STRANGE }));
  assert.deepEqual(machine.look(), []);
  machine.send(segment(ACK, 1, 1));
  assert.deepEqual(machine.look(), [RST]);
  assert.equal(network.openSockets, 1);
});

it("one that the host has, and nobody inside any more, is closed", () => {
  const { network, machine } = begin();
  machine.send(segment(SYN, 1, 0));
  network.deliver();
  machine.look();
  for (let second = 0; second < 80; second++) {
    machine.nowNs += 1e9;
    machine.look();
  }
  assert.equal(machine.uplink.flowCount, 0);
  network.deliver();
  assert.equal(network.openSockets, 2, "the listener, and its own end");
});

it("no packet makes it fail: random changes of good ones, and random bytes", () => {
  const { network, machine } = begin();
  const random = new SeededRandom(11);
  const open = [segment(SYN, 1, 0), datagram("hello"), segment(ACK, 2, 1), segment(RST, 1, 0)];
  for (let count = 0; count < 20_000; count++) {
    const bytes = (open[random.below(open.length)] ?? open[0]!).slice();
    for (let changes = random.below(4); changes > 0; changes--) bytes[random.below(bytes.length)] = random.below(256);
    // The sum of the header is right, so that what is behind it is looked at.
    bytes[10] = bytes[11] = 0;
    let sum = 0;
    for (let at = 0; at < 20; at += 2) sum += (bytes[at]! << 8) | bytes[at + 1]!;
    sum = (sum & 0xffff) + (sum >> 16);
    bytes[10] = ~sum >> 8;
    bytes[11] = ~sum;
    machine.send(bytes);
    if (count % 50 === 0) {
      network.deliver();
      machine.uplink.advance();
      machine.arrived.length = 0;
    }
    machine.nowNs += 1e6;
  }
  assert.ok(machine.uplink.flowCount < 5120);
});

it("in a copy of a machine what was under way is reset, and what comes later goes out anew", () => {
  const { network, machine, server } = begin();
  machine.send(segment(SYN, 1, 0));
  network.deliver();
  machine.uplink.advance();
  const { seq } = segmentIn(machine.arrived.shift()!);
  machine.send(segment(ACK, 2, seq + 1));
  machine.send(datagram("hello"));
  const other = new Machine(machine.provider);
  const uplink = copyState(machine.uplink, {
    replaced: new Map<object, object>([[machine, other]]),
    given: new Map(),
    standIn: (object) => ("peerAddress" in object ? new Severed() : undefined),
  });
  Object.assign(other, { uplink });
  assert.equal(other.nextNs, other.nowNs, "it looks by itself");
  uplink.advance();
  assert.equal(segmentIn(other.arrived.shift()!).flags & RST, RST);
  assert.equal(uplink.flowCount, 0);
  other.send(segment(SYN, 9, 0));
  network.deliver();
  assert.deepEqual(other.look(), [SYN | ACK]);
  assert.equal(machine.uplink.flowCount, 2);
  const end = server.accept({ changed() {} }) as HostSocket;
  assert.equal(end.takeError(), 0, "the original's goes on");
});

/** What stands in a copy for a socket of the host. */
class Severed {
  #error = ECONNRESET;

  takeError(): number {
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  connected(): boolean {
    return false;
  }

  readable(): boolean {
    return false;
  }

  writable(): boolean {
    return true;
  }

  read(): number {
    return -EAGAIN;
  }

  ended(): boolean {
    return false;
  }

  available(): number {
    return 0;
  }

  shutdown(): number {
    return 0;
  }

  close(): void {}

  abort(): void {}

  static {
    stateClass("uplink.test.Severed", this, {
      save: (it) => ({ error: it.#error }),
      load: (it, from) => ({ error: it.#error } = from),
    });
  }
}
