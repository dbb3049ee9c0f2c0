import { ESRCH } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Inode } from "../vfs/inode.ts";
import { PacketBacklog } from "./ip/packet-backlog.ts";
import type { SharedBySockets, SocketBuffers } from "./socket-kernel.ts";
import { SocketMemory } from "./socket-memory.ts";
import { InFlightFiles } from "./unix/in-flight-files.ts";
import type { UnixSocket } from "./unix/unix-socket.ts";

/** Of all machines: nothing stays in it from one call to the next. */
const TRANSFER = new Uint8Array(65536);

/** What the sockets of all networks of a machine share: memory, and what paths and messages lead to. */
export class SocketState implements SharedBySockets {
  /** What waits in sockets of a kind; ICMP, raw, packet and netlink sockets count with UDP. */
  readonly tcpMemory: SocketMemory;
  readonly udpMemory: SocketMemory;
  readonly inFlight: InFlightFiles;
  /** Bytes of new sockets' buffers, and what SO_RCVBUF and SO_SNDBUF may ask for (socket(7)). */
  readonly buffers: SocketBuffers = {
    receiveDefault: 212992,
    receiveMost: 212992,
    sendDefault: 212992,
    sendMost: 212992,
  };
  readonly backlog = new PacketBacklog();
  /** AF_UNIX sockets bound to a path, by the inode there: a path leads across networks (unix(7)). */
  readonly boundInodes = new Map<Inode, UnixSocket>();
  /** Bytes between a provider or a queue and user memory; valid during one call. */
  readonly transfer = TRANSFER;
  /** As tasks have it (create-kernel.ts). */
  taskStatistics: SharedBySockets["taskStatistics"] = () => -ESRCH;

  /** @param pages  of the machine's memory */
  constructor(pages: number) {
    this.tcpMemory = new SocketMemory(pages / 16);
    this.udpMemory = new SocketMemory(pages / 8);
    this.inFlight = new InFlightFiles(new SocketMemory(pages / 8));
  }

  static {
    stateClass("SocketState", this, null, { keeps: ["taskStatistics", "transfer"] });
  }
}
