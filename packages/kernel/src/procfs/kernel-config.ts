/**
 * /proc/config.gz: which of Linux's features there are, in the words of its configuration, so that programs and tests
 * ask instead of trying. What a system call or a file system stands for is looked up in the kernel's own tables; the
 * rest is said here.
 */
import { SYSCALL_NUMBERS } from "@stratos/abi";
import { byteStringOf, crc32 } from "@stratos/base";
import { RELEASE } from "../ground/release.ts";
import type { Kernel } from "../task/kernel-state.ts";

/** Is the feature of this call there? */
const BY_CALL: Readonly<Record<string, string>> = {
  AIO: "io_setup",
  ADVISE_SYSCALLS: "madvise",
  BSD_PROCESS_ACCT: "acct",
  CGROUP_BPF: "bpf",
  BSD_PROCESS_ACCT_V3: "acct",
  CROSS_MEMORY_ATTACH: "process_vm_readv",
  EPOLL: "epoll_create1",
  EVENTFD: "eventfd2",
  FANOTIFY: "fanotify_init",
  FHANDLE: "name_to_handle_at",
  FUTEX: "futex",
  INOTIFY_USER: "inotify_init1",
  IO_URING: "io_uring_setup",
  KCMP: "kcmp",
  KEXEC: "kexec_load",
  KEYS: "add_key",
  MEMBARRIER: "membarrier",
  MEMFD_CREATE: "memfd_create",
  MODULES: "init_module",
  NUMA: "mbind",
  PERF_EVENTS: "perf_event_open",
  POSIX_MQUEUE: "mq_open",
  POSIX_TIMERS: "timer_create",
  QUOTA: "quotactl",
  RSEQ: "rseq",
  SECCOMP: "seccomp",
  SECCOMP_FILTER: "seccomp",
  SECRETMEM: "memfd_secret",
  SECURITY_LANDLOCK: "landlock_create_ruleset",
  SIGNALFD: "signalfd4",
  SWAP: "swapon",
  SYSVIPC: "semget",
  TIMERFD: "timerfd_create",
  USERFAULTFD: "userfaultfd",
};
/** Is the file system there? */
const BY_TYPE: Readonly<Record<string, string>> = {
  BTRFS_FS: "btrfs",
  CFS_BANDWIDTH: "cgroup2",
  CGROUPS: "cgroup2",
  CGROUP_DEVICE: "cgroup2",
  CGROUP_FREEZER: "cgroup2",
  CGROUP_PIDS: "cgroup2",
  CGROUP_SCHED: "cgroup2",
  CPUSETS: "cgroup2",
  DEVTMPFS: "devtmpfs",
  EXT4_FS: "ext4",
  FAIR_GROUP_SCHED: "cgroup2",
  FUSE_FS: "fuse",
  HUGETLBFS: "hugetlbfs",
  MEMCG: "cgroup2",
  OVERLAY_FS: "overlay",
  PROC_FS: "proc",
  SQUASHFS: "squashfs",
  SYSFS: "sysfs",
  TMPFS: "tmpfs",
  XFS_FS: "xfs",
};
const PRESENT: readonly string[] = [
  "64BIT",
  "AF_UNIX_OOB",
  "BIG_KEYS",
  "BLK_DEV_LOOP",
  "BLOCK",
  "BRIDGE",
  "CHECKPOINT_RESTORE",
  "DNOTIFY",
  "DUMMY",
  "EFI_PARTITION",
  "FILE_LOCKING",
  "IKCONFIG",
  "IKCONFIG_PROC",
  "INET",
  "INET_DIAG",
  "INET_TCP_DIAG",
  "INET_UDP_DIAG",
  "IP6_NF_TARGET_MASQUERADE",
  "IPC_NS",
  "IPV6",
  "IPV6_MULTIPLE_TABLES",
  "IP_ADVANCED_ROUTER",
  "IP_MULTICAST",
  "IP_MULTIPLE_TABLES",
  "IP_NF_TARGET_MASQUERADE",
  "MMU",
  "MSDOS_PARTITION",
  "MULTIUSER",
  "NAMESPACES",
  "NET",
  "NETFILTER",
  "NETFILTER_ADVANCED",
  "NETFILTER_NETLINK",
  "NETFILTER_XTABLES",
  "NETFILTER_XT_MARK",
  "NETFILTER_XT_MATCH_ADDRTYPE",
  "NETFILTER_XT_MATCH_COMMENT",
  "NETFILTER_XT_MATCH_CONNTRACK",
  "NETFILTER_XT_MATCH_MULTIPORT",
  "NETFILTER_XT_NAT",
  "NETFILTER_XT_TARGET_MASQUERADE",
  "NETFILTER_XT_TARGET_REDIRECT",
  "NET_NS",
  "NFT_COMPAT",
  "NFT_CT",
  "NFT_LIMIT",
  "NFT_LOG",
  "NFT_MASQ",
  "NFT_NAT",
  "NFT_QUOTA",
  "NFT_REDIR",
  "NFT_REJECT",
  "NF_CONNTRACK",
  "NF_CT_NETLINK",
  "NF_NAT",
  "NF_NAT_MASQUERADE",
  "NF_NAT_REDIRECT",
  "NF_TABLES",
  "NF_TABLES_INET",
  "NF_TABLES_IPV4",
  "NF_TABLES_IPV6",
  "PACKET",
  "PARTITION_ADVANCED",
  "PERSISTENT_KEYRINGS",
  "PID_NS",
  "PRINTK",
  "PROC_PAGE_MONITOR",
  "PROC_SYSCTL",
  "RISCV",
  "RPS",
  "SHMEM",
  "SYSCTL",
  "TCP_CONG_CUBIC",
  "TIME_NS",
  "TMPFS_POSIX_ACL",
  "TMPFS_XATTR",
  "TTY",
  "TUN",
  "UNIX",
  "UNIX98_PTYS",
  "UNIX_DIAG",
  "USER_NS",
  "UTS_NS",
  "VETH",
];
const ABSENT: readonly string[] = [
  "AUTOFS_FS",
  "BLK_CGROUP",
  "BLK_DEV_RAM",
  // Of bpf(2) there is what CGROUP_BPF stands for.
  "BPF_SYSCALL",
  "BRIDGE_NETFILTER",
  "BRIDGE_VLAN_FILTERING",
  "CGROUP_HUGETLB",
  "CGROUP_PERF",
  "DEBUG_FS",
  "IP6_NF_IPTABLES",
  "IPVLAN",
  "IP_NF_IPTABLES",
  "IP_SET",
  "IP_VS",
  "KSM",
  "KVM",
  "MACVLAN",
  "MEMORY_FAILURE",
  "NET_SCHED",
  "PREEMPT_RT",
  "QFMT_V2",
  "RT_GROUP_SCHED",
  "SECURITY",
  "SMP",
  "TRACING",
  "TRANSPARENT_HUGEPAGE",
  "VLAN_8021Q",
  "VXLAN",
  "WIREGUARD",
  "XFRM",
  "ZRAM",
];
const VALUES: Readonly<Record<string, string>> = {
  BLK_DEV_LOOP_MIN_COUNT: "0",
  DEFAULT_HOSTNAME: '"(none)"',
  HZ: "1000",
  LOG_BUF_SHIFT: "19",
  PGTABLE_LEVELS: "3",
};

