/** Network interfaces in sysfs(5): a folder of each below devices/virtual/net, and the link in class/net. */
import {
  EINVAL,
  ENOENT,
  IFF_PERSIST,
  IF_OPER_DOWN,
  IF_OPER_LOWERLAYERDOWN,
  IF_OPER_UP,
  isErrno,
  IFLA_BR_AGEING_TIME,
  IFLA_BR_FORWARD_DELAY,
  IFLA_BR_HELLO_TIME,
  IFLA_BR_MAX_AGE,
  IFLA_BR_MCAST_SNOOPING,
  IFLA_BR_PRIORITY,
  IFLA_BR_STP_STATE,
  IFLA_BRPORT_COST,
  IFLA_BRPORT_ISOLATED,
  IFLA_BRPORT_LEARNING,
  IFLA_BRPORT_MODE,
  IFLA_BRPORT_PRIORITY,
} from "@stratos/abi";
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
  LINKS = 3,
  PORTS = 4;

/** Where interfaces are: a network, or a bridge's ports. */
interface Interfaces {
  readonly interfaces: readonly NetworkInterface[];
  interfaceNamed(name: string): NetworkInterface | undefined;
}

/** A folder with an entry for each interface that there is now. */
class InterfaceListing extends PseudoDirectory {
  #from: Interfaces;
  readonly #region: number;
  #make: (one: NetworkInterface) => Inode;
  /** Bound: interfaces that are there; those that went are dropped when the folder is listed. */
  #made = new Map<NetworkInterface, { name: string; inode: Inode }>();

  /** @param region  of what it makes: the same numbers, whenever that is and in a loaded machine (inRegion) */
  constructor(fileSystem: PseudoFileSystem, from: Interfaces, region: number, make: (one: NetworkInterface) => Inode) {
    super(fileSystem, 0o755);
    this.#from = from;
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
    const one = this.#from.interfaceNamed(name);
    return one === undefined ? super.entryNamed(name) : this.#inodeOf(one);
  }

