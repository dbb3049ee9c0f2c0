/**
 * Goal: raw and ping sockets show packets as raw(7) and icmp(7) say, echo requests are answered, and options go to the
 * layer that they name. Method: sockets of one machine, no provider.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AF_INET,
  AF_INET6,
  ENOPROTOOPT,
  IPPROTO_ICMP,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_ICMPV6,
  IPV6_UNICAST_HOPS,
  IP_TTL,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_STREAM,
  TCP_NODELAY,
} from "@stratos/abi";
import { inet, SocketTask } from "../../testing/socket-task.ts";

const LOCAL = inet("127.0.0.1", 0);
/** Type 8 (request) or 0 (reply), code 0, no checksum yet, identifier 1, sequence 1. */
const echo = (type: number): string => `${String.fromCharCode(type)}\0\0\0\0\x01\0\x01data`;
/** What is behind the checksum. */
const REST = echo(0).slice(6);

test("a raw socket of IPv4 sees the header before the packet; a request to this machine is answered", () => {
  const { user } = SocketTask.createMachine();
  const sees = user.socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
  const sends = user.socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
  // The kernel makes no checksum for a raw socket of ICMP.
  const request = `\x08\0${checksum("\x08\0\0\0\0\x01\0\x01data")}\0\x01\0\x01data`;
  assert.equal(user.send(sends, request, 0, LOCAL), request.length);
  const seen: string[] = [];
  for (let packet = user.receive(sees); typeof packet === "string"; packet = user.receive(sees)) seen.push(packet);
  assert.deepEqual(
    seen.map((packet) => [packet.charCodeAt(0), packet.charCodeAt(9), packet.charCodeAt(20), packet.slice(26)]),
    [
      [0x45, IPPROTO_ICMP, 8, REST],
      [0x45, IPPROTO_ICMP, 0, REST],
    ],
    "the request, and the reply",
  );
});

test("an echo request is answered with its code, a reply not at all", () => {
  const { user } = SocketTask.createMachine();
  const fd = user.socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMP);
  for (const [head, answer] of [
    ["\x08\x08", "\0\x08"],
    ["\0\x08", null],
  ] as const) {
    const packet = `${head}${checksum(`${head}\0\0\0\x01\0\x01data`)}\0\x01\0\x01data`;
    user.send(fd, packet, 0, LOCAL);
    assert.equal((user.receive(fd) as string).slice(20), packet);
    if (answer !== null) assert.equal((user.receive(fd) as string).slice(20, 22), answer);
    assert.ok((user.receive(fd) as number) < 0, "nothing else came");
  }
});

test("a segment of a raw socket reaches the machine's own ports, and is answered", () => {
  const { user } = SocketTask.createMachine();
  const fd = user.socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_TCP);
  // A SYN from port 7 to port 9: with the pseudo-header of 127.0.0.1 twice its words add up to 0xffff.
  const head = "\0\x07\0\x09\0\0\0\x01\0\0\0\0\x50\x02\x10\0";
  const pseudo = "\x7f\0\0\x01\x7f\0\0\x01\0\x06\0\x14";
  user.send(fd, `${head}${checksum(`${pseudo}${head}`)}\0\0`, 0, LOCAL);
  const flags: number[] = [];
  for (let packet = user.receive(fd); typeof packet === "string"; packet = user.receive(fd))
    flags.push(packet.charCodeAt(33));
  assert.deepEqual(flags, [0x02, 0x14], "SYN, then RST and ACK");
});

test("a raw socket of UDP sees what others of the machine send", () => {
  const { user } = SocketTask.createMachine();
  const fd = user.socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_UDP);
  const receiver = user.socket(AF_INET, SOCK_DGRAM);
  user.bind(receiver, inet("127.0.0.1", 600));
  assert.equal(user.send(user.socket(AF_INET, SOCK_DGRAM), "seen", 0, inet("127.0.0.1", 600)), 4);
  assert.equal(user.receive(receiver), "seen");
  assert.equal((user.receive(fd) as string).slice(28), "seen");
});

test("a ping socket sees the reply, without a header", () => {
  const { user } = SocketTask.createMachine();
  const fd = user.socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, IPPROTO_ICMP);
  assert.ok(user.send(fd, echo(8), 0, LOCAL) > 0);
  const reply = user.receive(fd) as string;
  assert.deepEqual([reply.charCodeAt(0), reply.slice(6)], [0, REST]);
});

test("an option goes to the layer that it names: of IPv4 also on a socket of IPv6, not the other way", () => {
  const { user } = SocketTask.createMachine();
  const six = user.socket(AF_INET6, SOCK_STREAM),
    four = user.socket(AF_INET, SOCK_STREAM);
  for (const [fd, level, option] of [
    [six, IPPROTO_TCP, TCP_NODELAY],
    [six, IPPROTO_IPV6, IPV6_UNICAST_HOPS],
    [six, IPPROTO_IP, IP_TTL],
    [four, IPPROTO_TCP, TCP_NODELAY],
    [four, IPPROTO_IP, IP_TTL],
  ] as const) {
    assert.equal(user.setInt(fd, level, option, 1), 0, `${level} ${option}`);
    assert.equal(user.getInt(fd, level, option), 1, `${level} ${option}`);
  }
  assert.equal(user.setInt(four, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 1), -ENOPROTOOPT);
  assert.equal(user.setInt(six, IPPROTO_ICMPV6, TCP_NODELAY, 1), -ENOPROTOOPT);
});

/** Of the Internet (RFC 1071): two characters. */
function checksum(packet: string): string {
  let sum = 0;
  for (let at = 0; at < packet.length; at += 2) sum += packet.charCodeAt(at) * 256 + packet.charCodeAt(at + 1);
  while (sum > 0xffff) sum = (sum >>> 16) + (sum & 0xffff);
  return String.fromCharCode((~sum >>> 8) & 0xff, ~sum & 0xff);
}
