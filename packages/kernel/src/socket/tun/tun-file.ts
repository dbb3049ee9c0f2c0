/** /dev/net/tun (Linux drivers/net/tun.c): a descriptor, which TUNSETIFF joins to an interface. */
import {
  CAP_NET_ADMIN,
  EAGAIN,
  EBADFD,
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  EIO,
  ENOMEM,
  EPERM,
  ETH_P_IP,
  ETH_P_IPV6,
  IFF_ATTACH_QUEUE,
  IFF_DETACH_QUEUE,
  IFF_MULTI_QUEUE,
  IFF_NO_PI,
  IFF_NOFILTER,
  IFF_ONE_QUEUE,
  IFF_PERSIST,
  IFF_TAP,
  IFF_TUN,
  IFF_TUN_EXCL,
  IFF_VNET_HDR,
  IfreqFlags,
  isErrno,
  O_NONBLOCK,
  POLLERR,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  TUN_F_CSUM,
  TUN_F_TSO4,
  TUN_F_TSO6,
  TUN_F_TSO_ECN,
  TUN_F_UFO,
  TUN_F_USO4,
  TUN_F_USO6,
  TUN_PKT_STRIP,
  TunPi,
  TUNGETFEATURES,
  TUNGETIFF,
  TUNGETSNDBUF,
  TUNGETVNETHDRSZ,
  TUNSETGROUP,
  TUNSETIFF,
  TUNSETIFINDEX,
  TUNSETNOCSUM,
  TUNSETOFFLOAD,
  TUNSETOWNER,
  TUNSETPERSIST,
  TUNSETQUEUE,
  TUNSETSNDBUF,
  TUNSETVNETHDRSZ,
  VirtioNetHdr,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { FRAME_HEADER_SIZE } from "@stratos/host";
import { putWhole, type IoCursor } from "../../ground/io-cursor.ts";
import { BLOCKED, WaitQueue } from "../../ground/wait-queue.ts";
import { viewOf } from "../../ground/words.ts";
import { isCapable, isInGroup } from "../../security/credentials.ts";
import type { Inode } from "../../vfs/inode.ts";
import { OpenFile } from "../../vfs/open-file.ts";
import type { Path } from "../../vfs/path.ts";
import { removeInterface, tellInterface } from "../interface-changes.ts";
import { createTun } from "../new-interfaces.ts";
import { ethernetTypeOf } from "../packet/packet-address.ts";
import { frameArrived } from "../packet/interface-frames.ts";
import type { NetworkInterface } from "../network-interface.ts";
import type { SocketCaller, SocketNetwork } from "../socket-kernel.ts";
import { TunDevice, type TunQueue } from "./tun-device.ts";
import { wholePackets } from "./vnet-header.ts";

const FEATURES = IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_ONE_QUEUE | IFF_VNET_HDR | IFF_MULTI_QUEUE;
/** Packets that wait for a program (TUN_READQ_SIZE), and bytes. */
const PACKETS_MAX = 500,
  BYTES_MAX = 1 << 20;
const PACKET_MAX = 65535;
const HEADER = new Uint8Array(TunPi.size);
const VNET_HEADER = new Uint8Array(VirtioNetHdr.size);
const NO_VNET_HEADER = new Uint8Array(VirtioNetHdr.size);
const INT = new Uint8Array(4);

class TunFile extends OpenFile implements TunQueue {
  /** The opener's, whatever becomes of him. */
  #network: SocketNetwork;
  /** null: not joined, or the interface is gone. */
  #own: NetworkInterface | null = null;
  #packets: Uint8Array[] = [];
  #bytes = 0;
  #wishedIndex = 0;
  #readiness = new WaitQueue();

  constructor(network: SocketNetwork, flags: number, inode: Inode | null, path: Path | null) {
    super(flags, inode, path);
    this.#network = network.retain();
  }

  /** lseek(2) refuses, but pread(2) and pwrite(2) take any place for none. */
  override get hasPositions(): boolean {
    return true;
  }

  get #device(): TunDevice | null {
    return this.#own === null ? null : (this.#own.link as TunDevice);
  }

  put(packet: Uint8Array): boolean {
    const memory = this.#network.udpMemory;
    if (this.#packets.length >= PACKETS_MAX || this.#bytes + packet.length > BYTES_MAX || memory.isFull) return false;
    this.#packets.push(packet);
    this.#bytes += packet.length;
    memory.bytes += packet.length;
    this.#readiness.wakeAll(POLLIN | POLLRDNORM);
    return true;
  }

  lost(): void {
    this.#own = null;
    this.#clear();
    this.#readiness.wakeAll();
  }

  #clear(): void {
    this.#network.udpMemory.bytes -= this.#bytes;
    this.#packets.length = this.#bytes = 0;
  }

  changed(): void {
    this.#readiness.wakeAll();
  }

  override read(task: SocketCaller, to: IoCursor): number {
    const device = this.#device;
    if (device === null) return -EBADFD;
    const packet = this.#packets[0];
    if (packet === undefined) {
      if ((this.flags & O_NONBLOCK) !== 0) return -EAGAIN;
      task.waitOn(this.#readiness);
      return BLOCKED;
    }
    // It is gone, whether there is room for it or not.
    this.#packets.shift();
    this.#bytes -= packet.length;
    this.#network.udpMemory.bytes -= packet.length;
    const room = to.remaining;
    const vnet = vnetSize(device);
    let moved = 0;
    if ((device.flags & IFF_NO_PI) === 0) {
      if (room < HEADER.length) return -EINVAL;
      const isCut = packet.length + vnet > room - HEADER.length;
      const view = viewOf(HEADER);
      view.setUint16(TunPi.offset.flags, isCut ? TUN_PKT_STRIP : 0, true);
      view.setUint16(TunPi.offset.proto, ethernetTypeOf(this.#own!, packet));
      moved = putWhole(to, HEADER, 0, HEADER.length);
      if (moved < 0) return moved;
    }
    if (vnet > 0) {
      if (to.remaining < vnet) return -EINVAL;
      const put = putWhole(to, NO_VNET_HEADER, 0, NO_VNET_HEADER.length);
      if (put < 0) return put;
      to.skip(vnet - put);
      moved += vnet;
    }
    const count = Math.min(packet.length, to.remaining);
    // Nobody asks whether it could be put there (drivers/net/tun.c, tun_put_user).
    if (count > 0) to.put(packet, 0, count);
    return moved + count;
  }

  /**
   * One packet.
   *
   * @returns −EBADFD no interface; −EINVAL too short, of IP no version that there is, or its header says what can't be;
   *   −EIO the interface is down; −ENOMEM too long
   */
  override write(_task: SocketCaller, from: IoCursor): number {
    const one = this.#own;
    const device = this.#device;
    if (one === null || device === null) return -EBADFD;
    const total = from.remaining;
    const hasHeader = (device.flags & IFF_NO_PI) === 0;
    const vnet = vnetSize(device);
    const before = (hasHeader ? HEADER.length : 0) + vnet;
    if (total < before) return -EINVAL;
    if (total > PACKET_MAX + before) return -ENOMEM;
    if (hasHeader && from.take(HEADER, 0, HEADER.length) < HEADER.length) return -EFAULT;
    if (vnet > 0) {
      if (from.take(VNET_HEADER, 0, VNET_HEADER.length) < VNET_HEADER.length) return -EFAULT;
      from.skip(vnet - VNET_HEADER.length);
    }
    const bytes = new Uint8Array(from.remaining);
    if (device.isTap && bytes.length < FRAME_HEADER_SIZE) return -EINVAL;
    const taken = bytes.length === 0 ? 0 : from.take(bytes, 0, bytes.length);
    if (taken < bytes.length) return taken < 0 ? taken : -EFAULT;
    const version = device.isTap || bytes.length === 0 ? 0 : bytes[0]! >> 4;
    if (!device.isTap && !hasHeader && version !== 4 && version !== 6) return -EINVAL;
    if (!one.isUp) {
      one.counters.receivedDropped++;
      return -EIO;
    }
    const packets = vnet > 0 ? wholePackets(VNET_HEADER, bytes, device.isTap ? FRAME_HEADER_SIZE : 0) : [bytes];
    if (isErrno(packets)) return packets;
    const told = hasHeader ? viewOf(HEADER).getUint16(TunPi.offset.proto) : version === 4 ? ETH_P_IP : ETH_P_IPV6;
    for (const packet of packets) frameArrived(one, packet, device.isTap ? ethernetTypeOf(one, packet) : told);
    one.network.ip.settle();
    return total;
  }

  override poll(): number {
    if (this.#own === null) return POLLERR;
    const readable = this.#packets.length > 0 ? POLLIN | POLLRDNORM : 0;
    return readable | (this.#own.isUp ? POLLOUT | POLLWRNORM : 0);
  }

  override details(): string {
    return `iff:\t${this.#own?.name ?? ""}\n`;
  }

  override get waitQueue(): WaitQueue {
    return this.#readiness;
  }

  override get asyncQueue(): WaitQueue {
    return this.#readiness;
  }

  override ioctl(task: SocketCaller, command: number, argument: number): number {
    switch (command >>> 0) {
      case TUNGETFEATURES:
        return putInt(task, argument, FEATURES);
      case TUNSETQUEUE:
        return this.#setQueue(task, argument);
      case TUNSETIFF:
        return this.#own === null ? this.#join(task, argument) : -EEXIST;
      case TUNSETIFINDEX: {
        if (this.#own !== null) return -EPERM;
        const index = task.space.loadU32(argument);
        if (index < 0) return -EFAULT;
        if ((index | 0) < 0) return -EINVAL;
        this.#wishedIndex = index;
        return 0;
      }
      default:
        return this.#own === null ? -EBADFD : this.#change(task, this.#own, command >>> 0, argument);
    }
  }

  /** TUNSETIFF: joins an interface that is there, or makes one. */
  #join(task: SocketCaller, argument: number): number {
    const request = new Uint8Array(IfreqFlags.size);
    if (task.space.copyIn(argument, request, 0, request.length) < 0) return -EFAULT;
    const flags = viewOf(request).getUint16(IfreqFlags.offset.ifr_flags, true);
    const end = request.subarray(0, 15).indexOf(0);
    const name = String.fromCharCode(...request.subarray(0, end < 0 ? 15 : end));
    const present = this.#network.interfaceByName(name);
    const own = present === undefined ? this.#make(task, name, flags) : this.#claim(task, present, flags);
    if (isErrno(own)) return own;
    this.#own = own;
    (own.link as TunDevice).attach(this, flags);
    tellInterface(own.network, own, false);
    request.fill(0, 0, IfreqFlags.offset.ifr_flags);
    request.set([...own.name].map((letter) => letter.charCodeAt(0)));
    return task.space.copyOut(argument, request, 0, request.length);
  }

  #make(task: SocketCaller, name: string, flags: number): NetworkInterface | number {
    if (!isCapable(task.credentials, CAP_NET_ADMIN, this.#network.owner)) return -EPERM;
    if ((flags & (IFF_TUN | IFF_TAP)) === 0) return -EINVAL;
    const kind = (flags & IFF_TUN) !== 0 ? IFF_TUN : IFF_TAP;
    const wished = name === "" ? (kind === IFF_TUN ? "tun%d" : "tap%d") : name;
    const index = this.#wishedIndex;
    if (index !== 0 && this.#network.interfaceByIndex(index) !== undefined) return -EBUSY;
    return createTun(this.#network, wished, index, kind | (flags & FEATURES & ~(IFF_TUN | IFF_TAP)));
  }

  #claim(task: SocketCaller, present: NetworkInterface, flags: number): NetworkInterface | number {
    if ((flags & IFF_TUN_EXCL) !== 0) return -EBUSY;
    const device = present.link;
    if (!(device instanceof TunDevice) || (flags & device.flags & (IFF_TUN | IFF_TAP)) === 0) return -EINVAL;
    if (((flags ^ device.flags) & IFF_MULTI_QUEUE) !== 0) return -EINVAL;
    if (!this.#mayUse(task, device)) return -EPERM;
    const refused = device.mayAttach(flags);
    return refused < 0 ? refused : present;
  }

  /** The owner and the group of an interface may use it, and administrators of its network (tun_not_capable). */
  #mayUse({ credentials }: SocketCaller, { owner, group }: TunDevice): boolean {
    const isForeign = (owner !== -1 && owner !== credentials.euid) || (group !== -1 && !isInGroup(credentials, group));
    return !isForeign || isCapable(credentials, CAP_NET_ADMIN, this.#network.owner);
  }

  /** TUNSETQUEUE: one of several descriptors rests, or goes on. */
  #setQueue(task: SocketCaller, argument: number): number {
    const request = new Uint8Array(IfreqFlags.size);
    if (task.space.copyIn(argument, request, 0, request.length) < 0) return -EFAULT;
    const flags = viewOf(request).getUint16(IfreqFlags.offset.ifr_flags, true);
    const device = this.#device;
    const isResting = device?.detached.has(this) === true;
    if (device === null || !device.isMultiQueue) return -EINVAL;
    if ((flags & IFF_ATTACH_QUEUE) !== 0) {
      if (!isResting) return -EINVAL;
      if (!this.#mayUse(task, device)) return -EPERM;
      device.attach(this, device.flags);
    } else if ((flags & IFF_DETACH_QUEUE) !== 0 && !isResting) {
      device.detach(this, true);
      this.#clear();
    } else return -EINVAL;
    return 0;
  }

  #change(task: SocketCaller, own: NetworkInterface, command: number, argument: number): number {
    const device = own.link as TunDevice;
    const { uids, gids } = task.credentials.userNamespace;
    switch (command) {
      case TUNGETIFF: {
        const request = new Uint8Array(IfreqFlags.size);
        request.set([...own.name].map((letter) => letter.charCodeAt(0)));
        const resting = device.detached.has(this) ? IFF_DETACH_QUEUE : 0;
        const flags = device.flags | (device.isPersistent ? IFF_PERSIST : 0) | resting | IFF_NOFILTER;
        viewOf(request).setUint16(IfreqFlags.offset.ifr_flags, flags, true);
        return task.space.copyOut(argument, request, 0, request.length);
      }
      case TUNSETPERSIST:
        device.isPersistent = argument !== 0;
        return 0;
      case TUNSETOWNER:
      case TUNSETGROUP: {
        const id = (command === TUNSETOWNER ? uids : gids).toKernel(argument >>> 0);
        if (id < 0) return -EINVAL;
        if (command === TUNSETOWNER) device.owner = id;
        else device.group = id;
        tellInterface(own.network, own, false);
        return 0;
      }
      // There is always one.
      case TUNSETNOCSUM:
        return 0;
      case TUNSETOFFLOAD:
        return isOffload(argument) ? 0 : -EINVAL;
      case TUNGETSNDBUF:
        return putInt(task, argument, device.sendBuffer);
      case TUNGETVNETHDRSZ:
        return putInt(task, argument, device.headerSize);
      case TUNSETSNDBUF:
      case TUNSETVNETHDRSZ: {
        const value = task.space.loadU32(argument);
        if (value < 0) return -EFAULT;
        if ((value | 0) < (command === TUNSETSNDBUF ? 1 : VirtioNetHdr.size)) return -EINVAL;
        if (command === TUNSETSNDBUF) device.sendBuffer = value;
        else device.headerSize = value;
        return 0;
      }
      default:
        return -EINVAL;
    }
  }

  /** With its last descriptor an interface goes that isn't persistent. */
  protected override dispose(): void {
    const own = this.#own;
    this.#clear();
    if (own !== null) {
      const device = own.link as TunDevice;
      this.#own = null;
      device.detach(this, false);
      if (device.queues.length + device.detached.size === 0 && !device.isPersistent) removeInterface(own.network, own);
    }
    this.#network.release();
  }

  static {
    stateClass("TunFile", this, {
      save: (it) => ({
        network: it.#network,
        own: it.#own,
        packets: it.#packets,
        bytes: it.#bytes,
        wishedIndex: it.#wishedIndex,
        readiness: it.#readiness,
      }),
      load: (it, from) =>
        ({
          network: it.#network,
          own: it.#own,
          packets: it.#packets,
          bytes: it.#bytes,
          wishedIndex: it.#wishedIndex,
          readiness: it.#readiness,
        } = from),
    });
  }
}

/** Nothing is left to who reads, whatever he would take on; but what can't be asked for is refused (set_offload). */
function isOffload(wanted: number): boolean {
  const tso = TUN_F_TSO4 | TUN_F_TSO6;
  const uso = TUN_F_USO4 | TUN_F_USO6;
  let rest = wanted;
  if ((wanted & TUN_F_CSUM) !== 0) {
    rest &= ~(TUN_F_CSUM | TUN_F_UFO);
    if ((wanted & tso) !== 0) rest &= ~(tso | TUN_F_TSO_ECN);
    if ((wanted & uso) === uso) rest &= ~uso;
  }
  return rest === 0;
}

/** Bytes of the header before each packet; 0: there is none. */
function vnetSize({ flags, headerSize }: TunDevice): number {
  return (flags & IFF_VNET_HDR) !== 0 ? headerSize : 0;
}

function putInt(task: SocketCaller, address: number, value: number): number {
  viewOf(INT).setInt32(0, value, true);
  return task.space.copyOut(address, INT, 0, INT.length);
}

export function openTun(task: SocketCaller, flags: number, inode: Inode, path: Path): OpenFile {
  return new TunFile(task.network, flags, inode, path);
}
