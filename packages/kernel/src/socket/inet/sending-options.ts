/** What a socket's options say of packets to a destination, by its family. */
import {
  IP_MTU_DISCOVER,
  IP_PMTUDISC_DO,
  IP_PMTUDISC_PROBE,
  IP_RECVERR,
  IPV6_MTU_DISCOVER,
  IPV6_RECVERR,
} from "@stratos/abi";
import { type IpAddress, isV4 } from "@stratos/netstack";
import type { IpOptions } from "./ip-options.ts";

/** IP_RECVERR, IPV6_RECVERR: are errors about what goes there kept? */
export function hearsErrors({ v4, v6 }: IpOptions, destination: IpAddress): boolean {
  return (isV4(destination) ? v4.get(IP_RECVERR) : v6.get(IPV6_RECVERR)) === 1;
}

/** IP_MTU_DISCOVER, IPV6_MTU_DISCOVER: is what is too long refused, not sent in parts? */
export function forbidsParts({ v4, v6 }: IpOptions, destination: IpAddress): boolean {
  const mode = isV4(destination) ? v4.get(IP_MTU_DISCOVER) : v6.get(IPV6_MTU_DISCOVER);
  return mode === IP_PMTUDISC_DO || mode === IP_PMTUDISC_PROBE;
}
