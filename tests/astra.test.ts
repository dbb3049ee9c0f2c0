/**
 * Goal: the image `astra` is a system to live in: its shell (lisp/scheme/astra/) does what POSIX says, its utilities
 * do what their names promise. Method: the same scripts run there and under Debian's dash, the judge; at a
 * pseudo-terminal a person's keys are pressed when what they answer to has appeared.
 */
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { extendedTest, sampleOf } from "@stratos/base/testing";
import { launcher, stratos } from "./support/stratos.ts";
import { TerminalSession } from "./support/terminal.ts";
import { ensureAstraHome, ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

const LEFT = "\x1b[D",
  UP = "\x1b[A",
  DOWN = "\x1b[B",
  CTRL_LEFT = "\x1b[1;5D",
  CTRL_RIGHT = "\x1b[1;5C",
  INTERRUPT = "\x03",
  SUSPEND = "\x1a";

let home: string;
before(async () => {
  await ensureTestImage();
  home = await ensureAstraHome();
});

/** Each is a script on its own; what it writes and its status are compared with dash's. */
const SCRIPTS = sampleOf(
  readFileSync(new URL("./terminal/astra-scripts.txt", import.meta.url), "utf8").split("%\n"),
  3,
);
const run = (image: string, where: string, shell: string, script: string) =>
  stratos(["run", "-i", image, "--", shell, "-c", script], { env: { STRATOS_HOME: where } });

test("the image takes no more than 8 MB of the disk", () => {
  const { blocks } = statSync(join(home, "images/astra/layer-0.aegisfs"));
  assert.ok(blocks * 512 <= 8_000_000, `${blocks * 512} bytes`);
});

test("scripts do what they do under Debian's shell", async () => {
  // One machine each: the scripts' outputs are told apart by a line between them.
  const between = "=====";
  const all = (shell: string): string =>
    SCRIPTS.map((script) => `${shell} -c '${script.replaceAll("'", "'\\''")}'; echo " $?"; echo ${between}`).join("\n");
  const [own, judge] = [
    await run("astra", home, "sh", all("sh")),
    await run(TEST_IMAGE, TEST_HOME, "dash", all("dash")),
  ];
  const told = (text: string): string[] => text.split(`${between}\n`);
  const expected = told(judge.stdout);
  assert.equal(expected.length, SCRIPTS.length + 1);
  for (const [index, part] of told(own.stdout).entries()) assert.equal(part, expected[index], SCRIPTS[index]);
});

extendedTest("sed changes letters' case, and a ) without its ( is itself where GNU has it so", async () => {
  const script = String.raw`
    echo 'hello World foo' | sed 's/\w*/\u&/g'
    echo 'hELLO wORLD' | sed -E 's/([a-zA-Z]+) ([a-zA-Z]+)/\L\u\1 \U\l\2 x\E y/'
    echo 'abc' | sed 's/b/\U/;s/c/\ux\ly&/'
    echo 'Uabc' | sed 'y/Uab/UBA/'
    echo 'xa)y' | grep -oE -e 'q)' -e 'a)'
    echo 'a)x' | awk '{ gsub(/a)/, "b"); print }'
    echo 'hello foo' | awk '{ print gensub(/(l+)(o)/, "<\\2&>", 1), gensub("o", "0", 2), gensub(/x*$|o/, "-", "g") }'
    awk 'BEGIN { print mktime("2024 14 1 25 0 -1"), strftime("%F %T", 1e9, 1), mktime("1") }'
    sed -E 's/a)/x/' </dev/null; echo $?`;
  const { stdout, stderr } = await run("astra", home, "sh", script);
  // By GNU sed 4.9, grep 3.8, mawk and gawk.
  const awk = "he<ollo> foo hello f0o hell- f--\n1738457999 2001-09-09 01:46:40 -1\n";
  assert.equal(stdout, `Hello World Foo\nHello wORLD X y\naXyc\nUBAc\na)\nbx\n${awk}1\n`);
  assert.match(stderr, /Unmatched \) or \\\)/);
});

