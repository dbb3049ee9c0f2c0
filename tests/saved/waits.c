/*
 * Each child sleeps in another system call, with bytes and descriptors under way; after a second of virtual time the
 * parent wakes one after the other, and each tells what it got. A machine that is saved within that second and loaded
 * must print the same to the last byte.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void say(const char *who, const char *what, long number) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  char line[200];
  int count = snprintf(line, sizeof line, "%s: %s %ld (%s) at %ld.%09ld\n", who, what, number,
                       number < 0 ? strerror(errno) : "", (long)now.tv_sec, now.tv_nsec);
  write(1, line, count);
}

static void pause_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, 0);
}

static void *map_shared(void) {
  return mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static int pipe_ends[2], full_pipe[2], event, timer, epoll, unix_pair[2], pty, tcp, tcp_peer, queue_id;
static int semaphores, shared_id, inotify, fanotify, lock_file, deleted;
static int *word;
static char *segment;
static mqd_t mqueue;
static volatile sig_atomic_t caught;

static void on_signal(int number) { caught = number; }

static void sleep_in_pipe(void) {
  char text[64] = {0};
  long count = read(pipe_ends[0], text, 63);
  say("pipe, what was in it", text, count);
  count = read(pipe_ends[0], text, 63);
  say("pipe", text, count);
}

static void sleep_in_full_pipe(void) {
  static char bytes[100000];
  memset(bytes, 'x', sizeof bytes);
  close(full_pipe[0]);
  say("full pipe", "written", write(full_pipe[1], bytes, sizeof bytes));
}

static void sleep_in_futex(void) { say("futex", "woken", syscall(SYS_futex, word, FUTEX_WAIT, 1, 0, 0, 0)); }

static void sleep_in_timed_futex(void) {
  struct timespec time = {3, 0};
  say("futex in time", "ended", syscall(SYS_futex, word + 1, FUTEX_WAIT, 0, &time, 0, 0));
}

static void sleep_in_poll(void) {
  struct pollfd files[2] = {{event, POLLIN, 0}, {pipe_ends[1], POLLERR, 0}};
  say("poll", "ready", poll(files, 2, 60000));
  uint64_t value = 0;
  read(event, &value, 8);
  say("poll", "event", value);
}

static void sleep_in_epoll(void) {
  struct epoll_event events[4];
  long count = epoll_wait(epoll, events, 4, -1);
  say("epoll", "ready", count);
  say("epoll", "data", events[0].data.u64);
  count = epoll_wait(epoll, events, 4, 500);
  say("epoll", "in time", count);
}

static void sleep_in_timerfd(void) {
  uint64_t value = 0;
  read(timer, &value, 8);
  say("timerfd", "expirations", value);
}

static void sleep_in_wait(void) {
  int status = 0;
  if (fork() == 0) {
    pause_ms(1700);
    _exit(7);
  }
  say("wait4", "child", wait4(-1, &status, 0, 0) > 0);
  say("wait4", "status", WEXITSTATUS(status));
}

static void sleep_in_sigsuspend(void) {
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &all, 0);
  signal(SIGUSR1, on_signal);
  sigsuspend(&none);
  say("sigsuspend", "caught", caught);
  sigset_t now;
  sigprocmask(SIG_SETMASK, 0, &now);
  say("sigsuspend", "blocked again", sigismember(&now, SIGUSR2));
}

static void sleep_in_sigtimedwait(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigprocmask(SIG_BLOCK, &set, 0);
  siginfo_t info;
  struct timespec time = {30, 0};
  say("sigtimedwait", "signal", sigtimedwait(&set, &info, &time));
}

static void sleep_in_signalfd(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_BLOCK, &set, 0);
  struct signalfd_siginfo info;
  int file = signalfd(-1, &set, 0);
  read(file, &info, sizeof info);
  say("signalfd", "signal", info.ssi_signo);
}

static void sleep_in_unix(void) {
  char text[64] = {0};
  long count = read(unix_pair[0], text, 63);
  say("unix, what was in it", text, count);
  char space[CMSG_SPACE(sizeof(int))];
  struct iovec part = {text, 63};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  count = recvmsg(unix_pair[0], &message, 0);
  say("unix", text, count);
  struct cmsghdr *control = CMSG_FIRSTHDR(&message);
  if (control != 0) say("unix", "sent file says", lseek(*(int *)CMSG_DATA(control), 0, SEEK_CUR));
}

static void sleep_in_fifo(void) { say("fifo", "opened", open("/tmp/fifo", O_RDONLY) >= 0); }

static void sleep_in_pty(void) {
  char text[64] = {0};
  int slave = open(ptsname(pty), O_RDWR | O_NOCTTY);
  long count = read(slave, text, 63);
  text[count > 0 ? count - 1 : 0] = 0;
  say("pty", text, count);
}

static void sleep_in_tcp(void) {
  char text[64] = {0};
  say("tcp, what was in it", text, read(tcp_peer, text, 5));
  say("tcp", text, read(tcp_peer, text, 63));
  say("tcp", "its end", read(tcp_peer, text, 63));
}

static void sleep_in_msgrcv(void) {
  struct { long type; char text[32]; } message = {0};
  long count = msgrcv(queue_id, &message, 32, 5, 0);
  say("msgrcv", message.text, count);
}

static void sleep_in_semop(void) {
  struct sembuf down = {0, -1, SEM_UNDO};
  say("semop", "down", semop(semaphores, &down, 1));
}

static void sleep_in_mqueue(void) {
  char text[128] = {0};
  struct timespec time = {1800000000, 0};
  long count = mq_timedreceive(mqueue, text, 128, 0, &time);
  say("mq_receive", text, count);
}

static void sleep_in_inotify(void) {
  char bytes[256] = {0};
  read(inotify, bytes, 256);
  say("inotify", ((struct inotify_event *)bytes)->name, ((struct inotify_event *)bytes)->mask);
}

static void sleep_for_permission(void) { say("fanotify", "opened", open("/tmp/asked", O_RDWR) >= 0); }

/* Its own child's call waits for what it says. */
static void sleep_for_listener(void) {
  struct sock_filter code[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                               BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {4, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (fork() == 0) {
    say("seccomp", "answer", syscall(SYS_getppid));
    _exit(0);
  }
  pause_ms(1500);
  struct seccomp_notif asked = {0};
  say("seccomp", "asked", ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked));
  struct seccomp_notif_resp answer = {.id = asked.id, .val = 4711};
  say("seccomp", "answers", ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer));
  wait(0);
}

