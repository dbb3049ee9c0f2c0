#include "abi.h"
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
int main(void) {
  int p[2]; char b[70000]; SHOW(pipe2(p, O_NONBLOCK)); SHOW(read(p[0], b, 1)); long n = 0, k; memset(b, 1, sizeof b); while ((k = write(p[1], b, 4096)) > 0) n += k; SHOW(n); SHOW(errno == EAGAIN); int left; SHOW(ioctl(p[0], FIONREAD, &left)); SHOW(left); SHOW(fcntl(p[0], F_GETPIPE_SZ));
  SHOW(read(p[0], b, 4096)); SHOW(write(p[1], b, 5000)); SHOW(write(p[1], b, 4096)); SHOW(read(p[1], b, 1)); SHOW(write(p[0], b, 1)); SHOW(lseek(p[0], 0, SEEK_SET)); while (read(p[0], b, sizeof b) > 0) {} close(p[1]); SHOW(read(p[0], b, 1)); close(p[0]);
  SHOW(pipe2(p, 0x1)); SHOW(pipe(p)); struct pollfd f[2] = {{p[0], POLLIN, 0}, {p[1], POLLOUT, 0}}; SHOW(poll(f, 2, 0)); SHOW(f[0].revents); SHOW(f[1].revents); if (write(p[1], "a", 1) != 1) return 1; SHOW(poll(f, 1, -1)); SHOW(f[0].revents);
  f[1].fd = 99; SHOW(poll(f, 2, 0)); SHOW(f[1].revents); f[1].fd = -1; SHOW(poll(f + 1, 1, 10)); fd_set r; FD_ZERO(&r); FD_SET(p[0], &r); struct timeval tv = {1, 0}; SHOW(select(p[0] + 1, &r, NULL, NULL, &tv)); SHOW(FD_ISSET(p[0], &r));
  if (read(p[0], b, 1) != 1) return 1; close(p[1]); SHOW(poll(f, 1, 0)); SHOW(f[0].revents); close(p[0]);
  /* epoll: level, edge, one-shot. */
  if (pipe(p)) return 1; int e = epoll_create1(0); struct epoll_event ev = {EPOLLIN, {.u64 = 7}}, out[4]; SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev)); SHOW(epoll_ctl(e, EPOLL_CTL_ADD, p[0], &ev)); SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[1], &ev)); SHOW(epoll_ctl(e, EPOLL_CTL_ADD, e, &ev)); SHOW(epoll_wait(e, out, 4, 0));
  if (write(p[1], "ab", 2) != 2) return 1; SHOW(epoll_wait(e, out, 4, -1)); SHOW(out[0].events); SHOW(out[0].data.u64); SHOW(epoll_wait(e, out, 4, 0)); ev.events = EPOLLIN | EPOLLET; SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev)); SHOW(epoll_wait(e, out, 4, 0)); SHOW(epoll_wait(e, out, 4, 0)); if (write(p[1], "c", 1) != 1) return 1; SHOW(epoll_wait(e, out, 4, 0));
  ev.events = EPOLLIN | EPOLLONESHOT; SHOW(epoll_ctl(e, EPOLL_CTL_MOD, p[0], &ev)); SHOW(epoll_wait(e, out, 4, 0)); SHOW(epoll_wait(e, out, 4, 0)); SHOW(epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL)); SHOW(epoll_ctl(e, EPOLL_CTL_DEL, p[0], NULL)); SHOW(epoll_wait(e, out, 0, 0)); int file = open("/tmp/ep", O_CREAT | O_RDWR, 0600); SHOW(epoll_ctl(e, EPOLL_CTL_ADD, file, &ev)); close(file); unlink("/tmp/ep");
  /* eventfd, timerfd, signalfd. */
  int v = eventfd(3, EFD_NONBLOCK); unsigned long u; SHOW(read(v, &u, 8)); SHOW(u); SHOW(read(v, &u, 8)); u = 5; SHOW(write(v, &u, 8)); SHOW(read(v, &u, 4)); u = -1; SHOW(write(v, &u, 8)); int s = eventfd(2, EFD_SEMAPHORE); SHOW(read(s, &u, 8)); SHOW(u); SHOW(read(s, &u, 8)); SHOW(u);
  int t = timerfd_create(CLOCK_MONOTONIC, 0); struct itimerspec its = {{0, 5000000}, {0, 5000000}}; SHOW(timerfd_settime(t, 0, &its, NULL)); SHOW(read(t, &u, 8)); HOLDS(u >= 1); usleep(30000); SHOW(read(t, &u, 8)); HOLDS(u >= 2); its.it_value.tv_nsec = 0; its.it_value.tv_sec = 0; SHOW(timerfd_settime(t, 0, &its, NULL)); struct pollfd tf = {t, POLLIN, 0}; SHOW(poll(&tf, 1, 10));
  sigset_t set; sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL); int sf = signalfd(-1, &set, SFD_NONBLOCK); struct signalfd_siginfo si; SHOW(read(sf, &si, sizeof si)); raise(SIGUSR1); struct pollfd sp = {sf, POLLIN, 0}; SHOW(poll(&sp, 1, 0)); SHOW(read(sf, &si, sizeof si)); SHOW(si.ssi_signo); HOLDS(si.ssi_pid == (unsigned)getpid());
  /* UNIX sockets, descriptors in messages. */
  int q[2]; SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, q)); SHOW(send(q[0], "hi", 2, 0)); SHOW(recv(q[1], b, 10, MSG_PEEK)); SHOW(recv(q[1], b, 10, 0)); SHOW(recv(q[1], b, 10, MSG_DONTWAIT));
  if (pipe(p)) return 1; char control[CMSG_SPACE(sizeof(int))] = {0}; struct iovec io = {"x", 1}; struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control}; struct cmsghdr *c = CMSG_FIRSTHDR(&m); c->cmsg_level = SOL_SOCKET; c->cmsg_type = SCM_RIGHTS; c->cmsg_len = CMSG_LEN(sizeof(int)); memcpy(CMSG_DATA(c), &p[1], sizeof(int)); SHOW(sendmsg(q[0], &m, 0)); close(p[1]);
  char got[4]; struct iovec in = {got, 4}; m.msg_iov = &in; memset(control, 0, sizeof control); m.msg_controllen = sizeof control; SHOW(recvmsg(q[1], &m, 0)); int passed; memcpy(&passed, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof passed); SHOW(write(passed, "z", 1)); SHOW(read(p[0], b, 1)); SHOW(shutdown(q[0], SHUT_WR)); SHOW(recv(q[1], b, 1, 0)); close(q[1]); SHOW(send(q[0], "x", 1, MSG_NOSIGNAL));
  struct sockaddr_un a = {AF_UNIX, "/tmp/sock"}; unlink(a.sun_path); int l = socket(AF_UNIX, SOCK_STREAM, 0), cl = socket(AF_UNIX, SOCK_STREAM, 0); SHOW(connect(cl, (void *)&a, sizeof a)); SHOW(bind(l, (void *)&a, sizeof a)); SHOW(connect(cl, (void *)&a, sizeof a)); SHOW(listen(l, 2)); SHOW(connect(cl, (void *)&a, sizeof a)); int ac = accept(l, NULL, NULL); HOLDS(ac >= 0); SHOW(write(cl, "abc", 3)); SHOW(read(ac, b, 10)); SHOW(bind(l, (void *)&a, sizeof a)); struct ucred cr; socklen_t len = sizeof cr; SHOW(getsockopt(ac, SOL_SOCKET, SO_PEERCRED, &cr, &len)); HOLDS(cr.pid == getpid()); unlink(a.sun_path);
  SHOW(socket(AF_UNIX, 77, 0)); SHOW(socket(12345, SOCK_STREAM, 0)); SHOW(listen(0, 1)); SHOW(recv(p[0], b, 1, 0));
  /* A pipe opened anew by its descriptor: the writer may have gone for good, and the reader too. */
  int again[2]; if (pipe(again)) return 1; if (write(again[1], "abc", 3) != 3) return 1; char place[64]; sprintf(place, "/proc/self/fd/%d", again[0]); close(again[1]); int reader = open(place, O_RDONLY); HOLDS(reader >= 0); close(again[0]); SHOW(read(reader, b, 10)); SHOW(read(reader, b, 10));
  if (pipe(again)) return 1; close(again[0]); sprintf(place, "/proc/self/fd/%d", again[1]); int writer = open(place, O_WRONLY | O_NONBLOCK); HOLDS(writer >= 0); close(writer); writer = open(place, O_WRONLY); HOLDS(writer >= 0); signal(SIGPIPE, SIG_IGN); SHOW(write(writer, "x", 1));
  return 0;
}
