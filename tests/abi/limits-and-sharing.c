#include "abi.h"
#include <mqueue.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/select.h>
#include <sys/shm.h>
#include <sys/socket.h>

/* Limits that /proc/sys sets, what clones share, and arguments of sockets that are looked at late. */

static void set(const char *path, const char *text) { int fd = open(path, O_WRONLY); if (fd < 0 || write(fd, text, strlen(text)) < 0) printf("%s = %s: %s\n", path, text, name_of(errno)); close(fd); }
static void get(const char *path, char *to) { int fd = open(path, O_RDONLY); long n = read(fd, to, 63); to[n > 0 ? n : 0] = 0; close(fd); }

static void identifiers(void) {
  char text[64]; int used = 0; get("/proc/sys/kernel/msg_next_id", text); printf("%s", text);
  set("/proc/sys/kernel/msg_next_id", "4711"); int a = msgget(IPC_PRIVATE, 0600); SHOW(a); get("/proc/sys/kernel/msg_next_id", text); printf("%s", text); set("/proc/sys/kernel/msg_next_id", "4711"); int b = msgget(IPC_PRIVATE, 0600); HOLDS(b != a && b >= 0); set("/proc/sys/kernel/msg_next_id", "-2");
  set("/proc/sys/kernel/shm_next_id", "98765"); int s = shmget(IPC_PRIVATE, 1, 0600); SHOW(s); shmctl(s, IPC_RMID, NULL); set("/proc/sys/kernel/sem_next_id", "70000"); s = semget(IPC_PRIVATE, 1, 0600); SHOW(s); semctl(s, 0, IPC_RMID); SHOW(msgctl(a, IPC_RMID, NULL)); SHOW(msgctl(a, IPC_RMID, NULL)); msgctl(b, IPC_RMID, NULL);
  struct msginfo info; msgctl(0, 14, (void *)&info); get("/proc/sys/kernel/msgmni", text); struct msginfo now; msgctl(0, 12, (void *)&now); char limit[32]; sprintf(limit, "%d", now.msgpool + 2); set("/proc/sys/kernel/msgmni", limit); a = msgget(IPC_PRIVATE, 0600); b = msgget(IPC_PRIVATE, 0600); HOLDS(a >= 0 && b >= 0); SHOW(msgget(IPC_PRIVATE, 0600)); msgctl(a, IPC_RMID, NULL); msgctl(b, IPC_RMID, NULL); set("/proc/sys/kernel/msgmni", text);
  get("/proc/sys/kernel/msgmax", text); set("/proc/sys/kernel/msgmax", "10"); a = msgget(IPC_PRIVATE, 0600); char message[64] = {1}; SHOW(msgsnd(a, message, 11, IPC_NOWAIT)); SHOW(msgsnd(a, message, 10, IPC_NOWAIT)); msgctl(a, IPC_RMID, NULL); set("/proc/sys/kernel/msgmax", text);
  get("/proc/sys/kernel/shmmax", text); set("/proc/sys/kernel/shmmax", "5000"); SHOW(shmget(IPC_PRIVATE, 5001, 0600)); s = shmget(IPC_PRIVATE, 5000, 0600); HOLDS(s >= 0); shmctl(s, IPC_RMID, NULL); set("/proc/sys/kernel/shmmax", text); SHOW(shmget(IPC_PRIVATE, 4096, 0600 | 04000) >= -1);
}