  override lookup(name: string): Inode | number {
    const one = this.#from.interfaceNamed(name);
    return one === undefined ? super.lookup(name) : this.#inodeOf(one);
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    const { interfaces } = this.#from;
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
        save: (it) => ({ from: it.#from, make: it.#make, made: it.#made }),
        load: (it, from) => ({ from: it.#from, make: it.#make, made: it.#made } = from),
      },
      { ...FOUND_BY_NAME, keeps: ["#region"] },
    );
  }
}

/** The folder of an interface: `brport` is there while it is a port. */
class InterfaceFolder extends PseudoDirectory {
  readonly #one: NetworkInterface;

  constructor(fileSystem: PseudoFileSystem, one: NetworkInterface) {
    super(fileSystem, 0o755);
    this.#one = one;
  }

  override get cachesNames(): boolean {
    return false;
  }

  #hides(name: string): boolean {
    return name === PORT_FOLDER && this.#one.master === null;
  }

  override lookup(name: string): Inode | number {
    return this.#hides(name) ? -ENOENT : super.lookup(name);
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    return super.list(cursor, (name, ...rest) => this.#hides(name) || emit(name, ...rest));
  }

  static {
    stateClass("InterfaceFolder", this, null, { ...FOUND_BY_NAME, keeps: ["#one"] });
  }
}

const PORT_FOLDER = "brport";

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
  dev_id: () => "0x0",
  dev_port: () => "0",
  dormant: (one) => (one.isUp ? "0" : -EINVAL),
  duplex: (one) => (speedOf(one) < 0 ? -EINVAL : "full"),
  flags: (one) => `0x${(one.flags & 0xffff & ~0x40).toString(16)}`,
  ifalias: (one) => one.alias,
  ifindex: (one) => String(one.index),
  iflink: (one) => String((one.peer ?? one).index),
  link_mode: () => "0",
  mtu: (one) => String(one.mtu),
  // What userspace named has no word for it but that: NET_NAME_USER; the kernel names lo (NET_NAME_PREDICTABLE).
  name_assign_type: (one) => (one.isLoopback ? "2" : "3"),
  netdev_group: (one) => String(one.group),
  operstate: (one) => OPERATIONAL_STATES[operationalState(one)] ?? "unknown",
  proto_down: () => "0",
  speed: (one) => (speedOf(one) < 0 ? -EINVAL : String(speedOf(one))),
  testing: (one) => (one.isUp ? "0" : -EINVAL),
  tx_queue_len: (one) => String(one.queueLength),
  type: (one) => String(one.hardwareType),
  uevent: (one) => `INTERFACE=${one.name}\nIFINDEX=${one.index}`,
};

/** Of the one queue in each direction (net/core/net-sysfs.c). */
const RECEIVE_QUEUE_FILES: typeof FILES = { rps_cpus: () => "0", rps_flow_cnt: () => "0" };
const SEND_QUEUE_FILES: typeof FILES = { tx_maxrate: () => "0", tx_timeout: () => "0", xps_rxqs: () => "0" };

/** In megabits per second, as drivers that have no wire say it; −1: those say nothing, nor one that is down. */
function speedOf({ kind, isUp }: NetworkInterface): number {
  if (!isUp) return -1;
  return kind === "veth" ? 10_000 : kind === "tun" || kind === "tap" ? 10 : -1;
}

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

function settingFile(name: number): (one: NetworkInterface) => string {
  return (one) => String(one.bridge!.setting(name));
}

function portFile(name: number): (one: NetworkInterface) => string {
  return (one) => String(one.master!.bridge!.portSetting(one, name));
}

/** What a bridge tells besides, by which lxc knows one; times in hundredths of a second (net/bridge/br_sysfs_br.c). */
const BRIDGE_FILES: Readonly<Record<string, (one: NetworkInterface) => string>> = {
  ageing_time: settingFile(IFLA_BR_AGEING_TIME),
  bridge_id: (one) => bridgeId(one),
  default_pvid: () => "1",
  forward_delay: settingFile(IFLA_BR_FORWARD_DELAY),
  group_addr: () => "1:80:c2:0:0:0",
  hello_time: settingFile(IFLA_BR_HELLO_TIME),
  max_age: settingFile(IFLA_BR_MAX_AGE),
  multicast_snooping: settingFile(IFLA_BR_MCAST_SNOOPING),
  priority: settingFile(IFLA_BR_PRIORITY),
  root_id: (one) => bridgeId(one),
  root_path_cost: () => "0",
  root_port: () => "0",
  stp_state: settingFile(IFLA_BR_STP_STATE),
  vlan_filtering: () => "0",
};

/** Of a port: it takes part at once, as there is no spanning tree (net/bridge/br_sysfs_if.c). */
const PORT_FILES: Readonly<Record<string, (one: NetworkInterface) => string>> = {
  hairpin_mode: portFile(IFLA_BRPORT_MODE),
  isolated: portFile(IFLA_BRPORT_ISOLATED),
  learning: portFile(IFLA_BRPORT_LEARNING),
  path_cost: portFile(IFLA_BRPORT_COST),
  port_no: ({ master, index }) =>
    `0x${(master!.bridge!.interfaces.findIndex((port) => port.index === index) + 1).toString(16)}`,
  priority: portFile(IFLA_BRPORT_PRIORITY),
  state: (one) => String(one.master!.bridge!.stateOf(one)),
};

/** Its priority and address (IEEE 802.1D §9.2.5). */
function bridgeId(one: NetworkInterface): string {
  const priority = one.bridge!.setting(IFLA_BR_PRIORITY).toString(16).padStart(4, "0");
  return `${priority}.${hardwareAddressText(one.hardwareAddress).replaceAll(":", "")}`;
}

function hardwareAddressText(address: Uint8Array): string {
  return [...address].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

function makeFolder(fileSystem: PseudoFileSystem, one: NetworkInterface): PseudoDirectory {
  const file = (source: () => string | number): PseudoFile => {
    const made = new PseudoFile(fileSystem, () => {
      const value = source();
      return isErrno(value) || value === "" ? value : `${value}\n`;
    });
    made.size = 4096;
    return made;
  };
  const filled = (files: typeof FILES, directory = new PseudoDirectory(fileSystem, 0o755)): PseudoDirectory => {
    for (const [name, text] of Object.entries(files))
      directory.add(
        name,
        file(() => text(one)),
      );
    return directory;
  };
  const folder = filled(FILES, new InterfaceFolder(fileSystem, one));
  folder.add(PORT_FOLDER, filled(PORT_FILES));
  const { bridge } = one;
  if (bridge !== null) {
    const toPort = (port: NetworkInterface): Inode => new PseudoLink(fileSystem, `../../${port.name}/${PORT_FOLDER}`);
    folder.add("bridge", filled(BRIDGE_FILES)).add("brif", new InterfaceListing(fileSystem, bridge, PORTS, toPort));
  }
  const { link } = one;
  if (link instanceof TunDevice)
    for (const [name, text] of Object.entries(TUN_FILES))
      folder.add(
        name,
        file(() => text(link)),
      );
  return folder
    .add("subsystem", new PseudoLink(fileSystem, "../../../../class/net"))
    .add(
      "queues",
      new PseudoDirectory(fileSystem, 0o755)
        .add("rx-0", filled(RECEIVE_QUEUE_FILES))
        .add("tx-0", filled(SEND_QUEUE_FILES)),
    )
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
