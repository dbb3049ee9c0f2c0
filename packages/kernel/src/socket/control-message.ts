import {
  AF_INET6,
  AF_UNIX,
  CAP_NET_RAW,
  CAP_SETGID,
  CAP_SETUID,
  CAP_SYS_ADMIN,
  CAP_SYS_RESOURCE,
  EBADF,
  EFAULT,
  EINVAL,
  EPERM,
  ESRCH,
  ETOOMANYREFS,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_HOPLIMIT,
  IPV6_TCLASS,
  IP_TOS,
  IP_TTL,
  MSG_CMSG_CLOEXEC,
  MSG_CTRUNC,
  RLIMIT_NOFILE,
  SCM_CREDENTIALS,
  SCM_MAX_FD,
  SCM_PIDFD,
  SCM_RIGHTS,
  SOL_SOCKET,
  isErrno,
  Cmsghdr,
  ENODEV,
  In6Pktinfo,
  InPktinfo,
  IP_PKTINFO,
  IP_RETOPTS,
  IPV6_PKTINFO,
  SOCK_STREAM,
  SCM_TS_OPT_ID,
  SO_MARK,
  SO_PRIORITY,
  SO_TIMESTAMPING,
  SO_TIMESTAMPING_NEW,
  SO_TXTIME,
  Ucred,
} from "@stratos/abi";
import { checkOptions, IP_OPTIONS_MAX, isWildcard, readV4, readV6 } from "@stratos/netstack";
import { getU64, putFields, viewOf } from "../ground/words.ts";
import { type Credentials, isCapable } from "../security/credentials.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import type { SignalProcess } from "../signal/signal-target.ts";
import {
  type Ancillary,
  type ChosenSender,
  type IncomingMessage,
  type PeerCredentials,
  writeCredentials,
} from "./message.ts";
import type { Socket } from "./socket.ts";
import { extensionOfControl, isExtensionOption } from "./inet/extension-headers.ts";
import { intOption, isInet, optionInt, type SocketOptions } from "./socket-options.ts";
import type { SocketCaller } from "./socket-kernel.ts";

/** Control messages of sendmsg(2) and recvmsg(2) (cmsg(3)): a `struct cmsghdr`, then data, padded to 8 bytes. */
const HEADER_SIZE = Cmsghdr.size;
/** net.core.optmem_max: what one sendmsg may carry. */
export const CONTROL_MAX = 131072;

/**
 * What Internet sockets take at SOL_SOCKET, and what changes nothing here: the two of AF_UNIX, SO_PRIORITY,
 * SO_MARK, time stamps (net/core/sock.c, __sock_cmsg_send).
 */
const IGNORED_BY_INET = new Set([
  SCM_RIGHTS,
  SCM_CREDENTIALS,
  SO_PRIORITY,
  SO_MARK,
  SO_TIMESTAMPING,
  SO_TXTIME,
  SO_TIMESTAMPING_NEW,
  SCM_TS_OPT_ID,
]);

function alignControl(length: number): number {
  return (length + 7) & ~7;
}

/**
 * Reads what a sender attached. Files get a reference, which the result owns.
 *
 * @returns null when there is nothing for a socket to carry; EINVAL (malformed, unknown type), EBADF, ETOOMANYREFS (too
 *   many files under way), EPERM (credentials that aren't the sender's), ESRCH (those of a process that isn't there)
 */
