/* Uses text consoles of the machine's screen, as getty, openvt and X servers do. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kd.h>
#include <linux/tiocl.h>
#include <linux/vt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static const char *outcome(int result) { return result >= 0 ? "0" : strerrorname_np(errno); }

static void say(const char *what) {
  printf("%s\n", what);
  fflush(stdout);
}

static int shown(int tty) {
  struct vt_stat state;
  return ioctl(tty, VT_GETSTATE, &state) < 0 ? -1 : state.v_active;
}

static void printRead(int tty) {
  unsigned char bytes[64];
  int count = read(tty, bytes, sizeof bytes);
  printf("read %d:", count);
  for (int at = 0; at < count; at++) printf(" %02x", bytes[at]);
  printf("\n");
}

static void raw(int tty) {
  struct termios settings;
  tcgetattr(tty, &settings);
  cfmakeraw(&settings);
  tcsetattr(tty, TCSANOW, &settings);
}

/* A login's: the console becomes the session's terminal, is written to and typed into. */
static void typing(void) {
  setsid();
  int tty = open("/dev/tty1", O_RDWR);
  struct winsize window;
  ioctl(tty, TIOCGWINSZ, &window);
  printf("tty1 %s, %dx%d, session %s\n", outcome(tty), window.ws_col, window.ws_row, outcome(tcgetpgrp(tty)));
  dprintf(tty, "\033[1;32mA\033[0m, \xc3\xa4\n");
  say("written");
  printRead(tty);
  dprintf(tty, "\033[6n\033[?1h");
  raw(tty);
  printRead(tty);
  say("raw");
  printRead(tty);
  ioctl(tty, KDSKBMODE, K_MEDIUMRAW);
  say("codes");
  printRead(tty);
  printf("mode %s", outcome(ioctl(tty, KDSKBMODE, 9)));
  int mode = 0;
  ioctl(tty, KDGKBMODE, &mode);
  printf(" %d\n", mode);
  ioctl(tty, KDSKBMODE, K_UNICODE);
  say("interrupt");
  signal(SIGINT, SIG_IGN);
  struct termios settings;
  tcgetattr(tty, &settings);
  settings.c_lflag |= ISIG;
  tcsetattr(tty, TCSANOW, &settings);
  pid_t child = fork();
  if (child == 0) {
    signal(SIGINT, SIG_DFL);
    say("waiting");
    pause();
    _exit(1);
  }
  int status;
  waitpid(child, &status, 0);
  printf("child %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
}

static volatile sig_atomic_t asked, given;
static void onAsked(int signal) { signal == SIGUSR1 ? (void)asked++ : (void)given++; }

/* One that draws is asked before another console is shown. */
static void switching(void) {
  int tty0 = open("/dev/tty0", O_RDWR), free = 0;
  printf("open %s, shown %d, foreground %d\n", outcome(tty0), shown(tty0),
         ioctl(tty0, TIOCLINUX, &(char){TIOCL_GETFGCONSOLE}));
  ioctl(tty0, VT_OPENQRY, &free);
  int tty2 = open("/dev/tty2", O_RDWR | O_NOCTTY);
  printf("free %d, then ", free);
  int tty1 = open("/dev/tty1", O_RDWR | O_NOCTTY);
  ioctl(tty0, VT_OPENQRY, &free);
  struct vt_stat state;
  ioctl(tty0, VT_GETSTATE, &state);
  printf("%d, open %x\n", free, state.v_state);
  dprintf(tty1, "first");
  dprintf(tty2, "second");
  say("first");
  printf("activate %s", outcome(ioctl(tty0, VT_ACTIVATE, 2)));
  printf(" wait %s", outcome(ioctl(tty0, VT_WAITACTIVE, 2)));
  printf(" shown %d\n", shown(tty0));
  say("second");
  printf("graphics %s\n", outcome(ioctl(tty2, KDSETMODE, KD_GRAPHICS)));
  ioctl(tty0, VT_ACTIVATE, 1);
  printf("not left: shown %d\n", shown(tty0));
  signal(SIGUSR1, onAsked);
  signal(SIGUSR2, onAsked);
  struct vt_mode mode = {.mode = VT_PROCESS, .relsig = SIGUSR1, .acqsig = SIGUSR2};
  printf("process %s\n", outcome(ioctl(tty2, VT_SETMODE, &mode)));
  ioctl(tty0, VT_ACTIVATE, 1);
  printf("asked %d, shown %d", asked, shown(tty0));
  printf(", refuse %s", outcome(ioctl(tty2, VT_RELDISP, 0)));
  printf(", shown %d", shown(tty0));
  printf(", again %s\n", outcome(ioctl(tty2, VT_RELDISP, 1)));
  ioctl(tty0, VT_ACTIVATE, 1);
  printf("asked %d, release %s", asked, outcome(ioctl(tty2, VT_RELDISP, 1)));
  printf(", shown %d\n", shown(tty0));
  say("back");
  ioctl(tty0, VT_ACTIVATE, 2);
  printf("given %d, shown %d, mine %s\n", given, shown(tty0), outcome(ioctl(tty2, VT_RELDISP, VT_ACKACQ)));
  printf("text %s", outcome(ioctl(tty2, KDSETMODE, KD_TEXT)));
  printf(", auto %s\n", outcome(ioctl(tty2, VT_SETMODE, &(struct vt_mode){.mode = VT_AUTO})));
  say("text");
  printf("13 %s 0 %s mode %s display %s", outcome(ioctl(tty0, VT_ACTIVATE, 13)), outcome(ioctl(tty0, VT_ACTIVATE, 0)),
         outcome(ioctl(tty2, VT_SETMODE, &(struct vt_mode){.mode = 7})), outcome(ioctl(tty2, KDSETMODE, 7)));
  printf(" busy %s", outcome(ioctl(tty0, VT_DISALLOCATE, 1)));
  printf(" pointer %s\n", outcome(ioctl(tty0, VT_GETSTATE, 1)));
  ioctl(tty0, VT_LOCKSWITCH, 0);
  ioctl(tty0, VT_ACTIVATE, 1);
  printf("locked: shown %d\n", shown(tty0));
  ioctl(tty0, VT_UNLOCKSWITCH, 0);
  say("keys");
  ioctl(tty0, VT_WAITACTIVE, 3);
  printf("shown %d\n", shown(tty0));
  if (setuid(1000) == 0)
    printf("as a user %s %s\n", outcome(ioctl(tty0, VT_ACTIVATE, 1)), outcome(ioctl(tty2, KDSETMODE, KD_GRAPHICS)));
}

int main(int argc, char **argv) {
  setvbuf(stdout, 0, _IOFBF, 1 << 16);
  if (!strcmp(argv[1], "typing")) typing();
  if (!strcmp(argv[1], "switching")) switching();
  return 0;
}
