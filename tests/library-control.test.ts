/**
 * Goal: a program governs its sandboxes: their files, the servers in them, their past, and their limits; and whatever
 * happens inside, or to the engine, each promise settles with an error that says what it was. Method: as in
 * library.test.ts, programs of a user against the package as it is installed.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { installLibrary, programPrints } from "./support/library-project.ts";

let folder = "";
let project = "";

const prints = (source: string, expected: unknown, env: Record<string, string> = {}): Promise<void> =>
  programPrints(project, source, expected, env);

before(async () => {
  ({ folder, project } = await installLibrary());
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("folders are copied and go in and out as archives; what changed is told by path, and as it happens", () =>
  prints(
    `import { Sandbox } from "stratos";
    import { spawnSync } from "node:child_process";
    const box = await Sandbox.create({ image: process.env.IMAGE });
    const said = [];
    await box.run("mkdir -p /srv/a/b; cd /srv/a; echo x > b/c; chown 7:8 b/c; chmod 4750 b/c; ln -s b l");
    await box.fs.cp("/srv/a", "/srv/z", { recursive: true });
    said.push((await box.run("cd /srv; diff -r a z; stat -c '%a %u %g' z/b/c; readlink z/l")).stdout);
    said.push(await box.fs.cp("/srv/a", "/srv/y").catch(({ kind, data }) => [kind, data.code]));
    const tar = await box.fs.download("/srv");
    said.push(spawnSync("tar", ["-t"], { input: tar }).stdout.toString().split("\\n"));
    await box.fs.upload("/root/in", tar);
    said.push((await box.run("diff -r /srv /root/in && echo same")).stdout);
    said.push(await box.fs.upload("/root/in", tar.slice(5)).catch(({ kind }) => kind));
    await box.fs.rm("/root/in", { recursive: true });
    await box.run("echo more >> /etc/hosts; mv /etc/issue /etc/was-issue; rm /etc/motd 2>&1");
    said.push((await box.fs.diff()).filter(({ path }) => path.startsWith("/etc/")));
    said.push(await box.fs.diff("nosuch").catch(({ kind, data }) => [kind, data]));

    const events = [];
    const watching = box.fs.watch("/srv", { recursive: true })[Symbol.asyncIterator]();
    await box.run("mkdir /srv/n; mv /srv/a/b/c /srv/n/d; rm -r /srv/n");
    await box.fs.write("/srv/last", "");
    while (events.at(-1) !== "created /srv/last") {
      const { value: { kind, path } } = await watching.next();
      events.push(kind + " " + path);
    }
    await watching.return();
    const has = (...names) => names.every((name) => events.includes(name));
    said.push(has("created /srv/n", "moved /srv/a/b/c", "removed /srv/n"));
    const nowhere = box.fs.watch("/nosuch")[Symbol.asyncIterator]();
    said.push(await nowhere.next().catch(({ kind, data }) => [kind, data.code]));
    await box.close();
    console.log(JSON.stringify(said));`,
    [
      "4750 7 8\nb\n",
      ["file", "EISDIR"],
      ["a/", "a/b/", "a/b/c", "a/l", "z/", "z/b/", "z/b/c", "z/l", ""],
      "same\n",
      "archive",
      [
        { kind: "modified", path: "/etc/hosts", from: null, type: "file" },
        { kind: "removed", path: "/etc/motd", from: null, type: "file" },
        { kind: "moved", path: "/etc/was-issue", from: "/etc/issue", type: "file" },
      ],
      ["snapshot", { label: "nosuch" }],
      true,
      ["file", "ENOENT"],
    ],
  ));

/** A server that answers in each way that HTTP has. */
const SERVER = `
import http.server, socketserver, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(body.upper(), {"X-Was": self.headers["X-Is"], "X-Path": self.path})
    def do_HEAD(self): self.answer(b"", {"Content-Length": "5"})
    def do_GET(self):
        if self.path == "/chunked":
            self.send_response(200); self.send_header("Transfer-Encoding", "chunked"); self.end_headers()
            for part in (b"one ", b"two"): self.wfile.write(b"%x;note=1\\r\\n%s\\r\\n" % (len(part), part))
            self.wfile.write(b"0\\r\\n\\r\\n")
        elif self.path == "/open":
            self.send_response(200); self.end_headers(); self.wfile.write(b"x" * 3000000); self.close_connection = True
        elif self.path == "/cut":
            self.send_response(200); self.send_header("Content-Length", "10"); self.end_headers()
            self.wfile.write(b"abc"); self.close_connection = True
        elif self.path == "/other": self.wfile.write(b"hello, this is no HTTP\\r\\n\\r\\n")
        elif self.path == "/empty": self.send_response(204); self.end_headers()
        else: self.send_error(404)
    def answer(self, body, fields):
        self.send_response(201)
        for name, value in {"Content-Length": str(len(body)), **fields}.items(): self.send_header(name, value)
        self.end_headers(); self.wfile.write(body)
class Server(socketserver.ThreadingTCPServer): allow_reuse_address = True
Server((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
`;

