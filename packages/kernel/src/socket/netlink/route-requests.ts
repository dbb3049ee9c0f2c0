import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  CAP_NET_ADMIN,
  ENODEV,
  EOPNOTSUPP,
  EPERM,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELLINKPROP,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_GETADDR,
  RTM_GETLINK,
  RTM_GETROUTE,
  RTM_GETNEIGH,
  RTM_GETNEXTHOP,
  RTM_GETNEXTHOPBUCKET,
  RTM_GETNSID,
  RTM_GETRULE,
  RTM_MAX,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWLINKPROP,
  RTM_NEWNEIGH,
  RTM_NEWNSID,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  RTM_SETLINK,
  isErrno,
  FibRuleHdr,
  Ifaddrmsg,
  Ifinfomsg,
  NLM_F_DUMP,
  NLM_F_ECHO,
  NLM_F_MULTI,
  Rtmsg,
} from "@stratos/abi";
import { isV4 } from "@stratos/netstack";
import { type Credentials, isCapable } from "../../security/credentials.ts";
import type { InterfaceNetwork } from "../interface-network.ts";
import type { SocketCaller } from "../socket-kernel.ts";
import { addressMessage, changeAddress } from "./address-messages.ts";
import {
  isRefusedDump,
  refuseRules,
  type RefusedDump,
  type WantedDump,
  wantedAddresses,
  wantedLinks,
  wantedNeighbours,
  wantedRoutes,
} from "./dump-requests.ts";
import { changeLink, changeNames, deleteLink, linkMessage, requestedLink } from "./link-messages.ts";
import { changeNeighbour, foundNeighbour, neighbourMessages, stationMessages } from "./neighbour-messages.ts";
import type { NetlinkAnswer, NetlinkRequest } from "./netlink-request.ts";
import type { NetlinkHeading } from "./netlink-writer.ts";
import { assignNumber, tellNumbers } from "./nsid-messages.ts";
import { changeRule, ruleMessages } from "./rule-messages.ts";
import { changeRoute, foundRoute, routeMessage } from "./route-table-messages.ts";

/**
 * NETLINK_ROUTE (rtnetlink(7)): tells and changes links, addresses and routes.
 *
 * @returns EPERM or EOPNOTSUPP for changes, ENODEV, ENETUNREACH, EOPNOTSUPP for what is not known, and what each change
 *   says
 */
export function answerRouteRequest(
  task: SocketCaller,
  network: InterfaceNetwork,
  request: NetlinkRequest,
  options: { port: number; isStrict: boolean; opener: Credentials },
): NetlinkAnswer {
  if (request.type < RTM_NEWLINK || request.type > RTM_MAX) return -EOPNOTSUPP;
  // Of each four numbers the third asks; the others change.
  if ((request.type & 3) !== 2) {
    // A program with more rights may have been made to write to it (Linux's netlink_ns_capable).
    if (![task.credentials, options.opener].every((each) => isCapable(each, CAP_NET_ADMIN, network.owner)))
      return -EPERM;
    const { type, sequence } = request;
    network.asker = { type, sequence, port: options.port, isEchoed: (request.flags & NLM_F_ECHO) !== 0 };
    const refused = changeAs(task, network, request);
    return refused < 0 ? refused : { isDump: false, messages: [] };
  }
  // Either of its two bits is enough (net/core/rtnetlink.c, rtnetlink_rcv_msg).
  const isDump = (request.flags & NLM_F_DUMP) !== 0;
  const heading = { flags: isDump ? NLM_F_MULTI : 0, sequence: request.sequence, port: options.port };
  switch (request.type) {
    case RTM_GETLINK: {
      if (isDump) {
        // Of AF_BRIDGE: bridges and their ports.
        const isOfBridges = request.payload[Ifinfomsg.offset.ifi_family] === AF_BRIDGE;
        if (isOfBridges) {
          const told = network.interfaces.filter((one) => one.bridge !== null || one.master !== null);
          return { isDump, messages: told.map((one) => linkMessage(one, heading, { family: AF_BRIDGE })) };
        }
        return answerDump(wantedLinks(request.payload, options.isStrict), heading, (wants, filtered) =>
          network.interfaces.filter(wants).map((one) => linkMessage(one, filtered)),
        );
      }
      const one = requestedLink(network, request.payload);
      return one === undefined ? -ENODEV : { isDump, messages: [linkMessage(one, heading)] };
    }
    case RTM_GETADDR:
      return isDump ? addresses(network, request, heading, options.isStrict) : -EOPNOTSUPP;
    case RTM_GETROUTE: {
      if (isDump) return routes(network, request, heading, options.isStrict);
      const { uids } = task.credentials.userNamespace;
      const message = foundRoute(network, request.payload, heading, uids.shown(task.credentials.uid));
      return isErrno(message) ? message : { isDump, messages: [message] };
    }
    case RTM_GETRULE: {
      if (!isDump) return -EOPNOTSUPP;
      const failed = refuseRules(request.payload, options.isStrict);
      if (failed !== null) return { isDump, messages: [], failed };
      const family = request.payload[FibRuleHdr.offset.family] ?? AF_UNSPEC;
      return { isDump, messages: ruleMessages(network, family, heading) };
    }
    case RTM_GETNEIGH: {
      const isOfBridges = request.payload[0] === AF_BRIDGE;
      if (isDump && isOfBridges) return { isDump, messages: stationMessages(network, heading) };
      if (isDump)
        return answerDump(wantedNeighbours(network, request.payload, options.isStrict), heading, (wants, filtered) =>
          neighbourMessages(network, request.payload, filtered, wants),
        );
      const message = isOfBridges ? -EOPNOTSUPP : foundNeighbour(network, request.payload, heading);
      return isErrno(message) ? message : { isDump, messages: [message] };
    }
    case RTM_GETNSID:
      return tellNumbers(task, network, request.payload, heading, isDump);
    // Who may list ways by number makes some (zebra of FRR).
    case RTM_GETNEXTHOP:
    case RTM_GETNEXTHOPBUCKET:
      return -EOPNOTSUPP;
    // Whatever else there is none of.
    default:
      return isDump ? { isDump, messages: [] } : -EOPNOTSUPP;
  }
}

