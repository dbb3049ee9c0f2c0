/*
 * A process in namespaces of its own of each kind, with files and links of these, sleeps for a second; then it tells
 * what it still has. A machine that is saved within that second and loaded must print the same to the last byte.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/rtnetlink.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char *const KINDS[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};

static void say(const char *what, const char *text, long number) {
  char line[1200];
  write(1, line, snprintf(line, sizeof line, "%s: %s %ld %s\n", what, text, number, number < 0 ? strerror(errno) : ""));
}

static void pause_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, 0);
}

static void write_file(const char *path, const char *text) {
  int file = open(path, O_WRONLY);
  say(path, text, write(file, text, strlen(text)));
  close(file);
}

static void say_file(const char *path, int file) {
  static char text[1000];
  long count = pread(file, text, sizeof text - 1, 0);
  text[count < 0 ? 0 : count] = 0;
  say(path, text, count);
}

static void say_path(const char *path) {
  int file = open(path, O_RDONLY);
  say_file(path, file);
  close(file);
}

static void say_namespaces(const char *who) {
  for (int index = 0; index < 8; index++) {
    char path[40], name[60] = {0};
    snprintf(path, sizeof path, "/proc/self/ns/%s", KINDS[index]);
    long count = readlink(path, name, sizeof name - 1);
    say(who, name, count);
  }
}

/** Makes the interfaces veth0 and veth1. */
static void make_pair(void) {
  struct {
    struct nlmsghdr head;
    struct ifinfomsg link;
    struct rtattr information;
    struct rtattr kind;
    char name[4];
  } request = {
      .head = {sizeof request, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 1, 0},
      .information = {sizeof(struct rtattr) * 2 + 4, IFLA_LINKINFO},
      .kind = {sizeof(struct rtattr) + 4, IFLA_INFO_KIND},
      .name = "veth",
  };
  struct {
    struct nlmsghdr head;
    struct nlmsgerr error;
    char rest[100];
  } answer = {0};
  int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  send(netlink, &request, sizeof request, 0);
  recv(netlink, &answer, sizeof answer, 0);
  say("veth", "made", answer.error.error);
  close(netlink);
}

/** Makes the bridge br with the port veth1. */
static void make_bridge(void) {
  struct {
    struct nlmsghdr head;
    struct ifinfomsg link;
    struct rtattr name;
    char text[4];
    struct rtattr information;
    struct rtattr kind;
    char bridge[8];
  } made = {
      .head = {sizeof made - 2, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_CREATE, 1, 0},
      .name = {sizeof(struct rtattr) + 3, IFLA_IFNAME},
      .text = "br",
      .information = {sizeof(struct rtattr) * 2 + 6, IFLA_LINKINFO},
      .kind = {sizeof(struct rtattr) + 6, IFLA_INFO_KIND},
      .bridge = "bridge",
  };
  struct {
    struct nlmsghdr head;
    struct ifinfomsg link;
    struct rtattr master;
    int index;
  } port = {
      .head = {sizeof port, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 2, 0},
      .master = {sizeof(struct rtattr) + 4, IFLA_MASTER},
  };
  struct {
    struct nlmsghdr head;
    struct nlmsgerr error;
    char rest[100];
  } answer = {0};
  int netlink = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  send(netlink, &made, sizeof made, 0);
  port.link.ifi_index = if_nametoindex("veth1");
  port.index = if_nametoindex("br");
  send(netlink, &port, sizeof port, 0);
  recv(netlink, &answer, sizeof answer, 0);
  say("bridge", "has a port", answer.error.error);
  close(netlink);
}

static int packet_socket(const char *name) {
  int end = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
  struct ifreq wish = {0};
  strcpy(wish.ifr_name, name);
  wish.ifr_flags = IFF_UP;
  if (ioctl(end, SIOCSIFFLAGS, &wish) < 0) say(name, "up", -1);
  ioctl(end, SIOCGIFINDEX, &wish);
  struct sockaddr_ll place = {AF_PACKET, htons(ETH_P_ALL), wish.ifr_ifindex};
  if (bind(end, (void *)&place, sizeof place) < 0) say(name, "bound", -1);
  return end;
}

