/**
 * The way out for packets of other stations (containers behind a bridge, network namespaces behind a router): what the
 * machine passes on to the outside is taken apart, and sockets of the host carry what is in it, as slirp and passt do.
 * The machine's own sockets have no need of it: they are the host's at once.
 *
 *      stations inside                                   the host
 *     ── forward, POSTROUTING ──► Uplink.transmit ──► TcpFlow, UdpFlow ──► HostSocket
 *     ◄─ PREROUTING, forward ──── UplinkHost.arrive ◄── TcpStack, UplinkOutput ◄──┘
 *
 * For the stations inside it is every station outside: its TcpStack listens at each address and port to which a socket
 * of the host could be connected. What comes from an address that the machine has not outside is lost, as it is where
 * nobody knows the way back: translate it (masquerade).
 *
 * An echo request goes out as it is (EchoFlow), where the host has a way.
 *
 * What somebody outside has connected, or sends, comes in from here as well, where rules are to see it (`comesIn`,
 * `datagramsComeIn`).
 *
 * Bounds: TCP_FLOWS_MAX connections (beyond them the SYN is lost, and comes again), UDP_FLOWS_MAX pairs of ports (the
 * one unused for longest gives way). Packets are hostile: what isn't whole, or has a false checksum, is lost.
 */
import { EPERM, EPROTONOSUPPORT, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_TCP, IPPROTO_UDP, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostAddress, HostSocket, HostSocketEvents } from "@stratos/host";
import { shortAt } from "../ethernet.ts";
import { ICMP_ECHO, ICMP_HEADER_SIZE, ICMP_UNREACHABLE, ICMPV6_ECHO, ICMPV6_UNREACHABLE } from "../icmp.ts";
import { copyIp, type IpAddress, isV4, readV4, readV6 } from "../ip-address.ts";
import { IncomingPacket, IPV6_HEADER_SIZE, PARSED } from "../ip-packet.ts";
import { ipOfText } from "../ip-text.ts";
import { Reassembly } from "../reassembly.ts";
import { ConnectionTable } from "../tcp/connection-table.ts";
import { ACK, HEADER_SIZE, RST, SYN, TcpSegment } from "../tcp/tcp-segment.ts";
import type { TcpConnection } from "../tcp/tcp-connection.ts";
import type { TcpBacklog } from "../tcp/tcp-backlog.ts";
import { type ConnectionOptions, type TcpHost, TcpStack } from "../tcp/tcp-stack.ts";
import { UDP_HEADER_SIZE, udpSize } from "../udp.ts";
import { EchoFlow } from "./echo-flow.ts";
import type { FlowUplink } from "./flow.ts";
import { type IncomingConnections, outsideAddress } from "./incoming.ts";
import { type IncomingDatagrams, IncomingUdpFlow } from "./incoming-datagrams.ts";
import { TcpFlow } from "./tcp-flow.ts";
import { UdpFlow } from "./udp-flow.ts";
import type { UplinkHost } from "./uplink-host.ts";
import { PLAINLY, UplinkOutput } from "./uplink-output.ts";

export type { IncomingConnections } from "./incoming.ts";
export type { IncomingDatagrams } from "./incoming-datagrams.ts";
export type { UplinkHost } from "./uplink-host.ts";

const TCP_FLOWS_MAX = 4096,
  UDP_FLOWS_MAX = 1024;
/** Datagrams may be answered for so long (net.netfilter.nf_conntrack_udp_timeout_stream). */
const UDP_LIFE_NS = 120e9;
/** What waits to be opened by the station inside, which has it from the host already, waits for so long. */
const ARRIVING_LIFE_NS = 60e9;
const SWEEP_NS = 15e9;
const PORTS_TRIED = 64;
/** Datagrams of one door that come in before others have their turn. */
const DATAGRAMS_AT_ONCE = 64;

const OPTIONS: ConnectionOptions = {
  how: { ...PLAINLY, dontFragment: true },
  receiveLimit: 131072,
  receiveMost: 1 << 20,
  mssClamp: 0,
  offersSack: true,
  offersTimestamps: true,
  offersScale: true,
};
/** A packet on its way out, and one that has waited; valid during one call. */
const PACKET = new IncomingPacket(),
  OPENING = new IncomingPacket();
