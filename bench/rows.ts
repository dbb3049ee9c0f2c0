/**
 * The rows of the table: what is run, who it is compared with, what must be reached (floor) and what we are here for
 * (goal). Ratios are peer's time ÷ ours: above 1 we are faster.
 */

export interface Row {
  readonly name: string;
  readonly group: GroupName;
  /** Run by `sh -c` with /bench holding the programs; the time of the whole command is measured inside the system. */
  readonly command: string;
  /** Runs before it, not measured. */
  readonly prepare?: string;
  /** Runs in one system, one after the other: the first is cold. */
  readonly repeat: number;
  /** Which of the repeats count. */
  readonly take: "first" | "later";
}

type GroupName = "corelike" | "c" | "debian" | "start-cold" | "start-again" | "fork";

export interface Group {
  readonly name: GroupName;
  readonly title: string;
  /** For the geometric mean of the group's ratios. */
  readonly floor: number;
  readonly goal: number;
  /** For each row, where the bar has such a bound. */
  readonly worstRow: number | null;
}

export const GROUPS: readonly Group[] = [
  {
    name: "corelike",
    title: "integer program with CoreMark's four kinds of work",
    floor: 0.9,
    goal: 1.5,
    worstRow: null,
  },
  { name: "c", title: "ten small C programs", floor: 1.2, goal: 2, worstRow: 0.8 },
  { name: "debian", title: "Debian programs", floor: 0.7, goal: 1.2, worstRow: 0.4 },
  { name: "start-cold", title: "start of programs, cold", floor: 0.5, goal: 1, worstRow: null },
  { name: "start-again", title: "start of programs, again", floor: 1, goal: 3, worstRow: null },
  { name: "fork", title: "fork + exec + wait of true, 200 times in bash", floor: 1, goal: 3, worstRow: null },
];

const C_PROGRAMS = [
  "integer",
  "pointer",
  "string",
  "double",
  "matrix",
  "calls",
  "indirect",
  "copy",
  "sieve",
  "hash",
] as const;

const starts: readonly [string, string][] = [
  ["true", "/bin/true"],
  ["bash -c :", "bash -c :"],
  ["python3 -c pass", "python3 -c pass"],
];

export const ROWS: readonly Row[] = [
  { name: "corelike", group: "corelike", command: "/bench/corelike 2500", repeat: 1, take: "first" },
  ...C_PROGRAMS.map((name): Row => ({ name, group: "c", command: `/bench/${name}`, repeat: 1, take: "first" })),
  debian("python3", "python3 /bench/debian/pybench.py"),
  debian("bash loop 10⁵", "bash -c 'for ((i = s = 0; i < 100000; i++)); do ((s += i % 7)); done; echo $s'"),
  debian("perl", "perl /bench/debian/regex.pl"),
  debian("sha256sum 64 MB", "sha256sum /tmp/bench-64m", "head -c 67108864 /dev/zero | tr '\\0' 'x' > /tmp/bench-64m"),
  debian("gzip 32 MB", "gzip -c /tmp/bench-32m", "test -s /tmp/bench-32m || /bench/words 33554432 > /tmp/bench-32m"),
  debian(
    "sort 10⁶ lines",
    "LC_ALL=C sort /tmp/bench-lines",
    "test -s /tmp/bench-lines || /bench/words 9000000 | tr ' ' '\\n' | head -n 1000000 > /tmp/bench-lines",
  ),
  debian("sqlite3 10⁵ rows", "sqlite3 :memory: '.read /bench/debian/shop.sql'"),
  debian("gcc -O2", "gcc -O2 -o /tmp/bench-program /bench/debian/program.c"),
  debian("git 200 files", "bash /bench/debian/git.sh"),
  debian("tar of documents", "tar -cf - /usr/share/doc /usr/share/perl | cat"),
  ...starts.map(([name, command]): Row => ({
    name: `${name}, cold`,
    group: "start-cold",
    command,
    repeat: 1,
    take: "first",
  })),
  ...starts.map(([name, command]): Row => ({
    name: `${name}, again`,
    group: "start-again",
    command,
    repeat: 12,
    take: "later",
  })),
  {
    name: "fork + exec + wait",
    group: "fork",
    command: "bash -c 'for ((i = 0; i < 200; i++)); do /bin/true; done'",
    repeat: 2,
    take: "later",
  },
];

function debian(name: string, command: string, prepare?: string): Row {
  return { name, group: "debian", command, repeat: 1, take: "first", ...(prepare === undefined ? {} : { prepare }) };
}
