/** Rules for packets of a network, made when the first is asked for: pages load what they are made of only then. */
import { Netfilter } from "@stratos/netfilter";
import { FilterHost } from "./ip/filter-host.ts";
import type { SocketNetwork } from "./socket-kernel.ts";

export function makeNetfilter(network: SocketNetwork): Netfilter {
  return new Netfilter(new FilterHost(network));
}
