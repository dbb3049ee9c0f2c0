/** /proc/sys (proc_sys(5), sysctl(8)). */
import { CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN, CAP_SYS_RESOURCE, EINVAL } from "@stratos/abi";
import { setCorePattern } from "../task/core-dump/core-settings.ts";
import { AIO_EVENTS_MOST } from "../mm/aio-context.ts";
import type { Kernel } from "../task/kernel-state.ts";
import { ITEMS_MAX } from "../event/epoll.ts";
import { OPEN_MAX } from "../vfs/file-table.ts";
import { MOUNTS_MAX } from "../vfs/mount-counts.ts";
import { MSGMAX_MOST } from "../ipc/message-queues.ts";
import type { ProtectedNames } from "../vfs/protected-names.ts";
import { NAMESPACE_KINDS, type NamespaceKind } from "../security/namespace.ts";
import { NAMESPACES_MOST, WATCH_KINDS, WATCHES_MOST, type WatchKind } from "../security/namespace-counts.ts";
import { INITIAL_USER_NAMESPACE } from "../security/user-namespace.ts";
import { dropUnusedDentries } from "../vfs/dentry-cache.ts";
import { PTYS_MAX } from "../tty/tty-state.ts";
import { RR_TIMESLICE_MS } from "../task/scheduler.ts";
import { PID_MAX_LEAST, PID_MAX_MOST } from "../task/task-table.ts";
import { type MqueueLimits, mqueueOf } from "../fs/mqueue/mqueue.ts";
import { PseudoDirectory } from "../pseudo/pseudo-inodes.ts";
import { RELEASE, VERSION } from "../ground/release.ts";
import { randomUuid } from "../ground/uuid.ts";
import { ConfDirectory, interfaceSettings } from "./interface-settings.ts";
import { networkSettings } from "./network-sysctl.ts";
import { filesMost, machineHints } from "./setting-hints.ts";
import { bounded, fixed, numbers, only, type Setting, SettingFile, type SettingRight } from "./setting.ts";

const IPC_RIGHT: SettingRight = { owner: ({ ipc }) => ipc.owner, capability: CAP_SYS_ADMIN, opens: true };

/** msg_next_id and its like (proc_sys_kernel(5)): the identifier of the next object, −1 once it was given. */
function nextId(kind: "messages" | "semaphores" | "memory"): () => Setting {
  return bounded(
    { least: 0, most: 0x7fffffff },
    (_kernel, { ipc }) => ipc[kind].table.nextId,
    (_kernel, value, { ipc }) => (ipc[kind].table.nextId = value),
    IPC_RIGHT,
  );
}

/** fs.protected_*. */
function protection(names: keyof ProtectedNames, most: number): () => Setting {
  return bounded(
    { least: 0, most },
    ({ vfs }) => vfs.protects[names],
    ({ vfs }, value) => (vfs.protects[names] = value),
  );
}

/** msgmni, shmmni. */
function objectLimit(kind: "messages" | "memory"): () => Setting {
  return bounded(
    { least: 0, most: 32768 },
    (_kernel, { ipc }) => ipc[kind].table.most,
    (_kernel, value, { ipc }) => (ipc[kind].table.most = value),
    IPC_RIGHT,
  );
}

/** fs/{inotify,fanotify}/max_queued_events; what each user may have is the initial user namespace's limit. */
function watchSettings(): Record<string, () => Setting> {
  const bounds = { least: 0, most: WATCHES_MOST };
  const events = (limits: "inotifyLimits" | "fanotifyLimits"): (() => Setting) =>
    bounded(
      bounds,
      (kernel) => kernel[limits].maximumEvents,
      (kernel, value) => (kernel[limits].maximumEvents = value),
    );
  const users = (kind: WatchKind): (() => Setting) =>
    bounded(
      bounds,
      ({ namespaceCounts }) => namespaceCounts.limit(INITIAL_USER_NAMESPACE, kind),
      ({ namespaceCounts }, value) => namespaceCounts.setLimit(INITIAL_USER_NAMESPACE, kind, value),
    );
  return {
    "fs/fanotify/max_queued_events": events("fanotifyLimits"),
    "fs/fanotify/max_user_groups": users("fanotify_groups"),
    "fs/fanotify/max_user_marks": users("fanotify_marks"),
    "fs/inotify/max_queued_events": events("inotifyLimits"),
    "fs/inotify/max_user_instances": users("inotify_instances"),
    "fs/inotify/max_user_watches": users("inotify_watches"),
  };
}

