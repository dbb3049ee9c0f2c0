/** Network interfaces in sysfs(5): a folder of each below devices/virtual/net, and the link in class/net. */
import { EINVAL, IFF_PERSIST, IF_OPER_DOWN, IF_OPER_LOWERLAYERDOWN, IF_OPER_UP, isErrno } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { broadcastHardwareAddress, operationalState } from "../socket/netlink/link-messages.ts";
import type { Network } from "../socket/network.ts";
import type { NetworkInterface } from "../socket/network-interface.ts";
import { TunDevice } from "../socket/tun/tun-device.ts";
import type { Inode } from "../vfs/inode.ts";
import {
  FOUND_BY_NAME,
  PseudoDirectory,
  PseudoFile,
  type PseudoFileSystem,
  PseudoLink,
} from "../pseudo/pseudo-inodes.ts";

/** Regions of inodes; 1 is what is always there. */
const FOLDERS = 2,
  LINKS = 3;

/** A folder with an entry for each interface that there is now. */
class InterfaceListing extends PseudoDirectory {
  #network: Network;
  readonly #region: number;
  #make: (one: NetworkInterface) => Inode;
  /** Bound: interfaces that are there; those that went are dropped when the folder is listed. */
  #made = new Map<NetworkInterface, { name: string; inode: Inode }>();

  /** @param region  of what it makes: the same numbers, whenever that is and in a loaded machine (inRegion) */
  constructor(fileSystem: PseudoFileSystem, network: Network, region: number, make: (one: NetworkInterface) => Inode) {
    super(fileSystem, 0o755);
    this.#network = network;
    this.#region = region;
    this.#make = make;
  }

  override get cachesNames(): boolean {
    return false;
  }

  /** Made anew under another name. */
  #inodeOf(one: NetworkInterface): Inode {
    const present = this.#made.get(one);
    if (present !== undefined && present.name === one.name) return present.inode;
    let inode!: Inode;
    this.fileSystem.inRegion(this.#region, () => (inode = this.holds(one.name, this.#make(one))), one.index);
    this.#made.set(one, { name: one.name, inode });
    return inode;
  }

  override entryNamed(name: string): Inode | null {
    const one = this.#network.interfaceNamed(name);
    return one === undefined ? super.entryNamed(name) : this.#inodeOf(one);
  }

