#include "abi.h"
#include <sched.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <linux/capability.h>

/* Namespaces (namespaces(7)): who may make and enter them, and what is another's inside. */

#define IN_CHILD(body) do { int c_ = fork(); if (c_ == 0) { body; _exit(0); } int s_ = 0; waitpid(c_, &s_, 0); if (s_) printf("ended with %x\n", s_); fflush(stdout); } while (0)

static void put(const char *file, const char *text) {
  int fd = open(file, O_WRONLY);
  errno = 0;
  long n = fd < 0 ? -1 : write(fd, text, strlen(text));
  int e = errno;
  printf("%s <- %s: %s\n", file, text, n < 0 ? name_of(e) : "taken");
  fflush(stdout);
  if (fd >= 0) close(fd);
}

static void get(const char *file) {
  char text[512];
  int fd = open(file, O_RDONLY);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  text[n < 0 ? 0 : n] = 0;
  printf("%s:\n%s", file, n < 0 ? "-\n" : text);
  fflush(stdout);
  if (fd >= 0) close(fd);
}

static int effective(int capability) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (syscall(SYS_capget, &header, data)) return -1;
  return data[capability / 32].effective >> capability % 32 & 1;
}

static long setgroups_raw(int count) { return syscall(SYS_setgroups, count, NULL); }
static long setpriority_raw(int nice) { return syscall(SYS_setpriority, 0, 0, nice); }
static unsigned makedev_raw(int major, int minor) { return major << 8 | minor; }
/* A child that ends at once, or a thread that is not wanted. */
static long clone_with(unsigned long flags) {
  long child = syscall(SYS_clone, flags, 0, 0, 0, 0);
  if (child == 0) _exit(0);
  return child;
}
static long clone_parent(void) { return clone_with(CLONE_PARENT | SIGCHLD); }

static void become(int uid) {
  if (setgroups_raw(0) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid) || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)) exit(1);
}

static volatile int caught;
static siginfo_t last;
static void handler(int s, siginfo_t *info, void *c) { (void)c; caught = s; last = *info; }
static void handle(int s) {
  struct sigaction a = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(s, &a, NULL);
}

/* A pid namespace: numbers, its init, and what becomes of orphans. */
static void pids(void) {
  int up[2], down[2];
  if (pipe(up) || pipe(down)) exit(1);
  int outside = getpid();
  SHOW(unshare(CLONE_NEWPID));
  SHOW(unshare(CLONE_NEWPID));
  HOLDS(getpid() == outside);
  char link[64];
  SHOW(readlink("/proc/self/ns/pid_for_children", link, sizeof link));
  int child = fork();
  if (child == 0) {
    SHOW(getpid()); SHOW(getppid()); SHOW(gettid()); SHOW(getsid(0)); SHOW(getpgrp()); SHOW(setsid()); SHOW(getpgid(0)); SHOW(getsid(1));
    SHOW(kill(1, 0)); SHOW(kill(2, 0)); SHOW(kill(outside, 0)); SHOW(kill(-1, 0));
    /* Signals that it has no handler for pass it by. */
    SHOW(kill(1, SIGTERM)); SHOW(kill(1, SIGKILL)); SHOW(kill(1, SIGSTOP)); SHOW(raise(SIGUSR1));
    /* What it blocks waits, and finds the handler that it has then; without one it passes by even so. */
    sigset_t blocked, waiting;
    sigemptyset(&blocked); sigaddset(&blocked, SIGUSR2); sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    SHOW(kill(1, SIGUSR2)); SHOW(kill(1, SIGTERM)); sigpending(&waiting);
    SHOW(sigismember(&waiting, SIGUSR2)); SHOW(sigismember(&waiting, SIGTERM));
    handle(SIGUSR2); sigprocmask(SIG_UNBLOCK, &blocked, NULL); SHOW(caught == SIGUSR2); caught = 0;
    handle(SIGUSR2); SHOW(kill(1, SIGUSR2)); SHOW(caught == SIGUSR2); SHOW(last.si_pid);
    handle(SIGCHLD);
    IN_CHILD(SHOW(getpid()); SHOW(getppid()); SHOW(setpgid(0, 0)); SHOW(getpgrp()));
    SHOW(last.si_pid);
    /* An orphan goes to it. */
    int middle = fork();
    if (middle == 0) {
      if (fork() == 0) { while (getppid() != 1) usleep(1000); _exit(9); }
      _exit(0);
    }
    int status;
    SHOW(waitpid(middle, &status, 0)); SHOW(waitpid(-1, &status, 0)); SHOW(WEXITSTATUS(status)); SHOW(waitpid(-1, &status, 0));
    /* To the nearest subreaper before. */
    int reaper = fork();
    if (reaper == 0) {
      prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
      int parent = fork();
      if (parent == 0) { if (fork() == 0) { while (getppid() == getpid() - 1) usleep(1000); SHOW(getppid()); _exit(8); } _exit(0); }
      waitpid(parent, &status, 0); waitpid(-1, &status, 0); SHOW(WEXITSTATUS(status)); _exit(0);
    }
    waitpid(reaper, &status, 0);
    SHOW(clone_parent());
    SHOW(unshare(CLONE_NEWUSER | CLONE_NEWPID));
    write(up[1], "x", 1);
    char c;
    read(down[0], &c, 1);
    if (fork() == 0) { pause(); _exit(1); }
    _exit(4);
  }
  char c;
  read(up[0], &c, 1);
  /* From outside SIGKILL reaches it, others do not. */
  SHOW(kill(child, SIGTERM)); SHOW(kill(child, SIGUSR1));
  write(down[1], "x", 1);
  int status;
  HOLDS(waitpid(child, &status, 0) == child);
  SHOW(WEXITSTATUS(status));
  SHOW(fork());
}

