/** Settings of bridges and their ports in messages of rtnetlink(7) (net/bridge/br_netlink.c). */
import {
  ERANGE,
  EOPNOTSUPP,
  IFLA_BR_BRIDGE_ID,
  IFLA_BR_FDB_FLUSH,
  IFLA_BR_GC_TIMER,
  IFLA_BR_GROUP_ADDR,
  IFLA_BR_HELLO_TIMER,
  IFLA_BR_PRIORITY,
  IFLA_BR_ROOT_ID,
  IFLA_BR_ROOT_PATH_COST,
  IFLA_BR_ROOT_PORT,
  IFLA_BR_STP_STATE,
  IFLA_BR_TCN_TIMER,
  IFLA_BR_TOPOLOGY_CHANGE,
  IFLA_BR_TOPOLOGY_CHANGE_DETECTED,
  IFLA_BR_TOPOLOGY_CHANGE_TIMER,
  IFLA_BRPORT_BRIDGE_ID,
  IFLA_BRPORT_CONFIG_PENDING,
  IFLA_BRPORT_DESIGNATED_COST,
  IFLA_BRPORT_DESIGNATED_PORT,
  IFLA_BRPORT_FLUSH,
  IFLA_BRPORT_FORWARD_DELAY_TIMER,
  IFLA_BRPORT_HOLD_TIMER,
  IFLA_BRPORT_ID,
  IFLA_BRPORT_MESSAGE_AGE_TIMER,
  IFLA_BRPORT_NO,
  IFLA_BRPORT_PRIORITY,
  IFLA_BRPORT_ROOT_ID,
  IFLA_BRPORT_STATE,
  IFLA_BRPORT_TOPOLOGY_CHANGE_ACK,
} from "@stratos/abi";
import type { NetworkInterface } from "../network-interface.ts";
import type { Bridge } from "../packet/bridge.ts";
import { BRIDGE_SETTINGS, PORT_SETTINGS, setBridge, setPort, type Settings } from "../packet/bridge-settings.ts";
import { attributeOf } from "./netlink-request.ts";
import type { NetlinkWriter } from "./netlink-writer.ts";

/** Of IEEE 802.1D. */
const GROUP_ADDRESS = Uint8Array.of(1, 0x80, 0xc2, 0, 0, 0);
const NO_TIMER = new Uint8Array(8);
/** A port's number has so many bits, its priority is above them. */
const PORT_BITS = 10;

/** IFLA_INFO_DATA of a bridge that is made or changed. @returns as `setBridge`; what stands before it was set */
export function changeBridge(settings: Settings, data: Uint8Array): number {
  return change(data, BRIDGE_SETTINGS, (name, value) => setBridge(settings, name, value));
}

/** The same, of one that is there. */
export function changeOwnBridge(bridge: Bridge, data: Uint8Array): number {
  const failed = changeBridge(bridge.settings, data);
  if (failed === 0 && attributeOf(data, 0, IFLA_BR_FDB_FLUSH) !== null) bridge.forget(null);
  return failed;
}

/** IFLA_INFO_SLAVE_DATA, or IFLA_PROTINFO. @returns −EOPNOTSUPP it is no port; as `setPort` */
export function changePort(port: NetworkInterface, data: Uint8Array): number {
  const bridge = port.master?.bridge ?? null;
  if (bridge === null) return -EOPNOTSUPP;
  const settings: Settings = bridge.portSettings.get(port) ?? new Map();
  bridge.portSettings.set(port, settings);
  const about = { isRunning: port.isRunning, isTree: bridge.setting(IFLA_BR_STP_STATE) !== 0 };
  const failed = change(data, PORT_SETTINGS, (name, value) => setPort(settings, name, value, about));
  if (failed === 0 && attributeOf(data, 0, IFLA_BRPORT_FLUSH) !== null) bridge.forget(port);
  return failed;
}

function change(data: Uint8Array, all: typeof BRIDGE_SETTINGS, set: (name: number, value: number) => number): number {
  for (const [name, { size }] of all) {
    const value = attributeOf(data, 0, name);
    if (value === null) continue;
    if (value.length < size) return -ERANGE;
    let number = 0;
    for (let at = size - 1; at >= 0; at--) number = number * 256 + value[at]!;
    const failed = set(name, number);
    if (failed < 0) return failed;
  }
  return 0;
}

function bytesOf(value: number, size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => Math.floor(value / 256 ** at));
}

/** Its priority and address (IEEE 802.1D §9.2.5). */
function bridgeId(bridge: Bridge): Uint8Array {
  const priority = bridge.setting(IFLA_BR_PRIORITY);
  return Uint8Array.of(priority >> 8, priority & 0xff, ...bridge.own.hardwareAddress);
}

/** There is no tree, so each bridge is its root. */
export function writeBridge(writer: NetlinkWriter, bridge: Bridge): void {
  for (const [name, { size }] of BRIDGE_SETTINGS) writer.attribute(name, bytesOf(bridge.setting(name), size));
  const id = bridgeId(bridge);
  writer
    .attribute(IFLA_BR_BRIDGE_ID, id)
    .attribute(IFLA_BR_ROOT_ID, id)
    .attribute(IFLA_BR_ROOT_PORT, bytesOf(0, 2))
    .attributeU32(IFLA_BR_ROOT_PATH_COST, 0)
    .attributeU8(IFLA_BR_TOPOLOGY_CHANGE, 0)
    .attributeU8(IFLA_BR_TOPOLOGY_CHANGE_DETECTED, 0)
    .attribute(IFLA_BR_GROUP_ADDR, GROUP_ADDRESS);
  for (const timer of [IFLA_BR_HELLO_TIMER, IFLA_BR_TCN_TIMER, IFLA_BR_TOPOLOGY_CHANGE_TIMER, IFLA_BR_GC_TIMER])
    writer.attribute(timer, NO_TIMER);
}

export function writePort(writer: NetlinkWriter, port: NetworkInterface): void {
  const bridge = port.master!.bridge!;
  for (const [name, { size }] of PORT_SETTINGS) {
    const value = name === IFLA_BRPORT_STATE ? bridge.stateOf(port) : bridge.portSetting(port, name);
    writer.attribute(name, bytesOf(value, size));
  }
  const number = bridge.interfaces.indexOf(port) + 1;
  const id = bytesOf((bridge.portSetting(port, IFLA_BRPORT_PRIORITY) << PORT_BITS) | number, 2);
  const ofBridge = bridgeId(bridge);
  writer
    .attribute(IFLA_BRPORT_ROOT_ID, ofBridge)
    .attribute(IFLA_BRPORT_BRIDGE_ID, ofBridge)
    .attribute(IFLA_BRPORT_DESIGNATED_PORT, id)
    .attribute(IFLA_BRPORT_DESIGNATED_COST, bytesOf(0, 2))
    .attribute(IFLA_BRPORT_ID, id)
    .attribute(IFLA_BRPORT_NO, bytesOf(number, 2))
    .attributeU8(IFLA_BRPORT_TOPOLOGY_CHANGE_ACK, 0)
    .attributeU8(IFLA_BRPORT_CONFIG_PENDING, 0);
  for (const timer of [IFLA_BRPORT_MESSAGE_AGE_TIMER, IFLA_BRPORT_FORWARD_DELAY_TIMER, IFLA_BRPORT_HOLD_TIMER])
    writer.attribute(timer, NO_TIMER);
}
