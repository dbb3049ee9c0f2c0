import type { Netfilter } from "@stratos/netfilter";

/** A network (network.ts) as those know it who ask for its packet filter. */
export interface FilteredNetwork {
  /** Null: nobody has asked for rules. */
  readonly netfilter: Netfilter | null;
  /** They are asked for. */
  rules(): Netfilter;
}
