/**
 * What one connection remembers: the transmission control block (RFC 9293 §3.3.1). Segments that arrive
 * (segment-arrives.ts), what is sent (transmit.ts), losses (loss-recovery.ts) and times (tcp-times.ts) work on it; who
 * has the connection uses tcp-connection.ts.
 *
 * Sequence numbers are int32 (sequence.ts), times nanoseconds of the kernel's clock.
 *
 *     send        sndUna      sndNxt        end of what was written
 *     ------------|  in sent  |  in sending, not sent |
 *     receive     readSeq        rcvNxt         rcvAdv
 *     ------------| in receiving |  holes, ranges |
 */
import { TCP_CLOSE } from "@stratos/abi";
import { ByteRing, stateClass } from "@stratos/base";
import { copyIp, type IpAddress } from "../ip-address.ts";
import type { IpSending } from "../ip-output.ts";
import { type CongestionControl, INITIAL_WINDOW } from "./congestion-control.ts";
import { Cubic } from "./cubic.ts";
import { Rack } from "./rack.ts";
import { ReceivedRanges } from "./received-ranges.ts";
import { RoundTrip } from "./round-trip.ts";
import { SentSegments } from "./sent-segments.ts";

/** Who has a connection. */
interface TcpOwner {
  /** Bytes, room, the end, an error: something is new. */
  changed(): void;
  /** Urgent data are announced (SIGURG). */
  urgentArrived(): void;
  /** Is a segment to be as if it had not come (SO_ATTACH_FILTER)? `bytes[at … at + length)`, from TCP's header on. */
  drops(bytes: Uint8Array, at: number, length: number): boolean;
}

/** What a connection asks of its stack (tcp-stack.ts). */
export interface TcbStack {
  /** The time of what goes on. */
  readonly now: number;
  /** Room for a segment with its headers, valid until the next one is sent. */
  readonly outgoing: Uint8Array;
  /** Of all connections: segments that were sent again, and time-outs. */
  retransmits: number;
  synRetransmits: number;
  newSegmentsOut: number;
  duplicatesTold: number;
  duplicatesBeyondTold: number;
  timeouts: number;
  /** Connections that ended otherwise than by an exchange of FINs. */
  establishedResets: number;
  /** Sends `outgoing[0 … length)`: 0 or a negative errno. */
  output(tcb: Tcb, length: number): number;
  /** Of the path, with all headers. */
  mtuTo(tcb: Tcb): number;
  /** The handshake of one that came in is complete. @returns false: nobody takes it yet */
  admit(tcb: Tcb): boolean;
  /** The state is CLOSED now: nobody finds it any more. */
  forget(tcb: Tcb): void;
  /** It is in TIME-WAIT from now on. */
  rest(tcb: Tcb): void;
}

export const Phase = { open: 0, recovery: 1, loss: 2 } as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** What the timer of sending does when it expires. */
export const SendTimer = { none: 0, retransmit: 1, probe: 2, reorder: 3, persist: 4 } as const;
export type SendTimer = (typeof SendTimer)[keyof typeof SendTimer];

/** RFC 9293 §3.7.1: who tells none. */
export const MSS_DEFAULT = 536;
/** Less would be headers alone (net.ipv4.tcp_min_snd_mss). */
export const MSS_MIN = 48;
/** Segments that are acknowledged at once when a connection begins (TCP_MAX_QUICKACKS). */
const QUICK_ACKS = 16;

export class Tcb {
  readonly stack: TcbStack;
  readonly local: IpAddress = new Uint32Array(4);
  readonly remote: IpAddress = new Uint32Array(4);
  localPort = 0;
  remotePort = 0;
  how: IpSending;
  owner: TcpOwner | null = null;
  /** TCP_ESTABLISHED … */
  state: number = TCP_CLOSE;
  /** It came in: a reset before it is there lets the listener listen on. */
  isPassive = false;
  /** Nobody has it any more: its last bytes are still sent. */
  isOrphan = false;
  /** Why it ended, until it is told; positive. */
  error = 0;
  /** What ICMP told, and a time-out will tell. */
  softError = 0;
  isReset = false;
  hasNews = false;

  // Sending.
  iss = 0;
  sndUna = 0;
  sndNxt = 0;
  sndWnd = 0;
  sndWl1 = 0;
  sndWl2 = 0;
  /** The largest window that the peer told (RFC 9293 §3.8.6.2.1). */
  sndWndMax = 0;
  sndScale = 0;
  /** Bytes from `sndUna` (behind the SYN) on. */
  readonly sending = new ByteRing();
  /** Sequence number of the first byte of `sending`. */
  sendingSeq = 0;
  readonly sent = new SentSegments();
  /** What is behind it may wait for more to fill a segment. */
  pushSeq = 0;
  /** The end of the last segment that was not full (Minshall's form of Nagle's rule). */
  smallSeq = 0;
  isFinQueued = false;
  hasSentFin = false;
  /** Behind the urgent byte; it counts as long as it is after `sndUna`. */
  sndUp = 0;
  isUrgentOut = false;
  noDelay = false;
  /** Largest bytes of a segment without options that vary: what peer and path take. */
  mss = MSS_DEFAULT;
  peerMss = MSS_DEFAULT;
  /** TCP_MAXSEG; 0: none. */
  mssClamp = 0;
  offersSack = true;
  offersTimestamps = true;
  offersScale = true;
  /** For TCP_INFO. */
  retransmits = 0;
  bytesRetransmitted = 0;
  sentBytes = 0;
  segmentsOut = 0;
  segmentsIn = 0;

