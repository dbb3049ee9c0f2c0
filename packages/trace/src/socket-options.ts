/** Options of sockets whose value is a structure, by level and name. Other values are shown as numbers. */
import {
  GroupReq,
  GroupFilter,
  GroupSourceReq,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_ADD_MEMBERSHIP,
  IPV6_DROP_MEMBERSHIP,
  IP_ADD_MEMBERSHIP,
  IP_ADD_SOURCE_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_DROP_SOURCE_MEMBERSHIP,
  IpMreqSource,
  IpMsfilter,
  IP_MSFILTER,
  MCAST_MSFILTER,
  IpMreqn,
  Ipv6Mreq,
  Linger,
  MCAST_JOIN_GROUP,
  MCAST_LEAVE_GROUP,
  MCAST_JOIN_SOURCE_GROUP,
  MCAST_LEAVE_SOURCE_GROUP,
  MCAST_BLOCK_SOURCE,
  MCAST_UNBLOCK_SOURCE,
  PACKET_ADD_MEMBERSHIP,
  PACKET_DROP_MEMBERSHIP,
  PACKET_STATISTICS,
  PacketMreq,
  SOL_PACKET,
  SOL_SOCKET,
  SO_LINGER,
  SO_PEERCRED,
  SO_RCVTIMEO,
  SO_SNDTIMEO,
  TCP_INFO,
  TcpInfo,
  Timeval,
  FanoutArgs,
  PACKET_FANOUT,
  PACKET_ROLLOVER_STATS,
  TpacketRolloverStats,
  TpacketStats,
  Ucred,
  type Struct,
} from "@stratos/abi";

interface Option {
  readonly name: string;
  readonly layout: Struct;
}

export const OPTION_LEVELS: ReadonlyMap<number, { name: string; options: ReadonlyMap<number, Option> }> = new Map([
  [
    SOL_SOCKET,
    {
      name: "SOL_SOCKET",
      options: new Map<number, Option>([
        [SO_LINGER, { name: "SO_LINGER", layout: Linger }],
        [SO_PEERCRED, { name: "SO_PEERCRED", layout: Ucred }],
        [SO_RCVTIMEO, { name: "SO_RCVTIMEO", layout: Timeval }],
        [SO_SNDTIMEO, { name: "SO_SNDTIMEO", layout: Timeval }],
      ]),
    },
  ],
  [
    IPPROTO_IP,
    {
      name: "SOL_IP",
      options: new Map<number, Option>([
        [IP_ADD_MEMBERSHIP, { name: "IP_ADD_MEMBERSHIP", layout: IpMreqn }],
        [IP_DROP_MEMBERSHIP, { name: "IP_DROP_MEMBERSHIP", layout: IpMreqn }],
        [IP_ADD_SOURCE_MEMBERSHIP, { name: "IP_ADD_SOURCE_MEMBERSHIP", layout: IpMreqSource }],
        [IP_DROP_SOURCE_MEMBERSHIP, { name: "IP_DROP_SOURCE_MEMBERSHIP", layout: IpMreqSource }],
        [IP_MSFILTER, { name: "IP_MSFILTER", layout: IpMsfilter }],
        [MCAST_JOIN_GROUP, { name: "MCAST_JOIN_GROUP", layout: GroupReq }],
        [MCAST_LEAVE_GROUP, { name: "MCAST_LEAVE_GROUP", layout: GroupReq }],
        [MCAST_JOIN_SOURCE_GROUP, { name: "MCAST_JOIN_SOURCE_GROUP", layout: GroupSourceReq }],
        [MCAST_LEAVE_SOURCE_GROUP, { name: "MCAST_LEAVE_SOURCE_GROUP", layout: GroupSourceReq }],
        [MCAST_BLOCK_SOURCE, { name: "MCAST_BLOCK_SOURCE", layout: GroupSourceReq }],
        [MCAST_UNBLOCK_SOURCE, { name: "MCAST_UNBLOCK_SOURCE", layout: GroupSourceReq }],
        [MCAST_MSFILTER, { name: "MCAST_MSFILTER", layout: GroupFilter }],
      ]),
    },
  ],
  [
    IPPROTO_IPV6,
    {
      name: "SOL_IPV6",
      options: new Map<number, Option>([
        [IPV6_ADD_MEMBERSHIP, { name: "IPV6_ADD_MEMBERSHIP", layout: Ipv6Mreq }],
        [IPV6_DROP_MEMBERSHIP, { name: "IPV6_DROP_MEMBERSHIP", layout: Ipv6Mreq }],
        [MCAST_JOIN_GROUP, { name: "MCAST_JOIN_GROUP", layout: GroupReq }],
        [MCAST_LEAVE_GROUP, { name: "MCAST_LEAVE_GROUP", layout: GroupReq }],
        [MCAST_JOIN_SOURCE_GROUP, { name: "MCAST_JOIN_SOURCE_GROUP", layout: GroupSourceReq }],
        [MCAST_LEAVE_SOURCE_GROUP, { name: "MCAST_LEAVE_SOURCE_GROUP", layout: GroupSourceReq }],
        [MCAST_BLOCK_SOURCE, { name: "MCAST_BLOCK_SOURCE", layout: GroupSourceReq }],
        [MCAST_UNBLOCK_SOURCE, { name: "MCAST_UNBLOCK_SOURCE", layout: GroupSourceReq }],
        [MCAST_MSFILTER, { name: "MCAST_MSFILTER", layout: GroupFilter }],
      ]),
    },
  ],
  [
    IPPROTO_TCP,
    { name: "SOL_TCP", options: new Map<number, Option>([[TCP_INFO, { name: "TCP_INFO", layout: TcpInfo }]]) },
  ],
  [
    SOL_PACKET,
    {
      name: "SOL_PACKET",
      options: new Map<number, Option>([
        [PACKET_ADD_MEMBERSHIP, { name: "PACKET_ADD_MEMBERSHIP", layout: PacketMreq }],
        [PACKET_DROP_MEMBERSHIP, { name: "PACKET_DROP_MEMBERSHIP", layout: PacketMreq }],
        [PACKET_STATISTICS, { name: "PACKET_STATISTICS", layout: TpacketStats }],
        [PACKET_FANOUT, { name: "PACKET_FANOUT", layout: FanoutArgs }],
        [PACKET_ROLLOVER_STATS, { name: "PACKET_ROLLOVER_STATS", layout: TpacketRolloverStats }],
      ]),
    },
  ],
]);
