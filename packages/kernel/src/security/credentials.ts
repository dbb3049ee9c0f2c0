/** Identity of a task (credentials(7), capabilities(7)). Immutable: a change makes a new object, shared by whoever forked. */
export interface Credentials {
  readonly uid: number; readonly euid: number; readonly suid: number; readonly fsuid: number;
  readonly gid: number; readonly egid: number; readonly sgid: number; readonly fsgid: number;
  readonly groups: readonly number[];
  /** Capability sets as pairs of 32-bit words [low, high] would be BigInt work: 41 capabilities fit a double. */
  readonly effective: number; readonly permitted: number; readonly inheritable: number; readonly bounding: number; readonly ambient: number;
  readonly noNewPrivileges: boolean;
  readonly secureBits: number;
}

/** Bits 0 … 40 set: CAP_CHOWN … CAP_CHECKPOINT_RESTORE. */
export const ALL_CAPABILITIES = 2 ** 41 - 1;

export const CAP_CHOWN = 0, CAP_DAC_OVERRIDE = 1, CAP_DAC_READ_SEARCH = 2, CAP_FOWNER = 3, CAP_FSETID = 4, CAP_KILL = 5, CAP_SETGID = 6;
export const CAP_SETUID = 7, CAP_SETPCAP = 8, CAP_LINUX_IMMUTABLE = 9, CAP_NET_BIND_SERVICE = 10, CAP_NET_ADMIN = 12, CAP_NET_RAW = 13;
export const CAP_IPC_LOCK = 14, CAP_IPC_OWNER = 15, CAP_SYS_CHROOT = 18, CAP_SYS_PTRACE = 19, CAP_SYS_ADMIN = 21, CAP_SYS_BOOT = 22, CAP_SYS_NICE = 23;
export const CAP_SYS_RESOURCE = 24, CAP_SYS_TIME = 25, CAP_SYS_TTY_CONFIG = 26, CAP_MKNOD = 27, CAP_LEASE = 28, CAP_SETFCAP = 31, CAP_MAC_OVERRIDE = 32, CAP_SYSLOG = 34, CAP_WAKE_ALARM = 35;

export const ROOT: Credentials = {
  uid: 0, euid: 0, suid: 0, fsuid: 0, gid: 0, egid: 0, sgid: 0, fsgid: 0, groups: [],
  effective: ALL_CAPABILITIES, permitted: ALL_CAPABILITIES, inheritable: 0, bounding: ALL_CAPABILITIES, ambient: 0,
  noNewPrivileges: false, secureBits: 0,
};

/** Is the capability in the effective set? */
export function isCapable(credentials: Credentials, capability: number): boolean {
  return Math.floor(credentials.effective / 2 ** capability) % 2 === 1;
}

export function isInGroup(credentials: Credentials, gid: number): boolean {
  return credentials.fsgid === gid || credentials.groups.includes(gid);
}
