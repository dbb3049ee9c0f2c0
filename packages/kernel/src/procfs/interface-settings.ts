/**
 * /proc/sys/net/ipv4/conf and /proc/sys/net/ipv6/conf (Linux Documentation/networking/ip-sysctl.rst): a folder for all
 * interfaces, one for new ones, and one for each that the reader's network has.
 */
import { CAP_NET_ADMIN, EINVAL, ENOENT } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { FOUND_BY_NAME, PseudoDirectory, type PseudoFileSystem } from "../pseudo/pseudo-inodes.ts";
import { disableAllIpv6, disableIpv6, MTU_MIN_V6 } from "../socket/interface-changes.ts";
import type { NetworkInterface } from "../socket/network-interface.ts";
import { type InterfaceSettings, isGeneration } from "../socket/network-settings.ts";
import type { Network } from "../socket/network.ts";
import type { Inode } from "../vfs/inode.ts";
import { bounded, numbers, only, type Setting, SettingFile, type SettingRight } from "./setting.ts";
import { hintSetting, INTERFACE_HINTS } from "./setting-hints.ts";

/** Administrators of a network set it up (net_ctl_permissions in Linux's net/sysctl_net.c). */
export const NETWORK_RIGHT: SettingRight = {
  owner: (task) => task.network.owner,
  capability: CAP_NET_ADMIN,
  opens: true,
};
const INT = { least: -0x80000000, most: 0x7fffffff };
/** Names of interfaces whose folders are kept, whichever networks have them. */
const FOLDERS_MAX = 1024;

type Version = "ipv4" | "ipv6";

/** What is one way here, and its value as Linux begins with it. */
const SETTLED: Readonly<Record<Version, Readonly<Record<string, string>>>> = {
  ipv4: {},
  ipv6: { hop_limit: "64", mtu: "1280" },
};

/** Are packets for others passed on? What is another for all becomes so for each interface, and for new ones. */
export function forwarding(version: Version): () => Setting {
  const field = FORWARDING[version];
  return bounded(
    INT,
    (_kernel, { network }) => network.settings.interfaces.all[field],
    (_kernel, value, { network }) => {
      const { all, default: begun } = network.settings.interfaces;
      if (all[field] === value) return;
      for (const settings of [all, begun, ...network.interfaces.map((one) => one.settings)]) settings[field] = value;
    },
  );
}

const FORWARDING = { ipv4: "forwardsV4", ipv6: "forwardsV6" } as const;

/** What is any number, and where it is kept. */
const SETTLED_BY_NUMBER = {
  ipv4: [
    ["accept_local", "acceptsOwn"],
    ["arp_announce", "arpAnnounce"],
    ["arp_filter", "arpFilter"],
    ["arp_ignore", "arpIgnore"],
    ["arp_notify", "announces"],
    ["force_igmp_version", "groupVersionV4"],
    ["forwarding", "forwardsV4"],
    ["promote_secondaries", "promotes"],
    ["proxy_arp", "proxiesArp"],
    ["route_localnet", "routesLoopback"],
    ["rp_filter", "reversePath"],
    ["tag", "tag"],
  ],
  ipv6: [
    ["accept_dad", "asksForAddresses"],
    ["accept_ra", "hearsRouters"],
    ["accept_ra_defrtr", "takesRouter"],
    ["accept_ra_from_local", "takesOwnRouter"],
    ["accept_ra_mtu", "takesMtu"],
    ["accept_ra_pinfo", "takesPrefixes"],
    ["autoconf", "configures"],
    ["dad_transmits", "questions"],
    ["enhanced_dad", "asksWithNonce"],
    ["force_mld_version", "groupVersionV6"],
    ["forwarding", "forwardsV6"],
    ["max_addresses", "addressesMost"],
    ["ndisc_notify", "announcesV6"],
    ["optimistic_dad", "isOptimistic"],
    ["proxy_ndp", "proxiesNdp"],
    ["ra_defrtr_metric", "routerMetric"],
    ["router_solicitation_delay", "delaySeconds"],
    ["router_solicitation_interval", "routerSeconds"],
    ["router_solicitation_max_interval", "routerSecondsMost"],
    ["router_solicitations", "routerQuestions"],
  ],
} as const;

/** What an interface, all and new ones have alike. @param settingsOf  undefined: it is gone */
function commonSettings(
  version: Version,
  settingsOf: (network: Network) => InterfaceSettings | undefined,
  isOfAll = false,
): Record<string, () => Setting> {
  const settings: Record<string, () => Setting> = {};
  for (const [name, value] of Object.entries(SETTLED[version])) settings[name] = only(value);
  for (const [name, hint] of Object.entries(INTERFACE_HINTS[version])) {
    const begun = isOfAll ? { ...hint, value: hint.ofAll ?? hint.value } : hint;
    settings[name] = hintSetting(`${version}/${name}`, begun, (_kernel, { network }) => settingsOf(network)?.hints);
  }
  for (const [name, field] of SETTLED_BY_NUMBER[version])
    settings[name] = bounded(
      INT,
      (_kernel, { network }) => settingsOf(network)?.[field] ?? 0,
      (_kernel, value, { network }) => {
        const own = settingsOf(network);
        if (own !== undefined) own[field] = value;
      },
    );
  return settings;
}

