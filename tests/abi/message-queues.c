#include "abi.h"
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
static volatile int signals, code, value; static volatile pid_t sender;
static void told(int s, siginfo_t *i, void *u) { signals++; code = i->si_code; value = i->si_value.sival_int; sender = i->si_pid; (void)s; (void)u; }
static int wake[2]; static void in_thread(union sigval v) { char c = v.sival_int; if (write(wake[1], &c, 1) != 1) abort(); }
static void tick(int s) { (void)s; }
static struct timespec in(long ms) { struct timespec t; clock_gettime(CLOCK_REALTIME, &t); t.tv_nsec += ms % 1000 * 1000000; t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000; t.tv_nsec %= 1000000000; return t; }
#define NAME "/stratos-abi"
int main(void) {
  char text[8192], name[300]; unsigned priority; struct mq_attr attr = {.mq_maxmsg = 3, .mq_msgsize = 16}, now; struct stat st; struct timespec t, past = {1, 0}, bad = {0, 1000000000};
  mq_unlink(NAME);
  /* Names and shapes. */
  SHOW(mq_open(NAME, O_RDWR)); SHOW(mq_open("none", O_RDWR)); SHOW(mq_open("/", O_RDWR)); SHOW(mq_open("/a/b", O_RDWR | O_CREAT, 0600, NULL)); SHOW(mq_open("/..", O_RDWR)); memset(name, 'x', 299); name[0] = '/'; name[299] = 0; SHOW(mq_open(name, O_RDWR)); SHOW(mq_unlink(NAME)); SHOW(mq_unlink(name));
  struct mq_attr wrong = {.mq_maxmsg = 0, .mq_msgsize = 16}; SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, &wrong)); wrong.mq_maxmsg = 70000; SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, &wrong)); wrong.mq_maxmsg = -1; SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, &wrong)); wrong.mq_maxmsg = 3; wrong.mq_msgsize = 1 << 25; SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, &wrong));
  umask(022); mqd_t q = mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0666, &attr); HOLDS(q >= 0); SHOW(mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, &attr)); SHOW(mq_open(NAME, O_RDWR | O_WRONLY)); SHOW(fcntl(q, F_GETFD)); SHOW(fcntl(q, F_GETFL) & (O_ACCMODE | O_NONBLOCK)); SHOW(fstat(q, &st)); SHOW(st.st_mode); SHOW(st.st_size);
  SHOW(mq_getattr(q, &now)); SHOW(now.mq_flags); SHOW(now.mq_maxmsg); SHOW(now.mq_msgsize); SHOW(now.mq_curmsgs);
  /* Order, sizes, a full and an empty queue. */
  SHOW(mq_send(q, "low", 3, 1)); SHOW(mq_send(q, "high", 4, 9)); SHOW(mq_send(q, "low2", 5, 1)); SHOW(mq_getattr(q, &now)); SHOW(now.mq_curmsgs);
  SHOW(mq_send(q, text, 17, 0)); SHOW(mq_send(q, text, 1, 32768)); SHOW(mq_receive(q, text, 15, NULL)); SHOW(mq_timedsend(q, "x", 1, 0, &past)); SHOW(mq_timedsend(q, "x", 1, 0, &bad)); t = in(20); SHOW(mq_timedsend(q, "x", 1, 0, &t));
  struct pollfd p = {q, POLLIN | POLLOUT}; SHOW(poll(&p, 1, 0)); SHOW(p.revents);
  now.mq_flags = O_NONBLOCK; SHOW(mq_setattr(q, &now, &attr)); SHOW(attr.mq_flags); SHOW(mq_send(q, "x", 1, 0)); SHOW(fcntl(q, F_GETFL) & O_NONBLOCK); now.mq_flags = O_APPEND; SHOW(mq_setattr(q, &now, NULL));
  SHOW(mq_receive(q, text, 16, &priority)); SHOW(priority); SHOW(memcmp(text, "high", 4)); SHOW(mq_receive(q, text, 16, &priority)); SHOW(memcmp(text, "low", 3)); SHOW(mq_receive(q, text, 16, &priority)); SHOW(mq_receive(q, text, 16, NULL)); SHOW(poll(&p, 1, 0)); SHOW(p.revents);
  SHOW(mq_send(q, NULL, 0, 0)); SHOW(mq_receive(q, text, 16, NULL));
  SHOW(lseek(q, 0, SEEK_SET)); SHOW(read(q, text, sizeof text)); SHOW(memcmp(text, "QSIZE:0          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     \n", 59)); SHOW(write(q, "x", 1));
  now.mq_flags = 0; SHOW(mq_setattr(q, &now, NULL));
  /* Rights of the descriptor; what is no queue. */
  mqd_t r = mq_open(NAME, O_RDONLY), w = mq_open(NAME, O_WRONLY); SHOW(mq_send(r, "x", 1, 0)); SHOW(mq_receive(w, text, 16, NULL)); SHOW(mq_send(0, "x", 1, 0)); SHOW(mq_send(99, "x", 1, 0)); SHOW(mq_getattr(0, &now)); SHOW(mq_close(r)); SHOW(mq_close(w)); SHOW(mq_close(99));
  /* Blocking between processes; a signal, restarted or not. */
  pid_t pid = fork(); if (pid == 0) { for (int i = 0; i < 20; i++) if (mq_send(q, (char *)&i, sizeof i, 0)) _exit(1); _exit(0); }
  int sum = 0, n; for (int i = 0; i < 20; i++) { if (mq_receive(q, text, 16, NULL) != sizeof n) return 1; memcpy(&n, text, sizeof n); sum = sum * 3 % 1009 + n; } SHOW(sum); int status; waitpid(pid, &status, 0); SHOW(status);
  pid = fork(); if (pid == 0) { usleep(30000); mq_send(q, "late", 4, 3); _exit(0); } SHOW(mq_receive(q, text, 16, &priority)); SHOW(priority); while (waitpid(pid, NULL, 0) < 0) {}
  struct sigaction sa = {.sa_handler = tick}; sigaction(SIGALRM, &sa, NULL); ualarm(20000, 0); SHOW(mq_receive(q, text, 16, NULL));
  sa.sa_flags = SA_RESTART; sigaction(SIGALRM, &sa, NULL); ualarm(20000, 0); t = in(60); SHOW(mq_timedreceive(q, text, 16, NULL, &t));
  /* Notification: once, for a message to an empty queue that nobody waits for; one process at a time. */
  sa.sa_sigaction = told; sa.sa_flags = SA_SIGINFO; sigaction(SIGUSR1, &sa, NULL); struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
  SHOW(mq_notify(q, &ev)); SHOW(mq_notify(q, &ev)); pid = fork(); if (pid == 0) { SHOW(mq_notify(q, &ev)); SHOW(mq_notify(q, NULL)); SHOW(mq_send(q, "x", 1, 0)); _exit(0); } while (waitpid(pid, NULL, 0) < 0) {} SHOW(signals); SHOW(code); SHOW(value); HOLDS(sender == pid);
  SHOW(mq_notify(q, &ev)); SHOW(mq_send(q, "y", 1, 0)); SHOW(signals); mq_receive(q, text, 16, NULL); mq_receive(q, text, 16, NULL);
  pid = fork(); if (pid == 0) { usleep(40000); mq_send(q, "x", 1, 0); _exit(0); } SHOW(mq_receive(q, text, 16, NULL)); while (waitpid(pid, NULL, 0) < 0) {} SHOW(signals); SHOW(mq_notify(q, &ev) == -1 && errno == EBUSY); SHOW(mq_notify(q, NULL)); SHOW(mq_send(q, "x", 1, 0)); SHOW(signals); mq_receive(q, text, 16, NULL);
  ev.sigev_signo = 65; SHOW(mq_notify(q, &ev)); ev.sigev_notify = 9; SHOW(mq_notify(q, &ev)); ev.sigev_notify = SIGEV_NONE; SHOW(mq_notify(q, &ev)); SHOW(mq_notify(q, NULL)); SHOW(mq_notify(99, NULL));
  if (pipe(wake)) return 1; ev.sigev_notify = SIGEV_THREAD; ev.sigev_notify_function = in_thread; ev.sigev_notify_attributes = NULL; ev.sigev_value.sival_int = 'T'; SHOW(mq_notify(q, &ev)); SHOW(mq_send(q, "x", 1, 0)); char c = 0; SHOW(read(wake[0], &c, 1)); SHOW(c);
  /* An unlinked queue lives while it is open; another of its name is another queue. */
  SHOW(mq_unlink(NAME)); SHOW(mq_unlink(NAME)); mqd_t other = mq_open(NAME, O_RDWR | O_CREAT, 0600, NULL); SHOW(mq_getattr(other, &now)); SHOW(now.mq_maxmsg); SHOW(now.mq_msgsize); SHOW(now.mq_curmsgs); SHOW(mq_getattr(q, &now)); SHOW(now.mq_curmsgs); SHOW(mq_unlink(NAME)); SHOW(mq_close(other)); SHOW(mq_close(q)); SHOW(mq_receive(q, text, 16, NULL));
  return 0;
}
