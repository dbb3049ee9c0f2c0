#include "abi.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

/* Pseudo-terminals, the line discipline's modes, sessions, job control and hang-up. */

static int master, slave;
static char bytes[70000];

/* What can be read within a moment, printed with escapes. */
static void drain(const char *label, int fd) {
  struct pollfd f = {fd, POLLIN, 0};
  size_t length = 0;
  ssize_t n;
  while (poll(&f, 1, 50) > 0 && (f.revents & POLLIN) && (n = read(fd, bytes + length, sizeof bytes - length)) > 0) length += n;
  printf("%s: \"", label);
  for (size_t i = 0; i < length; i++) {
    unsigned char c = bytes[i];
    if (c >= 32 && c < 127 && c != '\\') putchar(c);
    else printf("\\%03o", c);
  }
  printf("\"\n");
  fflush(stdout);
}

static void type(const char *text) {
  SHOW(write(master, text, strlen(text)));
}

static void open_pair(void) {
  master = posix_openpt(O_RDWR | O_NOCTTY);
  HOLDS(master >= 0);
  char name[64];
  SHOW(ptsname_r(master, name, sizeof name) == 0 && strncmp(name, "/dev/pts/", 9) == 0);
  SHOW(open(name, O_RDWR | O_NOCTTY));
  SHOW(grantpt(master));
  SHOW(unlockpt(master));
  slave = open(name, O_RDWR | O_NOCTTY);
  HOLDS(slave >= 0);
  HOLDS(strcmp(ttyname(slave), name) == 0);
}

static void close_pair(void) {
  close(slave);
  close(master);
}

static void modes(void) {
  struct termios t, raw;
  open_pair();
  SHOW(isatty(master)); SHOW(isatty(slave)); SHOW(tcgetattr(slave, &t));
  SHOW(t.c_iflag); SHOW(t.c_oflag); SHOW(t.c_cflag); SHOW(t.c_lflag);
  for (int i = 0; i < 17; i++) printf("%d ", t.c_cc[i]);
  printf("\n");
  SHOW(cfgetospeed(&t) == B38400);
  type("ab\177c\r"); drain("echo", master);
  int count; SHOW(ioctl(slave, FIONREAD, &count)); SHOW(count);
  SHOW(read(slave, bytes, 2)); SHOW(read(slave, bytes, 100));
  type("x\004"); SHOW(read(slave, bytes, 100)); type("\004"); SHOW(read(slave, bytes, 100)); drain("eof is not echoed", master);
  type("a b\tc\027\027d\025e\n"); drain("word and line erase", master); drain("line", slave);
  type("one\ntwo\n"); usleep(50000); SHOW(tcflush(slave, TCIFLUSH)); SHOW(ioctl(slave, FIONREAD, &count)); SHOW(count); drain("flushed", master);
  SHOW(write(slave, "o\n\tp", 4)); drain("output", master);
  t.c_oflag |= XTABS; SHOW(tcsetattr(slave, TCSADRAIN, &t)); SHOW(write(slave, "\nq\tr", 4)); drain("tabs", master);
  raw = t; cfmakeraw(&raw); SHOW(tcsetattr(slave, TCSANOW, &raw)); type("\003\r\177\n"); drain("raw echo", master); drain("raw", slave);
  raw.c_cc[VMIN] = 4; raw.c_cc[VTIME] = 0; SHOW(tcsetattr(slave, TCSANOW, &raw));
  struct pollfd f = {slave, POLLIN, 0}; type("abc"); SHOW(poll(&f, 1, 0)); type("de"); SHOW(poll(&f, 1, 0)); SHOW(read(slave, bytes, 100));
  raw.c_cc[VMIN] = 0; raw.c_cc[VTIME] = 1; SHOW(tcsetattr(slave, TCSANOW, &raw)); SHOW(read(slave, bytes, 100)); raw.c_cc[VTIME] = 0; SHOW(tcsetattr(slave, TCSANOW, &raw)); SHOW(read(slave, bytes, 100));
  SHOW(fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK)); SHOW(read(slave, bytes, 100)); raw.c_cc[VMIN] = 1; SHOW(tcsetattr(slave, TCSANOW, &raw)); SHOW(read(slave, bytes, 100));
  memset(bytes, 'z', sizeof bytes); long total = 0, n; while ((n = write(slave, bytes, 4096)) > 0) total += n; SHOW(errno == EAGAIN); HOLDS(total >= 4096); f.events = POLLOUT; SHOW(poll(&f, 1, 0));
  SHOW(tcflush(slave, TCOFLUSH)); SHOW(poll(&f, 1, 100));
  /* How much of it the master had taken already is chance. */
  f.fd = master; f.events = POLLIN; while (poll(&f, 1, 50) > 0) if (read(master, bytes, sizeof bytes) < 0) break;
  SHOW(tcflow(slave, TCOOFF)); SHOW(write(slave, "stopped", 7)); SHOW(tcflow(slave, TCOON)); SHOW(write(slave, "going", 5)); drain("flow", master);
  SHOW(tcsetattr(slave, TCSANOW, &t)); type("\023"); usleep(50000); SHOW(write(slave, "x", 1)); type("\021"); usleep(50000); SHOW(write(slave, "y", 1)); drain("xon", master);
  SHOW(tcsendbreak(slave, 0)); SHOW(tcdrain(slave)); SHOW(tcflush(slave, 77)); SHOW(tcflow(slave, 77)); SHOW(ioctl(slave, 0x54ff, 0)); SHOW(lseek(slave, 0, SEEK_SET)); SHOW(ftruncate(slave, 0));
  struct stat st; SHOW(fstat(slave, &st)); SHOW(st.st_mode & S_IFMT); SHOW(st.st_rdev >> 8 & 0xfff);
  close_pair();
}

