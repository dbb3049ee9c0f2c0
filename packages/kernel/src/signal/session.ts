import type { ThreadGroup } from "../task/thread-group.ts";

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
}

/** setpgid(2): processes that job control treats as one. */
export class ProcessGroup {
  readonly id: number;
  readonly session: Session;
  readonly members = new Set<ThreadGroup>();

  constructor(id: number, session: Session) {
    this.id = id;
    this.session = session;
  }
}