export function parseControl(task: SocketCaller, socket: Socket, control: Uint8Array): Ancillary | null | number {
  const view = viewOf(control);
  const { cmsg_len, cmsg_level, cmsg_type } = Cmsghdr.offset;
  let rights: OpenFile[] | null = null;
  let credentials: PeerCredentials | null = null;
  let hopLimit: number | null = null;
  let trafficClass: number | null = null;
  let sender: ChosenSender | null = null;
  let extensions: Map<number, Uint8Array> | null = null;
  const fail = (error: number): number => {
    if (rights !== null) for (const file of rights) file.release();
    return error;
  };
  for (let at = 0; at + HEADER_SIZE <= control.length;) {
    const length = getU64(view, at + cmsg_len);
    if (length < HEADER_SIZE || at + length > control.length) return fail(-EINVAL);
    const level = view.getInt32(at + cmsg_level, true);
    const type = view.getInt32(at + cmsg_type, true);
    const data = control.subarray(at + HEADER_SIZE, at + length);
    at += alignControl(length);
    if (level !== SOL_SOCKET && !isInet(socket)) continue;
    if (level !== SOL_SOCKET) {
      if (level === IPPROTO_IPV6 && socket.family === AF_INET6 && isExtensionOption(type)) {
        const isPrivileged = isCapable(task.credentials, CAP_NET_RAW, socket.network.owner);
        const header = extensions?.has(type) === true ? -EINVAL : extensionOfControl(type, data, isPrivileged);
        if (isErrno(header)) return fail(header);
        (extensions ??= new Map()).set(type, header);
        continue;
      }
      if (level === IPPROTO_IP && type === IP_RETOPTS && socket.type !== SOCK_STREAM) {
        const isPrivileged = isCapable(task.credentials, CAP_NET_RAW, socket.network.owner);
        const options = checkOptions(data.subarray(0, IP_OPTIONS_MAX), isPrivileged);
        if (isErrno(options)) return fail(options);
        (extensions ??= new Map()).set(type, options);
        continue;
      }
      const chosen = socket.type === SOCK_STREAM ? null : packetInfo(socket, level, type, data);
      if (isErrno(chosen)) return fail(chosen);
      if (chosen !== null) {
        sender = chosen;
        continue;
      }
      const field = headerField(level, type, data);
      if (field === null) continue;
      if (field.value !== null && field.value < 0) return fail(field.value);
      if (field.isHopLimit) hopLimit = field.value;
      else trafficClass = field.value;
      continue;
    }
    if (isInet(socket) && IGNORED_BY_INET.has(type)) continue;
    if (type === SCM_RIGHTS && socket.family === AF_UNIX) {
      const taken = takeFiles(task, data, rights);
      if (isErrno(taken)) return fail(taken);
      rights = taken;
    } else if (type === SCM_CREDENTIALS) {
      const claimed = checkCredentials(task, data);
      if (isErrno(claimed)) return fail(claimed);
      credentials = claimed;
    } else return fail(-EINVAL);
  }
  const hasFields = hopLimit !== null || trafficClass !== null || sender !== null || extensions !== null;
  if (rights === null && credentials === null && !hasFields) return null;
  return { rights, credentials, hopLimit, trafficClass, sender, extensions };
}

/**
 * IP_PKTINFO, IPV6_PKTINFO; null: the message is none. EINVAL as in ip(7), ipv6(7), ENODEV (net/ipv4/ip_sockglue.c,
 * ip_cmsg_send; net/ipv6/datagram.c, ip6_datagram_send_ctl).
 */
function packetInfo(socket: Socket, level: number, type: number, data: Uint8Array): ChosenSender | null | number {
  const isV4 = level === IPPROTO_IP && type === IP_PKTINFO;
  const isV6 = level === IPPROTO_IPV6 && type === IPV6_PKTINFO && socket.family === AF_INET6;
  if (!isV4 && !isV6) return null;
  if (isV4 ? data.length !== InPktinfo.size : data.length < In6Pktinfo.size) return -EINVAL;
  const ip = new Uint32Array(4);
  if (isV4) readV4(data, InPktinfo.offset.ipi_spec_dst, ip);
  else readV6(data, In6Pktinfo.offset.ipi6_addr, ip);
  const at = isV4 ? InPktinfo.offset.ipi_ifindex : In6Pktinfo.offset.ipi6_ifindex;
  const interfaceIndex = viewOf(data).getInt32(at, true);
  const { network } = socket;
  if (interfaceIndex !== 0 && network.interfaceByIndex(interfaceIndex) === undefined) return -ENODEV;
  const isAny = isWildcard(ip);
  if (isV6 && !isAny && !network.hasAddress(ip) && !socket.bindsForeign(ip)) return -EINVAL;
  return { ip: isAny ? null : ip, interfaceIndex };
}

