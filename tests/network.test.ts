/**
 * Goal: `--net host` carries the guest's sockets by the host's own; `--net none` reaches nothing. Method: servers of
 * this test on the host's loopback; programs of Debian as clients, and the other way round.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type Server } from "node:http";
import { createSocket } from "node:dgram";
import { connect, createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join, normalize } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { freePort } from "./support/free-port.ts";
import { launcher, start, stratos, stratosRun } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";
import { Heard } from "./support/until.ts";

let folder: string, server: Server, port: number;

before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-network-"));
  writeFileSync(join(folder, "big"), Buffer.alloc(3_000_000, "0123456789"));
  makeGitRepository();
  makeAptRepository();
  server = createHttpServer((request, response) => {
    try {
      const path = join(folder, normalize(decodeURIComponent(request.url!.split("?")[0]!)));
      response.setHeader("content-length", statSync(path).size);
      response.end(request.method === "HEAD" ? undefined : readFileSync(path));
    } catch {
      response.statusCode = 404;
      response.end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
after(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const host = (script: string): ReturnType<typeof stratosRun> =>
  stratosRun(["--net", "host", "--", "bash", "-c", script]);

test("curl fetches from a server of the host", async () => {
  const result = await host(
    `curl -sS http://127.0.0.1:${port}/big | md5sum; curl -s -o /dev/null -w '%{http_code}\\n' ` +
      `http://127.0.0.1:${port}/none; curl -sS http://127.0.0.1:1/; echo $?`,
  );
  assert.equal(
    result.stdout,
    `${execFileSync("md5sum", { input: readFileSync(join(folder, "big")) }).toString()}404\n7\n`,
  );
});

test("what a rule denies is refused, and told; ports, protocols and addresses of IPv6 can be named", async () => {
  const url = `http://127.0.0.1:${port}/none`;
  const fetch = ["--", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", url];
  const ruled = (...rules: string[]): ReturnType<typeof stratosRun> =>
    stratosRun(["--net", "host", ...rules, ...fetch]);
  const denied = await ruled("--deny", "127.0.0.0/8");
  assert.deepEqual([denied.status, denied.stdout], [7, "000"]);
  assert.match(denied.stderr, new RegExp(`stratos: denied: 127.0.0.1, port ${port} \\(tcp\\): rule 0 denies it\n`));
  // What is denied elsewhere, by port or by protocol, is no denial here.
  const others = await ruled(
    "--deny",
    "[::1]:80",
    "--deny",
    "2001:db8::/32",
    "--deny",
    "127.0.0.1:1-9",
    "--deny",
    "*/udp",
  );
  assert.deepEqual([others.status, others.stdout, others.stderr], [0, "404", ""]);
  const noNetwork = await stratosRun(["--allow", "example.org", "--", "true"]);
  assert.deepEqual([noNetwork.status, noNetwork.stderr], [2, "stratos: --allow: needs a network: add --net host\n"]);
  const unreadable = await stratosRun(["--net", "host", "--allow", "[::1", "--", "true"]);
  assert.match(unreadable.stderr, /--allow: .*expected NAME/);
});

extendedTest("git clones over HTTP", async () => {
  const result = await host(
    `cd /tmp && git clone -q http://127.0.0.1:${port}/repository.git r && cat r/hello && git -C r log --oneline ` +
      "| wc -l",
  );
  assert.deepEqual([result.stdout, result.stderr], ["hello from git\n2\n", ""]);
});

test("apt updates from a repository and installs a package", async () => {
  const result = await host(
    `rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; echo 'deb [trusted=yes] http://127.0.0.1:${port}/apt ` +
      "./' > /etc/apt/sources.list; apt-get update 2>&1 | tail -1; DEBIAN_FRONTEND=noninteractive apt-get install " +
      "-y hi-stratos > /tmp/log 2>&1 || cat /tmp/log; hi-stratos",
  );
  assert.match(result.stdout, /hi from a package\n$/);
});