const SEGMENT = new TcpSegment();
/** A datagram on its way in. */
const MESSAGE = new Uint8Array(65536);
const FROM: IpAddress = new Uint32Array(4),
  TO: IpAddress = new Uint32Array(4);

export class Uplink implements TcpHost, FlowUplink {
  #host: UplinkHost;
  #output: UplinkOutput;
  #tcp: TcpStack;
  #tcpFlows: ConnectionTable<TcpFlow>;
  #udpFlows: ConnectionTable<UdpFlow | IncomingUdpFlow>;
  #echoes: readonly [v4: EchoFlow, v6: EchoFlow];
  #reassembly = new Reassembly();
  /** Flows that have news. Bound: flows. */
  #due = new Set<HostSocketEvents>();
  #isBusy = false;
  /** Listeners of the host with connections for stations inside. Bound: listeners. */
  #doors = new Set<IncomingConnections>();
  /** Sockets of the host with datagrams for stations inside. Bound: sockets. */
  #datagramDoors = new Set<IncomingDatagrams>();
  #tcpNs = Infinity;
  #sweepNs = Infinity;

  /** @param key  16 bytes that nobody outside knows */
  constructor(host: UplinkHost, key: Uint8Array) {
    this.#host = host;
    this.#output = new UplinkOutput(host);
    this.#tcp = new TcpStack(this.#output, this, key);
    const seed = (key[3]! << 24) | (key[2]! << 16) | (key[1]! << 8) | key[0]!;
    this.#tcpFlows = new ConnectionTable(seed);
    this.#udpFlows = new ConnectionTable(seed);
    this.#echoes = [new EchoFlow(this, 4), new EchoFlow(this, 6)];
  }

  get flowCount(): number {
    return this.#tcpFlows.count + this.#udpFlows.count;
  }

  /** A packet leaves the machine, `bytes[at … at + length)`: valid during the call. */
  transmit(bytes: Uint8Array, at: number, length: number): void {
    if (PACKET.read(bytes, at, length) !== PARSED || !this.#host.isOutside(PACKET.source)) return;
    this.#isBusy = true;
    if (!PACKET.isFragment || this.#putTogether()) this.#carry(PACKET);
    this.#settle();
  }

  #putTogether(): boolean {
    const whole = this.#reassembly.add(PACKET, this.#host.now());
    return whole !== null && PACKET.read(whole.bytes, whole.at, whole.knownLength) === PARSED;
  }

  #carry(packet: IncomingPacket): void {
    const { protocol, isV6, bytes, payloadAt, payloadLength } = packet;
    if (protocol === IPPROTO_TCP) this.#carrySegment(packet);
    else if (protocol === IPPROTO_UDP) this.#carryDatagram(packet);
    else if (protocol !== (isV6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) this.#output.refuse(packet, EPROTONOSUPPORT);
    // Of errors about what came from outside, one is told there: that a connection isn't taken.
    else if (payloadLength < ICMP_HEADER_SIZE) return;
    else if (bytes[payloadAt] === (isV6 ? ICMPV6_ECHO : ICMP_ECHO)) this.#carryEcho(packet);
    else if (bytes[payloadAt] === (isV6 ? ICMPV6_UNREACHABLE : ICMP_UNREACHABLE)) this.#refuseOffered(packet);
  }

  /** It has the beginning of the SYN, from outside to the station. */
  #refuseOffered({ isV6, bytes, payloadAt, payloadLength }: IncomingPacket): void {
    const at = payloadAt + ICMP_HEADER_SIZE;
    const header = isV6 ? IPV6_HEADER_SIZE : (bytes[at]! & 15) * 4;
    if (payloadLength < ICMP_HEADER_SIZE + header + 4 || bytes[at + (isV6 ? 6 : 9)] !== IPPROTO_TCP) return;
    const read = isV6 ? readV6 : readV4;
    read(bytes, at + (isV6 ? 8 : 12), FROM);
    read(bytes, at + (isV6 ? 24 : 16), TO);
    const flow = this.#tcpFlows.find(FROM, shortAt(bytes, at + header), TO, shortAt(bytes, at + header + 2), 0);
    if (flow?.stage !== "offered") return;
    flow.refuse();
    this.#due.add(flow);
  }

