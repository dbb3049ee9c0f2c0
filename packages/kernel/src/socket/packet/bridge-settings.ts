/**
 * Settings of bridges and their ports, as ip-link(8) and bridge(8) ask for them. Those of a spanning tree, of groups
 * and VLANs are kept and told: there is no such tree, frames to groups go everywhere, and ports know no VLANs.
 */
import {
  EBUSY,
  EINVAL,
  ENETDOWN,
  EOPNOTSUPP,
  ERANGE,
  BR_STATE_BLOCKING,
  BR_STATE_DISABLED,
  BR_STATE_FORWARDING,
  IFLA_BR_AGEING_TIME,
  IFLA_BR_FORWARD_DELAY,
  IFLA_BR_GROUP_FWD_MASK,
  IFLA_BR_HELLO_TIME,
  IFLA_BR_MAX_AGE,
  IFLA_BR_MCAST_SNOOPING,
  IFLA_BR_PRIORITY,
  IFLA_BR_STP_STATE,
  IFLA_BR_VLAN_FILTERING,
  IFLA_BRPORT_BCAST_FLOOD,
  IFLA_BRPORT_COST,
  IFLA_BRPORT_FAST_LEAVE,
  IFLA_BRPORT_GROUP_FWD_MASK,
  IFLA_BRPORT_GUARD,
  IFLA_BRPORT_ISOLATED,
  IFLA_BRPORT_LEARNING,
  IFLA_BRPORT_LOCKED,
  IFLA_BRPORT_MAB,
  IFLA_BRPORT_MCAST_FLOOD,
  IFLA_BRPORT_MCAST_TO_UCAST,
  IFLA_BRPORT_MODE,
  IFLA_BRPORT_MULTICAST_ROUTER,
  IFLA_BRPORT_NEIGH_SUPPRESS,
  IFLA_BRPORT_PRIORITY,
  IFLA_BRPORT_PROTECT,
  IFLA_BRPORT_PROXYARP,
  IFLA_BRPORT_PROXYARP_WIFI,
  IFLA_BRPORT_STATE,
  IFLA_BRPORT_UNICAST_FLOOD,
  IFLA_BRPORT_VLAN_TUNNEL,
} from "@stratos/abi";

/** A number that can be set: bytes of its attribute, what it is at the start, and what it may be. */
interface Setting {
  readonly size: 1 | 2 | 4;
  readonly initial: number;
  readonly least?: number;
  readonly most?: number;
  /** Outside of its bounds; EINVAL where none is named. */
  readonly errno?: number;
  /** Nothing here would do it, so that it stays as it is at the start (EOPNOTSUPP). */
  readonly isFixed?: boolean;
}

/** Any 16 bits but of the addresses that a bridge never passes on (BR_GROUPFWD_RESTRICTED). */
const RESTRICTED = 7,
  PAUSE_FRAMES = 2;

/** Times in hundredths of a second (net/bridge/br_private_stp.h). */
export const BRIDGE_SETTINGS: ReadonlyMap<number, Setting> = new Map<number, Setting>([
  [IFLA_BR_FORWARD_DELAY, { size: 4, initial: 1500 }],
  [IFLA_BR_HELLO_TIME, { size: 4, initial: 200, least: 100, most: 1000, errno: ERANGE }],
  [IFLA_BR_MAX_AGE, { size: 4, initial: 2000, least: 600, most: 4000, errno: ERANGE }],
  [IFLA_BR_AGEING_TIME, { size: 4, initial: 30000 }],
  [IFLA_BR_STP_STATE, { size: 4, initial: 0 }],
  [IFLA_BR_PRIORITY, { size: 2, initial: 0x8000 }],
  [IFLA_BR_VLAN_FILTERING, { size: 1, initial: 0, isFixed: true }],
  [IFLA_BR_GROUP_FWD_MASK, { size: 2, initial: 0 }],
  [IFLA_BR_MCAST_SNOOPING, { size: 1, initial: 0 }],
]);

const OFF: Setting = { size: 1, initial: 0, most: 1 };
const ON: Setting = { size: 1, initial: 1, most: 1 };
const NEVER: Setting = { size: 1, initial: 0, isFixed: true };

