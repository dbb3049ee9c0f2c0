#include "abi.h"
#include <dirent.h>
#include <sched.h>
#include <termios.h>
#include <mqueue.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <netinet/udp.h>
#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
/* What reads into memory of which only the first part may be written: what comes of the call, and what is still there. */
static char *end, b[65536];
#define WAITS(f) SHOW(recv(f, b, sizeof b, MSG_DONTWAIT))
static void pair_of(const char *name, int reader, int writer) {
  puts(name);
  SHOW(send(writer, "0123456789", 10, 0)); usleep(2000); SHOW(recv(reader, end - 4, 10, MSG_PEEK | MSG_DONTWAIT)); SHOW(recv(reader, end - 4, 10, MSG_DONTWAIT)); WAITS(reader); WAITS(reader);
  SHOW(send(writer, "0123456789", 10, 0)); usleep(2000); SHOW(recv(reader, end - 4, 4, MSG_DONTWAIT)); WAITS(reader);
  struct iovec v[3] = {{b, 3}, {end - 2, 4}, {b + 100, 10}}; SHOW(send(writer, "0123456789", 10, 0)); usleep(2000); SHOW(readv(reader, v, 3)); WAITS(reader);
  SHOW(send(writer, end - 4, 10, 0)); usleep(2000); WAITS(reader);
  /* The second of three finds no memory. */
  for (int i = 0; i < 3; i++) send(writer, "aaaa", 4, 0); usleep(2000); struct iovec io[3] = {{b, 4}, {end, 4}, {b + 100, 4}}; struct mmsghdr m[3] = {{{.msg_iov = io, .msg_iovlen = 1}}, {{.msg_iov = io + 1, .msg_iovlen = 1}}, {{.msg_iov = io + 2, .msg_iovlen = 1}}};
  SHOW(recvmmsg(reader, m, 3, MSG_DONTWAIT, NULL)); WAITS(reader); WAITS(reader); WAITS(reader);
  struct iovec so[3] = {{"a", 1}, {end, 4}, {"c", 1}}; for (int j = 0; j < 3; j++) m[j].msg_hdr.msg_iov = so + j; SHOW(sendmmsg(writer, m, 3, 0)); usleep(2000); WAITS(reader); WAITS(reader);
  int bytes; SHOW(ioctl(reader, FIONREAD, &bytes)); SHOW(bytes);
}
static void files_with(int type) {
  int q[2], p[2]; socketpair(AF_UNIX, type, 0, q); pipe2(p, O_NONBLOCK); printf("files with %d\n", type);
  char control[CMSG_SPACE(sizeof(int))] = {0}; struct iovec v = {"0123456789", 10}; struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr *c = CMSG_FIRSTHDR(&m); c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(sizeof(int)); memcpy(CMSG_DATA(c), p + 1, sizeof(int)); SHOW(sendmsg(q[0], &m, 0)); close(p[1]);
  v.iov_base = end - 4; SHOW(recvmsg(q[1], &m, MSG_DONTWAIT)); SHOW(m.msg_controllen); SHOW(read(p[0], b, 1)); m.msg_controllen = sizeof control; v.iov_base = b; SHOW(recvmsg(q[1], &m, MSG_DONTWAIT)); SHOW(m.msg_controllen); close(q[0]); close(q[1]); close(p[0]);
}
int main(void) {
  char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); mprotect(pages + 4096, 4096, PROT_NONE); end = pages + 4096; alarm(60);
  if (unshare(CLONE_NEWNET | CLONE_NEWIPC)) { perror("unshare"); return 1; }
  int s = socket(AF_INET, SOCK_DGRAM, 0); struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP}; SHOW(ioctl(s, SIOCSIFFLAGS, &r)); close(s);
  for (int k = 0; k < 3; k++) { int q[2]; socketpair(AF_UNIX, k == 0 ? SOCK_STREAM : k == 1 ? SOCK_DGRAM : SOCK_SEQPACKET, 0, q); pair_of(k == 0 ? "unix stream" : k == 1 ? "unix datagrams" : "unix packets", q[1], q[0]); }
  files_with(SOCK_STREAM); files_with(SOCK_DGRAM); files_with(SOCK_SEQPACKET);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}; socklen_t l = sizeof a; int ls = socket(AF_INET, SOCK_STREAM, 0), c = socket(AF_INET, SOCK_STREAM, 0); bind(ls, (void *)&a, l); listen(ls, 1); getsockname(ls, (void *)&a, &l); SHOW(connect(c, (void *)&a, l)); int t = accept(ls, NULL, NULL); pair_of("tcp", t, c);
  int u = socket(AF_INET, SOCK_DGRAM, 0), w = socket(AF_INET, SOCK_DGRAM, 0); a.sin_port = 0; bind(u, (void *)&a, l); getsockname(u, (void *)&a, &l); connect(w, (void *)&a, l); pair_of("udp", u, w);
  struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback}; socklen_t l6 = sizeof a6; int u6 = socket(AF_INET6, SOCK_DGRAM, 0), w6 = socket(AF_INET6, SOCK_DGRAM, 0); bind(u6, (void *)&a6, l6); getsockname(u6, (void *)&a6, &l6); connect(w6, (void *)&a6, l6); pair_of("udp over ipv6", u6, w6);
  /* Errors that wait. */
  puts("errors"); a.sin_port = htons(9); int one = 1, e = socket(AF_INET, SOCK_DGRAM, 0); setsockopt(e, SOL_IP, IP_RECVERR, &one, sizeof one); connect(e, (void *)&a, l); SHOW(send(e, "0123456789", 10, 0)); usleep(2000); SHOW(recv(e, end - 4, 10, MSG_ERRQUEUE)); SHOW(recv(e, b, 100, MSG_ERRQUEUE)); SHOW(recv(e, b, 100, MSG_DONTWAIT));
  /* Raw and packet sockets. */
  puts("raw"); int raw = socket(AF_INET, SOCK_RAW, 253), pk = socket(AF_PACKET, SOCK_DGRAM, 0); struct sockaddr_ll ll = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = 1}; bind(pk, (void *)&ll, sizeof ll);
  a.sin_port = 0; SHOW(sendto(raw, "0123456789", 10, 0, (void *)&a, l)); usleep(2000); SHOW(recv(raw, end - 4, 30, MSG_DONTWAIT | MSG_PEEK)); SHOW(recv(raw, end - 4, 30, MSG_DONTWAIT)); WAITS(raw);
  SHOW(recv(pk, end - 4, 30, MSG_DONTWAIT)); WAITS(pk); close(pk);
  /* Netlink: an answer, and a dump in parts. */
  puts("netlink"); int nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE); struct { struct nlmsghdr h; struct rtgenmsg g; } q = {{.nlmsg_len = sizeof q, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP, .nlmsg_seq = 1}}; SHOW(send(nl, &q, sizeof q, 0)); SHOW(recv(nl, end - 4, 8192, MSG_DONTWAIT)); long n = recv(nl, b, sizeof b, MSG_DONTWAIT); struct nlmsghdr *h = (void *)b; HOLDS(n >= 16 && h->nlmsg_type == NLMSG_DONE); WAITS(nl);
  /* A tun interface. */
  for (int pi = 0; pi < 2; pi++) { struct ifreq x = {.ifr_name = "ends", .ifr_flags = pi ? IFF_TUN : IFF_TUN | IFF_NO_PI}; int tun = open("/dev/net/tun", O_RDWR | O_NONBLOCK); SHOW(ioctl(tun, TUNSETIFF, &x)); write(open("/proc/sys/net/ipv6/conf/ends/disable_ipv6", O_WRONLY), "1", 1); x.ifr_flags = IFF_UP; ioctl(u, SIOCSIFFLAGS, &x); struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_ifindex = if_nametoindex("ends")}; int p = socket(AF_PACKET, SOCK_DGRAM, 0);
    while (read(tun, b, sizeof b) > 0) {} for (int i = 0; i < 3; i++) SHOW(sendto(p, "0123456789", 10, 0, (void *)&to, sizeof to)); SHOW(read(tun, end - 8, 100)); SHOW(read(tun, end, 100)); SHOW(read(tun, b, 100)); SHOW(read(tun, b, 100)); close(p); close(tun); }
  /* Events of files. */
  puts("inotify"); mkdir("/tmp/ends", 0700); int i = inotify_init1(IN_NONBLOCK); inotify_add_watch(i, "/tmp/ends", IN_CREATE); for (int k = 0; k < 5; k++) { char name[20]; sprintf(name, "/tmp/ends/%d", k); close(open(name, O_CREAT | O_RDWR, 0600)); }
  SHOW(read(i, end - 20, 64)); SHOW(read(i, end - 40, 200)); SHOW(read(i, b, 50)); SHOW(read(i, b, sizeof b)); SHOW(read(i, b, sizeof b));
  puts("fanotify"); int fa = fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY); fanotify_mark(fa, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, "/tmp/ends"); for (int k = 0; k < 5; k++) { char name[20]; sprintf(name, "/tmp/ends/%d", k); close(open(name, O_RDONLY)); }
  int next = dup(0); close(next); SHOW(read(fa, end - 20, 64)); SHOW(read(fa, end - 30, 200)); HOLDS(dup(0) == next); SHOW(read(fa, b, 30)); SHOW(read(fa, b, sizeof b)); SHOW(read(fa, b, sizeof b));
  for (int k = 0; k < 5; k++) { char name[20]; sprintf(name, "/tmp/ends/%d", k); unlink(name); } rmdir("/tmp/ends");
  /* Counters and signals. */
  puts("counters"); int v = eventfd(3, EFD_NONBLOCK); SHOW(read(v, end - 4, 8)); SHOW(read(v, b, 8)); v = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE); SHOW(read(v, end - 4, 8)); SHOW(read(v, b, 8)); SHOW(read(v, b, 8)); SHOW(read(v, b, 8)); SHOW(write(v, end - 4, 8));
  int tf = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK); struct itimerspec its = {{0, 0}, {0, 1000}}; timerfd_settime(tf, 0, &its, NULL); usleep(5000); SHOW(read(tf, end - 4, 8)); SHOW(read(tf, b, 8)); timerfd_settime(tf, 0, &its, NULL); usleep(5000); SHOW(read(tf, end, 8)); SHOW(read(tf, b, 8));
  sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigaddset(&set, SIGUSR2); sigprocmask(SIG_BLOCK, &set, NULL); int sf = signalfd(-1, &set, SFD_NONBLOCK); raise(SIGUSR1); raise(SIGUSR2); SHOW(read(sf, end - 200, 256)); SHOW(read(sf, b, 256)); raise(SIGUSR1); SHOW(read(sf, end - 64, 128)); SHOW(read(sf, b, 256));
  /* Queues of messages. */
  puts("queues"); int id = msgget(IPC_PRIVATE, 0600); struct { long t; char x[64]; } m = {1, "0123456789"}; SHOW(msgsnd(id, &m, 10, 0)); SHOW(msgrcv(id, end - 12, 10, 0, IPC_NOWAIT)); SHOW(msgrcv(id, &m, 64, 0, IPC_NOWAIT)); SHOW(msgsnd(id, end - 12, 10, 0)); msgctl(id, IPC_RMID, NULL);
  struct mq_attr ma = {.mq_maxmsg = 3, .mq_msgsize = 16}; mqd_t mq = mq_open("/ends", O_CREAT | O_RDWR | O_NONBLOCK, 0600, &ma); SHOW(mq_send(mq, "0123456789", 10, 0)); SHOW(mq_receive(mq, end - 4, 16, NULL)); SHOW(mq_receive(mq, b, 16, NULL)); SHOW(mq_send(mq, "0123456789", 10, 0)); SHOW(mq_receive(mq, b, 16, (void *)(end - 2))); SHOW(mq_receive(mq, b, 16, NULL)); SHOW(mq_send(mq, end - 4, 10, 0)); char *text = end - 9; SHOW(read(mq, text, 100)); mq_unlink("/ends");
  /* Pipes and terminals. */
  puts("pipes"); int p[2]; pipe2(p, O_NONBLOCK); SHOW(write(p[1], "0123456789", 10)); SHOW(read(p[0], end - 4, 10)); SHOW(read(p[0], b, 100)); SHOW(write(p[1], end - 4, 10)); memset(b, 'x', 8192); SHOW(write(p[1], b, 8192)); SHOW(read(p[0], pages, 8192)); SHOW(read(p[0], b, 8192));
  puts("terminals"); int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK); grantpt(master); unlockpt(master); int slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_NONBLOCK); struct termios ios; tcgetattr(slave, &ios); cfmakeraw(&ios); tcsetattr(slave, TCSANOW, &ios);
  for (int raw = 1; raw >= 0; raw--) { if (!raw) { ios.c_lflag |= ICANON; ios.c_iflag |= ICRNL; tcsetattr(slave, TCSANOW, &ios); } memset(b, 'y', 200); b[199] = '\n';
    SHOW(write(master, b, 200)); usleep(20000); SHOW(read(slave, end - 4, 150)); SHOW(read(slave, b, 1000)); SHOW(read(slave, b, 1000)); memset(b, 'y', 200); b[199] = '\n'; SHOW(write(master, b, 200)); usleep(20000); SHOW(read(slave, end - 100, 150)); SHOW(read(slave, b, 1000)); SHOW(read(slave, b, 1000)); SHOW(write(master, "abc\n", 4)); usleep(20000); SHOW(read(slave, end, 4)); SHOW(read(slave, b, 100));
    SHOW(write(slave, "0123456789", 10)); usleep(20000); SHOW(read(master, end - 4, 10)); SHOW(read(master, b, 100)); SHOW(write(slave, end - 4, 10)); usleep(20000); SHOW(read(master, b, 100)); SHOW(write(master, end - 4, 10)); usleep(20000); SHOW(read(slave, b, 100)); }
  SHOW(ioctl(master, TIOCPKT, &one)); SHOW(write(slave, "0123456789", 10)); usleep(20000); SHOW(read(master, end - 4, 11)); SHOW(read(master, b, 100)); SHOW(write(slave, "0123456789", 10)); usleep(20000); SHOW(read(master, end, 11)); SHOW(read(master, b, 100));
  /* Files. */
  puts("files"); int f = open("/tmp/ends", O_CREAT | O_RDWR | O_TRUNC, 0600); unlink("/tmp/ends"); SHOW(write(f, end - 4, 10)); SHOW(write(f, "0123456789", 10)); SHOW(pread(f, end - 4, 10, 0)); lseek(f, 0, SEEK_SET); SHOW(read(f, end - 4, 10)); SHOW(lseek(f, 0, SEEK_CUR));
  struct iovec ro[2] = {{b, 4}, {end, 4}}; SHOW(preadv(f, ro, 2, 0)); SHOW(pwritev(f, ro, 2, 0)); int d = open("/dev/zero", O_RDWR); SHOW(read(d, end - 4, 10)); SHOW(syscall(SYS_getrandom, end - 4, 10, 0)); SHOW(syscall(SYS_getrandom, end - 300, 600, 0)); SHOW(syscall(SYS_getrandom, end, 10, 0)); d = open("/dev/urandom", O_RDONLY); SHOW(read(d, end - 4, 10));
  const char *texts[] = {"/proc/self/status", "/proc/sys/kernel/ostype", "/proc/sys/kernel/random/poolsize", "/proc/version", "/proc/self/cmdline", "/proc/self/comm", "/proc/self/auxv", "/proc/self/maps", "/sys/kernel/mm/transparent_hugepage/enabled", "/proc/self/oom_score_adj"};
  for (int k = 0; k < 10; k++) { d = open(texts[k], O_RDONLY); if (d < 0) continue; puts(texts[k]); SHOW(read(d, end - 4, 100)); SHOW(read(d, b, 3)); SHOW(lseek(d, 0, SEEK_CUR)); close(d); }
  int child; d = open("/proc/self/pagemap", O_RDONLY); SHOW(read(d, end - 12, 24)); SHOW(lseek(d, 0, SEEK_CUR)); d = open("/proc/self/mem", O_RDONLY); SHOW(pread(d, end - 12, 24, (long)pages));
  DIR *dir = opendir("/proc/sys/fs"); SHOW(syscall(SYS_getdents64, dirfd(dir), end - 30, 4096)); n = syscall(SYS_getdents64, dirfd(dir), end - 100, 4096); HOLDS(n > 0 && n <= 100); n = syscall(SYS_getdents64, dirfd(dir), end - 30, 4096); SHOW(n); closedir(dir);
  /* Answers of calls. */
  puts("calls"); SHOW(syscall(SYS_getcwd, end - 1, 100)); SHOW(readlink("/proc/self/exe", end - 2, 100)); int ep = epoll_create1(0); struct epoll_event ev = {EPOLLIN}; for (int k = 0; k < 3; k++) { int x = eventfd(1, 0); epoll_ctl(ep, EPOLL_CTL_ADD, x, &ev); } SHOW(epoll_wait(ep, (void *)(end - sizeof ev - 4), 3, 0)); SHOW(epoll_wait(ep, (void *)b, 3, 0)); SHOW(epoll_wait(ep, (void *)(end - 4), 3, 0));
  raise(SIGUSR1); siginfo_t *si = (void *)(end - 16); struct timespec z = {0, 0}; SHOW(syscall(SYS_rt_sigtimedwait, &set, si, &z, 8)); SHOW(syscall(SYS_rt_sigtimedwait, &set, NULL, &z, 8));
  child = fork(); if (child == 0) _exit(3); siginfo_t *wi = (void *)(end - 8); usleep(30000); SHOW(syscall(SYS_waitid, P_PID, child, wi, WEXITED, NULL)); SHOW(waitpid(child, NULL, 0)); child = fork(); if (child == 0) _exit(3); HOLDS(syscall(SYS_wait4, child, end, 0, NULL) == child); HOLDS(waitpid(child, NULL, 0) == child);
  child = fork(); if (child == 0) _exit(3); HOLDS(syscall(SYS_wait4, child, end, 0, NULL) == -1 && errno == EFAULT); SHOW(waitpid(child, NULL, 0)); 
  return 0;
}