static void packet_mode(void) {
  int on = 1;
  struct pollfd f;
  open_pair();
  f.fd = master; f.events = POLLIN | POLLPRI;
  SHOW(ioctl(master, TIOCPKT, &on)); SHOW(write(slave, "hi", 2)); drain("data", master);
  SHOW(tcflush(slave, TCIOFLUSH)); SHOW(poll(&f, 1, 100)); SHOW(f.revents); drain("flush", master);
  SHOW(tcflow(slave, TCOOFF)); drain("stop", master); SHOW(tcflow(slave, TCOON)); drain("start", master);
  struct termios t; tcgetattr(slave, &t); t.c_iflag &= ~IXON; SHOW(tcsetattr(slave, TCSANOW, &t)); drain("no flow control", master); t.c_iflag |= IXON; SHOW(tcsetattr(slave, TCSANOW, &t)); drain("flow control", master);
  close_pair();
}

static volatile sig_atomic_t seen[65];
static void note(int signal) { seen[signal]++; }

static void wait_for(int pid, const char *label) {
  int status;
  HOLDS(waitpid(pid, &status, WUNTRACED) == pid);
  printf("%s: exited %d status %d signal %d stopped %d\n", label, WIFEXITED(status), WIFEXITED(status) ? WEXITSTATUS(status) : 0, WIFSIGNALED(status) ? WTERMSIG(status) : 0, WIFSTOPPED(status) ? WSTOPSIG(status) : 0);
  fflush(stdout);
}

