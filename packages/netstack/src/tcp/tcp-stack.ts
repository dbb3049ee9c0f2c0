/**
 * TCP of one network: its connections, who listens, and what comes from IP (RFC 9293). It knows no clock: `host` tells
 * the time and is told when to call `expire`.
 *
 * A segment that arrives while another is sent (both ends in one machine) waits until that is over: only the outermost
 * call ever sees a connection half changed.
 */
import {
  EADDRNOTAVAIL,
  EMSGSIZE,
  IPPROTO_TCP,
  TCP_CLOSE,
  TCP_SYN_RECV,
  TCP_SYN_SENT,
  TCP_TIME_WAIT,
} from "@stratos/abi";
import { Sha256, stateClass } from "@stratos/base";
import { ipBytes, type IpAddress, isLinkLocal } from "../ip-address.ts";
import type { IpOutput, IpSending } from "../ip-output.ts";
import type { IpReceiver } from "../ip-receiver.ts";
import { ConnectionTable } from "./connection-table.ts";
import { DeadlineHeap } from "./deadline-heap.ts";
import { expireTimes } from "./expire.ts";
import { close, isNewIncarnation, segmentArrives, segmentInTimeWait, takeSyn } from "./segment-arrives.ts";
import { isAfter, isBefore } from "./sequence.ts";
import { type Tcb } from "./tcb.ts";
import type { TcpBacklog } from "./tcp-backlog.ts";
import { type CalledStack, TcpConnection } from "./tcp-connection.ts";
import {
  ACK,
  HEADER_SIZE,
  HEADER_SIZE_MAX,
  RST,
  SYN,
  TcpSegment,
  WINDOW_SCALE_MAX,
  writeChecksum,
  writeHeader,
} from "./tcp-segment.ts";
import { armSending } from "./tcp-times.ts";
import { pathChanged, sendSyn } from "./transmit.ts";

/** What the stack asks of whoever runs it. */
export interface TcpHost {
  /** Nanoseconds that never go back. */
  now(): number;
  /** `expire` is to be called then. */
  wakeAt(deadlineNs: number): void;
  /** Who listens there; null: nobody. */
  listenerFor(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    device: number,
  ): TcpBacklog | null;
  /** How connections that come in are, by who listens. @param device  the interface that it keeps to; 0: any */
  childOptions(backlog: TcpBacklog, device: number): ConnectionOptions;
  /** The rings of connections hold so many bytes more. */
  charge(bytes: number): void;
  /** The machine has no memory for further connections' bytes. */
  readonly isShort: boolean;
}

export interface ConnectionOptions {
  readonly how: IpSending;
  /** Bytes that may wait for the reader at first, and at most. */
  readonly receiveLimit: number;
  readonly receiveMost: number;
  /** TCP_MAXSEG; 0: none. */
  readonly mssClamp: number;
  /** Which options its SYN offers, and takes of the peer's: net.ipv4.tcp_sack, tcp_timestamps, tcp_window_scaling. */
  readonly offersSack: boolean;
  readonly offersTimestamps: boolean;
  readonly offersScale: boolean;
}

/** Segments that came while one was sent; further ones are lost as in a full queue. */
const PENDING_MAX = 512;
/** Connections whose program is gone (net.ipv4.tcp_max_orphans), and those in TIME-WAIT (tcp_max_tw_buckets). */
const ORPHANS_MAX = 4096,
  RESTING_MAX = 4096;
/** Until a port pair is used again for a connection out (RFC 6191: the timestamps are newer then). */
const REUSE_NS = 1e9;

interface Pending {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly bytes: Uint8Array;
  readonly device: number;
}

export class TcpStack implements IpReceiver, CalledStack {
  #output: IpOutput;
  #host: TcpHost;
  /** RFC 6528 §3: 16 bytes at least. */
  #key: Uint8Array;
  #table: ConnectionTable<TcpConnection>;
  #deadlines = new DeadlineHeap<TcpConnection>();
  /** Handshakes that go on, with where they are to wait. Bound: that of the backlogs. */
  #arriving = new Map<Tcb, TcpBacklog>();
  /** In the order in which they came to rest. Bound: RESTING_MAX. */
  #resting = new Set<TcpConnection>();
  /** Bound: ORPHANS_MAX; one more is reset. */
  #orphans = new Set<Tcb>();
  #depth = 0;
  #pending: Pending[] = [];
  readonly #segment = new TcpSegment();
  outgoing = new Uint8Array(HEADER_SIZE_MAX + 2048);
  now = 0;
  /** For /proc/net/snmp: what was sent again, false checksums, and resets sent. */
  retransmits = 0;
  synRetransmits = 0;
  /** Segments of something new, a FIN as well. */
  newSegmentsOut = 0;
  /** Peers that told of what they had twice: of what they acknowledged, and of what lay beyond (RFC 2883). */
  duplicatesTold = 0;
  duplicatesBeyondTold = 0;
  timeouts = 0;
  establishedResets = 0;
  /** SYNs that a listener had no room for; of these, since its program does not accept. */
  listenDrops = 0;
  listenOverflows = 0;
  errorsIn = 0;
  resetsOut = 0;
  segmentsIn = 0;
  segmentsOut = 0;

