/** Signals. Source: Linux include/uapi/asm-generic/signal.h, signal-defs.h; signal(7). */
import { hex64, i32, pointer, struct } from "./struct.ts";

export const SIGHUP = 1,
  SIGINT = 2,
  SIGQUIT = 3,
  SIGILL = 4,
  SIGTRAP = 5,
  SIGABRT = 6,
  SIGBUS = 7,
  SIGFPE = 8;
export const SIGKILL = 9,
  SIGUSR1 = 10,
  SIGSEGV = 11,
  SIGUSR2 = 12,
  SIGPIPE = 13,
  SIGALRM = 14,
  SIGTERM = 15,
  SIGSTKFLT = 16;
export const SIGCHLD = 17,
  SIGCONT = 18,
  SIGSTOP = 19,
  SIGTSTP = 20,
  SIGTTIN = 21,
  SIGTTOU = 22,
  SIGURG = 23,
  SIGXCPU = 24;
export const SIGXFSZ = 25,
  SIGVTALRM = 26,
  SIGPROF = 27,
  SIGWINCH = 28,
  SIGIO = 29,
  SIGPWR = 30,
  SIGSYS = 31;
export const SIGRTMIN = 32,
  SIGRTMAX = 64;

/** Names without the SIG prefix, by number, as `kill -l` prints them. */
export const SIGNAL_NAMES: readonly string[] = [
  "0",
  "HUP",
  "INT",
  "QUIT",
  "ILL",
  "TRAP",
  "ABRT",
  "BUS",
  "FPE",
  "KILL",
  "USR1",
  "SEGV",
  "USR2",
  "PIPE",
  "ALRM",
  "TERM",
  "STKFLT",
  "CHLD",
  "CONT",
  "STOP",
  "TSTP",
  "TTIN",
  "TTOU",
  "URG",
  "XCPU",
  "XFSZ",
  "VTALRM",
  "PROF",
  "WINCH",
  "IO",
  "PWR",
  "SYS",
];

export const SA_NOCLDSTOP = 1,
  SA_NOCLDWAIT = 2,
  SA_SIGINFO = 4,
  SA_ONSTACK = 0x08000000,
  SA_RESTART = 0x10000000;
/** Changes nothing on machines without pointer tags. */
export const SA_EXPOSE_TAGBITS = 0x800;
export const SA_NODEFER = 0x40000000,
  SA_RESETHAND = 0x80000000;
export const SIG_BLOCK = 0,
  SIG_UNBLOCK = 1,
  SIG_SETMASK = 2;
export const SS_ONSTACK = 1,
  SS_DISABLE = 2,
  SS_AUTODISARM = 0x80000000;

/** Handlers that are no addresses. */
export const SIG_DFL = 0,
  SIG_IGN = 1;
/** Smallest stack of sigaltstack(2). */
export const MINSIGSTKSZ = 2048;

/** rt_sigaction(2)'s structure; riscv64 has no `sa_restorer`. */
export const Sigaction = struct("sigaction", { sa_handler: pointer, sa_flags: hex64, sa_mask: hex64 });
export const Sigaltstack = struct("sigaltstack", { ss_sp: pointer, ss_flags: i32, ss_size: hex64 });
/** A signal mask and its size, as pselect6(2) has them in one argument. */
export const SigsetArgument = struct("sigset_argpack", { p: pointer, size: hex64 });
