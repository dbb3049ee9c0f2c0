/**
 * seccomp(2) and the classic BPF of its filters. Source: Linux include/uapi/linux/{seccomp,filter,bpf_common,audit}.h.
 */
import { array, hex16, hex32, i32, i64, pointer, struct, u16, u32, u64, u8 } from "./struct.ts";

export const SECCOMP_MODE_DISABLED = 0,
  SECCOMP_MODE_STRICT = 1,
  SECCOMP_MODE_FILTER = 2;
export const SECCOMP_SET_MODE_STRICT = 0,
  SECCOMP_SET_MODE_FILTER = 1,
  SECCOMP_GET_ACTION_AVAIL = 2,
  SECCOMP_GET_NOTIF_SIZES = 3;
export const SECCOMP_FILTER_FLAG_TSYNC = 1,
  SECCOMP_FILTER_FLAG_LOG = 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW = 4,
  SECCOMP_FILTER_FLAG_NEW_LISTENER = 8,
  SECCOMP_FILTER_FLAG_TSYNC_ESRCH = 16,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 32;
/** What a filter answers: an action, and 16 bits of data. */
export const SECCOMP_RET_KILL_PROCESS = 0x80000000,
  SECCOMP_RET_KILL_THREAD = 0,
  SECCOMP_RET_TRAP = 0x00030000,
  SECCOMP_RET_ERRNO = 0x00050000,
  SECCOMP_RET_USER_NOTIF = 0x7fc00000,
  SECCOMP_RET_TRACE = 0x7ff00000,
  SECCOMP_RET_LOG = 0x7ffc0000,
  SECCOMP_RET_ALLOW = 0x7fff0000,
  SECCOMP_RET_ACTION_FULL = 0xffff0000,
  SECCOMP_RET_DATA = 0x0000ffff;
export const AUDIT_ARCH_RISCV64 = 0xc00000f3;

/** What a filter looks at. */
export const SeccompData = struct("seccomp_data", {
  nr: i32,
  arch: hex32,
  instruction_pointer: pointer,
  args: array(u64, 6),
});
/** Listeners (seccomp_unotify(2)). */
export const SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1,
  SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1,
  SECCOMP_ADDFD_FLAG_SETFD = 1,
  SECCOMP_ADDFD_FLAG_SEND = 2;
export const SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100,
  SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101,
  SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102,
  SECCOMP_IOCTL_NOTIF_ID_VALID_WRONG_DIR = 0x80082102,
  SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103,
  SECCOMP_IOCTL_NOTIF_SET_FLAGS = 0x40082104;
export const SeccompNotif = struct("seccomp_notif", { id: u64, pid: u32, flags: u32, data: SeccompData });
export const SeccompNotifResp = struct("seccomp_notif_resp", { id: u64, val: i64, error: i32, flags: u32 });
export const SeccompNotifAddfd = struct("seccomp_notif_addfd", {
  id: u64,
  flags: u32,
  srcfd: u32,
  newfd: u32,
  newfd_flags: u32,
});
export const SeccompNotifSizes = struct("seccomp_notif_sizes", {
  seccomp_notif: u16,
  seccomp_notif_resp: u16,
  seccomp_data: u16,
});
export const SockFilter = struct("sock_filter", { code: hex16, jt: u8, jf: u8, k: hex32 });
export const SockFprog = struct("sock_fprog", { len: u16, filter: pointer });

/** Parts of an instruction's code: class, size, mode, operation, source. */
export const BPF_LD = 0x00,
  BPF_LDX = 0x01,
  BPF_ST = 0x02,
  BPF_STX = 0x03,
  BPF_ALU = 0x04,
  BPF_JMP = 0x05,
  BPF_RET = 0x06,
  BPF_MISC = 0x07;
export const BPF_W = 0x00,
  BPF_H = 0x08,
  BPF_B = 0x10,
  BPF_IMM = 0x00,
  BPF_ABS = 0x20,
  BPF_IND = 0x40,
  BPF_MEM = 0x60,
  BPF_LEN = 0x80,
  BPF_MSH = 0xa0;
export const BPF_ADD = 0x00,
  BPF_SUB = 0x10,
  BPF_MUL = 0x20,
  BPF_DIV = 0x30,
  BPF_OR = 0x40,
  BPF_AND = 0x50,
  BPF_LSH = 0x60,
  BPF_RSH = 0x70,
  BPF_NEG = 0x80,
  BPF_MOD = 0x90,
  BPF_XOR = 0xa0;
export const BPF_JA = 0x00,
  BPF_JEQ = 0x10,
  BPF_JGT = 0x20,
  BPF_JGE = 0x30,
  BPF_JSET = 0x40;
export const BPF_K = 0x00,
  BPF_X = 0x08,
  BPF_A = 0x10,
  BPF_TAX = 0x00,
  BPF_TXA = 0x80;
export const BPF_MAXINSNS = 4096,
  BPF_MEMWORDS = 16;

/** Offsets that socket filters find what isn't in the packet at. Source: include/uapi/linux/filter.h. */
export const SKF_AD_OFF = 0xfffff000,
  SKF_NET_OFF = 0xfff00000,
  SKF_LL_OFF = 0xffe00000;
export const SKF_AD_PROTOCOL = 0,
  SKF_AD_PKTTYPE = 4,
  SKF_AD_IFINDEX = 8,
  SKF_AD_MARK = 20,
  SKF_AD_QUEUE = 24,
  SKF_AD_HATYPE = 28,
  SKF_AD_RXHASH = 32,
  SKF_AD_CPU = 36,
  SKF_AD_ALU_XOR_X = 40,
  SKF_AD_VLAN_TAG = 44,
  SKF_AD_VLAN_TAG_PRESENT = 48,
  SKF_AD_MAX = 64;