test("the guest serves, the host connects", async () => {
  const script =
    "import socket\ns = socket.create_server(('0.0.0.0', 0))\nprint(s.getsockname()[1], 'open', flush=True)\n" +
    "c, a = s.accept()\nc.sendall(c.recv(100)[::-1])\nc.close()";
  const child = start(
    [...launcher, "run", "-i", TEST_IMAGE, "--net", "host", "--timeout", "300", "--", "python3", "-c", script],
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  const closed = once(child, "close");
  const heard = new Heard(child.stdout!);
  await heard.includes(" open");
  assert.equal(await exchange(Number.parseInt(heard.text, 10), "hello"), "olleh");
  assert.deepEqual(await closed, [0, null]);
});

extendedTest("published ports stand elsewhere on the host, and the guest doesn't notice", async () => {
  const [tcp, udp] = [await freePort(), await freePort()];
  const script = `
import socket
s = socket.create_server(("0.0.0.0", 80)); print(s.getsockname(), flush=True)
c, _ = s.accept(); print(c.getsockname(), c.recv(9)); c.sendall(b"answer"); c.close()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("0.0.0.0", 53)); print(u.getsockname(), flush=True)
m, a = u.recvfrom(9); print(m); u.sendto(b"datagram", a)`;
  const child = start(
    [
      ...launcher,
      "run",
      "-i",
      TEST_IMAGE,
      "--net",
      "host",
      "--timeout",
      "300",
      "-p",
      `${tcp}:80`,
      "-p",
      `127.0.0.1:${udp}:53/udp`,
      "--",
      "python3",
      "-c",
      script,
    ],
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  const closed = once(child, "close");
  const heard = new Heard(child.stdout!);
  await heard.includes("80)");
  for (const [words, name] of [
    [["run", "-i", TEST_IMAGE], `${tcp}:8080`],
    [["run", "-i", TEST_IMAGE, "-d"], `127.0.0.1:${tcp}:80`],
  ] as const) {
    const second = await stratos([...words, "--net", "host", "-p", name, "--", "true"]);
    const told = `stratos: --publish ${name}: address already in use\n`;
    assert.deepEqual([second.status, second.stdout, second.stderr], [125, "", told], "told before anything runs");
  }
  assert.equal(await exchange(tcp, "question"), "answer");
  await heard.includes("53)");
  const datagrams = createSocket("udp4");
  const answer = new Promise<string>((resolve) => datagrams.once("message", (bytes) => resolve(bytes.toString())));
  datagrams.send("ask", udp, "127.0.0.1");
  assert.equal(await answer, "datagram");
  datagrams.close();
  await closed;
  assert.equal(heard.text, "('0.0.0.0', 80)\n('127.0.0.1', 80) b'question'\n('0.0.0.0', 53)\nb'ask'\n");
  const alone = await stratosRun(["-p", "8080:80", "true"]);
  assert.deepEqual([alone.status, alone.stderr], [2, "stratos: --publish: needs a network: add --net host\n"]);
});

test("a reset by a server of the host is told as one, and an end in order as an end", async () => {
  const resetting = createServer((peer) => peer.once("data", () => peer.resetAndDestroy()));
  const ending = createServer((peer) => peer.once("data", () => peer.end("all")));
  for (const one of [resetting, ending]) {
    one.listen(0, "127.0.0.1");
    await once(one, "listening");
  }
  const ports = [resetting, ending].map((one) => (one.address() as AddressInfo).port);
  const script = `
import socket, time
def meet(port, waits):
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"question")
    if waits: time.sleep(0.2)
    received = []
    for _ in range(3):
        try: received.append(client.recv(100))
        except OSError as error: received.append(error.strerror)
    print(*received, sep=", ")
for port in ${ports.join(", ")}:
    for waits in False, True: meet(port, waits)
`;
  const { stdout, stderr } = await stratosRun(["--net", "host", "--", "python3", "-c", script]);
  for (const one of [resetting, ending]) one.close();
  const reset = "Connection reset by peer, b'', b''\n";
  const end = "b'all', b'', b''\n";
  assert.equal(stdout + stderr, reset + reset + end + end);
});

extendedTest("a frame crosses a veth pair between packet sockets, and /sys and /proc know the pair", async () => {
  const script = `
import os, socket, struct
def attribute(kind, value):
    return struct.pack("HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)
def name(text):
    return attribute(3, text.encode() + b"\\0")
def change(index, flags, mask, attributes=b"", more=0):
    body = struct.pack("BBHiII", 0, 0, 0, index, flags, mask) + attributes
    netlink.send(struct.pack("IHHII", 16 + len(body), 16, 5 | more, 1, 0) + body)
    return struct.unpack_from("i", netlink.recv(4096), 16)[0]
netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
monitor = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
monitor.bind((0, 1))
peer = attribute(1, bytes(16) + name("veth1"))
info = attribute(1, b"veth\\0") + attribute(2, peer)
print(change(0, 0, 0, name("veth0") + attribute(18, info), 0x600), sorted(os.listdir("/sys/class/net")))
for interface in "veth0", "veth1":
    print(change(socket.if_nametoindex(interface), 1, 1), end=" ")
print(open("/sys/class/net/veth0/operstate").read().strip(), len(monitor.recv(8192)) > 100)
out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)); out.bind(("veth0", 0))
inn = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x88b5)); inn.bind(("veth1", 0x88b5))
out.send(b"\\xff" * 6 + bytes.fromhex("020000000007") + b"\\x88\\xb5" + b"over the wire")
print(*inn.recvfrom(100))
print([line.split()[:3] for line in open("/proc/net/dev") if "veth1" in line])
os.setuid(1000)
try: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
except OSError as error: print(error.strerror)
`;
  const { stdout, stderr } = await stratosRun(["--", "python3", "-c", script]);
  assert.equal(
    stdout + stderr,
    "0 ['lo', 'veth0', 'veth1']\n0 0 up True\n" +
      "b'over the wire' ('veth1', 34997, 1, 1, b'\\x02\\x00\\x00\\x00\\x00\\x07')\n" +
      "[['veth1:', '27', '1']]\nOperation not permitted\n",
  );
});

/** Sends a text to a port of the host's loopback. @returns what comes until the end */
function exchange(to: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(to, "127.0.0.1", () => void socket.write(text));
    socket.on("data", (bytes) => {
      received += bytes.toString();
    });
    socket.on("end", () => resolve(received));
    socket.on("error", reject);
  });
}

