/* Random calls on both ends of pseudoterminals: modes, line editing, echoes, queues, packets. */
#include "random-calls.h"
#include <asm/termbits.h>
#include <poll.h>
#include <sys/ioctl.h>

static int master, slave;
static char buffer[8192];
/* What is typed: words, and what the line discipline makes something of. */
static const char *const pieces[] = {"a", "bc", "hello", " ", "word two", "\n", "\n", "\r", "\t", "\x04", "\x7f", "\x7f\x7f", "\x15", "\x17", "\x12", "\x16",
  "\x16\x04", "\x08", "\x1b[A", "\xc3\xa9", "\xe2\x82\xac", "\xff", "\x00", "\x0f", "UPPER", "\\", "@", "#", "\x0c", "x\n", "y\n"};
static long make_input(void) {
  long length = 0;
  for (long i = 1 + below(4); i > 0; i--) {
    const char *piece = ANY(pieces);
    long n = piece[0] == 0 ? 1 : (long)strlen(piece);
    memcpy(buffer + length, piece, n);
    length += n;
  }
  if (one_in(40)) { length = below(500); memset(buffer, 'a' + below(26), length); if (one_in(2) && length > 0) buffer[length - 1] = '\n'; }
  return length;
}
static void show_bytes(long count) {
  printf("  ");
  if (count > 200) { printf("%08x", sum_of(buffer, count)); }
  else for (long i = 0; i < count; i++) {
    unsigned char c = (unsigned char)buffer[i];
    if (c >= 32 && c < 127 && c != '\\') printf("%c", c);
    else printf("\\%02x", c);
  }
  printf("\n");
}
static const unsigned long iflags[] = {IGNBRK, BRKINT, IGNPAR, PARMRK, INPCK, ISTRIP, INLCR, IGNCR, ICRNL, IUCLC, IXON, IXANY, IXOFF, IMAXBEL, IUTF8};
static const unsigned long oflags[] = {OPOST, OLCUC, ONLCR, OCRNL, ONOCR, ONLRET, OFILL, XTABS};
static const unsigned long lflags[] = {ICANON, ECHO, ECHOE, ECHOK, ECHONL, NOFLSH, ECHOCTL, ECHOPRT, ECHOKE, IEXTEN, EXTPROC, PENDIN};

