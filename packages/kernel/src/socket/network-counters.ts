import { stateClass } from "@stratos/base";
import { type IpAddress, isV4 } from "@stratos/netstack";

/** Datagrams of one version of IP. Source: RFC 4113. */
export class UdpCounters {
  inDatagrams = 0;
  outDatagrams = 0;
  noPorts = 0;
  /** A queue had no room. */
  noRoom = 0;
  badChecksums = 0;

  static {
    stateClass("UdpCounters", this);
  }
}

/** What transports of a network have done, for /proc/net/snmp: whoever carries it. Source: RFC 4022. */
export class NetworkCounters {
  activeOpens = 0;
  passiveOpens = 0;
  attemptFails = 0;
  /** Connections within the machine that were reset (tcpEstabResets), and resets that were sent there. */
  establishedResets = 0;
  resetsOut = 0;
  readonly udp: readonly [v4: UdpCounters, v6: UdpCounters] = [new UdpCounters(), new UdpCounters()];

  /** @param ip  of either end */
  udpOf(ip: IpAddress): UdpCounters {
    return this.udp[isV4(ip) ? 0 : 1];
  }

  static {
    stateClass("NetworkCounters", this);
  }
}
