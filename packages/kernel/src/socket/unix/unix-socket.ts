import {
  EPERM,
  LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
  AF_UNIX,
  AT_FDCWD,
  EADDRINUSE,
  ECONNREFUSED,
  EINVAL,
  ENOTCONN,
  ENOTTY,
  EOPNOTSUPP,
  EPROTOTYPE,
  SIOCATMARK,
  SIOCGSTAMP,
  SIOCGSTAMPNS,
  SIOCOUTQ,
  isErrno,
} from "@stratos/abi";
import { isOutOfScope } from "../../security/landlock.ts";
import { stateClass, type SteadyMap } from "@stratos/base";
import { randomWord } from "../../ground/random-word.ts";
import type { Credentials } from "../../security/credentials.ts";
import { removeFile } from "../../vfs/name-changes.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import type { IncomingMessage, PeerCredentials } from "../message.ts";
import { Socket } from "../socket.ts";
import { createSocketNode, findSocketNode } from "./socket-node.ts";
import { parseUnixAddress, type TargetName, unixAddressBytes, type UnixName } from "./unix-address.ts";
import { addTimestamps } from "../message-timestamp.ts";
import type { Inode } from "../../vfs/inode.ts";
import type { SocketCaller, SocketNetwork } from "../socket-kernel.ts";

const UNNAMED: UnixName = { kind: "unnamed" };
/** Autobind names are five hexadecimal digits (unix(7)). */
const AUTOBIND_NAMES = 0x100000;
/** sk_shutdown: no more to receive, no more to send. */
export const RECEIVE_SHUT = 1,
  SEND_SHUT = 2,
  BOTH_SHUT = 3;

/** Who makes a pair of them. */
export interface UnixCaller extends SocketCaller {
  readonly network: UnixNetwork;
}

/** The network of such a socket (network.ts). */
export interface UnixNetwork extends SocketNetwork {
  readonly unixSockets: Set<UnixSocket>;
  readonly abstractNames: SteadyMap<string, UnixSocket>;
  readonly boundInodes: Map<Inode, UnixSocket>;
}

/**
 * What all AF_UNIX sockets share (unix(7)): their name, in the file system or abstract, and who is on the other side.
 *
 * A socket bound to a path keeps that path retained, so the inode object stays the same; connections find the socket by
 * the inode, hence a rename of the file keeps it reachable and an unlink doesn't disturb it.
 */
export abstract class UnixSocket extends Socket {
  declare readonly network: UnixNetwork;
  name: UnixName = UNNAMED;
  /** Bits RECEIVE_SHUT and SEND_SHUT. */
  shut = 0;
  isClosed = false;
  #path: Path | null = null;
  protected peerIdentity: PeerCredentials | null = null;
  protected peerIdentityGroups: readonly number[] | null = null;

  constructor(network: UnixNetwork, type: number, flags: number, creator: { fsuid: number; fsgid: number }) {
    super(network, AF_UNIX, type, 0, flags, creator);
    network.unixSockets.add(this);
  }

  /** Files in messages that wait in this socket's queues. */
  abstract queuedFiles(): OpenFile[];
  /** Throws away what waits to be received. */
  abstract dropQueue(): void;

  /** The other socket, as getpeername(2) and the garbage collector see it. */
  abstract get peerSocket(): UnixSocket | null;

  override get peerCredentials(): PeerCredentials | null {
    return this.peerIdentity;
  }

  override get peerGroups(): readonly number[] | null {
    return this.peerIdentityGroups;
  }

  setPeerIdentity(credentials: PeerCredentials | null, groups: readonly number[] | null): void {
    this.peerIdentity = credentials;
    this.peerIdentityGroups = groups;
  }

  override localName(): Uint8Array {
    return unixAddressBytes(this.name);
  }

  override peerName(): Uint8Array | number {
    const peer = this.peerSocket;
    return peer === null ? -ENOTCONN : unixAddressBytes(peer.name);
  }

  /** The name as /proc/net/unix shows it. */
  get shownName(): string {
    return this.name.kind === "unnamed" ? "" : this.name.kind === "abstract" ? `@${this.name.name}` : this.name.name;
  }

  /**
   * bind(2), with the errors of unix(7).
   *
   * @returns EINVAL (bound already, bad address), EADDRINUSE, or the errors of mknod(2)
   */
  override bind(task: SocketCaller, address: Uint8Array): number {
    const name = parseUnixAddress(address);
    if (isErrno(name)) return name;
    if (name.kind === "unnamed") return this.autobind();
    const network = this.network;
    const isBound = this.name.kind !== "unnamed";
    if (name.kind === "abstract") {
      if (isBound) return -EINVAL;
      const key = this.abstractKey(name.name);
      if (network.abstractNames.has(key)) return -EADDRINUSE;
      network.abstractNames.set(key, this);
    } else {
      const path = createSocketNode(task, name.name, this.inode!.mode);
      if (isErrno(path)) return path;
      // Whether it has a name is looked at when the file is there (net/unix/af_unix.c, unix_bind_bsd).
      if (isBound) {
        removeFile(task, AT_FDCWD, name.name);
        return -EINVAL;
      }
      this.#path = path.retain();
      network.boundInodes.set(path.dentry.inode!, this);
    }
    this.name = name;
    return 0;
  }

