import { CAP_SYS_ADMIN, EINVAL, EPERM } from "@stratos/abi";
import { setCorePattern } from "../task/core-dump/core-settings.ts";
import type { Changes } from "../ground/changes.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { ITEMS_MAX } from "../event/epoll.ts";
import { FILES_MAX, OPEN_MOST } from "../vfs/file-table.ts";
import { MOUNTS_MAX } from "../vfs/vfs-state.ts";
import { MSGMAX_MOST } from "../ipc/message-queues.ts";
import { NAMESPACE_KINDS } from "../security/namespace.ts";
import { NAMESPACES_MOST } from "../security/namespace-counts.ts";
import { INITIAL_USER_NAMESPACE, type UserNamespace } from "../security/user-namespace.ts";
import type { Task } from "../task/task.ts";
import { isCapable } from "../security/credentials.ts";
import { PTYS_MAX } from "../tty/tty-state.ts";
import { PID_MAX_LEAST, PID_MAX_MOST } from "../task/task-table.ts";
import { type MqueueLimits, mqueueOf } from "../fs/mqueue/mqueue.ts";
import { KERNEL_INFO } from "../ground/kernel-log.ts";
import { PseudoDirectory, PseudoFile, type PseudoFileSystem } from "../pseudo/pseudo-inodes.ts";
import { RELEASE, VERSION } from "../ground/release.ts";

/** /proc/sys (proc_sys(5), sysctl(8)). */

interface Setting {
  read: (kernel: Kernel, task: Task) => string;
  write?: (kernel: Kernel, text: string, task: Task) => number;
  mode?: number;
  changes?: (task: Task) => Changes;
  /** In whose user namespace CAP_SYS_ADMIN lets one write it; default: the initial one. */
  owner?: (task: Task) => UserNamespace;
  /** The one value that it can have: another is refused, and the kernel's log says so. */
  only?: string;
}

/** What Linux lets one change and is one way here: the value that it has can be written, any other is EINVAL. */
function only(value: string): () => Setting {
  const words = (text: string): string => text.trim().replace(/\s+/g, " ");
  return () => ({
    only: value,
    read: () => value,
    write: (_kernel, text) => (words(text) === words(value) ? 0 : -EINVAL),
  });
}

/** A number that programs keep here for themselves. */
function note(path: string): () => Setting {
  return bounded(
    { least: -0x80000000, most: 0x7fffffff },
    ({ settings }) => settings.get(path) ?? 0,
    ({ settings }, value) => settings.set(path, value),
  );
}

function fixed(read: (kernel: Kernel, task: Task) => string): () => Setting {
  return () => ({ read });
}

/** A whole number of some subsystem, from `least` to `most`; what lies outside is EINVAL. */
function bounded(
  range: { least: number; most: number },
  read: (kernel: Kernel, task: Task) => number,
  write: (kernel: Kernel, value: number, task: Task) => void,
  owner?: (task: Task) => UserNamespace,
): () => Setting {
  return () => ({
    ...(owner === undefined ? {} : { owner }),
    read: (kernel, task) => String(read(kernel, task)),
    write: (kernel, text, task) => {
      const value = /^-?\d+$/.test(text.trim()) ? Number(text) : NaN;
      if (!(value >= range.least && value <= range.most)) return -EINVAL;
      write(kernel, value, task);
      return 0;
    },
  });
}

const networkOwner = (task: Task): UserNamespace => task.network.owner;
const ipcOwner = (task: Task): UserNamespace => task.ipc.owner;

/** msg_next_id and its like (proc_sys_kernel(5)): the identifier of the next object, −1 once it was given. */
function nextId(kind: "messages" | "semaphores" | "memory"): () => Setting {
  return bounded(
    { least: 0, most: 0x7fffffff },
    (_kernel, { ipc }) => ipc[kind].table.nextId,
    (_kernel, value, { ipc }) => (ipc[kind].table.nextId = value),
    ipcOwner,
  );
}

/** msgmni, shmmni. */
function objectLimit(kind: "messages" | "memory"): () => Setting {
  return bounded(
    { least: 0, most: 32768 },
    (_kernel, { ipc }) => ipc[kind].table.most,
    (_kernel, value, { ipc }) => (ipc[kind].table.most = value),
    ipcOwner,
  );
}

/** tcp_mem and udp_mem: three numbers of pages, of all the machine's networks. */
function socketMemory(kind: "tcpMemory" | "udpMemory"): () => Setting {
  return () => ({
    owner: () => INITIAL_USER_NAMESPACE,
    read: ({ network }) => network[kind].limits.join("\t"),
    write: ({ network }, text) => {
      const limits = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(text);
      if (limits === null) return -EINVAL;
      network[kind].limits = [Number(limits[1]), Number(limits[2]), Number(limits[3])];
      return 0;
    },
  });
}