test("without a network nothing outside is reached, and the machine's own loopback works", async () => {
  const result = await stratosRun([
    "bash",
    "-c",
    `curl -sS http://127.0.0.1:${port}/big; echo $?; curl -sS http://192.0.2.1/; echo $?; python3 -c "import ` +
      "socket; s = socket.create_server(('::1', 0), family=socket.AF_INET6); c = " +
      `socket.create_connection(s.getsockname()[:2]); print('loopback')"`,
  ]);
  assert.equal(result.stdout, "7\n7\nloopback\n");
});

function makeGitRepository(): void {
  const script =
    "git init -q -b main work && cd work && echo 'hello from git' > hello && git add . && git -c user.name=a -c " +
    "user.email=a@example.org commit -q -m one && git -c user.name=a -c user.email=a@example.org commit -q " +
    "--allow-empty -m two && cd .. && git clone -q --bare work repository.git && git -C repository.git " +
    "update-server-info";
  execFileSync("sh", ["-c", script], { cwd: folder });
}

/** A flat repository with one package, made by dpkg-deb. */
function makeAptRepository(): void {
  const root = join(folder, "package");
  mkdirSync(join(root, "DEBIAN"), { recursive: true });
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  mkdirSync(join(folder, "apt"));
  const control =
    "Package: hi-stratos\nVersion: 1.0\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: says hi\n";
  writeFileSync(join(root, "DEBIAN/control"), control);
  writeFileSync(join(root, "usr/bin/hi-stratos"), "#!/bin/sh\necho hi from a package\n", { mode: 0o755 });
  execFileSync("dpkg-deb", ["--root-owner-group", "-b", root, join(folder, "apt/hi-stratos.deb")], { stdio: "ignore" });
  const deb = join(folder, "apt/hi-stratos.deb");
  const sha256 = execFileSync("sha256sum", [deb], { encoding: "utf8" }).split(" ")[0]!;
  writeFileSync(
    join(folder, "apt/Packages"),
    `${control}Filename: ./hi-stratos.deb\nSize: ${statSync(deb).size}\nSHA256: ${sha256}\n`,
  );
}