/** A field of the IP header; null for control messages that change nothing here. EINVAL as in ip(7), ipv6(7). */
function headerField(
  level: number,
  type: number,
  data: Uint8Array,
): { isHopLimit: boolean; value: number | null } | null {
  const isV4 = level === IPPROTO_IP;
  if (!isV4 && level !== IPPROTO_IPV6) return null;
  const isHopLimit = type === (isV4 ? IP_TTL : IPV6_HOPLIMIT);
  if (!isHopLimit && type !== (isV4 ? IP_TOS : IPV6_TCLASS)) return null;
  if (isV4 && !isHopLimit && data.length === 1) return { isHopLimit, value: data[0]! };
  if (data.length !== 4) return { isHopLimit, value: -EINVAL };
  const value = optionInt(data);
  if (!isV4 && value === -1) return { isHopLimit, value: null }; // RFC 3542 §6.3: the default
  return { isHopLimit, value: value < (isV4 && isHopLimit ? 1 : 0) || value > 255 ? -EINVAL : value };
}

function takeFiles(task: SocketCaller, data: Uint8Array, before: OpenFile[] | null): OpenFile[] | null | number {
  const count = data.length >> 2;
  if (count + (before?.length ?? 0) > SCM_MAX_FD) return -EINVAL;
  if (count === 0) return before;
  const limit = task.group.limits[RLIMIT_NOFILE]!.soft;
  const network = task.network;
  if (
    network.inFlight.total + count > limit &&
    !isCapable(task.credentials, CAP_SYS_RESOURCE) &&
    !isCapable(task.credentials, CAP_SYS_ADMIN)
  )
    return -ETOOMANYREFS;
  const files: OpenFile[] = [];
  for (let index = 0; index < count; index++) {
    const file = task.files.get(optionInt(data, index * 4));
    if (file === undefined) return -EBADF;
    if (!file.isPassable) return -EINVAL;
    files.push(file);
  }
  for (const file of files) file.retain();
  return before === null ? files : [...before, ...files];
}

/** unix(7), SCM_CREDENTIALS: the sender's own process and ids, unless it has the capabilities. */
function checkCredentials(task: SocketCaller, data: Uint8Array): PeerCredentials | number {
  if (data.length !== Ucred.size) return -EINVAL;
  const own: Credentials = task.credentials;
  const { userNamespace } = own;
  const { ownPid, pidNamespace } = task.group;
  const uid = userNamespace.uids.toKernel(optionInt(data, Ucred.offset.uid)),
    gid = userNamespace.gids.toKernel(optionInt(data, Ucred.offset.gid));
  if (uid < 0 || gid < 0) return -EINVAL;
  if (optionInt(data) !== ownPid && !isCapable(own, CAP_SYS_ADMIN, pidNamespace.owner)) return -EPERM;
  if (uid !== own.uid && uid !== own.euid && uid !== own.suid && !isCapable(own, CAP_SETUID, userNamespace))
    return -EPERM;
  if (gid !== own.gid && gid !== own.egid && gid !== own.sgid && !isCapable(own, CAP_SETGID, userNamespace))
    return -EPERM;
  const pid = pidNamespace.rootIdOf(optionInt(data));
  if (!isInUse(task, pid)) return -ESRCH;
  const { tasks, processes } = task.kernel.tasks;
  return { pid, uid, gid, process: processes.get(pid) ?? tasks.get(pid)?.group ?? null };
}

/** Names the number a task, a process or a group? Linux asks for its struct pid, which lives as long as one of them. */
function isInUse(task: SocketCaller, pid: number): boolean {
  if (pid === task.pid) return true;
  const { tasks, processes, groups } = task.kernel.tasks;
  return tasks.has(pid) || processes.has(pid) || groups.has(pid);
}

