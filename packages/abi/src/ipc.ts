/**
 * System V semaphores, message queues and shared memory, sysvipc(7). Source: Linux
 * include/uapi/linux/{ipc,sem,msg,shm}.h, asm-generic/{ipcbuf,sembuf,msgbuf,shmbuf}.h.
 */
import { array, hex16, hex32, i16, i32, i64, octal32, struct, u16, u32, u64 } from "./struct.ts";

export const IPC_PRIVATE = 0;
export const IPC_CREAT = 0o1000,
  IPC_EXCL = 0o2000,
  IPC_NOWAIT = 0o4000;
export const IPC_RMID = 0,
  IPC_SET = 1,
  IPC_STAT = 2,
  IPC_INFO = 3;
/** The C library adds it to the commands of machines that have two layouts; riscv64 has one. */
export const IPC_64 = 0x100;
export const IpcPerm = struct("ipc64_perm", {
  key: hex32,
  uid: u32,
  gid: u32,
  cuid: u32,
  cgid: u32,
  mode: octal32,
  seq: u16,
  _pad2: u16,
  _unused1: u64,
  _unused2: u64,
});

export const SEMMNI = 32000,
  SEMMSL = 32000,
  SEMMNS = 1024000000,
  SEMOPM = 500,
  SEMVMX = 32767,
  SEMUSZ = 20,
  SEM_UNDO = 0o10000;
export const GETPID = 11,
  GETVAL = 12,
  GETALL = 13,
  GETNCNT = 14,
  GETZCNT = 15,
  SETVAL = 16,
  SETALL = 17,
  SEM_STAT = 18,
  SEM_INFO = 19,
  SEM_STAT_ANY = 20;
export const Sembuf = struct("sembuf", { sem_num: u16, sem_op: i16, sem_flg: hex16 });
export const SemidDs = struct("semid64_ds", {
  sem_perm: IpcPerm,
  sem_otime: i64,
  sem_ctime: i64,
  sem_nsems: u64,
  _unused: array(u64, 2),
});
export const Seminfo = struct("seminfo", {
  semmap: i32,
  semmni: i32,
  semmns: i32,
  semmnu: i32,
  semmsl: i32,
  semopm: i32,
  semume: i32,
  semusz: i32,
  semvmx: i32,
  semaem: i32,
});

export const MSGMNI = 32000,
  MSGMAX = 8192,
  MSGMNB = 16384;
/** Of msgctl(2), IPC_INFO: bytes of a segment, and how many there are; nothing uses them. */
export const MSGSSZ = 16,
  MSGSEG = 0xffff;
export const MSG_NOERROR = 0o10000,
  MSG_EXCEPT = 0o20000,
  MSG_COPY = 0o40000;
export const MSG_STAT = 11,
  MSG_INFO = 12,
  MSG_STAT_ANY = 13;
export const MsqidDs = struct("msqid64_ds", {
  msg_perm: IpcPerm,
  msg_stime: i64,
  msg_rtime: i64,
  msg_ctime: i64,
  msg_cbytes: u64,
  msg_qnum: u64,
  msg_qbytes: u64,
  msg_lspid: i32,
  msg_lrpid: i32,
  _unused: array(u64, 2),
});
export const Msginfo = struct("msginfo", {
  msgpool: i32,
  msgmap: i32,
  msgmax: i32,
  msgmnb: i32,
  msgmni: i32,
  msgssz: i32,
  msgtql: i32,
  msgseg: u16,
});

export const SHMMNI = 4096,
  SHMMIN = 1;
export const SHM_HUGETLB = 0o4000,
  SHM_RDONLY = 0o10000,
  SHM_RND = 0o20000,
  SHM_REMAP = 0o40000,
  SHM_EXEC = 0o100000;
export const SHM_LOCK = 11,
  SHM_UNLOCK = 12,
  SHM_STAT = 13,
  SHM_INFO = 14,
  SHM_STAT_ANY = 15;
/** Mode bits that tell IPC_STAT that the last detaching destroys it, or that it is locked (include/linux/shm.h). */
export const SHM_DEST = 0o1000,
  SHM_LOCKED = 0o2000;
export const ShmidDs = struct("shmid64_ds", {
  shm_perm: IpcPerm,
  shm_segsz: u64,
  shm_atime: i64,
  shm_dtime: i64,
  shm_ctime: i64,
  shm_cpid: i32,
  shm_lpid: i32,
  shm_nattch: u64,
  _unused: array(u64, 2),
});
/** IPC_INFO. */
export const Shminfo = struct("shminfo64", {
  shmmax: u64,
  shmmin: u64,
  shmmni: u64,
  shmseg: u64,
  shmall: u64,
  _unused: array(u64, 4),
});
/** SHM_INFO. */
export const ShmInfo = struct("shm_info", {
  used_ids: i32,
  shm_tot: u64,
  shm_rss: u64,
  shm_swp: u64,
  swap_attempts: u64,
  swap_successes: u64,
});
