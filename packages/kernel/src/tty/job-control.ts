/**
 * Who may use a terminal, and who is stopped for it. Read first: credentials(7) "Sessions", tcsetpgrp(3), setpgid(2).
 * Rules: Linux drivers/tty/tty_jobctrl.c.
 */
import {
  CAP_SYS_ADMIN,
  EFAULT,
  EINVAL,
  EIO,
  ENOTTY,
  EPERM,
  ESRCH,
  SIGTTIN,
  SIGTTOU,
  SIG_IGN,
  SI_KERNEL,
} from "@stratos/abi";
import { isCapable } from "../security/credentials.ts";
import { signalInfo } from "../signal/pending-signals.ts";
import { sendSignalToProcessGroup } from "../signal/send-signal.ts";
import { BLOCKED } from "../ground/wait-queue.ts";
import type { Terminal } from "./terminal.ts";
import { isOrphaned } from "../signal/session.ts";
import type { TtyCaller } from "./tty-kernel.ts";

function isLeader(task: TtyCaller): boolean {
  return task.group.session.id === task.group.pid;
}

/**
 * Stops a background process that reads (SIGTTIN) or changes (SIGTTOU) its controlling terminal.
 *
 * @returns 0 it may go on; −EIO nobody could continue it, or it can't be told; BLOCKED the signal is on its way and the
 *   call starts again after it
 */
export function checkForeground(task: TtyCaller, terminal: Terminal, signal: typeof SIGTTIN | typeof SIGTTOU): number {
  const { group } = task.group;
  if (task.group.session.terminal !== terminal || terminal.foreground === null || terminal.foreground === group)
    return 0;
  if (task.blocked.has(signal) || task.group.actions.get(signal).handler === SIG_IGN)
    return signal === SIGTTIN ? -EIO : 0;
  if (isOrphaned(group)) return -EIO;
  sendSignalToProcessGroup(group, signalInfo(signal, SI_KERNEL));
  // Should the stop be cancelled by a change of the foreground, look again.
  task.waitOn(terminal.queue);
  return BLOCKED;
}

/** A session leader without a terminal that opens one gets it (open(2), O_NOCTTY). */
export function acquireOnOpen(task: TtyCaller, terminal: Terminal): void {
  const { session } = task.group;
  if (isLeader(task) && session.terminal === null && terminal.session === null)
    terminal.control(session, task.group.group);
}

/** TIOCSCTTY: 0 or −EPERM. */
export function setControllingTerminal(
  task: TtyCaller,
  terminal: Terminal,
  force: number,
  isReadable: boolean,
): number {
  const { session } = task.group;
  if (isLeader(task) && terminal.session === session) return 0;
  if (!isLeader(task) || session.terminal !== null) return -EPERM;
  const isPrivileged = isCapable(task.credentials, CAP_SYS_ADMIN);
  if (terminal.session !== null) {
    if (force !== 1 || !isPrivileged) return -EPERM;
    terminal.release();
  }
  if (!isReadable && !isPrivileged) return -EPERM;
  terminal.control(session, task.group.group);
  return 0;
}

/** TIOCNOTTY: 0 or −ENOTTY. */
export function giveUpTerminal(task: TtyCaller, terminal: Terminal): number {
  if (task.group.session.terminal !== terminal) return -ENOTTY;
  if (isLeader(task)) terminal.disassociate(false);
  return 0;
}

/**
 * TIOCGPGRP: the foreground group (0: none) at `address`. A master shows that of its other side, whatever the caller's
 * terminal.
 */
export function getForeground(task: TtyCaller, terminal: Terminal, address: number, isMaster: boolean): number {
  if (!isMaster && task.group.session.terminal !== terminal) return -ENOTTY;
  return task.space.storeU32(address, task.group.pidNamespace.idOf(terminal.foreground?.id ?? 0));
}

/** TIOCSPGRP: 0; −ENOTTY not its terminal; −EINVAL; −ESRCH no such group; −EPERM it is in another session; −EFAULT. */
export function setForeground(task: TtyCaller, terminal: Terminal, address: number): number {
  const allowed = checkForeground(task, terminal, SIGTTOU);
  if (allowed !== 0) return allowed === -EIO ? -ENOTTY : allowed;
  const { session } = task.group;
  if (session.terminal !== terminal || terminal.session !== session) return -ENOTTY;
  const id = task.space.loadU32(address);
  if (id < 0) return -EFAULT;
  if ((id | 0) < 0) return -EINVAL;
  const group = task.kernel.tasks.groups.get(task.group.pidNamespace.rootIdOf(id));
  if (group === undefined) return -ESRCH;
  if (group.session !== session) return -EPERM;
  terminal.foreground = group;
  // Readers that stand in line may be in the foreground now.
  terminal.queue.wakeAll(0);
  return 0;
}

/** TIOCGSID. */
export function getSession(task: TtyCaller, terminal: Terminal, address: number, isMaster: boolean): number {
  if (!isMaster && task.group.session.terminal !== terminal) return -ENOTTY;
  if (terminal.session === null) return -ENOTTY;
  return task.space.storeU32(address, task.group.pidNamespace.idOf(terminal.session.id));
}
