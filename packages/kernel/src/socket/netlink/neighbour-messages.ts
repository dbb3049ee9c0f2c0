/** RTM_GETNEIGH of AF_BRIDGE: behind which ports of bridges stations are (`bridge fdb`). Others there are none of. */
import { AF_BRIDGE, NDA_LLADDR, NDA_MASTER, NUD_PERMANENT, NUD_REACHABLE, Ndmsg, RTM_NEWNEIGH } from "@stratos/abi";
import type { InterfaceNetwork } from "../interface-network.ts";
import { ETHERNET_ADDRESS_SIZE, type NetworkInterface } from "../network-interface.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";

export function stationMessages(network: InterfaceNetwork, heading: NetlinkHeading): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (const { bridge } of network.interfaces) {
    if (bridge === null) continue;
    const { own } = bridge;
    if (bridge.hasOwnAddress) messages.push(stationMessage(own, own.hardwareAddress, NUD_PERMANENT, heading));
    for (const port of bridge.ports) messages.push(stationMessage(port, port.hardwareAddress, NUD_PERMANENT, heading));
    for (const { address, port } of bridge.stations())
      messages.push(stationMessage(port, addressBytes(address), NUD_REACHABLE, heading));
  }
  return messages;
}

function stationMessage(
  port: NetworkInterface,
  address: Uint8Array,
  state: number,
  heading: NetlinkHeading,
): Uint8Array {
  return new NetlinkWriter()
    .begin(RTM_NEWNEIGH, heading)
    .fields(Ndmsg, { ndm_family: AF_BRIDGE, ndm_ifindex: port.index, ndm_state: state })
    .attribute(NDA_LLADDR, address)
    .attributeU32(NDA_MASTER, (port.master ?? port).index)
    .finish();
}

function addressBytes(address: number): Uint8Array {
  const bytes = new Uint8Array(ETHERNET_ADDRESS_SIZE);
  for (let at = ETHERNET_ADDRESS_SIZE - 1, rest = address; at >= 0; at--, rest = Math.floor(rest / 256))
    bytes[at] = rest % 256;
  return bytes;
}