static void sleep_in_lock(void) {
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5};
  int file = open("/tmp/locked", O_RDWR);
  say("fcntl lock", "taken", fcntl(file, F_SETLKW, &lock));
}

static void sleep_in_flock(void) { say("flock", "taken", flock(open("/tmp/locked", O_RDWR), LOCK_EX)); }

static void *thread(void *argument) {
  pthread_mutex_t *mutex = argument;
  pthread_mutex_lock(mutex);
  say("mutex", "taken by a thread", 0);
  pthread_mutex_unlock(mutex);
  return 0;
}

static void sleep_in_join(void) {
  static pthread_mutex_t mutex;
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  pthread_mutex_init(&mutex, &attributes);
  pthread_mutex_lock(&mutex);
  pthread_t threads[2];
  for (int index = 0; index < 2; index++) pthread_create(&threads[index], 0, thread, &mutex);
  pause_ms(1600);
  pthread_mutex_unlock(&mutex);
  for (int index = 0; index < 2; index++) pthread_join(threads[index], 0);
  say("threads", "joined", 2);
}

static void sleep_with_timers(void) {
  signal(SIGALRM, on_signal);
  struct itimerval every = {{0, 400000}, {1, 200000}};
  setitimer(ITIMER_REAL, &every, 0);
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
  timer_t posix;
  signal(SIGUSR2, on_signal);
  timer_create(CLOCK_MONOTONIC, &event, &posix);
  struct itimerspec once = {{0, 0}, {1, 500000000}};
  timer_settime(posix, 0, &once, 0);
  for (int index = 0; index < 4; index++) {
    pause();
    say("timers", "signal", caught);
  }
}

