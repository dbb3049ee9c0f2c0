/**
 * Goal: a named system lives on after its terminal, and goes back to its last checkpoint when it is killed; what is
 * kept of it loses nothing, and nobody else gets at it. Method: the command line as users have it, each test with a
 * home of its own; what is killed is killed by SIGKILL.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { PROTOCOL } from "@stratos/sdk/systems";
import { encodeFrame, FrameReader } from "@stratos/sdk/wire";
import type { SystemView } from "@stratos/sdk/api";
import { extendedTest } from "@stratos/base/testing";
import { freePort } from "./support/free-port.ts";
import { launcher, start } from "./support/stratos.ts";
import { SystemsHome } from "./support/systems-home.ts";
import { TerminalSession } from "./support/terminal.ts";
import { ensureTestImage, TEST_IMAGE } from "./support/test-image.ts";
import { Heard, until, untilGone } from "./support/until.ts";

let folder = "";

before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-named-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

class Home extends SystemsHome {
  constructor(t: TestContext, name: string) {
    super(t, join(folder, name));
  }
}

/** Counts what is asked of it, in a file and in its own memory, over a connection that stays open within. */
const COUNTER = `
import os, socket, threading
os.makedirs("/srv", exist_ok=True)
def serve(listener):
    connection, _ = listener.accept()
    n = 0
    while connection.recv(1):
        n += 1
        connection.sendall(b"%d" % n)
listener = socket.create_server(("127.0.0.1", 700))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
connection = socket.create_connection(("127.0.0.1", 700))
for name in ("ask", "answer"): os.mkfifo("/srv/" + name)
print("ready", flush=True)
while True:
    with open("/srv/ask") as ask: ask.read()
    connection.sendall(b"x")
    n = int(connection.recv(100))
    with open("/srv/count", "a") as file: file.write("%d\\n" % n)
    print("counted", n, flush=True)
    with open("/srv/answer", "w") as answer: answer.write("%d\\n" % n)
`;

const ASK = ["--", "sh", "-c", "echo > /srv/ask; cat /srv/answer; wc -l < /srv/count"];

async function untilLogged(home: Home, name: string, text: string): Promise<void> {
  await until(`${name} says ${text}`, async () => (await home.must("logs", name)).includes(text));
}

