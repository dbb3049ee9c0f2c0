/**
 * The rows of the table: what is run, who it is compared with, what must be reached (floor) and what we are here for
 * (goal). Ratios are peer's time ÷ ours: above 1 we are faster. Each row is measured twice: as a first run, which finds
 * no translations that earlier ones have left, and as a later one.
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

type GroupName =
  | "corelike"
  | "c"
  | "debian"
  | "files"
  | "host"
  | "more"
  | "start-cold"
  | "start-more"
  | "start-again"
  | "fork";

/** What is wanted of a group's ratios. */
export interface Bar {
  /** For the geometric mean. */
  readonly floor: number;
  readonly goal: number;
  /** For each row, where the bar has such a bound. */
  readonly worstRow: number | null;
}

export interface Group {
  readonly name: GroupName;
  readonly title: string;
  /** Of a run that finds no translations of earlier ones. */
  readonly first: Bar;
  /** Of one that does. */
  readonly later: Bar;
}

/** Both runs'. */
const both = (floor: number, goal: number, worstRow: number | null = null): Pick<Group, "first" | "later"> => ({
  first: { floor, goal, worstRow },
  later: { floor, goal, worstRow },
});

export const GROUPS: readonly Group[] = [
  { name: "corelike", title: "integer program with CoreMark's four kinds of work", ...both(1.3, 1.6) },
  { name: "c", title: "ten small C programs", ...both(1.4, 2, 0.95) },
  {
    name: "debian",
    title: "Debian programs",
    first: { floor: 0.85, goal: 1, worstRow: 0.5 },
    later: { floor: 1.3, goal: 2, worstRow: 0.9 },
  },
  { name: "files", title: "programs that read many files", ...both(0.8, 1.5) },
  { name: "host", title: "programs in a folder of the host (`-v`)", ...both(0.8, 1) },
  { name: "more", title: "more programs", ...both(0.9, 1.5) },
  {
    name: "start-cold",
    title: "start of programs, cold",
    first: { floor: 0.5, goal: 1, worstRow: null },
    later: { floor: 1.2, goal: 3, worstRow: null },
  },
  { name: "start-more", title: "start of large programs, cold", ...both(0.9, 1.5) },
  { name: "start-again", title: "start of programs, again in one system", ...both(1, 3) },
  { name: "fork", title: "fork + exec + wait of true, 200 times in bash", ...both(1, 3) },
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

const LETTERS_64M = "head -c 67108864 /dev/zero | tr '\\0' 'x' > /tmp/bench-64m";

const words = (file: string, bytes: number): string => `test -s ${file} || /bench/words ${bytes} > ${file}`;

/** Some 3,000 headers in 130 folders. */
const IN_HOST =
  "test -d /host/include || cp -r /usr/include /host/include; " +
  "test -s /tmp/bench-include.tar || tar -cf /tmp/bench-include.tar -C /host include";
const NEW_IN_HOST = "rm -rf /host/new; mkdir /host/new";

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
  debian("sha256sum 64 MB", "sha256sum /tmp/bench-64m", LETTERS_64M),
  debian("gzip 32 MB", "gzip -c /tmp/bench-32m", words("/tmp/bench-32m", 32 << 20)),
  debian(
    "sort 10⁶ lines",
    "LC_ALL=C sort /tmp/bench-lines",
    "test -s /tmp/bench-lines || /bench/words 9000000 | tr ' ' '\\n' | head -n 1000000 > /tmp/bench-lines",
  ),
  debian("sqlite3 10⁵ rows", "sqlite3 :memory: '.read /bench/debian/shop.sql'"),
  debian("gcc -O2", "gcc -O2 -o /tmp/bench-program /bench/debian/program.c"),
  debian("git 200 files", "bash /bench/debian/git.sh"),
  debian("tar of documents", "tar -cf - /usr/share/doc /usr/share/perl | cat"),
  row("files", "find /usr", "find /usr"),
  row("files", "grep -r", "grep -rn include /usr/include"),
  row("files", "tar | zstd", "tar -cf - /usr/share/doc | zstd -c"),
  row(
    "files",
    "git status, files unread",
    "git --git-dir /tmp/bench-git/.git --work-tree /usr/include status --porcelain -uall",
    "git init -q /tmp/bench-git",
  ),
  row("host", "find, host", "find /host/include -type f -newer /bench/measure", IN_HOST),
  row("host", "tar x, host", "tar -xf /tmp/bench-include.tar -C /host/new", `${IN_HOST}; ${NEW_IN_HOST}`),
  row("host", "cp -r, host", "cp -r /host/include /host/new/copy", `${IN_HOST}; ${NEW_IN_HOST}`),
  row("host", "rm -r, host", "rm -r /host/new/copy", `${IN_HOST}; ${NEW_IN_HOST}; cp -r /host/include /host/new/copy`),
  row(
    "host",
    "git status, host",
    "git --git-dir /tmp/bench-git/.git --work-tree /host/include status --porcelain -uall",
    `${IN_HOST}; git init -q /tmp/bench-git`,
  ),
  row("more", "openssl sha512 64 MB", "openssl dgst -sha512 /tmp/bench-64m", LETTERS_64M),
  row(
    "more",
    "openssl aes 64 MB",
    "openssl enc -aes-128-cbc -K 00112233445566778899aabbccddeeff -iv 0123456789abcdef0123456789abcdef " +
      "-in /tmp/bench-64m",
    LETTERS_64M,
  ),
  row("more", "bzip2 4 MB", "bzip2 -c /tmp/bench-4m", words("/tmp/bench-4m", 4 << 20)),
  row("more", "xz -1 4 MB", "xz -1 -c /tmp/bench-4m", words("/tmp/bench-4m", 4 << 20)),
  row("more", "ruby", "ruby /bench/debian/table.rb"),
  row("more", "php", "php /bench/debian/table.php"),
  row("more", "node", "node /bench/debian/table.js"),
  row("more", "gcc -O2, 300 lines", "gcc -O2 -c -o /tmp/bench-long.o /tmp/bench-long.c", "sh /bench/debian/long-c.sh"),
  ...starts.map(([name, command]): Row => ({
    name: `${name}, cold`,
    group: "start-cold",
    command,
    repeat: 1,
    take: "first",
  })),
  row("start-more", "ruby -e 0, cold", "ruby -e 0"),
  row("start-more", "node -e 0, cold", "node -e 0"),
  row("start-more", "npm --version, cold", "npm --version"),
  row("start-more", "javac -version, cold", "javac -version"),
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
  return row("debian", name, command, prepare);
}

function row(group: GroupName, name: string, command: string, prepare?: string): Row {
  return { name, group, command, repeat: 1, take: "first", ...(prepare === undefined ? {} : { prepare }) };
}
