/** What members of rtnetlink's groups hear when interfaces, addresses and routes change (`ip monitor`). */
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_LINK,
  NETLINK_ROUTE,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { isV4 } from "../inet/ip-address.ts";
import type { InterfaceNetwork, NetworkObserver } from "../interface-network.ts";
import type { InterfaceAddress, NetworkInterface } from "../network-interface.ts";
import type { Route } from "../routes.ts";
import { addressMessage } from "./address-messages.ts";
import { linkMessage } from "./link-messages.ts";
import type { NetlinkHeading } from "./netlink-writer.ts";
import { routeMessage } from "./route-table-messages.ts";

const FROM_KERNEL: NetlinkHeading = { flags: 0, sequence: 0, port: 0 };

/** A network whose changes members of groups hear. */
interface ListenedNetwork extends InterfaceNetwork {
  readonly netlinkSockets: ReadonlyMap<number, GroupMember>;
}

/** A netlink socket (netlink-socket.ts). */
interface GroupMember {
  readonly protocol: number;
  isMember(group: number): boolean;
  deliver(message: Uint8Array, group: number): void;
}

/** Work: one message for each member; without a member none is made. */
export class RouteEvents implements NetworkObserver {
  #network: ListenedNetwork;

  constructor(network: ListenedNetwork) {
    this.#network = network;
  }

  interfaceChanged(one: NetworkInterface, isGone: boolean): void {
    this.#tell(RTNLGRP_LINK, () => linkMessage(one, FROM_KERNEL, { isGone }));
  }

  addressChanged(one: NetworkInterface, address: InterfaceAddress, isGone: boolean): void {
    const group = isV4(address.ip) ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR;
    this.#tell(group, () => addressMessage(one, address, FROM_KERNEL, isGone));
  }

  routeChanged(route: Route, isGone: boolean): void {
    const group = isV4(route.destination) ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE;
    this.#tell(group, () => routeMessage(route, FROM_KERNEL, isGone));
  }

  #tell(group: number, make: () => Uint8Array): void {
    let message: Uint8Array | null = null;
    for (const socket of this.#network.netlinkSockets.values()) {
      if (socket.protocol !== NETLINK_ROUTE || !socket.isMember(group)) continue;
      message ??= make();
      socket.deliver(message, group);
    }
  }

  static {
    stateClass("RouteEvents", this, {
      save: (it) => ({ network: it.#network }),
      load: (it, from) => ({ network: it.#network } = from),
    });
  }
}