  // Congestion and loss.
  control: CongestionControl = new Cubic();
  cwnd: number = INITIAL_WINDOW;
  ssthresh = Infinity;
  phase: Phase = Phase.open;
  /** `sndNxt` when the loss was found: behind it the recovery is over. */
  highSeq = 0;
  isCwndLimited = false;
  duplicateAcks = 0;
  prrDelivered = 0;
  prrOut = 0;
  recoveryFlight = 0;
  readonly rack = new Rack();
  readonly roundTrip = new RoundTrip();
  /** `sndNxt` when a tail loss probe was sent. */
  probeSeq = 0;
  isProbing = false;
  isProbeRetransmission = false;
  lastSentNs = 0;
  /** What time-outs are counted from. */
  rtoBaseNs = 0;
  /** When the first of the time-outs in a row was armed; −1: there was none. */
  silentSinceNs = -1;
  timeouts = 0;

  // Receiving.
  irs = 0;
  rcvNxt = 0;
  /** The right edge that the peer was told. */
  rcvAdv = 0;
  rcvScale = 0;
  readSeq = 0;
  readonly receiving = new ByteRing();
  readonly ranges = new ReceivedRanges();
  /** Bytes that may wait for the reader: they grow with the path, to `receiveMost`. */
  receiveLimit: number;
  receiveMost: number;
  /** The peer's MSS as its segments show it. */
  rcvMss = MSS_DEFAULT;
  hasFin = false;
  finSeq = 0;
  isEnded = false;
  isReadStopped = false;
  isClosed = false;
  /** Of the urgent byte. */
  urgentSeq = 0;
  urgent: "none" | "announced" | "there" | "taken" = "none";
  isUrgentInline = false;
  receivedBytes = 0;
  /** The round in which the reader's pace is measured. */
  paceSeq = 0;
  paceAtNs = 0;

  // Acknowledging.
  mustAckNow = false;
  /** Segments that wait for their acknowledgement. */
  unackedSegments = 0;
  quickAcks = QUICK_ACKS;
  lastAckSent = 0;
  lastChallengeNs = -Infinity;
  duplicateLeft = 0;
  duplicateRight = 0;

  // Options that both have.
  hasTimestamps = false;
  hasSack = false;
  hasScale = false;
  tsOffset = 0;
  tsRecent = 0;
  tsRecentAtNs = 0;

  // Times.
  sendTimer: SendTimer = SendTimer.none;
  sendAtNs = Infinity;
  ackAtNs = Infinity;
  /** FIN-WAIT-2 of an orphan, TIME-WAIT, keep-alive. */
  stateAtNs = Infinity;
  /** 0: none. */
  keepIdleNs = 0;
  keepIntervalNs = 75e9;
  keepCount = 9;
  keepProbes = 0;
  lastHeardNs = 0;
  userTimeoutNs = 0;
  synRetries = 6;
  /** How long an orphan waits for the peer's end (TCP_LINGER2). */
  finWaitNs = 60e9;
  persistProbes = 0;

  // Places in what the stack keeps it in.
  nextInBucket: Tcb | null = null;
  heapIndex = -1;
  heapNs = Infinity;
  /** Bytes of its rings that were told to the machine's memory of sockets. */
  charged = 0;

  constructor(stack: TcbStack, how: IpSending, receiveLimit: number, receiveMost: number) {
    this.stack = stack;
    this.how = how;
    this.receiveLimit = receiveLimit;
    this.receiveMost = receiveMost;
  }

  setEnds(local: IpAddress, localPort: number, remote: IpAddress, remotePort: number): void {
    copyIp(local, this.local);
    copyIp(remote, this.remote);
    this.localPort = localPort;
    this.remotePort = remotePort;
  }

  /** Behind what was written. */
  get endSeq(): number {
    return (this.sendingSeq + this.sending.length) | 0;
  }

  /** Of the timestamps option: milliseconds. */
  timestamp(ns: number): number {
    return (Math.floor(ns / 1e6) + this.tsOffset) | 0;
  }

  get nextNs(): number {
    return Math.min(this.sendAtNs, this.ackAtNs, this.stateAtNs);
  }

  /** Bytes that it keeps. */
  get heldBytes(): number {
    return this.sending.length + this.receiving.length + this.ranges.bytes;
  }

  static {
    stateClass("tcp.Tcb", this);
  }
}
