/**
 * The small programs that ss(8) sends with a request (INET_DIAG_REQ_BYTECODE; net/ipv4/inet_diag.c): each step says how
 * far it is to the next one, by whether it holds. One that comes to the end of all accepts the socket, one that goes
 * beyond it does not.
 *
 *     code  yes  no          the step, and bytes to the next one when it holds and when not
 *     …                      what it compares with: `no` of a second one is a port
 */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  EINVAL,
  EPERM,
  INET_DIAG_BC_AUTO,
  INET_DIAG_BC_DEV_COND,
  INET_DIAG_BC_D_COND,
  INET_DIAG_BC_D_EQ,
  INET_DIAG_BC_D_GE,
  INET_DIAG_BC_D_LE,
  INET_DIAG_BC_JMP,
  INET_DIAG_BC_MARK_COND,
  INET_DIAG_BC_NOP,
  INET_DIAG_BC_S_COND,
  INET_DIAG_BC_S_EQ,
  INET_DIAG_BC_S_GE,
  INET_DIAG_BC_S_LE,
  InetDiagBcOp,
  InetDiagHostcond,
  InetDiagMarkcond,
} from "@stratos/abi";
import { viewOf } from "../../ground/words.ts";

/** What of a socket they know. */
export interface DiagnosedEnds {
  readonly family: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** 4 bytes, or 16. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** That it is bound to; 0: none. */
  readonly device: number;
  readonly mark: number;
  /** bind(2) named its port. */
  readonly isPortNamed: boolean;
}

const { code: CODE, yes: YES, no: NO } = InetDiagBcOp.offset;
const STEP = InetDiagBcOp.size;
/** Each socket is looked at by all of it, in one piece. */
const CODE_MAX = 4096;
const PORT_STEPS: readonly number[] = [
  INET_DIAG_BC_S_GE,
  INET_DIAG_BC_S_LE,
  INET_DIAG_BC_S_EQ,
  INET_DIAG_BC_D_GE,
  INET_DIAG_BC_D_LE,
  INET_DIAG_BC_D_EQ,
];

/**
 * @param mayAskForMarks  CAP_NET_ADMIN
 * @returns 0; −EINVAL there is no step, or too many, one is unknown, short or leads nowhere; −EPERM
 */
export function checkDiagnosisCode(bytes: Uint8Array, mayAskForMarks: boolean): number {
  const view = viewOf(bytes);
  if (bytes.length < STEP || bytes.length > CODE_MAX) return -EINVAL;
  const steps = stepsOf(bytes);
  let at = 0;
  while (at < bytes.length) {
    const left = bytes.length - at;
    if (left < STEP) return -EINVAL;
    const code = bytes[at + CODE]!;
    const yes = bytes[at + YES]!;
    const no = view.getUint16(at + NO, true);
    if (code === INET_DIAG_BC_MARK_COND && !mayAskForMarks) return -EPERM;
    const size = sizeOfStep(bytes, at);
    if (size < 0 || size > left) return -EINVAL;
    if (code !== INET_DIAG_BC_NOP) {
      if (no < size || no > left + 4 || (no & 3) !== 0) return -EINVAL;
      if (no < left && !steps.has(at + no)) return -EINVAL;
    }
    if (yes < size || yes > left + 4 || (yes & 3) !== 0) return -EINVAL;
    at += yes;
  }
  return at === bytes.length ? 0 : -EINVAL;
}

/** With what it compares with; −1 it is unknown, or its address is no such one. */
function sizeOfStep(bytes: Uint8Array, at: number): number {
  const code = bytes[at + CODE]!;
  if (PORT_STEPS.includes(code)) return 2 * STEP;
  switch (code) {
    case INET_DIAG_BC_NOP:
    case INET_DIAG_BC_JMP:
    case INET_DIAG_BC_AUTO:
      return STEP;
    case INET_DIAG_BC_DEV_COND:
      return STEP + 4;
    case INET_DIAG_BC_MARK_COND:
      return STEP + InetDiagMarkcond.size;
    case INET_DIAG_BC_S_COND:
    case INET_DIAG_BC_D_COND: {
      const { family, prefix_len } = InetDiagHostcond.offset;
      const head = STEP + InetDiagHostcond.size;
      if (bytes.length - at < head) return head;
      const length = { [AF_UNSPEC]: 0, [AF_INET]: 4, [AF_INET6]: 16 }[bytes[at + STEP + family]!];
      return length === undefined || bytes[at + STEP + prefix_len]! > 8 * length ? -1 : head + length;
    }
    default:
      return -1;
  }
}