function hostField(field: "hostname" | "domainname"): () => Setting {
  return () => ({
    changes: (task) => task.namespaces.uts.changes,
    right: { owner: (task) => task.namespaces.uts.owner, capability: CAP_SYS_ADMIN, opens: false },
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
    right: IPC_RIGHT,
    read: (_kernel, task) => String(mqueueOf(task).limits[field]),
    write: (_kernel, text, task) => {
      const value = /^\d+$/.test(text) ? Number(text) : NaN;
      if (!(value >= 1 && value <= most)) return -EINVAL;
      mqueueOf(task).limits[field] = value;
      return 0;
    },
  });
}

/** user/max_*: of the reader's user namespace (namespaces(7)). */
function userLimits(): Record<string, () => Setting> {
  const limit = (kind: NamespaceKind | WatchKind, most: number): (() => Setting) =>
    bounded(
      { least: 0, most },
      ({ namespaceCounts }, task) => namespaceCounts.limit(task.credentials.userNamespace, kind),
      ({ namespaceCounts }, value, task) => namespaceCounts.setLimit(task.credentials.userNamespace, kind, value),
      { owner: (task) => task.credentials.userNamespace, capability: CAP_SYS_RESOURCE, opens: true },
    );
  return Object.fromEntries([
    ...NAMESPACE_KINDS.map((kind) => [`user/max_${kind}_namespaces`, limit(kind, NAMESPACES_MOST)]),
    ...WATCH_KINDS.map((kind) => [`user/max_${kind}`, limit(kind, WATCHES_MOST)]),
  ]);
}

/** kernel/keys/* (keyrings(7)). */
function keySettings(): Record<string, () => Setting> {
  const settings: Record<string, () => Setting> = {};
  for (const name of KEY_SETTINGS) {
    settings[`kernel/keys/${name}`] = bounded(
      { least: 0, most: 0x7fffffff },
      ({ keys }) => keys.settings[name],
      ({ keys }, value) => (keys.settings[name] = value),
    );
  }
  return settings;
}

