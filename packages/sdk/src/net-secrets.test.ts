/**
 * Goal: a secret leaves in the place of its stand-in, to its hosts alone, whatever pieces it is written in; nothing
 * else is changed. Method: sockets that keep what they were given.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostAddress, HostSocket, SocketProvider } from "@stratos/host";
import { StratosError, type NetSecret } from "./api.ts";
import { NetSecrets } from "./net-secrets.ts";
import { PolicySockets } from "./policy-sockets.ts";
import { standInOf, standInsOf } from "./secret-stand-ins.ts";

const SECRET: NetSecret = { value: "s3cr3t of 23 bytes, é!", hosts: ["api.example.com", "192.0.2.7"] };
const NAMED = ["api.example.com"];
const encoder = new TextEncoder();
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test("a stand-in has the length of the secret, follows from the name, and is no part of it", () => {
  const standIn = standInOf("KEY", SECRET);
  assert.equal(encoder.encode(standIn).length, encoder.encode(SECRET.value).length);
  assert.match(standIn, /^[0-9a-f]+$/);
  assert.equal(standInOf("KEY", { ...SECRET, value: "another of 23 bytes, .." }), standIn);
  assert.notEqual(standInOf("OTHER", SECRET), standIn);
  assert.deepEqual(standInsOf(), {});
  assert.throws(() => standInOf("KEY", { ...SECRET, value: "short" }), StratosError);
  assert.throws(() => standInOf("KEY", { ...SECRET, value: "x".repeat(5000) }), StratosError);
});

test("a secret goes to its hosts, by name and address, and to nobody else", () => {
  const secrets = new NetSecrets({ KEY: SECRET });
  assert.notEqual(secrets.forPeer("198.51.100.1", 80, NAMED), null);
  assert.notEqual(secrets.forPeer("192.0.2.7", 8080, []), null);
  assert.equal(secrets.forPeer("198.51.100.1", 80, []), null);
  assert.equal(secrets.forPeer("198.51.100.1", 80, ["example.com"]), null);
});

test("all stand-ins of what is written are replaced; what may be the beginning of one waits for the rest", () => {
  const secrets = { KEY: SECRET, TOKEN: { value: "0123456789abcdef-token", hosts: ["192.0.2.7"] } };
  const { KEY, TOKEN } = standInsOf(secrets) as { KEY: string; TOKEN: string };
  const outgoing = new NetSecrets(secrets).forPeer("192.0.2.7", 80, [])!;
  const written = `a ${KEY} b ${TOKEN}${KEY}c ${KEY.slice(0, -1)}- ${KEY}`;
  const wanted = `a ${SECRET.value} b ${secrets.TOKEN.value}${SECRET.value}c ${KEY.slice(0, -1)}- ${SECRET.value}`;
  assert.equal(textOf(outgoing.replaced(encoder.encode(written))), wanted);
  // In two pieces, cut anywhere: what a write has not taken comes again.
  const bytes = encoder.encode(written);
  const hasOneCutStandIn = (cut: number): boolean => outgoing.replaced(bytes.subarray(0, cut)).length < cut;
  let waited = 0;
  for (let cut = 1; cut < bytes.length; cut++) {
    const first = outgoing.replaced(bytes.subarray(0, cut));
    if (hasOneCutStandIn(cut)) waited++;
    const second = outgoing.replaced(bytes.subarray(first.length));
    assert.equal(textOf(Uint8Array.from([...first, ...second])), wanted, `cut at ${cut}`);
  }
  assert.ok(waited > 20);
  // Nothing but a beginning is sent as it is.
  assert.equal(textOf(outgoing.replaced(encoder.encode(KEY.slice(0, 5)))), KEY.slice(0, 5));
});

test("a host's socket that takes few bytes at once gets the secret whole", () => {
  const secrets = { KEY: SECRET, TOKEN: { value: "0123456789abcdef-token", hosts: ["192.0.2.7"] } };
  const { KEY, TOKEN } = standInsOf(secrets) as { KEY: string; TOKEN: string };
  const bytes = encoder.encode(`a ${KEY}${TOKEN} b ${KEY} `);
  const wanted = `a ${SECRET.value}${secrets.TOKEN.value} b ${SECRET.value} `;
  for (let most = 1; most < bytes.length; most++) {
    const outgoing = new NetSecrets(secrets).forPeer("192.0.2.7", 80, [])!;
    const out: number[] = [];
    for (let done = 0; done < bytes.length;) {
      const ready = outgoing.replaced(bytes.subarray(done));
      // Nothing is taken each other time.
      outgoing.replaced(bytes.subarray(done));
      const count = Math.min(most, ready.length);
      out.push(...ready.subarray(0, count));
      outgoing.sent(count);
      done += count;
    }
    assert.equal(textOf(Uint8Array.from(out)), wanted, `${most} bytes at once`);
  }
});

test("a socket under rules sends the secret where the host reads it", () => {
  const said: string[] = [];
  const inner = {
    connect: () => 0,
    write: (bytes: Uint8Array, at: number, length: number) => (
      said.push(textOf(bytes.subarray(at, at + length))),
      length
    ),
  };
  const provider: SocketProvider = {
    create: () => inner as unknown as HostSocket,
    nameServers: () => [],
    localAddresses: () => [],
  };
  const loop = { nowMs: () => 0, callSoon: (act: () => void) => act() };
  const sockets = new PolicySockets(provider, { policy: "allow", secrets: { KEY: SECRET }, loop }, () => {});
  const request = encoder.encode(`..Authorization: Bearer ${standInOf("KEY", SECRET)}\r\n`);
  const write = (address: string, of: PolicySockets): number => {
    const socket = of.create(4, "stream", { changed: () => {} }) as HostSocket;
    assert.equal(socket.connect({ family: 4, address, port: 80 } satisfies HostAddress), 0);
    return socket.write(request, 2, request.length - 2, null);
  };
  assert.equal(write("192.0.2.7", sockets), request.length - 2);
  write("192.0.2.8", sockets);
  write(
    "192.0.2.7",
    sockets.fork({ policy: "allow", secrets: { KEY: SECRET }, loop }, () => {}),
  );
  const sent = `Authorization: Bearer ${SECRET.value}\r\n`;
  assert.deepEqual(said, [sent, textOf(request.subarray(2)), sent]);
});
