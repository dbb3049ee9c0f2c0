/**
 * Networks that are no part of the internet, as prefixes: what belongs to this host, its neighbours or nobody (RFC
 * 6890), translators of a network's own (RFC 8215), and multicast, which reaches the neighbours (RFC 5771, RFC 4291
 * §2.7).
 */
export const PRIVATE_NETWORKS: readonly string[] = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"],
  ...["192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"],
  ...["::/128", "::1/128", "64:ff9b:1::/48", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"],
];
