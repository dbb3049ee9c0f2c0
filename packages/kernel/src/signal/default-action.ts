import {
  SIGABRT,
  SIGBUS,
  SIGCHLD,
  SIGCONT,
  SIGFPE,
  SIGILL,
  SIGQUIT,
  SIGSEGV,
  SIGSTOP,
  SIGSYS,
  SIGTRAP,
  SIGTSTP,
  SIGTTIN,
  SIGTTOU,
  SIGURG,
  SIGWINCH,
  SIGXCPU,
  SIGXFSZ,
} from "@stratos/abi";

type DefaultAction = "terminate" | "core" | "ignore" | "stop" | "continue";

/** What a signal does when the process has not said otherwise (signal(7), "Standard signals"). */
export function defaultAction(signal: number): DefaultAction {
  switch (signal) {
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
      return "ignore";
    case SIGCONT:
      return "continue";
    case SIGSTOP:
    case SIGTSTP:
    case SIGTTIN:
    case SIGTTOU:
      return "stop";
    case SIGQUIT:
    case SIGILL:
    case SIGTRAP:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGSEGV:
    case SIGXCPU:
    case SIGXFSZ:
    case SIGSYS:
      return "core";
    default:
      return "terminate";
  }
}

/** Nothing comes of it without a handler: what SIGCONT does is done when it is sent (SIG_KERNEL_IGNORE_MASK). */
export function isIgnoredByDefault(signal: number): boolean {
  const action = defaultAction(signal);
  return action === "ignore" || action === "continue";
}
