/** The provider against Node's own sockets on the loopback of this host. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { EADDRINUSE, EAGAIN, ECONNREFUSED, ECONNRESET, EINPROGRESS, EPIPE } from "@stratos/abi";
import type { HostSocket, HostSocketEvents } from "@stratos/host";
import { NodeSocketProvider } from "./socket-provider.ts";

/** Events whose next occurrence can be awaited. */
class Watch implements HostSocketEvents {
  #waiting: (() => void)[] = [];

  changed(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  /** Waits until the condition holds; a defect shows as the test's time-out. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

const LOOPBACK = { family: 4, address: "127.0.0.1" } as const;
const PLAIN = { reuseAddress: true, v6Only: false };

async function nodeServer(onConnection: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, onConnection);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

async function connected(provider: NodeSocketProvider, port: number): Promise<{ socket: HostSocket; watch: Watch }> {
  const watch = new Watch();
  const socket = provider.create(4, "stream", watch);
  assert.equal(socket.connect({ ...LOOPBACK, port }), -EINPROGRESS);
  await watch.until(() => socket.connected());
  return { socket, watch };
}

function textOf(socket: HostSocket): string {
  const bytes = new Uint8Array(65536);
  const count = socket.read(bytes, 0, bytes.length, false);
  return count < 0 ? `error ${count}` : Buffer.from(bytes.subarray(0, count)).toString("latin1");
}

function send(socket: HostSocket, text: string): number {
  const bytes = Buffer.from(text);
  return socket.write(bytes, 0, bytes.length, null);
}

describe("streams", { timeout: 10_000 }, () => {
  it("connect, talk, and end each direction apart", async () => {
    const provider = new NodeSocketProvider();
    let received = "";
    const { server, port } = await nodeServer((peer) => {
      peer.on("data", (chunk) => (received += chunk.toString()));
      peer.on("end", () => peer.end(`got ${received}`));
    });
    const { socket, watch } = await connected(provider, port);
    assert.equal(socket.peerAddress()!.port, port);
    assert.equal(socket.localAddress()!.address, "127.0.0.1");
    assert.equal(socket.read(new Uint8Array(1), 0, 1, false), -EAGAIN);
    assert.equal(send(socket, "question"), 8);
    assert.equal(socket.shutdown(1), 0);
    assert.equal(send(socket, "late"), -EPIPE);
    await watch.until(() => socket.readable());
    const peeked = new Uint8Array(3);
    assert.equal(socket.read(peeked, 0, 3, true), 3);
    assert.equal(textOf(socket), "got question");
    await watch.until(() => socket.ended());
    assert.equal(textOf(socket), "");
    socket.close();
    assert.equal(provider.openCount, 0);
    server.close();
  });

  it("tell refusals and resets by errno", async () => {
    const provider = new NodeSocketProvider();
    const { server, port } = await nodeServer((peer) => peer.once("data", () => peer.resetAndDestroy()));
    const { socket, watch } = await connected(provider, port);
    send(socket, "x");
    let error = 0;
    await watch.until(() => (error = socket.takeError()) !== 0 || socket.ended());
    assert.equal(error, ECONNRESET);
    // Until the connection is closed, and then too: a reset is no end in order.
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([socket.ended(), socket.readable(), textOf(socket)], [false, true, `error ${-EAGAIN}`]);
    socket.close();
    server.close();
    await once(server, "close");
    const refused = provider.create(4, "stream", watch);
    refused.connect({ ...LOOPBACK, port });
    await watch.until(() => (error = refused.takeError()) !== 0);
    assert.equal(error, ECONNREFUSED);
    refused.close();
    assert.equal(provider.openCount, 0);
  });

  it("stop reading when nobody takes the bytes, and lose none", async () => {
    const provider = new NodeSocketProvider();
    const total = 8 << 20;
    const { server, port } = await nodeServer((peer) => {
      peer.end(Buffer.alloc(total, 7));
    });
    const { socket, watch } = await connected(provider, port);
    await watch.until(() => socket.available() >= 256 * 1024);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.ok(socket.available() < 1 << 20, "reading paused");
    const bytes = new Uint8Array(100_000);
    let seen = 0;
    while (!socket.ended() || socket.available() > 0) {
      const count = socket.read(bytes, 0, bytes.length, false);
      if (count > 0) seen += count;
      else await watch.until(() => socket.readable());
    }
    assert.equal(seen, total);
    socket.close();
    server.close();
  });

  it("refuse writes when the other side does not read, until it does", async () => {
    const provider = new NodeSocketProvider();
    let accepted: Socket | null = null;
    const { server, port } = await nodeServer((peer) => {
      peer.pause();
      accepted = peer;
    });
    const { socket, watch } = await connected(provider, port);
    const bytes = new Uint8Array(65536);
    let total = 0;
    // The host's kernel takes some megabytes first.
    for (let idle = 0; idle < 10;) {
      const count = socket.write(bytes, 0, bytes.length, null);
      if (count === -EAGAIN) {
        assert.equal(socket.writable(), false);
        idle++;
        await new Promise((resolve) => setTimeout(resolve, 10));
      } else {
        total += count;
        idle = 0;
      }
    }
    let seen = 0;
    accepted!.on("data", (chunk: Buffer) => (seen += chunk.length));
    accepted!.resume();
    await watch.until(() => socket.writable());
    socket.close();
    await once(accepted!, "end");
    assert.equal(seen, total);
    accepted!.destroy();
    server.close();
  });

  it("listen, accept, and say when the port is taken", async () => {
    const provider = new NodeSocketProvider();
    const watch = new Watch();
    const listener = provider.create(4, "stream", watch);
    assert.equal(listener.bind({ ...LOOPBACK, port: 0 }, PLAIN), 0);
    assert.equal(listener.listen(5), -EINPROGRESS);
    assert.equal(listener.localAddress(), null);
    await watch.until(() => listener.localAddress() !== null);
    const { port } = listener.localAddress()!;
    const second = provider.create(4, "stream", watch);
    second.bind({ ...LOOPBACK, port }, PLAIN);
    second.listen(5);
    let error = 0;
    await watch.until(() => (error = second.takeError()) !== 0);
    assert.equal(error, EADDRINUSE);
    second.close();
    const client = connect(port, "127.0.0.1");
    client.write("early");
    await watch.until(() => listener.readable());
    const accepted = listener.accept(watch) as HostSocket;
    await watch.until(() => accepted.readable());
    assert.equal(textOf(accepted), "early");
    send(accepted, "bye");
    accepted.close();
    const [data] = (await once(client, "data")) as [Buffer];
    assert.equal(data.toString(), "bye");
    listener.close();
    client.destroy();
  });
});

describe("datagrams", { timeout: 10_000 }, () => {
  it("come and go with their senders", async () => {
    const provider = new NodeSocketProvider();
    const watch = new Watch();
    const one = provider.create(4, "datagram", watch);
    assert.equal(one.bind({ ...LOOPBACK, port: 0 }, { reuseAddress: false, v6Only: false }), -EINPROGRESS);
    await watch.until(() => one.localAddress() !== null);
    const peer = createSocket("udp4");
    peer.bind(0, "127.0.0.1");
    await once(peer, "listening");
    const bytes = Buffer.from("ping");
    assert.equal(one.write(bytes, 0, 4, { ...LOOPBACK, port: peer.address().port }), 4);
    const [message, from] = (await once(peer, "message")) as [Buffer, { port: number }];
    assert.equal(message.toString(), "ping");
    assert.equal(from.port, one.localAddress()!.port);
    peer.send("a longer answer", from.port, "127.0.0.1");
    await watch.until(() => one.readable());
    const into = new Uint8Array(8);
    assert.equal(one.read(into, 0, 8, false), 8);
    assert.equal(one.lastLength, 15);
    assert.equal(one.lastSender!.port, peer.address().port);
    assert.equal(one.read(into, 0, 8, false), -EAGAIN);
    one.close();
    peer.close();
    assert.equal(provider.openCount, 0);
  });

  it("to a peer that isn't there are refused", async () => {
    const provider = new NodeSocketProvider();
    const probe = createSocket("udp4");
    probe.bind(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address();
    probe.close();
    const watch = new Watch();
    const socket = provider.create(4, "datagram", watch);
    assert.equal(socket.connect({ ...LOOPBACK, port }), 0);
    assert.equal(send(socket, "x"), 1);
    let error = 0;
    await watch.until(() => (error = socket.takeError()) !== 0);
    assert.equal(error, ECONNREFUSED);
    socket.close();
  });
});

it("sockets that all ask for it listen at one port, and hear at one", { timeout: 10_000 }, async () => {
  const provider = new NodeSocketProvider();
  for (const type of ["stream", "datagram"] as const) {
    const sockets: HostSocket[] = [];
    let port = 0;
    for (let each = 0; each < 2; each++) {
      const watch = new Watch();
      const socket = provider.create(4, type, watch) as HostSocket;
      socket.bind({ ...LOOPBACK, port }, { ...PLAIN, reusePort: true });
      if (type === "stream") socket.listen(5);
      let error = 0;
      await watch.until(() => socket.localAddress() !== null || (error = socket.takeError()) !== 0);
      assert.equal(error, 0);
      port = socket.localAddress()!.port;
      sockets.push(socket);
    }
    for (const socket of sockets) socket.close();
  }
});

it("a port at one address of the host is free for a server that listens by IPv4 and IPv6 apart", async () => {
  for (const type of ["stream", "datagram"] as const) {
    const free = createServer().listen(0, "127.0.0.1");
    await once(free, "listening");
    const { port: hostPort } = free.address() as AddressInfo;
    free.close();
    await once(free, "close");
    const provider = new NodeSocketProvider({
      published: [{ type, hostAddress: "127.0.0.1", hostPort, guestPort: 22 }],
    });
    const open = async (family: 4 | 6): Promise<HostSocket> => {
      const watch = new Watch();
      const socket = provider.create(family, type, watch);
      const at = { family, address: family === 4 ? "0.0.0.0" : "::", port: 22 };
      const bound = socket.bind(at, { reuseAddress: true, v6Only: family === 6 });
      assert.ok(bound === 0 || bound === -EINPROGRESS);
      if (type === "stream") assert.equal(socket.listen(5), -EINPROGRESS);
      let error = 0;
      await watch.until(() => socket.localAddress() !== null || (error = socket.takeError()) !== 0);
      assert.equal(error, 0);
      assert.deepEqual(socket.localAddress(), at);
      return socket;
    };
    // In either order.
    for (const families of [
      [4, 6],
      [6, 4],
    ] as const) {
      const sockets = [await open(families[0]), await open(families[1])];
      const v4 = sockets[families.indexOf(4)]!;
      if (type === "stream") {
        const client = connect(hostPort, "127.0.0.1");
        await once(client, "connect");
        while (!v4.readable()) await new Promise((resolve) => setImmediate(resolve));
        assert.equal(sockets[families.indexOf(6)]!.accept(new Watch()), -EAGAIN);
        client.destroy();
      } else {
        const client = createSocket("udp4");
        client.send("x", hostPort, "127.0.0.1");
        while (!v4.readable()) await new Promise((resolve) => setImmediate(resolve));
        client.close();
      }
      for (const socket of sockets) socket.abort();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
});

it("reads the host's name servers", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-"));
  const file = join(folder, "resolv.conf");
  writeFileSync(
    file,
    "# comment\nsearch example\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\nnameserver not-an-address\n",
  );
  assert.deepEqual(new NodeSocketProvider({ resolverFile: file }).nameServers(), ["192.0.2.53", "fe80::1"]);
  rmSync(folder, { recursive: true });
});