extendedTest("awk's RS begins where the input does; ls -b, du -l; diff of folders reads no devices", async () => {
  const script = String.raw`
    printf 'aaXaY\nab' | awk -v 'RS=^a' '{ print NR ": " $0 }'
    mkdir /tmp/l; cd /tmp/l; printf xxx > 'a b\'; ln 'a b\' "$(printf 'c\nd\001')"
    ls -b; ls --escape -l | grep -c ' b\\'
    echo $(($(du -bl | cut -f1) - $(du -b | cut -f1)))
    mkdir x y; ln -s /dev/zero x/g; ln -s /dev/null x/h; echo g >y/g; diff -r x y; diff -rN x y; echo $?
    echo 5 | diff -s - -; echo $?; printf ' \v\n\f a b \n\n"q r" s\n' | xargs -I{} echo '[{}]'`;
  const { stdout } = await run("astra", home, "sh", script);
  // By gawk and GNU's coreutils.
  const differences = "File x/g is a character special file while file y/g is a regular file\nOnly in x: h\n".repeat(2);
  const same = "Files - and - are identical\n0\n";
  assert.equal(stdout, `1: \n2: aXaY\nab\na\\ b\\\\\nc\\nd\\001\n1\n3\n${differences}1\n${same}[a b ]\n[q r s]\n`);
});

extendedTest("mkfifo makes fifos with their modes; od -S tells texts that a zero ends", async () => {
  const script = String.raw`
    cd /tmp; mkfifo -m 600 p q; stat -c '%A %n' p q; (echo through >p &) ; cat p; mkfifo p; echo $?
    printf 'ab\0hello\0wor\001xyz\0longer text' >f
    od -S 3 f; od -A x -S 4 f; od -A n -N 12 -S 3 f; od -A d -N 26 -S 3 f`;
  const { stdout, stderr } = await run("astra", home, "sh", script);
  // By GNU's coreutils 9.1, but for texts that -N cuts: it tells a place that is one less, and leaves the shortest out.
  const all = "0000003 hello\n0000015 xyz\n000003 hello\nhello\nwor\n0000003 hello\n0000013 xyz\n0000017 longer te\n";
  assert.equal(stdout, `prw------- p\nprw------- q\nthrough\n1\n${all}`);
  assert.match(stderr, /mkfifo: cannot create fifo 'p': File exists/);
});

test("mistakes are told as POSIX wants them", async () => {
  const script = "ls --nothing; echo $?; nosuch; echo $?; /etc/passwd; echo $?; ls /none; echo $?; cd /none; echo $?";
  const { stdout, stderr } = await run("astra", home, "sh", script);
  assert.equal(stdout, "2\n127\n126\n2\n1\n");
  assert.match(stderr, /ls: unrecognized option '--nothing'\nusage: ls/);
  assert.match(stderr, /nosuch: not found\n[^\n]*\/etc\/passwd: Permission denied\n/);
  const syntax = await run("astra", home, "sh", "echo a; if true; then");
  assert.deepEqual([syntax.stdout, syntax.status], ["", 2]);
  assert.match(syntax.stderr, /unexpected end of file/);
});

test("scripts have jobs, aliases and mistakes as other shells' tests want them", async () => {
  // By yash's, busybox's and mksh's tests; what dash has not is said by POSIX or by these.
  const script = String.raw`
set -m
sh -c 'kill -STOP $$; echo resumed'
echo stopped $?
jobs | sed 's/-c.*/-c/'
bg >/dev/null; wait; echo waited $?
sleep 100 & kill '%?ep 1'; wait $!; echo killed $?
set +m; bg 2>/dev/null; echo $?
test "$(jobs -p; sleep 0.2 & jobs -p)" -gt 1 && echo a number
alias f=' for ' w=' in ' in=' x ' only='in 0' for='in 2' forx='for x ' lt='<' b=' ' none=
f w in 1; do echo $x; done
forx only a; do echo $x; done
forx in a; do echo $x; done
lt>/tmp/made >&0 echo not here
3>/dev/null echo number
false
b
echo $?
none echo piped | none
cat
alias -- e=' >&- c >/dev/null ' c=' echo '
e not here
>/tmp/plain; chmod +x /tmp/plain; cd /tmp; command -v ./plain; cd ./plain/.. 2>/dev/null; echo $?
echo 'while :; do :; done; echo ran' | sh -n; echo read $?; sh -c 'set -n; while :; do :; done'
getopts a o -q; OPTERR=0 OPTIND=1; getopts a o -q; echo $o
trap '' PIPE; { sleep 0.2; echo lost; echo write $? >&2; } | true
cat <<END; echo goes on
$\{none?}
END
unset LINENO; echo "<$LINENO>"
echo $\{none?} 'x`.replaceAll("$\\{", "${");
  const { stdout, stderr, status } = await run("astra", home, "sh", script);
  const told =
    "stopped 148\n[1] + Stopped  sh -c\nresumed\nwaited 0\nkilled 143\n1\na number\n" +
    "1\n0\na\na\nnumber\n1\npiped\n/tmp/plain\n1\nread 0\n?\ngoes on\n<>\n";
  assert.deepEqual([stdout, status], [told, 2]);
  assert.match(stderr, /Illegal option -q\n/);
  assert.doesNotMatch(stderr, /Illegal option -q\n[^]*Illegal/);
  assert.match(stderr, /echo: write error: Broken pipe\nwrite 1\n/);
  assert.match(stderr, /none: parameter not set\n[^\n]*syntax error: unterminated quoted string\n$/);
});

