/**
 * A bridge (IEEE 802.1Q-2022 §8, ip-link(8), TYPE BRIDGE): an interface whose ports are other interfaces. What comes in
 * at a port goes out at the port behind which its destination was heard last, or at all others when that isn't known;
 * what is for the bridge itself, or for all, goes up to it. There is no spanning tree, as in Linux unless it is asked
 * for: a frame that goes round in a loop of bridges is dropped after FORWARDED_MAX ways.
 */
import {
  NF_INET_FORWARD,
  NF_INET_LOCAL_IN,
  NF_INET_LOCAL_OUT,
  NF_INET_POST_ROUTING,
  NF_INET_PRE_ROUTING,
  BR_STATE_DISABLED,
  BR_STATE_FORWARDING,
  IFLA_BR_AGEING_TIME,
  IFLA_BR_GROUP_FWD_MASK,
  IFLA_BRPORT_BCAST_FLOOD,
  IFLA_BRPORT_GROUP_FWD_MASK,
  IFLA_BRPORT_ISOLATED,
  IFLA_BRPORT_LEARNING,
  IFLA_BRPORT_LOCKED,
  IFLA_BRPORT_MCAST_FLOOD,
  IFLA_BRPORT_MODE,
  IFLA_BRPORT_UNICAST_FLOOD,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { NetworkInterface } from "../network-interface.ts";
import { BRIDGE_SETTINGS, PORT_SETTINGS, settingOf, type Settings } from "./bridge-settings.ts";

/** A hundredth of a second, in which times are set. */
const TICK_NS = 1e7;
/** Stations that a bridge knows; of more it learns nothing, so that frames to them go everywhere. */
const STATIONS_MAX = 1024;
/** Ways that what comes of one frame may go, through all bridges, and bridges behind one another. */
const FORWARDED_MAX = 1024,
  DEPTH_MAX = 32;

interface Station {
  readonly port: NetworkInterface;
  heardNs: number;
}

/** Sends a frame out at a port, tells of one that came for the bridge itself, asks rules (interface-frames.ts). */
export interface BridgeWays {
  out(port: NetworkInterface, frame: Uint8Array): void;
  up(own: NetworkInterface, frame: Uint8Array): void;
  /** Do rules of bridges let it by? Their hooks have the numbers of IP's. */
  passes(
    own: NetworkInterface,
    hook: number,
    frame: Uint8Array,
    from: NetworkInterface | null,
    to: NetworkInterface | null,
  ): boolean;
}

/** Frames that may still go somewhere, of the one that is under way, and how deep it is; of one call. */
let forwardsLeft = 0,
  depth = 0;

/** Last byte of the addresses of 802.1D and of 802.3x: the first goes on where no spanning tree heeds it. */
const SPANNING_TREE = 0,
  PAUSE = 1;

export class Bridge {
  readonly own: NetworkInterface;
  /** Bound: interfaces of a network. */
  readonly ports: NetworkInterface[] = [];
  /** Was its address chosen by somebody? Else it is the lowest of its ports'. */
  hasOwnAddress: boolean;
  /** As it was told last. */
  hadCarrier = false;
  /** What was set of it, and of its ports. */
  settings: Settings = new Map();
  readonly portSettings = new Map<NetworkInterface, Settings>();
  /** By address, as a number. */
  #stations = new Map<number, Station>();

  constructor(own: NetworkInterface, hasOwnAddress: boolean) {
    this.own = own;
    this.hasOwnAddress = hasOwnAddress;
  }

  /** Its ports by number, and one of them by its name. */
  get interfaces(): readonly NetworkInterface[] {
    return this.ports.toSorted((one, other) => one.index - other.index);
  }

  interfaceNamed(name: string): NetworkInterface | undefined {
    return this.ports.find((port) => port.name === name);
  }

  setting(name: number): number {
    return settingOf(this.settings, BRIDGE_SETTINGS, name);
  }

  portSetting(port: NetworkInterface, name: number): number {
    return settingOf(this.portSettings.get(port), PORT_SETTINGS, name);
  }

  #isOn(port: NetworkInterface, name: number): boolean {
    return this.portSetting(port, name) !== 0;
  }

  /** Of one that is down or has no link: disabled. */
  stateOf(port: NetworkInterface): number {
    return port.isRunning ? BR_STATE_FORWARDING : BR_STATE_DISABLED;
  }

  /** When the oldest of what is still known was heard. */
  get #oldestNs(): number {
    return this.own.network.kernel.now() - this.setting(IFLA_BR_AGEING_TIME) * TICK_NS;
  }

  /**
   * Does it take a frame from its port? Others of the link's own (table 8-1) are for who listens there: LLDP, unless
   * they were asked to be passed on (group_fwd_mask).
   */
  takes(port: NetworkInterface, frame: Uint8Array): boolean {
    return !isOfTheLink(frame) || frame[5]! <= PAUSE || this.#passesGroup(port, frame[5]!);
  }

  #passesGroup(port: NetworkInterface, last: number): boolean {
    const mask = this.setting(IFLA_BR_GROUP_FWD_MASK) | this.portSetting(port, IFLA_BRPORT_GROUP_FWD_MASK);
    return last !== PAUSE && (mask & (1 << last)) !== 0;
  }

  /** Stations that were heard and aren't forgotten. */
  *stations(): Generator<{ readonly address: number; readonly port: NetworkInterface }> {
    const oldest = this.#oldestNs;
    for (const [address, { port, heardNs }] of this.#stations) if (heardNs >= oldest) yield { address, port };
  }

  /** A port is down or gone, or what is known behind it is to go; null: behind any. */
  forget(port: NetworkInterface | null): void {
    if (port === null) this.#stations.clear();
    else for (const [address, station] of this.#stations) if (station.port === port) this.#stations.delete(address);
  }

  /** The same, of one that is no port any more. */
  drop(port: NetworkInterface): void {
    this.forget(port);
    this.portSettings.delete(port);
  }

  /** A frame came in at a port. @param frame  stays as it is meanwhile */
  received(port: NetworkInterface, frame: Uint8Array, ways: BridgeWays): void {
    if (!this.own.isUp || (frame[6]! & 1) !== 0) return;
    if (isOfTheLink(frame) && frame[5] !== SPANNING_TREE && !this.#passesGroup(port, frame[5]!)) return;
    if (this.stateOf(port) !== BR_STATE_FORWARDING) return;
    if (!ways.passes(this.own, NF_INET_PRE_ROUTING, frame, port, null)) return;
    const from = addressAt(frame, 6);
    if (this.#isOn(port, IFLA_BRPORT_LOCKED) && this.#find(from) !== port) return;
    if (this.#isOn(port, IFLA_BRPORT_LEARNING)) this.#learn(port, from);
    const isForMany = (frame[0]! & 1) !== 0;
    const to = addressAt(frame, 0);
    const isLocal = !isForMany && this.#isOwn(to);
    if (!isLocal) this.#forward(frame, isForMany ? null : this.#find(to), port, ways);
    if (!isLocal && !isForMany && !this.own.isPromiscuous) return;
    if (ways.passes(this.own, NF_INET_LOCAL_IN, frame, port, null)) ways.up(this.own, frame);
  }

  /** The bridge itself sends. */
  send(frame: Uint8Array, ways: BridgeWays): void {
    this.#forward(frame, (frame[0]! & 1) !== 0 ? null : this.#find(addressAt(frame, 0)), null, ways);
  }

  #forward(frame: Uint8Array, to: NetworkInterface | null, from: NetworkInterface | null, ways: BridgeWays): void {
    if (depth >= DEPTH_MAX) return;
    if (depth === 0) forwardsLeft = FORWARDED_MAX;
    depth++;
    for (const port of to === null ? [...this.ports] : [to]) {
      if (forwardsLeft === 0 || !this.#leads(from, port) || (to === null && !this.#floods(from, port, frame))) continue;
      if (!ways.passes(this.own, from === null ? NF_INET_LOCAL_OUT : NF_INET_FORWARD, frame, from, port)) continue;
      if (!ways.passes(this.own, NF_INET_POST_ROUTING, frame, null, port)) continue;
      forwardsLeft--;
      this.own.network.kernel.work.charge(1 + (frame.length >> 12));
      ways.out(port, frame);
    }
    depth--;
  }

  /** May a frame from one port go out at another (net/bridge/br_forward.c, should_deliver)? */
  #leads(from: NetworkInterface | null, port: NetworkInterface): boolean {
    if (port === from && !this.#isOn(port, IFLA_BRPORT_MODE)) return false;
    if (this.stateOf(port) !== BR_STATE_FORWARDING) return false;
    return from === null || !this.#isOn(port, IFLA_BRPORT_ISOLATED) || !this.#isOn(from, IFLA_BRPORT_ISOLATED);
  }

  /** Does what goes everywhere go there, too? What the bridge itself sends to many does (br_flood). */
  #floods(from: NetworkInterface | null, port: NetworkInterface, frame: Uint8Array): boolean {
    if ((frame[0]! & 1) === 0) return this.#isOn(port, IFLA_BRPORT_UNICAST_FLOOD);
    const isForAll = addressAt(frame, 0) === 0xffffffffffff;
    return from === null || this.#isOn(port, isForAll ? IFLA_BRPORT_BCAST_FLOOD : IFLA_BRPORT_MCAST_FLOOD);
  }

  #learn(port: NetworkInterface, address: number): void {
    if (address === 0 || this.#isOwn(address)) return;
    const heardNs = this.own.network.kernel.now();
    const known = this.#stations.get(address);
    if (known?.port === port) known.heardNs = heardNs;
    else {
      if (known === undefined && this.#stations.size >= STATIONS_MAX) this.#dropOld(this.#oldestNs);
      if (known !== undefined || this.#stations.size < STATIONS_MAX) this.#stations.set(address, { port, heardNs });
    }
  }

  #dropOld(oldest: number): void {
    this.own.network.kernel.work.charge(this.#stations.size);
    for (const [address, { heardNs }] of this.#stations) if (heardNs < oldest) this.#stations.delete(address);
  }

  #find(address: number): NetworkInterface | null {
    const station = this.#stations.get(address);
    return station !== undefined && station.heardNs >= this.#oldestNs ? station.port : null;
  }

  #isOwn(address: number): boolean {
    if (addressAt(this.own.hardwareAddress, 0) === address) return true;
    for (const port of this.ports) if (addressAt(port.hardwareAddress, 0) === address) return true;
    return false;
  }

  static {
    stateClass("Bridge", this, {
      save: (it) => ({ stations: it.#stations }),
      load: (it, from) => ({ stations: it.#stations } = from),
    });
  }
}

function addressAt(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at]! * 256 + bytes[at + 1]!) * 2 ** 32 +
    (((bytes[at + 2]! << 24) | (bytes[at + 3]! << 16) | (bytes[at + 4]! << 8) | bytes[at + 5]!) >>> 0)
  );
}

/** 01-80-C2-00-00-00 to 0F. */
function isOfTheLink(frame: Uint8Array): boolean {
  return addressAt(frame, 0) - (frame[5]! & 15) === 0x0180c2000000;
}
