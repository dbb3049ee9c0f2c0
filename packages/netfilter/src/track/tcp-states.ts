/**
 * How packets of TCP move a connection on. Source: Linux net/netfilter/nf_conntrack_proto_tcp.c, tcp_conntracks, whose
 * letters these are. Windows aren't looked at (as with net.netfilter.nf_conntrack_tcp_be_liberal).
 */
import {
  TCP_CONNTRACK_CLOSE,
  TCP_CONNTRACK_CLOSE_WAIT,
  TCP_CONNTRACK_ESTABLISHED,
  TCP_CONNTRACK_FIN_WAIT,
  TCP_CONNTRACK_LAST_ACK,
  TCP_CONNTRACK_NONE,
  TCP_CONNTRACK_SYN_RECV,
  TCP_CONNTRACK_SYN_SENT,
  TCP_CONNTRACK_SYN_SENT2,
  TCP_CONNTRACK_TIME_WAIT,
} from "@stratos/abi";

/** It belongs to no connection; it changes nothing. */
export const STATE_INVALID = 10,
  STATE_IGNORED = 11;

const NO = TCP_CONNTRACK_NONE,
  SS = TCP_CONNTRACK_SYN_SENT,
  SR = TCP_CONNTRACK_SYN_RECV,
  ES = TCP_CONNTRACK_ESTABLISHED,
  FW = TCP_CONNTRACK_FIN_WAIT,
  CW = TCP_CONNTRACK_CLOSE_WAIT,
  LA = TCP_CONNTRACK_LAST_ACK,
  TW = TCP_CONNTRACK_TIME_WAIT,
  CL = TCP_CONNTRACK_CLOSE,
  S2 = TCP_CONNTRACK_SYN_SENT2,
  IV = STATE_INVALID,
  IG = STATE_IGNORED;

/** Rows: SYN, SYN with ACK, FIN, ACK, RST, none of them; columns: the state before, from NO to S2. */
const ORIGINAL: readonly (readonly number[])[] = [
  [SS, SS, IG, IG, IG, IG, IG, SS, SS, S2],
  [IV, IV, SR, IV, IV, IV, IV, IV, IV, SR],
  [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
  [ES, IV, ES, ES, CW, CW, TW, TW, CL, IV],
  [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
  [IV, IV, IV, IV, IV, IV, IV, IV, IV, IV],
];
const REPLIES: readonly (readonly number[])[] = [
  [IV, S2, IV, IV, IV, IV, IV, SS, IV, S2],
  [IV, SR, IG, IG, IG, IG, IG, IG, IG, SR],
  [IV, IV, FW, FW, LA, LA, LA, TW, CL, IV],
  [IV, IG, SR, ES, CW, CW, TW, TW, CL, IG],
  [IV, CL, CL, CL, CL, CL, CL, CL, CL, CL],
  [IV, IV, IV, IV, IV, IV, IV, IV, IV, IV],
];

/** Seconds that a connection is remembered in each state (net.netfilter.nf_conntrack_tcp_timeout_*). */
const TIMEOUTS_S: readonly number[] = [0, 120, 60, 432000, 120, 60, 30, 120, 10, 120];

const FIN = 1,
  SYN = 2,
  RST = 4,
  ACK = 16;

/** @param flags  of its header, byte 13 @returns TCP_CONNTRACK_*, STATE_INVALID or STATE_IGNORED */
export function nextState(before: number, flags: number, isReply: boolean): number {
  let row = 5;
  if ((flags & RST) !== 0) row = 4;
  else if ((flags & SYN) !== 0) row = (flags & ACK) !== 0 ? 1 : 0;
  else if ((flags & FIN) !== 0) row = 2;
  else if ((flags & ACK) !== 0) row = 3;
  return (isReply ? REPLIES : ORIGINAL)[row]![before]!;
}

export function timeoutNs(state: number): number {
  return TIMEOUTS_S[state]! * 1e9;
}

/** Is it how a connection begins, anew where an old one has ended? */
export function beginsAnew(before: number, flags: number): boolean {
  return (before === TW || before === CL) && (flags & (SYN | ACK | RST)) === SYN;
}

/** Both ends have spoken. */
export function becomesAssured(before: number, state: number): boolean {
  return (before === SR || before === ES) && state === ES;
}

/** A state by name, as conntrack(8) tells it. */
export const NEW_STATE = NO;
