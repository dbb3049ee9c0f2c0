/** AF_INET through a socket provider: two machines on a simulated network, and a machine with its host. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  AF_INET6,
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  ECONNRESET,
  EHOSTUNREACH,
  EINPROGRESS,
  ENETUNREACH,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  POLLHUP,
  POLLIN,
  POLLOUT,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_ERROR,
} from "@stratos/abi";
import { SimulatedNetwork } from "@stratos/host";
import type { Call } from "../../testing/fake-task.ts";
import { inet, inet6, SocketTask } from "../../testing/socket-task.ts";

const A = { family: 4, address: "10.0.0.1", prefixLength: 24 } as const;
const B = { family: 4, address: "10.0.0.2", prefixLength: 24 } as const;

interface Pair {
  network: SimulatedNetwork;
  a: SocketTask;
  b: SocketTask;
}

function machines(): Pair {
  const network = new SimulatedNetwork();
  return {
    network,
    a: SocketTask.createMachine(network.host([A])).user,
    b: SocketTask.createMachine(network.host([B])).user,
  };
}

/** Delivers what is under way and goes on with the call. */
function settle(network: SimulatedNetwork, call: Call): number {
  for (let turn = 0; turn < 10 && call.isBlocked; turn++) {
    network.deliver();
    call.resume();
  }
  assert.notEqual(call.result, null, "the call ends");
  return call.result!;
}

function listen({ network }: Pair, user: SocketTask, port: number): number {
  const fd = user.socket(AF_INET, SOCK_STREAM);
  assert.equal(user.bind(fd, inet("0.0.0.0", port)), 0);
  assert.equal(settle(network, user.start("listen", fd, 5)), 0);
  return fd;
}

function connected(pair: Pair): [number, number] {
  const { network, a, b } = pair;
  const server = listen(pair, b, 80);
  const client = a.socket(AF_INET, SOCK_STREAM);
  assert.equal(settle(network, a.startWith("connect", client, inet("10.0.0.2", 80))), 0);
  network.deliver();
  const accepted = b.call("accept", server, 0, 0);
  assert.ok(accepted > 0);
  return [client, accepted];
}

