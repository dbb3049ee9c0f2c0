import { REFUSED_BY_RESET } from "@stratos/base";
import type { IpSets } from "../sets/ip-set.ts";
import type { Conntrack } from "../track/conntrack.ts";
import type { Nat } from "../track/nat.ts";
import type { PacketView } from "../track/packet-view.ts";
import type { PacketHost } from "./packet-host.ts";
import type { RecentLists } from "./recent.ts";

/** What is there for each packet, and what a rule says beside its verdict; one for each network. */
export interface Surroundings {
  readonly host: PacketHost;
  readonly conntrack: Conntrack;
  readonly nat: Nat;
  readonly recent: RecentLists;
  readonly sets: IpSets;
  nowNs: number;
  /** Its sender is told: by an ICMP error, or the end of its connection. */
  isRefused: boolean;
  /** Of ICMP: its type and code; REFUSED_BY_RESET as the type: a reset of TCP. */
  refusalType: number;
  refusalCode: number;
}

export function refuseByReset(around: Surroundings): void {
  around.isRefused = true;
  around.refusalType = REFUSED_BY_RESET;
  around.refusalCode = 0;
}

/** "Destination unreachable", with a code of the packet's version. */
export function refuseByIcmp(around: Surroundings, { isV6 }: PacketView, code: number): void {
  around.isRefused = true;
  around.refusalType = isV6 ? 1 : 3;
  around.refusalCode = code;
}
