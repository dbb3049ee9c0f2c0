#include "abi.h"
#include <sys/signalfd.h>
#include <sys/ptrace.h>
#include <pthread.h>
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif
#define PIDFD_SIGNAL_THREAD 1
#define PIDFD_SIGNAL_THREAD_GROUP 2
#define PIDFD_SIGNAL_PROCESS_GROUP 4

/* What a program that queues a signal puts into siginfo_t: which of it arrives, by which way. */
static unsigned char given[128], got[128];
static sigset_t all;
static void fill(int code, int signo, int beyond) {
  for (int at = 0; at < 128; at++) given[at] = at < 48 || beyond ? at + 1 : 0;
  ((int *)given)[0] = signo; ((int *)given)[1] = 0x77; ((int *)given)[2] = code;
}
static void show(const char *what, const unsigned char *bytes) {
  printf("  %s:", what); int same = 1;
  for (int at = 0; at < 32; at++) { int word = ((int *)bytes)[at]; if (word == ((int *)given)[at]) continue; same = 0; printf(" %d=%x", at * 4, word); }
  printf("%s\n", same ? " as given" : ""); fflush(stdout);
}
static void handler(int signo, siginfo_t *info, void *context) { memcpy(got, info, 128); }
static void record(int fd) {
  struct signalfd_siginfo r; if (read(fd, &r, sizeof r) < 0) { printf("  read %s\n", name_of(errno)); return; }
  printf("  signalfd:"); for (int at = 0; at < 32; at++) if (((unsigned *)&r)[at]) printf(" %d=%x", at * 4, ((unsigned *)&r)[at]); printf("\n");
}

static void codes(void) {
  const int cases[][2] = {{SI_QUEUE, SIGUSR1}, {SI_TIMER, SIGUSR1}, {SI_MESGQ, SIGRTMIN}, {SI_ASYNCIO, SIGUSR1}, {SI_SIGIO, SIGUSR1}, {SI_TKILL, SIGUSR1},
    {-7, SIGUSR1}, {-60, SIGUSR1}, {-8, SIGUSR1}, {SI_USER, SIGUSR1}, {SI_KERNEL, SIGUSR1}, {1, SIGUSR1}, {6, SIGUSR1}, {7, SIGUSR1}, {1, SIGSEGV}, {4, SIGBUS}, {11, SIGSEGV}, {1, SIGSYS}, {3, SIGSYS},
    {CLD_KILLED, SIGCHLD}, {7, SIGCHLD}, {1, SIGIO}, {1, SIGTRAP}, {0x81, SIGUSR1}, {SI_QUEUE, SIGCHLD}, {0, 65}, {SI_QUEUE, 0}, {-1, -1}};
  for (int each = 0; each < sizeof cases / sizeof *cases; each++) {
    int code = cases[each][0], signo = cases[each][1];
    printf("- code %d of signal %d\n", code, signo);
    fill(code, signo, 0); ((int*)given)[0] = 55;
    SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), signo, given));
    ((int*)given)[0] = signo;
    struct timespec none = {0, 0}; memset(got, 0xee, 128);
    if (signo > 0 && signo < 65 && syscall(SYS_rt_sigtimedwait, &all, got, &none, 8) > 0) show("taken", got);
    int fd = signalfd(-1, &all, SFD_NONBLOCK); syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), signo, given); record(fd); close(fd);
    fill(code, signo, 1); SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), signo, given)); memset(got, 0xee, 128);
    if (signo > 0 && signo < 65 && syscall(SYS_rt_sigtimedwait, &all, got, &none, 8) > 0) show("taken", got);
    if (signo > 0 && signo < 65) {
      struct sigaction act = {.sa_flags = SA_SIGINFO}; act.sa_sigaction = handler; sigaction(signo, &act, NULL);
      fill(code, signo, 0); syscall(SYS_rt_sigqueueinfo, getpid(), signo, given); memset(got, 0xee, 128); sigset_t one; sigemptyset(&one); sigaddset(&one, signo); sigprocmask(SIG_UNBLOCK, &one, NULL);
      sigprocmask(SIG_BLOCK, &one, NULL); show("handled", got); signal(signo, SIG_DFL);
    }
  }
}

static void edges(void) {
  printf("- edges\n");
  long page = sysconf(_SC_PAGESIZE); char *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); munmap(two + page, page);
  fill(SI_QUEUE, SIGUSR1, 0); memcpy(two + page - 48, given, 48); SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, two + page - 48)); SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, two + page - 47));
  fill(-9, SIGUSR1, 0); memcpy(two + page - 48, given, 48); SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, two + page - 48));
  struct timespec none = {0, 0}; SHOW(syscall(SYS_rt_sigtimedwait, &all, NULL, &none, 8));
  fill(-9, SIGUSR1, 1); SHOW(syscall(SYS_rt_sigqueueinfo, 0x3fffffff, SIGUSR1, given)); SHOW(syscall(SYS_rt_tgsigqueueinfo, 0, 0, SIGUSR1, given)); SHOW(syscall(SYS_rt_sigqueueinfo, 0x3fffffff, 99, given));
  fill(SI_QUEUE, SIGUSR1, 0); SHOW(syscall(SYS_rt_sigqueueinfo, 0x3fffffff, 99, given));
}