static void sessions(void) {
  open_pair();
  int pid = fork();
  if (pid == 0) {
    pid_t group;
    SHOW(tcgetpgrp(slave)); SHOW(ioctl(slave, TIOCSCTTY, 0)); HOLDS(setsid() == getpid()); SHOW(open("/dev/tty", O_RDWR)); SHOW(tcgetpgrp(slave)); SHOW(tcsetpgrp(slave, getpid()));
    SHOW(ioctl(slave, TIOCSCTTY, 0)); SHOW(ioctl(slave, TIOCSCTTY, 0)); HOLDS(tcgetpgrp(slave) == getpid()); HOLDS(tcgetsid(slave) == getpid()); HOLDS(ioctl(master, TIOCGPGRP, &group) == 0 && group == getpid());
    int tty = open("/dev/tty", O_RDWR); HOLDS(tty >= 0); HOLDS(tcgetpgrp(tty) == getpid()); SHOW(tcsetpgrp(tty, 99999)); SHOW(tcsetpgrp(tty, 1)); SHOW(setsid());
    signal(SIGINT, note); signal(SIGQUIT, note); signal(SIGTSTP, note); signal(SIGWINCH, note); signal(SIGHUP, note); signal(SIGCONT, note);
    type("line\003\034\032"); usleep(50000); SHOW(seen[SIGINT]); SHOW(seen[SIGQUIT]); SHOW(seen[SIGTSTP]); drain("signals", master);
    struct winsize w = {30, 90, 0, 0}; SHOW(ioctl(master, TIOCSWINSZ, &w)); usleep(20000); SHOW(seen[SIGWINCH]); SHOW(ioctl(master, TIOCSWINSZ, &w)); usleep(20000); SHOW(seen[SIGWINCH]); memset(&w, 0, sizeof w); SHOW(ioctl(slave, TIOCGWINSZ, &w)); SHOW(w.ws_row); SHOW(w.ws_col);

    /* A background job that reads, writes with TOSTOP, and changes settings is stopped. */
    for (int what = 0; what < 4; what++) {
      int job = fork();
      if (job == 0) {
        setpgid(0, 0);
        signal(SIGTTIN, SIG_DFL);
        if (what == 0) _exit(read(tty, bytes, 10) == 3 ? 0 : 1);
        if (what == 1) _exit(write(tty, "bg", 2) == 2 ? 0 : 1);
        if (what == 2) { struct termios t; tcgetattr(tty, &t); t.c_lflag |= TOSTOP; _exit(tcsetattr(tty, TCSANOW, &t) == 0 ? 0 : 1); }
        signal(SIGTTOU, SIG_IGN); signal(SIGTTIN, SIG_IGN);
        _exit(read(tty, bytes, 10) == -1 && errno == EIO && tcsetpgrp(tty, getpid()) == 0 ? 0 : 1);
      }
      setpgid(job, job);
      wait_for(job, what == 0 ? "reader" : what == 1 ? "writer" : what == 2 ? "setter" : "ignorer");
      if (what == 0 || what == 2) {
        signal(SIGTTOU, SIG_IGN);
        SHOW(tcsetpgrp(tty, job)); type("ok\n"); SHOW(kill(-job, SIGCONT)); wait_for(job, "continued"); SHOW(tcsetpgrp(tty, getpid()));
        signal(SIGTTOU, SIG_DFL);
      } else if (what == 3) { signal(SIGTTOU, SIG_IGN); SHOW(tcsetpgrp(tty, getpid())); signal(SIGTTOU, SIG_DFL); }
    }
    drain("jobs", master);
    struct termios t; SHOW(tcgetattr(tty, &t)); SHOW((t.c_lflag & TOSTOP) != 0);
    int job = fork();
    if (job == 0) { setpgid(0, 0); _exit(write(tty, "stopped", 7) == 7 ? 0 : 1); }
    setpgid(job, job); wait_for(job, "writer with TOSTOP"); SHOW(kill(job, SIGKILL)); wait_for(job, "killed");

    SHOW(ioctl(tty, TIOCNOTTY, 0)); SHOW(seen[SIGHUP]); SHOW(open("/dev/tty", O_RDWR)); SHOW(tcgetpgrp(slave));
    _exit(0);
  }
  wait_for(pid, "session leader");
  close_pair();
}

