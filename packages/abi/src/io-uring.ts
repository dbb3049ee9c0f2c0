/** io_uring(7). Source: Linux 6.12 include/uapi/linux/io_uring.h. */
import { hex32, hex64, i32, pointer, struct, u16, u32, u64, u8, array } from "./struct.ts";

/** Operations, in their order: `sqe.opcode`. */
export const IORING_OP_NOP = 0,
  IORING_OP_READV = 1,
  IORING_OP_WRITEV = 2,
  IORING_OP_FSYNC = 3,
  IORING_OP_READ_FIXED = 4,
  IORING_OP_WRITE_FIXED = 5,
  IORING_OP_POLL_ADD = 6,
  IORING_OP_POLL_REMOVE = 7,
  IORING_OP_SYNC_FILE_RANGE = 8,
  IORING_OP_SENDMSG = 9,
  IORING_OP_RECVMSG = 10,
  IORING_OP_TIMEOUT = 11,
  IORING_OP_TIMEOUT_REMOVE = 12,
  IORING_OP_ACCEPT = 13,
  IORING_OP_ASYNC_CANCEL = 14,
  IORING_OP_LINK_TIMEOUT = 15,
  IORING_OP_CONNECT = 16,
  IORING_OP_FALLOCATE = 17,
  IORING_OP_OPENAT = 18,
  IORING_OP_CLOSE = 19,
  IORING_OP_FILES_UPDATE = 20,
  IORING_OP_STATX = 21,
  IORING_OP_READ = 22,
  IORING_OP_WRITE = 23,
  IORING_OP_FADVISE = 24,
  IORING_OP_MADVISE = 25,
  IORING_OP_SEND = 26,
  IORING_OP_RECV = 27,
  IORING_OP_OPENAT2 = 28,
  IORING_OP_EPOLL_CTL = 29,
  IORING_OP_SPLICE = 30,
  IORING_OP_PROVIDE_BUFFERS = 31,
  IORING_OP_REMOVE_BUFFERS = 32,
  IORING_OP_TEE = 33,
  IORING_OP_SHUTDOWN = 34,
  IORING_OP_RENAMEAT = 35,
  IORING_OP_UNLINKAT = 36,
  IORING_OP_MKDIRAT = 37,
  IORING_OP_SYMLINKAT = 38,
  IORING_OP_LINKAT = 39,
  IORING_OP_MSG_RING = 40,
  IORING_OP_FSETXATTR = 41,
  IORING_OP_SETXATTR = 42,
  IORING_OP_FGETXATTR = 43,
  IORING_OP_GETXATTR = 44,
  IORING_OP_SOCKET = 45,
  IORING_OP_URING_CMD = 46,
  IORING_OP_SEND_ZC = 47,
  IORING_OP_SENDMSG_ZC = 48,
  IORING_OP_READ_MULTISHOT = 49,
  IORING_OP_WAITID = 50,
  IORING_OP_FUTEX_WAIT = 51,
  IORING_OP_FUTEX_WAKE = 52,
  IORING_OP_FUTEX_WAITV = 53,
  IORING_OP_FIXED_FD_INSTALL = 54,
  IORING_OP_FTRUNCATE = 55,
  IORING_OP_BIND = 56,
  IORING_OP_LISTEN = 57;
export const IORING_OP_LAST = 58;
/** `sqe.flags`. */
export const IOSQE_FIXED_FILE = 1 << 0,
  IOSQE_IO_DRAIN = 1 << 1,
  IOSQE_IO_LINK = 1 << 2,
  IOSQE_IO_HARDLINK = 1 << 3,
  IOSQE_ASYNC = 1 << 4,
  IOSQE_BUFFER_SELECT = 1 << 5,
  IOSQE_CQE_SKIP_SUCCESS = 1 << 6;