/* Who wrote, and who connected, is told by the number that it had, after it has ended, too. */
static int told(int fd) {
  char byte, room[CMSG_SPACE(sizeof(struct ucred))];
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof room};
  if (recvmsg(fd, &message, 0) != 1 || CMSG_FIRSTHDR(&message) == NULL) return -1;
  struct ucred who;
  memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof who);
  return who.pid;
}

static void senders(void) {
  SHOW(unshare(CLONE_NEWPID));
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0senders of namespaces.c"};
  int listening = socket(AF_UNIX, SOCK_STREAM, 0), on = 1, ends[2];
  if (bind(listening, (void *)&name, sizeof name) || listen(listening, 1) || socketpair(AF_UNIX, SOCK_DGRAM, 0, ends)) exit(1);
  setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on);
  IN_CHILD(IN_CHILD(
    int client = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(getpid()); SHOW(connect(client, (void *)&name, sizeof name)); SHOW(write(ends[1], "x", 1)));
    struct ucred who; socklen_t length = sizeof who; int fd = accept(listening, NULL, NULL);
    SHOW(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length)); SHOW(who.pid); SHOW(told(ends[0])));
}

static void killed(void) {
  SHOW(unshare(CLONE_NEWPID));
  int p[2];
  if (pipe(p)) exit(1);
  int child = fork();
  if (child == 0) { if (fork() == 0) { pause(); _exit(1); } write(p[1], "x", 1); pause(); _exit(1); }
  char c;
  close(p[1]);
  read(p[0], &c, 1);
  SHOW(kill(child, SIGKILL));
  int status;
  HOLDS(waitpid(child, &status, 0) == child);
  SHOW(WTERMSIG(status));
  /* Nobody holds the pipe any more. */
  SHOW(read(p[0], &c, 1));
}