function kernelConfiguration(kernel: Kernel): string {
  const options = new Map<string, string | null>();
  for (const [option, call] of Object.entries(BY_CALL)) {
    const row = kernel.calls[SYSCALL_NUMBERS.get(call) ?? -1];
    options.set(option, row !== undefined && row.isAbsent !== true ? "y" : null);
  }
  for (const [option, type] of Object.entries(BY_TYPE)) options.set(option, kernel.vfs.types.has(type) ? "y" : null);
  for (const option of PRESENT) options.set(option, "y");
  for (const option of ABSENT) options.set(option, null);
  if (kernel.harts > 1) options.set("SMP", "y");
  for (const [option, value] of Object.entries(VALUES)) options.set(option, value);
  const sorted = [...options].sort(([one], [other]) => (one < other ? -1 : 1));
  const lines = sorted.map(([option, value]) =>
    value === null ? `# CONFIG_${option} is not set\n` : `CONFIG_${option}=${value}\n`,
  );
  // By the second line programs know of which release it is.
  return `#\n# Linux/riscv ${RELEASE} Kernel Configuration\n#\n${lines.join("")}`;
}

/** The file's bytes, the same each time. */
export function compressedConfiguration(kernel: Kernel): string {
  return gzipStored(kernelConfiguration(kernel));
}

/**
 * RFC 1952 around one stored block of RFC 1951 §3.2.4, so at most 65,535 bytes: nothing is gained by making them fewer.
 */
function gzipStored(text: string): string {
  const { length } = text;
  const stored = `\x01${littleEndian(length, 2)}${littleEndian(~length, 2)}${text}`;
  const trailer = `${littleEndian(crc32(byteStringOf(text)), 4)}${littleEndian(length, 4)}`;
  return `\x1f\x8b\x08\0\0\0\0\0\0\xff${stored}${trailer}`;
}

function littleEndian(value: number, bytes: number): string {
  return Array.from({ length: bytes }, (_, index) => String.fromCharCode((value >>> (8 * index)) & 0xff)).join("");
}