  constructor(output: IpOutput, host: TcpHost, key: Uint8Array) {
    this.#output = output;
    this.#host = host;
    this.#key = key;
    this.#table = new ConnectionTable((key[0]! << 24) | (key[1]! << 16) | (key[2]! << 8) | key[3]!);
  }

  /** Connections that there are, those without a program among them. */
  get connections(): Iterable<TcpConnection> {
    return this.#table;
  }

  get count(): number {
    return this.#table.count;
  }

  enter(): void {
    if (this.#depth++ === 0) this.now = this.#host.now();
  }

  leave(connection: TcpConnection): void {
    this.#settle(connection);
    this.#exit();
  }

  #exit(): void {
    if (this.#depth === 1) {
      for (let at = 0; at < this.#pending.length; at++) {
        const { source, destination, bytes, device } = this.#pending[at]!;
        this.#arrive(source, destination, bytes, 0, bytes.length, device);
      }
      if (this.#pending.length > 0) this.#pending = [];
    }
    this.#depth--;
    if (this.#depth === 0) this.#host.wakeAt(this.#deadlines.nextNs);
  }

  #settle(connection: TcpConnection): void {
    if (connection.state !== TCP_CLOSE) this.#deadlines.update(connection);
    const held = connection.heldBytes;
    if (held !== connection.charged) {
      this.#host.charge(held - connection.charged);
      connection.charged = held;
    }
    if (!connection.hasNews) return;
    connection.hasNews = false;
    connection.owner?.changed();
  }

  keepOrphan(connection: Tcb): boolean {
    if (this.#orphans.size >= ORPHANS_MAX) return false;
    this.#orphans.add(connection);
    return true;
  }

  get orphanCount(): number {
    return this.#orphans.size;
  }

  get restingCount(): number {
    return this.#resting.size;
  }

  /**
   * Begins a connection out; `owner` is told what becomes of it.
   *
   * @returns −EADDRNOTAVAIL: there is one between these ends
   */
  connect(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    options: ConnectionOptions,
    begin: (connection: TcpConnection) => void,
  ): TcpConnection | number {
    this.enter();
    const old = this.#table.find(local, localPort, remote, remotePort, options.how.device);
    if (old !== null && !this.#isReusable(old)) {
      this.#exit();
      return -EADDRNOTAVAIL;
    }
    const connection = this.#make(local, localPort, remote, remotePort, options);
    if (old !== null) {
      // Behind all that the old one sent, and after its timestamps (RFC 6191).
      connection.iss = isAfter(connection.iss, old.sndNxt) ? connection.iss : (old.sndNxt + 65537) | 0;
      connection.tsOffset = old.tsOffset;
      close(old, 0);
      this.#settle(old);
    }
    begin(connection);
    connection.state = TCP_SYN_SENT;
    this.#open(connection);
    sendSyn(connection);
    armSending(connection, false);
    this.leave(connection);
    return connection;
  }

  #isReusable(old: TcpConnection): boolean {
    return old.state === TCP_TIME_WAIT && old.hasTimestamps && this.now - old.tsRecentAtNs > REUSE_NS;
  }

  #make(
    local: IpAddress,
    localPort: number,
    remote: IpAddress,
    remotePort: number,
    options: ConnectionOptions,
  ): TcpConnection {
    const connection = new TcpConnection(this, options.how, options.receiveLimit, options.receiveMost);
    connection.setEnds(local, localPort, remote, remotePort);
    connection.mssClamp = options.mssClamp;
    connection.offersSack = options.offersSack;
    connection.offersTimestamps = options.offersTimestamps;
    connection.offersScale = options.offersScale;
    while (connection.rcvScale < WINDOW_SCALE_MAX && 0xffff << connection.rcvScale < options.receiveMost)
      connection.rcvScale++;
    const digest = this.#digestOf(connection);
    // RFC 6528 §3: the clock of 4 microseconds, and what nobody else can compute.
    connection.iss = (wordOf(digest, 0) + Math.floor(this.now / 4000)) | 0;
    connection.tsOffset = wordOf(digest, 4);
    return connection;
  }

