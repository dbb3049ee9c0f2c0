import { SockaddrStorage, Ucred } from "@stratos/abi";
import { stateClass, whenForgotten } from "@stratos/base";
import { putFields, viewOf } from "../ground/words.ts";
import type { SignalProcess } from "../signal/signal-target.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { Caller } from "../vfs/vfs-kernel.ts";

/** Who sent a message, as SCM_CREDENTIALS shows it (unix(7)). */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** For SCM_PIDFD and SO_PEERPIDFD; null: there is none. */
  readonly process: SignalProcess | null;
}

/** `struct ucred`, as `task` knows the process and the ids. */
export function writeCredentials(task: Caller, peer: PeerCredentials, into: Uint8Array): void {
  const { userNamespace } = task.credentials;
  putFields(viewOf(into), Ucred, {
    pid: shownPid(task, peer),
    uid: userNamespace.uids.shown(peer.uid),
    gid: userNamespace.gids.shown(peer.gid),
  });
}

/**
 * Its number for the caller. One that has ended is called what it was (Linux: the message holds its struct pid):
 * the namespace has forgotten the number then, or somebody else has it.
 */
function shownPid({ group: { pidNamespace } }: Caller, { pid, process }: PeerCredentials): number {
  const isOwn = process !== null && process.pid === pid && process.pidNamespace === pidNamespace;
  return isOwn ? process.ownPid : pidNamespace.idOf(pid);
}

/** What a receiver learns of a sender that did not say: pid 0 and the overflow ids. */
export const UNKNOWN_SENDER: PeerCredentials = { pid: 0, uid: 65534, gid: 65534, process: null };

/** Where one datagram is to come from. */
export interface ChosenSender {
  /** The four words of an address (ip-address.ts of netstack); null: any. */
  readonly ip: Uint32Array | null;
  /** By which interface it goes; 0: any. */
  readonly interfaceIndex: number;
}

/**
 * What travels beside bytes: files and credentials (AF_UNIX), fields of the IP header. The holder owns one reference of
 * each file.
 */
export interface Ancillary {
  rights: OpenFile[] | null;
  credentials: PeerCredentials | null;
  /** IP_TTL or IPV6_HOPLIMIT, IP_TOS or IPV6_TCLASS; null: as the socket's options say. */
  hopLimit: number | null;
  trafficClass: number | null;
  /** IP_PKTINFO or IPV6_PKTINFO; null: as the socket's address and the routes say. */
  sender: ChosenSender | null;
  /** IPv6 extension headers by the name of their option (inet/extension-headers.ts); of IPv4's options IP_RETOPTS. */
  extensions: ReadonlyMap<number, Uint8Array> | null;
}

/** What sendmsg(2) was given beside the bytes. */
export interface OutgoingMessage {
  /** The raw sockaddr, null when none was given. */
  address: Uint8Array | null;
  /** Owned by the system call until a socket takes it: the socket then sets `ancillary` to null. */
  ancillary: Ancillary | null;
}

/** For write(2) and send(2). Nobody stores into it. */
export const PLAIN_MESSAGE: OutgoingMessage = { address: null, ancillary: null };

/** A further control message for the receiver (IP_PKTINFO, SO_TIMESTAMP …). */
export interface ControlMessage {
  level: number;
  type: number;
  data: Uint8Array;
}

/** What recvmsg(2) learns beside the bytes; filled by a socket's `receive`. Calls use one again (`reset`). */
export class IncomingMessage {
  /** The sender's sockaddr, `addressLength` bytes of it; 0 when the socket tells none. */
  readonly address = new Uint8Array(SockaddrStorage.size);
  addressLength = 0;
  /** MSG_TRUNC, MSG_EOR, MSG_OOB … */
  flags = 0;
  rights: OpenFile[] | null = null;
  credentials: PeerCredentials | null = null;
  controls: ControlMessage[] | null = null;
  /** read(2) has no place for a sender's name: none need be made. */
  readonly wantsAddress: boolean;

  constructor(wantsAddress = true) {
    this.wantsAddress = wantsAddress;
  }

  /** Ready for the next call. */
  reset(): this {
    this.addressLength = 0;
    this.flags = 0;
    this.rights = null;
    this.credentials = null;
    this.controls = null;
    return this;
  }

  setAddress(address: Uint8Array): void {
    this.address.set(address);
    this.addressLength = address.length;
  }

  addControl(level: number, type: number, data: Uint8Array): void {
    (this.controls ??= []).push({ level, type, data });
  }

  static {
    stateClass("IncomingMessage", this);
  }
}

/** For calls that come one after the other: each fills them, and nothing of them counts behind it. */
export function messagesOfCalls(): { readonly outgoing: OutgoingMessage; readonly incoming: IncomingMessage } {
  const outgoing: OutgoingMessage = { address: null, ancillary: null };
  const incoming = new IncomingMessage();
  whenForgotten(() => {
    outgoing.ancillary = null;
    incoming.reset();
  });
  return { outgoing, incoming };
}
