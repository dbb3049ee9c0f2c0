/** Tells sockets of netlink(7) by their family: what they are made of need not be loaded for that. */
import { AF_NETLINK } from "@stratos/abi";
import { Socket } from "../socket.ts";
import type { NetlinkSocket } from "./netlink-socket.ts";

export function isNetlink(file: object): file is NetlinkSocket {
  return file instanceof Socket && file.family === AF_NETLINK;
}