function inotifyLimit(field: "maximumEvents" | "maximumInstances" | "maximumWatches"): () => Setting {
  return bounded(
    { least: 0, most: 0x7fffffff },
    (kernel) => kernel.inotifyLimits[field],
    (kernel, value) => (kernel.inotifyLimits[field] = value),
  );
}

function hostField(field: "hostname" | "domainname"): () => Setting {
  return () => ({
    changes: (task) => task.namespaces.uts.changes,
    owner: (task) => task.namespaces.uts.owner,
    read: (_kernel, task) => task.namespaces.uts[field],
    write: (_kernel, text, { namespaces: { uts } }) => {
      if (text.length > 64) return -EINVAL;
      uts[field] = text;
      uts.changes.changed();
      return 0;
    },
  });
}

/** A limit of POSIX message queues (mq_overview(7), /proc interfaces). */
function queueLimit(field: keyof MqueueLimits, most: number): () => Setting {
  return () => ({
    owner: ipcOwner,
    read: (_kernel, task) => String(mqueueOf(task).limits[field]),
    write: (_kernel, text, task) => {
      const value = /^\d+$/.test(text) ? Number(text) : NaN;
      if (!(value >= 1 && value <= most)) return -EINVAL;
      mqueueOf(task).limits[field] = value;
      return 0;
    },
  });
}