extendedTest("what bash's users write besides is understood", async () => {
  const script = [
    "v=abcdef; echo ${v:2} ${v:1:3} ${v: -2} ${v:0:-4} ${v/c/X} ${v//[ace]/_} ${v/#ab/-} ${v/%ef} ${v//\\//x}",
    'set -- a b c d; echo "${@:2:2}" ${@:3}; function f { echo in $1; }; function g() { echo $#; }; f x; g 1 2',
    "printf 'one two' | { read -n 3 x; echo \"$x\"; }; printf 'a:b:' | { read -d : x; echo $x; }",
    "sleep 5 | { read -t 0.1 x; echo $?; }; printf '  kept  \\n' | { read; echo \"<$REPLY>\"; }",
    "echo 'echo $# $1' >/tmp/sourced; . /tmp/sourced p; echo $1; (trap 'x' EXIT; (trap)); echo $'a\\tb\\80'",
  ].join("\n");
  const { stdout } = await run("astra", home, "sh", script);
  assert.equal(
    stdout,
    "cdef bcd ef ab abXdef _b_d_f -cdef abcd abcdef\nb c c d\nin x\n2\none\na\n142\n<  kept  >\n1 p\na\n" +
      "trap -- 'x' EXIT\na\tb\\80\n",
  );
});

