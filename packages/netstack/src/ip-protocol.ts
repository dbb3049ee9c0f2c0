/** Numbers of protocols (IANA, "Assigned Internet Protocol Numbers") that the IP layer itself speaks of. */
export const PROTOCOL_ICMP = 1,
  PROTOCOL_TCP = 6,
  PROTOCOL_UDP = 17,
  PROTOCOL_FRAGMENT = 44,
  PROTOCOL_ICMPV6 = 58,
  PROTOCOL_NONE = 59;
