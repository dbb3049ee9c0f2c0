/** Canonical mode as a table: one row for each rule. The same rows hold on a Linux pseudo-terminal. */
import {
  ECHO,
  ECHOCTL,
  ECHOE,
  ECHOK,
  ECHOKE,
  ECHONL,
  ECHOPRT,
  ICANON,
  ICRNL,
  IEXTEN,
  IGNCR,
  INLCR,
  ISIG,
  ISTRIP,
  IUTF8,
  NOFLSH,
  OLCUC,
  ONLCR,
  OPOST,
  SIGINT,
  SIGQUIT,
  SIGTSTP,
  VEOL,
  XTABS,
} from "@stratos/abi";

export const CTRL_C = "\x03",
  CTRL_D = "\x04",
  CTRL_Q = "\x11",
  CTRL_S = "\x13";
const CTRL_R = "\x12",
  CTRL_U = "\x15",
  CTRL_V = "\x16",
  CTRL_W = "\x17",
  CTRL_Z = "\x1a",
  ERASE = "\x7f";
const RUB = "\b \b";

/** What to set (defaults: Linux), what is typed, what must be echoed, returned by reads and signalled. */
interface DisciplineCase {
  name: string;
  typed: string;
  echo: string;
  lines: string[];
  iflag?: number;
  oflag?: number;
  lflag?: number;
  cc?: Record<number, number>;
  signals?: number[];
}
export const STANDARD_LFLAG = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN;

