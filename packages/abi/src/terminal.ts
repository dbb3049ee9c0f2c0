/**
 * Terminals: termios bits, control characters, ioctl commands.
 * Source: Linux include/uapi/asm-generic/termbits.h, termbits-common.h, ioctls.h; termios(3), ioctl_tty(2).
 */
import { array, hex16, hex32, struct, u16, u32, u8 } from "./struct.ts";

/** Indexes into c_cc. */
export const VINTR = 0,
  VQUIT = 1,
  VERASE = 2,
  VKILL = 3,
  VEOF = 4,
  VTIME = 5,
  VMIN = 6,
  VSWTC = 7,
  VSTART = 8,
  VSTOP = 9,
  VSUSP = 10;
export const VEOL = 11,
  VREPRINT = 12,
  VDISCARD = 13,
  VWERASE = 14,
  VLNEXT = 15,
  VEOL2 = 16,
  NCC = 8,
  NCCS = 19;

/** c_iflag. */
export const IGNBRK = 1,
  BRKINT = 2,
  IGNPAR = 4,
  PARMRK = 8,
  INPCK = 0x10,
  ISTRIP = 0x20,
  INLCR = 0x40,
  IGNCR = 0x80,
  ICRNL = 0x100;
export const IUCLC = 0x200,
  IXON = 0x400,
  IXANY = 0x800,
  IXOFF = 0x1000,
  IMAXBEL = 0x2000,
  IUTF8 = 0x4000;

/** c_oflag. */
export const OPOST = 1,
  OLCUC = 2,
  ONLCR = 4,
  OCRNL = 8,
  ONOCR = 0x10,
  ONLRET = 0x20,
  OFILL = 0x40,
  OFDEL = 0x80,
  TABDLY = 0x1800,
  XTABS = 0x1800;

/** c_cflag. */
export const CBAUD = 0x100f,
  B0 = 0,
  B38400 = 0xf,
  BOTHER = 0x1000,
  CSIZE = 0x30,
  CS8 = 0x30,
  CREAD = 0x80,
  PARENB = 0x100,
  HUPCL = 0x400;
export const CLOCAL = 0x800,
  CBAUDEX = 0x1000,
  CIBAUD = 0x100f0000;

/** c_lflag. */
export const ISIG = 1,
  ICANON = 2,
  XCASE = 4,
  ECHO = 8,
  ECHOE = 0x10,
  ECHOK = 0x20,
  ECHONL = 0x40,
  NOFLSH = 0x80,
  TOSTOP = 0x100;
export const ECHOCTL = 0x200,
  ECHOPRT = 0x400,
  ECHOKE = 0x800,
  FLUSHO = 0x1000,
  PENDIN = 0x4000,
  IEXTEN = 0x8000,
  EXTPROC = 0x10000;

/** Bits per second by the number in CBAUD (with CBAUDEX: from index 17 on, B57600 is 0x1001). */
export const BAUD_RATES: readonly number[] = [
  0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800,
  500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000, 3500000, 4000000,
];

export const TCGETS = 0x5401,
  TCSETS = 0x5402,
  TCSETSW = 0x5403,
  TCSETSF = 0x5404,
  TCGETA = 0x5405,
  TCSETA = 0x5406,
  TCSETAW = 0x5407;
export const TCSETAF = 0x5408,
  TCSBRK = 0x5409,
  TCXONC = 0x540a,
  TCFLSH = 0x540b,
  TIOCEXCL = 0x540c,
  TIOCNXCL = 0x540d,
  TIOCSCTTY = 0x540e;
export const TIOCGPGRP = 0x540f,
  TIOCSPGRP = 0x5410,
  TIOCOUTQ = 0x5411,
  TIOCSTI = 0x5412,
  TIOCGWINSZ = 0x5413,
  TIOCSWINSZ = 0x5414;
export const TIOCGSOFTCAR = 0x5419,
  TIOCSSOFTCAR = 0x541a,
  TIOCCONS = 0x541d,
  TIOCPKT = 0x5420,
  TIOCNOTTY = 0x5422,
  TIOCSETD = 0x5423;
export const TIOCGETD = 0x5424,
  TCSBRKP = 0x5425,
  TIOCSBRK = 0x5427,
  TIOCCBRK = 0x5428,
  TIOCGSID = 0x5429;
