/**
 * What a packet filter says of a packet: it goes on; it is gone; it is gone and its sender is told. Who asks (netstack)
 * and who answers (netfilter) know nothing of each other but this.
 */
export const PASSED = 0,
  DROPPED = 1,
  REFUSED = 2;
/** Of what is refused, in place of an ICMP type: a reset of TCP. */
export const REFUSED_BY_RESET = -1;
