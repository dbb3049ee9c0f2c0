/** Goal: what nstat(8) and netstat(8) show happened. Method: two stations of a machine that speak over a link. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AF_INET,
  ECONNREFUSED,
  IPPROTO_ICMP,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
} from "@stratos/abi";
import { disableIpv6 } from "../socket/interface-changes.ts";
import { routed, type Station } from "../testing/network-world.ts";
import { inet } from "../testing/socket-task.ts";
import { describeFurther, describePacketWork, describeProtocols, describeProtocols6 } from "./net-statistics.ts";

/** By group and name, those that are not 0. */
function countsOf({ user }: Station): Map<string, number> {
  const { network } = user.task;
  const counts = new Map<string, number>();
  const rows = (describeProtocols(network) + describeFurther(network)).trimEnd().split("\n");
  for (let row = 0; row < rows.length; row += 2) {
    const [group, ...names] = rows[row]!.split(" ");
    const [again, ...values] = rows[row + 1]!.split(" ");
    assert.equal(group, again);
    assert.equal(names.length, values.length);
    for (const [index, name] of names.entries()) counts.set(group!.replace(":", "") + name, Number(values[index]));
  }
  return counts;
}

test("packets, echoes, datagrams and connections are counted where they come and go", () => {
  const { world, router, a } = routed();
  const { user } = a;
  // Groups of IPv6 are told of when chance says so.
  for (const { network } of [user.task, router.user.task])
    for (const one of network.interfaces) disableIpv6(network, one, 1);
  const before = describeProtocols6(user.task.network);
  const udp = user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(user.send(udp, "nobody", 0, inet("10.1.0.1", 9)), 6);
  const server = router.user.socket(AF_INET, SOCK_DGRAM);
  router.user.bind(server, inet("10.1.0.1", 7));
  user.send(user.socket(AF_INET, SOCK_DGRAM), "heard", 0, inet("10.1.0.1", 7));
  assert.equal(router.user.receive(server), "heard");
  user.send(
    user.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP),
    Uint8Array.of(8, 0, 0xf7, 0xfe, 0, 1, 0, 0),
    0,
    inet("10.1.0.1", 0),
  );
  const listener = router.user.socket(AF_INET, SOCK_STREAM);
  router.user.bind(listener, inet("10.1.0.1", 80));
  router.user.call("listen", listener, 5);
  const call = user.startWith("connect", user.socket(AF_INET, SOCK_STREAM), inet("10.1.0.1", 80));
  world.pass(0.1);
  call.resume();
  assert.ok(router.user.call("accept", listener, 0, 0) >= 0);
  const refused = user.startWith("connect", user.socket(AF_INET, SOCK_STREAM), inet("10.1.0.1", 81));
  world.pass(0.1);
  refused.resume();

  const there = countsOf(router);
  for (const [name, count] of Object.entries({
    ...{ UdpInDatagrams: 1, UdpNoPorts: 1, UdpOutDatagrams: 0, IcmpInEchos: 1, IcmpOutEchoReps: 1 },
    ...{ IcmpOutDestUnreachs: 1, IcmpMsgOutType3: 1, TcpPassiveOpens: 1, TcpCurrEstab: 1, TcpOutRsts: 1 },
    ...{ IpForwarding: 2, IpForwDatagrams: 0 },
  }))
    assert.equal(there.get(name), count, name);
  const here = countsOf(a);
  for (const [name, count] of Object.entries({
    ...{ UdpOutDatagrams: 2, IcmpOutEchos: 1, IcmpInEchoReps: 1, IcmpInDestUnreachs: 1, TcpActiveOpens: 2 },
    ...{ TcpAttemptFails: 1, TcpRetransSegs: 0, TcpPassiveOpens: 0 },
  }))
    assert.equal(here.get(name), count, name);
  assert.equal(here.get("IpOutRequests"), there.get("IpInReceives"));
  assert.equal(there.get("IpExtInOctets"), here.get("IpExtOutOctets"));
  assert.equal(describeProtocols6(user.task.network), before);
});

