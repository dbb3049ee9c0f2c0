import { array, hex32, i32, i64, pointer, struct, text, u32, u64, u8 } from "./struct.ts";

/** Requests of block devices and of the loop driver. Source: Linux include/uapi/linux/{fs,loop}.h. */
export const BLKROSET = 0x125d,
  BLKROGET = 0x125e,
  BLKRRPART = 0x125f,
  BLKGETSIZE = 0x1260,
  BLKFLSBUF = 0x1261,
  BLKRASET = 0x1262,
  BLKRAGET = 0x1263,
  BLKFRASET = 0x1264,
  BLKFRAGET = 0x1265;
export const BLKSECTGET = 0x1267,
  BLKSSZGET = 0x1268,
  BLKPG = 0x1269,
  BLKBSZGET = 0x80081270,
  BLKBSZSET = 0x40081271,
  BLKGETSIZE64 = 0x80081272,
  BLKDISCARD = 0x1277,
  BLKIOMIN = 0x1278,
  BLKIOOPT = 0x1279;
export const BLKALIGNOFF = 0x127a,
  BLKPBSZGET = 0x127b,
  BLKDISCARDZEROES = 0x127c,
  BLKROTATIONAL = 0x127e,
  BLKZEROOUT = 0x127f,
  BLKGETDISKSEQ = 0x80081280;
export const LOOP_SET_FD = 0x4c00,
  LOOP_CLR_FD = 0x4c01,
  LOOP_SET_STATUS = 0x4c02,
  LOOP_GET_STATUS = 0x4c03,
  LOOP_SET_STATUS64 = 0x4c04,
  LOOP_GET_STATUS64 = 0x4c05,
  LOOP_CHANGE_FD = 0x4c06;
export const LOOP_SET_CAPACITY = 0x4c07,
  LOOP_SET_DIRECT_IO = 0x4c08,
  LOOP_SET_BLOCK_SIZE = 0x4c09,
  LOOP_CONFIGURE = 0x4c0a,
  LOOP_CTL_ADD = 0x4c80,
  LOOP_CTL_REMOVE = 0x4c81,
  LOOP_CTL_GET_FREE = 0x4c82;
export const BLKPG_ADD_PARTITION = 1,
  BLKPG_DEL_PARTITION = 2,
  BLKPG_RESIZE_PARTITION = 3;
export const LO_FLAGS_READ_ONLY = 1,
  LO_FLAGS_AUTOCLEAR = 4,
  LO_FLAGS_PARTSCAN = 8,
  LO_FLAGS_DIRECT_IO = 16;
export const LO_NAME_SIZE = 64,
  LO_KEY_SIZE = 32;
/** LOOP_GET_STATUS: the old layout, with 16-bit device numbers and a 32-bit offset. */
export const LoopInfo = struct("loop_info", {
  lo_number: i32,
  lo_device: hex32,
  lo_inode: u64,
  lo_rdevice: hex32,
  lo_offset: i32,
  lo_encrypt_type: i32,
  lo_encrypt_key_size: i32,
  lo_flags: hex32,
  lo_name: text(LO_NAME_SIZE),
  lo_encrypt_key: array(u8, LO_KEY_SIZE),
  lo_init: array(u64, 2),
  _reserved: array(u8, 4),
});
export const LoopInfo64 = struct("loop_info64", {
  lo_device: u64,
  lo_inode: u64,
  lo_rdevice: u64,
  lo_offset: u64,
  lo_sizelimit: u64,
  lo_number: u32,
  lo_encrypt_type: u32,
  lo_encrypt_key_size: u32,
  lo_flags: hex32,
  lo_file_name: text(LO_NAME_SIZE),
  lo_crypt_name: text(LO_NAME_SIZE),
  lo_encrypt_key: array(u8, LO_KEY_SIZE),
  lo_init: array(u64, 2),
});
export const LoopConfig = struct("loop_config", {
  fd: u32,
  block_size: u32,
  info: LoopInfo64,
  _reserved: array(u64, 8),
});

/** BLKPG. */
export const BlkpgIoctlArg = struct("blkpg_ioctl_arg", { op: i32, flags: i32, datalen: i32, data: pointer });
export const BlkpgPartition = struct("blkpg_partition", {
  start: i64,
  length: i64,
  pno: i32,
  devname: text(64),
  volname: text(64),
});
