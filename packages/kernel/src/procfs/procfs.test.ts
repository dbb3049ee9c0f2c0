/** procfs, sysfs and devtmpfs as programs read them, through system calls over a fake process. */
import {
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  AF_INET,
  AF_INET6,
  AF_PACKET,
  AF_UNIX,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  DN_CREATE,
  EACCES,
  EAGAIN,
  EINVAL,
  ENOENT,
  ENOSPC,
  ENXIO,
  EPERM,
  F_NOTIFY,
  F_OFD_SETLK,
  F_RDLCK,
  F_SETLEASE,
  F_SETLK,
  F_SETLKW,
  F_WRLCK,
  LOCK_EX,
  LOCK_SH,
  LOCK_UN,
  IPPROTO_ICMPV6,
  O_CREAT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SOCK_RAW,
  SOCK_STREAM,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  SCHED_RR,
  S_IFMT,
} from "@stratos/abi";
import { NAMESPACE_KINDS } from "../security/namespace.ts";
import assert from "node:assert/strict";
import { it } from "node:test";
import type { AddressSpace } from "../mm/address-space.ts";
import { call } from "../testing/system-calls.ts";
import { devptsOf } from "../tty/devpts.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { WATCH_KINDS } from "../security/namespace-counts.ts";
import { INITIAL_USER_NAMESPACE, initialOrigin } from "../security/user-namespace.ts";
import { PidNamespace } from "../signal/pid-namespace.ts";
import { Procfs } from "./procfs.ts";
import { settledValues } from "./sysctl.ts";
import { BUFFER, FileTask, type Stat } from "../testing/file-system-task.ts";
import { advance, type TestKernel } from "../testing/fake-task.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { forgetMadeOnDemand } from "../vfs/dentry-cache.ts";

function begin(): { test: TestKernel; user: FileTask } {
  const { test, user } = FileTask.create();
  for (const [place, type] of [
    ["/proc", "proc"],
    ["/sys", "sysfs"],
    ["/dev", "devtmpfs"],
  ] as const) {
    const fileSystem = test.kernel.vfs.types.get(type)!.create(test.kernel, type, new Map());
    assert.ok(typeof fileSystem !== "number");
    assert.ok(typeof mountAt(test.kernel, place, fileSystem) !== "number");
  }
  // What proc asks of a memory that the fake one lacks.
  Object.assign(user.task.space as AddressSpace, { areas: [], table: { residentPages: 0 } });
  user.task.name = "tester";
  return { test, user };
}

it("/proc/uptime is never ahead of the clock, and tells with btime the boot of the reader's namespace", () => {
  const { test, user } = begin();
  test.clock.advance(7e9 + 9_999_999);
  const now = test.kernel.now();
  const uptime = (): number => Number((user.get("/proc/uptime") as string).split(" ")[0]);
  const boot = (): number => Number(/^btime (\d+)$/m.exec(user.get("/proc/stat") as string)![1]);
  assert.equal(uptime(), Math.floor(now / 1e7) / 100);
  const before = boot();
  user.task.namespaces.time.boottimeNs = 100e9;
  assert.equal(uptime(), Math.floor((now + 100e9) / 1e7) / 100);
  assert.equal(boot(), before - 100);
});

it("/proc/loadavg ends with the last number of the reader's pid namespace", () => {
  const { test, user } = begin();
  const last = (): number => Number((user.get("/proc/loadavg") as string).trim().split(" ").at(-1));
  test.kernel.tasks.lastAllocated = 5000;
  assert.equal(last(), 5000);
  const own = new PidNamespace(test.kernel.tasks.namespace, initialOrigin("pid"));
  own.lastAllocated = 7;
  Object.assign(user.task.group, { pidNamespace: own });
  assert.equal(last(), 7);
});

it("what was looked at is forgotten before a fork, with all folders on the way: they would be made anew in it", () => {
  const { test, user } = begin();
  const { vfs } = test.kernel;
  assert.notEqual(user.get("/proc/sys/vm/overcommit_memory"), -ENOENT);
  const [proc] = [...vfs.roots].find(([{ type }]) => type === "proc")!;
  const { dentry } = vfs.roots.get(proc)!;
  assert.ok(dentry.children?.has("sys"));
  const before = vfs.dentryCount;
  forgetMadeOnDemand(test.kernel);
  assert.equal([...(dentry.children?.keys() ?? [])].join(), "");
  assert.equal(vfs.dentryCount, before - 3);
});