function uuid(kernel: Kernel): string {
  const bytes = new Uint8Array(16);
  kernel.random.fill(bytes);
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/**
 * net/ipv4/conf and net/ipv6/conf: what Linux begins with, for all interfaces, for new ones, and for each. `tag` is a
 * number "which can be used as required" (Linux Documentation/networking/ip-sysctl.rst).
 */
function interfaceSettings(): Record<string, () => Setting> {
  const settings: Record<string, () => Setting> = {};
  const versions: Readonly<Record<string, readonly (readonly [name: string, value: string])[]>> = {
    ipv4: [
      ["accept_redirects", "1"],
      ["accept_source_route", "0"],
      ["arp_ignore", "0"],
      ["arp_announce", "0"],
      ["forwarding", "0"],
      ["log_martians", "0"],
      ["proxy_arp", "0"],
      ["route_localnet", "0"],
      ["rp_filter", "0"],
      ["secure_redirects", "1"],
      ["send_redirects", "1"],
      ["tag", "0"],
    ],
    ipv6: [
      ["accept_ra", "1"],
      ["autoconf", "1"],
      ["forwarding", "0"],
      ["hop_limit", "64"],
      ["mtu", "1280"],
    ],
  };
  for (const [version, names] of Object.entries(versions)) {
    for (const place of ["all", "default", "lo"])
      for (const [name, value] of names) {
        const path = `net/${version}/conf/${place}/${name}`;
        settings[path] = name === "tag" ? note(path) : only(value);
      }
  }
  return settings;
}

/** user/max_*_namespaces: of the reader's user namespace (namespaces(7)). */
function namespaceLimits(): Record<string, () => Setting> {
  const settings: Record<string, () => Setting> = {};
  for (const kind of NAMESPACE_KINDS) {
    settings[`user/max_${kind}_namespaces`] = bounded(
      { least: 0, most: NAMESPACES_MOST },
      ({ namespaceCounts }, task) => namespaceCounts.limit(task.credentials.userNamespace, kind),
      ({ namespaceCounts }, value, task) => namespaceCounts.setLimit(task.credentials.userNamespace, kind, value),
      (task) => task.credentials.userNamespace,
    );
  }
  return settings;
}

const SETTINGS: Readonly<Record<string, () => Setting>> = {
  "kernel/osrelease": fixed(() => RELEASE),
  "kernel/ostype": fixed(() => "Linux"),
  "kernel/version": fixed(() => VERSION),
  "kernel/arch": fixed(() => "riscv64"),
  "kernel/hostname": hostField("hostname"),
  "kernel/domainname": hostField("domainname"),
  "kernel/pid_max": bounded(
    { least: PID_MAX_LEAST, most: PID_MAX_MOST },
    (kernel) => kernel.tasks.maximum,
    (kernel, value) => (kernel.tasks.maximum = value),
  ),
  "kernel/ns_last_pid": bounded(
    { least: 0, most: PID_MAX_MOST },
    ({ tasks }, { group }) => (group.pidNamespace === tasks.namespace ? tasks : group.pidNamespace).lastAllocated,
    ({ tasks }, value, { group }) => {
      (group.pidNamespace === tasks.namespace ? tasks : group.pidNamespace).lastAllocated = value;
    },
    ({ group }) => group.pidNamespace.owner,
  ),
  "kernel/threads-max": fixed((kernel) => String(kernel.maximumTasks)),
  "kernel/ngroups_max": fixed(() => "65536"),
  "kernel/cap_last_cap": fixed(() => "40"),
  "kernel/overflowuid": only("65534"),
  "kernel/overflowgid": only("65534"),
  "kernel/core_pattern": () => ({ read: (kernel) => kernel.coreSettings.pattern, write: setCorePattern }),
  "kernel/core_pipe_limit": bounded(
    { least: 0, most: 0x7fffffff },
    ({ coreSettings }) => coreSettings.pipeLimit,
    ({ coreSettings }, value) => (coreSettings.pipeLimit = value),
  ),
  "kernel/core_uses_pid": () => ({
    read: (kernel) => (kernel.coreSettings.usesPid ? "1" : "0"),
    write: (kernel, text) => {
      if (!/^\d+$/.test(text)) return -EINVAL;
      kernel.coreSettings.usesPid = Number(text) !== 0;
      return 0;
    },
  }),
  "kernel/acct": () => ({
    read: ({ accounting }) => `${accounting.limits.high}\t${accounting.limits.low}\t${accounting.limits.seconds}`,
    write: ({ accounting }, text) => {
      const limits = /^\s*(\d+)\s+(\d+)\s+(\d+)\s*$/.exec(text);
      if (limits === null) return -EINVAL;
      accounting.limits = { high: Number(limits[1]), low: Number(limits[2]), seconds: Number(limits[3]) };
      return 0;
    },
  }),
  "kernel/printk": only("4\t4\t1\t7"),
  "kernel/dmesg_restrict": bounded(
    { least: 0, most: 1 },
    ({ messages }) => (messages.isRestricted ? 1 : 0),
    ({ messages }, value) => (messages.isRestricted = value === 1),
  ),
  "kernel/kptr_restrict": only("0"),
  "kernel/perf_event_paranoid": only("4"),
  "kernel/randomize_va_space": only("0"),
  "kernel/sched_child_runs_first": only("0"),
  "kernel/sched_rt_period_us": only("1000000"),
  "kernel/sched_rt_runtime_us": only("950000"),
  "kernel/sem": only("32000\t1024000000\t500\t32000"),
  "kernel/sem_next_id": nextId("semaphores"),
  "kernel/shmmax": () => ({
    owner: ipcOwner,
    read: (_kernel, { ipc }) =>
      ipc.memory.maximumSegment === Infinity ? "18446744073692774399" : String(ipc.memory.maximumSegment),
    write: (_kernel, text, { ipc }) => {
      if (!/^\d+$/.test(text.trim())) return -EINVAL;
      ipc.memory.maximumSegment = Number(text) >= 2 ** 53 ? Infinity : Number(text);
      return 0;
    },
  }),
  "kernel/shmall": only("18446744073692774399"),
  "kernel/shmmni": objectLimit("memory"),
  "kernel/shm_next_id": nextId("memory"),
  "kernel/msgmax": bounded(
    { least: 0, most: MSGMAX_MOST },
    (_kernel, { ipc }) => ipc.messages.maximumMessage,
    (_kernel, value, { ipc }) => (ipc.messages.maximumMessage = value),
    ipcOwner,
  ),
  "kernel/msgmnb": bounded(
    { least: 0, most: 0x7fffffff },
    (_kernel, { ipc }) => ipc.messages.maximumQueue,
    (_kernel, value, { ipc }) => (ipc.messages.maximumQueue = value),
    ipcOwner,
  ),
  "kernel/msgmni": objectLimit("messages"),
  "kernel/msg_next_id": nextId("messages"),
  "kernel/sysrq": only("0"),
  "kernel/tainted": fixed(() => "0"),
  "kernel/unprivileged_userns_clone": only("1"),
  "kernel/unprivileged_bpf_disabled": only("2"),
  "kernel/yama/ptrace_scope": only("0"),
  "kernel/seccomp/actions_avail": fixed(() => "kill_process kill_thread trap errno user_notif trace log allow"),
  "kernel/keys/maxkeys": only("200"),
  "kernel/pty/max": bounded(
    { least: 0, most: PTYS_MAX },
    ({ tty }) => tty.maximumPtys,
    ({ tty }, value) => (tty.maximumPtys = value),
  ),
  "kernel/pty/nr": fixed(({ tty }) => String(tty.ptyCount)),
  "kernel/random/boot_id": fixed((kernel) => (kernel.bootId ||= uuid(kernel))),
  "kernel/random/uuid": fixed(uuid),
  "kernel/random/entropy_avail": fixed(() => "256"),
  "kernel/random/poolsize": fixed(() => "256"),
  "vm/overcommit_memory": only("0"),
  "vm/overcommit_ratio": only("50"),
  "vm/overcommit_kbytes": only("0"),
  "vm/max_map_count": bounded(
    { least: 0, most: 0x7fffffff },
    (kernel) => kernel.maximumAreas,
    (kernel, value) => (kernel.maximumAreas = value),
  ),
  "vm/mmap_min_addr": only("65536"),
  "vm/swappiness": only("60"),
  "vm/vfs_cache_pressure": only("100"),
  "vm/dirty_ratio": only("20"),
  "vm/dirty_background_ratio": only("10"),
  "vm/dirty_expire_centisecs": only("3000"),
  "vm/dirty_writeback_centisecs": only("500"),
  "vm/min_free_kbytes": only("4096"),
  "vm/nr_hugepages": only("0"),
  "vm/panic_on_oom": only("0"),
  "vm/oom_kill_allocating_task": only("0"),
  "vm/drop_caches": () => ({
    read: () => "0",
    mode: 0o200,
    write: (kernel, text) => {
      if (!/^[1234]$/.test(text)) return -EINVAL;
      if (text === "1" || text === "3") kernel.memory.reclaimAll();
      return 0;
    },
  }),
  "fs/file-max": fixed(() => String(FILES_MAX)),
  "fs/file-nr": fixed((kernel) => `${openFiles(kernel)}\t0\t${FILES_MAX}`),
  "fs/nr_open": bounded(
    { least: 64, most: OPEN_MOST },
    ({ fileUsage }) => fileUsage.tableMost,
    ({ fileUsage }, value) => (fileUsage.tableMost = value),
  ),
  "fs/inode-nr": fixed((kernel) => `${kernel.vfs.dentryCount}\t0`),
  "fs/dentry-state": fixed((kernel) => `${kernel.vfs.dentryCount}\t0\t45\t0\t0\t0`),
  // Rounded up to a power of two (pipe(7)).
  "fs/pipe-max-size": bounded(
    { least: 0, most: 1 << 27 },
    ({ pipeLimits }) => pipeLimits.maximumBytes,
    ({ pipeLimits }, value) => (pipeLimits.maximumBytes = 2 ** Math.ceil(Math.log2(Math.max(value, 4096)))),
  ),
  "fs/pipe-user-pages-hard": bounded(
    { least: 0, most: Infinity },
    ({ pipeLimits }) => pipeLimits.hardPages,
    ({ pipeLimits }, value) => (pipeLimits.hardPages = value),
  ),
  "fs/pipe-user-pages-soft": bounded(
    { least: 0, most: Infinity },
    ({ pipeLimits }) => pipeLimits.softPages,
    ({ pipeLimits }, value) => (pipeLimits.softPages = value),
  ),
  "fs/mount-max": bounded(
    { least: 1, most: MOUNTS_MAX },
    ({ vfs }) => vfs.maximumMounts,
    ({ vfs }, value) => (vfs.maximumMounts = value),
  ),
  "fs/aio-max-nr": only("65536"),
  "fs/aio-nr": fixed(() => "0"),
  "fs/lease-break-time": bounded(
    { least: 0, most: 0x7fffffff },
    ({ vfs }) => vfs.leaseBreakSeconds,
    ({ vfs }, value) => (vfs.leaseBreakSeconds = value),
  ),
  "fs/leases-enable": bounded(
    { least: 0, most: 1 },
    ({ vfs }) => (vfs.hasLeases ? 1 : 0),
    ({ vfs }, value) => (vfs.hasLeases = value === 1),
  ),
  "fs/protected_hardlinks": only("0"),
  "fs/protected_symlinks": only("0"),
  "fs/protected_fifos": only("0"),
  "fs/protected_regular": only("0"),
  "fs/suid_dumpable": only("0"),
  "fs/inotify/max_queued_events": inotifyLimit("maximumEvents"),
  "fs/inotify/max_user_instances": inotifyLimit("maximumInstances"),
  "fs/inotify/max_user_watches": inotifyLimit("maximumWatches"),
  "fs/epoll/max_user_watches": fixed(() => String(ITEMS_MAX)),
  "fs/mqueue/msg_max": queueLimit("messages", 65536),
  "fs/mqueue/msgsize_max": queueLimit("messageSize", 16 << 20),
  "fs/mqueue/msg_default": queueLimit("messagesDefault", 65536),
  "fs/mqueue/msgsize_default": queueLimit("messageSizeDefault", 16 << 20),
  "fs/mqueue/queues_max": queueLimit("queues", 2147483647),
  "net/core/somaxconn": only("4096"),
  "net/core/rmem_max": only("212992"),
  "net/core/wmem_max": only("212992"),
  "net/core/rmem_default": only("212992"),
  "net/core/wmem_default": only("212992"),
  "net/core/netdev_max_backlog": only("1000"),
  "net/core/optmem_max": only("131072"),
  "net/ipv4/ip_forward": only("0"),
  "net/ipv4/ip_local_port_range": only("32768\t60999"),
  "net/ipv4/ip_unprivileged_port_start": only("1024"),
  "net/ipv4/tcp_fin_timeout": only("60"),
  "net/ipv4/tcp_keepalive_time": only("7200"),
  "net/ipv4/tcp_syncookies": only("1"),
  "net/ipv4/tcp_mem": socketMemory("tcpMemory"),
  "net/ipv4/udp_mem": socketMemory("udpMemory"),
  "net/ipv4/tcp_rmem": only("4096\t131072\t6291456"),
  "net/ipv4/tcp_wmem": only("4096\t16384\t4194304"),
  "net/ipv4/tcp_congestion_control": only("cubic"),
  "net/ipv4/tcp_available_congestion_control": fixed(() => "cubic"),
  "net/ipv4/ping_group_range": () => ({
    read: (_kernel, { network }) => `${network.pingGroups.first}\t${network.pingGroups.last}`,
    write: (_kernel, text, { network }) => {
      const range = /^(\d+)\s+(\d+)$/.exec(text.trim());
      if (range === null || Number(range[1]) > 0xfffffffe || Number(range[2]) > 0xfffffffe) return -EINVAL;
      network.pingGroups = { first: Number(range[1]), last: Number(range[2]) };
      return 0;
    },
  }),
  "net/ipv6/conf/all/disable_ipv6": only("0"),
  "net/ipv6/conf/default/disable_ipv6": only("0"),
  "net/ipv6/conf/lo/disable_ipv6": only("0"),
  "net/ipv6/bindv6only": only("0"),
  ...interfaceSettings(),
  "net/unix/max_dgram_qlen": only("512"),
  ...namespaceLimits(),
};

function openFiles(kernel: Kernel): number {
  const tables = new Set([...kernel.tasks.tasks.values()].map((task) => task.files));
  let count = 0;
  for (const table of tables) count += table?.openCount ?? 0;
  return count;
}

/** Settings with one value, by path below /proc/sys: path and value. */
export function settledValues(): (readonly [path: string, value: string])[] {
  return Object.entries(SETTINGS)
    .map(([path, make]) => [path, make().only ?? null] as const)
    .filter((row): row is readonly [string, string] => row[1] !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

/** @param region  of the inodes below it (PseudoFileSystem.inRegion) */
export function sysctlDirectory(fileSystem: PseudoFileSystem, region: number): PseudoDirectory {
  return new PseudoDirectory(fileSystem).fillLater(region, addSettings);
}

function addSettings(root: PseudoDirectory): void {
  const { fileSystem } = root;
  const { kernel } = fileSystem;
  for (const [path, make] of Object.entries(SETTINGS)) {
    const setting = make();
    const owner = setting.owner ?? (path.startsWith("net/") ? networkOwner : undefined);
    const names = path.split("/");
    let directory = root;
    for (const name of names.slice(0, -1)) {
      let next = directory.entries.get(name);
      if (!(next instanceof PseudoDirectory)) {
        next = new PseudoDirectory(fileSystem);
        directory.add(name, next);
      }
      directory = next as PseudoDirectory;
    }
    const { write, changes } = setting;
    directory.add(
      names.at(-1)!,
      new PseudoFile(
        fileSystem,
        (task) => `${setting.read(kernel, task)}\n`,
        write === undefined
          ? {}
          : {
              mode: setting.mode ?? 0o644,
              ...(changes === undefined ? {} : { watched: changes }),
              sink: (task, text, opener) => {
                const namespace = owner?.(task);
                if (![task.credentials, opener].every((each) => isCapable(each, CAP_SYS_ADMIN, namespace)))
                  return -EPERM;
                const result = write(kernel, text.replace(/\n$/, ""), task);
                if (setting.only !== undefined && result < 0)
                  kernel.messages.add(KERNEL_INFO, `sysctl: ${path} is always ${setting.only} here`);
                return result;
              },
            },
      ),
    );
  }
}
