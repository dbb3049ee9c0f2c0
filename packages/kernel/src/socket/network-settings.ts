import { IN6_ADDR_GEN_MODE_EUI64, IN6_ADDR_GEN_MODE_NONE, IN6_ADDR_GEN_MODE_RANDOM, SOMAXCONN } from "@stratos/abi";
import { stateClass } from "@stratos/base";

/** net.ipv4.tcp_rmem and tcp_wmem: bytes of a connection's buffer, at least, to begin with, at most (tcp(7)). */
export type TcpBuffer = readonly [least: number, initial: number, most: number];

/**
 * What waits at one socket, however long a queue the settings allow: the host holds it, and who has a network of his
 * own sets it up.
 */
const QUEUE_MAX = SOMAXCONN;

/** One that makes own addresses; IN6_ADDR_GEN_MODE_STABLE_PRIVACY needs a secret, which nobody can set. */
export function isGeneration(mode: number): boolean {
  return mode === IN6_ADDR_GEN_MODE_EUI64 || mode === IN6_ADDR_GEN_MODE_NONE || mode === IN6_ADDR_GEN_MODE_RANDOM;
}

/** What net.ipv4.conf and net.ipv6.conf say of one interface, of all, or of those to come. */
export class InterfaceSettings {
  /** net.ipv4.conf.PLACE.rp_filter: 1: packets come by the way back to their source; any other but 0: there is one. */
  reversePath = 0;
  /** net.ipv4.conf.PLACE.arp_notify: above 0 neighbours are told its addresses when it comes up or has another one. */
  announces = 0;
  /** net.ipv4.conf.PLACE.arp_ignore, …, proxy_arp; net.ipv6.conf.PLACE.proxy_ndp (ip/arp-policy.ts). */
  arpIgnore = 0;
  arpAnnounce = 0;
  arpFilter = 0;
  proxiesArp = 0;
  proxiesNdp = 0;
  /** net.ipv4.conf.PLACE.route_localnet: packets from and to 127.0.0.0/8 may come in; any number but 0. */
  routesLoopback = 0;
  /** net.ipv4.conf.PLACE.accept_local: packets may say that they come from this machine's addresses; any but 0. */
  acceptsOwn = 0;
  /** net.ipv4.conf.PLACE.forwarding: packets for others that come in there are passed on; any number but 0. */
  forwardsV4 = 0;
  /** net.ipv6.conf.PLACE.forwarding: of all, packets are passed on; of an interface, it says that it is a router's. */
  forwardsV6 = 0;
  /** net.ipv6.conf.PLACE.accept_dad: above 0, addresses are asked for; above 1, who has none of his own has no IPv6. */
  asksForAddresses = 1;
  /** net.ipv6.conf.PLACE.dad_transmits: how often. */
  questions = 1;
  /** net.ipv6.conf.PLACE.enhanced_dad: by a nonce, so that a link that sends back what it is told doesn't say no. */
  asksWithNonce = 1;
  /** net.ipv6.conf.PLACE.optimistic_dad: its own addresses are used while they are asked for. */
  isOptimistic = 0;
  /** net.ipv6.conf.PLACE.ndisc_notify: all are told of a new address. */
  announcesV6 = 0;
  /** net.ipv6.conf.PLACE.addr_gen_mode: IN6_ADDR_GEN_MODE_*. */
  generation = 0;
  /** net.ipv6.conf.PLACE.accept_ra: routers are heard by who isn't one; with 2, by routers as well. */
  hearsRouters = 1;
  /** net.ipv6.conf.PLACE.accept_ra_defrtr, _from_local, _pinfo, _mtu; autoconf, ra_defrtr_metric, max_addresses. */
  takesRouter = 1;
  takesOwnRouter = 0;
  takesPrefixes = 1;
  takesMtu = 1;
  configures = 1;
  routerMetric = 1024;
  addressesMost = 16;
  /** net.ipv6.conf.PLACE.router_solicitations (below 0: without end), …_interval and …_max_interval in seconds. */
  routerQuestions = -1;
  routerSeconds = 4;
  routerSecondsMost = 3600;
  /** net.ipv6.conf.PLACE.router_solicitation_delay: the first question for an address comes by then, in seconds. */
  delaySeconds = 1;
  /** net.ipv4.conf.PLACE.force_igmp_version, net.ipv6.conf.PLACE.force_mld_version: 0: as routers do. */
  groupVersionV4 = 0;
  groupVersionV6 = 0;
  /** net.ipv4.conf.PLACE.promote_secondaries: a network's next address takes the place of its first; any but 0. */
  promotes = 0;
  /** net.ipv4.conf.PLACE.tag: a number that programs keep there for themselves. */
  tag = 0;
  /** What changes nothing, as it was set, by path below net (procfs/setting-hints.ts, which bounds them). */
  hints = new Map<string, number>();