it("the system's files are there and are read anew from their start", () => {
  const { test, user } = begin();
  assert.match(user.get("/proc/meminfo") as string, /^MemTotal: +\d+ kB\nMemFree: +\d+ kB\nMemAvailable: +\d+ kB\n/);
  assert.match(user.get("/proc/cpuinfo") as string, /isa\t\t: rv64imafdc/);
  assert.match(user.get("/proc/stat") as string, /^cpu  \d+ 0 \d+ \d+ 0.*\ncpu0 .*\nintr .*\nctxt \d+\nbtime \d+\n/);
  assert.match(user.get("/proc/filesystems") as string, /nodev\tproc\n/);
  assert.match(user.get("/proc/self/mounts") as string, /proc \/proc proc rw,relatime 0 0\n/);
  assert.match(user.get("/proc/mounts") as string, /\/dev devtmpfs /);
  assert.match(user.get("/proc/self/mountinfo") as string, /^\d+ \d+ 0:\d+ \/ \/ rw,relatime - tmpfs root rw\n/);
  assert.match(user.get("/proc/version") as string, /^Linux version 6\./);
  const fd = user.open("/proc/uptime");
  const first = user.read(fd);
  test.clock.advance(5e9);
  user.call("lseek", fd, 0, 0);
  assert.notEqual(user.read(fd), first);
  for (const name of [
    "loadavg",
    "vmstat",
    "devices",
    "partitions",
    "swaps",
    "net/dev",
    "net/route",
    "net/tcp",
    "net/unix",
    "net/if_inet6",
    "locks",
    "self/limits",
    "self/cgroup",
    "self/statm",
  ]) {
    assert.equal(typeof user.get(`/proc/${name}`), "string", name);
  }
});

it("a process has its numbers, in proc(5)'s order", () => {
  const { user } = begin();
  const { pid } = user.task;
  assert.equal(user.readlink("/proc/self"), String(pid));
  const fields = (user.get("/proc/self/stat") as string).trim().split(" ");
  assert.equal(fields.length, 52);
  assert.deepEqual(fields.slice(0, 3), [String(pid), "(tester)", "R"]);
  assert.match(
    user.get(`/proc/${pid}/status`) as string,
    /^Name:\ttester\nUmask:\t0022\nState:\tR \(running\)\nTgid:\t\d+\n[^]*CapEff:\t000001ffffffffff\n/,
  );
  assert.equal(user.get("/proc/self/comm"), "tester\n");
  assert.ok((user.list("/proc") as string[]).includes(String(pid)));
  assert.ok((user.list("/proc/self/task") as string[]).includes(String(pid)));
  assert.equal(user.stat("/proc/999999"), -ENOENT);
  assert.equal(user.stat("/proc/01"), -ENOENT);
});

it("descriptors are magic links to their files, whatever became of the name", () => {
  const { user } = begin();
  user.put("/f", "content");
  const fd = user.open("/f", O_RDWR);
  assert.equal(user.readlink(`/proc/self/fd/${fd}`), "/f");
  user.call("unlinkat", AT_FDCWD, "/f", 0);
  assert.equal(user.readlink(`/proc/self/fd/${fd}`), "/f (deleted)");
  assert.equal(user.get(`/proc/self/fd/${fd}`), "content");
  assert.equal((user.stat(`/proc/self/fd/${fd}`, AT_SYMLINK_NOFOLLOW) as Stat).mode & S_IFMT, S_IFLNK);
  assert.match(user.get(`/proc/self/fdinfo/${fd}`) as string, /^pos:\t0\nflags:\t0100002\nmnt_id:\t\d+\n/);
  assert.equal(user.call("pipe2", 0x9000, 0), 0);
  const reader = user.memory.view.getUint32(0x9000, true),
    writer = user.memory.view.getUint32(0x9004, true);
  assert.match(user.readlink(`/proc/self/fd/${reader}`) as string, /^pipe:\[\d+\]$/);
  // Opening a pipe's link opens the pipe again (/dev/stdin of a pipeline).
  user.write(writer, "through");
  assert.equal(user.read(user.open(`/dev/fd/${reader}`)), "through");
  assert.equal(user.stat("/proc/self/fd/99"), -ENOENT);
  assert.equal(user.readlink("/proc/self/cwd"), "/");
  const namespace = user.open("/proc/self/ns/mnt");
  assert.match(user.readlink(`/proc/self/fd/${namespace}`) as string, /^mnt:\[\d+\]$/);
  user.call("chdir", "/proc/self/fd");
  assert.equal(user.cwd(), `/proc/${user.task.pid}/fd`);
});

