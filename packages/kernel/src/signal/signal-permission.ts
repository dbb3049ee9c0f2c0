import { CAP_KILL, EINVAL, EPERM, LANDLOCK_SCOPE_SIGNAL, SIGCONT, SIGRTMAX } from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { isOutOfScope } from "../security/landlock.ts";
import type { SignalTask, SignalProcess } from "./signal-target.ts";

/** May `sender` signal `target`? 0 or −EPERM. @see kill(2), DESCRIPTION */
function checkSignalPermission(sender: SignalTask, target: SignalProcess, signal: number): number {
  if (target === sender.group) return 0;
  const from = sender.credentials,
    to = target.leader.credentials;
  if (from.landlock !== null && isOutOfScope(from.landlock, to.landlock, LANDLOCK_SCOPE_SIGNAL)) return -EPERM;
  if (from.euid === to.suid || from.euid === to.uid || from.uid === to.suid || from.uid === to.uid) return 0;
  if (isCapable(from, CAP_KILL, to.userNamespace)) return 0;
  if (signal === SIGCONT && target.session === sender.group.session) return 0;
  return -EPERM;
}

/** −EINVAL no signal; −EPERM (kernel/signal.c, check_kill_permission). Asked when there is a target. */
export function maySend(sender: SignalTask, target: SignalProcess, signal: number): number {
  return signal < 0 || signal > SIGRTMAX ? -EINVAL : checkSignalPermission(sender, target, signal);
}
