/**
 * Goal: a bridge ends what goes round in a loop, forgets stations with time, and knows a bounded number of them.
 * Method: system calls of a task; what bridges do frame by frame is compared with Linux in tests/abi/bridges.c.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AF_NETLINK, AF_PACKET, MSG_DONTWAIT, SOCK_RAW } from "@stratos/abi";
import { advance, type TestKernel } from "../../testing/fake-task.ts";
import { attribute, linkRequest, messagesIn, RouteClient } from "../../testing/route-client.ts";
import { SocketTask } from "../../testing/socket-task.ts";

const NEWLINK = 16,
  NEWNEIGH = 28;
const IFLA_MASTER = 10;
const UP = 1,
  ETH_P_ALL = 0x0300;

interface Bridged {
  readonly machine: TestKernel;
  readonly user: SocketTask;
  readonly client: RouteClient;
}

/** @param pairs  each of a port's name and its bridge's, and the same of the other end; "" for no bridge */
function bridged(bridges: readonly string[], pairs: readonly (readonly [string, string, string, string])[]): Bridged {
  const { test: machine, user } = SocketTask.createMachine();
  const client = new RouteClient(user);
  // What stations say of themselves would be heard, too.
  user.task.network.settings.disablesIpv6.default = 1;
  for (const name of bridges) assert.equal(client.makeKind("bridge", name), 0);
  for (const [one, master, other, otherMaster] of pairs) {
    assert.equal(client.makeVeth(one, other), 0);
    for (const [name, bridge] of [
      [one, master],
      [other, otherMaster],
    ] as const) {
      const value = bridge === "" ? [0, 0, 0, 0] : [client.index(bridge), 0, 0, 0];
      const set = linkRequest(NEWLINK, { index: client.index(name) }, attribute(IFLA_MASTER, value));
      assert.equal(client.ask(set), 0);
      assert.equal(client.setFlags(client.index(name), UP, UP), 0);
    }
  }
  for (const name of bridges) assert.equal(client.setFlags(client.index(name), UP, UP), 0);
  return { machine, user, client };
}

function listener(user: SocketTask, index: number): number {
  const fd = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
  const address = new Uint8Array(20);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, 3, false);
  view.setInt32(4, index, true);
  assert.equal(user.bind(fd, address), 0);
  return fd;
}

function frame(to: readonly number[], from: number): Uint8Array {
  return Uint8Array.from([...to, 2, 0, 1, 0, from >> 8, from & 255, 0x88, 0xb5, 1, 2, 3]);
}
const ALL = [255, 255, 255, 255, 255, 255];

/** Stations that were heard. */
function heard(user: SocketTask): string[] {
  const fd = user.socket(AF_NETLINK, SOCK_RAW, 0);
  user.send(
    fd,
    Uint8Array.from([28, 0, 0, 0, 30, 0, 1, 3, 7, 0, 0, 0, 0, 0, 0, 0, 7, ...new Array<number>(11).fill(0)]),
  );
  const found: string[] = [];
  for (let got = user.receive(fd, 0x8000, MSG_DONTWAIT); typeof got === "string";) {
    for (const { type, payload, attributes } of messagesIn(got, 12))
      if (type === NEWNEIGH && payload[8] === 2) found.push(attributes.get(2)!.slice(4).join("."));
    got = user.receive(fd, 0x8000, MSG_DONTWAIT);
  }
  user.call("close", fd);
  return found;
}

describe("bridges", () => {
  it("end a frame that goes round between two of them", () => {
    const { user, client } = bridged(
      ["one", "two"],
      [
        ["a1", "one", "a2", "two"],
        ["b1", "one", "b2", "two"],
        ["c1", "one", "c2", "two"],
        ["near", "one", "far", ""],
      ],
    );
    const fd = listener(user, client.index("far"));
    assert.equal(user.send(fd, frame(ALL, 1)), 17);
    const { packets } = client.statistic("near", "received");
    assert.equal(packets, 1);
    assert.ok(client.statistic("a2", "received").packets > 3, "it does go round");
    assert.ok(client.statistic("a2", "received").packets <= 1024, "and ends");
    // The next one goes its way again.
    const before = client.statistic("a2", "received").packets;
    assert.equal(user.send(fd, frame(ALL, 1)), 17);
    assert.ok(client.statistic("a2", "received").packets > before);
  });

  it("know 1024 stations, each for 300 s after it was heard", () => {
    const { machine, user, client } = bridged(["br"], [["near", "br", "far", ""]]);
    const fd = listener(user, client.index("far"));
    for (let station = 0; station < 1100; station++) assert.equal(user.send(fd, frame(ALL, station)), 17);
    assert.equal(heard(user).length, 1024);
    advance(machine, 299_000);
    assert.equal(user.send(fd, frame(ALL, 7)), 17);
    assert.equal(heard(user).length, 1024);
    advance(machine, 2000);
    assert.deepEqual(heard(user), ["0.7"]);
    assert.equal(user.send(fd, frame(ALL, 1099)), 17);
    assert.deepEqual(heard(user).sort(), ["0.7", "4.75"]);
  });
});