it("what is private to a user stays so", () => {
  const { test, user } = begin();
  const other = new FileTask(test.kernel, user);
  Object.assign(other.task.space as AddressSpace, {
    areas: { size: 1 },
    environmentStart: 0,
    environmentEnd: 0,
    table: { residentPages: 0 },
  });
  other.becomeUser(1000);
  assert.equal(other.get(`/proc/${user.task.pid}/environ`), -EACCES);
  assert.equal(other.list(`/proc/${user.task.pid}/fd`), -EACCES);
  assert.equal(other.readlink(`/proc/${user.task.pid}/cwd`), -EACCES);
  assert.equal(typeof other.get(`/proc/${user.task.pid}/stat`), "string");
  assert.equal(typeof user.get(`/proc/${other.task.pid}/environ`), "string");
});

it("user/max_*_namespaces bound what unshare makes (ENOSPC), ns_last_pid says which number comes next", () => {
  const { test, user } = begin();
  for (const [flag, kind] of [
    [CLONE_NEWUTS, "uts"],
    [CLONE_NEWIPC, "ipc"],
    [CLONE_NEWPID, "pid"],
    [CLONE_NEWNET, "net"],
    [CLONE_NEWTIME, "time"],
    [CLONE_NEWCGROUP, "cgroup"],
    [CLONE_NEWNS, "mnt"],
  ] as const) {
    user.put(`/proc/sys/user/max_${kind}_namespaces`, "0\n");
    assert.equal(user.call("unshare", flag), -ENOSPC, kind);
    user.put(`/proc/sys/user/max_${kind}_namespaces`, "1\n");
    assert.equal(user.call("unshare", flag), 0, kind);
    if (kind !== "pid") assert.equal(user.call("unshare", flag), -ENOSPC, kind);
  }
  user.put("/proc/sys/kernel/ns_last_pid", "5000\n");
  assert.equal(test.kernel.tasks.allocate(), 5001);
  assert.equal(user.get("/proc/sys/kernel/ns_last_pid"), "5001\n");
});

it("what all networks share is not for the root of a network of one's own to set", () => {
  const { user } = begin();
  assert.equal(user.call("unshare", CLONE_NEWUSER | CLONE_NEWNET), 0);
  for (const name of ["tcp_mem", "udp_mem"]) {
    const before = user.get(`/proc/sys/net/ipv4/${name}`);
    user.put(`/proc/sys/net/ipv4/${name}`, "1 2 3\n");
    assert.equal(user.get(`/proc/sys/net/ipv4/${name}`), before, name);
  }
  user.put("/proc/sys/net/ipv4/ping_group_range", "1 0\n");
  assert.equal(user.get("/proc/sys/net/ipv4/ping_group_range"), "1\t0\n");
});

it("sockets are told with their owners as the reader's user namespace names them", () => {
  const { user } = begin();
  const ownerIn = (name: string, column: number): string | undefined =>
    (user.get(`/proc/net/${name}`) as string).split("\n")[1]?.trim().split(/ +/)[column];
  assert.ok(call(user.task, "socket", AF_PACKET, SOCK_RAW, 0) >= 0);
  assert.equal(ownerIn("packet", 7), "0");
  assert.equal(user.call("unshare", CLONE_NEWUSER), 0);
  assert.equal(ownerIn("packet", 7), "65534");
});