extendedTest("servers in a sandbox answer without a network, and go on after it went back", () =>
  prints(
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE });
    const said = [];
    const failing = (promise) => promise.then(() => "no failure", ({ kind, data }) => [kind, data?.code]);
    await box.fs.write("/srv/server.py", process.env.SERVER);
    const up = new Promise((resolve) => box.on("port", resolve));
    await box.spawn(["python3", "/srv/server.py", "127.0.0.1", "8000"]);
    said.push(await up);
    const posted = await box.fetch(8000, "/a?b=c", { method: "POST", body: "text", headers: { "x-is": "1" } });
    said.push([posted.status, await posted.text(), posted.headers.get("x-was"), posted.headers.get("x-path")]);
    said.push(await (await box.fetch(8000, "/chunked")).text());
    said.push((await (await box.fetch(8000, new Request("http://anywhere/open"))).arrayBuffer()).byteLength);
    const head = await box.fetch(8000, "/", { method: "HEAD" });
    said.push([head.status, head.headers.get("content-length"), await head.text()]);
    said.push((await box.fetch(8000, "/empty")).status, (await box.fetch(8000, "/none")).status);
    const cut = await box.fetch(8000, "/cut");
    said.push(await failing(cut.text()), await failing(box.fetch(8000, "/other")), await failing(box.fetch(8001, "/")));
    const given = box.fetch(8000, "/none", { signal: AbortSignal.abort(new Error("enough")) });
    said.push(await given.catch(({ message }) => message), await failing(box.fetch(0, "/")));
    const url = await box.url(8000);
    said.push(/^http:.*127\\.0\\.0\\.1:\\d+\\/$/.test(url), url === (await box.url(8000)));
    said.push(await Promise.all([1, 2, 3].map(async () => (await fetch(url + "chunked")).text())));

    await box.snapshot("up");
    await box.run("pkill python3; rm -r /srv; touch /root/later");
    said.push((await box.fs.diff("up")).map(({ kind, path }) => kind + " " + path));
    const waiting = box.run("sleep 1000");
    said.push(await failing(box.fetch(8000, "/chunked")));
    const ended = failing(waiting);
    await box.rollback("up");
    said.push(await ended, await (await box.fetch(8000, "/chunked")).text());
    said.push(await (await fetch(url + "chunked")).text());
    said.push((await box.run("ls /srv /root")).stdout, await failing(box.rollback("nosuch")));
    await box.dropSnapshot("up");
    said.push(await failing(box.rollback("up")), await failing(box.snapshot("no/name")));
    await box.close();
    said.push(await fetch(url).then(() => "open", () => "closed"));
    console.log(JSON.stringify(said));`,
    [
      { port: 8000, address: "127.0.0.1" },
      [201, "TEXT", "1", "/a?b=c"],
      "one two",
      3_000_000,
      [201, "5", ""],
      ...[204, 404],
      ...[
        ["port", "ECONNRESET"],
        ["port", "EPROTO"],
        ["port", "ECONNREFUSED"],
      ],
      ...["enough", ["option", null]],
      ...[true, true],
      ["one two", "one two", "one two"],
      ["added /root/later", "removed /srv", "removed /srv/server.py"],
      ["port", "ECONNREFUSED"],
      ...[["closed", null], "one two", "one two"],
      ...["/root:\n\n/srv:\nserver.py\n", ["snapshot", null]],
      ...[
        ["snapshot", null],
        ["option", null],
      ],
      "closed",
    ],
    { SERVER },
  ),
);

test("programs reach what the rules allow, and each denial is told with its rule", async () => {
  const servers = ["one", "other"].map((name) =>
    createServer((_, answer) => void answer.end(name)).listen(0, "127.0.0.1"),
  );
  await Promise.all(servers.map((server) => once(server, "listening")));
  const [first, second] = servers.map((server) => String((server.address() as AddressInfo).port));
  try {
    await prints(
      `import { Sandbox } from "stratos";
      const { IMAGE: image, FIRST: first, SECOND: second } = process.env;
      const rules = [{ allow: "127.0.0.1", ports: [Number(first)] }, { deny: "10.0.0.0/8" }];
      const box = await Sandbox.create({ image, net: { policy: rules } });
      const said = [], denied = [];
      box.on("denied", ({ host, port, rule }) => denied.push([host, port === Number(second), rule]));
      const curl = async (place) => {
        const { stdout, exitCode } = await box.run(["curl", "-s", "--max-time", "60", "http://" + place]);
        said.push(stdout || exitCode);
      };
      await curl("127.0.0.1:" + first);
      await curl("127.0.0.1:" + second);
      await curl("10.1.2.3");
      await box.net.update([{ allow: "127.0.0.1", ports: [Number(second)] }]);
      await curl("127.0.0.1:" + first);
      await curl("127.0.0.1:" + second);
      said.push(denied, await box.net.update([{}]).catch(({ data }) => data.option));
      await box.close();
      const later = await Sandbox.create({ image, net: {} });
      const { exitCode } = await later.run(["curl", "-s", "http://127.0.0.1:" + first]);
      await later.net.update("allow");
      said.push(exitCode, (await later.run(["curl", "-s", "http://127.0.0.1:" + first])).stdout);
      await later.close();
      const none = await Sandbox.create({ image });
      said.push(await none.net.update("allow").catch(({ data }) => data.option));
      await none.close();
      const both = { image, net: { policy: "allow" }, network: "host" };
      said.push(await Sandbox.create(both).catch(({ data }) => data.option));
      console.log(JSON.stringify(said));`,
      [
        ...["one", 7, 7, 7, "other"],
        [
          ["127.0.0.1", true, null],
          ["10.1.2.3", false, 1],
          ["127.0.0.1", false, null],
        ],
        ...["net", 7, "one", "net", "net"],
      ],
      { FIRST: first!, SECOND: second! },
    );
  } finally {
    for (const server of servers) server.close();
  }
});

test("a secret reaches its host, and programs have a stand-in of it, in forks and saved sandboxes, too", async () => {
  const heard: (string | undefined)[] = [];
  const server = createServer(({ headers }, answer) => {
    heard.push(headers.authorization);
    answer.end("heard");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const key = "the key of the whole house",
    other = "one that is for elsewhere";
  try {
    await prints(
      `import { Sandbox } from "stratos";
      const { IMAGE: image, PORT: port, KEY: key, OTHER: other } = process.env;
      const secrets = { KEY: { value: key, hosts: ["127.0.0.1"] }, OTHER: { value: other, hosts: ["192.0.2.1"] } };
      const net = { policy: "allow", secrets };
      const box = await Sandbox.create({ image, net, env: { A: "b" } });
      const said = [];
      const ask = async (sandbox, name) => {
        const line = 'curl -s -H "Authorization: Bearer $' + name + '" http://127.0.0.1:' + port + "; echo $A";
        said.push((await sandbox.run(line, { env: { C: "d" } })).stdout);
      };
      await ask(box, "KEY");
      await ask(box, "OTHER");
      const known = (await box.run("env; cat /proc/*/environ")).stdout;
      said.push([key, other].some((value) => known.includes(value)), /^KEY=[0-9a-f]{26}$/m.test(known));
      const [fork] = await box.fork();
      await ask(fork, "KEY");
      const later = await Sandbox.create({ image, net, state: await box.save() });
      await ask(later, "KEY");
      for (const each of [fork, later, box]) await each.close();
      const wrong = (value, more) => Sandbox.create({ image, net: { policy: "allow", secrets: value }, ...more }).catch(
        ({ data }) => data.option);
      said.push(await wrong({ KEY: { value: "short", hosts: ["*"] } }), await wrong({ KEY: { value: key } }));
      said.push(await wrong({ "A=B": { value: key, hosts: [] } }));
      const recorded = await Sandbox.create({ image, net, record: "./secret.rec" }).catch(({ data }) => data.option);
      said.push(typeof recorded === "string" ? recorded
        : await recorded.run("true").catch(({ data }) => data.option));
      console.log(JSON.stringify(said));
      process.exit();`,
      [
        ...["heardb\n", "heardb\n", false, true, "heardb\n", "heard\n"],
        ...["net.secrets", "net.secrets.KEY.hosts", "net.secrets", "net.secrets"],
      ],
      { PORT: String((server.address() as AddressInfo).port), KEY: key, OTHER: other },
    );
  } finally {
    server.close();
  }
  const [first, second, ...more] = heard;
  assert.equal(first, `Bearer ${key}`);
  assert.match(second!, /^Bearer [0-9a-f]{25}$/);
  assert.deepEqual(more, [first, first]);
});

test("each limit ends what reached it, with an error that names it and what there was", () =>
  prints(
    `import { LimitError, Sandbox } from "stratos";
    const limits = { processes: 40, diskBytes: 64 << 20, outputBytes: 100_000 };
    const box = await Sandbox.create({ image: process.env.IMAGE, memoryBytes: 256 << 20, limits });
    const said = [], events = new Set();
    box.on("limit", ({ which }) => events.add(which));
    const limited = (promise) => promise.then((result) => ["none", result.exitCode],
      (error) => [error instanceof LimitError, error.which, ...toldBy(error.partial)]);
    const toldBy = (partial) => [partial?.stdout.slice(0, 6), partial?.exitCode];
    said.push(await limited(box.run("cat", { stdin: new ReadableStream({}), timeoutMs: 1000 })));
    said.push(await limited(box.run("echo begun; while :; do head -c 1000000 /dev/zero; done")));
    said.push(await limited(box.run(["python3", "-c", "b = []\\nwhile True: b.append(bytearray(1 << 20))"])));
    const bomb = "f() { f | f & }; f 2> /dev/null; while :; do :; done";
    while (!events.has("processes")) said.push(await limited(box.run(bomb, { timeoutMs: 1000 })));
    said.splice(4);
    said.push((await box.run("echo alive")).stdout);
    said.push((await box.run("head -c 100000000 /dev/zero > big 2> /dev/null; echo $?; rm big")).stdout);
    const large = new Uint8Array(100_000_000);
    const full = await box.fs.write("/root/big", large).catch(({ kind, data }) => [kind, data.code]);
    await box.fs.rm("/root/big");
    said.push(full, await box.run("exit 4", { check: true }).catch(({ kind, data }) => [kind, data.result.exitCode]));
    await box.pause();
    said.push(await limited(box.run("echo never; sleep 1000", { timeoutMs: 300 })));
    await box.resume();
    said.push((await box.run("echo on")).stdout, [...events].sort());
    const { memory, disk, processes } = await box.stats();
    said.push([memory.limitBytes, disk.limitBytes, processes > 0 && memory.usedBytes > 0 && disk.usedBytes > 0]);
    await box.close();

    const short = await Sandbox.create({ image: process.env.IMAGE, timeoutMs: 1e9 });
    await short.run("echo kept > /root/note");
    const waiting = short.run("echo begun; sleep 1000", { onStdout: () => void short.setTimeout(1) });
    said.push(await limited(waiting), await limited(short.run("true")), await limited(short.fs.read("/root/note")));
    const state = await short.save();
    await short.close();
    const other = await Sandbox.create({ image: process.env.IMAGE, state });
    said.push(await other.fs.readText("/root/note"), (await other.run("pgrep sleep | wc -l")).stdout);
    await other.close();
    const busy = await Sandbox.create({ image: process.env.IMAGE, limits: { cpuMs: 1500 } });
    said.push(await limited(busy.run("echo begun; while :; do :; done")), await limited(busy.run("true")));
    await busy.close();
    for (const options of [{ limits: { processes: 1 } }, { limits: { diskBytes: 1 } }, { timeoutMs: 0 },
      { onTimeout: "never" }])
      said.push(await Sandbox.create({ image: process.env.IMAGE, ...options }).catch(({ data }) => data.option));
    console.log(JSON.stringify(said));`,
    [
      [true, "timeout", "", 124],
      [true, "output", "begun\n", 137],
      [true, "memory", "", 137],
      ...[[true, "timeout", "", 124], "alive\n"],
      "1\n",
      ["file", "ENOSPC"],
      ["status", 4],
      [true, "timeout", "", 124],
      ...["on\n", ["disk", "memory", "output", "processes", "timeout"]],
      [256 << 20, 64 << 20, true],
      ...[
        [true, "lifetime", "begun\n", 137],
        [true, "lifetime", "", 137],
        [true, "lifetime", null, null],
      ],
      ...["kept\n", "1\n"],
      ...[
        [true, "cpu", "begun\n", 137],
        [true, "cpu", "", 137],
      ],
      ...["limits.processes", "limits.diskBytes", "timeoutMs", "onTimeout"],
    ],
  ));

test("an engine that hangs or is killed settles each call, and the program's own loop goes on", () =>
  prints(
    `import { readdirSync, readFileSync } from "node:fs";
    import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE });
    const engine = Number(readdirSync("/proc").find((pid) => {
      try {
        return readFileSync("/proc/" + pid + "/stat", "utf8").split(") ")[1].split(" ")[1] === String(process.pid);
      } catch { return false; }
    }));
    const said = [];
    await box.run("true");
    process.kill(engine, "SIGSTOP");
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    said.push(await box.run("true", { timeoutMs: 300 }).catch(({ which }) => which), turns > 5);
    clearInterval(timer);
    process.kill(engine, "SIGCONT");
    said.push((await box.run("echo on")).stdout);
    const failing = (promise) => promise.then(() => "no failure", ({ kind }) => kind);
    const program = await box.spawn("sleep 1000");
    const watching = box.fs.watch("/srv")[Symbol.asyncIterator]();
    const calls = [box.run("sleep 1000"), box.run("yes > /dev/null"), program.wait(), watching.next()];
    const settled = Promise.all(calls.map(failing));
    said.push(box.attach(program.pid) === program);
    process.kill(engine, "SIGKILL");
    said.push(await settled);
    const later = [box.stats(), box.processes(), box.fetch(80, "/"), box.save(), box.pause(), box.fs.diff()];
    said.push(new Set(await Promise.all(later.map(failing))).size, await failing(box.stats()));
    await box.close();
    console.log(JSON.stringify(said));`,
    ["timeout", true, "on\n", true, ["engine", "engine", "engine", "engine"], 1, "engine"],
  ));

test("an engine that is killed fails what runs in it, and only that", () =>
  prints(
    `import { readdirSync, readFileSync } from "node:fs";
    import { Sandbox } from "stratos";
    const image = process.env.IMAGE;
    const a = await Sandbox.create({ image });
    const engine = readdirSync("/proc").find((pid) => {
      try {
        return readFileSync("/proc/" + pid + "/stat", "utf8").split(") ")[1].split(" ")[1] === String(process.pid);
      } catch { return false; }
    });
    const b = await Sandbox.create({ image });
    const running = a.run("sleep 1000").catch(({ kind, data }) => [kind, data.signal]);
    process.kill(Number(engine), "SIGKILL");
    const failed = await running;
    const later = await a.run("true").catch(({ kind }) => kind);
    await a.close();
    const other = (await b.run("echo here")).stdout;
    await b.close();
    console.log(JSON.stringify([failed, later, other]));`,
    [["engine", "SIGKILL"], "engine", "here\n"],
  ));

test("programs that start and end are told, with what they are", () =>
  prints(
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE });
    const started = [], ended = [];
    const off = box.on("process-start", ({ command }) => started.push(command));
    box.on("process-exit", ({ exitCode, signal }) => ended.push([exitCode, signal]));
    await box.run(["sh", "-c", "/bin/true; kill -TERM $$"]);
    off();
    await box.run(["sh", "-c", "exit 3"]);
    const program = await box.spawn(["sleep", "1000"]);
    const { name, command, uid, parentPid } = (await box.processes()).find(({ pid }) => pid === program.pid);
    await program.kill();
    await program.wait();
    const gone = (() => { try { box.attach(program.pid); } catch ({ kind, data }) { return [kind, data.code]; } })();
    await box.close();
    console.log(JSON.stringify([started, ended.slice(0, 3), [name, command, uid, parentPid], gone]));`,
    [
      [["sh", "-c", "/bin/true; kill -TERM $$"], ["/bin/true"]],
      [
        [0, null],
        [143, "SIGTERM"],
        [3, null],
      ],
      ["sleep", ["sleep", "1000"], 0, 1],
      ["program", "ESRCH"],
    ],
  ));

