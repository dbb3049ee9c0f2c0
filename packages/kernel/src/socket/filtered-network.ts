import type { Netfilter } from "@stratos/netfilter";

/** A network (network.ts) as those know it who ask for its packet filter. */
export interface FilteredNetwork {
  readonly netfilter: Netfilter;
}