it("sockets stand in the file of their protocol and family, in columns as netstat(8) reads them", () => {
  const { user } = begin();
  const rows = (name: string): string[] => (user.get(`/proc/net/${name}`) as string).split("\n").slice(1, -1);
  const stream = call(user.task, "socket", AF_INET, SOCK_STREAM, 0);
  user.memory.u8.set([AF_INET, 0, 0x12, 0x34, 127, 0, 0, 1], BUFFER);
  assert.equal(call(user.task, "bind", stream, BUFFER, 16), 0);
  assert.equal(call(user.task, "listen", stream, 1), 0);
  const columns = "00000000:00000000 00:00000000 00000000     0        0";
  assert.match(
    rows("tcp")[0]!,
    new RegExp(`^   0: 0100007F:1234 00000000:0000 0A ${columns} \\d+ 1 0+ 100 0 0 10 0 *$`),
  );
  const raw = call(user.task, "socket", AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
  user.memory.u8.fill(0, BUFFER, BUFFER + 28).set([AF_INET6], BUFFER);
  assert.equal(call(user.task, "bind", raw, BUFFER, 28), 0);
  assert.deepEqual(
    ["raw", "raw6", "tcp6", "udp"].map((name) => rows(name).length),
    [0, 1, 0, 0],
  );
  assert.equal(call(user.task, "socketpair", AF_UNIX, SOCK_STREAM, 0, BUFFER), 0);
  const protocols = user.get("/proc/net/protocols") as string;
  const counts = ["TCP", "UDP", "RAWv6", "UNIX-STREAM", "UNIX"].map((name) =>
    Number(new RegExp(`^${name} +\\d+ +(\\d+) `, "m").exec(protocols)![1]),
  );
  assert.deepEqual(counts, [1, 0, 1, 2, 0]);
});

it("the loopback has no broadcast address, and lists that are empty here have their heads", () => {
  const { user } = begin();
  assert.equal(user.get("/sys/class/net/lo/broadcast"), "00:00:00:00:00:00\n");
  assert.equal(user.get("/sys/class/net/lo/subsystem/lo/ifindex"), "1\n", "udev asks which subsystem it is of");
  assert.equal(user.get("/sys/class/net/lo/queues/rx-0/rps_cpus"), "0\n");
  assert.deepEqual(
    ["dev_id", "name_assign_type", "speed"].map((name) => user.get(`/sys/class/net/lo/${name}`)),
    ["0x0\n", "2\n", -EINVAL],
  );
  const slabs = user.get("/proc/slabinfo") as string;
  assert.match(slabs, /^slabinfo - version: 2\.1\n# name .* : slabdata .*\n/);
  const row = /^(\S+) +(\d+) +(\d+) +(\d+) +(\d+) +1 : tunables +0 +0 +0 : slabdata +(\d+) +(\d+) +0$/gm;
  const counted = [...slabs.matchAll(row)].map(([, name, ...numbers]) => [name, ...numbers.map(Number)] as const);
  assert.deepEqual(
    counted.map(([name]) => name),
    ["task_struct", "dentry"],
  );
  // slabtop(1) divides by them: it said nan%.
  for (const [, objects, room] of counted) assert.ok(objects > 0 && room >= objects, slabs);
  assert.equal((user.stat("/proc/slabinfo") as Stat).mode & 0o777, 0o400);
});

it("each setting of /proc/sys that can be changed acts", () => {
  const { test, user } = begin();
  // Those that are tried one by one here or elsewhere; a setting that can be changed must stand in this list.
  const tried = new Set([
    ...NAMESPACE_KINDS.map((kind) => `user/max_${kind}_namespaces`),
    ...WATCH_KINDS.map((kind) => `user/max_${kind}`),
    "fs/aio-max-nr",
    "fs/dir-notify-enable",
    "fs/fanotify/max_queued_events",
    "fs/fanotify/max_user_groups",
    "fs/fanotify/max_user_marks",
    "fs/inotify/max_queued_events",
    "fs/inotify/max_user_instances",
    "fs/inotify/max_user_watches",
    "fs/lease-break-time",
    "fs/leases-enable",
    "fs/mount-max",
    "fs/mqueue/msg_default",
    "fs/mqueue/msg_max",
    "fs/mqueue/msgsize_default",
    "fs/mqueue/msgsize_max",
    "fs/mqueue/queues_max",
    "fs/nr_open",
    "fs/pipe-max-size",
    "fs/pipe-user-pages-hard",
    "fs/pipe-user-pages-soft",
    "fs/protected_fifos",
    "fs/protected_hardlinks",
    "fs/protected_regular",
    "fs/protected_symlinks",
    "fs/suid_dumpable",
    "kernel/acct",
    "kernel/core_pattern",
    "kernel/core_pipe_limit",
    "kernel/core_uses_pid",
    "kernel/dmesg_restrict",
    "kernel/io_uring_disabled",
    "kernel/io_uring_group",
    "kernel/keys/gc_delay",
    "kernel/keys/maxbytes",
    "kernel/keys/maxkeys",
    "kernel/keys/persistent_keyring_expiry",
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/domainname",
    "kernel/hostname",
    "kernel/msg_next_id",
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/ns_last_pid",
    "kernel/pid_max",
    "kernel/pty/max",
    "kernel/printk",
    "kernel/sched_rr_timeslice_ms",
    "kernel/sched_rt_period_us",
    "kernel/sched_rt_runtime_us",
    "kernel/sem_next_id",
    "kernel/shm_next_id",
    "kernel/shmmax",
    "kernel/shmmni",
    "net/core/rmem_default",
    "net/core/rmem_max",
    "net/core/somaxconn",
    "net/core/wmem_default",
    "net/core/wmem_max",
    ...[
      "accept_local",
      "arp_announce",
      "arp_filter",
      "arp_ignore",
      "arp_notify",
      "forwarding",
      "route_localnet",
      "promote_secondaries",
      "proxy_arp",
      "rp_filter",
      "tag",
    ].flatMap((name) => ["all", "default", "lo"].map((place) => `net/ipv4/conf/${place}/${name}`)),
    "net/ipv4/fib_multipath_hash_policy",
    "net/ipv4/icmp_echo_ignore_all",
    "net/ipv4/icmp_echo_ignore_broadcasts",
    "net/ipv4/icmp_msgs_burst",
    "net/ipv4/icmp_msgs_per_sec",
    "net/ipv4/ip_nonlocal_bind",
    "net/ipv4/ip_forward",
    "net/ipv4/ip_local_port_range",
    "net/ipv4/ip_local_reserved_ports",
    "net/ipv4/ip_unprivileged_port_start",
    "net/ipv4/ping_group_range",
    "net/ipv4/tcp_fin_timeout",
    "net/ipv4/tcp_keepalive_intvl",
    "net/ipv4/tcp_keepalive_probes",
    "net/ipv4/tcp_keepalive_time",
    "net/ipv4/tcp_max_tw_buckets",
    "net/ipv4/tcp_mem",
    "net/ipv4/tcp_rmem",
    "net/ipv4/tcp_syn_linear_timeouts",
    "net/ipv4/tcp_syn_retries",
    ...["tcp_sack", "tcp_timestamps", "tcp_window_scaling"].map((name) => `net/ipv4/${name}`),
    "net/ipv4/tcp_tw_reuse",
    "net/ipv4/tcp_tw_reuse_delay",
    "net/ipv4/tcp_wmem",
    "net/ipv4/udp_mem",
    "net/ipv6/bindv6only",
    "net/ipv6/conf/all/disable_ipv6",
    "net/ipv6/conf/all/forwarding",
    "net/ipv6/conf/default/disable_ipv6",
    "net/ipv6/conf/default/forwarding",
    "net/ipv6/conf/lo/disable_ipv6",
    "net/ipv6/conf/lo/forwarding",
    "net/ipv6/fib_multipath_hash_policy",
    // Groups that are told of (tests/abi/groups-told.c).
    ...["all", "default", "lo"].flatMap((place) => [
      `net/ipv4/conf/${place}/force_igmp_version`,
      `net/ipv6/conf/${place}/force_mld_version`,
    ]),
    "net/ipv4/igmp_qrv",
    "net/ipv6/mld_qrv",
    // What routers and neighbours say (socket/ip/address-configuration.test.ts).
    ...[
      "accept_dad",
      "accept_ra",
      "accept_ra_defrtr",
      "accept_ra_from_local",
      "accept_ra_mtu",
      "accept_ra_pinfo",
      "addr_gen_mode",
      "autoconf",
      "dad_transmits",
      "enhanced_dad",
      "max_addresses",
      "ndisc_notify",
      "optimistic_dad",
      "proxy_ndp",
      "ra_defrtr_metric",
      "router_solicitation_delay",
      "router_solicitation_interval",
      "router_solicitation_max_interval",
      "router_solicitations",
    ].flatMap((name) => ["all", "default", "lo"].map((place) => `net/ipv6/conf/${place}/${name}`)),
    "net/ipv6/conf/lo/mtu",
    "net/ipv6/icmp/echo_ignore_all",
    "net/ipv6/ip_nonlocal_bind",
    "net/unix/max_dgram_qlen",
    "vm/drop_caches",
    "vm/max_map_count",
    "vm/overcommit_kbytes",
    "vm/overcommit_memory",
    "vm/overcommit_ratio",
    "vm/vfs_cache_pressure",
  ]);
  const settled = new Set([...settledValues(), ...settledValues("hint")].map(([path]) => path));
  const visit = (folder: string): void => {
    for (const name of user.list(`/proc/sys/${folder}`) as string[]) {
      if (name === "." || name === "..") continue;
      const path = folder === "" ? name : `${folder}/${name}`;
      const { mode } = user.stat(`/proc/sys/${path}`) as Stat;
      if ((mode & S_IFMT) === S_IFDIR) visit(path);
      else if ((mode & 0o222) !== 0 && !settled.has(path.replace("/conf/lo/", "/conf/NAME/")))
        assert.ok(tried.delete(path), `${path} is tried`);
    }
  };
  visit("");
  assert.deepEqual([...tried], []);

  const set = (name: string, value: string): void => user.put(`/proc/sys/${name}`, value);
  const other = new FileTask(test.kernel, user);
  Object.assign(other.task.space as AddressSpace, { areas: [], table: { residentPages: 0 } });
  other.becomeUser(1000);
  assert.ok(other.open("/dev/kmsg", O_RDONLY | O_NONBLOCK) >= 0);
  assert.ok(call(other.task, "syslog", 3, BUFFER, 4096) > 0);
  set("kernel/dmesg_restrict", "1");
  assert.equal(other.open("/dev/kmsg", O_RDONLY | O_NONBLOCK), -EPERM);
  assert.equal(call(other.task, "syslog", 3, BUFFER, 4096), -EPERM);
  assert.ok(call(user.task, "syslog", 3, BUFFER, 4096) > 0);

  user.put("/kept", "");
  const { vfs } = test.kernel;
  for (let at = 0; at < 3000; at++) user.stat(`/absent-${at}`);
  const cached = vfs.dentryCount;
  set("vm/vfs_cache_pressure", "50");
  user.stat("/kept");
  assert.ok(vfs.dentryCount >= cached, "there is room");
  set("vm/vfs_cache_pressure", "6400");
  user.stat("/kept");
  assert.ok(vfs.dentryCount < cached - 1000, "names that nobody uses go sooner");
  set("vm/vfs_cache_pressure", "100");
  for (let at = 0; at < 100; at++) user.stat(`/absent-${at}`);
  set("vm/drop_caches", "2");
  assert.ok(vfs.dentryCount < 100, "names go with the caches");

  const notify = (): number => user.call("fcntl", user.open("/proc"), F_NOTIFY, DN_CREATE);
  set("fs/dir-notify-enable", "0");
  assert.equal(notify(), -EINVAL);
  set("fs/dir-notify-enable", "1");
  assert.equal(notify(), 0);

  const lease = (): number => user.call("fcntl", user.open("/leased", O_RDONLY | O_CREAT), F_SETLEASE, F_RDLCK);
  set("fs/leases-enable", "0");
  assert.equal(lease(), -EINVAL);
  set("fs/leases-enable", "1");
  set("fs/lease-break-time", "2");
  assert.equal(lease(), 0);
  assert.equal(user.open("/leased", O_WRONLY | O_NONBLOCK), -EAGAIN);
  advance(test, 1900);
  assert.equal(user.open("/leased", O_WRONLY | O_NONBLOCK), -EAGAIN);
  advance(test, 200);
  assert.ok(user.open("/leased", O_WRONLY | O_NONBLOCK) >= 0);

  // proc(5), sysctl of the kernel's console; syslog(2) changes the first.
  set("kernel/printk", "6 4 2 7");
  set("kernel/printk", "5");
  assert.equal(call(user.task, "syslog", 6, 0, 0), 0);
  assert.equal(user.get("/proc/sys/kernel/printk"), "2\t4\t2\t7\n");
  assert.equal(call(user.task, "syslog", 7, 0, 0), 0);
  assert.equal(user.get("/proc/sys/kernel/printk"), "5\t4\t2\t7\n");
  assert.equal(call(user.task, "syslog", 8, 0, 1), 0);
  assert.equal(user.get("/proc/sys/kernel/printk"), "2\t4\t2\t7\n");

  set("kernel/sched_rr_timeslice_ms", "30");
  user.memory.view.setInt32(BUFFER, 5, true);
  assert.equal(call(user.task, "sched_setscheduler", 0, SCHED_RR, BUFFER), 0);
  assert.equal(call(user.task, "sched_rr_get_interval", 0, BUFFER), 0);
  assert.equal(user.memory.view.getBigUint64(BUFFER + 8, true), 30_000_000n);
  set("kernel/sched_rr_timeslice_ms", "-1");
  assert.equal(user.get("/proc/sys/kernel/sched_rr_timeslice_ms"), "100\n");
  const refuses = (name: string, value: string): void =>
    assert.equal(user.write(user.open(`/proc/sys/kernel/${name}`, O_WRONLY), value), -EINVAL);
  refuses("sched_rt_period_us", "0");
  refuses("sched_rt_period_us", "900000");
  refuses("sched_rt_runtime_us", "1000001");
  refuses("sched_rt_runtime_us", "-2");

  set("kernel/pty/max", "1");
  const openPty = (): OpenFile | number => devptsOf(test.kernel).openMaster(user.task, O_RDWR, null, null);
  assert.equal(typeof openPty(), "object");
  assert.equal(user.get("/proc/sys/kernel/pty/nr"), "1\n");
  assert.ok(openPty() === -ENOSPC);
  set("kernel/pty/max", "2");
  assert.equal(typeof openPty(), "object");
});

it("locks are told with who holds them, as the mounter of /proc knows him, and where", () => {
  const { test, user } = begin();
  const file = user.open("/locked", O_RDWR | O_CREAT);
  assert.equal(call(user.task, "flock", file, LOCK_SH), 0);
  const fcntl = (command: number, kind: number, start: number, length: number): void => {
    const { view } = user.memory;
    view.setBigUint64(BUFFER, BigInt(kind), true);
    view.setBigUint64(BUFFER + 8, BigInt(start), true);
    view.setBigUint64(BUFFER + 16, BigInt(length), true);
    view.setBigUint64(BUFFER + 24, 0n, true);
    assert.equal(user.call("fcntl", file, command, BUFFER), 0);
  };
  fcntl(F_SETLK, F_WRLCK, 3, 5);
  fcntl(F_OFD_SETLK, F_RDLCK, 100, 0);
  const leased = user.open("/leased", O_RDONLY | O_CREAT);
  assert.equal(user.call("fcntl", leased, F_SETLEASE, F_RDLCK), 0);
  const place = (name: string): string => {
    const inode = user.task.files.get(name === "leased" ? leased : file)!.inode!;
    return `00:${inode.fileSystem.device.toString(16).padStart(2, "0")}:${inode.ino}`;
  };
  const { pid } = user.task;
  assert.equal(
    user.get("/proc/locks"),
    `1: OFDLCK ADVISORY  READ -1 ${place("locked")} 100 EOF\n` +
      `2: POSIX  ADVISORY  WRITE ${pid} ${place("locked")} 3 7\n` +
      `3: FLOCK  ADVISORY  READ ${pid} ${place("locked")} 0 EOF\n` +
      `4: LEASE  ACTIVE    READ ${pid} ${place("leased")} 0 EOF\n`,
  );
  const origin = { ino: 7, owner: INITIAL_USER_NAMESPACE, creatorUid: 0, counts: null };
  const below = new Procfs(test.kernel, new PidNamespace(test.kernel.tasks.namespace, origin));
  user.call("mkdirat", AT_FDCWD, "/below", 0o755);
  assert.ok(typeof mountAt(test.kernel, "/below", below) !== "number");
  assert.match(user.get("/below/locks") as string, /^1: OFDLCK ADVISORY {2}READ -1 \S+ 100 EOF\n$/);
});

it("who waits for a lock is told behind it, and who waits for him behind him", () => {
  const { test, user } = begin();
  user.put("/locked", "x");
  const tasks = [
    user,
    new FileTask(test.kernel, user),
    new FileTask(test.kernel, user),
    new FileTask(test.kernel, user),
  ];
  const files = tasks.map((task) => task.open("/locked", O_RDWR));
  const inode = user.task.files.get(files[0]!)!.inode!;
  const place = `00:${inode.fileSystem.device.toString(16).padStart(2, "0")}:${inode.ino}`;
  const [first, second, third, fourth] = tasks.map(({ task }) => task.pid);
  const told = (): string => user.get("/proc/locks") as string;

  assert.equal(tasks[0]!.call("flock", files[0]!, LOCK_EX), 0);
  const waiting = [LOCK_SH, LOCK_SH, LOCK_EX].map((kind, index) =>
    tasks[index + 1]!.start("flock", files[index + 1]!, kind),
  );
  assert.ok(waiting.every((call) => call.isBlocked));
  assert.equal(
    told(),
    `1: FLOCK  ADVISORY  WRITE ${first} ${place} 0 EOF\n` +
      `1: -> FLOCK  ADVISORY  READ ${second} ${place} 0 EOF\n` +
      `1:  -> FLOCK  ADVISORY  WRITE ${fourth} ${place} 0 EOF\n` +
      `1: -> FLOCK  ADVISORY  READ ${third} ${place} 0 EOF\n`,
  );
  assert.equal(tasks[0]!.call("flock", files[0]!, LOCK_UN), 0);
  assert.deepEqual(
    waiting.slice(0, 2).map((call) => call.resume()),
    [0, 0],
  );
  assert.equal(
    told(),
    `1: FLOCK  ADVISORY  READ ${third} ${place} 0 EOF\n2: FLOCK  ADVISORY  READ ${second} ${place} 0 EOF\n`,
  );

  const range = (task: FileTask, kind: number, start: number, length: number): number => {
    const { view } = task.memory;
    [kind, start, length, 0].forEach((value, index) => view.setBigUint64(BUFFER + index * 8, BigInt(value), true));
    return BUFFER;
  };
  assert.equal(user.call("fcntl", files[0]!, F_SETLK, range(user, F_WRLCK, 10, 5)), 0);
  const wish = tasks[1]!.start("fcntl", files[1]!, F_SETLKW, range(tasks[1]!, F_RDLCK, 12, 0));
  assert.ok(wish.isBlocked);
  assert.match(
    told(),
    new RegExp(
      `^1: POSIX  ADVISORY  WRITE ${first} \\S+ 10 14\\n1: -> POSIX  ADVISORY  READ ${second} \\S+ 12 EOF\\n2: `,
    ),
  );
});

it("settings can be read and set by who may", () => {
  const { test, user } = begin();
  user.put("/proc/sys/kernel/hostname", "renamed\n");
  assert.equal(test.kernel.namespaces.uts.hostname, "renamed");
  assert.equal(user.get("/proc/sys/kernel/hostname"), "renamed\n");
  const { messages } = test.kernel;
  const told = messages.end;
  const set = (name: string, value: string): number => user.write(user.open(`/proc/sys/${name}`, O_WRONLY), value);
  assert.equal(set("kernel/perf_event_paranoid", "4\n"), 2);
  assert.equal(set("kernel/printk", "4 4  1\t7\n"), 9);
  assert.equal(set("net/ipv4/conf/lo/tag", "-7"), 2);
  assert.equal(user.get("/proc/sys/net/ipv4/conf/lo/tag"), "-7\n");
  assert.equal(messages.end, told, "what can be written is not worth a word");
  assert.equal(set("kernel/perf_event_paranoid", "2\n"), -EINVAL);
  assert.equal(messages.at(told)!.text, "sysctl: kernel/perf_event_paranoid is always 4 here");
  assert.equal(user.get("/proc/sys/kernel/perf_event_paranoid"), "4\n");
  assert.equal(user.open("/proc/sys/kernel/osrelease", O_WRONLY), -EACCES);
  assert.match(user.get("/proc/sys/kernel/random/uuid") as string, /^[0-9a-f-]{36}\n$/);
  assert.equal(user.get("/proc/sys/kernel/random/boot_id"), user.get("/proc/sys/kernel/random/boot_id"));
  assert.equal(user.get("/sys/devices/system/cpu/online"), "0\n");
});

it("memory devices behave as null(4) and full(4) say", () => {
  const { user } = begin();
  const stat = user.stat("/dev/null") as Stat;
  assert.equal(stat.mode, S_IFCHR | 0o666);
  assert.equal(stat.rdev, 0x103);
  const nothing = user.open("/dev/null", O_RDWR);
  assert.equal(user.write(nothing, "gone"), 4);
  assert.equal(user.read(nothing), "");
  const zero = user.open("/dev/zero", O_RDONLY);
  assert.equal(user.read(zero, 3), "\0\0\0");
  const full = user.open("/dev/full", O_RDWR);
  assert.equal(user.write(full, "x"), -ENOSPC);
  const random = user.open("/dev/urandom");
  assert.notEqual(user.read(random, 16), user.read(random, 16));
  assert.equal(user.readlink("/dev/stdin"), "/proc/self/fd/0");
  user.call("mknodat", AT_FDCWD, "/nodriver", S_IFCHR | 0o666, 0xfff00);
  assert.equal(user.open("/nodriver"), -ENXIO);
  assert.equal(user.call("statfs", "/proc", BUFFER), 0);
  assert.equal(user.memory.view.getUint32(BUFFER, true), 0x9fa0);
});
