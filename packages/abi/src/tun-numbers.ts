/** Source: Linux include/uapi/linux/if_tun.h, if_link.h. */
import { struct, u8, u16, be16 } from "./struct.ts";

export const TUNSETNOCSUM = 0x400454c8,
  TUNSETIFF = 0x400454ca,
  TUNSETPERSIST = 0x400454cb,
  TUNSETOWNER = 0x400454cc,
  TUNSETGROUP = 0x400454ce,
  TUNGETFEATURES = 0x800454cf,
  TUNSETOFFLOAD = 0x400454d0,
  TUNGETIFF = 0x800454d2,
  TUNGETSNDBUF = 0x800454d3,
  TUNSETSNDBUF = 0x400454d4,
  TUNGETVNETHDRSZ = 0x800454d7,
  TUNSETVNETHDRSZ = 0x400454d8,
  TUNSETQUEUE = 0x400454d9,
  TUNSETIFINDEX = 0x400454da;

export const IFF_TUN = 0x0001,
  IFF_TAP = 0x0002,
  IFF_MULTI_QUEUE = 0x0100,
  IFF_ATTACH_QUEUE = 0x0200,
  IFF_DETACH_QUEUE = 0x0400,
  IFF_PERSIST = 0x0800,
  IFF_NO_PI = 0x1000,
  IFF_NOFILTER = 0x1000,
  IFF_ONE_QUEUE = 0x2000,
  IFF_VNET_HDR = 0x4000,
  IFF_TUN_EXCL = 0x8000;

/** What TUNSETOFFLOAD may leave to who reads: checksums, segmentation of TCP and UDP. */
export const TUN_F_CSUM = 0x01,
  TUN_F_TSO4 = 0x02,
  TUN_F_TSO6 = 0x04,
  TUN_F_TSO_ECN = 0x08,
  TUN_F_UFO = 0x10,
  TUN_F_USO4 = 0x20,
  TUN_F_USO6 = 0x40;
/** Bits of `tun_pi.flags`. */
export const TUN_PKT_STRIP = 1;

export const TunPi = struct("tun_pi", { flags: u16, proto: be16 });

/** Before each packet with IFF_VNET_HDR. Source: Linux include/uapi/linux/virtio_net.h. */
export const VirtioNetHdr = struct("virtio_net_hdr", {
  flags: u8,
  gso_type: u8,
  hdr_len: u16,
  gso_size: u16,
  csum_start: u16,
  csum_offset: u16,
});
export const VIRTIO_NET_HDR_F_NEEDS_CSUM = 1,
  VIRTIO_NET_HDR_GSO_NONE = 0,
  VIRTIO_NET_HDR_GSO_TCPV4 = 1,
  VIRTIO_NET_HDR_GSO_TCPV6 = 4,
  VIRTIO_NET_HDR_GSO_UDP_L4 = 5,
  VIRTIO_NET_HDR_GSO_ECN = 0x80;

/** Within IFLA_INFO_DATA. */
export const IFLA_TUN_OWNER = 1,
  IFLA_TUN_GROUP = 2,
  IFLA_TUN_TYPE = 3,
  IFLA_TUN_PI = 4,
  IFLA_TUN_VNET_HDR = 5,
  IFLA_TUN_PERSIST = 6,
  IFLA_TUN_MULTI_QUEUE = 7,
  IFLA_TUN_NUM_QUEUES = 8,
  IFLA_TUN_NUM_DISABLED_QUEUES = 9;