/** By path below net: those for all interfaces and for new ones. */
export function confSettings(): Record<string, () => Setting> {
  const settings: Record<string, () => Setting> = {};
  for (const version of ["ipv4", "ipv6"] as const)
    for (const place of ["all", "default"] as const)
      for (const [name, make] of Object.entries(
        commonSettings(version, ({ settings }) => settings.interfaces[place], place === "all"),
      ))
        settings[`${version}/conf/${place}/${name}`] = make;
  for (const version of ["ipv4", "ipv6"] as const) settings[`${version}/conf/all/forwarding`] = forwarding(version);
  settings["ipv6/conf/all/disable_ipv6"] = bounded(
    INT,
    (_kernel, { network }) => network.settings.disablesIpv6.all,
    (_kernel, value, { network }) => disableAllIpv6(network, value),
  );
  settings["ipv6/conf/default/disable_ipv6"] = bounded(
    INT,
    (_kernel, { network }) => network.settings.disablesIpv6.default,
    (_kernel, value, { network }) => (network.settings.disablesIpv6.default = value),
  );
  for (const place of ["all", "default"] as const)
    settings[`ipv6/conf/${place}/addr_gen_mode`] = numbers(
      1,
      (_kernel, { network }) => [network.settings.interfaces[place].generation],
      (_kernel, [mode], { network }) => generateBy(network, place, mode!),
    );
  return settings;
}

/** −EINVAL no such way. */
function setGeneration(network: Network, one: NetworkInterface, mode: number): number {
  if (!isGeneration(mode)) return -EINVAL;
  if (one.settings.generation === mode) return 0;
  one.settings.generation = mode;
  if (one.isRunning) network.ip.becomeReady(one);
  return 0;
}

/** What is said for all holds for new ones, too. */
function generateBy(network: Network, place: "all" | "default", mode: number): number {
  if (!isGeneration(mode)) return -EINVAL;
  const { interfaces } = network.settings;
  interfaces[place].generation = mode;
  if (place === "default") return 0;
  interfaces.default.generation = mode;
  for (const one of network.interfaces) setGeneration(network, one, mode);
  return 0;
}

/** Of the interface that has this name in the reader's network. */
export function interfaceSettings(version: Version, name: string): Record<string, () => Setting> {
  const settings = commonSettings(version, (network) => network.interfaceNamed(name)?.settings);
  if (version === "ipv4") return settings;
  settings["mtu"] = numbers(
    1,
    (_kernel, { network }) => {
      const one = network.interfaceNamed(name);
      return [one === undefined ? 0 : Math.min(one.mtu, one.mtuV6)];
    },
    (_kernel, [mtu], { network }) => {
      const one = network.interfaceNamed(name);
      if (one === undefined || !(mtu! >= MTU_MIN_V6 && mtu! <= one.mtu)) return -EINVAL;
      one.mtuV6 = mtu!;
      return 0;
    },
  );
  settings["addr_gen_mode"] = numbers(
    1,
    (_kernel, { network }) => [network.interfaceNamed(name)?.settings.generation ?? 0],
    (_kernel, [mode], { network }) => {
      const one = network.interfaceNamed(name);
      return one === undefined ? 0 : setGeneration(network, one, mode!);
    },
  );
  settings["disable_ipv6"] = bounded(
    INT,
    (_kernel, { network }) => network.interfaceNamed(name)?.disablesIpv6 ?? 0,
    (_kernel, value, { network }) => {
      const one = network.interfaceNamed(name);
      if (one !== undefined) disableIpv6(network, one, value);
    },
  );
  return settings;
}

/** `conf`: what all readers find there, and a folder for each interface of the reader's network. */
export class ConfDirectory extends PseudoDirectory {
  #version: Version;
  /** By name. Bound: FOLDERS_MAX, the oldest goes. */
  #folders = new Map<string, PseudoDirectory>();

  constructor(fileSystem: PseudoFileSystem, version: Version) {
    super(fileSystem);
    this.#version = version;
  }

  override get cachesNames(): boolean {
    return false;
  }

  get #network(): Network {
    const { kernel } = this.fileSystem;
    return kernel.scheduler.current?.network ?? kernel.network;
  }

  #folder(name: string): PseudoDirectory {
    const present = this.#folders.get(name);
    if (present !== undefined) return present;
    const { fileSystem } = this;
    const folder = new PseudoDirectory(fileSystem);
    for (const [key, make] of Object.entries(interfaceSettings(this.#version, name))) {
      const path = `net/${this.#version}/conf/${name}/${key}`;
      folder.add(key, new SettingFile(fileSystem, path, { right: NETWORK_RIGHT, ...make() }));
    }
    if (this.#folders.size >= FOLDERS_MAX) this.#folders.delete(this.#folders.keys().next().value!);
    this.#folders.set(name, this.holds(name, folder));
    return folder;
  }

  override entryNamed(name: string): Inode | null {
    return super.entryNamed(name) ?? this.#folder(name);
  }

  override lookup(name: string): Inode | number {
    const common = this.entries.get(name);
    if (common !== undefined) return common;
    return this.#network.interfaceNamed(name) === undefined ? -ENOENT : this.#folder(name);
  }

  override list(
    cursor: number,
    emit: (name: string, ino: number, type: number, nextCursor: number) => boolean,
  ): number {
    let at = 0;
    for (const [name, inode] of this.entries)
      if (at++ >= cursor && !emit(name, inode.ino, inode.type >> 12, at)) return 0;
    // Indices only grow, so an interface that goes or comes moves no other.
    for (const { name, index } of this.#network.interfaces) {
      const next = this.entries.size + index;
      if (next <= cursor || this.entries.has(name)) continue;
      const folder = this.#folder(name);
      if (!emit(name, folder.ino, folder.type >> 12, next)) return 0;
    }
    return 0;
  }

  static {
    stateClass("ConfDirectory", this, null, { ...FOUND_BY_NAME, keeps: ["#version", "#folders"] });
  }
}
