#include "abi.h"

/* What writing says of files of /proc that nobody may write: root opens most of them. */

static void writes(const char *path) {
  int f = open(path, O_WRONLY); if (f < 0) printf("%s: open %s, ", path, name_of(errno)); else { printf("%s: write %s, ", path, write(f, "x", 1) < 0 ? name_of(errno) : "taken"); printf("pwrite %s, ", pwrite(f, "x", 1, 9) < 0 ? name_of(errno) : "taken"); close(f); }
  f = open(path, O_RDWR | O_TRUNC); printf("O_TRUNC %s, ", f < 0 ? name_of(errno) : "0"); if (f >= 0) close(f); printf("truncate %s\n", truncate(path, 0) ? name_of(errno) : "0"); fflush(stdout);
}
static const char *names[] = {"cpuinfo", "meminfo", "stat", "version", "uptime", "loadavg", "filesystems", "cmdline", "devices", "diskstats", "interrupts", "locks", "misc", "partitions", "softirqs", "swaps", "vmstat", "cgroups", "consoles", "keys", "key-users", "kmsg", "timer_list", "sysvipc/shm", "tty/drivers", "tty/ldiscs", "self/status", "self/stat", "self/statm", "self/maps", "self/smaps", "self/smaps_rollup", "self/cmdline", "self/environ", "self/auxv", "self/limits", "self/mounts", "self/mountinfo", "self/mountstats", "self/cgroup", "self/io", "self/syscall", "self/wchan", "self/personality", "self/pagemap", "self/oom_score", "self/sessionid", "self/timers", "self/fdinfo/1", "net/dev", "net/tcp", "net/unix", "net/route", "net/arp", "net/protocols", "net/raw", "net/packet", "net/netlink", "net/if_inet6", "net/igmp", "net/snmp", "net/snmp6", "net/netstat", "net/sockstat", "net/sockstat6", "sys/kernel/osrelease", "sys/kernel/random/uuid"};
static void all(void) { char path[64]; for (unsigned i = 0; i < sizeof names / sizeof *names; i++) { snprintf(path, sizeof path, "/proc/%s", names[i]); writes(path); } writes("/sys/kernel/notes"); writes("/sys/class/net/lo/address"); writes("/sys/class/net/lo/ifindex"); }
int main(void) { all(); printf("another user\n"); fflush(stdout); if (fork() == 0) { SHOW(setuid(65534)); all(); _exit(0); } wait(NULL); return 0; }
