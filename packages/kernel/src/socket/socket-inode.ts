/** The inode of a socket (sockfs): its owner and number, and the name of its protocol as an attribute. */
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_PACKET,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_UDPLITE,
  SOCK_RAW,
  SOCK_STREAM,
  S_IFSOCK,
} from "@stratos/abi";
import { byteStringOf, stateClass } from "@stratos/base";
import { AnonymousInode, anonymousMount } from "../vfs/anonymous-file.ts";
import type { VfsKernel } from "../vfs/vfs-kernel.ts";

/** Tells lsof(8) and lsfd(1) what socket it is, also of other networks (net/socket.c, sockfs_xattr_get). */
export const PROTOCOL_NAME_ATTRIBUTE = "system.sockprotoname";

/** As /proc/net/protocols names it. */
export function protocolName(family: number, type: number, protocol: number): string {
  if (family === AF_NETLINK) return "NETLINK";
  if (family === AF_PACKET) return "PACKET";
  if (family !== AF_INET && family !== AF_INET6) return type === SOCK_STREAM ? "UNIX-STREAM" : "UNIX";
  const suffix = family === AF_INET6 ? "v6" : "";
  if (type === SOCK_STREAM) return `TCP${suffix}`;
  if (type === SOCK_RAW) return `RAW${suffix}`;
  if (protocol === IPPROTO_UDPLITE) return suffix === "" ? "UDP-Lite" : "UDPLITEv6";
  return protocol === IPPROTO_ICMP || protocol === IPPROTO_ICMPV6 ? `PING${suffix}` : `UDP${suffix}`;
}

export class SocketInode extends AnonymousInode {
  #protocolName: string;

  constructor(kernel: VfsKernel, { fsuid, fsgid }: { fsuid: number; fsgid: number }, name: string) {
    const { fileSystem } = anonymousMount(kernel);
    super(fileSystem, kernel.allocateAnonymousIno(), S_IFSOCK | 0o777, kernel.vfs.now(), fsuid, fsgid);
    this.#protocolName = name;
    this.nlink = 1;
  }

  override getXattr(name: string): Uint8Array | number {
    return name === PROTOCOL_NAME_ATTRIBUTE ? byteStringOf(`${this.#protocolName}\0`) : super.getXattr(name);
  }

  override listXattrs(): string[] {
    return [PROTOCOL_NAME_ATTRIBUTE];
  }

  static {
    stateClass("SocketInode", this, {
      save: (it) => ({ protocolName: it.#protocolName }),
      load: (it, from) => ({ protocolName: it.#protocolName } = from),
    });
  }
}