export const TCGETS2 = 0x802c542a,
  TCSETS2 = 0x402c542b,
  TCSETSW2 = 0x402c542c,
  TCSETSF2 = 0x402c542d,
  TIOCGPTN = 0x80045430;
export const TIOCSPTLCK = 0x40045431,
  TIOCGDEV = 0x80045432,
  TIOCSIG = 0x40045436,
  TIOCVHANGUP = 0x5437,
  TIOCGPKT = 0x80045438;
export const TIOCGPTLCK = 0x80045439,
  TIOCGEXCL = 0x80045440,
  TIOCGPTPEER = 0x5441;
export const TIOCGLCKTRMIOS = 0x5456,
  TIOCSLCKTRMIOS = 0x5457;

/** First byte of a read in packet mode. */
export const TIOCPKT_DATA = 0,
  TIOCPKT_FLUSHREAD = 1,
  TIOCPKT_FLUSHWRITE = 2,
  TIOCPKT_STOP = 4,
  TIOCPKT_START = 8;
export const TIOCPKT_NOSTOP = 16,
  TIOCPKT_DOSTOP = 32,
  TIOCPKT_IOCTL = 64;
/** Arguments of TCFLSH and TCXONC. */
export const TCIFLUSH = 0,
  TCOFLUSH = 1,
  TCIOFLUSH = 2,
  TCOOFF = 0,
  TCOON = 1,
  TCIOFF = 2,
  TCION = 3;
/** Line disciplines; there is the first alone. */
export const N_TTY = 0;

export const Termios = struct("termios", {
  c_iflag: hex32,
  c_oflag: hex32,
  c_cflag: hex32,
  c_lflag: hex32,
  c_line: u8,
  c_cc: array(u8, NCCS),
});
/** TCGETS2: with speeds in bits per second. */
export const Termios2 = struct("termios2", {
  c_iflag: hex32,
  c_oflag: hex32,
  c_cflag: hex32,
  c_lflag: hex32,
  c_line: u8,
  c_cc: array(u8, NCCS),
  c_ispeed: u32,
  c_ospeed: u32,
});
/** TCGETA: System V's. */
export const Termio = struct("termio", {
  c_iflag: hex16,
  c_oflag: hex16,
  c_cflag: hex16,
  c_lflag: hex16,
  c_line: u8,
  c_cc: array(u8, NCC),
});
export const Winsize = struct("winsize", { ws_row: u16, ws_col: u16, ws_xpixel: u16, ws_ypixel: u16 });
/** Virtual terminals (linux/vt.h, linux/kd.h). */
export const VT_OPENQRY = 0x5600,
  VT_GETMODE = 0x5601,
  VT_SETMODE = 0x5602,
  VT_GETSTATE = 0x5603,
  VT_RELDISP = 0x5605,
  VT_ACTIVATE = 0x5606,
  VT_WAITACTIVE = 0x5607,
  VT_DISALLOCATE = 0x5608,
  VT_LOCKSWITCH = 0x560b,
  VT_UNLOCKSWITCH = 0x560c;
/** vt_mode's mode, and the answer of VT_RELDISP that says "it is mine". */
export const VT_AUTO = 0,
  VT_PROCESS = 1,
  VT_ACKACQ = 2;
export const TIOCLINUX = 0x541c;
export const KIOCSOUND = 0x4b2f,
  KDMKTONE = 0x4b30,
  KDGETLED = 0x4b31,
  KDSETLED = 0x4b32;
export const KDGKBTYPE = 0x4b33,
  KDSETMODE = 0x4b3a,
  KDGETMODE = 0x4b3b,
  KDGKBMODE = 0x4b44,
  KDSKBMODE = 0x4b45;
export const KB_101 = 2,
  KD_TEXT = 0,
  KD_GRAPHICS = 1,
  K_RAW = 0,
  K_MEDIUMRAW = 2,
  K_UNICODE = 3,
  K_OFF = 4;
/** What TIOCLINUX is asked (linux/tiocl.h). */
export const TIOCL_GETSHIFTSTATE = 6,
  TIOCL_GETFGCONSOLE = 12;
export const VtMode = struct("vt_mode", { mode: u8, waitv: u8, relsig: u16, acqsig: u16, frsig: u16 });
export const VtStat = struct("vt_stat", { v_active: u16, v_signal: u16, v_state: hex16 });