  copy(): InterfaceSettings {
    return Object.assign(new InterfaceSettings(), this, { hints: new Map(this.hints) });
  }

  static {
    stateClass("InterfaceSettings", this);
  }
}

/** Ports for who asks for none. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
  /** A bit for each port: he isn't given it. */
  readonly reserved?: Uint8Array | undefined;
}

/** What /proc/sys/net says of a network namespace, as Linux begins it (Documentation/networking/ip-sysctl.rst). */
export class NetworkSettings {
  /** net.core.somaxconn: what listen(2) takes for a longer queue. */
  backlogMost = SOMAXCONN;
  /** net.unix.max_dgram_qlen: of sockets that are made from now on. */
  unixQueueMost = 10;
  /** net.ipv4.ip_unprivileged_port_start: ports below it need CAP_NET_BIND_SERVICE. */
  firstOpenPort = 1024;
  /** net.ipv4.ip_local_port_range: ports for who asks for none, but for those of ip_local_reserved_ports. */
  localPorts: PortRange = { first: 32768, last: 60999 };
  /** net.ipv4.ping_group_range: whose processes may have ICMP sockets. As systemd sets it, all. */
  pingGroups = { first: 0, last: 2147483647 };
  /** net.ipv4.tcp_keepalive_time, in seconds. */
  keepAliveSeconds = 7200;
  /** net.ipv4.tcp_keepalive_intvl, in seconds, and tcp_keepalive_probes. */
  keepAliveInterval = 75;
  keepAliveProbes = 9;
  /** net.ipv4.tcp_syn_retries and tcp_syn_linear_timeouts: how often connect(2) asks again, and how often evenly. */
  synRetries = 6;
  synLinear = 4;
  /** net.ipv4.tcp_sack, tcp_timestamps and tcp_window_scaling: of connections over links; any but 0. */
  hasSack = 1;
  hasTimestamps = 1;
  hasWindowScaling = 1;
  /** net.ipv4.tcp_fin_timeout, in seconds: how long a side that is closed waits for the other's end. */
  finSeconds = 60;
  /** net.ipv4.tcp_max_tw_buckets, tcp_tw_reuse and tcp_tw_reuse_delay (inet/held-ports.ts). */
  waitingMost = 16384;
  waitReuse = 2;
  waitReuseMs = 1000;
  /** net.ipv4.fib_multipath_hash_policy and IPv6's: what shares a way of several (route-ways.ts). */
  readonly sharesBy = { v4: 0, v6: 0 };
  /** net.ipv4.ip_nonlocal_bind, net.ipv6.ip_nonlocal_bind: sockets are bound to addresses that are nobody's here. */
  bindsForeignV4 = false;
  bindsForeignV6 = false;
  /** net.ipv4.icmp_echo_ignore_broadcasts: who asks all of a network by an echo is not answered. */
  ignoresBroadcastEcho = true;
  /** net.ipv4.icmp_echo_ignore_all, net.ipv6.icmp.echo_ignore_all: no echo is answered. */
  readonly ignoresEcho = { v4: 0, v6: 0 };
  /** net.ipv4.icmp_msgs_per_sec and icmp_msgs_burst: errors that this machine tells others. */
  readonly icmpErrors = { perSecond: 1000, burst: 50 };
  /** net.ipv4.igmp_qrv, net.ipv6.mld_qrv: how often a change of groups is said. */
  robustnessV4 = 2;
  robustnessV6 = 2;
  /** net.ipv6.bindv6only: sockets that are made from now on do not take IPv4. */
  isV6Only = false;
  /** Of all interfaces, and what new ones begin with. */
  readonly interfaces = {
    all: Object.assign(new InterfaceSettings(), { asksForAddresses: 0 }),
    default: new InterfaceSettings(),
  };
  /** What changes nothing, as it was set, by path below net (procfs/setting-hints.ts, which bounds them). */
  readonly hints = new Map<string, number | string>();
  /** net.ipv6.conf.PLACE.disable_ipv6: what all were told last, and what new interfaces begin with. */
  disablesIpv6 = { all: 0, default: 0 };
  tcpReceive: TcpBuffer = [4096, 131072, 6291456];
  tcpSend: TcpBuffer = [4096, 16384, 4194304];

  /** Connections that may wait to be accepted by who gave listen(2) that number. */
  backlogOf(asked: number): number {
    return Math.min(asked >>> 0, this.backlogMost, QUEUE_MAX);
  }

  /** Datagrams that may wait in an AF_UNIX socket. */
  unixQueueMax(): number {
    return Math.min(this.unixQueueMost, QUEUE_MAX);
  }

  static {
    stateClass("NetworkSettings", this);
  }
}
