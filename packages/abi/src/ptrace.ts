/** ptrace(2). Source: Linux include/uapi/linux/ptrace.h. */
import { array, hex32, hex64, i32, pointer, struct, u32, u64, u8 } from "./struct.ts";

export const PTRACE_TRACEME = 0,
  PTRACE_PEEKTEXT = 1,
  PTRACE_PEEKDATA = 2,
  PTRACE_POKETEXT = 4,
  PTRACE_POKEDATA = 5,
  PTRACE_CONT = 7,
  PTRACE_KILL = 8,
  PTRACE_ATTACH = 16,
  PTRACE_DETACH = 17,
  PTRACE_SYSCALL = 24,
  PTRACE_SETOPTIONS = 0x4200,
  PTRACE_GETEVENTMSG = 0x4201,
  PTRACE_GETSIGINFO = 0x4202,
  PTRACE_SETSIGINFO = 0x4203,
  PTRACE_GETREGSET = 0x4204,
  PTRACE_SETREGSET = 0x4205,
  PTRACE_SEIZE = 0x4206,
  PTRACE_INTERRUPT = 0x4207,
  PTRACE_LISTEN = 0x4208,
  PTRACE_PEEKSIGINFO = 0x4209,
  PTRACE_GETSIGMASK = 0x420a,
  PTRACE_SETSIGMASK = 0x420b,
  PTRACE_SECCOMP_GET_FILTER = 0x420c,
  PTRACE_SECCOMP_GET_METADATA = 0x420d,
  PTRACE_GET_SYSCALL_INFO = 0x420e,
  PTRACE_GET_RSEQ_CONFIGURATION = 0x420f,
  PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG = 0x4210,
  PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG = 0x4211;
export const PTRACE_EVENT_FORK = 1,
  PTRACE_EVENT_VFORK = 2,
  PTRACE_EVENT_CLONE = 3,
  PTRACE_EVENT_EXEC = 4,
  PTRACE_EVENT_VFORK_DONE = 5,
  PTRACE_EVENT_EXIT = 6,
  PTRACE_EVENT_SECCOMP = 7,
  PTRACE_EVENT_STOP = 128;
/** Those that ask for an event are 1 << event. */
export const PTRACE_O_TRACESYSGOOD = 1,
  PTRACE_O_EXITKILL = 1 << 20,
  PTRACE_O_SUSPEND_SECCOMP = 1 << 21;
/** PTRACE_GETEVENTMSG at a call's stop. */
export const PTRACE_EVENTMSG_SYSCALL_ENTRY = 1,
  PTRACE_EVENTMSG_SYSCALL_EXIT = 2;
/** What is pending for the process, and not for the thread. */
export const PTRACE_PEEKSIGINFO_SHARED = 1;
export const PTRACE_SYSCALL_INFO_NONE = 0,
  PTRACE_SYSCALL_INFO_ENTRY = 1,
  PTRACE_SYSCALL_INFO_EXIT = 2,
  PTRACE_SYSCALL_INFO_SECCOMP = 3;

export const PtraceRseqConfiguration = struct("ptrace_rseq_configuration", {
  rseq_abi_pointer: pointer,
  rseq_abi_size: u32,
  signature: hex32,
  flags: hex32,
  _pad: u32,
});
/** What PR_SET_SYSCALL_USER_DISPATCH takes as arguments. */
export const PtraceSudConfig = struct("ptrace_sud_config", {
  mode: u64,
  selector: pointer,
  offset: pointer,
  len: u64,
});
/** Of a call that returns, `nr` is its result, and the first byte of `args` says whether that is an error. */
export const PtraceSyscallInfo = struct("ptrace_syscall_info", {
  op: u8,
  arch: hex32,
  instruction_pointer: pointer,
  stack_pointer: pointer,
  nr: hex64,
  args: array(hex64, 6),
  ret_data: hex32,
});

export const PtracePeeksiginfoArgs = struct("ptrace_peeksiginfo_args", {
  off: u64,
  flags: hex32, // PTRACE_PEEKSIGINFO_*
  nr: i32,
});

export const SeccompMetadata = struct("seccomp_metadata", {
  filter_off: u64, // 0: the oldest
  flags: hex64, // SECCOMP_FILTER_FLAG_*
});
