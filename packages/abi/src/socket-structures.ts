/**
 * Addresses, messages and interfaces. Source: Linux include/uapi/linux/{socket,in,in6,un,netlink,if,tcp,errqueue}.h,
 * include/linux/socket.h; send(2), recv(2).
 */
import { array, be16, be32, hex32, i32, pointer, struct, text, u16, u32, u64, u8 } from "./struct.ts";

export const SockaddrIn = struct("sockaddr_in", {
  sin_family: u16,
  sin_port: be16,
  sin_addr: be32,
  _zero: array(u8, 8),
});
export const SockaddrIn6 = struct("sockaddr_in6", {
  sin6_family: u16,
  sin6_port: be16,
  sin6_flowinfo: be32,
  sin6_addr: array(u8, 16),
  sin6_scope_id: u32,
});
export const SockaddrUn = struct("sockaddr_un", { sun_family: u16, sun_path: text(108) });
export const SockaddrNl = struct("sockaddr_nl", { nl_family: u16, _pad: u16, nl_pid: u32, nl_groups: hex32 });

/** `struct user_msghdr`. */
export const Msghdr = struct("msghdr", {
  msg_name: pointer,
  msg_namelen: i32,
  msg_iov: pointer,
  msg_iovlen: u64,
  msg_control: pointer,
  msg_controllen: u64,
  msg_flags: hex32,
});
export const Mmsghdr = struct("mmsghdr", { msg_hdr: Msghdr, msg_len: u32 });
export const Cmsghdr = struct("cmsghdr", { cmsg_len: u64, cmsg_level: i32, cmsg_type: i32 });
