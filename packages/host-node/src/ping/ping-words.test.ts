/**
 * Goal: what ping programs say becomes what networks said. Method: lines of iputils, BusyBox and macOS, and a program
 * that stands for them all.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { EPROTONOSUPPORT } from "@stratos/abi";
import type { HostSocket } from "@stratos/host";
import { NodeSocketProvider } from "../socket-provider.ts";
import { failureOf, outcomeOf } from "./ping-words.ts";

function errorOf(type: number, code: number, from: string | null, value = 0): object {
  return { kind: "error", type, code, value, from };
}

test("lines are replies, errors with who says them, or nothing", () => {
  const v4: [line: string, is: object | null][] = [
    ["PING 10.0.0.1 (10.0.0.1) 56(84) bytes of data.", null],
    ["64 bytes from 10.0.0.1: icmp_seq=1 ttl=63 time=0.257 ms", { kind: "reply", hops: 63 }],
    ["64 bytes from 10.0.0.1: seq=0 ttl=255 time=0.066 ms", { kind: "reply", hops: 255 }],
    ["From 10.0.0.9 icmp_seq=1 Time to live exceeded", errorOf(11, 0, "10.0.0.9")],
    ["36 bytes from 10.0.0.9: Time to live exceeded", errorOf(11, 0, "10.0.0.9")],
    ["From 10.0.0.9 icmp_seq=1 Destination Host Unreachable", errorOf(3, 1, "10.0.0.9")],
    ["From 10.0.0.9 icmp_seq=1 Packet filtered", errorOf(3, 13, "10.0.0.9")],
    ["From 10.0.0.9 icmp_seq=1 Frag needed and DF set (mtu = 1400)", errorOf(3, 4, "10.0.0.9", 1400)],
    ["1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms", null],
  ];
  for (const [line, is] of v4) assert.deepEqual(outcomeOf(line, false), is, line);
  const v6: [line: string, is: object | null][] = [
    ["64 bytes from 2001:db8::1: icmp_seq=1 ttl=64 time=0.208 ms", { kind: "reply", hops: 64 }],
    ["16 bytes from 2001:db8::1, icmp_seq=0 hlim=58 time=9.1 ms", { kind: "reply", hops: 58 }],
    ["From 2001:db8::9 icmp_seq=1 Time exceeded: Hop limit", errorOf(3, 0, "2001:db8::9")],
    ["From fe80::9%eth0 icmp_seq=1 Destination unreachable: Address unreachable", errorOf(1, 3, "fe80::9")],
    ["From 2001:db8::9 icmp_seq=1 Packet too big: mtu=1280", errorOf(2, 0, "2001:db8::9", 1280)],
  ];
  for (const [line, is] of v6) assert.deepEqual(outcomeOf(line, true), is, line);
});

test("a program that fails says why, and one that heard nothing says nothing", () => {
  assert.equal(failureOf(1, "", false), null);
  assert.deepEqual(failureOf(2, "ping: connect: Network is unreachable", false), errorOf(3, 0, null));
  assert.deepEqual(
    failureOf(2, "ping: socktype: SOCK_RAW\nping: socket: Operation not permitted", true),
    errorOf(1, 1, null),
  );
  assert.deepEqual(failureOf(2, "ping: something else", false), errorOf(3, 1, null));
});

/** An echo request from 192.0.2.1 to 192.0.2.2 with a TTL of 7 and four bytes of data. */
const REQUEST = Uint8Array.from(Buffer.from("45000020000040000701efd9c0000201c00002020800f3f60001000201020304", "hex"));

async function answerBy(script: string): Promise<Uint8Array> {
  const folder = mkdtempSync(join(tmpdir(), "ping-"));
  writeFileSync(join(folder, "ping"), `#!/bin/sh\n${script}\n`);
  chmodSync(join(folder, "ping"), 0o755);
  try {
    const provider = new NodeSocketProvider({ searchPath: folder });
    let told = (): void => {};
    const news = new Promise<void>((resolve) => (told = resolve));
    const socket = provider.create(4, "echo", { changed: () => told() }) as HostSocket;
    const to = { family: 4, address: "192.0.2.2", port: 0 } as const;
    assert.equal(socket.write(REQUEST, 0, REQUEST.length, to), REQUEST.length);
    await news;
    const bytes = new Uint8Array(100);
    const answer = bytes.slice(0, socket.read(bytes, 0, bytes.length, false));
    socket.close();
    assert.equal(provider.openCount, 0);
    return answer;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test(
  "a request goes out by the host's program, as it is, and comes back as a packet",
  { timeout: 20_000 },
  async () => {
    const asked = '[ "$*" = "-4 -n -c 1 -s 4 -W 4 -t 7 192.0.2.2" ] || exit 2';
    const reply = await answerBy(`${asked}; echo "12 bytes from 192.0.2.2: icmp_seq=1 ttl=61"; exec sleep 100`);
    assert.equal(Buffer.from(reply.subarray(8, 20)).toString("hex"), "3d01f9d9c0000202c0000201");
    assert.equal(Buffer.from(reply.subarray(20)).toString("hex"), "0000fbf60001000201020304");
    const error = await answerBy(`${asked}; echo "From 10.0.0.9 icmp_seq=1 Time to live exceeded"; exit 1`);
    assert.deepEqual([...error.subarray(12, 22)], [10, 0, 0, 9, 192, 0, 2, 1, 11, 0]);
    assert.deepEqual([...error.subarray(28)], [...REQUEST]);
  },
);

test("a host that has no descriptors left loses the request", () => {
  const folder = mkdtempSync(join(tmpdir(), "ping-"));
  writeFileSync(join(folder, "ping"), "#!/bin/sh\n");
  chmodSync(join(folder, "ping"), 0o755);
  // In a process of its own, which may have few.
  const script = `
    import { openSync } from "node:fs";
    import { NodeSocketProvider } from ${JSON.stringify(new URL("../socket-provider.ts", import.meta.url).href)};
    const provider = new NodeSocketProvider({ searchPath: ${JSON.stringify(folder)} });
    const socket = provider.create(4, "echo", { changed() {} });
    const request = Uint8Array.from(Buffer.from("${Buffer.from(REQUEST).toString("hex")}", "hex"));
    try { for (;;) openSync("/dev/null", "r"); } catch {}
    console.log(socket.write(request, 0, request.length, { family: 4, address: "192.0.2.2", port: 0 }));`;
  writeFileSync(join(folder, "script.ts"), script);
  const words = ["-c", 'ulimit -n 60; exec "$@"', "sh", process.execPath, join(folder, "script.ts")];
  const { stdout, stderr } = spawnSync("/bin/sh", words, { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  assert.equal(stdout, `${REQUEST.length}\n`, stderr);
});

test("without a program there are no such sockets", () => {
  assert.equal(new NodeSocketProvider({ searchPath: "" }).create(4, "echo", { changed() {} }), -EPROTONOSUPPORT);
});