static void pipes(void) {
  char soft[64], hard[64], size[64]; int p[3][2]; get("/proc/sys/fs/pipe-user-pages-soft", soft); get("/proc/sys/fs/pipe-user-pages-hard", hard); get("/proc/sys/fs/pipe-max-size", size);
  set("/proc/sys/fs/pipe-user-pages-soft", "20"); set("/proc/sys/fs/pipe-user-pages-hard", "21"); set("/proc/sys/fs/pipe-max-size", "100000"); char now[64]; get("/proc/sys/fs/pipe-max-size", now); printf("%s", now);
  if (fork() == 0) { setgid(31337); setuid(31337); SHOW(pipe(p[0])); SHOW(fcntl(p[0][0], F_GETPIPE_SZ)); SHOW(pipe(p[1])); SHOW(fcntl(p[1][0], F_GETPIPE_SZ)); SHOW(fcntl(p[1][0], F_SETPIPE_SZ, 65536)); SHOW(fcntl(p[0][0], F_SETPIPE_SZ, 262144)); SHOW(pipe(p[2])); SHOW(pipe(p[2])); SHOW(fcntl(p[0][0], F_SETPIPE_SZ, 4096)); SHOW(pipe(p[2])); exit(0); } wait(NULL);
  set("/proc/sys/fs/pipe-user-pages-soft", soft); set("/proc/sys/fs/pipe-user-pages-hard", hard); set("/proc/sys/fs/pipe-max-size", "0"); set("/proc/sys/fs/pipe-max-size", size);
}

#ifndef CLONE_IO
#define CLONE_IO 0x80000000
#endif
static char stack[65536] __attribute__((aligned(16)));
static int parent, kinds[] = {1, 2, 3, 4, 5, 6};
static int child(void *p) { (void)p; for (int i = 0; i < 6; i++) { long r = syscall(SYS_kcmp, parent, getpid(), kinds[i], 0, 0); printf(" %d:%d", kinds[i], r == 0); } printf("\n"); fflush(stdout); return 0; }
static void sharing(void) {
  unsigned flags[] = {0, CLONE_VM, CLONE_FILES, CLONE_FS, CLONE_IO, CLONE_SYSVSEM}; parent = getpid(); syscall(SYS_ioprio_set, 1, 0, 2 << 13 | 4);
  /* Nobody has semaphore notes before the first; two tasks without any are the same to kcmp. */
  int set_id = semget(IPC_PRIVATE, 1, 0600); struct sembuf up = {0, 1, SEM_UNDO}; semop(set_id, &up, 1);
  for (int i = 0; i < 6; i++) { fflush(stdout); clone(child, stack + sizeof stack, flags[i] | SIGCHLD, NULL); wait(NULL); } semctl(set_id, 0, IPC_RMID);
}

/* SEM_UNDO is done when the last that shares it ends. */
static int semaphores; static int undoer(void *p) { struct sembuf up = {0, 1, SEM_UNDO}; semop(semaphores, &up, 1); (void)p; return 0; }
static void notes(void) {
  semaphores = semget(IPC_PRIVATE, 1, 0600); clone(undoer, stack + sizeof stack, SIGCHLD, NULL); wait(NULL); SHOW(semctl(semaphores, 0, GETVAL)); if (fork() == 0) { clone(undoer, stack + sizeof stack, CLONE_SYSVSEM | SIGCHLD, NULL); wait(NULL); SHOW(semctl(semaphores, 0, GETVAL)); SHOW(unshare(CLONE_SYSVSEM)); SHOW(semctl(semaphores, 0, GETVAL)); exit(0); } wait(NULL); SHOW(semctl(semaphores, 0, GETVAL)); semctl(semaphores, 0, IPC_RMID);
}