/** Flags of io_uring_setup(2). */
export const IORING_SETUP_IOPOLL = 1 << 0,
  IORING_SETUP_SQPOLL = 1 << 1,
  IORING_SETUP_SQ_AFF = 1 << 2,
  IORING_SETUP_CQSIZE = 1 << 3,
  IORING_SETUP_CLAMP = 1 << 4,
  IORING_SETUP_ATTACH_WQ = 1 << 5,
  IORING_SETUP_R_DISABLED = 1 << 6,
  IORING_SETUP_SUBMIT_ALL = 1 << 7,
  IORING_SETUP_COOP_TASKRUN = 1 << 8,
  IORING_SETUP_TASKRUN_FLAG = 1 << 9,
  IORING_SETUP_SQE128 = 1 << 10,
  IORING_SETUP_CQE32 = 1 << 11,
  IORING_SETUP_SINGLE_ISSUER = 1 << 12,
  IORING_SETUP_DEFER_TASKRUN = 1 << 13,
  IORING_SETUP_NO_MMAP = 1 << 14,
  IORING_SETUP_REGISTERED_FD_ONLY = 1 << 15,
  IORING_SETUP_NO_SQARRAY = 1 << 16;
/** What it says that it can. */
export const IORING_FEAT_SINGLE_MMAP = 1 << 0,
  IORING_FEAT_NODROP = 1 << 1,
  IORING_FEAT_SUBMIT_STABLE = 1 << 2,
  IORING_FEAT_RW_CUR_POS = 1 << 3,
  IORING_FEAT_CUR_PERSONALITY = 1 << 4,
  IORING_FEAT_FAST_POLL = 1 << 5,
  IORING_FEAT_POLL_32BITS = 1 << 6,
  IORING_FEAT_SQPOLL_NONFIXED = 1 << 7,
  IORING_FEAT_EXT_ARG = 1 << 8,
  IORING_FEAT_NATIVE_WORKERS = 1 << 9,
  IORING_FEAT_RSRC_TAGS = 1 << 10,
  IORING_FEAT_CQE_SKIP = 1 << 11,
  IORING_FEAT_LINKED_FILE = 1 << 12,
  IORING_FEAT_REG_REG_RING = 1 << 13,
  IORING_FEAT_RECVSEND_BUNDLE = 1 << 14,
  IORING_FEAT_MIN_TIMEOUT = 1 << 15;
/** Flags of io_uring_enter(2). */
export const IORING_ENTER_GETEVENTS = 1 << 0,
  IORING_ENTER_SQ_WAKEUP = 1 << 1,
  IORING_ENTER_SQ_WAIT = 1 << 2,
  IORING_ENTER_EXT_ARG = 1 << 3,
  IORING_ENTER_REGISTERED_RING = 1 << 4,
  IORING_ENTER_ABS_TIMER = 1 << 5;
/** Flags of operations. */
export const IORING_FSYNC_DATASYNC = 1 << 0,
  IORING_TIMEOUT_ABS = 1 << 0,
  IORING_TIMEOUT_UPDATE = 1 << 1,
  IORING_TIMEOUT_BOOTTIME = 1 << 2,
  IORING_TIMEOUT_REALTIME = 1 << 3,
  IORING_LINK_TIMEOUT_UPDATE = 1 << 4,
  IORING_TIMEOUT_ETIME_SUCCESS = 1 << 5,
  IORING_TIMEOUT_MULTISHOT = 1 << 6,
  IORING_POLL_ADD_MULTI = 1 << 0,
  IORING_POLL_UPDATE_EVENTS = 1 << 1,
  IORING_POLL_UPDATE_USER_DATA = 1 << 2,
  IORING_ASYNC_CANCEL_ALL = 1 << 0,
  IORING_ASYNC_CANCEL_FD = 1 << 1,
  IORING_ASYNC_CANCEL_ANY = 1 << 2,
  IORING_ASYNC_CANCEL_FD_FIXED = 1 << 3,
  IORING_ASYNC_CANCEL_USERDATA = 1 << 4,
  IORING_ASYNC_CANCEL_OP = 1 << 5,
  IORING_RECVSEND_POLL_FIRST = 1 << 0,
  IORING_RECV_MULTISHOT = 1 << 1,
  IORING_RECVSEND_FIXED_BUF = 1 << 2,
  IORING_SEND_ZC_REPORT_USAGE = 1 << 3,
  IORING_RECVSEND_BUNDLE = 1 << 4,
  IORING_NOTIF_USAGE_ZC_COPIED = 1 << 31,
  IORING_ACCEPT_MULTISHOT = 1 << 0,
  IORING_ACCEPT_DONTWAIT = 1 << 1,
  IORING_ACCEPT_POLL_FIRST = 1 << 2,
  IORING_MSG_RING_CQE_SKIP = 1 << 0,
  IORING_MSG_RING_FLAGS_PASS = 1 << 1,
  IORING_FIXED_FD_NO_CLOEXEC = 1 << 0,
  IORING_NOP_INJECT_RESULT = 1 << 0,
  SPLICE_F_FD_IN_FIXED = 1 << 31;
