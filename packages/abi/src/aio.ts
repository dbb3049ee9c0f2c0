/** Asynchronous input and output, io_submit(2). Source: Linux include/uapi/linux/aio_abi.h. */
import { hex32, hex64, i16, i32, i64, pointer, struct, u16, u32, u64 } from "./struct.ts";

export const IOCB_CMD_PREAD = 0,
  IOCB_CMD_PWRITE = 1,
  IOCB_CMD_FSYNC = 2,
  IOCB_CMD_FDSYNC = 3,
  IOCB_CMD_POLL = 5,
  IOCB_CMD_NOOP = 6,
  IOCB_CMD_PREADV = 7,
  IOCB_CMD_PWRITEV = 8;
export const IOCB_FLAG_RESFD = 1,
  IOCB_FLAG_IOPRIO = 2;

export const Iocb = struct("iocb", {
  aio_data: hex64,
  aio_key: u32,
  aio_rw_flags: hex32,
  aio_lio_opcode: u16,
  aio_reqprio: i16,
  aio_fildes: i32,
  aio_buf: pointer,
  aio_nbytes: u64,
  aio_offset: i64,
  _reserved2: u64,
  aio_flags: hex32,
  aio_resfd: i32,
});
export const IoEvent = struct("io_event", { data: hex64, obj: pointer, res: i64, res2: i64 });
/** The head of a ring of results, `struct io_event`s behind it. Source: Linux fs/aio.c; libaio and QEMU copy it. */
export const AioRing = struct("aio_ring", {
  id: u32,
  nr: u32,
  head: u32,
  tail: u32,
  magic: hex32,
  compat_features: u32,
  incompat_features: u32,
  header_length: u32,
});
