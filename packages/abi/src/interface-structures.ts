/** Requests of ioctl(2) about interfaces and routes (netdevice(7)). Source: Linux include/uapi/linux/{if,route}.h. */
import {
  array,
  hex16,
  hex32,
  hex64,
  i16,
  i32,
  i8,
  pointer,
  struct,
  text,
  u16,
  u32,
  u64,
  u8,
  type FieldType,
  type Struct,
} from "./struct.ts";

/** IFNAMSIZ, with the NUL. */
export const IFNAMSIZ = 16;
const UNION_SIZE = 24;

/** `struct sockaddr`. */
export const Sockaddr = struct("sockaddr", { sa_family: u16, sa_data: array(u8, 14) });

/** `struct ifreq`, one for each field of its union that is in use: they lie in one place. */
export const IfreqAddress = ifreq("ifr_addr", Sockaddr),
  IfreqHardware = ifreq("ifr_hwaddr", Sockaddr),
  IfreqFlags = ifreq("ifr_flags", hex16),
  IfreqIndex = ifreq("ifr_ifindex", i32),
  IfreqMetric = ifreq("ifr_metric", i32),
  IfreqMtu = ifreq("ifr_mtu", i32),
  IfreqQueue = ifreq("ifr_qlen", i32),
  IfreqName = ifreq("ifr_newname", text(IFNAMSIZ));

function ifreq<const Name extends string>(name: Name, type: FieldType): Struct<Name | "ifr_name"> {
  const fields: Readonly<Record<string, FieldType>> = {
    ifr_name: text(IFNAMSIZ),
    [name]: type,
    _rest: array(u8, UNION_SIZE - type.size),
  };
  return struct<string>("ifreq", fields, { align: 8 });
}

/** `ifc_buf` holds as many requests as `ifc_len` bytes have room for. */
export const Ifconf = struct("ifconf", { ifc_len: i32, ifc_buf: pointer });

/** What SIOCADDRT and SIOCDELRT take. */
export const Rtentry = struct("rtentry", {
  _pad1: u64,
  rt_dst: Sockaddr,
  rt_gateway: Sockaddr,
  rt_genmask: Sockaddr,
  rt_flags: hex16,
  _pad2: i16,
  _pad3: u64,
  _pad4: pointer,
  rt_metric: i16,
  rt_dev: pointer,
  rt_mtu: u64,
  rt_window: u64,
  rt_irtt: u16,
});
export const RTF_UP = 1,
  RTF_GATEWAY = 2,
  RTF_HOST = 4,
  RTF_REJECT = 0x200;
/** What SIOCGARP, SIOCSARP and SIOCDARP take (arp(7)). Source: include/uapi/linux/if_arp.h. */
export const Arpreq = struct("arpreq", {
  arp_pa: Sockaddr,
  arp_ha: Sockaddr,
  arp_flags: i32,
  arp_netmask: Sockaddr,
  arp_dev: text(IFNAMSIZ),
});
/** Flags of it and in /proc/net/arp: the address is known, for ever, another one is answered for. */
export const ATF_COM = 2,
  ATF_PERM = 4,
  ATF_PUBL = 8,
  ATF_NETMASK = 0x20,
  ATF_DONTPUB = 0x40;

/** What SIOCETHTOOL's `ifr_data` points to, of commands that tell one number. Source: include/uapi/linux/ethtool.h. */
export const EthtoolValue = struct("ethtool_value", { cmd: u32, data: u32 });
/** Of ETHTOOL_GET_TS_INFO: who stamps packets (SOF_TIMESTAMPING_…); −1: no clock of its own does. */
export const EthtoolTsInfo = struct("ethtool_ts_info", {
  cmd: u32,
  so_timestamping: hex32,
  phc_index: i32,
  tx_types: hex32,
  tx_reserved: array(u32, 3),
  rx_filters: hex32,
  rx_reserved: array(u32, 3),
});
/** Of ETHTOOL_GSSET_INFO: sets of names; behind it for each how many, in the order of their bits. */
export const EthtoolSsetInfo = struct("ethtool_sset_info", { cmd: u32, reserved: u32, sset_mask: hex64 });
/** Of ETHTOOL_GSTRINGS: behind it the names of a set, 32 bytes each. */
export const EthtoolGstrings = struct("ethtool_gstrings", { cmd: u32, string_set: u32, len: u32 });
/** Of ETHTOOL_GFEATURES: behind it blocks of 32 features each, as many as there is room for. */
export const EthtoolGfeatures = struct("ethtool_gfeatures", { cmd: u32, size: u32 });
export const EthtoolFeatures = struct("ethtool_get_features_block", {
  available: hex32,
  requested: hex32,
  active: hex32,
  never_changed: hex32,
});
/** Of ETHTOOL_GLINKSETTINGS: behind it three masks of modes. */
export const EthtoolLinkSettings = struct("ethtool_link_settings", {
  cmd: u32,
  speed: u32,
  duplex: u8,
  port: u8,
  phy_address: u8,
  autoneg: u8,
  mdio_support: u8,
  eth_tp_mdix: u8,
  eth_tp_mdix_ctrl: u8,
  link_mode_masks_nwords: i8,
  transceiver: u8,
  master_slave_cfg: u8,
  master_slave_state: u8,
  rate_matching: u8,
  reserved: array(u32, 7),
});
/** Of ETHTOOL_GSET, which came before it. */
export const EthtoolCommand = struct("ethtool_cmd", {
  cmd: u32,
  supported: hex32,
  advertising: hex32,
  speed: u16,
  duplex: u8,
  port: u8,
  phy_address: u8,
  transceiver: u8,
  autoneg: u8,
  mdio_support: u8,
  maxtxpkt: u32,
  maxrxpkt: u32,
  speed_hi: u16,
  eth_tp_mdix: u8,
  eth_tp_mdix_ctrl: u8,
  lp_advertising: hex32,
  reserved: array(u32, 2),
});
/** Of ETHTOOL_GPERMADDR: behind it the address. */
export const EthtoolPermAddr = struct("ethtool_perm_addr", { cmd: u32, size: u32 });
/** Of ETHTOOL_GSTATS: behind it what they count. */
export const EthtoolStats = struct("ethtool_stats", { cmd: u32, n_stats: u32, data: array(u64, 0) });
/** Of ETHTOOL_GDRVINFO: who drives an interface. */
export const EthtoolDrvinfo = struct("ethtool_drvinfo", {
  cmd: u32,
  driver: text(32),
  version: text(32),
  fw_version: text(32),
  bus_info: text(32),
  erom_version: text(32),
  _reserved2: array(u8, 12),
  n_priv_flags: u32,
  n_stats: u32,
  testinfo_len: u32,
  eedump_len: u32,
  regdump_len: u32,
});
