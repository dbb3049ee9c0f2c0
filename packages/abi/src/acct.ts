/** Records of process accounting, acct(5). Source: Linux include/uapi/linux/acct.h. */
import { hex16, hex32, i8, struct, text, u32 } from "./struct.ts";

/** ac_flag: it never executed a program; it left a core; a signal ended it. */
export const AFORK = 0x01,
  ASU = 0x02,
  ACORE = 0x08,
  AXSIG = 0x10;
/** Ticks of a second. */
export const AHZ = 100;
export const ACCT_COMM = 16;

/** Version 3. `comp_t` are numbers of 13 bits with an exponent of 3, base 8. */
export const AcctV3 = struct("acct_v3", {
  ac_flag: i8,
  ac_version: i8,
  ac_tty: hex16,
  ac_exitcode: u32,
  ac_uid: u32,
  ac_gid: u32,
  ac_pid: u32,
  ac_ppid: u32,
  ac_btime: u32,
  ac_etime: hex32, // a float
  ac_utime: hex16,
  ac_stime: hex16,
  ac_mem: hex16,
  ac_io: hex16,
  ac_rw: hex16,
  ac_minflt: hex16,
  ac_majflt: hex16,
  ac_swaps: hex16,
  ac_comm: text(ACCT_COMM),
});