static void sockets(void) {
  struct sockaddr_in at = {.sin_family = AF_INET}; socklen_t length = sizeof at; char c; at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int l = socket(AF_INET, SOCK_STREAM, 0), a = socket(AF_INET, SOCK_STREAM, 0); bind(l, (void *)&at, sizeof at); listen(l, 1); getsockname(l, (void *)&at, &length); connect(a, (void *)&at, length); int b = accept(l, NULL, NULL); write(a, "abc", 3);
  length = -1; SHOW(recvfrom(b, &c, 1, 0, (void *)&at, &length)); length = 16; SHOW(recvfrom(b, &c, 1, 0, (void *)&at, &length)); SHOW(length); SHOW(recvfrom(b, &c, 1, 0, (void *)&at, (void *)8)); int place = open("/tmp", O_PATH); SHOW(accept(place, NULL, NULL)); SHOW(send(place, "x", 1, 0)); SHOW(listen(place, 1));
  char control[CMSG_SPACE(4)] = {0}; struct iovec part = {"x", 1}; struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}; struct cmsghdr *head = (void *)control; head->cmsg_len = CMSG_LEN(4); head->cmsg_level = SOL_SOCKET; head->cmsg_type = SCM_RIGHTS; SHOW(sendmsg(a, &message, 0)); head->cmsg_type = 99; SHOW(sendmsg(a, &message, 0));
  struct sockaddr_in6 six = {.sin6_family = AF_INET6}; int m = socket(AF_INET6, SOCK_STREAM, 0), family = AF_INET; SHOW(setsockopt(m, IPPROTO_IPV6, 1, &family, 4)); six.sin6_addr.s6_addr[10] = six.sin6_addr.s6_addr[11] = 255; memcpy(&six.sin6_addr.s6_addr[12], "\x7f\0\0\1", 4); length = sizeof at; getsockname(l, (void *)&at, &length); six.sin6_port = at.sin_port; SHOW(connect(m, (void *)&six, sizeof six)); family = 99; SHOW(setsockopt(m, IPPROTO_IPV6, 1, &family, 4)); family = AF_INET; SHOW(setsockopt(m, IPPROTO_IPV6, 1, &family, 4)); length = sizeof six; SHOW(getsockname(m, (void *)&six, &length)); SHOW(length); SHOW(six.sin6_family); length = 4; SHOW(getsockopt(m, SOL_SOCKET, SO_DOMAIN, &family, &length)); SHOW(family); close(accept(l, NULL, NULL));
  struct ip_mreq group = {{inet_addr("239.1.2.3")}, {htonl(INADDR_LOOPBACK)}}; int u = socket(AF_INET, SOCK_DGRAM, 0), v = socket(AF_INET, SOCK_DGRAM, 0); at.sin_addr.s_addr = 0; at.sin_port = 0; bind(u, (void *)&at, sizeof at); length = sizeof at; getsockname(u, (void *)&at, &length); at.sin_addr = group.imr_multiaddr; struct in_addr lo = {htonl(INADDR_LOOPBACK)};
  SHOW(setsockopt(u, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group)); SHOW(setsockopt(u, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group)); SHOW(setsockopt(v, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group)); SHOW(setsockopt(v, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo)); SHOW(sendto(v, "to all", 6, 0, (void *)&at, sizeof at)); char buffer[9] = {0}; SHOW(recv(u, buffer, 8, MSG_DONTWAIT)); puts(buffer); SHOW(setsockopt(u, IPPROTO_IP, IP_DROP_MEMBERSHIP, &group, sizeof group)); group.imr_multiaddr.s_addr = htonl(INADDR_LOOPBACK); SHOW(setsockopt(u, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group)); SHOW(setsockopt(u, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, 4));
  struct group_req request = {0}; struct sockaddr_in *member = (void *)&request.gr_group; member->sin_family = AF_INET; member->sin_addr.s_addr = inet_addr("224.0.0.1"); request.gr_interface = 1; SHOW(setsockopt(l, IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof request)); SHOW(setsockopt(a, IPPROTO_IP, MCAST_LEAVE_GROUP, &request, sizeof request)); SHOW(setsockopt(l, IPPROTO_IP, MCAST_LEAVE_GROUP, &request, sizeof request)); request.gr_interface = 12345; SHOW(setsockopt(l, IPPROTO_IP, MCAST_JOIN_GROUP, &request, sizeof request));
}