/** Does what `network.asker` asks for. */
function changeAs(task: SocketCaller, network: InterfaceNetwork, request: NetlinkRequest): number {
  try {
    return change(task, network, request);
  } finally {
    network.asker = null;
  }
}

function change(task: SocketCaller, network: InterfaceNetwork, request: NetlinkRequest): number {
  switch (request.type) {
    case RTM_NEWLINK:
    case RTM_SETLINK:
      return changeLink(task, network, request);
    case RTM_DELLINK:
      return deleteLink(network, request);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return changeAddress(network, request);
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return changeRoute(network, request);
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return changeRule(network, request);
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return request.payload[0] === AF_BRIDGE ? -EOPNOTSUPP : changeNeighbour(network, request);
    case RTM_NEWLINKPROP:
    case RTM_DELLINKPROP:
      return changeNames(network, request);
    case RTM_NEWNSID:
      return assignNumber(task, network, request.payload);
    default:
      return -EOPNOTSUPP;
  }
}

/** @param describe  those that are wanted, under the dump's own heading */
function answerDump<One>(
  dump: RefusedDump | WantedDump<One>,
  heading: NetlinkHeading,
  describe: (wants: (one: One) => boolean, filtered: NetlinkHeading) => Iterable<Uint8Array | null>,
): NetlinkAnswer {
  if (isRefusedDump(dump)) return { isDump: true, messages: [], failed: dump };
  const messages = describe(dump.wants, { ...heading, flags: heading.flags | dump.flags });
  return { isDump: true, messages, doneFlags: dump.doneFlags };
}

function addresses(
  network: InterfaceNetwork,
  { payload }: NetlinkRequest,
  heading: NetlinkHeading,
  isStrict: boolean,
): NetlinkAnswer {
  const family = payload[Ifaddrmsg.offset.ifa_family] ?? AF_UNSPEC;
  return answerDump(wantedAddresses(network, payload, isStrict), heading, (wants, filtered) =>
    network.interfaces
      .filter(wants)
      .flatMap((one) =>
        one.addresses
          .filter(({ ip }) => family === AF_UNSPEC || family === (isV4(ip) ? AF_INET : AF_INET6))
          .map((address) => addressMessage(one, address, filtered)),
      ),
  );
}

function routes(
  network: InterfaceNetwork,
  { payload }: NetlinkRequest,
  heading: NetlinkHeading,
  isStrict: boolean,
): NetlinkAnswer {
  const family = payload[Rtmsg.offset.rtm_family] ?? AF_UNSPEC;
  return answerDump(wantedRoutes(network, payload, isStrict), heading, function* (wants, filtered) {
    for (const route of network.routes.list()) {
      const isOfFamily = family === AF_UNSPEC || family === (isV4(route.destination) ? AF_INET : AF_INET6);
      yield isOfFamily && wants(route) ? routeMessage(route, filtered) : null;
    }
  });
}