/* A user namespace of an ordinary user. */
static void users(void) {
  become(1000);
  SHOW(unshare(CLONE_NEWUTS)); SHOW(unshare(CLONE_NEWNS)); SHOW(unshare(CLONE_NEWPID)); SHOW(unshare(CLONE_NEWNET)); SHOW(unshare(CLONE_NEWIPC)); SHOW(effective(CAP_SYS_ADMIN));
  SHOW(unshare(CLONE_NEWUSER));
  SHOW(getuid()); SHOW(geteuid()); SHOW(getgid()); SHOW(effective(CAP_SYS_ADMIN)); SHOW(effective(CAP_SETFCAP));
  get("/proc/self/uid_map"); get("/proc/self/setgroups");
  SHOW(setuid(0)); SHOW(setuid(1000)); SHOW(setgroups_raw(0));
  put("/proc/self/gid_map", "0 1000 1"); put("/proc/self/uid_map", "0 0 1"); put("/proc/self/uid_map", "0 1000 2"); put("/proc/self/uid_map", "0 1000"); put("/proc/self/uid_map", "0 1000 0"); put("/proc/self/uid_map", "0 1000 1\n"); put("/proc/self/uid_map", "0 1000 1");
  put("/proc/self/setgroups", "maybe"); put("/proc/self/setgroups", "deny"); put("/proc/self/setgroups", "allow"); put("/proc/self/gid_map", "0 1000 1"); put("/proc/self/setgroups", "deny");
  get("/proc/self/uid_map"); get("/proc/self/gid_map"); get("/proc/self/setgroups");
  SHOW(getuid()); SHOW(getgid()); SHOW(setuid(0)); SHOW(setuid(1)); SHOW(setresuid(-1, 5, -1)); SHOW(setfsuid(3)); SHOW(setfsuid(-1)); SHOW(setgroups_raw(0));
  struct stat s;
  SHOW(stat("/", &s)); SHOW(s.st_uid); SHOW(s.st_gid);
  int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
  SHOW(fstat(fd, &s)); SHOW(s.st_uid); SHOW(s.st_gid); SHOW(fchown(fd, 7, -1)); SHOW(fchown(fd, 0, 0)); close(fd);
  SHOW(open("/proc/1/environ", O_RDONLY)); SHOW(chmod("/", 0777)); SHOW(mknod("/tmp/device", S_IFCHR | 0600, makedev_raw(1, 3)));
  /* Its capabilities count over what it owns alone. */
  SHOW(sethostname("x", 1)); SHOW(chroot("/")); SHOW(mount("none", "/tmp", "tmpfs", 0, "")); SHOW(kill(1, 0)); SHOW(setpriority_raw(-5));
  SHOW(unshare(CLONE_NEWUTS)); SHOW(sethostname("inside", 6));
  struct utsname u;
  uname(&u); printf("%s\n", u.nodename); fflush(stdout);
  SHOW(unshare(CLONE_NEWNS)); SHOW(mount("none", "/tmp", "tmpfs", 0, "mode=700")); SHOW(stat("/tmp", &s)); SHOW(s.st_uid); SHOW(s.st_mode & 0777); SHOW(umount("/tmp")); SHOW(mount("none", "/tmp", "tmpfs", 0, "uid=4")); SHOW(mount("none", "/tmp", "devtmpfs", 0, "")); SHOW(mount("none", "/tmp", "no-such", 0, ""));
  SHOW(mount("proc", "/tmp", "proc", 0, ""));
  /* One below it. */
  IN_CHILD(SHOW(unshare(CLONE_NEWUSER)); SHOW(getuid()); put("/proc/self/setgroups", "deny"); put("/proc/self/uid_map", "5 0 1"); SHOW(getuid()); get("/proc/self/uid_map"); SHOW(sethostname("y", 1)));
}

static void nested(void) {
  int levels = 0;
  become(1000);
  while (levels < 40) {
    char map[32];
    sprintf(map, "0 %d 1", levels ? 0 : 1000);
    if (unshare(CLONE_NEWUSER)) break;
    int fd = open("/proc/self/uid_map", O_WRONLY);
    if (write(fd, map, strlen(map)) < 0) exit(2);
    close(fd);
    fd = open("/proc/self/setgroups", O_WRONLY);
    write(fd, "deny", 4);
    close(fd);
    fd = open("/proc/self/gid_map", O_WRONLY);
    if (write(fd, map, strlen(map)) < 0) exit(3);
    close(fd);
    levels++;
  }
  int e = errno;
  SHOW(levels);
  printf("%s\n", name_of(e)); fflush(stdout);
}

/* setns(2), files of namespaces, and what they are asked. */
static void files(void) {
  int own = open("/proc/self/ns/uts", O_RDONLY), user = open("/proc/self/ns/user", O_RDONLY), pid = open("/proc/self/ns/pid", O_RDONLY), mnt = open("/proc/self/ns/mnt", O_RDONLY);
  SHOW(open("/proc/self/ns/uts", O_WRONLY)); SHOW(write(own, "x", 1)); char c; SHOW(read(own, &c, 1));
  SHOW(ioctl(own, 0xb703)); SHOW(ioctl(user, 0xb703)); SHOW(ioctl(pid, 0xb703)); SHOW(ioctl(mnt, 0xb703)); SHOW(ioctl(own, 0xb702)); SHOW(ioctl(user, 0xb702)); SHOW(ioctl(pid, 0xb702)); SHOW(ioctl(own, 0xb704, &c)); SHOW(ioctl(own, 0xb7ff));
  unsigned uid = 99; SHOW(ioctl(user, 0xb704, &uid)); SHOW(uid); HOLDS(ioctl(own, 0xb701) >= 0);
  SHOW(setns(own, CLONE_NEWIPC)); SHOW(setns(own, CLONE_NEWUTS)); SHOW(setns(own, 0)); SHOW(setns(user, 0)); SHOW(setns(0, 0)); SHOW(setns(-1, 0)); SHOW(setns(pid, CLONE_NEWPID)); SHOW(setns(mnt, CLONE_NEWNS));
  struct stat a, b;
  SHOW(unshare(CLONE_NEWUTS)); int other = open("/proc/self/ns/uts", O_RDONLY); fstat(own, &a); fstat(other, &b); HOLDS(a.st_ino != b.st_ino); HOLDS(a.st_dev == b.st_dev); SHOW(sethostname("other", 5)); SHOW(setns(own, 0));
  struct utsname u; uname(&u); HOLDS(strcmp(u.nodename, "other") != 0); SHOW(setns(other, 0)); uname(&u); printf("%s\n", u.nodename); fflush(stdout);
  int self = syscall(SYS_pidfd_open, getpid(), 0); SHOW(setns(self, 0)); SHOW(setns(self, CLONE_NEWUTS | CLONE_NEWIPC)); SHOW(setns(self, 0x1)); SHOW(unshare(1));
  IN_CHILD(become(1000); SHOW(setns(own, 0)); SHOW(setns(user, 0)));
}