static void windows(void) {
  int f = open("/tmp", O_TMPFILE | O_RDWR, 0600); for (int i = 0; i < 8; i++) { char page[4096]; memset(page, '0' + i, 4096); write(f, page, 4096); } char *a = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, f, 0); char *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, f, 0);
  SHOW(remap_file_pages(a, 4096, 0, 7, 0)); SHOW(remap_file_pages(a + 8192, 2 * 4096, 0, 4, 0)); for (int i = 0; i < 4; i++) printf("%c", a[i * 4096]); printf("\n"); a[0] = 'x'; char c; pread(f, &c, 1, 7 * 4096); SHOW(c); SHOW(remap_file_pages(a, 4 * 4096, 0, 0, 0)); for (int i = 0; i < 4; i++) printf("%c", a[i * 4096]); printf("\n");
  SHOW(remap_file_pages(a, 4096, PROT_READ, 0, 0)); SHOW(remap_file_pages(a, 0, 0, 0, 0)); SHOW(remap_file_pages(p, 4096, 0, 1, 0)); SHOW(remap_file_pages(a + 4 * 4096, 1 << 20, 0, 0, 0)); SHOW(remap_file_pages((void *)4096, 4096, 0, 0, 0)); SHOW(remap_file_pages(a, 5, 0, 0, 0));
}

static void others(void) {
  struct timeval t = {0, 10}; personality(STICKY_TIMEOUTS); SHOW(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &t, NULL)); SHOW(t.tv_usec); personality(0); t.tv_usec = 10; SHOW(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &t, NULL)); SHOW(t.tv_usec);
  struct rlimit files; getrlimit(RLIMIT_NOFILE, &files); struct rlimit none = {0, files.rlim_max}; setrlimit(RLIMIT_NOFILE, &none); SHOW(mq_open("/left-behind", O_CREAT | O_RDWR, 0600, NULL)); setrlimit(RLIMIT_NOFILE, &files); SHOW(mq_open("/left-behind", O_RDWR)); mq_unlink("/left-behind");
  SHOW(syscall(SYS_io_cancel, 0, NULL, NULL)); long iocb[8] = {0}; SHOW(syscall(SYS_io_cancel, 0, iocb, NULL));
  /* A file that would grow beyond the limit, from below it and from above. */
  struct rlimit size = {1 << 20, RLIM_INFINITY}; signal(SIGXFSZ, SIG_IGN); int f = open("/tmp", O_TMPFILE | O_RDWR, 0600); setrlimit(RLIMIT_FSIZE, &size); SHOW(fallocate(f, 0, 0, 1 << 20)); SHOW(fallocate(f, 0, 0, 2 << 20)); SHOW(fallocate(f, 0, 1 << 20, 1)); SHOW(ftruncate(f, 2 << 20)); SHOW(pwrite(f, "xy", 2, (1 << 20) - 1)); SHOW(pwrite(f, "xy", 2, 1 << 20)); signal(SIGXFSZ, SIG_DFL); int pid = fork(), s; if (pid == 0) { fallocate(f, 0, 0, 2 << 20); _exit(0); } waitpid(pid, &s, 0); SHOW(WTERMSIG(s)); SHOW(ftruncate(f, 0)); pid = fork(); if (pid == 0) { fallocate(f, 0, 0, 2 << 20); _exit(0); } waitpid(pid, &s, 0); SHOW(WTERMSIG(s)); pid = fork(); if (pid == 0) { fallocate(f, 0, 4096, 2 << 20); _exit(0); } waitpid(pid, &s, 0); SHOW(WTERMSIG(s)); pid = fork(); if (pid == 0) { fallocate(f, FALLOC_FL_KEEP_SIZE, 0, 2 << 20); _exit(0); } waitpid(pid, &s, 0); SHOW(WTERMSIG(s));
  /* Children that nobody waits for don't count. */
  signal(SIGCHLD, SIG_IGN); struct rusage before, after; getrusage(RUSAGE_CHILDREN, &before); if (fork() == 0) { char *big = malloc(64 << 20); memset(big, 1, 64 << 20); _exit(0); } waitpid(-1, NULL, 0); getrusage(RUSAGE_CHILDREN, &after); HOLDS(after.ru_maxrss - before.ru_maxrss < 32000);
}

int main(void) { identifiers(); pipes(); sharing(); notes(); sockets(); windows(); others(); return 0; }
