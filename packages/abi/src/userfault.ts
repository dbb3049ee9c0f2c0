/** userfaultfd(2). Source: Linux include/uapi/linux/userfaultfd.h. */
import { i64, struct, u16, u32, u64, u8 } from "./struct.ts";

export const UFFD_USER_MODE_ONLY = 1;
/** struct uffdio_api, `api`. */
export const UFFD_API = 0xaa;
export const UFFD_EVENT_PAGEFAULT = 0x12;
export const UFFD_PAGEFAULT_FLAG_WRITE = 1;
export const UFFD_FEATURE_SIGBUS = 1 << 7,
  UFFD_FEATURE_THREAD_ID = 1 << 8,
  UFFD_FEATURE_EXACT_ADDRESS = 1 << 11;
export const UFFDIO_REGISTER_MODE_MISSING = 1;
export const UFFDIO_COPY_MODE_DONTWAKE = 1,
  UFFDIO_ZEROPAGE_MODE_DONTWAKE = 1;
export const UFFDIO_API = 0xc018aa3f,
  UFFDIO_REGISTER = 0xc020aa00,
  UFFDIO_UNREGISTER = 0x8010aa01,
  UFFDIO_WAKE = 0x8010aa02,
  UFFDIO_COPY = 0xc028aa03,
  UFFDIO_ZEROPAGE = 0xc020aa04;

export const UffdioApi = struct("uffdio_api", { api: u64, features: u64, ioctls: u64 });
export const UffdioRange = struct("uffdio_range", { start: u64, len: u64 });
export const UffdioRegister = struct("uffdio_register", { start: u64, len: u64, mode: u64, ioctls: u64 });
export const UffdioCopy = struct("uffdio_copy", { dst: u64, src: u64, len: u64, mode: u64, copy: i64 });
export const UffdioZeropage = struct("uffdio_zeropage", { start: u64, len: u64, mode: u64, zeropage: i64 });
/** A message about a fault. */
export const UffdMsg = struct(
  "uffd_msg",
  {
    event: u8,
    reserved1: u8,
    reserved2: u16,
    reserved3: u32,
    flags: u64,
    address: u64,
    feat: u64, // its lower half: number of the thread
  },
  { isPacked: true },
);