static void *other(void *fd) {
  fill(SI_USER, SIGUSR2, 0); SHOW(syscall(SYS_pidfd_send_signal, *(int *)fd, SIGUSR2, given, 0)); SHOW(syscall(SYS_pidfd_send_signal, *(int *)fd, SIGUSR2, given, PIDFD_SIGNAL_THREAD));
  SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR2, given)); fill(SI_QUEUE, SIGUSR2, 0); SHOW(syscall(SYS_pidfd_send_signal, *(int *)fd, SIGUSR2, given, 0));
  int own = syscall(SYS_pidfd_open, gettid(), PIDFD_THREAD); fill(SI_USER, SIGUSR2, 0); SHOW(syscall(SYS_pidfd_send_signal, own, SIGUSR2, given, 0)); SHOW(syscall(SYS_pidfd_send_signal, own, SIGUSR2, given, PIDFD_SIGNAL_THREAD_GROUP)); SHOW(syscall(SYS_pidfd_send_signal, own, SIGUSR2, given, PIDFD_SIGNAL_PROCESS_GROUP));
  close(own); return NULL;
}
static void pidfds(void) {
  printf("- pidfds\n");
  struct timespec none = {0, 0}; setpgid(0, 0);
  int self = syscall(SYS_pidfd_open, getpid(), 0);
  fill(SI_USER, SIGUSR2, 0); SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR2, given, 0)); memset(got, 0, 128); SHOW(syscall(SYS_rt_sigtimedwait, &all, got, &none, 8)); show("taken", got);
  SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR1, given, 0)); fill(SI_USER, SIGUSR2, 1); SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR2, given, 0)); fill(-9, SIGUSR2, 1); SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR2, given, 0)); SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR1, given, 0));
  fill(-9, SIGUSR2, 0); SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR2, given, 0));
  while (syscall(SYS_rt_sigtimedwait, &all, got, &none, 8) > 0);
  SHOW(syscall(SYS_pidfd_send_signal, self, 65, NULL, 0)); SHOW(syscall(SYS_pidfd_send_signal, self, -1, NULL, 0)); SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR1, NULL, 8)); SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR1, NULL, 3)); SHOW(syscall(SYS_pidfd_send_signal, -1, 99, NULL, 0)); SHOW(syscall(SYS_pidfd_send_signal, self, 65, (void *)1, 0));
  fill(SI_USER, SIGUSR2, 0); SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR2, given, PIDFD_SIGNAL_PROCESS_GROUP)); SHOW(syscall(SYS_pidfd_send_signal, self, SIGUSR2, given, PIDFD_SIGNAL_THREAD));
  pthread_t thread; pthread_create(&thread, NULL, other, &self); pthread_join(thread, NULL); while (syscall(SYS_rt_sigtimedwait, &all, got, &none, 8) > 0);
  pid_t child = fork(); if (child == 0) { for (;;) pause(); }
  int fd = syscall(SYS_pidfd_open, child, 0);
  SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, PIDFD_SIGNAL_PROCESS_GROUP)); SHOW(syscall(SYS_pidfd_send_signal, fd, 99, NULL, PIDFD_SIGNAL_PROCESS_GROUP)); setpgid(child, child); SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, PIDFD_SIGNAL_PROCESS_GROUP));
  SHOW(syscall(SYS_pidfd_send_signal, fd, SIGUSR2, given, 0)); SHOW(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0)); waitpid(child, NULL, 0);
  SHOW(syscall(SYS_pidfd_send_signal, fd, 99, NULL, 0)); SHOW(syscall(SYS_pidfd_send_signal, fd, SIGUSR2, given, 0)); SHOW(syscall(SYS_pidfd_send_signal, fd, 0, NULL, PIDFD_SIGNAL_PROCESS_GROUP));
  while (syscall(SYS_rt_sigtimedwait, &all, got, &none, 8) > 0);
}

static void traced(void) {
  printf("- traced\n"); fflush(stdout);
  pid_t child = fork();
  if (child == 0) { ptrace(PTRACE_TRACEME, 0, 0, 0); sigset_t none; sigemptyset(&none); sigprocmask(SIG_SETMASK, &none, NULL); struct sigaction act = {.sa_flags = SA_SIGINFO}; act.sa_sigaction = handler; sigaction(SIGUSR1, &act, NULL); raise(SIGUSR1);
    fill(SI_QUEUE, SIGUSR1, 0); show("handled", got); fill(SI_QUEUE, SIGUSR1, 0); syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, given); show("handled", got); _exit(0); }
  int status; waitpid(child, &status, 0); SHOW(WSTOPSIG(status) == SIGUSR1);
  fill(SI_QUEUE, SIGUSR1, 0); SHOW(ptrace(PTRACE_SETSIGINFO, child, 0, given)); memset(got, 0, 128); SHOW(ptrace(PTRACE_GETSIGINFO, child, 0, got)); show("got", got);
  fill(-9, SIGUSR1, 1); SHOW(ptrace(PTRACE_SETSIGINFO, child, 0, given)); fill(5, SIGUSR2, 1); SHOW(ptrace(PTRACE_SETSIGINFO, child, 0, given)); ptrace(PTRACE_GETSIGINFO, child, 0, got); show("got", got); fill(SI_QUEUE, SIGUSR1, 0); SHOW(ptrace(PTRACE_SETSIGINFO, child, 0, given));
  ptrace(PTRACE_CONT, child, 0, SIGUSR1); waitpid(child, &status, 0); SHOW(ptrace(PTRACE_GETSIGINFO, child, 0, got)); show("got", got); ptrace(PTRACE_CONT, child, 0, SIGUSR1); waitpid(child, &status, 0); SHOW(WIFEXITED(status));
}

int main(void) {
  sigfillset(&all); sigprocmask(SIG_BLOCK, &all, NULL);
  codes(); edges(); pidfds(); traced();
  return 0;
}
