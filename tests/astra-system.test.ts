/**
 * Goal: the image `astra` has what one needs to look after a system: users with passwords, a look at processes and at
 * the network. Method: its program runs beside Debian's own ones in one machine, where both must write the same; what
 * is a terminal's is typed there; a hash is made again by Debian's openssl.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { launcher, stratos } from "./support/stratos.ts";
import { TerminalSession } from "./support/terminal.ts";
import { ensureAstraHome, ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

let home: string;
let shared: string;
before(async () => {
  await ensureTestImage();
  home = await ensureAstraHome();
  shared = mkdtempSync(join(tmpdir(), "stratos-astra-shared-"));
});
after(() => rmSync(shared, { recursive: true, force: true, maxRetries: 20 }));

const inAstra = (script: string, options: readonly string[] = []) =>
  stratos(["run", "-i", "astra", ...options, "--", "sh", "-c", script], { env: { STRATOS_HOME: home } });

/** Sockets of each kind, held while the commands run; a line between what Debian's and what astra's program wrote. */
const BESIDE_DEBIAN = `
import json, socket, subprocess
# Debian's netstat names the owners of sockets whose numbers have two digits.
many = [socket.socket() for _ in range(12)]
server = socket.socket(); server.bind(("127.0.0.1", 5555)); server.listen(3)
client = socket.create_connection(("127.0.0.1", 5555)); client.send(b"unread")
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("0.0.0.0", 53))
local = socket.socket(socket.AF_UNIX); local.bind("/tmp/local"); local.listen(1)
server6 = socket.socket(socket.AF_INET6); server6.bind(("::1", 80)); server6.listen(3)
told = []
for line in open("/mnt/commands"):
    row = [line]
    for way in ("", "/mnt/astra "):
        done = subprocess.run(["sh", "-c", line.replace("@", way)], capture_output=True, text=True)
        row.append([done.stdout, done.returncode])
    told.append(row)
print(json.dumps(told))
`;
const COMMANDS = `@netstat -an
@netstat -tln
@netstat -anp
@netstat -tan -4
@netstat -uan6
@netstat -xl
@netstat -rn
@netstat -i
@netstat -n -t -x
@ifconfig
@ifconfig -a
@ifconfig -s
@ifconfig lo
@ifconfig none
@ifconfig lo mtu 1400 && @ifconfig lo
@ifconfig lo 127.0.0.9 netmask 255.255.0.0 && @ifconfig lo
@ifconfig eth0 192.0.2.77/24 && @ifconfig eth0 broadcast 192.0.2.99 && @ifconfig eth0
@ifconfig lo down && @ifconfig && @ifconfig lo && @ifconfig lo up && @netstat -i
@free | grep -e Swap -e used
@free -m | grep -e Swap -e used
@free -h | grep -e Swap -e used
@top -bn1 -p 1 | sed -e 1d -e '/^MiB Mem/d' -e '/^%Cpu/d' -e '/^MiB Swap/s/used.*//'
@top -p none
@ps -p 1
@ps -p 1 -o user,pid,ppid,c,tname,time,args=CMD
@ps -e -o pid= -o comm= | head -1
@ps -C init -o user=WHO,state,stat,vsz,rss,pcpu,pmem,cputime,comm
@ps -o user,pid,ppid,pgid,sid,uid,ni,pri,nlwp,tty,comm,args -p $PPID
@ps -o args,comm -p $PPID,1
@ps ax | sed -n 2p
@ps -p 9999
@ps -p none
@ps -o none
`;

/** Utilities of files and texts, with the options that GNU's users write. */
const FILES = readFileSync(new URL("./terminal/astra-utilities.txt", import.meta.url), "utf8");