  #digestOf({ local, localPort, remote, remotePort }: Tcb): Uint8Array {
    const digest = new Sha256();
    digest.update(this.#key);
    digest.update(ipBytes(local));
    digest.update(ipBytes(remote));
    digest.update(Uint8Array.of(localPort >>> 8, localPort, remotePort >>> 8, remotePort));
    return digest.digest();
  }

  /** The sequence numbers begin, with the SYN under way. */
  #open(connection: TcpConnection): void {
    const { iss } = connection;
    connection.sndUna = iss;
    connection.sndNxt = connection.sendingSeq = connection.pushSeq = connection.smallSeq = (iss + 1) | 0;
    connection.sndUp = iss;
    connection.sent.begin(iss);
    connection.sent.push(connection.sndNxt, this.now);
    connection.rtoBaseNs = this.now;
    this.#table.add(connection);
  }

  receive(
    source: IpAddress,
    destination: IpAddress,
    bytes: Uint8Array,
    at: number,
    length: number,
    _trafficClass: number,
    device: number,
  ): void {
    if (this.#depth > 0) {
      if (this.#pending.length === PENDING_MAX) return;
      const copy = bytes.slice(at, at + length);
      this.#pending.push({ source: source.slice(), destination: destination.slice(), bytes: copy, device });
      return;
    }
    this.enter();
    this.#arrive(source, destination, bytes, at, length, device);
    this.#exit();
  }

  #arrive(
    source: IpAddress,
    destination: IpAddress,
    bytes: Uint8Array,
    at: number,
    length: number,
    device: number,
  ): void {
    const segment = this.#segment;
    this.segmentsIn++;
    if (!segment.read(source, destination, bytes, at, length)) {
      this.errorsIn++;
      return;
    }
    const { sourcePort, destinationPort } = segment;
    const connection = this.#table.find(destination, destinationPort, source, sourcePort, device);
    if (connection !== null) {
      const heeds = connection.owner ?? this.#arriving.get(connection)?.owner;
      if (heeds !== undefined && heeds.drops(bytes, at, length)) return;
    }
    if (connection !== null && connection.state === TCP_TIME_WAIT && isNewIncarnation(connection, segment)) {
      const { sndNxt } = connection;
      const backlog = this.#host.listenerFor(destination, destinationPort, source, sourcePort, device);
      if (backlog?.owner.drops(bytes, at, length)) return;
      if (backlog !== null) {
        close(connection, 0);
        this.#settle(connection);
        this.#accept(backlog, source, destination, device, sndNxt);
        return;
      }
    }
    if (connection === null) {
      const backlog = segment.has(RST)
        ? null
        : this.#host.listenerFor(destination, destinationPort, source, sourcePort, device);
      if (backlog?.owner.drops(bytes, at, length)) return;
      if (backlog === null || segment.has(ACK)) this.#refuse(source, destination, device);
      else if (segment.has(SYN)) this.#accept(backlog, source, destination, device, null);
      return;
    }
    if (connection.state === TCP_TIME_WAIT) segmentInTimeWait(connection, segment);
    else if (!segmentArrives(connection, segment)) this.#refuse(source, destination, device);
    this.#settle(connection);
  }

  /** LISTEN (RFC 9293 §3.10.7.2). @param behind  where an earlier connection between these ends ended */
  #accept(backlog: TcpBacklog, source: IpAddress, destination: IpAddress, device: number, behind: number | null): void {
    const segment = this.#segment;
    if (!backlog.takesHandshakes || this.#host.isShort) {
      this.listenDrops++;
      if (backlog.isFull) this.listenOverflows++;
      return;
    }
    const options = this.#host.childOptions(backlog, isLinkLocal(source) ? device : 0);
    const connection = this.#make(destination, segment.destinationPort, source, segment.sourcePort, options);
    if (behind !== null && !isAfter(connection.iss, behind)) connection.iss = (behind + 65537) | 0;
    connection.isPassive = true;
    connection.state = TCP_SYN_RECV;
    takeSyn(connection, segment);
    backlog.begin(connection);
    this.#arriving.set(connection, backlog);
    this.#open(connection);
    sendSyn(connection);
    armSending(connection, false);
    this.#settle(connection);
  }

  /** A reset for what belongs to nothing (RFC 9293 §3.10.7.1). */
  #refuse(source: IpAddress, destination: IpAddress, device: number): void {
    const segment = this.#segment;
    if (segment.has(RST)) return;
    const hasAck = segment.has(ACK);
    const { outgoing } = this;
    const { sourcePort: theirs, destinationPort: ours } = segment;
    const seq = hasAck ? segment.ack : 0;
    const ack = hasAck ? 0 : (segment.seq + segment.size) | 0;
    writeHeader(outgoing, ours, theirs, seq, ack, hasAck ? RST : RST | ACK, 0, 0, HEADER_SIZE);
    writeChecksum(destination, source, outgoing, HEADER_SIZE);
    this.resetsOut++;
    this.segmentsOut++;
    const how: IpSending = { hops: 64, trafficClass: 0, dontFragment: true, device, mark: 0, uid: -1, gid: -1 };
    this.#output.send(IPPROTO_TCP, destination, source, outgoing, 0, HEADER_SIZE, how);
  }

  unreachable(
    destination: IpAddress,
    source: IpAddress,
    errno: number,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): void {
    const segment = this.#segment;
    this.enter();
    if (segment.readHeader(bytes, at, length)) {
      const { sourcePort, destinationPort, seq } = segment;
      const connection = this.#table.find(source, sourcePort, destination, destinationPort, 0);
      // RFC 5927 §4.1: of what is under way alone.
      if (connection !== null && !isBefore(seq, connection.sndUna) && !isAfter(seq, connection.sndNxt)) {
        this.#refused(connection, Math.abs(errno));
        this.#settle(connection);
      }
    }
    this.#exit();
  }

  #refused(connection: TcpConnection, error: number): void {
    if (error === EMSGSIZE) pathChanged(connection);
    else if (connection.state === TCP_SYN_SENT) close(connection, error);
    // RFC 1122 §4.2.3.9: it may pass.
    else connection.softError = error;
  }

  /** @returns the next deadline; Infinity: there is none */
  expire(): number {
    this.enter();
    for (;;) {
      const connection = this.#deadlines.takeDue(this.now);
      if (connection === null) break;
      expireTimes(connection);
      this.#settle(connection);
    }
    this.#exit();
    return this.#deadlines.nextNs;
  }

  output(tcb: Tcb, length: number): number {
    this.segmentsOut++;
    return this.#output.send(IPPROTO_TCP, tcb.local, tcb.remote, this.outgoing, 0, length, tcb.how);
  }

  mtuTo(tcb: Tcb): number {
    const mtu = Math.min(0xffff, this.#output.mtuTo(tcb.remote, tcb.how.device));
    if (mtu > this.outgoing.length) this.outgoing = new Uint8Array(mtu + HEADER_SIZE_MAX);
    return mtu;
  }

  admit(tcb: Tcb): boolean {
    const backlog = this.#arriving.get(tcb);
    // Both opened at once: it has its owner.
    if (backlog === undefined) return true;
    if (!backlog.admit(tcb as TcpConnection)) return false;
    this.#arriving.delete(tcb);
    backlog.owner.changed();
    return true;
  }

  forget(tcb: Tcb): void {
    const connection = tcb as TcpConnection;
    this.#arriving.get(tcb)?.forget(connection);
    this.#arriving.delete(tcb);
    this.#resting.delete(connection);
    this.#orphans.delete(tcb);
    this.#deadlines.remove(connection);
    this.#table.remove(connection);
  }

  rest(tcb: Tcb): void {
    this.#orphans.delete(tcb);
    this.#resting.add(tcb as TcpConnection);
    if (this.#resting.size <= RESTING_MAX) return;
    const [first] = this.#resting;
    close(first!, 0);
    this.#settle(first!);
  }

  static {
    stateClass("tcp.TcpStack", this, {
      save: (it) => ({
        output: it.#output,
        host: it.#host,
        key: it.#key,
        table: it.#table,
        deadlines: it.#deadlines,
        arriving: it.#arriving,
        resting: it.#resting,
        orphans: it.#orphans,
      }),
      load: (it, from) =>
        ({
          output: it.#output,
          host: it.#host,
          key: it.#key,
          table: it.#table,
          deadlines: it.#deadlines,
          arriving: it.#arriving,
          resting: it.#resting,
          orphans: it.#orphans,
        } = from),
    });
  }
}

function wordOf(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}
