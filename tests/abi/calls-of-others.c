/* /proc/PID/syscall: what another thread waits in, with its arguments; the reader's own call; who runs. */
#include "abi.h"
#include <pthread.h>
#include <sys/prctl.h>

static int ends[2], word;
static volatile int tid;

static void show(const char *name, int who) {
  char path[64], line[512] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", who);
  int file = open(path, O_RDONLY);
  int n = read(file, line, sizeof line - 1);
  close(file);
  long number; unsigned long a[8];
  int fields = sscanf(line, "%ld %lx %lx %lx %lx %lx %lx %lx %lx", &number, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &a[6], &a[7]);
  printf("%s: %d fields, read %s, clock_nanosleep %s, futex %s, itself %s, first %lx, third %lx, ends %s\n", name, fields, number == SYS_read && who != gettid() ? "yes" : "no",
         number == SYS_clock_nanosleep ? "yes" : "no", number == SYS_futex ? "yes" : "no", who == gettid() && number == SYS_read && a[0] == (unsigned long)file && a[2] == sizeof line - 1 ? "yes" : "no",
         who == gettid() ? 0 : a[0] < 100 ? a[0] : 0, who == gettid() ? 0 : a[2] < 100 ? a[2] : 0, n > 0 && line[n - 1] == '\n' ? "right" : "wrong");
  fflush(stdout);
}

static void until_asleep(void) {
  char path[64], line[256], *at;
  do {
    usleep(1000);
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    int file = open(path, O_RDONLY); memset(line, 0, sizeof line); read(file, line, sizeof line - 1); close(file);
    at = strrchr(line, ')');
  } while (at == NULL || at[2] != 'S');
}

static void *reads(void *unused) { char byte; tid = gettid(); read(ends[0], &byte, 1); return NULL; }
static void *sleeps(void *unused) { struct timespec t = {30, 0}; tid = gettid(); clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL); return NULL; }
static void *waits(void *unused) { tid = gettid(); syscall(SYS_futex, &word, 0, 0, NULL); return NULL; }

int main(void) {
  pthread_t thread;
  pipe(ends); dup2(ends[0], 50); ends[0] = 50;
  show("itself", gettid());
  tid = 0; pthread_create(&thread, NULL, reads, NULL); while (tid == 0) usleep(1000); until_asleep(); show("a reader", tid); write(ends[1], "x", 1); pthread_join(thread, NULL);
  tid = 0; pthread_create(&thread, NULL, waits, NULL); while (tid == 0) usleep(1000); until_asleep(); show("a waiter", tid); word = 1; syscall(SYS_futex, &word, 1, 1); pthread_join(thread, NULL);
  tid = 0; pthread_create(&thread, NULL, sleeps, NULL); while (tid == 0) usleep(1000); until_asleep(); show("a sleeper", tid);
  return 0;
}