/** Writes control messages into a receiver's buffer as room allows; `flags` collects MSG_CTRUNC. */
export class ControlWriter {
  readonly task: SocketCaller;
  readonly #address: number;
  readonly #room: number;
  written = 0;
  flags = 0;

  constructor(task: SocketCaller, address: number, room: number) {
    this.task = task;
    this.#address = address;
    this.#room = address === 0 ? 0 : room;
  }

  /**
   * As put_cmsg of Linux: a message that doesn't fit is cut, one whose header doesn't fit is left out. 0 or −EFAULT.
   */
  put(level: number, type: number, data: Uint8Array): number {
    const left = this.#room - this.written;
    if (left < HEADER_SIZE) {
      this.flags |= MSG_CTRUNC;
      return 0;
    }
    let length = HEADER_SIZE + data.length;
    if (length > left) {
      this.flags |= MSG_CTRUNC;
      length = left;
    }
    const bytes = new Uint8Array(length);
    putFields(viewOf(bytes), Cmsghdr, { cmsg_len: length, cmsg_level: level, cmsg_type: type });
    bytes.set(data.subarray(0, length - HEADER_SIZE), HEADER_SIZE);
    if (this.task.space.copyOut(this.#address + this.written, bytes, 0, length) < 0) return -EFAULT;
    this.written = Math.min(this.#room, this.written + alignControl(length));
    return 0;
  }

  /** SCM_PIDFD: a descriptor of the sender's process. */
  putPidfd(process: SignalProcess | null): number {
    if (process === null) return 0;
    if (this.#room - this.written < HEADER_SIZE + 4) {
      this.flags |= MSG_CTRUNC;
      return 0;
    }
    const { files, group, kernel } = this.task;
    const fd = files.install(kernel.vfs.pidfdOf(process), true, 0, group.limits[RLIMIT_NOFILE]!.soft);
    return this.put(SOL_SOCKET, SCM_PIDFD, intOption(fd));
  }

  /** Installs as many files as there is room and descriptors for; closes the others (MSG_CTRUNC). */
  putRights(files: OpenFile[], closeOnExec: boolean): number {
    const room = Math.max(0, Math.floor((this.#room - this.written - HEADER_SIZE) / 4));
    const limit = this.task.group.limits[RLIMIT_NOFILE]!.soft;
    const installed: number[] = [];
    let index = 0;
    for (; index < Math.min(files.length, room); index++) {
      const fd = this.task.files.install(files[index]!.retain(), closeOnExec, 0, limit);
      if (fd < 0) break;
      installed.push(fd);
    }
    if (index < files.length) this.flags |= MSG_CTRUNC;
    for (const file of files) file.release();
    if (installed.length === 0) return 0;
    const data = new Uint8Array(installed.length * 4);
    installed.forEach((fd, at) => data.set(intOption(fd), at * 4));
    return this.put(SOL_SOCKET, SCM_RIGHTS, data);
  }
}

/** Everything that came beside a message, as the socket's options ask for it. Returns 0 or −EFAULT. */
export function writeControl(
  writer: ControlWriter,
  message: IncomingMessage,
  flags: number,
  options: SocketOptions,
): number {
  if (message.controls !== null) {
    for (const each of message.controls) {
      const failed = writer.put(each.level, each.type, each.data);
      if (failed < 0) return failed;
    }
  }
  const { credentials } = message;
  if (credentials !== null && options.passCredentials) {
    const data = new Uint8Array(Ucred.size);
    writeCredentials(writer.task, credentials, data);
    const failed = writer.put(SOL_SOCKET, SCM_CREDENTIALS, data);
    if (failed < 0) return failed;
  }
  const { rights } = message;
  message.rights = null;
  const failed = rights === null ? 0 : writer.putRights(rights, (flags & MSG_CMSG_CLOEXEC) !== 0);
  return failed < 0 || !options.passPidfd ? failed : writer.putPidfd(credentials?.process ?? null);
}