  #carryEcho(packet: IncomingPacket): void {
    const sent = this.#echoes[packet.isV6 ? 1 : 0].send(packet, this.#host.provider);
    if (sent >= 0) return;
    if (sent === -EPROTONOSUPPORT) this.#host.echoesNothing();
    this.#output.refuse(packet, sent === -EPROTONOSUPPORT ? EPERM : -sent);
  }

  #carrySegment(packet: IncomingPacket): void {
    const { source, destination, bytes, payloadAt: at, payloadLength: length } = packet;
    if (length < HEADER_SIZE) return;
    const isOpening = (bytes[at + 13]! & (SYN | ACK | RST)) === SYN;
    if (isOpening) {
      const flow = this.#tcpFlows.find(destination, shortAt(bytes, at + 2), source, shortAt(bytes, at), 0);
      if (flow === null) return this.#begin(packet);
      // The host takes its time, and it was sent again.
      if (flow.stage === "connecting") return;
    }
    this.#tcp.receive(source, destination, bytes, at, length, packet.trafficClass, 0);
  }

  #begin(packet: IncomingPacket): void {
    const { source, destination, bytes, payloadAt, payloadLength } = packet;
    if (!SEGMENT.read(source, destination, bytes, payloadAt, payloadLength)) return;
    if (this.#tcpFlows.count >= TCP_FLOWS_MAX || this.#host.isShort) return;
    const flow = new TcpFlow(this, packet, this.#host.now());
    const failed = flow.connect(this.#host.provider);
    if (failed < 0) return this.#output.refuse(packet, -failed);
    this.#tcpFlows.add(flow);
    this.#expectSweep();
  }

  #carryDatagram(packet: IncomingPacket): void {
    const { source, destination, bytes, payloadAt: at, payloadLength } = packet;
    const size = udpSize(source, destination, bytes, at, payloadLength);
    if (size < 0) return;
    const nowNs = this.#host.now();
    let flow = this.#udpFlows.find(destination, shortAt(bytes, at + 2), source, shortAt(bytes, at), 0);
    if (flow === null) {
      if (this.#udpFlows.count >= UDP_FLOWS_MAX) this.#endOldest();
      const fresh = new UdpFlow(this, packet, nowNs);
      const failed = fresh.begin(this.#host.provider);
      if (failed < 0) return this.#output.refuse(packet, -failed);
      flow = fresh;
      this.#udpFlows.add(flow);
      this.#expectSweep();
    }
    flow.usedNs = nowNs;
    const sent = flow.send(bytes, at + UDP_HEADER_SIZE, size - UDP_HEADER_SIZE);
    if (sent < 0) this.#output.refuse(packet, -sent);
  }

  #endOldest(): void {
    let oldest: UdpFlow | IncomingUdpFlow | null = null;
    for (const flow of this.#udpFlows) if (oldest === null || flow.usedNs < oldest.usedNs) oldest = flow;
    if (oldest !== null) this.#endDatagrams(oldest);
  }

  #endDatagrams(flow: UdpFlow | IncomingUdpFlow): void {
    this.#udpFlows.remove(flow);
    this.#due.delete(flow);
    flow.end();
  }

  /** Somebody outside has connected: at the next turn they come in. */
  comesIn(door: IncomingConnections): void {
    this.#doors.add(door);
    if (!this.#isBusy) this.#host.wakeNow();
  }

  forget(door: IncomingConnections): void {
    this.#doors.delete(door);
  }

  /** Work: connections that wait at the host. */
  #letIn(door: IncomingConnections): void {
    this.#doors.delete(door);
    for (;;) {
      const flow = new TcpFlow(this, null, this.#host.now());
      const host = door.take(flow);
      if (isErrno(host)) return;
      if (!this.#offerFromOutside(flow, host, door.port)) host.abort();
    }
  }

  /** @returns is there room for it, and an address that it can come to? */
  #offerFromOutside(flow: TcpFlow, host: HostSocket, port: number): boolean {
    const peer = host.peerAddress();
    const isOwn = (ip: IpAddress): boolean => this.#host.isOutside(ip);
    if (peer === null || this.#tcpFlows.count >= TCP_FLOWS_MAX || this.#host.isShort) return false;
    copyIp(outsideAddress(peer.address, isOwn), flow.local);
    const at = ipOfText(host.localAddress()?.address ?? "");
    const own = at !== null && isOwn(at) ? at : this.#host.addressOutside(!isV4(flow.local));
    if (own === null || isV4(own) !== isV4(flow.local)) return false;
    copyIp(own, flow.remote);
    flow.remotePort = port;
    // Who stands for several peers may have the port already.
    for (let tries = 0; tries < PORTS_TRIED; tries++) {
      flow.localPort = ((peer.port - 1 + tries) & 0xffff) + 1;
      const begin = (connection: TcpConnection): void => flow.offer(host, connection);
      const made = this.#tcp.connect(flow.local, flow.localPort, own, port, OPTIONS, begin);
      if (isErrno(made)) continue;
      this.#tcpFlows.add(flow);
      return true;
    }
    return false;
  }

  /** Somebody outside has sent something: at the next turn it comes in. */
  datagramsComeIn(door: IncomingDatagrams): void {
    this.#datagramDoors.add(door);
    if (!this.#isBusy) this.#host.wakeNow();
  }

  /** The door is closed. Work: one step a flow. */
  forgetDatagrams(door: IncomingDatagrams): void {
    this.#datagramDoors.delete(door);
    for (const flow of this.#udpFlows)
      if (flow instanceof IncomingUdpFlow && flow.door === door) this.#endDatagrams(flow);
  }

  /** Whom an address stands for that something came in from. @param port  that who answers has inside */
  senderOutside(ip: IpAddress, ipPort: number, port: number): HostAddress | null {
    const own = this.#host.addressOutside(!isV4(ip));
    const flow = own === null ? null : this.#udpFlows.find(ip, ipPort, own, port, 0);
    return flow instanceof IncomingUdpFlow ? flow.sender : null;
  }

  /** Work: DATAGRAMS_AT_ONCE. @returns is there more? */
  #letDatagramsIn(door: IncomingDatagrams): boolean {
    for (let count = 0; count < DATAGRAMS_AT_ONCE; count++) {
      const length = door.take(MESSAGE, UDP_HEADER_SIZE, MESSAGE.length - UDP_HEADER_SIZE - 1);
      if (length < 0) return false;
      this.#flowFromOutside(door)?.enter(this.#output, MESSAGE, length);
    }
    return true;
  }

  /** @returns null: there is no address that it can come to */
  #flowFromOutside(door: IncomingDatagrams): IncomingUdpFlow | null {
    const { sender } = door;
    const isOwn = (ip: IpAddress): boolean => this.#host.isOutside(ip);
    const from = outsideAddress(sender.address, isOwn);
    const at = ipOfText(door.at);
    const own = at !== null && isOwn(at) ? at : this.#host.addressOutside(!isV4(from));
    if (own === null || isV4(own) !== isV4(from)) return null;
    const nowNs = this.#host.now();
    // Who stands for several peers may have the port already.
    for (let tries = 0; tries < PORTS_TRIED; tries++) {
      const port = ((sender.port - 1 + tries) & 0xffff) + 1;
      const present = this.#udpFlows.find(from, port, own, door.port, 0);
      if (present !== null && !(present instanceof IncomingUdpFlow && present.door === door && present.isOf(sender)))
        continue;
      if (present !== null) {
        present.usedNs = nowNs;
        return present;
      }
      if (this.#udpFlows.count >= UDP_FLOWS_MAX) this.#endOldest();
      const flow = new IncomingUdpFlow(this, door, from, own, nowNs);
      flow.localPort = port;
      this.#udpFlows.add(flow);
      this.#expectSweep();
      return flow;
    }
    return null;
  }

  isDue(flow: HostSocketEvents): void {
    this.#due.add(flow);
    if (!this.#isBusy) this.#host.wakeNow();
  }

  /** What has come, and what is due by now, is done. */
  advance(): void {
    this.#isBusy = true;
    const nowNs = this.#host.now();
    if (this.#tcpNs <= nowNs) this.#tcp.expire();
    if (this.#sweepNs <= nowNs) this.#sweep(nowNs);
    while (this.#reassembly.takeExpired(nowNs) !== null);
    this.#settle();
  }

  #settle(): void {
    for (const door of this.#doors) this.#letIn(door);
    let isMore = false;
    for (const door of this.#datagramDoors) {
      if (this.#letDatagramsIn(door)) isMore = true;
      else this.#datagramDoors.delete(door);
    }
    for (const flow of this.#due) {
      this.#due.delete(flow);
      if (flow instanceof TcpFlow) this.#lookAtConnection(flow);
      else if (flow instanceof EchoFlow) flow.look(this.#output);
      else if (!(flow as UdpFlow).look(this.#output, this.#host.now())) this.#endDatagrams(flow as UdpFlow);
    }
    this.#isBusy = false;
    if (isMore) this.#host.wakeNow();
    else this.#host.wakeAt(Math.min(this.#tcpNs, this.#sweepNs, this.#reassembly.nextNs));
  }

  #lookAtConnection(flow: TcpFlow): void {
    const nowNs = this.#host.now();
    if (flow.stage === "connecting" || flow.stage === "arriving") {
      const news = flow.lookOutside(nowNs);
      if (news < 0) this.#refuseOpening(flow, -news);
      else if (news > 0) this.#offer(flow);
      else if (flow.stage === "arriving") flow.open(nowNs);
    }
    if (flow.stage === "offered") flow.lookInside(nowNs);
    if (flow.stage === "open") flow.pump(nowNs);
    if (flow.stage === "over") this.#tcpFlows.remove(flow);
  }

  #refuseOpening(flow: TcpFlow, errno: number): void {
    const wasTold = flow.stage === "arriving";
    flow.end();
    const { opening } = flow;
    if (!wasTold && OPENING.read(opening, 0, opening.length) === PARSED) this.#output.refuse(OPENING, errno);
  }

  /** The host is connected: now its SYN is taken. */
  #offer({ opening }: TcpFlow): void {
    if (OPENING.read(opening, 0, opening.length) !== PARSED) return;
    const { source, destination, bytes, payloadAt, payloadLength } = OPENING;
    this.#tcp.receive(source, destination, bytes, payloadAt, payloadLength, 0, 0);
  }

  #expectSweep(): void {
    if (this.#sweepNs === Infinity) this.#sweepNs = this.#host.now() + SWEEP_NS;
  }

  /** Ends flows that nothing comes by any more. Work: one step a flow. */
  #sweep(nowNs: number): void {
    for (const flow of this.#udpFlows) if (nowNs - flow.usedNs >= UDP_LIFE_NS) this.#endDatagrams(flow);
    for (const flow of this.#tcpFlows) {
      if (flow.stage !== "arriving" || nowNs - flow.usedNs < ARRIVING_LIFE_NS) continue;
      flow.end();
      this.#tcpFlows.remove(flow);
    }
    this.#sweepNs = this.flowCount === 0 ? Infinity : nowNs + SWEEP_NS;
  }

  // ---- What its TCP asks

  now(): number {
    return this.#host.now();
  }

  wakeAt(deadlineNs: number): void {
    this.#tcpNs = deadlineNs;
  }

  listenerFor(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): TcpBacklog | null {
    const flow = this.#tcpFlows.find(local, localPort, remote, remotePort, 0);
    return flow?.stage === "arriving" ? flow.backlog : null;
  }

  childOptions(): ConnectionOptions {
    return OPTIONS;
  }

  charge(bytes: number): void {
    this.#host.charge(bytes);
  }

  get isShort(): boolean {
    return this.#host.isShort;
  }

  /** In a fork or a loaded machine: what the host carried is over. */
  #lose(): void {
    for (const flow of this.#tcpFlows) this.#due.add(flow);
    for (const flow of this.#udpFlows) this.#due.add(flow);
    for (const flow of this.#echoes) if (flow.isOpen) this.#due.add(flow);
    if (this.#due.size > 0) this.#host.wakeNow();
  }

  static {
    stateClass(
      "Uplink",
      this,
      {
        save: (it) => ({
          host: it.#host,
          output: it.#output,
          tcp: it.#tcp,
          tcpFlows: it.#tcpFlows,
          udpFlows: it.#udpFlows,
          echoes: it.#echoes,
          reassembly: it.#reassembly,
          due: it.#due,
          doors: it.#doors,
          datagramDoors: it.#datagramDoors,
          tcpNs: it.#tcpNs,
          sweepNs: it.#sweepNs,
        }),
        load: (it, from) =>
          ({
            host: it.#host,
            output: it.#output,
            tcp: it.#tcp,
            tcpFlows: it.#tcpFlows,
            udpFlows: it.#udpFlows,
            echoes: it.#echoes,
            reassembly: it.#reassembly,
            due: it.#due,
            doors: it.#doors,
            datagramDoors: it.#datagramDoors,
            tcpNs: it.#tcpNs,
            sweepNs: it.#sweepNs,
          } = from),
      },
      { keeps: ["#isBusy"], loaded: (it) => it.#lose() },
    );
  }
}