  override lookup(name: string): Inode | number {
    const one = this.#network.interfaceNamed(name);
    return one === undefined ? super.lookup(name) : this.#inodeOf(one);
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const { interfaces } = this.#network;
    for (const one of this.#made.keys()) if (!interfaces.includes(one)) this.#made.delete(one);
    // Indices only grow, so an interface that goes or comes moves no other.
    for (const one of interfaces) {
      if (one.index <= cursor) continue;
      const inode = this.#inodeOf(one);
      if (!emit(one.name, inode.ino, inode.type >> 12, one.index)) break;
    }
    return 0;
  }

  static {
    stateClass(
      "InterfaceListing",
      this,
      {
        save: (it) => ({ network: it.#network, make: it.#make, made: it.#made }),
        load: (it, from) => ({ network: it.#network, make: it.#make, made: it.#made } = from),
      },
      { ...FOUND_BY_NAME, keeps: ["#region"] },
    );
  }
}

const OPERATIONAL_STATES: Readonly<Record<number, string>> = {
  [IF_OPER_DOWN]: "down",
  [IF_OPER_LOWERLAYERDOWN]: "lowerlayerdown",
  [IF_OPER_UP]: "up",
};

/** What a file of an interface's folder says; a negated errno while it says nothing. */
const FILES: Readonly<Record<string, (one: NetworkInterface) => string | number>> = {
  address: (one) => hardwareAddressText(one.hardwareAddress),
  addr_assign_type: (one) => (one.isLoopback ? "0" : "1"),
  addr_len: (one) => String(one.hardwareAddress.length),
  broadcast: (one) => hardwareAddressText(broadcastHardwareAddress(one)),
  carrier: (one) => (one.isUp ? (one.hasCarrier ? "1" : "0") : -EINVAL),
  dormant: (one) => (one.isUp ? "0" : -EINVAL),
  flags: (one) => `0x${(one.flags & 0xffff & ~0x40).toString(16)}`,
  ifindex: (one) => String(one.index),
  iflink: (one) => String((one.peer ?? one).index),
  mtu: (one) => String(one.mtu),
  operstate: (one) => OPERATIONAL_STATES[operationalState(one)] ?? "unknown",
  tx_queue_len: (one) => String(one.queueLength),
  type: (one) => String(one.hardwareType),
  uevent: (one) => `INTERFACE=${one.name}\nIFINDEX=${one.index}`,
};

/** Those that a tun or a tap interface has besides (drivers/net/tun.c, tun_attrs). */
const TUN_FILES: Readonly<Record<string, (device: TunDevice) => string>> = {
  tun_flags: ({ flags, isPersistent }) => `0x${(flags | (isPersistent ? IFF_PERSIST : 0)).toString(16)}`,
  owner: ({ owner }) => String(owner),
  group: ({ group }) => String(group),
};

const STATISTICS: typeof FILES = {
  rx_bytes: (one) => String(one.counters.receivedBytes),
  tx_bytes: (one) => String(one.counters.sentBytes),
  rx_packets: (one) => String(one.counters.receivedPackets),
  tx_packets: (one) => String(one.counters.sentPackets),
  rx_errors: () => "0",
  tx_errors: () => "0",
  rx_dropped: (one) => String(one.counters.receivedDropped),
  tx_dropped: (one) => String(one.counters.sentDropped),
  multicast: () => "0",
  collisions: () => "0",
};

/** What a bridge tells besides, by which lxc knows one; times in hundredths of a second (net/bridge/br_sysfs_br.c). */
const BRIDGE_FILES: Readonly<Record<string, (one: NetworkInterface) => string>> = {
  ageing_time: () => "30000",
  bridge_id: (one) => bridgeId(one),
  default_pvid: () => "1",
  forward_delay: () => "1500",
  group_addr: () => "1:80:c2:0:0:0",
  hello_time: () => "200",
  max_age: () => "2000",
  multicast_snooping: () => "0",
  priority: () => "32768",
  root_id: (one) => bridgeId(one),
  root_path_cost: () => "0",
  root_port: () => "0",
  stp_state: () => "0",
  vlan_filtering: () => "0",
};

/** Its priority and address (IEEE 802.1D §9.2.5). */
function bridgeId(one: NetworkInterface): string {
  return `8000.${hardwareAddressText(one.hardwareAddress).replaceAll(":", "")}`;
}

function hardwareAddressText(address: Uint8Array): string {
  return [...address].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function makeFolder(fileSystem: PseudoFileSystem, one: NetworkInterface): PseudoDirectory {
  const file = (source: () => string | number): PseudoFile => {
    const made = new PseudoFile(fileSystem, () => {
      const value = source();
      return isErrno(value) ? value : `${value}\n`;
    });
    made.size = 4096;
    return made;
  };
  const filled = (files: typeof FILES): PseudoDirectory => {
    const directory = new PseudoDirectory(fileSystem, 0o755);
    for (const [name, text] of Object.entries(files))
      directory.add(
        name,
        file(() => text(one)),
      );
    return directory;
  };
  const folder = filled(FILES);
  if (one.bridge !== null) folder.add("bridge", filled(BRIDGE_FILES));
  const { link } = one;
  if (link instanceof TunDevice)
    for (const [name, text] of Object.entries(TUN_FILES))
      folder.add(
        name,
        file(() => text(link)),
      );
  return folder
    .add("subsystem", new PseudoLink(fileSystem, "../../../../class/net"))
    .add("statistics", filled(STATISTICS));
}

/** @param directory  makes the folder of that path */
export function addNetworkDirectories(
  network: Network,
  fileSystem: PseudoFileSystem,
  directory: (path: string) => PseudoDirectory,
): void {
  directory("devices/virtual").add(
    "net",
    new InterfaceListing(fileSystem, network, FOLDERS, (one) => makeFolder(fileSystem, one)),
  );
  directory("class").add(
    "net",
    new InterfaceListing(
      fileSystem,
      network,
      LINKS,
      (one) => new PseudoLink(fileSystem, `../../devices/virtual/net/${one.name}`),
    ),
  );
}