static void step(void) {
  int d = one_in(2) ? master : slave;
  long r;
  errno = 0;
  switch (below(24)) {
  case 0: case 1: case 2: case 3: case 4: case 5: {
    long n = make_input();
    r = write(master, buffer, n);
    int failed = errno;
    /* It comes to the line discipline by a thread of the kernel. */
    usleep(2000);
    errno = failed;
    told(r, "type %ld", n);
    show_bytes(n);
    break;
  }
  case 6: case 7: case 8: case 9: case 10: {
    long n = one_in(4) ? 1 + below(5) : sizeof buffer;
    usleep(300);
    r = read(slave, buffer, n);
    told(r, "read slave %ld", n);
    if (r > 0) show_bytes(r);
    break;
  }
  case 11: case 12: case 13: {
    long n = one_in(4) ? 1 + below(5) : sizeof buffer;
    usleep(300);
    r = read(master, buffer, n);
    told(r, "read master %ld", n);
    if (r > 0) show_bytes(r);
    break;
  }
  case 14: case 15: { long n = make_input(); if (n > 1000) n = 1000; r = write(slave, buffer, n); int failed = errno; usleep(2000); errno = failed; told(r, "write slave %ld", n); show_bytes(n); break; }
  case 16: case 17: {
    struct termios t;
    static const unsigned long how[] = {TCSETS, TCSETS, TCSETSW, TCSETSF};
    unsigned long h = ANY(how);
    ioctl(d, TCGETS, &t);
    if (one_in(3)) t.c_iflag ^= (tcflag_t)SOME(iflags);
    if (one_in(3)) t.c_oflag ^= (tcflag_t)SOME(oflags);
    if (one_in(2)) t.c_lflag ^= (tcflag_t)SOME(lflags);
    if (one_in(8)) { t.c_iflag = ICRNL | IXON; t.c_oflag = OPOST | ONLCR; t.c_lflag = ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN; }
    if (one_in(8)) { t.c_iflag = 0; t.c_oflag = 0; t.c_lflag = 0; }
    if (one_in(6)) { t.c_cc[VMIN] = (cc_t)below(4); t.c_cc[VTIME] = 0; }
    if (one_in(10)) t.c_cc[VEOL] = one_in(2) ? 'x' : 0;
    if (one_in(12)) t.c_cc[VERASE] = one_in(2) ? '#' : 0x7f;
    if (one_in(12)) t.c_cc[VKILL] = one_in(2) ? '@' : 0x15;
    /* No signals: nobody has it as a terminal. */
    t.c_lflag &= ~(tcflag_t)(ISIG | TOSTOP);
    r = ioctl(d, h, &t);
    told(r, "termios %s %#lx %x %x %x min %d", d == master ? "master" : "slave", h - TCSETS, t.c_iflag, t.c_oflag, t.c_lflag, t.c_cc[VMIN]);
    break;
  }
  case 18: {
    struct termios t = {0};
    r = ioctl(d, TCGETS, &t);
    told(r, "TCGETS");
    printf("  %x %x %x %x line %d cc", t.c_iflag, t.c_oflag, t.c_cflag, t.c_lflag, t.c_line);
    for (int i = 0; i < 17; i++) printf(" %d", t.c_cc[i]);
    printf("\n");
    break;
  }
  case 19: {
    static const unsigned long requests[] = {FIONREAD, TIOCOUTQ, TIOCGPGRP, TIOCGSID, TIOCGPTN, TIOCGPKT, TIOCGPTLCK, TIOCGEXCL, TIOCGWINSZ, TIOCGETD, TIOCMGET, TIOCGSOFTCAR};
    unsigned long what = ANY(requests);
    struct winsize size = {0};
    usleep(300);
    r = ioctl(d, what, &size);
    told(r, "ioctl %s %#lx", d == master ? "master" : "slave", what);
    if (r == 0) printf("  %d\n", *(int *)&size);
    break;
  }
  case 20: {
    static const unsigned long requests[] = {TCFLSH, TCSBRK, TCSBRKP, TIOCPKT, TIOCSWINSZ, TIOCEXCL, TIOCNXCL, TIOCSSOFTCAR};
    unsigned long what = ANY(requests);
    long value = below(5);
    int word = (int)(value & 1);
    struct winsize size = {(unsigned short)below(100), (unsigned short)below(100), 0, 0};
    if (what == TIOCEXCL) what = TIOCNXCL;
    r = what == TIOCSWINSZ ? ioctl(d, what, &size) : what == TIOCPKT || what == TIOCSSOFTCAR ? ioctl(d, what, &word) : ioctl(d, what, value);
    told(r, "ioctl %s %#lx %ld", d == master ? "master" : "slave", what, value);
    break;
  }
  case 21: {
    usleep(300);
    struct pollfd p = {d, (short)~0};
    r = poll(&p, 1, 0);
    told(r, "poll %s", d == master ? "master" : "slave");
    if (r > 0) printf("  %#x\n", p.revents);
    break;
  }
  case 22:
    if (!one_in(6)) break;
    close(slave);
    usleep(300);
    r = read(master, buffer, sizeof buffer);
    told(r, "close slave, read master");
    if (r > 0) show_bytes(r);
    slave = open("/dev/pts/0", O_RDWR | O_NOCTTY | O_NONBLOCK);
    told(slave, "open slave");
    break;
  case 23: {
    struct termios t;
    if (!one_in(3)) break;
    /* As terminals begin. */
    ioctl(slave, TCGETS, &t);
    t.c_iflag = ICRNL | IXON; t.c_oflag = OPOST | ONLCR; t.c_lflag = ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;
    t.c_cc[VMIN] = 1;
    told(ioctl(slave, TCSETSF, &t), "begin anew");
    break;
  }
  }
}

int main(int argc, char **argv) {
  begin(argc, argv);
  must(mkdir("/dev", 0755) == 0 && mkdir("/dev/pts", 0755) == 0 && mount("devpts", "/dev/pts", "devpts", 0, "newinstance,ptmxmode=0666") == 0, "devpts");
  master = open("/dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  int unlocked = 0;
  must(master >= 0 && ioctl(master, TIOCSPTLCK, &unlocked) == 0, "ptmx");
  slave = open("/dev/pts/0", O_RDWR | O_NOCTTY | O_NONBLOCK);
  must(slave >= 0, "slave");
  for (call_number = 0; call_number < calls_of(argc, argv); call_number++) { step(); fflush(stdout); }
  return 0;
}