static void hang_up(void) {
  struct pollfd f;
  open_pair();
  int sync[2];
  if (pipe(sync)) exit(1);
  int pid = fork();
  if (pid == 0) {
    close(master);
    setsid(); ioctl(slave, TIOCSCTTY, 0); signal(SIGHUP, note); signal(SIGCONT, note);
    if (write(sync[1], "r", 1) != 1) _exit(1);
    HOLDS(read(slave, bytes, 10) <= 0); usleep(20000);
    SHOW(seen[SIGHUP]); SHOW(seen[SIGCONT]); SHOW(read(slave, bytes, 10)); SHOW(write(slave, "x", 1)); f.fd = slave; f.events = POLLIN | POLLOUT; f.revents = 0; SHOW(poll(&f, 1, 0)); SHOW(f.revents); struct termios t; SHOW(tcgetattr(slave, &t)); SHOW(open("/dev/tty", O_RDWR));
    _exit(0);
  }
  close(slave);
  if (read(sync[0], bytes, 1) != 1) exit(1);
  usleep(50000);
  close(master);
  wait_for(pid, "hung up");

  /* Nobody is told: the waiting read itself fails. */
  open_pair();
  pid = fork();
  if (pid == 0) { close(master); if (write(sync[1], "r", 1) != 1) _exit(1); SHOW(read(slave, bytes, 10)); SHOW(read(slave, bytes, 10)); _exit(0); }
  close(slave);
  if (read(sync[0], bytes, 1) != 1) exit(1);
  usleep(50000);
  close(master);
  wait_for(pid, "reader");

  open_pair();
  SHOW(write(slave, "last", 4)); close(slave); f.fd = master; f.events = POLLIN; SHOW(poll(&f, 1, 100)); SHOW(f.revents); SHOW(read(master, bytes, 100)); SHOW(read(master, bytes, 100)); SHOW(poll(&f, 1, 0)); SHOW(f.revents);
  slave = open(ptsname(master), O_RDWR | O_NOCTTY); HOLDS(slave >= 0); f.revents = 0; SHOW(poll(&f, 1, 0)); SHOW(write(slave, "again", 5)); drain("again", master);
  int peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY); HOLDS(peer >= 0); HOLDS(strcmp(ttyname(peer), ptsname(master)) == 0); close(peer);
  close_pair();

  /* The leader's end tells the foreground group: its last writer leaves the pipe. */
  open_pair();
  int alive[2];
  if (pipe(alive)) exit(1);
  pid = fork();
  if (pid == 0) {
    setsid(); ioctl(slave, TIOCSCTTY, 0);
    int member = fork();
    if (member == 0) { pause(); _exit(0); }
    usleep(20000);
    _exit(0);
  }
  close(alive[1]);
  wait_for(pid, "leader"); SHOW(read(alive[0], bytes, 1));
  close_pair();
}

/* Settings that are locked stay as they are, whoever sets them. */
static void locked_settings(void) {
  open_pair();
  struct termios lock, set; memset(&lock, 0, sizeof lock);
  SHOW(ioctl(slave, TIOCGLCKTRMIOS, &lock)); SHOW(lock.c_lflag); lock.c_lflag = ECHO; lock.c_cc[VMIN] = 1; SHOW(ioctl(slave, TIOCSLCKTRMIOS, &lock));
  tcgetattr(slave, &set); set.c_lflag &= ~(ECHO | ICANON); set.c_cc[VMIN] = 7; set.c_cc[VTIME] = 3; SHOW(tcsetattr(slave, TCSANOW, &set));
  tcgetattr(slave, &set); HOLDS(set.c_lflag & ECHO); HOLDS(set.c_lflag & ICANON); SHOW(set.c_cc[VMIN]); SHOW(set.c_cc[VTIME]);
  close_pair();
}

int main(void) {
  setvbuf(stdout, NULL, _IOLBF, 0);
  signal(SIGHUP, SIG_IGN);
  modes();
  packet_mode();
  locked_settings();
  signal(SIGHUP, SIG_DFL);
  sessions();
  hang_up();
  return 0;
}