export const PORT_SETTINGS: ReadonlyMap<number, Setting> = new Map<number, Setting>([
  [IFLA_BRPORT_STATE, { size: 1, initial: BR_STATE_FORWARDING, most: BR_STATE_BLOCKING }],
  [IFLA_BRPORT_PRIORITY, { size: 2, initial: 32, most: 63, errno: ERANGE }],
  [IFLA_BRPORT_COST, { size: 4, initial: 2, least: 1, most: 65535, errno: ERANGE }],
  [IFLA_BRPORT_MODE, OFF],
  [IFLA_BRPORT_GUARD, OFF],
  [IFLA_BRPORT_PROTECT, OFF],
  [IFLA_BRPORT_FAST_LEAVE, OFF],
  [IFLA_BRPORT_LEARNING, ON],
  [IFLA_BRPORT_UNICAST_FLOOD, ON],
  [IFLA_BRPORT_PROXYARP, NEVER],
  [IFLA_BRPORT_PROXYARP_WIFI, NEVER],
  [IFLA_BRPORT_MULTICAST_ROUTER, { size: 1, initial: 1, most: 2 }],
  [IFLA_BRPORT_MCAST_FLOOD, ON],
  [IFLA_BRPORT_MCAST_TO_UCAST, NEVER],
  [IFLA_BRPORT_VLAN_TUNNEL, NEVER],
  [IFLA_BRPORT_BCAST_FLOOD, ON],
  [IFLA_BRPORT_GROUP_FWD_MASK, { size: 2, initial: 0 }],
  [IFLA_BRPORT_NEIGH_SUPPRESS, NEVER],
  [IFLA_BRPORT_ISOLATED, OFF],
  [IFLA_BRPORT_LOCKED, OFF],
  [IFLA_BRPORT_MAB, NEVER],
]);

/** What was set; as in STYLE a plain record of a machine's state. */
export type Settings = Map<number, number>;

export function settingOf(settings: Settings | undefined, all: ReadonlyMap<number, Setting>, name: number): number {
  return settings?.get(name) ?? all.get(name)!.initial;
}

/** @returns 0; −EINVAL, −ERANGE out of its bounds; −EOPNOTSUPP nothing here would do it */
export function setBridge(settings: Settings, name: number, value: number): number {
  const setting = BRIDGE_SETTINGS.get(name)!;
  if (name === IFLA_BR_GROUP_FWD_MASK && (value & RESTRICTED) !== 0) return -EINVAL;
  // Without a tree nobody waits so long (net/bridge/br_stp.c, br_set_forward_delay).
  const isTree = settingOf(settings, BRIDGE_SETTINGS, IFLA_BR_STP_STATE) !== 0;
  if (name === IFLA_BR_FORWARD_DELAY && isTree && (value < 200 || value > 3000)) return -ERANGE;
  if (name === IFLA_BR_STP_STATE || name === IFLA_BR_MCAST_SNOOPING) value = value === 0 ? 0 : 1;
  return keep(settings, name, value, setting);
}

/** @param isRunning  the port is up and has a link, and so is its bridge's tree: −EBUSY, −ENETDOWN of its state */
export function setPort(
  settings: Settings,
  name: number,
  value: number,
  { isRunning, isTree }: { readonly isRunning: boolean; readonly isTree: boolean },
): number {
  if (name === IFLA_BRPORT_STATE) {
    if (isTree) return -EBUSY;
    if (!isRunning && value !== BR_STATE_DISABLED) return -ENETDOWN;
    // Without a tree each forwards all the same (net/bridge/br_stp.c, br_port_state_selection).
    return value > BR_STATE_BLOCKING ? -EINVAL : 0;
  }
  if (name === IFLA_BRPORT_GROUP_FWD_MASK && (value & PAUSE_FRAMES) !== 0) return -EINVAL;
  const setting = PORT_SETTINGS.get(name)!;
  return keep(settings, name, setting.most === 1 && value !== 0 ? 1 : value, setting);
}

function keep(settings: Settings, name: number, value: number, setting: Setting): number {
  if (value < (setting.least ?? 0) || value > (setting.most ?? Infinity)) return -(setting.errno ?? EINVAL);
  if (setting.isFixed) return value === setting.initial ? 0 : -EOPNOTSUPP;
  settings.set(name, value);
  return 0;
}
