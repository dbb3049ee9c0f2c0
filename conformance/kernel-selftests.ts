/** Linux's own tests of what programs ask of it (tools/testing/selftests), built from the kernel's source. */
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const TARGET = "riscv64-linux-gnu-";

/** What of the source is unpacked: the whole has 1.5 GB. */
export const SELFTESTS_PARTS = ["Makefile", "arch/riscv", "include", "scripts", "tools", "usr"];

/**
 * Folders of tests that need no modules, devices and other file systems. Those of user_events and
 * perf_events are of calls that there are not (docs/compatibility.md); those of mm want huge pages.
 */
const FOLDERS = [
  ...["acct", "cachestat", "cgroup", "clone3", "core", "exec", "fchmodat2", "filelock", "filesystems"],
  ...[
    "filesystems/statmount",
    "futex",
    "ipc",
    "kcmp",
    "landlock",
    "membarrier",
    "memfd",
    "mincore",
    "mount",
    "mount_setattr",
  ],
  ...["move_mount_set_group", "mqueue", "net", "nsfs", "openat2", "pid_namespace", "pidfd", "prctl", "proc", "ptrace"],
  ...[
    "riscv",
    "rlimits",
    "rseq",
    "seccomp",
    "sigaltstack",
    "size",
    "splice",
    "sync",
    "syscall_user_dispatch",
    "timens",
    "timers",
    "tmpfs",
  ],
  ...["tty", "vDSO"],
];

/**
 * Want arguments, a peer or a script that calls them; wait for ever (notifications), for a reboot or for minutes;
 * measure; fill the memory; set the clock.
 */
const LEFT_OUT = new RegExp(
  "validate_cap|rename_exchange|splice_read$|rename_attack|dnotify|change_skew|skew_consistency|raw_skew|set-2038|" +
    "set-tz|set-tai|leap|clocksource|freq-step|adjtick|inconsistency|alarmtimer|uptime-002|benchmark|perf|bench|fuse|" +
    "test_memcontrol|test_kmem|test_cpu$|hugetlb|zswap|wait_inotify|basic_percpu|param_test|valid-adjtimex|" +
    "net/(bind_bhash|bind_wild|cmsg_|csum|epoll_busy|fin_ack|gro|hwtst|io_uring|ioam6|ipsec|ipv6_flowlabel|" +
    "msg_zerocopy|nettest|psock|sctp|so_netns|so_txtime|stress_|tap|tcp_fastopen|tcp_mmap|timestamping|tls|" +
    "toeplitz|tun|tx|udpgso)",
);

/** @returns names of programs below `folder/programs` */
export function buildSelftests(folder: string): string[] {
  const programs = join(folder, "programs");
  if (!existsSync(programs)) build(folder, programs);
  return readdirSync(programs, { recursive: true, encoding: "utf8" })
    .filter((name) => isProgram(join(programs, name)) && !LEFT_OUT.test(name))
    .sort();
}

function isProgram(path: string): boolean {
  const found = statSync(path);
  return found.isFile() && (found.mode & 0o111) !== 0 && !/\.(so|sh|py|o|ko)$/.test(path);
}

function build(folder: string, programs: string): void {
  const source = join(folder, "source");
  const partial = `${programs}.partial`;
  rmSync(partial, { recursive: true, force: true });
  make(source, ["ARCH=riscv", "headers"]);
  // In libcap's place, which the cross compiler has not.
  const around = join(folder, "around");
  mkdirSync(join(around, "sys"), { recursive: true });
  copyFileSync(join(import.meta.dirname, "guest/capability.h"), join(around, "sys/capability.h"));
  writeFileSync(join(around, "libcap.a"), "!<arch>\n");
  for (const name of FOLDERS) {
    const into = join(partial, name);
    mkdirSync(into, { recursive: true });
    const headers = `-isystem ${join(source, "usr/include")}`;
    // Some want other libraries, and are left out.
    make(join(source, "tools/testing/selftests", name), [
      ...["-k", "ARCH=riscv", `CROSS_COMPILE=${TARGET}`, `CC=${TARGET}gcc -w -I${around}`, `KHDR_INCLUDES=${headers}`],
      ...(name === "openat2" || name === "fchmodat2" ? [`CFLAGS=-O1 ${headers}`] : []),
      ...[`OUTPUT=${into}`, `LDFLAGS=-L${around}`, `top_srcdir=${source}`, `abs_objtree=${folder}`, "all"],
    ]);
    // Data and programs that tests call by name.
    cpSync(join(source, "tools/testing/selftests", name), into, {
      recursive: true,
      filter: (path) => !/\.[ch]$/.test(path),
    });
  }
  renameSync(partial, programs);
}

function make(folder: string, args: readonly string[]): void {
  spawnSync("make", ["-s", "-C", folder, ...args], { stdio: "ignore" });
}