test("what a router passes on, and for which there is no time, is counted there", () => {
  const { router, a } = routed();
  router.user.task.network.settings.interfaces.all.forwardsV4 = 1;
  for (const one of router.user.task.network.interfaces) one.settings.forwardsV4 = 1;
  const fd = a.user.socket(AF_INET, SOCK_DGRAM);
  a.user.send(fd, "on", 0, inet("10.2.0.2", 7));
  a.user.setInt(fd, 0, 2, 1);
  a.user.send(fd, "late", 0, inet("10.2.0.2", 7));
  const counts = countsOf(router);
  assert.deepEqual(
    ["IpForwDatagrams", "IpInHdrErrors", "IcmpOutTimeExcds", "IpForwarding"].map((name) => counts.get(name)),
    // What is passed on, and its refusal on the way back.
    [2, 1, 1, 1],
  );
  a.user.receiveFrom(fd, MSG_DONTWAIT);
});

test("resets within the machine are counted as those of links are", () => {
  const { a } = routed();
  const { user } = a;
  const counted = (): (number | undefined)[] => {
    const counts = countsOf(a);
    return ["ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets", "CurrEstab", "OutRsts"].map((name) =>
      counts.get(`Tcp${name}`),
    );
  };
  const listener = user.socket(AF_INET, SOCK_STREAM);
  user.bind(listener, inet("127.0.0.1", 80));
  user.call("listen", listener, 5);
  const connected = (): [client: number, server: number] => {
    const client = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.connect(client, inet("127.0.0.1", 80)), 0);
    return [client, user.call("accept", listener, 0, 0)];
  };
  assert.equal(user.connect(user.socket(AF_INET, SOCK_STREAM), inet("127.0.0.1", 81)), -ECONNREFUSED);
  assert.deepEqual(counted(), [1, 0, 1, 0, 0, 1]);
  const [client, server] = connected();
  assert.deepEqual(counted(), [2, 1, 1, 0, 2, 1]);
  // It has not read what is there: both are reset.
  user.send(client, "a", 0);
  user.call("close", server);
  assert.deepEqual(counted(), [2, 1, 1, 2, 0, 2]);
  user.call("close", client);
  const [first, second] = connected();
  user.call("close", second);
  assert.deepEqual(counted(), [3, 2, 1, 2, 1, 2]);
  // Nobody is there any more; this side was in CLOSE-WAIT.
  user.send(first, "a", MSG_NOSIGNAL);
  assert.deepEqual(counted(), [3, 2, 1, 3, 0, 3]);
  const [one, other] = connected();
  for (const fd of [one, other]) user.call("close", fd);
  assert.deepEqual(counted(), [4, 3, 1, 3, 0, 3]);
});

test("netstat(8) finds what our stack says of segments", () => {
  const { world, router, a } = routed();
  const { user } = a;
  const listener = router.user.socket(AF_INET, SOCK_STREAM);
  router.user.bind(listener, inet("10.1.0.1", 80));
  router.user.call("listen", listener, 5);
  const client = user.socket(AF_INET, SOCK_STREAM);
  const call = user.startWith("connect", client, inet("10.1.0.1", 80));
  world.pass(0.1);
  call.resume();
  user.send(client, "a", 0);
  world.pass(0.1);
  const counts = countsOf(a);
  assert.deepEqual(
    ["TCPOrigDataSent", "TCPSynRetrans", "TCPDSACKRecv", "TCPDSACKOfoRecv"].map((name) => counts.get(`TcpExt${name}`)),
    [1, 0, 0, 0],
  );
});

test("softnet_stat has a row of 15 words for the one thread that takes packets, and counts what came", () => {
  const { router, a } = routed();
  const taken = (): number => {
    const text = describePacketWork(router.user.task.network);
    assert.match(text, /^[0-9a-f]{8}(?: [0-9a-f]{8}){14}\n$/);
    return Number.parseInt(text, 16);
  };
  const before = taken();
  for (let i = 0; i < 3; i++) a.user.send(a.user.socket(AF_INET, SOCK_DGRAM), "heard", 0, inet("10.1.0.1", 7));
  assert.ok(taken() >= before + 3, String(taken()));
});
