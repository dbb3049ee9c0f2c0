/**
 * Goal: what a recorded run got from the host's sockets, `replay` gives it again when nobody is there. Method: servers
 * of this test on the loopback, which are closed before anything is replayed.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createSocket } from "node:dgram";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { zstdCodec } from "@stratos/host-node";
import type { RecordedEvent } from "@stratos/session";
import { readRecording } from "../packages/session/src/recording/recording-reader.ts";
import { entriesOf, recordingOf } from "../packages/session/src/testing/made-recording.ts";
import { extendedTest } from "@stratos/base/testing";
import { freePort } from "./support/free-port.ts";
import { launcher, start, stratos, stratosRun } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";
import { Heard } from "./support/until.ts";

let folder: string;
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-record-network-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs with a server of HTTP, which is gone afterwards. */
async function withHttp<T>(answer: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
  const server = createHttpServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    return await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const python = (file: string, code: string, more: readonly string[] = []) =>
  stratosRun([...more, "--net", "host", "--record", file, "--", "python3", "-c", code]);

/** Says `begun`, then what the server answers: python would load modules for five times as long as all else takes. */
const fetchBy = (file: string, url: string, path: string) => {
  const program =
    `$a = pack("S n N x8", 2, ${new URL(url).port}, 0x7f000001); socket C, 2, 1, 0; connect C, $a or die; ` +
    `$| = 1; print "begun\n"; syswrite C, "GET ${path} HTTP/1.0\r\n\r\n"; ` +
    "1 while sysread C, $b, 9999, length $b; print $b =~ s/.*\r\n\r\n//sr";
  return stratosRun(["--net", "host", "--record", file, "--", "perl", "-e", program]);
};

extendedTest("a download of 20 MB and an upload are repeated without their server", async () => {
  const file = join(folder, "large");
  const body = Buffer.alloc(20_000_000, "0123456789abcdefghijk");
  let uploaded = "";
  const recorded = await withHttp(
    (request, response) => {
      if (request.method !== "POST") return response.end(body);
      const hash = createHash("sha256");
      request.on("data", (part: Buffer) => hash.update(part));
      return request.on("end", () => response.end((uploaded = hash.digest("hex"))));
    },
    (url) =>
      python(
        file,
        "import hashlib, time, urllib.request as u; began = time.time(); " +
          `body = u.urlopen('${url}/').read(); print(len(body), hashlib.sha256(body).hexdigest()); ` +
          `print(u.urlopen('${url}/', data=body[:5000000]).read().decode(), time.time() - began)`,
      ),
  );
  const hashOf = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  assert.equal(recorded.stderr, "");
  assert.match(recorded.stdout, new RegExp(`^20000000 ${hashOf(body)}\n${hashOf(body.subarray(0, 5_000_000))} `));
  assert.equal(uploaded, hashOf(body.subarray(0, 5_000_000)));
  assert.ok(readFileSync(file).length < 30_000_000, "bytes are stored once, and those that were sent not at all");
  assert.deepEqual(await stratos(["replay", file]), recorded);
});

extendedTest("rules of the network hold while a run is recorded, and are repeated with it", async () => {
  const file = join(folder, "ruled");
  const fetched = (url: string): string => `curl -sS -m 20 ${url}/ 2>&1; echo " status $?"`;
  await withHttp(
    (_, response) => response.end("allowed"),
    (allowed) =>
      withHttp(
        (_, response) => response.end("denied"),
        async (denied) => {
          const port = (url: string): string => new URL(url).port;
          const options = ["--net", "host", "--allow", `127.0.0.1:${port(allowed)}/tcp`, "--record", file];
          const run = await stratosRun([...options, "--", "sh", "-c", `${fetched(allowed)}; ${fetched(denied)}`]);
          assert.match(run.stdout, /^allowed status 0\n.*\n status 7\n$/);
          assert.equal(run.stderr, `stratos: denied: 127.0.0.1, port ${port(denied)} (tcp): no rule allows it\n`);
        },
      ),
  );
  const repeated = await stratos(["replay", file]);
  assert.match(repeated.stdout, /^allowed status 0\n.*\n status 7\n$/);
});

extendedTest("threads with connections of their own, a timeout and a refusal are repeated", async () => {
  const file = join(folder, "threads");
  const port = await freePort();
  const recorded = await withHttp(
    (request, response) => void setTimeout(() => response.end(`answer to ${request.url}\n`), Math.random() * 20),
    (url) =>
      python(
        file,
        "import socket, time\nfrom concurrent.futures import ThreadPoolExecutor, as_completed\n" +
          "from urllib.request import urlopen\n" +
          `get = lambda n: urlopen('${url}/%d' % n).read().decode()\n` +
          "with ThreadPoolExecutor(6) as pool:\n" +
          " for done in as_completed([pool.submit(get, n) for n in range(24)]): print(done.result(), time.time())\n" +
          `try: socket.create_connection(('127.0.0.1', ${port}))\nexcept OSError as e: print(e)\n` +
          "quiet = socket.socket(type=socket.SOCK_DGRAM); quiet.bind(('127.0.0.1', 0)); quiet.settimeout(0.2)\n" +
          "try: quiet.recv(1)\nexcept TimeoutError as e: print(e, quiet.getsockname())",
      ),
  );
  assert.equal(recorded.stderr, "");
  assert.equal(recorded.stdout.match(/answer to/g)?.length, 24);
  assert.match(recorded.stdout, /Connection refused\ntimed out \('127.0.0.1', \d+\)\n$/);
  assert.deepEqual(await stratos(["replay", file]), recorded);
});

extendedTest("a server of the guest that was reached through -p serves again without anybody", async () => {
  const file = join(folder, "server");
  const port = await freePort();
  const code =
    "import socket\ns = socket.create_server(('0.0.0.0', 8000)); print('listening', s.getsockname(), flush=True)\n" +
    "for _ in range(3):\n c, peer = s.accept(); print(peer, c.recv(100)); c.sendall(b'hello %d' % peer[1]); c.close()";
  const child = start(
    [...launcher, "run", "-i", TEST_IMAGE, "--net", "host", "-p", `${port}:8000`, "--record", file].concat([
      ...["--", "python3", "-c", code],
    ]),
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  const heard = new Heard(child.stdout!);
  await heard.includes("listening");
  for (let round = 0; round < 3; round++) {
    const client = connect(port, "127.0.0.1");
    client.end(`round ${round}`);
    const [answer] = (await once(client, "data")) as [Buffer];
    assert.match(String(answer), /^hello \d+$/);
    await once(client, "close");
  }
  await once(child, "close");
  const replayed = await stratos(["replay", file]);
  assert.equal(replayed.stdout, heard.text);
  assert.match(heard.text, /round 0.*\n.*round 1.*\n.*round 2/);
});

extendedTest("datagrams come with their lengths and senders again", async () => {
  const file = join(folder, "datagrams");
  const server = createSocket("udp4");
  server.on("message", (bytes, from) => {
    for (const part of [bytes, Buffer.alloc(0), Buffer.concat([bytes, bytes])])
      server.send(part, from.port, from.address);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const code =
    "import socket; s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(20); " +
    `s.sendto(b'ping', ('127.0.0.1', ${server.address().port})); ` +
    "print([s.recvfrom(6) for _ in range(3)], s.getsockname())";
  const recorded = await python(file, code);
  server.close();
  assert.match(recorded.stdout, /^\[\(b'ping', .*\(b'', .*\(b'pingpi', /);
  assert.deepEqual(await stratos(["replay", file]), recorded);
});

extendedTest("a replay stands in the midst of an exchange, and a byte of it came from outside", async () => {
  const file = join(folder, "place");
  let url = "";
  await withHttp(
    (_request, response) => void response.end("from far away\n"),
    (at) => fetchBy(file, (url = at), "/"),
  );
  const entries = entriesOf(readRecording(readFileSync(file), zstdCodec));
  const arrival = entries.find((entry) => entry.kind === "socket" && entry.data !== undefined) as RecordedEvent;
  const there = await stratos([
    "replay",
    file,
    "--to",
    `${arrival.instructions}`,
    "--",
    "sh",
    "-c",
    "ls -l /proc/[0-9]*/fd",
  ]);
  assert.match(there.stdout, /socket:\[\d+\]/);
  const why = await stratos(["why", file, "line:2:3"]);
  assert.match(why.stdout, new RegExp(`received from ${url.slice(7)}`));
});

test("a replay whose programs send something else is told where", async () => {
  const file = join(folder, "other");
  await withHttp(
    (_request, response) => void response.end("x"),
    (url) => fetchBy(file, url, "/one"),
  );
  const other = join(folder, "changed");
  // A recording of a run that has sent something else, with the checksums that belong to it.
  const recording = readRecording(readFileSync(file), zstdCodec);
  const entries = entriesOf(recording).map((entry) =>
    entry.kind === "host"
      ? { ...entry, question: entry.question.replace(/(write\(\d+ bytes) [0-9a-f]+/, "$1 0") }
      : entry,
  );
  writeFileSync(other, recordingOf(recording.header, entries));
  const replayed = await stratos(["replay", other]);
  assert.equal(replayed.status, 125);
  assert.match(
    replayed.stderr,
    /another way: at instruction \d+ it asks the host: write\(\d+ bytes [0-9a-f]+\) of socket 1/,
  );
});