/** Where steps begin, when each before it holds. */
function stepsOf(bytes: Uint8Array): Set<number> {
  const steps = new Set<number>();
  for (let at = 0; at < bytes.length;) {
    steps.add(at);
    const yes = bytes[at + YES] ?? 0;
    if (yes < STEP || (yes & 3) !== 0) break;
    at += yes;
  }
  return steps;
}

/** @param bytes  that `checkDiagnosisCode` has found right: it goes forward, so that it ends */
export function acceptsDiagnosed(bytes: Uint8Array, ends: DiagnosedEnds): boolean {
  const view = viewOf(bytes);
  let at = 0;
  while (at < bytes.length) at += holds(view, at, ends) ? bytes[at + YES]! : view.getUint16(at + NO, true);
  return at === bytes.length;
}

function holds(view: DataView, at: number, ends: DiagnosedEnds): boolean {
  const port = (): number => view.getUint16(at + STEP + NO, true);
  switch (view.getUint8(at + CODE)) {
    case INET_DIAG_BC_JMP:
      return false;
    case INET_DIAG_BC_S_EQ:
      return ends.sourcePort === port();
    case INET_DIAG_BC_S_GE:
      return ends.sourcePort >= port();
    case INET_DIAG_BC_S_LE:
      return ends.sourcePort <= port();
    case INET_DIAG_BC_D_EQ:
      return ends.destinationPort === port();
    case INET_DIAG_BC_D_GE:
      return ends.destinationPort >= port();
    case INET_DIAG_BC_D_LE:
      return ends.destinationPort <= port();
    case INET_DIAG_BC_AUTO:
      return !ends.isPortNamed;
    case INET_DIAG_BC_S_COND:
      return isOfHost(view, at + STEP, ends.family, ends.source, ends.sourcePort);
    case INET_DIAG_BC_D_COND:
      return isOfHost(view, at + STEP, ends.family, ends.destination, ends.destinationPort);
    case INET_DIAG_BC_DEV_COND:
      return view.getUint32(at + STEP, true) === ends.device;
    case INET_DIAG_BC_MARK_COND: {
      const { mark, mask } = InetDiagMarkcond.offset;
      return (ends.mark & view.getUint32(at + STEP + mask, true)) >>> 0 === view.getUint32(at + STEP + mark, true);
    }
    default:
      return true;
  }
}

/** `struct inet_diag_hostcond`; an address of IPv4 is that of one of IPv6 that stands for it, too. */
function isOfHost(view: DataView, at: number, family: number, address: Uint8Array, port: number): boolean {
  const { family: ofFamily, prefix_len, port: ofPort } = InetDiagHostcond.offset;
  const wantedPort = view.getInt32(at + ofPort, true);
  if (wantedPort !== -1 && wantedPort !== port) return false;
  const wanted = view.getUint8(at + ofFamily);
  let own = address;
  if (wanted !== AF_UNSPEC && wanted !== family) {
    const isMapped = address.length === 16 && address.subarray(0, 12).every((byte, i) => byte === (i < 10 ? 0 : 255));
    if (wanted !== AF_INET || !isMapped) return false;
    own = address.subarray(12);
  }
  const bits = view.getUint8(at + prefix_len);
  for (let bit = 0; bit < bits; bit += 8) {
    const mask = bits - bit >= 8 ? 255 : (0xff00 >> (bits - bit)) & 255;
    if (((own[bit >> 3]! ^ view.getUint8(at + InetDiagHostcond.size + (bit >> 3))) & mask) !== 0) return false;
  }
  return true;
}