export const DISCIPLINE_CASES: readonly DisciplineCase[] = [
  { name: "a line is delivered with its newline", typed: "ls\r", echo: "ls\r\n", lines: ["ls\n"] },
  { name: "two lines are two reads", typed: "a\nb\n", echo: "a\r\nb\r\n", lines: ["a\n", "b\n"] },
  { name: "an unfinished line is not delivered", typed: "abc", echo: "abc", lines: [] },
  { name: "erase", typed: `ab${ERASE}c\n`, echo: `ab${RUB}c\r\n`, lines: ["ac\n"] },
  { name: "erase on an empty line does nothing", typed: `${ERASE}a\n`, echo: "a\r\n", lines: ["a\n"] },
  {
    name: "erase of a shown control character takes two columns",
    typed: `\x01${ERASE}\n`,
    echo: `^A${RUB}${RUB}\r\n`,
    lines: ["\n"],
  },
  {
    name: "erase of a control character that was not shown",
    typed: `\x01${ERASE}\n`,
    lflag: STANDARD_LFLAG & ~ECHOCTL,
    echo: "\x01\r\n",
    lines: ["\n"],
  },
  {
    name: "erase of a tab goes back to where it began",
    typed: `ab\t${ERASE}\n`,
    echo: `ab\t${"\b".repeat(6)}\r\n`,
    lines: ["ab\n"],
  },
  {
    name: "erase of a tab after a tab",
    typed: `ab\tcde\t${ERASE}\n`,
    echo: `ab\tcde\t${"\b".repeat(5)}\r\n`,
    lines: ["ab\tcde\n"],
  },
  {
    name: "erase without ECHOE shows the erase character",
    typed: `ab${ERASE}\n`,
    lflag: STANDARD_LFLAG & ~ECHOE,
    echo: "ab^?\r\n",
    lines: ["a\n"],
  },
  {
    name: "ECHOPRT shows what is erased between slashes",
    typed: `abc${ERASE}${ERASE}d\n`,
    lflag: STANDARD_LFLAG | ECHOPRT,
    echo: "abc\\cb/d\r\n",
    lines: ["ad\n"],
  },
  {
    name: "a UTF-8 character is erased as a whole",
    typed: `a\xc3\xa9${ERASE}\n`,
    iflag: ICRNL | IUTF8,
    echo: `a\xc3\xa9${RUB}\r\n`,
    lines: ["a\n"],
  },
  {
    name: "without IUTF8 erase takes a byte",
    typed: `a\xc3\xa9${ERASE}\n`,
    echo: `a\xc3\xa9${RUB}\r\n`,
    lines: ["a\xc3\n"],
  },
  {
    name: "word erase",
    typed: `foo bar_1  ${CTRL_W}x\n`,
    echo: `foo bar_1  ${RUB.repeat(7)}x\r\n`,
    lines: ["foo x\n"],
  },
  {
    name: "word erase stops before punctuation",
    typed: `a/bc${CTRL_W}\n`,
    echo: `a/bc${RUB}${RUB}\r\n`,
    lines: ["a/\n"],
  },
  { name: "kill", typed: `abc${CTRL_U}d\n`, echo: `abc${RUB.repeat(3)}d\r\n`, lines: ["d\n"] },
  {
    name: "kill without ECHOKE starts a new line",
    typed: `abc${CTRL_U}d\n`,
    lflag: STANDARD_LFLAG & ~ECHOKE,
    echo: "abc^U\r\nd\r\n",
    lines: ["d\n"],
  },
  { name: "reprint", typed: `ab${CTRL_R}c\n`, echo: "ab^R\r\nabc\r\n", lines: ["abc\n"] },
  { name: "literal next", typed: `${CTRL_V}${CTRL_C}\n`, echo: "^\b^C\r\n", lines: ["\x03\n"] },
  {
    name: "literal next of the erase character",
    typed: `a${CTRL_V}${ERASE}\n`,
    echo: "a^\b^?\r\n",
    lines: ["a\x7f\n"],
  },
  {
    name: "without IEXTEN literal next is an ordinary character",
    typed: `${CTRL_V}a\n`,
    lflag: STANDARD_LFLAG & ~IEXTEN,
    echo: "^Va\r\n",
    lines: ["\x16a\n"],
  },
  { name: "end of file at the start of a line", typed: CTRL_D, echo: "", lines: [""] },
  { name: "end of file within a line pushes it", typed: `ab${CTRL_D}c\n`, echo: "abc\r\n", lines: ["ab", "c\n"] },
  {
    name: "EOL ends a line and is delivered",
    typed: "a;b\n",
    cc: { [VEOL]: 59 },
    echo: "a;b\r\n",
    lines: ["a;", "b\n"],
  },
  {
    name: "interrupt drops the line and signals",
    typed: `ab${CTRL_C}c\n`,
    echo: "^Cc\r\n",
    lines: ["c\n"],
    signals: [SIGINT],
  },
  {
    name: "NOFLSH keeps it",
    typed: `ab${CTRL_C}c\n`,
    lflag: STANDARD_LFLAG | NOFLSH,
    echo: "ab^Cc\r\n",
    lines: ["abc\n"],
    signals: [SIGINT],
  },
  { name: "suspend and quit", typed: `${CTRL_Z}\x1c`, echo: "^\\", lines: [], signals: [SIGTSTP, SIGQUIT] },
  {
    name: "without ISIG they are ordinary",
    typed: `${CTRL_Z}\n`,
    lflag: STANDARD_LFLAG & ~ISIG,
    echo: "^Z\r\n",
    lines: ["\x1a\n"],
  },
  { name: "ICRNL off: a carriage return is ordinary", typed: "a\rb\n", iflag: 0, echo: "a^Mb\r\n", lines: ["a\rb\n"] },
  { name: "IGNCR", typed: "a\r\n", iflag: IGNCR | ICRNL, echo: "a\r\n", lines: ["a\n"] },
  { name: "INLCR with ICRNL off", typed: "a\n", iflag: INLCR, echo: "a^M", lines: [] },
  { name: "ISTRIP", typed: "\xe1\n", iflag: ISTRIP, echo: "a\r\n", lines: ["a\n"] },
  {
    name: "ECHONL echoes the newline only",
    typed: "secret\n",
    lflag: (STANDARD_LFLAG & ~ECHO) | ECHONL,
    echo: "\r\n",
    lines: ["secret\n"],
  },
  { name: "no echo", typed: "secret\n", lflag: STANDARD_LFLAG & ~ECHO, echo: "", lines: ["secret\n"] },
  {
    name: "a NUL is ordinary though disabled characters are NUL",
    typed: "a\0b\n",
    echo: "a^@b\r\n",
    lines: ["a\0b\n"],
  },
  { name: "without OPOST the echo of a newline is bare", typed: "a\n", oflag: 0, echo: "a\n", lines: ["a\n"] },
  {
    name: "an interrupt forgets the column of echo that was not shown",
    typed: "abc\x1c\tx\n",
    oflag: OPOST | ONLCR | XTABS,
    echo: `^\\${" ".repeat(6)}x\r\n`,
    lines: ["\tx\n"],
    signals: [SIGQUIT],
  },
  {
    name: "capital letters by OLCUC are Latin-1, but for the echo of 255",
    typed: "a\xe9\xff\n",
    oflag: OPOST | ONLCR | OLCUC,
    echo: "A\xc9\xff\r\n",
    lines: ["a\xe9\xff\n"],
  },
];