  /** An abstract name is one for each type of socket: under it nobody of another type is found (unix_abstract_hash). */
  private abstractKey(name: string): string {
    return `${this.type} ${name}`;
  }

  /** Gives the socket an abstract name when it has none. */
  autobind(): number {
    if (this.name.kind !== "unnamed") return 0;
    const names = this.network.abstractNames;
    const start = randomWord(this.kernel.random) % AUTOBIND_NAMES;
    for (let step = 0; step < AUTOBIND_NAMES; step++) {
      const name = ((start + step) % AUTOBIND_NAMES).toString(16).padStart(5, "0");
      const key = this.abstractKey(name);
      if (names.has(key)) continue;
      names.set(key, this);
      this.name = { kind: "abstract", name };
      return 0;
    }
    return -EADDRINUSE;
  }

  /**
   * The socket of a name.
   *
   * @returns ECONNREFUSED (nobody is bound there), EPROTOTYPE (another type), EACCES, ENOENT …
   */
  protected findTarget(task: SocketCaller, name: TargetName): UnixSocket | number {
    const network = this.network;
    let found: UnixSocket | undefined;
    if (name.kind === "abstract") {
      found = network.abstractNames.get(this.abstractKey(name.name));
      if (found !== undefined && found !== this.peerSocket && isBeyond(task, found)) return -EPERM;
    } else {
      const place = findSocketNode(task, name.name);
      if (isErrno(place)) return place;
      found = network.boundInodes.get(place.dentry.inode!);
    }
    if (found === undefined) return -ECONNREFUSED;
    return found.type === this.type ? found : -EPROTOTYPE;
  }

  /** As it is called now; a sender that has no name tells none (net/unix/af_unix.c, unix_copy_addr). */
  tellSender(message: IncomingMessage, sender: UnixSocket | null): void {
    const isTold = message.wantsAddress && sender !== null && sender.name.kind !== "unnamed";
    if (isTold) message.setAddress(unixAddressBytes(sender.name));
    else message.addressLength = 0;
  }

  /** SO_TIMESTAMP: when the message was taken out (the wait in the queue is part of its way). */
  protected stamp(message: IncomingMessage): void {
    // A message of no network has a time only for who asks for the older kind.
    if (this.options.timestamp !== 0) addTimestamps(this.kernel, this.options, message);
  }

  override ioctl(task: SocketCaller, command: number, argument: number): number {
    if (command === SIOCOUTQ) return task.space.storeU32(argument, this.unsent);
    if (command === SIOCATMARK && !this.isStream) return -EOPNOTSUPP;
    return command === SIOCGSTAMP || command === SIOCGSTAMPNS ? -ENOTTY : super.ioctl(task, command, argument);
  }

  protected override dispose(): void {
    this.isClosed = true;
    const network = this.network;
    network.unixSockets.delete(this);
    if (this.name.kind === "abstract") {
      const key = this.abstractKey(this.name.name);
      if (network.abstractNames.get(key) === this) network.abstractNames.delete(key);
    }
    if (this.#path !== null) {
      network.boundInodes.delete(this.#path.dentry.inode!);
      this.#path.release();
      this.#path = null;
    }
  }

  /** A descriptor is gone: a socket that only its own messages hold must not live on. */
  override release(): void {
    super.release();
    this.network.inFlight.lostReference(this);
  }

  static {
    stateClass("UnixSocket", this, {
      save: (it) => ({ path: it.#path }),
      load: (it, from) => ({ path: it.#path } = from),
    });
  }
}

/** SCM_CREDENTIALS and SO_PEERCRED of a task: its process and its effective or real ids. */
export function identityOf(task: SocketCaller, credentials: Credentials = task.credentials): PeerCredentials {
  return { pid: task.pid, uid: credentials.euid, gid: credentials.egid, process: task.group };
}

export function senderOf(task: SocketCaller): PeerCredentials {
  return { pid: task.pid, uid: task.credentials.uid, gid: task.credentials.gid, process: task.group };
}

/** Has the caller given up reaching abstract names of processes outside of its domain (landlock(7))? */
function isBeyond({ credentials: { landlock } }: SocketCaller, { openedBy }: UnixSocket): boolean {
  if (landlock === null) return false;
  return isOutOfScope(landlock, openedBy?.landlock ?? null, LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET);
}