export const IORING_MSG_DATA = 0,
  IORING_MSG_SEND_FD = 1;
export const IORING_FILE_INDEX_ALLOC = 0xffffffff;
/** `cqe.flags`. */
export const IORING_CQE_F_BUFFER = 1 << 0,
  IORING_CQE_F_MORE = 1 << 1,
  IORING_CQE_F_SOCK_NONEMPTY = 1 << 2,
  IORING_CQE_F_NOTIF = 1 << 3,
  IORING_CQE_F_BUF_MORE = 1 << 4,
  IORING_CQE_BUFFER_SHIFT = 16;
/** Offsets for mmap(2). */
export const IORING_OFF_CQ_RING = 0x8000000,
  IORING_OFF_SQES = 0x10000000,
  IORING_OFF_PBUF_RING = 0x80000000,
  IORING_OFF_PBUF_SHIFT = 16,
  IORING_OFF_MMAP_MASK = 0xf8000000;
/** Flags in the rings. */
export const IORING_SQ_NEED_WAKEUP = 1 << 0,
  IORING_SQ_CQ_OVERFLOW = 1 << 1,
  IORING_SQ_TASKRUN = 1 << 2,
  IORING_CQ_EVENTFD_DISABLED = 1 << 0;
/** io_uring_register(2). */
export const IORING_REGISTER_BUFFERS = 0,
  IORING_UNREGISTER_BUFFERS = 1,
  IORING_REGISTER_FILES = 2,
  IORING_UNREGISTER_FILES = 3,
  IORING_REGISTER_EVENTFD = 4,
  IORING_UNREGISTER_EVENTFD = 5,
  IORING_REGISTER_FILES_UPDATE = 6,
  IORING_REGISTER_EVENTFD_ASYNC = 7,
  IORING_REGISTER_PROBE = 8,
  IORING_REGISTER_PERSONALITY = 9,
  IORING_UNREGISTER_PERSONALITY = 10,
  IORING_REGISTER_RESTRICTIONS = 11,
  IORING_REGISTER_ENABLE_RINGS = 12,
  IORING_REGISTER_FILES2 = 13,
  IORING_REGISTER_FILES_UPDATE2 = 14,
  IORING_REGISTER_BUFFERS2 = 15,
  IORING_REGISTER_BUFFERS_UPDATE = 16,
  IORING_REGISTER_IOWQ_AFF = 17,
  IORING_UNREGISTER_IOWQ_AFF = 18,
  IORING_REGISTER_IOWQ_MAX_WORKERS = 19,
  IORING_REGISTER_RING_FDS = 20,
  IORING_UNREGISTER_RING_FDS = 21,
  IORING_REGISTER_PBUF_RING = 22,
  IORING_UNREGISTER_PBUF_RING = 23,
  IORING_REGISTER_SYNC_CANCEL = 24,
  IORING_REGISTER_FILE_ALLOC_RANGE = 25,
  IORING_REGISTER_PBUF_STATUS = 26,
  IORING_REGISTER_CLOCK = 29,
  IORING_REGISTER_CLONE_BUFFERS = 30;
export const IORING_REGISTER_LAST = 31,
  IORING_REGISTER_USE_REGISTERED_RING = 0x80000000,
  IORING_REGISTER_FILES_SKIP = -2,
  IORING_RSRC_REGISTER_SPARSE = 1,
  IO_URING_OP_SUPPORTED = 1,
  IOU_PBUF_RING_MMAP = 1,
  IOU_PBUF_RING_INC = 2,
  IORING_REGISTER_SRC_REGISTERED = 1;
export const IORING_RESTRICTION_REGISTER_OP = 0,
  IORING_RESTRICTION_SQE_OP = 1,
  IORING_RESTRICTION_SQE_FLAGS_ALLOWED = 2,
  IORING_RESTRICTION_SQE_FLAGS_REQUIRED = 3;

