/**
 * What comes with a signal. Source: Linux include/uapi/asm-generic/siginfo.h, linux/signalfd.h.
 *
 * `siginfo_t` is a union behind three numbers: a layout for each kind of origin, all of 128 bytes.
 */
import { array, hex32, hex64, i16, i32, i64, pointer, struct, u16, u32, u64 } from "./struct.ts";

/** `si_code` values. */
export const SI_USER = 0,
  SI_KERNEL = 0x80,
  SI_QUEUE = -1,
  SI_TIMER = -2,
  SI_MESGQ = -3,
  SI_SIGIO = -5,
  SI_TKILL = -6,
  SI_DETHREAD = -7,
  SI_ASYNCNL = -60;
export const SEGV_MAPERR = 1,
  SEGV_ACCERR = 2,
  BUS_ADRALN = 1,
  BUS_ADRERR = 2,
  BUS_MCEERR_AR = 4,
  ILL_ILLOPC = 1,
  TRAP_BRKPT = 1,
  TRAP_TRACE = 2,
  TRAP_HWBKPT = 4;
export const CLD_EXITED = 1,
  CLD_KILLED = 2,
  CLD_DUMPED = 3,
  CLD_TRAPPED = 4,
  CLD_STOPPED = 5,
  CLD_CONTINUED = 6;
export const POLL_IN = 1,
  POLL_OUT = 2,
  POLL_MSG = 3,
  POLL_ERR = 4,
  POLL_PRI = 5,
  POLL_HUP = 6,
  NSIGPOLL = 6;
export const SYS_SECCOMP = 1,
  SYS_USER_DISPATCH = 2;

const origin = { si_signo: i32, si_errno: i32, si_code: i32, _pad: i32 };
/** kill(2), tgkill(2); sigqueue(3) and mq_notify(2) with a value. */
export const SiginfoSender = struct("siginfo", {
  ...origin,
  si_pid: i32,
  si_uid: u32,
  si_value: hex64,
  _rest: array(i32, 24),
});
export const SiginfoTimer = struct("siginfo", {
  ...origin,
  si_timerid: i32,
  si_overrun: i32,
  si_value: hex64,
  _rest: array(i32, 24),
});
/** SIGCHLD. */
export const SiginfoChild = struct("siginfo", {
  ...origin,
  si_pid: i32,
  si_uid: u32,
  si_status: i32,
  si_utime: i64,
  si_stime: i64,
  _rest: array(i32, 20),
});
/** SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP. */
export const SiginfoFault = struct("siginfo", {
  ...origin,
  si_addr: pointer,
  si_addr_lsb: i16,
  _rest: array(i32, 24),
});
/** SIGIO. */
export const SiginfoPoll = struct("siginfo", { ...origin, si_band: i64, si_fd: i32, _rest: array(i32, 24) });
export const SiginfoSystemCall = struct("siginfo", {
  ...origin,
  si_call_addr: pointer,
  si_syscall: i32,
  si_arch: hex32,
  _rest: array(i32, 24),
});

/** How a timer or a queue tells its event. */
export const SIGEV_SIGNAL = 0,
  SIGEV_NONE = 1,
  SIGEV_THREAD = 2,
  SIGEV_THREAD_ID = 4;
export const Sigevent = struct("sigevent", {
  sigev_value: hex64,
  sigev_signo: i32,
  sigev_notify: i32,
  sigev_notify_thread_id: i32,
  _rest: array(i32, 11),
});

/** What a signalfd(2) gives to read. */
export const SignalfdSiginfo = struct("signalfd_siginfo", {
  ssi_signo: u32,
  ssi_errno: i32,
  ssi_code: i32,
  ssi_pid: u32,
  ssi_uid: u32,
  ssi_fd: i32,
  ssi_tid: u32,
  ssi_band: u32,
  ssi_overrun: u32,
  ssi_trapno: u32,
  ssi_status: i32,
  ssi_int: i32,
  ssi_ptr: u64,
  ssi_utime: u64,
  ssi_stime: u64,
  ssi_addr: u64,
  ssi_addr_lsb: u16,
  _pad2: u16,
  ssi_syscall: i32,
  ssi_call_addr: u64,
  ssi_arch: u32,
  _pad: array(u32, 7),
});
