import { stateClass } from "@stratos/base";

/** One byte tells them apart. */
const ICMP_TYPES = 256;

/** What the IP layer has done with packets of one version. Source: RFC 4293, ipIfStatsTable; RFC 4293's ICMP group. */
export class IpCounters {
  inReceives = 0;
  inOctets = 0;
  inHeaderErrors = 0;
  inAddressErrors = 0;
  inNoRoutes = 0;
  inUnknownProtocols = 0;
  inDelivers = 0;
  forwarded = 0;
  outRequests = 0;
  outOctets = 0;
  outNoRoutes = 0;
  partsReceived = 0;
  putTogether = 0;
  partsExpired = 0;
  divided = 0;
  notDivided = 0;
  partsMade = 0;
  /** Messages of ICMP by type; null: there was none. */
  icmpIn: Float64Array | null = null;
  icmpOut: Float64Array | null = null;
  /** With a false checksum. */
  icmpErrors = 0;

  countIcmpIn(type: number): void {
    (this.icmpIn ??= new Float64Array(ICMP_TYPES))[type]!++;
  }

  countIcmpOut(type: number): void {
    (this.icmpOut ??= new Float64Array(ICMP_TYPES))[type]!++;
  }

  static {
    stateClass("IpCounters", this);
  }
}

/** Of IPv4, and of IPv6. */
export type VersionCounters = readonly [v4: IpCounters, v6: IpCounters];