/** `sqe.off` of IORING_OP_URING_CMD where the file is a socket. */
export const SOCKET_URING_OP_SIOCINQ = 0,
  SOCKET_URING_OP_SIOCOUTQ = 1,
  SOCKET_URING_OP_GETSOCKOPT = 2,
  SOCKET_URING_OP_SETSOCKOPT = 3;

/** Its unions by the name of their first member, but for what is known by another. */
export const IoUringSqe = struct("io_uring_sqe", {
  opcode: u8,
  flags: u8,
  ioprio: u16,
  fd: i32,
  off: hex64,
  addr: pointer,
  len: u32,
  rw_flags: hex32,
  user_data: hex64,
  buf_index: u16,
  personality: u16,
  file_index: u32,
  addr3: hex64,
  __pad2: u64,
});
export const IoUringCqe = struct("io_uring_cqe", { user_data: hex64, res: i32, flags: hex32 });
export const IoSqringOffsets = struct("io_sqring_offsets", {
  head: u32,
  tail: u32,
  ring_mask: u32,
  ring_entries: u32,
  flags: u32,
  dropped: u32,
  array: u32,
  resv1: u32,
  user_addr: pointer,
});
export const IoCqringOffsets = struct("io_cqring_offsets", {
  head: u32,
  tail: u32,
  ring_mask: u32,
  ring_entries: u32,
  overflow: u32,
  cqes: u32,
  flags: u32,
  resv1: u32,
  user_addr: pointer,
});
export const IoUringParams = struct("io_uring_params", {
  sq_entries: u32,
  cq_entries: u32,
  flags: hex32,
  sq_thread_cpu: u32,
  sq_thread_idle: u32,
  features: hex32,
  wq_fd: u32,
  resv: array(u32, 3),
  sq_off: IoSqringOffsets,
  cq_off: IoCqringOffsets,
});
export const IoUringGeteventsArg = struct("io_uring_getevents_arg", {
  sigmask: pointer,
  sigmask_sz: u32,
  min_wait_usec: u32,
  ts: pointer,
});
export const IoUringRsrcRegister = struct("io_uring_rsrc_register", {
  nr: u32,
  flags: hex32,
  resv2: u64,
  data: pointer,
  tags: pointer,
});
/** Also `io_uring_rsrc_update` and `io_uring_files_update`, which end behind `data`. */
export const IoUringRsrcUpdate2 = struct("io_uring_rsrc_update2", {
  offset: u32,
  resv: u32,
  data: pointer,
  tags: pointer,
  nr: u32,
  resv2: u32,
});
export const IoUringProbe = struct("io_uring_probe", { last_op: u8, ops_len: u8, resv: u16, resv2: array(u32, 3) });
export const IoUringProbeOp = struct("io_uring_probe_op", { op: u8, resv: u8, flags: u16, resv2: u32 });
export const IoUringRestriction = struct("io_uring_restriction", {
  opcode: u16,
  register_op: u8,
  resv: u8,
  resv2: array(u32, 3),
});
/** In a ring of them the first one's `resv` is the tail. */
export const IoUringBuf = struct("io_uring_buf", { addr: pointer, len: u32, bid: u16, resv: u16 });
export const IoUringBufReg = struct("io_uring_buf_reg", {
  ring_addr: pointer,
  ring_entries: u32,
  bgid: u16,
  flags: u16,
  resv: array(u64, 3),
});
export const IoUringBufStatus = struct("io_uring_buf_status", { buf_group: u32, head: u32, resv: array(u32, 8) });
export const IoUringSyncCancelReg = struct("io_uring_sync_cancel_reg", {
  addr: hex64,
  fd: i32,
  flags: hex32,
  timeout: array(u64, 2),
  opcode: u8,
  pad: array(u8, 7),
  pad2: array(u64, 3),
});
export const IoUringFileIndexRange = struct("io_uring_file_index_range", { off: u32, len: u32, resv: u64 });
export const IoUringRecvmsgOut = struct("io_uring_recvmsg_out", {
  namelen: u32,
  controllen: u32,
  payloadlen: u32,
  flags: hex32,
});
export const IoUringClockRegister = struct("io_uring_clock_register", { clockid: u32, __resv: array(u32, 3) });
export const IoUringCloneBuffers = struct("io_uring_clone_buffers", {
  src_fd: u32,
  flags: hex32,
  src_off: u32,
  dst_off: u32,
  nr: u32,
  pad: array(u32, 3),
});