static void sleep_with_proc(void) {
  int status = open("/proc/self/status", O_RDONLY), folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
  int statistics = open("/proc/stat", O_RDONLY), sys = open("/sys/devices/system/cpu/online", O_RDONLY);
  char text[4096] = {0};
  read(status, text, 6);
  pause_ms(1400);
  long count = read(status, text, 64);
  text[strcspn(text, "\n")] = 0;
  say("proc", text, count);
  say("proc", "stat", read(statistics, text, 10));
  say("sys", "online", read(sys, text, 10));
  struct stat about;
  say("proc", "fd's inode", fstat(folder, &about) == 0 ? (long)about.st_ino : -1);
  say("proc", "faults and calls", open("/proc/self/maps", O_RDONLY));
}

static void sleep_in_file(void) {
  char text[64] = {0};
  pause_ms(1300);
  say("deleted file", text, pread(deleted, text, 63, 8000));
  say("shared memory", segment, 0);
  say("shared memory", "detached", shmdt(segment));
}

int main(void) {
  void (*const sleepers[])(void) = {
      sleep_in_pipe,     sleep_in_full_pipe, sleep_in_futex,   sleep_in_timed_futex, sleep_in_poll,
      sleep_in_epoll,    sleep_in_timerfd,   sleep_in_wait,    sleep_in_sigsuspend,  sleep_in_sigtimedwait,
      sleep_in_signalfd, sleep_in_unix,      sleep_in_fifo,    sleep_in_pty,         sleep_in_tcp,
      sleep_in_msgrcv,   sleep_in_semop,     sleep_in_mqueue,  sleep_in_inotify,     sleep_in_lock,
      sleep_in_flock,    sleep_in_join,      sleep_with_timers, sleep_with_proc,     sleep_in_file,
      sleep_for_permission, sleep_for_listener,
  };
  enum { COUNT = sizeof sleepers / sizeof *sleepers };
  word = map_shared();
  word[0] = 1;
  pipe(pipe_ends);
  pipe(full_pipe);
  write(pipe_ends[1], "hello", 5);
  event = eventfd(0, 0);
  timer = timerfd_create(CLOCK_MONOTONIC, 0);
  struct itimerspec in = {{0, 300000000}, {1, 100000000}};
  timerfd_settime(timer, 0, &in, 0);
  epoll = epoll_create1(0);
  int epolled = eventfd(0, 0);
  struct epoll_event interest = {EPOLLIN | EPOLLET, {.u64 = 4711}};
  epoll_ctl(epoll, EPOLL_CTL_ADD, epolled, &interest);
  socketpair(AF_UNIX, SOCK_STREAM, 0, unix_pair);
  write(unix_pair[1], "bytes under way", 15);
  mkfifo("/tmp/fifo", 0600);
  pty = posix_openpt(O_RDWR | O_NOCTTY);
  grantpt(pty);
  unlockpt(pty);
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(4000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  bind(listener, (void *)&address, sizeof address);
  listen(listener, 5);
  tcp = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(tcp, (void *)&address, sizeof address) < 0) say("tcp", "connect", -1);
  tcp_peer = accept(listener, 0, 0);
  write(tcp, "first", 5);
  queue_id = msgget(IPC_PRIVATE, 0600);
  semaphores = semget(IPC_PRIVATE, 1, 0600);
  shared_id = shmget(IPC_PRIVATE, 4096, 0600);
  segment = shmat(shared_id, 0, 0);
  strcpy(segment, "in a segment");
  struct mq_attr shape = {.mq_maxmsg = 4, .mq_msgsize = 128};
  mqueue = mq_open("/queue", O_RDWR | O_CREAT, 0600, &shape);
  lock_file = open("/tmp/locked", O_RDWR | O_CREAT, 0600);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 100};
  fcntl(lock_file, F_SETLK, &lock);
  flock(lock_file, LOCK_EX);
  deleted = open("/tmp/deleted", O_RDWR | O_CREAT, 0600);
  pwrite(deleted, "still there", 11, 8000);
  unlink("/tmp/deleted");
  inotify = inotify_init1(0);
  inotify_add_watch(inotify, "/tmp", IN_CREATE);
  close(open("/tmp/asked", O_CREAT | O_RDWR, 0600));
  fanotify = fanotify_init(FAN_CLASS_CONTENT, O_RDONLY);
  fanotify_mark(fanotify, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_CLOSE, AT_FDCWD, "/tmp/asked");

  pid_t children[COUNT];
  for (int index = 0; index < COUNT; index++) {
    children[index] = fork();
    if (children[index] == 0) {
      sleepers[index]();
      _exit(index);
    }
  }
  close(full_pipe[1]);
  pause_ms(1000);
  say("parent", "wakes", 0);
  write(pipe_ends[1], "again", 5);
  static char drain[70000];
  for (long left = 100000; left > 0;) {
    long count = read(full_pipe[0], drain, sizeof drain);
    if (count <= 0) break;
    left -= count;
  }
  word[0] = 0;
  say("parent", "futex wakes", syscall(SYS_futex, word, FUTEX_WAKE, 10, 0, 0, 0));
  uint64_t three = 3;
  write(event, &three, 8);
  write(epolled, &three, 8);
  kill(children[8], SIGUSR1);
  kill(children[9], SIGUSR2);
  kill(children[10], SIGUSR1);
  pause_ms(10);
  struct iovec part = {"with a file", 11};
  char space[CMSG_SPACE(sizeof(int))] = {0};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space};
  struct cmsghdr *control = CMSG_FIRSTHDR(&message);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  lseek(deleted, 4242, SEEK_SET);
  memcpy(CMSG_DATA(control), &deleted, sizeof(int));
  sendmsg(unix_pair[1], &message, 0);
  int fifo = open("/tmp/fifo", O_WRONLY);
  write(pty, "typed\n", 6);
  write(tcp, "second", 6);
  pause_ms(5);
  shutdown(tcp, SHUT_WR);
  struct { long type; char text[32]; } sent = {5, "a message"};
  msgsnd(queue_id, &sent, 10, 0);
  struct sembuf up = {0, 1, 0};
  semop(semaphores, &up, 1);
  mq_send(mqueue, "queued", 7, 1);
  close(open("/tmp/created", O_CREAT | O_RDWR, 0600));
  lock.l_type = F_UNLCK;
  fcntl(lock_file, F_SETLK, &lock);
  flock(lock_file, LOCK_UN);
  close(fifo);
  struct fanotify_event_metadata asked = {0};
  say("parent", "asked", read(fanotify, &asked, sizeof asked));
  struct fanotify_response answer = {asked.fd, FAN_ALLOW};
  say("parent", "answers", write(fanotify, &answer, sizeof answer));
  pause_ms(5);
  say("parent", "is told", read(fanotify, &asked, sizeof asked) > 0 ? (long)asked.mask : -1);
  int status;
  long ended = 0;
  for (pid_t child; (child = wait(&status)) > 0;) ended += WEXITSTATUS(status);
  say("parent", "sum of its children's statuses", ended);
  struct timespec epoch;
  clock_gettime(CLOCK_REALTIME, &epoch);
  say("parent", "seconds since 1970", epoch.tv_sec);
  return 0;
}
