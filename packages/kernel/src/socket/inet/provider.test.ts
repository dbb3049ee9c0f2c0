/** AF_INET through a socket provider: two machines on a simulated network, and a machine with its host. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  AF_INET6,
  EACCES,
  EADDRINUSE,
  EAGAIN,
  ECONNREFUSED,
  EHOSTUNREACH,
  ENETUNREACH,
  IP_RECVERR,
  IPPROTO_IP,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  SOCK_DGRAM,
  SOCK_STREAM,
} from "@stratos/abi";
import { SimulatedNetwork, type SocketProvider } from "@stratos/host";
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
  for (let turn = 0; turn < 100 && call.isBlocked; turn++) {
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

describe("two machines", () => {
  it("learn of absence", () => {
    const { network, a } = machines();
    const fd = a.socket(AF_INET, SOCK_STREAM);
    assert.equal(settle(network, a.startWith("connect", fd, inet("10.0.0.9", 81))), -EHOSTUNREACH);
    assert.equal(a.connect(a.socket(AF_INET6, SOCK_STREAM), inet6("2001:db8::1", 80)), -ENETUNREACH);
  });
});

describe("two machines' datagrams", () => {
  it("are told of as refused in the queue of errors, where it was asked for", () => {
    const { network, a } = machines();
    const refused = (asks: number): unknown => {
      const fd = a.socket(AF_INET, SOCK_DGRAM);
      assert.equal(a.connect(fd, inet("10.0.0.2", 33434)), 0);
      a.setInt(fd, IPPROTO_IP, IP_RECVERR, asks);
      assert.equal(a.send(fd, Uint8Array.of(1, 2)), 2);
      for (let turn = 0; turn < 4; turn++) network.deliver();
      return a.receiveFrom(fd, MSG_DONTWAIT | MSG_ERRQUEUE);
    };
    const { from } = refused(1) as { from: Uint8Array };
    assert.deepEqual([...from.subarray(2, 8)], [33434 >> 8, 33434 & 255, 10, 0, 0, 2]);
    assert.equal(refused(0), -EAGAIN);
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

  it("chooses a port that the host has free, and keeps it from bind to listen", () => {
    const network = new SimulatedNetwork();
    const provider = network.host([A]);
    const { user } = SocketTask.createMachine(provider);
    user.task.network.settings.localPorts = { first: 40_000, last: 40_007 };
    // All but one are the host's already.
    for (let port = 40_000; port < 40_007; port++) {
      for (const kind of ["stream", "datagram"] as const) {
        const taken = provider.create(4, kind, { changed() {} });
        taken.bind({ family: 4, address: "0.0.0.0", port }, { reuseAddress: false, v6Only: false });
        if (kind === "stream") taken.listen(1);
      }
    }
    network.deliver();
    const port = (fd: number): number => {
      const name = user.name(fd);
      assert.ok(typeof name !== "number");
      return (name[2]! << 8) | name[3]!;
    };
    const anywhere = inet("0.0.0.0", 0);
    const server = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(settle(network, user.startWith("bind", server, anywhere)), 0);
    assert.equal(port(server), 40_007);
    const late = provider.create(4, "stream", { changed() {} });
    late.bind({ family: 4, address: "0.0.0.0", port: 40_007 }, { reuseAddress: false, v6Only: false });
    late.listen(1);
    network.deliver();
    assert.equal(late.takeError(), EADDRINUSE, "nobody else gets it meanwhile");
    assert.equal(settle(network, user.start("listen", server, 5)), 0);
    const outside = provider.create(4, "stream", { changed() {} });
    outside.connect({ family: 4, address: "10.0.0.1", port: 40_007 });
    network.deliver();
    const accepted = user.call("accept", server, 0, 0);
    assert.ok(accepted > 0);
    user.call("close", server);
    network.deliver();
    const early = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(settle(network, user.startWith("bind", early, anywhere)), -EADDRINUSE, "a connection has it");
    user.call("close", accepted);
    network.deliver();

    const unnamed = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(settle(network, user.start("listen", unnamed, 5)), 0);
    assert.equal(port(unnamed), 40_007);
    const datagram = user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(settle(network, user.startWith("bind", datagram, anywhere)), 0);
    assert.equal(port(datagram), 40_007);
    const full = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(settle(network, user.startWith("bind", full, anywhere)), -EADDRINUSE);
  });
});

it("a host that denies its loopback has nobody listening there, as far as the machine knows", () => {
  const host = new SimulatedNetwork().host([A]);
  const denying: SocketProvider = {
    create: (_family, _type, events) => Object.assign(host.create(4, "stream", events), { connect: () => -EACCES }),
    nameServers: () => [],
    localAddresses: () => host.localAddresses(),
  };
  const { user } = SocketTask.createMachine(denying);
  const results = ["127.0.0.1", "10.0.0.1", "10.0.0.2"].map((address) =>
    user.connect(user.socket(AF_INET, SOCK_STREAM), inet(address, 80)),
  );
  assert.deepEqual(results, [-ECONNREFUSED, -ECONNREFUSED, -EACCES]);
});
