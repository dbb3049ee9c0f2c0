/** What members of rtnetlink's groups hear when interfaces, addresses and routes change (`ip monitor`). */
import {
  AF_BRIDGE,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNDUSEROPT,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_ND_USEROPT,
  RTNLGRP_NEIGH,
  NETLINK_ROUTE,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { isV4, type Neighbour } from "@stratos/netstack";
import type { ChangeAsker, InterfaceNetwork, NetworkObserver } from "../interface-network.ts";
import type { InterfaceAddress, NetworkInterface } from "../network-interface.ts";
import type { Route } from "../routes.ts";
import { addressMessage } from "./address-messages.ts";
import { linkMessage } from "./link-messages.ts";
import { neighbourMessage } from "./neighbour-messages.ts";
import { type NetlinkHeading, NetlinkWriter } from "./netlink-writer.ts";
import { routeMessage } from "./route-table-messages.ts";
import type { RoutingRule } from "../routing-rules.ts";
import { ruleMessage } from "./rule-messages.ts";

const FROM_KERNEL: NetlinkHeading = { flags: 0, sequence: 0, port: 0 };

/** A network whose changes members of groups hear. */
interface ListenedNetwork extends InterfaceNetwork {
  readonly netlinkSockets: ReadonlyMap<number, GroupMember>;
  readonly netlinkMembers: ReadonlySet<GroupMember>;
}

/** A netlink socket (netlink-socket.ts). */
interface GroupMember {
  readonly protocol: number;
  readonly portId: number;
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
    // Of links the kernel speaks for itself, unless who makes or removes one has asked to hear it (nlmsg_report).
    const asked = this.#askerOf(RTM_NEWLINK, RTM_DELLINK);
    const asker = asked?.isEchoed === true ? asked : null;
    this.#tell(RTNLGRP_LINK, asker, (heading) => linkMessage(one, heading, { isGone }));
    // What else becomes of it is nobody's wish.
    if (asker !== null && asker.type !== RTM_DELLINK) this.#network.asker = null;
  }

  portChanged(port: NetworkInterface, isGone: boolean): void {
    this.#tell(RTNLGRP_LINK, null, (heading) => linkMessage(port, heading, { isGone, family: AF_BRIDGE }));
  }

  addressChanged(one: NetworkInterface, address: InterfaceAddress, isGone: boolean): void {
    const group = isV4(address.ip) ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR;
    const asker = this.#askerOf(RTM_NEWADDR, RTM_DELADDR);
    this.#tell(group, asker, (heading) => addressMessage(one, address, heading, isGone));
  }

  routeChanged(route: Route, isGone: boolean, how: number): void {
    const group = isV4(route.destination) ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE;
    const asker = this.#askerOf(RTM_NEWROUTE, RTM_DELROUTE);
    this.#tell(group, asker, (heading) => routeMessage(route, { ...heading, flags: how }, isGone));
  }

  ruleChanged(rule: RoutingRule, isGone: boolean): void {
    const group = isV4(rule.from) ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE;
    const asker = this.#askerOf(RTM_NEWRULE, RTM_DELRULE);
    this.#tell(group, asker, (heading) => ruleMessage(this.#network, rule, heading, isGone));
  }

  neighbourChanged(one: Neighbour): void {
    const asker = this.#askerOf(RTM_NEWNEIGH, RTM_DELNEIGH);
    const isGone = asker?.type === RTM_DELNEIGH;
    this.#tell(RTNLGRP_NEIGH, asker, (heading) => neighbourMessage(this.#network, one, heading, isGone));
  }

  routerSaid(payload: Uint8Array): void {
    this.#tell(RTNLGRP_ND_USEROPT, null, (heading) =>
      new NetlinkWriter().begin(RTM_NEWNDUSEROPT, heading).bytes(payload).finish(),
    );
  }

  /** Who asked for such a change; what follows from another is nobody's. */
  #askerOf(...types: readonly number[]): ChangeAsker | null {
    const { asker } = this.#network;
    return asker !== null && types.includes(asker.type) ? asker : null;
  }

  #tell(group: number, asker: ChangeAsker | null, make: (heading: NetlinkHeading) => Uint8Array): void {
    let message: Uint8Array | null = null;
    const heading = asker === null ? FROM_KERNEL : { flags: 0, sequence: asker.sequence, port: asker.port };
    for (const socket of this.#network.netlinkMembers) {
      if (socket.protocol !== NETLINK_ROUTE || !socket.isMember(group) || isAsker(socket, asker)) continue;
      socket.deliver((message ??= make(heading)), group);
    }
    if (asker === null || !asker.isEchoed) return;
    this.#network.netlinkSockets.get(NETLINK_ROUTE * 2 ** 32 + asker.port)?.deliver((message ??= make(heading)), 0);
  }

  static {
    stateClass("RouteEvents", this, {
      save: (it) => ({ network: it.#network }),
      load: (it, from) => ({ network: it.#network } = from),
    });
  }
}

/** Who is told by an echo hears it once (net/netlink/af_netlink.c, nlmsg_notify). */
function isAsker({ protocol, portId }: GroupMember, asker: ChangeAsker | null): boolean {
  return asker !== null && asker.isEchoed && protocol === NETLINK_ROUTE && portId === asker.port;
}