const KEY_SETTINGS = [
  "gc_delay",
  "maxbytes",
  "maxkeys",
  "persistent_keyring_expiry",
  "root_maxbytes",
  "root_maxkeys",
] as const;

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
    ({ tasks }, { group }) => tasks.lastNumberIn(group.pidNamespace),
    ({ tasks }, value, { group }) => {
      (group.pidNamespace === tasks.namespace ? tasks : group.pidNamespace).lastAllocated = value;
    },
    { owner: ({ group }) => group.pidNamespace.owner, capability: CAP_CHECKPOINT_RESTORE, opens: true },
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
  "kernel/printk": numbers(
    4,
    ({ messages }) => messages.consoleLevels,
    ({ messages }, values) => {
      if (values.some((value) => Math.abs(value) > 0x7fffffff)) return -EINVAL;
      messages.consoleLevels = values;
      return 0;
    },
  ),
  "kernel/dmesg_restrict": bounded(
    { least: 0, most: 1 },
    ({ messages }) => (messages.isRestricted ? 1 : 0),
    ({ messages }, value) => (messages.isRestricted = value === 1),
  ),
  "kernel/kptr_restrict": only("0"),
  "kernel/perf_event_paranoid": only("4"),
  "kernel/randomize_va_space": only("0"),
  "kernel/sched_child_runs_first": only("0"),
  "kernel/sched_rr_timeslice_ms": numbers(
    1,
    ({ scheduler }) => [scheduler.rrTimesliceMs],
    ({ scheduler }, [value]) => {
      scheduler.rrTimesliceMs = value! <= 0 ? RR_TIMESLICE_MS : value!;
      return 0;
    },
  ),
  "kernel/sched_rt_period_us": numbers(
    1,
    ({ scheduler }) => [scheduler.realtimePeriodUs],
    ({ scheduler }, [value]) => {
      if (!(value! > 0 && value! <= 0x7fffffff && value! >= scheduler.realtimeRuntimeUs)) return -EINVAL;
      scheduler.realtimePeriodUs = value!;
      return 0;
    },
  ),
  "kernel/sched_rt_runtime_us": numbers(
    1,
    ({ scheduler }) => [scheduler.realtimeRuntimeUs],
    ({ scheduler }, [value]) => {
      if (!(value! >= -1 && value! <= scheduler.realtimePeriodUs)) return -EINVAL;
      scheduler.realtimeRuntimeUs = value!;
      return 0;
    },
  ),
  "kernel/sem": only("32000\t1024000000\t500\t32000"),
  "kernel/sem_next_id": nextId("semaphores"),
  "kernel/shmmax": () => ({
    right: IPC_RIGHT,
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
    IPC_RIGHT,
  ),
  "kernel/msgmnb": bounded(
    { least: 0, most: 0x7fffffff },
    (_kernel, { ipc }) => ipc.messages.maximumQueue,
    (_kernel, value, { ipc }) => (ipc.messages.maximumQueue = value),
    IPC_RIGHT,
  ),
  "kernel/msgmni": objectLimit("messages"),
  "kernel/msg_next_id": nextId("messages"),
  "kernel/tainted": fixed(() => "0"),
  "kernel/unprivileged_userns_clone": only("1"),
  "kernel/unprivileged_bpf_disabled": only("2"),
  "kernel/yama/ptrace_scope": only("0"),
  "kernel/seccomp/actions_avail": fixed(() => "kill_process kill_thread trap errno user_notif trace log allow"),
  ...keySettings(),
  "kernel/pty/max": bounded(
    { least: 0, most: PTYS_MAX },
    ({ tty }) => tty.maximumPtys,
    ({ tty }, value) => (tty.maximumPtys = value),
  ),
  "kernel/pty/nr": fixed(({ tty }) => String(tty.ptyCount)),
  "kernel/random/boot_id": fixed((kernel) => (kernel.bootId ||= randomUuid(kernel.random))),
  "kernel/random/uuid": fixed(({ random }) => randomUuid(random)),
  "kernel/random/entropy_avail": fixed(() => "256"),
  "kernel/random/poolsize": fixed(() => "256"),
  "vm/overcommit_memory": bounded(
    { least: 0, most: 2 },
    ({ overcommit }) => overcommit.mode,
    ({ overcommit }, value) => (overcommit.mode = value),
  ),
  "vm/overcommit_ratio": bounded(
    { least: 0, most: 0x7fffffff },
    ({ overcommit }) => overcommit.ratio,
    ({ overcommit }, value) => Object.assign(overcommit, { ratio: value, kilobytes: 0 }),
  ),
  "vm/overcommit_kbytes": bounded(
    { least: 0, most: Number.MAX_SAFE_INTEGER / 1024 },
    ({ overcommit }) => overcommit.kilobytes,
    ({ overcommit }, value) => Object.assign(overcommit, { kilobytes: value, ratio: 0 }),
  ),
  "vm/max_map_count": bounded(
    { least: 0, most: 0x7fffffff },
    (kernel) => kernel.maximumAreas,
    (kernel, value) => (kernel.maximumAreas = value),
  ),
  "vm/mmap_min_addr": only("4096"),
  "vm/memfd_noexec": only("0"),
  "vm/unprivileged_userfaultfd": only("0"),
  "vm/vfs_cache_pressure": bounded(
    { least: 0, most: 0x7fffffff },
    ({ vfs }) => vfs.cachePressure,
    ({ vfs }, value) => (vfs.cachePressure = value),
  ),
  "vm/nr_hugepages": only("0"),
  "vm/panic_on_oom": only("0"),
  "vm/oom_kill_allocating_task": only("0"),
  "vm/drop_caches": () => ({
    read: () => "0",
    mode: 0o200,
    write: (kernel, text) => {
      if (!/^[1234]$/.test(text)) return -EINVAL;
      if (text === "2" || text === "3") dropUnusedDentries(kernel);
      if (text === "1" || text === "3") kernel.memory.reclaimAll();
      return 0;
    },
  }),
  "fs/file-nr": fixed((kernel) => `${openFiles(kernel)}\t0\t${filesMost(kernel)}`),
  "fs/nr_open": bounded(
    { least: 64, most: OPEN_MAX },
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
  "fs/aio-max-nr": bounded(
    { least: 0, most: AIO_EVENTS_MOST },
    ({ aioUsage }) => aioUsage.most,
    ({ aioUsage }, value) => (aioUsage.most = value),
  ),
  "kernel/io_uring_disabled": bounded(
    { least: 0, most: 2 },
    ({ uringSettings }) => uringSettings.disabled,
    ({ uringSettings }, value) => (uringSettings.disabled = value),
  ),
  "kernel/io_uring_group": bounded(
    { least: -1, most: 0x7fffffff },
    ({ uringSettings }) => uringSettings.group,
    ({ uringSettings }, value) => (uringSettings.group = value),
  ),
  "fs/aio-nr": fixed(({ aioUsage }) => String(aioUsage.events)),
  "fs/dir-notify-enable": bounded(
    { least: 0, most: 1 },
    ({ vfs }) => (vfs.hasDirectoryNotes ? 1 : 0),
    ({ vfs }, value) => (vfs.hasDirectoryNotes = value === 1),
  ),
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
  "fs/protected_hardlinks": protection("hardlinks", 1),
  "fs/protected_symlinks": protection("symlinks", 1),
  "fs/protected_fifos": protection("fifos", 2),
  "fs/protected_regular": protection("regular", 2),
  "fs/suid_dumpable": bounded(
    { least: 0, most: 2 },
    ({ coreSettings }) => coreSettings.suidDumpable,
    ({ coreSettings }, value) => (coreSettings.suidDumpable = value),
  ),
  ...watchSettings(),
  "fs/epoll/max_user_watches": fixed(() => String(ITEMS_MAX)),
  "fs/mqueue/msg_max": queueLimit("messages", 65536),
  "fs/mqueue/msgsize_max": queueLimit("messageSize", 16 << 20),
  "fs/mqueue/msg_default": queueLimit("messagesDefault", 65536),
  "fs/mqueue/msgsize_default": queueLimit("messageSizeDefault", 16 << 20),
  "fs/mqueue/queues_max": queueLimit("queues", 2147483647),
  ...networkSettings(),
  ...machineHints(),
  ...userLimits(),
};

function openFiles(kernel: Kernel): number {
  const tables = new Set([...kernel.tasks.tasks.values()].map((task) => task.files));
  let count = 0;
  for (const table of tables) count += table?.openCount ?? 0;
  return count;
}

/** By path below /proc/sys, of settings with one value that, and of hints why; those of each interface under NAME. */
export function settledValues(what: "only" | "hint" = "only"): (readonly [path: string, value: string])[] {
  const ofInterfaces = (["ipv4", "ipv6"] as const).flatMap((version) =>
    Object.entries(interfaceSettings(version, "NAME")).map(
      ([key, make]) => [`net/${version}/conf/NAME/${key}`, make] as const,
    ),
  );
  return [...Object.entries(SETTINGS), ...ofInterfaces]
    .map(([path, make]) => [path, make()[what] ?? null] as const)
    .filter((row): row is readonly [string, string] => row[1] !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

export function addSettings(root: PseudoDirectory): void {
  const { fileSystem } = root;
  for (const [path, make] of Object.entries(SETTINGS)) {
    const names = path.split("/");
    let directory = root;
    for (const name of names.slice(0, -1)) {
      let next = directory.entries.get(name);
      if (!(next instanceof PseudoDirectory)) {
        next =
          name === "conf"
            ? new ConfDirectory(fileSystem, names[1] as "ipv4" | "ipv6")
            : new PseudoDirectory(fileSystem);
        directory.add(name, next);
      }
      directory = next as PseudoDirectory;
    }
    directory.add(names.at(-1)!, new SettingFile(fileSystem, path, make()));
  }
}