test("a loop over output goes on where the last one was left, and is told what nobody has kept", () =>
  prints(
    `import { Sandbox } from "stratos";
    const box = await Sandbox.create({ image: process.env.IMAGE });
    const echo = await box.spawn("cat");
    const said = [];
    for (const word of ["first", "second", "third"]) {
      await echo.stdin.write(word);
      for await (const bytes of echo.stdout) {
        said.push(Buffer.from(bytes).toString());
        break;
      }
    }
    echo.stdin.end();
    for await (const bytes of echo.stdout) said.push("more");
    const flood = await box.spawn("yes | head -c 3000000");
    for await (const bytes of flood.stdout) break;
    said.push((await flood.wait()).exitCode);
    let kept = 0;
    try {
      for await (const bytes of flood.stdout) kept += bytes.length;
    } catch ({ kind, data }) {
      said.push(kind, data.lostBytes > 2e6 && kept > 0 && kept + data.lostBytes < 3e6);
    }
    await box.close();
    console.log(JSON.stringify(said));`,
    ["first", "second", "third", 0, "output", true],
  ));

extendedTest("a sandbox without a name goes on from its file, with its programs, as often as somebody wants", () =>
  prints(
    `import { Sandbox } from "stratos";
    import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
    const folder = mkdtempSync("/tmp/stratos-checkpoints-");
    const said = [];
    const told = ({ kind, message }) => [kind, message.replace(folder, "")];
    const line = async ({ stdin, stdout }, word) => {
      await stdin.write(word + "\\n");
      for await (const bytes of stdout) return new TextDecoder().decode(bytes).trim();
    };
    const box = await Sandbox.create({ image: process.env.IMAGE, memoryBytes: 2 ** 28 });
    const counter = await box.spawn("n=0; while read word; do n=$((n+1)); echo $word $n; done");
    said.push(await line(counter, "a"));
    const file = folder + "/box";
    said.push((await box.checkpoint(file)) === statSync(file).size, statSync(file).mode & 0o777);
    let next = box;
    for (const word of ["b", "c"]) {
      next = await Sandbox.resume(new URL("file://" + file), { keepsPrograms: true, env: { WORD: word } });
      said.push(next.name, await line(next.attach(counter.pid), word), (await next.run("echo $WORD")).stdout);
      await next.checkpoint(file);
      await next.close();
    }
    said.push(await line(counter, "d"));
    const boot = (of) => of.fs.readText("/proc/sys/kernel/random/boot_id");
    const own = await boot(box);
    const others = await Promise.all(["same", "fresh"].map((identity) => Sandbox.resume(file, { identity })));
    said.push((await Promise.all(others.map(boot))).map((name) => name === own));
    const refused = [{ name: "x" }, { identity: "other" }, { nothing: 1 }];
    for (const options of refused) said.push((await Sandbox.resume(file, options).catch(told))[1].slice(0, 40));
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(folder + "/damaged", bytes);
    // Where chance has put the byte, the piece or its checksum is wrong.
    const damaged = (error) => told(error).map((text) => text.replace(/(is damaged): .*/, "$1"));
    for (const name of ["/damaged", "/none"]) said.push(await Sandbox.resume(folder + name).catch(damaged));
    const reaching = await Sandbox.create({ image: process.env.IMAGE, net: {} });
    await reaching.checkpoint(folder + "/net");
    await reaching.close();
    said.push(await Sandbox.resume(folder + "/net").catch(told));
    const denied = await Sandbox.resume(folder + "/net", { net: {} });
    said.push((await denied.run("curl -s http://192.0.2.1")).exitCode);
    await denied.close();
    const over = new Promise((resolve) => box.on("limit", resolve));
    await box.run("echo last > /root/last");
    await box.setTimeout(1);
    await over;
    await box.checkpoint(file);
    const last = await Sandbox.resume(file);
    said.push((await box.run("true").catch(told))[0], await last.fs.readText("/root/last"));
    for (const each of [box, last, ...others]) await each.close();
    rmSync(folder, { recursive: true });
    console.log(JSON.stringify(said));`,
    [
      ...["a 1", true, 0o600],
      ...[null, "b 2", "b\n", null, "c 3", "c\n", "d 2", [true, false]],
      "name: the checkpoint is of a sandbox wit",
      'identity: "fresh" or "same" is expected',
      "nothing: there is no such option; there ",
      ["state", "/damaged: the checkpoint is damaged"],
      ["file", "/none: no such file or directory"],
      ["state", "what was saved had a network, and goes on with one alone: `network`, or `net`, which may deny all"],
      7,
      ...["limit", "last\n"],
    ],
  ),
);