static void others(void) {
  int before = shmget(77, 100, IPC_CREAT | 0600); HOLDS(before >= 0);
  SHOW(unshare(CLONE_NEWIPC)); SHOW(shmget(77, 100, 0)); SHOW(msgget(1, IPC_CREAT | 0600) >= 0); SHOW(shmctl(before, IPC_RMID, NULL));
  int fd = open("/proc/self/ns/ipc", O_RDONLY); close(fd);
  int listener = socket(AF_UNIX, SOCK_STREAM, 0); struct sockaddr address = {AF_UNIX, "\0stratos-ns-test"}; SHOW(bind(listener, &address, 12)); SHOW(listen(listener, 1));
  SHOW(unshare(CLONE_NEWNET)); int client = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(client, &address, 12));
  struct ifreq request; memset(&request, 0, sizeof request); strcpy(request.ifr_name, "lo"); int s = socket(AF_INET, SOCK_DGRAM, 0);
  SHOW(ioctl(s, SIOCGIFFLAGS, &request)); SHOW(request.ifr_flags & IFF_UP); SHOW(if_nametoindex("lo")); SHOW(if_nametoindex("eth0"));
  SHOW(unshare(CLONE_NEWTIME)); put("/proc/self/timens_offsets", "boottime 100000 5"); put("/proc/self/timens_offsets", "1 7 0"); put("/proc/self/timens_offsets", "realtime 7 0"); get("/proc/self/timens_offsets");
  struct timespec t, inside; clock_gettime(CLOCK_BOOTTIME, &t);
  IN_CHILD(clock_gettime(CLOCK_BOOTTIME, &inside); HOLDS(inside.tv_sec - t.tv_sec >= 100000 && inside.tv_sec - t.tv_sec < 100010); put("/proc/self/timens_offsets", "boottime 3 0"));
  put("/proc/self/timens_offsets", "boottime 3 0");
  SHOW(unshare(CLONE_NEWCGROUP)); SHOW(unshare(CLONE_NEWUSER)); SHOW(getuid());
}

/* Queues of a namespace that has ended stay where they are mounted, but no others are made there. */
static void queues(void) {
  SHOW(unshare(CLONE_NEWNS)); SHOW(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)); mkdir("/tmp/ns-queues", 0755);
  IN_CHILD(SHOW(unshare(CLONE_NEWIPC)); SHOW(mount("mqueue", "/tmp/ns-queues", "mqueue", 0, NULL)); HOLDS(creat("/tmp/ns-queues/a", 0600) >= 0));
  SHOW(access("/tmp/ns-queues/a", F_OK)); SHOW(creat("/tmp/ns-queues/b", 0600)); SHOW(unlink("/tmp/ns-queues/a")); SHOW(umount("/tmp/ns-queues")); rmdir("/tmp/ns-queues");
}

static void flags(void) {
  SHOW(clone_with(CLONE_NEWUSER | CLONE_FS)); SHOW(clone_with(CLONE_NEWNS | CLONE_FS)); SHOW(clone_with(CLONE_NEWPID | CLONE_THREAD | CLONE_SIGHAND | CLONE_VM)); SHOW(clone_with(CLONE_NEWIPC | CLONE_SYSVSEM)); HOLDS(clone_with(CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS | SIGCHLD) > 0); wait(NULL);
}

int main(void) {
  IN_CHILD(flags());
  IN_CHILD(pids());
  IN_CHILD(senders());
  IN_CHILD(killed());
  IN_CHILD(users());
  IN_CHILD(nested());
  IN_CHILD(files());
  IN_CHILD(others());
  IN_CHILD(queues());
  return 0;
}
