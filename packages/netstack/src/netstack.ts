export * from "./checksum.ts";
export * from "./icmp.ts";
export * from "./ip-address.ts";
export { IpCounters } from "./ip-counters.ts";
export * from "./ip-host.ts";
export {
  answerOptions,
  checkOptions,
  IP_OPTIONS_MAX,
  hasSourceRoute,
  NO_OPTIONS,
  type OptionWriter,
  recordHop,
} from "./ip-options.ts";
export * from "./ip-output.ts";
export * from "./ip-packet.ts";
export * from "./ip-receiver.ts";
export * from "./ip-stack.ts";
export * from "./ip-text.ts";
export * from "./neighbour-cache.ts";
export type { PacketFilter } from "./packet-filter.ts";
export type { TokenLimit } from "./token-bucket.ts";
export { Cubic } from "./tcp/cubic.ts";
export { Reno } from "./tcp/reno.ts";
export { type BacklogOwner, TcpBacklog } from "./tcp/tcp-backlog.ts";
export type { TcpConnection } from "./tcp/tcp-connection.ts";
export type { ConnectionOptions, TcpHost, TcpStack } from "./tcp/tcp-stack.ts";
export * from "./udp.ts";
export type { IncomingConnections, IncomingDatagrams, Uplink, UplinkHost } from "./uplink/uplink.ts";