describe("two machines", () => {
  it("connect, talk, and end each direction", () => {
    const pair = machines();
    const { network, a, b } = pair;
    const [client, server] = connected(pair);
    assert.deepEqual(b.name(server, "getpeername"), a.name(client));
    assert.deepEqual(a.name(client, "getpeername"), inet("10.0.0.2", 80));
    assert.equal(a.send(client, "request"), 7);
    network.deliver();
    assert.equal(b.receive(server), "request");
    const waiting = a.startReceive(client);
    b.send(server, "answer");
    assert.equal(settle(network, waiting), 6);
    b.call("shutdown", server, SHUT_WR);
    network.deliver();
    assert.equal(a.receive(client), "");
    assert.equal(a.send(client, "more"), 4);
    assert.equal(b.receive(server), "more");
    a.call("close", client);
    network.deliver();
    assert.equal(b.receive(server), "");
    assert.equal(b.poll(server) & POLLHUP, POLLHUP);
  });

  it("learn of refusals and absence", () => {
    const { network, a } = machines();
    const fd = a.socket(AF_INET, SOCK_STREAM);
    assert.equal(settle(network, a.startWith("connect", fd, inet("10.0.0.2", 81))), -ECONNREFUSED);
    assert.equal(settle(network, a.startWith("connect", fd, inet("10.0.0.9", 81))), -EHOSTUNREACH);
    assert.equal(a.connect(a.socket(AF_INET6, SOCK_STREAM), inet6("2001:db8::1", 80)), -ENETUNREACH);
    const nonblocking = a.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    assert.equal(a.connect(nonblocking, inet("10.0.0.2", 81)), -EINPROGRESS);
    assert.equal(a.poll(nonblocking) & POLLOUT, 0);
    network.deliver();
    assert.equal(a.poll(nonblocking) & POLLOUT, POLLOUT);
    assert.equal(a.getInt(nonblocking, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
  });

  it("hold writers back until the other side has read", () => {
    const pair = machines();
    const { network, a, b } = pair;
    const [client, server] = connected(pair);
    let total = 0;
    for (;;) {
      const sent = a.send(client, new Uint8Array(0x5000), MSG_DONTWAIT);
      if (sent < 0) break;
      total += sent;
    }
    assert.equal(total, 65536);
    const writing = a.startSend(client, "tail");
    network.deliver();
    assert.equal(writing.resume(), null);
    let seen = 0;
    while (seen < total) seen += (b.receive(server, 0x5000) as string).length;
    assert.equal(settle(network, writing), 4);
    assert.equal(b.receive(server), "tail");
  });

  it("see a reset", () => {
    const pair = machines();
    const { network, a, b } = pair;
    const [client, server] = connected(pair);
    b.setBytes(server, SOL_SOCKET, 13, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0));
    b.call("close", server);
    network.deliver();
    assert.equal(a.receive(client), -ECONNRESET);
    assert.equal(a.send(client, "x", MSG_NOSIGNAL), -32);
  });

  it("exchange datagrams", () => {
    const { network, a, b } = machines();
    const server = b.socket(AF_INET, SOCK_DGRAM);
    assert.equal(settle(network, b.startWith("bind", server, inet("0.0.0.0", 53))), 0);
    const client = a.socket(AF_INET, SOCK_DGRAM);
    assert.equal(a.connect(client, inet("10.0.0.2", 53)), 0);
    assert.deepEqual((a.name(client) as Uint8Array).subarray(4, 8), Uint8Array.of(10, 0, 0, 1));
    a.send(client, "question");
    network.deliver();
    assert.equal(b.poll(server) & POLLIN, POLLIN);
    const question = b.receiveFrom(server);
    assert.equal(typeof question === "number" ? question : question.text, "question");
    b.send(server, "answer", 0, (question as { from: Uint8Array }).from);
    network.deliver();
    assert.equal(a.receive(client), "answer");
    const refused = a.socket(AF_INET, SOCK_DGRAM);
    a.connect(refused, inet("10.0.0.2", 54));
    a.send(refused, "x");
    network.deliver();
    assert.equal(a.receive(refused), -ECONNREFUSED);
  });
});

describe("a machine and its host", () => {
  it("finds the guest's own listeners first, then those of the host", () => {
    const network = new SimulatedNetwork();
    const provider = network.host([A]);
    const { user } = SocketTask.createMachine(provider);
    const outside = provider.create(4, "stream", { changed() {} });
    outside.bind({ family: 4, address: "127.0.0.1", port: 8080 }, { reuseAddress: true, v6Only: false });
    outside.listen(1);
    network.deliver();
    const first = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(settle(network, user.startWith("connect", first, inet("127.0.0.1", 8080))), 0);
    assert.equal(outside.readable(), true);
    const own = user.socket(AF_INET, SOCK_STREAM);
    user.bind(own, inet("127.0.0.1", 8080));
    assert.equal(user.call("listen", own, 1), 0);
    const second = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.connect(second, inet("127.0.0.1", 8080)), 0);
    assert.ok(user.call("accept", own, 0, 0) > 0);
    // The machine's outside address leads to its own listeners, too.
    assert.equal(
      settle(network, user.startWith("connect", user.socket(AF_INET, SOCK_STREAM), inet("10.0.0.1", 9))),
      -ECONNREFUSED,
    );
  });

  it("passes the host's refusal to listen on, and leaves nothing open", () => {
    const network = new SimulatedNetwork();
    const provider = network.host([A]);
    const one = SocketTask.createMachine(provider).user;
    const other = SocketTask.createMachine(provider).user;
    const pair = { network, a: one, b: other };
    const server = listen(pair, one, 8080);
    const second = other.socket(AF_INET, SOCK_STREAM);
    other.bind(second, inet("0.0.0.0", 8080));
    assert.equal(settle(network, other.start("listen", second, 5)), -EADDRINUSE);
    const datagram = one.socket(AF_INET, SOCK_DGRAM);
    assert.equal(settle(network, one.startWith("bind", datagram, inet("0.0.0.0", 53))), 0);
    const taken = other.socket(AF_INET, SOCK_DGRAM);
    assert.equal(settle(network, other.startWith("bind", taken, inet("0.0.0.0", 53))), -EADDRINUSE);
    assert.equal(other.receive(taken, 1, MSG_DONTWAIT), -EAGAIN);
    for (const fd of [server, datagram]) one.call("close", fd);
    for (const fd of [second, taken]) other.call("close", fd);
    network.deliver();
    assert.equal(network.openSockets, 0);
  });
});