test("a system lives on after its terminal; others attach to it, leave it, and run programs in it", async (t) => {
  const home = new Home(t, "terminal");
  const terminal = { rows: 20, columns: 90 };
  const open = (...args: string[]): TerminalSession =>
    new TerminalSession([...launcher, ...args], { ...home.environment, TERM: "xterm" }, terminal);
  const first = open("run", "--name", "shell", "-t", "-i", TEST_IMAGE, "--", "bash", "--norc");
  await first.expect(/# $/);
  first.type("stty size; tty; n=41\r");
  await first.expect(/20 90\r\n\/dev\/pts\/0\r\n/);
  // The window is closed.
  first.kill();
  assert.equal((await home.view("shell")).state, "running");

  const second = open("attach", "shell");
  await second.expect(/^/);
  second.type("echo $((n+1))\r");
  await second.expect(/42\r\n/);
  terminal.rows = 30;
  const third = open("attach", "--detach-keys", "ctrl-x", "shell");
  terminal.rows = 20;
  await third.expect(/^/);
  third.type("echo both | tr a-z A-Z; stty size\r");
  await third.expect(/BOTH\r\n30 90\r\n/);
  await second.expect(/BOTH\r\n30 90\r\n/);
  // Who types has the program in its own size.
  second.type("stty size\r");
  await third.expect(/20 90\r\n/);
  third.type("\x18");
  await third.expect(/detached/);
  assert.equal(await third.ended(), 0);
  second.type("\x10\x11");
  assert.equal(await second.ended(), 0);

  const inside = await home.stratos(
    [
      "exec",
      "-i",
      "-e",
      "A=1",
      "-w",
      "/etc",
      "-u",
      "nobody",
      "shell",
      "--",
      "sh",
      "-c",
      "cat; pwd; id -un; echo $A >&2; exit 3",
    ],
    { stdin: "typed\n" },
  );
  assert.deepEqual(inside, { stdout: "typed\n/etc\nnobody\n", stderr: "1\n", status: 3 });
  const tty = open("exec", "-it", "shell", "sh", "-c", "stty size; read line; echo got $line");
  await tty.expect(/20 90\r\n/);
  tty.type("it\r");
  await tty.expect(/got it\r\n/);
  assert.equal(await tty.ended(), 0);
  assert.match(await home.refused(127, "exec", "shell", "nosuch"), /^stratos: nosuch: command not found/);
  await home.must("exec", "-d", "shell", "sh", "-c", "sleep 1000 & echo $! > /run/left; wait");
  await until(
    "the program runs",
    async () => (await home.stratos(["exec", "shell", "test", "-s", "/run/left"])).status === 0,
  );
  // One in the foreground ends with its client.
  const child = start([...launcher, "exec", "shell", "sh", "-c", "echo here; exec sleep 2000"], {
    env: home.environment,
  });
  await new Heard(child.stdout!).includes("here");
  child.kill("SIGKILL");
  await until("it ends", async () => !(await home.must("exec", "shell", "ps", "ax")).includes("sleep 2000"));
  assert.match(await home.must("exec", "shell", "ps", "ax"), /sleep 1000/);

  const running = start([...launcher, "exec", "shell", "sh", "-c", "echo here; exec sleep 2000"], {
    env: home.environment,
  });
  const words = new Heard(running.stderr!);
  await new Heard(running.stdout!).includes("here");
  const last = open("attach", "shell");
  await last.expect(/^/);
  last.type("exit 5\r");
  assert.equal(await last.ended(), 5);
  // What runs in a system ends with it.
  await words.includes("stratos: shell: has ended, and with it what ran there\n");
  assert.equal(running.exitCode ?? ((await once(running, "exit")) as [number])[0], 137);
  const { state, exitCode } = await home.view("shell");
  assert.deepEqual([state, exitCode], ["exited", 5]);
  assert.match(await home.must("logs", "--tail", "1", "shell"), /exit\r\n$/);
});

extendedTest(
  "a system that is killed goes back to its last checkpoint, and so do all when the supervisor is",
  async (t) => {
    const home = new Home(t, "killed");
    await home.run("kept", "--checkpoint-every", "1s", "--", "python3", "-c", COUNTER);
    await home.run("unkept", "--", "sleep", "1000");
    await untilLogged(home, "kept", "ready");
    await home.must("exec", "kept", ...ASK);
    const countedMs = Date.now();
    const isKept = ({ checkpointMs }: SystemView): boolean => (checkpointMs ?? 0) > countedMs;
    await home.untilView("kept", "a checkpoint is made", isKept);

    const { pid } = await home.view("kept");
    process.kill(pid!, "SIGKILL");
    await home.untilView("kept", "it goes back", (view) => view.state === "running" && view.pid !== pid);
    assert.match(await home.must("ps"), /kept .* back from its checkpoint of /);
    assert.equal(await home.must("exec", "kept", ...ASK), "2\n2\n");
    process.kill((await home.view("unkept")).pid!, "SIGKILL");
    await home.untilView("unkept", "it is lost", ({ state }) => state === "lost");
    assert.match(await home.must("ps", "-a"), /unkept .* Lost \(no checkpoint\)/);
    assert.match(await home.refused(125, "exec", "unkept", "true"), /unkept: is lost/);
    await home.must("start", "unkept");

    const savedMs = Date.now();
    await home.untilView("kept", "another checkpoint is made", ({ checkpointMs }) => (checkpointMs ?? 0) > savedMs);
    const supervisor = home.supervisorPid();
    const machines = [(await home.view("kept")).pid!, (await home.view("unkept")).pid!];
    const watching = start([...launcher, "logs", "-f", "kept"], { env: home.environment });
    const closed = new Promise((resolve) => watching.on("close", resolve));
    await new Heard(watching.stdout!).includes("counted 2");
    process.kill(supervisor, "SIGKILL");
    for (const each of [supervisor, ...machines]) await untilGone(each);
    assert.equal(await closed, 125);
    assert.equal((await home.view("unkept")).state, "lost");
    await home.untilView("kept", "it goes on", ({ state }) => state === "running");
    assert.equal(await home.must("exec", "kept", ...ASK), "3\n3\n");
    assert.notEqual(home.supervisorPid(), supervisor);
  },
);

extendedTest(
  "a file, a server, an open connection and a counter go on through ten resumes, one after SIGKILL",
  async (t) => {
    const home = new Home(t, "ten");
    const file = join(home.path, "system.checkpoint");
    await home.run("system", "--checkpoint-every", "1s", "--", "python3", "-c", COUNTER);
    await untilLogged(home, "system", "ready");
    for (let time = 1; time <= 10; time++) {
      if (time === 6) {
        const countedMs = Date.now();
        await home.untilView("system", "it is saved", ({ checkpointMs }) => (checkpointMs ?? 0) > countedMs);
        const { pid } = await home.view("system");
        process.kill(pid!, "SIGKILL");
        await home.untilView("system", "it goes back", (view) => view.state === "running" && view.pid !== pid);
        assert.notEqual((await home.view("system")).restoredMs, null);
      } else {
        await home.must("checkpoint", "system", file);
        await home.must("rm", "-f", "system");
        assert.equal(await home.must("resume", "-d", file), "system\n");
      }
      assert.equal(await home.must("exec", "system", ...ASK), `${time}\n${time}\n`);
    }
    const counted = Array.from({ length: 10 }, (_, index) => `${index + 1}\n`).join("");
    assert.equal(await home.must("exec", "system", "cat", "/srv/count"), counted);
  },
);

test("a server, a connection, a file and a counter go on through two resumes, a fork and a rollback", async (t) => {
  const home = new Home(t, "resumed");
  const file = join(home.path, "system.checkpoint");
  await home.run("system", "--", "python3", "-c", COUNTER);
  await untilLogged(home, "system", "ready");
  // Its output is for nobody, and nobody comes for it afterwards.
  await home.must("exec", "-d", "system", "sh", "-c", "while sleep 0.1; do echo tick; echo >> /srv/ticks; done");
  const untilTicking = async (name: string): Promise<void> => {
    const ticks = (): Promise<string> => home.must("exec", name, "sh", "-c", "cat /srv/ticks | wc -l");
    const before = await ticks();
    await until(`${name} ticks`, async () => (await ticks()) !== before);
  };
  for (let time = 1; time <= 2; time++) {
    await home.must("checkpoint", "system", file);
    await home.must("rm", "-f", "system");
    assert.equal(await home.must("resume", "-d", file), "system\n");
    assert.equal(await home.must("exec", "system", ...ASK), `${time}\n${time}\n`);
  }
  assert.equal(await home.must("logs", "system"), "counted 2\n");
  await untilTicking("system");
  await home.must("pause", "system");
  assert.match(await home.refused(125, "exec", "system", "true"), /is paused/);
  await home.must("snapshot", "system", "resumed");
  await home.must("unpause", "system");
  assert.match(await home.refused(1, "snapshot", "system", "resumed"), /has a snapshot resumed already/);
  assert.equal(await home.must("snapshot", "system", "--list"), "LABEL\nresumed\n");

  const watching = start([...launcher, "logs", "-f", "system"], { env: home.environment });
  const closed = new Promise((resolve) => watching.on("close", resolve));
  const heard = new Heard(watching.stdout!);
  await home.must("exec", "system", ...ASK);
  await heard.includes("counted 3");
  assert.equal(await home.must("fork", "system", "--count", "2", "--name", "other"), "other-1\nother-2\n");
  assert.equal(await home.must("exec", "other-2", ...ASK), "4\n4\n");
  assert.equal(await home.must("fork", "system", "--identity", "same", "--name", "twin"), "twin-1\n");
  const boot = (name: string): Promise<string> => home.must("exec", name, "cat", "/proc/sys/kernel/random/boot_id");
  const boots = await Promise.all(["system", "other-1", "other-2", "twin-1"].map(boot));
  assert.deepEqual([new Set(boots).size, boots[3]], [3, boots[0]]);
  // One process: that of the system.
  assert.equal((await home.view("twin-1")).pid, (await home.view("system")).pid);
  for (const each of ["other-2", "twin-1"]) await untilTicking(each);
  await home.must("rm", "-f", "twin-1");
  await home.must("checkpoint", "other-2", file);
  await home.must("rm", "-f", "other-2");
  await home.must("resume", "-d", "--name", "other-2", file);
  assert.equal(await home.must("exec", "other-2", ...ASK), "5\n5\n");
  await home.must("rollback", "system", "resumed");
  assert.equal(await home.must("exec", "system", ...ASK), "3\n3\n");
  await heard.includes("counted 3\ncounted 3");
  assert.equal(await home.must("exec", "other-1", ...ASK), "4\n4\n");
  await home.must("rename", "other-1", "renamed");
  assert.match(await home.refused(1, "rename", "renamed", "system"), /there is a system of this name/);

  const waiting = home.must("wait", "system");
  await home.must("stop", "system");
  assert.equal(await waiting, "143\n");
  assert.equal(await closed, 0);
  // What it was stays kept.
  await home.must("rollback", "system", "resumed");
  assert.equal(await home.must("exec", "system", ...ASK), "3\n3\n");
});

extendedTest("a checkpoint that is damaged, of something else or of another image is refused by name", async (t) => {
  const home = new Home(t, "refused");
  const file = join(home.path, "good"),
    bad = join(home.path, "bad"),
    shared = join(home.path, "shared");
  mkdirSync(shared);
  writeFileSync(join(shared, "note"), "of the host\n");
  await home.run("bound", "-v", `${shared}:/mnt`, "--", "sh", "-c", "exec 3< /mnt/note; sleep 1000; cat <&3");
  // Else it is saved before the note is open and somebody sleeps.
  await home.must("exec", "bound", "sh", "-c", "until pgrep -x sleep; do sleep 0.1; done");
  await home.must("checkpoint", "bound", file);
  const bytes = readFileSync(file);
  const at = (place: number): Buffer => {
    const flipped = Buffer.from(bytes);
    flipped[place]! ^= 1;
    return flipped;
  };
  for (const [content, words] of [
    [at(bytes.length - 1), /checkpoint is damaged/],
    [at(100), /checkpoint is damaged: the checksum of its head/],
    [bytes.subarray(0, bytes.length - 100), /checkpoint is damaged/],
    [at(8), /has format \d+; this version reads 1/],
    [Buffer.from("something else"), /is no checkpoint/],
  ] as const) {
    writeFileSync(bad, content);
    assert.match(await home.refused(1, "resume", "-d", "--name", "other", "-v", `${shared}:/mnt`, bad), words);
  }
  assert.match(await home.refused(1, "resume", "-d", join(home.path, "absent")), /absent: no such file/);
  assert.match(
    await home.refused(2, "resume", "-d", "--name", "other", file),
    /said again: add -v HOST:\/mnt \(it had \S+shared there\)$/m,
  );
  assert.match(
    await home.refused(2, "resume", "-d", "--name", "other", "-v", `${shared}:/mnt`, "-v", `${shared}:/srv`, file),
    /it had no folder at \/srv/,
  );
  assert.match(await home.refused(1, "resume", "-d", "-v", `${shared}:/mnt`, file), /there is a system of this name/);
  await home.must("resume", "-d", "--name", "other", "-v", `${shared}:/mnt`, file);
  // The system may end before pkill does, and kills it then.
  const { status, stderr } = await home.stratos(["exec", "other", "pkill", "sleep"]);
  assert.ok(status === 0 || (status === 137 && /other: has ended/.test(stderr)), `${status}: ${stderr}`);
  assert.equal(await home.must("wait", "other"), "0\n");
  assert.equal(await home.must("logs", "other"), "of the host\n");

  // Another image of the same name, and none.
  rmSync(join(home.path, "images"));
  assert.match(await home.refused(1, "resume", "-d", "--name", "third", "-v", `${shared}:/mnt`, file), /no such image/);
  mkdirSync(join(home.path, "images"));
  const archive = join(home.path, "root.tar");
  assert.equal(spawnSync("tar", ["-cf", archive, "-C", shared, "note"]).status, 0);
  await home.must("image", "import", TEST_IMAGE, archive);
  assert.match(
    await home.refused(1, "resume", "-d", "--name", "third", "-v", `${shared}:/mnt`, file),
    new RegExp(`needs the image ${TEST_IMAGE} with content \\w+; \\w+ is the content of ${TEST_IMAGE} here`),
  );
  assert.doesNotMatch(await home.must("ps", "-a"), /third/);
});

extendedTest("files go in and out of a system", async (t) => {
  const home = new Home(t, "copied");
  const from = join(home.path, "from");
  mkdirSync(join(from, "deep"), { recursive: true });
  writeFileSync(join(from, "deep", "script"), "#!/bin/sh\necho copied\n", { mode: 0o755 });
  await home.run("files", "--rm", "--", "sleep", "1000");
  await home.must("cp", from, "files:/srv/in");
  assert.equal(await home.must("exec", "files", "/srv/in/deep/script"), "copied\n");
  await home.must("cp", join(from, "deep/script"), "files:/srv");
  // Links stay, wherever they lead, and are replaced by the next copy, here as there.
  const [links, back, secret] = ["links", "back", "secret"].map((name) => join(home.path, name));
  for (const folder of [links!, secret!]) mkdirSync(folder);
  symlinkSync("/nowhere", join(links!, "gone"));
  symlinkSync(".", join(links!, "circle"));
  symlinkSync(secret!, join(links!, "out"));
  for (let copy = 0; copy < 2; copy++) {
    await home.must("cp", `${links}/.`, "files:/srv/links");
    await home.must("cp", "files:/srv/links/.", back!);
  }
  const leads = ["gone", "circle", "out"].map((name) => readlinkSync(join(back!, name)));
  assert.deepEqual(leads, ["/nowhere", ".", secret]);
  await home.must("exec", "files", "sh", "-c", "cd /srv/links; rm out; mkdir out; echo x > out/key");
  await home.must("cp", "files:/srv/links/.", back!);
  assert.deepEqual([readdirSync(secret!), readFileSync(join(back!, "out/key"), "utf8")], [[], "x\n"]);
  await home.must(
    "exec",
    "files",
    "sh",
    "-c",
    "cmp /srv/script /srv/in/deep/script && echo more > /srv/in/more; chmod 6755 /srv/in/deep/script",
  );
  await home.must("pause", "files");
  await home.must("cp", "files:/srv/in", join(home.path, "out"));
  assert.equal(readFileSync(join(home.path, "out/more"), "utf8"), "more\n");
  assert.equal(readFileSync(join(home.path, "out/deep/script"), "utf8"), "#!/bin/sh\necho copied\n");
  assert.equal(statSync(join(home.path, "out/deep/script")).mode & 0o7700, 0o700, "no set-user-id comes out");
  assert.match(await home.refused(1, "cp", "files:/absent", home.path), /\/absent: no such file or directory/);
  assert.match(await home.refused(2, "cp", "files:/a", "files:/b"), /one of the two is NAME:PATH/);
  assert.match(
    await home.refused(2, "cp", "files:", home.path),
    /no path behind the colon; files:\/ is the whole root/,
  );
  assert.match(await home.refused(1, "rm", "files"), /is running/);
  await home.must("stop", "-t", "0", "files");
  // --rm
  assert.match(await home.refused(1, "logs", "files"), /files: no such system/);
});

extendedTest("a server that the host reaches is reached again after a resume and a rollback", async (t) => {
  const home = new Home(t, "served");
  const port = await freePort();
  const published = ["--net", "host", "-p", `127.0.0.1:${port}:80`];
  const file = join(home.path, "server.checkpoint");
  const get = async (): Promise<string> => (await fetch(`http://127.0.0.1:${port}/etc/hostname`)).text();
  await home.run("server", ...published, "--", "python3", "-um", "http.server", "80");
  await untilLogged(home, "server", "Serving HTTP");
  await home.must("checkpoint", "server", file);
  await home.must("rm", "-f", "server");
  assert.match(await home.refused(2, "resume", "-d", file), /said again: add --net host$/m);
  await home.must("resume", "-d", ...published, file);
  assert.equal(await get(), "stratos\n");
  assert.equal(await home.must("snapshot", "server"), "1\n");
  assert.equal(await home.must("snapshot", "server"), "2\n");
  await home.must("exec", "server", "touch", "/new");
  await home.must("rollback", "server");
  await home.must("exec", "server", "sh", "-c", "test ! -e /new");
  assert.equal(await get(), "stratos\n");
});

test("nobody else is let in, and a stranger is told what it meets", async (t) => {
  const home = new Home(t, "hostile".padEnd(120, "-"));
  await home.run("mine", "--", "sleep", "1000");
  const socket = connect({ path: shortPath(home.systems) });
  const answers: unknown[] = [];
  const reader = new FrameReader(({ head }) => void answers.push(head));
  socket.on("data", (bytes) => reader.push(bytes));
  socket.write(encodeFrame({ call: 1, op: "hello", request: { protocol: 0, version: "0.0.1" } }));
  await new Promise((resolve) => socket.on("close", resolve));
  const told = new RegExp(`is of Stratos [^ ]+ \\(protocol ${PROTOCOL}\\), this program of Stratos 0\\.0\\.1`);
  assert.match(JSON.stringify(answers), told);
  if (process.getuid!() === 0) {
    chmodSync(folder, 0o755);
    const { status, stderr } = spawnSync(
      process.execPath,
      ["-e", `require("net").connect(${JSON.stringify(join(home.systems, "control"))})`],
      { uid: 65534, gid: 65534, encoding: "utf8", cwd: "/" },
    );
    assert.notEqual(status, 0);
    assert.match(stderr, /EACCES|EINVAL/);
  }
  await home.must("rm", "-f", "mine");

  for (const [name, prepare, words] of [
    ["linked", (systems: string) => symlinkSync(folder, systems), /systems: is not a folder/],
    ["open", (systems: string) => (mkdirSync(systems), chmodSync(systems, 0o755)), /is open to others \(mode 755\)/],
  ] as const) {
    const other = new Home(t, name);
    prepare(other.systems);
    assert.match(await other.refused(1, "ps"), words);
  }
  // Another version's supervisor.
  const later = new Home(t, "later");
  mkdirSync(later.systems, { mode: 0o700 });
  const server = createServer((connection) => {
    const hello = { protocol: PROTOCOL + 1, version: "9.9.9" };
    connection.on("data", () => connection.write(encodeFrame({ call: 1, answer: hello })));
  });
  await new Promise<void>((resolve) => server.listen(join(later.systems, "control"), resolve));
  assert.match(await later.refused(125, "ps"), new RegExp(`is of Stratos 9\\.9\\.9 \\(protocol ${PROTOCOL + 1}\\)`));
  server.close();
});

/** sockaddr_un(7) has no room for a long one. */
function shortPath(systems: string): string {
  const short = join(folder, "short");
  symlinkSync(systems, short);
  return join(short, "control");
}