/** The first process of the new pid namespace. */
static void inside(int outer_uts) {
  say("proc", "mounted", mount("proc", "/proc", "proc", 0, 0));
  sethostname("inner", 5);
  make_pair();
  int near = packet_socket("veth0"), far = packet_socket("veth1");
  make_bridge();
  int bridge = packet_socket("br");
  char frame[60] = {1, 2, 3, 4, 5, 6, 6, 8, 9, 10, 11, 12, 0x88, 0xb5};
  strcpy(frame + 14, "before");
  say("frame", "sent", send(near, frame, sizeof frame, 0));
  int queue = msgget(7, IPC_CREAT | 0600);
  struct { long type; char text[8]; } message = {3, "kept"};
  msgsnd(queue, &message, 5, 0);
  int status = open("/proc/self/status", O_RDONLY), devices = open("/proc/net/dev", O_RDONLY);
  int network = open("/proc/self/ns/net", O_RDONLY), folder = open("/proc/self/ns", O_RDONLY | O_DIRECTORY);
  mkdir("/tmp/bound", 0700);
  say("tmpfs", "mounted", mount("none", "/tmp/bound", "tmpfs", 0, 0));
  close(open("/tmp/bound/file", O_CREAT | O_RDWR, 0600));
  for (const char **at = (const char *[]){"low", "up", "work", "merged", NULL}; *at; at++) {
    char path[40];
    snprintf(path, sizeof path, "/tmp/bound/%s", *at);
    mkdir(path, 0700);
  }
  close(open("/tmp/bound/low/kept", O_CREAT, 0600));
  write_file("/tmp/bound/low/kept", "below");
  close(open("/tmp/bound/low/gone", O_CREAT, 0600));
  say("overlay", "mounted",
      mount("none", "/tmp/bound/merged", "overlay", 0,
            "lowerdir=/tmp/bound/low,upperdir=/tmp/bound/up,workdir=/tmp/bound/work"));
  int layered = open("/tmp/bound/merged/kept", O_RDONLY);
  unlink("/tmp/bound/merged/gone");
  long session = syscall(SYS_keyctl, 1, 0), key = syscall(SYS_add_key, "user", "name", "kept", 4, -3);
  mkdir("/tmp/groups", 0700);
  say("groups", "mounted", mount("none", "/tmp/groups", "cgroup2", 0, 0));
  mkdir("/tmp/groups/kept", 0750);
  mkdir("/tmp/groups/kept/frozen", 0755);
  write_file("/tmp/groups/cgroup.subtree_control", "+memory +pids");
  write_file("/tmp/groups/kept/pids.max", "77");
  pid_t frozen = fork();
  if (frozen == 0) {
    pause_ms(1500);
    say("frozen", "went on", 0);
    _exit(6);
  }
  char number[20];
  snprintf(number, sizeof number, "%d", frozen);
  write_file("/tmp/groups/kept/frozen/cgroup.procs", number);
  write_file("/tmp/groups/kept/cgroup.freeze", "1");
  int happenings = open("/tmp/groups/kept/cgroup.events", O_RDONLY);
  int host = open("/proc/sys/kernel/hostname", O_RDONLY);
  pid_t child = vfork();
  if (child == 0) {
    pause_ms(1000);
    _exit(5);
  }
  say("vfork", "child", child);
  int result;
  say("vfork", "ended", waitpid(child, &result, 0));
  say("vfork", "status", WEXITSTATUS(result));
  char bytes[5] = {0};
  pause_ms(1000);
  say_file("happenings", happenings);
  say_file("host", host);
  say_path("/tmp/groups/kept/pids.max");
  say_path("/tmp/groups/kept/memory.current");
  say_path("/tmp/groups/kept/frozen/cgroup.procs");
  struct stat kept;
  stat("/tmp/groups/kept", &kept);
  say("groups", "mode", kept.st_mode & 0777);
  write_file("/tmp/groups/kept/cgroup.freeze", "0");
  say("frozen", "ended", waitpid(frozen, &result, 0) == frozen ? WEXITSTATUS(result) : -1);
  say_file("happenings", happenings);
  say("groups", "removed", rmdir("/tmp/groups/kept/frozen"));
  say("key", bytes, syscall(SYS_keyctl, 11, key, bytes, 4));
  say("key", bytes, syscall(SYS_keyctl, 9, key, -3));
  say("session", "is the same", syscall(SYS_keyctl, 0, -3, 0) == session);
  say("ids", "pid", getpid());
  say("ids", "parent", getppid());
  say("ids", "uid", getuid());
  char name[65];
  gethostname(name, sizeof name);
  say("uts", name, 0);
  say_namespaces("inside");
  say_file("status", status);
  say_file("devices", devices);
  say_path("/proc/self/uid_map");
  say_path("/proc/self/mountinfo");
  say_path("/proc/self/timens_offsets");
  say_path("/proc/sysvipc/msg");
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  say("time", "seconds", now.tv_sec);
  memset(frame, 0, sizeof frame);
  do status = recv(far, frame, sizeof frame, MSG_DONTWAIT);
  while (status > 0 && (frame[12] & 255) != 0x88);
  say("frame", frame + 14, status);
  strcpy(frame + 14, "after");
  say("frame", "sent", send(near, frame, sizeof frame, 0));
  say("frame", frame + 14, recv(far, frame, sizeof frame, 0));
  memset(frame, 0, sizeof frame);
  while ((status = recv(bridge, frame, sizeof frame, MSG_DONTWAIT)) > 0)
    if ((frame[12] & 255) == 0x88) say("bridge", frame + 14, status);
  say("queue", "again", msgget(7, 0));
  say("queue", message.text, msgrcv(queue, &message, 8, 0, IPC_NOWAIT));
  say("network", "entered", setns(network, CLONE_NEWNET));
  say("entry", "opened", openat(folder, "uts", O_RDONLY));
  say("tmpfs", "file", access("/tmp/bound/file", F_OK));
  say_file("overlay", layered);
  say("overlay", "gone", access("/tmp/bound/merged/gone", F_OK));
  write_file("/tmp/bound/merged/kept", "above");
  say_path("/tmp/bound/merged/kept");
  say_path("/tmp/bound/low/kept");
  say("overlay", "away", close(layered) || umount("/tmp/bound/merged"));
  say("outer", "entered", setns(outer_uts, CLONE_NEWUTS));
  pid_t last = fork();
  if (last == 0) _exit(0);
  say("fork", "child", last);
  wait(0);
}

int main(void) {
  int outer_uts = open("/proc/self/ns/uts", O_RDONLY);
  pid_t child = fork();
  if (child == 0) {
    say("unshare", "done", unshare(CLONE_NEWUSER | CLONE_NEWTIME));
    write_file("/proc/self/setgroups", "deny");
    write_file("/proc/self/uid_map", "0 0 1");
    write_file("/proc/self/gid_map", "0 0 1");
    write_file("/proc/self/timens_offsets", "monotonic 1000 0");
    say("unshare", "done",
        unshare(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWCGROUP));
    pid_t first = fork();
    if (first == 0) {
      inside(outer_uts);
      _exit(0);
    }
    waitpid(first, 0, 0);
    _exit(0);
  }
  waitpid(child, 0, 0);
  say_namespaces("outside");
  char name[65];
  gethostname(name, sizeof name);
  say("uts", name, 0);
  return 0;
}