extendedTest("the network, memory, processes and files are told as Debian's programs tell them", async () => {
  writeFileSync(join(shared, "beside.py"), BESIDE_DEBIAN);
  const commands = COMMANDS + FILES;
  writeFileSync(join(shared, "commands"), commands);
  const copied = await inAstra("cp /bin/astra /mnt/astra", ["-v", `${shared}:/mnt`]);
  assert.equal(copied.status, 0, copied.stderr);
  const { stdout, stderr } = await stratos(
    ["run", "-i", TEST_IMAGE, "--net", "host", "-v", `${shared}:/mnt`, "--", "python3", "/mnt/beside.py"],
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  assert.ok(stdout, stderr);
  const told = JSON.parse(stdout) as [string, [string, number], [string, number]][];
  assert.equal(told.length, commands.trimEnd().split("\n").length);
  for (const [command, judge, own] of told) assert.deepEqual(own, judge, command);
});

test("a program that computes stands first in top", async () => {
  const busy = "while :; do :; done & top -b -n 1 -d 0; kill $!";
  const { stdout, stderr } = await inAstra(`${busy}; uptime; top -o none; echo $?; top -d x; echo $?`);
  const lines = stdout.split("\n");
  assert.match(lines[0]!, /^top - \d\d:\d\d:\d\d up .*,  0 users,  load average: \d/);
  assert.match(lines[7]!, /^ +\d+ root +20 +0 +\d+ +\d+ +\d+ R +[1-9]\d*\.\d +\d+\.\d +\d+:\d\d\.\d\d \w+$/);
  assert.match(stdout, /\n \d\d:\d\d:\d\d up .* load average: \d[^\n]*\n1\n1\n$/);
  assert.match(stderr, /top: unrecognized field name 'none'\n[^]*top: bad delay interval 'x'\n/);
});

test("ping measures the way, and says what it cannot reach", async () => {
  const script =
    "ping -c 2 -i 0 localhost; echo $?; ping -c 1 -q -s 0 127.0.0.1; ping -c 1 10.1.1.1; echo $?; ping none";
  const { stdout, stderr, status } = await inAstra(script);
  const answer = (n: number): string => `64 bytes from 127\\.0\\.0\\.1: icmp_seq=${n} ttl=64 time=[\\d.]+ ms\n`;
  const first = `^PING localhost \\(127\\.0\\.0\\.1\\) 56\\(84\\) bytes of data\\.\n${answer(1)}${answer(2)}\n`;
  assert.match(stdout, new RegExp(first));
  assert.match(stdout, /\n2 packets transmitted, 2 received, 0% packet loss, time \d+ms\nrtt min\/avg\/max\/mdev = /);
  assert.match(stdout, /\nPING 127\.0\.0\.1 \(127\.0\.0\.1\) 0\(28\) bytes of data\.\n\n---/);
  assert.match(stdout, /\n2\n$/);
  assert.match(stderr, /^ping: connect: Network is unreachable\nping: none: Name or service not known\n/);
  assert.equal(status, 2);
});

test("a password is hashed as Debian does, and opens the login at a terminal", async () => {
  const shell = [...launcher, "run", "-i", "astra", "-e", "PS1=READY ", "-e", "TERM=xterm", "--", "astra"];
  const session = new TerminalSession(shell, { STRATOS_HOME: home }, { rows: 30, columns: 90 });
  try {
    await session.expect(/READY /);
    session.type("useradd -m ada; passwd ada\r");
    await session.expect(/New password: $/);
    session.type("open\r");
    await session.expect(/Retype new password: $/);
    session.type("shut\r");
    await session.expect(/the passwords do not match; nothing is changed\r\n/);
    session.type("echo ada:Hello world! | chpasswd; grep ada /etc/shadow; echo done\r");
    const [, salt, hash] =
      /\r\nada:\$5\$([./\w]{16})\$([./\w]{43}):/.exec(await session.expect(/\r\nada:.*\r\ndone\r\n/s)) ?? [];
    session.type("login; echo left\r");
    await session.expect(/login: $/);
    session.type("ada\r");
    await session.expect(/Password: $/);
    session.type("Hello\r");
    await session.expect(/Login incorrect\r\nlogin: $/);
    session.type("ada\r");
    await session.expect(/Password: $/);
    session.type("Hello world!\r");
    await session.expect(/ada\$ /);
    session.type("id -un; pwd; su -c id; passwd -d root; cat /etc/shadow; exit\r");
    const told = await session.expect(/\r\nleft\r\n/);
    assert.match(told, /\r\nada\r\n\/home\/ada\r\nsu: only root may .*\r\npasswd: only root may .*\r\n/);
    assert.match(told, /\ncat: \/etc\/shadow: Permission denied\r\n/);
    assert.doesNotMatch(told, /Hello/);
    const judge = await stratos(
      ["run", "-i", TEST_IMAGE, "--", "openssl", "passwd", "-5", "-salt", salt!, "Hello world!"],
      {
        env: { STRATOS_HOME: TEST_HOME },
      },
    );
    assert.equal(judge.stdout, `$5$${salt}$${hash}\n`);
  } finally {
    session.kill();
  }
});
