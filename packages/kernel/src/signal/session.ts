import { stateClass } from "@stratos/base";
import type { SignalProcess } from "./signal-target.ts";

/** What a session needs of its controlling terminal (tty/terminal.ts implements it). */
export interface ControllingTerminal {
  session: Session | null;
  foreground: ProcessGroup | null;
  /** st_rdev of the device, for /proc/PID/stat. */
  readonly device: number;
  /** The session leader exited or gave it up: SIGHUP and SIGCONT to the foreground group (setsid(2), tty_ioctl(4)). */
  disassociate(): void;
  /** vhangup(2). */
  hangUp(): void;
}

/** setsid(2): process groups that share a controlling terminal. */
export class Session {
  readonly id: number;
  terminal: ControllingTerminal | null = null;

  constructor(id: number) {
    this.id = id;
  }

  static {
    stateClass("Session", this);
  }
}

/** setpgid(2): processes that job control treats as one. */
export class ProcessGroup<Process extends SignalProcess = SignalProcess> {
  readonly id: number;
  readonly session: Session;
  readonly members = new Set<Process>();

  constructor(id: number, session: Session) {
    this.id = id;
    this.session = session;
  }

  static {
    stateClass("ProcessGroup", this);
  }
}

/**
 * No member has a parent in another group of the same session: nobody could continue it (POSIX, "Orphaned Process
 * Group").
 */
export function isOrphaned(group: ProcessGroup, exiting: SignalProcess | null = null): boolean {
  for (const member of group.members) {
    const { parent } = member;
    if (member === exiting || member.isZombie || parent === null || parent === exiting) continue;
    if (parent.group !== group && parent.session === group.session) return false;
  }
  return true;
}