/** The shell draws its line anew at each key: what stands there is what follows the last prompt. */
const PROMPT = /\x1b\[JREADY \r\x1b\[6C$/;

async function atPrompt(body: (session: TerminalSession) => Promise<void>): Promise<void> {
  const shell = [...launcher, "run", "-i", "astra", "-e", "PS1=READY ", "-e", "TERM=xterm", "--", "astra"];
  const session = new TerminalSession(shell, { STRATOS_HOME: home }, { rows: 30, columns: 90 });
  try {
    await session.expect(PROMPT);
    await body(session);
    session.type("exit 7\r");
    assert.equal(await session.ended(), 7);
  } finally {
    session.kill();
  }
}

/** What a line writes, until the next prompt. @param written  what it must write: waited for */
async function enter(session: TerminalSession, keys: string, written: RegExp): Promise<void> {
  session.type(`${keys}\r`);
  await session.expect(written);
  await session.expect(PROMPT);
}

test("a line is edited, found again and completed", async () => {
  await atPrompt(async (session) => {
    await enter(session, `echo acd${LEFT}${LEFT}b`, /\r\nabcd\r\n/);
    await enter(session, "one two\x01echo \x05 three", /\r\none two three\r\n/);
    await enter(session, "echo kept cut\x02\x02\x02\x0b", /\r\nkept\r\n/);
    await enter(session, "echo \x19\x19left\x17right", /\r\nright\r\n/);
    await enter(session, `${UP}${UP}${UP} again`, /\r\none two three again\r\n/);
    await enter(session, `unsent${UP}${DOWN}\x15echo sent`, /\r\nsent\r\n/);
    await enter(session, "\x12acd\x12\x07echo nothing found", /\r\nnothing found\r\n/);
    await enter(session, "\x12two th", /\r\none two three again\r\n/);
    session.type("unal\t");
    await session.expect(/READY unalias \r/);
    session.type("\x15cat /etc/host\t\t");
    await session.expect(/\n\/etc\/hostname {2}\/etc\/hosts {2}\r+\n/);
    await enter(session, "n\t", /\r\nastra\r\n/);
  });
});

test("keys with Ctrl and Alt go by words; files in quotes and with blanks, and variables, are completed", async () => {
  await atPrompt(async (session) => {
    await enter(session, `echo one two${CTRL_LEFT}${CTRL_LEFT}x${CTRL_RIGHT}y`, /\r\nxoney two\r\n/);
    await enter(session, "echo one-two three\x1bb\x1b\x7f\x1bbz", /\r\nzone-three\r\n/);
    // Insert, Page Up and F5 write nothing.
    await enter(session, "echo ke\x1b[2~\x1b[5~\x1b[15~pt", /\r\nkept\r\n/);
    await enter(session, "echo \x1b.", /\r\nkept\r\n/);
    await enter(session, "mkdir -p '/tmp/z b' ~/own; >'/tmp/z b/it is'; echo made", /\r\nmade\r\n/);
    await enter(session, "echo /tmp/z\t.", /\r\n\/tmp\/z b\/\.\r\n/);
    await enter(session, 'echo "/tmp/z b/i\t.', /\r\n\/tmp\/z b\/it is \.\r\n/);
    await enter(session, "echo ~/o\t", /\/own\/\r\n/);
    await enter(session, "completed=yes", /\n/);
    await enter(session, "echo ${complet\t $complet\t.", /\r\nyes yes\.\r\n/);
  });
});

extendedTest("a line of a hundred kilobytes is pasted in a moment; what follows it is the program's", async () => {
  await atPrompt(async (session) => {
    const long = "0123456789".repeat(10_000);
    await enter(session, `echo ${long} | wc -c`, /\r\n100001\r\n/);
    // The program asks when the line has been taken: two lines in one piece.
    session.type("read x; echo [$x]\rahead\r");
    await session.expect(/\r\n\[ahead\]\r\n/);
    await session.expect(PROMPT);
  });
});

extendedTest("a terminal that has no size is one of 80 columns", async () => {
  const shell = [...launcher, "run", "-i", "astra", "-e", "PS1=READY ", "-e", "TERM=xterm", "--", "astra"];
  const session = new TerminalSession(shell, { STRATOS_HOME: home }, { rows: 0, columns: 0 });
  try {
    await session.expect(PROMPT);
    session.type("echo a line of more than a few letters");
    await session.expect(/\x1b\[JREADY echo a line of more than a few letters\r\x1b\[44C$/);
    session.type("\rexit 3\r");
    assert.equal(await session.ended(), 3);
  } finally {
    session.kill();
  }
});

test("keys interrupt and stop what runs, and jobs go on", async () => {
  await atPrompt(async (session) => {
    session.type("not sent" + INTERRUPT);
    await session.expect(/\^C\r+\n/);
    await session.expect(PROMPT);
    await enter(session, "echo $?", /\r\n130\r\n/);
    session.type("echo running; cat\r");
    await session.expect(/\r\nrunning\r\n/);
    session.type("line\r");
    await session.expect(/line\r\nline\r\n/);
    session.type(INTERRUPT);
    await session.expect(PROMPT);
    await enter(session, "echo $?", /\r\n130\r\n/);
    session.type("echo again; cat\r");
    await session.expect(/\r\nagain\r\n/);
    session.type("first\r");
    await session.expect(/first\r\nfirst\r\n/);
    session.type(SUSPEND);
    await session.expect(/\[1\] \+ Stopped {2}cat/);
    await session.expect(PROMPT);
    await enter(session, "echo $?; jobs", /\r\n148\r\n\[1\] .*Stopped.*cat/);
    session.type("fg\r");
    await session.expect(/cat *\r\n/);
    session.type("second\r");
    await session.expect(/second\r\nsecond\r\n/);
    session.type(SUSPEND);
    await session.expect(/\[1\] \+ Stopped {2}cat/);
    await session.expect(PROMPT);
    await enter(session, "kill %1; wait %1; echo ended $?", /\r\nended 143\r\n/);
    await enter(session, "jobs; echo none", /jobs; echo none\r\x1b\[\d+C\r+\nnone\r\n/);
    await enter(session, "sleep 1000 & kill $!; wait $!; echo ended $?", /\r\nended 143\r\n/);
  });
});
