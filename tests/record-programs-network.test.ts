/**
 * Goal: recorded exchanges of real programs are gone along in both directions when nobody is there. Method: curl beside
 * a web server and a name server of this test; a server in C with several connections at once, under gdb, with
 * checkpoints on the way.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { freePort } from "./support/free-port.ts";
import { launcher, start, stratos, stratosRun } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";
import { Heard } from "./support/until.ts";

let folder: string;
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-record-programs-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** The port of names: a resolver has no other. */
const DNS_PORT = 53;
const NAME_SERVER = "127.0.0.77";
const TYPE_A = 1;

/** Answers each question for an address of IPv4 with the loopback's (RFC 1035 §4.1); of other kinds there is none. */
async function startNameServer(): Promise<Socket> {
  const server = createSocket("udp4");
  server.on("message", (query, from) => {
    let at = 12;
    while (query[at] !== 0) at += query[at]! + 1;
    const isAddress = query.readUInt16BE(at + 1) === TYPE_A;
    const header = Buffer.from([query[0]!, query[1]!, 0x81, 0x80, 0, 1, 0, isAddress ? 1 : 0, 0, 0, 0, 0]);
    const answer = isAddress ? [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1] : [];
    server.send(Buffer.concat([header, query.subarray(12, at + 5), Buffer.from(answer)]), from.port, from.address);
  });
  server.bind(DNS_PORT, NAME_SERVER);
  await once(server, "listening");
  return server;
}

test("curl asks for names and pages, several at once, and is told the same again", async () => {
  const file = join(folder, "curl");
  const names = await startNameServer();
  const pages = createHttpServer((request, response) => {
    if (request.url !== "/slow") return response.end(`${request.headers.host} ${request.url}\n`.repeat(2000));
    response.write("first ");
    return setTimeout(() => response.end("second\n"), 100);
  });
  pages.listen(0, "127.0.0.1");
  await once(pages, "listening");
  const { port } = pages.address() as AddressInfo;
  const closed = await freePort();
  const url = (name: string, page: string): string => `http://${name}.example.test:${port}/${page}`;
  const script = `echo nameserver ${NAME_SERVER} > /etc/resolv.conf
curl -s ${url("one", "a")} ${url("one", "b")} | md5sum
curl -s --parallel ${url("two", "c")} ${url("three", "d")} ${url("four", "e")} | sort | md5sum
curl -sN ${url("five", "slow")}; curl -s -o /dev/null -w '%{remote_ip} %{http_code} %{time_total}\\n' ${url("six", "f")}
curl -sS http://127.0.0.1:${closed}/; echo $?; getent ahosts seven.example.test; date +%s.%N`;
  const recorded = await stratosRun(["--net", "host", "--record", file, "--", "sh", "-c", script]);
  names.close();
  pages.closeAllConnections();
  pages.close();
  assert.match(recorded.stdout, /first second\n127\.0\.0\.1 200 [\d.]+\n7\n127\.0\.0\.1 +STREAM seven/);
  assert.deepEqual(await stratos(["replay", file]), recorded);
});

const SERVER = `
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
long messages, total;
__attribute__((noinline)) void take(long count) { messages++; total += count; }
/* Longer than it is from one checkpoint to the next. */
static void work(void) { for (volatile long i = 0; i < 3000000; i++) {} }
int main(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(8000)};
  struct pollfd all[17] = {{socket(AF_INET, SOCK_STREAM, 0), POLLIN}};
  int count = 1, isLast = 0;
  bind(all[0].fd, (void *)&at, sizeof at);
  listen(all[0].fd, 16);
  puts("up"), fflush(stdout);
  while (!isLast || count > 1) {
    poll(all, count, -1);
    for (int i = count - 1; i > 0; i--) {
      if (!all[i].revents) continue;
      static char bytes[4096];
      long got = read(all[i].fd, bytes, sizeof bytes);
      if (got <= 0) { close(all[i].fd); all[i] = all[--count]; continue; }
      take(got);
      work();
      isLast |= memchr(bytes, '!', got) != 0;
      printf("%ld messages, %ld bytes, from %d\\n", messages, total, i), fflush(stdout);
      write(all[i].fd, bytes, got);
    }
    if (!all[0].revents) continue;
    all[count] = (struct pollfd){accept(all[0].fd, 0, 0), POLLIN};
    count++;
  }
}
`;
const CLIENTS = 4;
const MESSAGES = 4;

async function talk(port: number, client: number): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  for (let message = 1; message <= MESSAGES; message++) {
    const isLast = client === CLIENTS && message === MESSAGES;
    socket.write("x".repeat(10 * client + message) + (isLast ? "!" : ""));
    await once(socket, "data");
  }
  socket.end();
  await once(socket, "close");
}

extendedTest("gdb goes to and fro along a server's connections", { timeout: 600_000 }, async () => {
  const file = join(folder, "server");
  const source = join(folder, "server.c");
  const program = join(folder, "server-program");
  writeFileSync(source, SERVER);
  execFileSync("riscv64-linux-gnu-gcc", ["-g", "-O1", "-static", "-o", program, source]);
  const port = await freePort();
  const child = start(
    [...launcher, "run", "-i", TEST_IMAGE, "--net", "host", "-p", `${port}:8000`, "--record", file].concat([
      ...["-v", `${folder}:/t:ro`, "--", "/t/server-program"],
    ]),
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  const heard = new Heard(child.stdout!);
  await heard.includes("up");
  await Promise.all(Array.from({ length: CLIENTS }, (_, client) => talk(port, client + 1)));
  await once(child, "close");
  assert.equal(heard.text.match(/messages/g)?.length, CLIENTS * MESSAGES);
  assert.equal((await stratos(["replay", file])).stdout, heard.text);
  const totals = [...heard.text.matchAll(/(\d+) bytes/g)].map((match) => Number(match[1]));
  const [node, ...words] = [...launcher, "replay", file, "--gdb", "-"];
  const commands = join(folder, "commands");
  const seek = (place: string): string[] => [`monitor seek ${place}`, "maintenance flush register-cache"];
  writeFileSync(
    commands,
    [
      ...["set pagination off", "set confirm off", "set remotetimeout 60", `file ${program}`],
      `target remote | STRATOS_HOME='${TEST_HOME}' '${node}' ${words.map((word) => `'${word}'`).join(" ")}`,
      ...seek("end"),
      ...["watch total", "reverse-continue", 'printf "before the last %ld\\n", total'],
      ...["reverse-continue", 'printf "before that %ld\\n", total', "delete"],
      ...seek("line:5"),
      'printf "at the fifth line %ld\\n", total',
      ...seek("line:14"),
      'printf "at the fourteenth %ld\\n", total',
      ...["break take", "reverse-continue", "reverse-continue", 'printf "taken %ld\\n", messages'],
      ...["continue", 'printf "and again %ld\\n", messages', "delete", "continue", 'printf "in all %ld\\n", total'],
    ].join("\n"),
  );
  const { stdout, stderr } = spawnSync("gdb-multiarch", ["-nx", "-batch", "-x", commands], {
    encoding: "utf8",
    timeout: 500_000,
    killSignal: "SIGKILL",
  });
  const seen = [...(stdout + stderr).matchAll(/^(before|at|taken|and|in) .*/gm)].map(([line]) => line);
  assert.deepEqual(seen, [
    `before the last ${totals.at(-2)}`,
    `before that ${totals.at(-3)}`,
    // The first line is another one.
    `at the fifth line ${totals[3]}`,
    `at the fourteenth ${totals[12]}`,
    "taken 11",
    "and again 12",
    `in all ${totals.at(-1)}`,
  ]);
});
