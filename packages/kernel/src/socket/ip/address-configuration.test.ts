/**
 * Goal: addresses of IPv6 are asked for, and come from routers with their routes, as RFC 4862 and Linux have it.
 * Method: two networks that a veth joins; one of them plays neighbour or router by a raw socket and by frames.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET6,
  AF_PACKET,
  AF_NETLINK,
  EADDRNOTAVAIL,
  EAGAIN,
  NETLINK_ADD_MEMBERSHIP,
  NDUSEROPT_SRCADDR,
  RTM_NEWNDUSEROPT,
  RTNLGRP_ND_USEROPT,
  SOL_NETLINK,
  IFA_F_DADFAILED,
  IFA_F_DEPRECATED,
  IFA_F_MANAGETEMPADDR,
  IFA_F_NODAD,
  IFA_F_OPTIMISTIC,
  IFA_F_PERMANENT,
  IFA_F_TENTATIVE,
  IPPROTO_ICMPV6,
  IPPROTO_IPV6,
  IPV6_MULTICAST_HOPS,
  MSG_DONTWAIT,
  RTPROT_RA,
  SOCK_DGRAM,
  SOCK_RAW,
} from "@stratos/abi";
import { ipBytes, ipOfText, textOfIp } from "@stratos/netstack";
import { inet6 } from "../../testing/socket-task.ts";
import { type Station, World } from "../../testing/network-world.ts";
import { addAddress, setUp } from "../interface-changes.ts";
import { flagsOf, type InterfaceAddress, type NetworkInterface } from "../network-interface.ts";
import type { InterfaceSettings } from "../network-settings.ts";

const ETH_P_ALL = 0x300;

class Link {
  readonly world = new World();
  readonly a: Station = this.world.first;
  readonly b: Station = this.world.station();

  /** @param settings  of the left end */
  constructor(settings: Partial<InterfaceSettings> = {}) {
    this.world.join(this.a, "left", this.b, "right");
    Object.assign(this.left.settings, settings);
    // What the other end does itself says nothing.
    this.right.settings.hearsRouters = 0;
    setUp(this.b.user.task.network, this.right as never, true);
    setUp(this.a.user.task.network, this.left as never, true);
  }

  get left(): NetworkInterface {
    return this.a.user.task.network.interfaceByName("left")!;
  }

  get right(): NetworkInterface {
    return this.b.user.task.network.interfaceByName("right")!;
  }

  add(at: "a" | "b", text: string, more: Partial<InterfaceAddress> = {}): InterfaceAddress {
    const address = { ip: ipOfText(text)!, prefixLength: 64, broadcast: null, ...more };
    const { network } = this[at].user.task;
    assert.equal(addAddress(network, at === "a" ? this.left : this.right, address), 0);
    return address;
  }

  bind(text: string): number {
    const fd = this.a.user.socket(AF_INET6, SOCK_DGRAM);
    const bound = this.a.user.bind(fd, inet6(text, 0));
    this.a.user.call("close", fd);
    return bound;
  }

  /** What the left end is told by the right one: the message's checksum is the kernel's. */
  tell(message: readonly number[], to = "ff02::1"): void {
    const fd = this.b.user.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
    this.b.user.setInt(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255);
    const address = inet6(to, 0);
    address[24] = this.right.index;
    assert.equal(this.b.user.send(fd, Uint8Array.from(message), 0, address), message.length);
    this.b.user.call("close", fd);
  }

  /** Kinds of ICMPv6 that came to the right end since the last time, and frames of them. */
  listen(): () => { kind: number; frame: string }[] {
    const fd = this.b.user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    return () => {
      const heard: { kind: number; frame: string }[] = [];
      for (;;) {
        const frame = this.b.user.receive(fd, 200, MSG_DONTWAIT);
        if (typeof frame === "number") return heard;
        // Of one that comes from here the source is ours.
        const isOurs = [...this.right.hardwareAddress].every((byte, at) => frame.charCodeAt(6 + at) === byte);
        if (!isOurs && frame.charCodeAt(20) === IPPROTO_ICMPV6) heard.push({ kind: frame.charCodeAt(54), frame });
      }
    };
  }

  kept(): string[] {
    return this.left.addresses.filter(({ ip }) => ip[0] !== 0xfe800000).map(({ ip }) => textOfIp(ip));
  }

  routes(): string[] {
    return this.a.user.task.network.routes.given.map(
      ({ destination, prefixLength, gateway }) =>
        `${textOfIp(destination)}/${prefixLength}${gateway === null ? "" : " by a router"}`,
    );
  }
}

function long(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

function advertisement({ lifetime = 1800, options = [] as number[], preference = 0 } = {}): number[] {
  return [134, 0, 0, 0, 64, preference << 3, lifetime >> 8, lifetime & 255, ...long(0), ...long(0), ...options];
}

function prefix(text: string, valid: number, preferred: number, flags = 0xc0): number[] {
  return [3, 4, 64, flags, ...long(valid), ...long(preferred), ...long(0), ...ipBytes(ipOfText(text)!)];
}

describe("an address of IPv6", () => {
  it("is used when its link has been asked, and nobody has said no", () => {
    const link = new Link();
    link.world.pass(3);
    const heard = link.listen();
    const address = link.add("a", "2001:db8::1");
    assert.equal(flagsOf(address), IFA_F_PERMANENT | IFA_F_TENTATIVE);
    assert.equal(link.bind("2001:db8::1"), -EADDRNOTAVAIL);
    link.world.pass(3);
    assert.equal(flagsOf(address), IFA_F_PERMANENT);
    assert.equal(link.bind("2001:db8::1"), 0);
    const [question] = heard().filter(({ kind }) => kind === 135);
    assert.equal(question!.frame.slice(22, 38), "\0".repeat(16), "from nobody");
    assert.equal(question!.frame.charCodeAt(78), 14, "with a nonce");
  });

  it("is asked for as often as dad_transmits says; with accept_dad 0, or `nodad`, not at all", () => {
    const link = new Link({ questions: 3 });
    link.world.pass(5);
    const heard = link.listen();
    const address = link.add("a", "2001:db8::1");
    link.world.pass(2);
    assert.equal(flagsOf(address) & IFA_F_TENTATIVE, IFA_F_TENTATIVE);
    link.world.pass(3);
    assert.equal(flagsOf(address) & IFA_F_TENTATIVE, 0);
    assert.equal(heard().filter(({ kind }) => kind === 135).length, 3);
    assert.equal(flagsOf(link.add("a", "2001:db8::2", { flags: IFA_F_NODAD })), IFA_F_PERMANENT | IFA_F_NODAD);
    link.left.settings.asksForAddresses = 0;
    assert.equal(flagsOf(link.add("a", "2001:db8::3")), IFA_F_PERMANENT);
  });

  it("is not used when somebody has it", () => {
    const link = new Link();
    link.world.pass(3);
    link.add("b", "2001:db8::1", { flags: IFA_F_NODAD });
    const address = link.add("a", "2001:db8::1");
    link.world.pass(5);
    assert.equal(flagsOf(address), IFA_F_PERMANENT | IFA_F_TENTATIVE | IFA_F_DADFAILED);
    assert.equal(link.bind("2001:db8::1"), -EADDRNOTAVAIL);
  });

  it("is used by the first of two that ask for it at once", () => {
    const link = new Link();
    link.world.pass(3);
    const both = [link.add("b", "2001:db8::1"), link.add("a", "2001:db8::1")];
    link.world.pass(5);
    const flags = both.map(flagsOf).sort((one, other) => one - other);
    assert.deepEqual(
      flags,
      [IFA_F_PERMANENT | IFA_F_TENTATIVE | IFA_F_DADFAILED, IFA_F_PERMANENT].sort((a, b) => a - b),
    );
  });

  it("goes on being asked for when its own question comes back", () => {
    const link = new Link();
    link.world.pass(3);
    const heard = link.listen();
    const address = link.add("a", "2001:db8::1");
    link.world.pass(1);
    const [question] = heard().filter(({ kind }) => kind === 135);
    const back = link.b.user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    const to = new Uint8Array(20);
    to.set([AF_PACKET, 0, 0, 0, link.right.index]);
    const frame = Uint8Array.from(question!.frame, (letter) => letter.charCodeAt(0));
    assert.equal(link.b.user.send(back, frame, 0, to), frame.length);
    link.world.pass(2);
    assert.equal(flagsOf(address), IFA_F_PERMANENT);
  });

  it("is one's own of the link: without it, and accept_dad 2, there is no IPv6", () => {
    const link = new Link({ asksForAddresses: 2 });
    const own = link.left.addresses[0]!;
    link.add("b", textOfIp(own.ip), { flags: IFA_F_NODAD });
    link.world.pass(2);
    assert.deepEqual([link.left.disablesIpv6, link.left.addresses], [1, []]);
  });

  it("waits for a carrier", () => {
    const link = new Link();
    link.world.pass(3);
    setUp(link.b.user.task.network, link.right as never, false);
    const address = link.add("a", "2001:db8::1");
    link.world.pass(5);
    assert.equal(flagsOf(address) & IFA_F_TENTATIVE, IFA_F_TENTATIVE);
    setUp(link.b.user.task.network, link.right as never, true);
    link.world.pass(3);
    assert.equal(flagsOf(address), IFA_F_PERMANENT);
  });

  it("of its own is used at once where that is hoped for", () => {
    const link = new Link({ isOptimistic: 1 });
    assert.equal(flagsOf(link.left.addresses[0]!), IFA_F_PERMANENT | IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
    assert.ok(link.a.user.task.network.hasAddress(link.left.addresses[0]!.ip));
    link.world.pass(3);
    assert.equal(flagsOf(link.left.addresses[0]!), IFA_F_PERMANENT);
  });

  it("ends when its time is over, and before that is taken for nothing new", () => {
    const link = new Link();
    link.world.pass(3);
    const sinceNs = link.world.test.kernel.now();
    const address = link.add("a", "2001:db8::1", { life: { preferred: 5, valid: 9, sinceNs } });
    link.world.pass(4);
    assert.equal(flagsOf(address), 0);
    link.world.pass(2);
    assert.equal(flagsOf(address), IFA_F_DEPRECATED);
    link.world.pass(4);
    assert.deepEqual(link.kept(), []);
  });
});

describe("a router", () => {
  it("is asked for ever more seldom, until it is heard", () => {
    const link = new Link();
    const heard = link.listen();
    link.world.pass(13);
    assert.equal(heard().filter(({ kind }) => kind === 133).length, 2);
    link.world.pass(10);
    assert.equal(heard().filter(({ kind }) => kind === 133).length, 1);
    link.tell(advertisement());
    link.world.pass(100);
    assert.equal(heard().filter(({ kind }) => kind === 133).length, 0);
  });

  it("gives a default route, and takes it back", () => {
    const link = new Link();
    link.world.pass(4);
    link.tell(advertisement({ lifetime: 30, preference: 1 }));
    assert.deepEqual(link.routes(), ["::/0 by a router"]);
    const [route] = link.a.user.task.network.routes.given;
    assert.deepEqual([route!.protocol, route!.metric, route!.preference], [RTPROT_RA, 1024, 1]);
    link.world.pass(20);
    link.tell(advertisement({ lifetime: 30 }));
    link.world.pass(20);
    assert.equal(link.routes().length, 1, "it was renewed");
    link.tell(advertisement({ lifetime: 0 }));
    assert.deepEqual(link.routes(), []);
    link.tell(advertisement({ lifetime: 10 }));
    link.world.pass(11);
    assert.deepEqual(link.routes(), [], "its time is over");
  });

  it("gives addresses of its prefixes with their lives, which end not too soon", () => {
    const link = new Link();
    link.world.pass(4);
    const said = (valid: number, preferred: number): void =>
      link.tell(advertisement({ options: prefix("2001:db8:7::", valid, preferred) }));
    said(10000, 8000);
    assert.equal(link.kept().length, 1);
    const address = link.left.addresses.find(({ protocol }) => protocol === 2)!;
    assert.equal(flagsOf(address), IFA_F_TENTATIVE | IFA_F_MANAGETEMPADDR);
    assert.equal(address.ip[0], 0x20010db8);
    assert.deepEqual([...address.ip.slice(2)], [...link.left.addresses.at(-1)!.ip.slice(2)], "its own half");
    assert.deepEqual(link.routes(), ["::/0 by a router", "2001:db8:7::/64"]);
    link.world.pass(3);
    assert.equal(link.bind(textOfIp(address.ip)), 0);
    said(5, 0);
    assert.deepEqual([address.life!.valid, flagsOf(address)], [7200, IFA_F_MANAGETEMPADDR | IFA_F_DEPRECATED]);
    said(0xffffffff, 0xffffffff);
    assert.equal(flagsOf(address), IFA_F_MANAGETEMPADDR);
  });

  it("is not heard by who is one, nor where that is not wished, nor from beyond the link", () => {
    const options = prefix("2001:db8:7::", 1000, 1000);
    for (const [settings, routes, addresses] of [
      [{ forwardsV6: 1 }, 0, 0],
      [{ forwardsV6: 1, hearsRouters: 2 }, 2, 1],
      [{ hearsRouters: 0 }, 0, 0],
      [{ takesRouter: 0 }, 1, 1],
      [{ takesPrefixes: 0 }, 1, 0],
      [{ configures: 0 }, 2, 0],
    ] as const) {
      const link = new Link(settings);
      link.world.pass(4);
      link.tell(advertisement({ options }));
      assert.deepEqual([link.routes().length, link.kept().length], [routes, addresses], JSON.stringify(settings));
    }
    const link = new Link();
    link.world.pass(4);
    const fd = link.b.user.socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6);
    const to = inet6("ff02::1", 0);
    to[24] = link.right.index;
    assert.ok(link.b.user.send(fd, Uint8Array.from(advertisement({ options })), 0, to) > 0, "with one hop");
    assert.deepEqual(link.routes(), []);
  });

  it("that says nonsense is not heard", () => {
    const link = new Link();
    link.world.pass(4);
    for (const options of [[3, 0, 64, 0xc0], [3, 4, 64, 0xc0, ...long(1), ...long(1)], [1]])
      link.tell(advertisement({ options }));
    assert.deepEqual(link.routes(), []);
    for (const options of [
      prefix("2001:db8::", 1, 2),
      prefix("fe80::", 9, 9),
      prefix("ff02::", 9, 9),
      prefix("2001:db8::", 0, 0),
    ])
      link.tell(advertisement({ options, lifetime: 0 }));
    assert.deepEqual([link.routes(), link.kept()], [[], []]);
  });

  it("tells programs of name servers", () => {
    const link = new Link();
    link.world.pass(4);
    const { user } = link.a;
    const program = user.socket(AF_NETLINK, SOCK_RAW);
    assert.equal(user.setInt(program, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, RTNLGRP_ND_USEROPT), 0);
    const server = [25, 3, 0, 0, ...long(100), ...ipBytes(ipOfText("2001:db8::53")!)];
    link.tell(advertisement({ options: [...server, ...prefix("2001:db8::", 0, 0)] }));
    const heard = Uint8Array.from(user.receive(program, 200, MSG_DONTWAIT) as string, (letter) => letter.charCodeAt(0));
    const [type, head, router] = [heard[4], heard.slice(16, 32), heard.slice(56)];
    assert.equal(type, RTM_NEWNDUSEROPT);
    assert.deepEqual([...head.slice(0, 9)], [AF_INET6, 0, 24, 0, link.left.index, 0, 0, 0, 134]);
    assert.deepEqual([...heard.slice(32, 56)], server);
    const own = link.right.addresses.find(({ ip }) => ip[0] === 0xfe800000)!;
    assert.deepEqual([...router], [20, 0, NDUSEROPT_SRCADDR, 0, ...ipBytes(own.ip)]);
    assert.equal(user.receive(program, 200, MSG_DONTWAIT), -EAGAIN);
  });

  it("says how long packets may be, and many prefixes fill nothing", () => {
    const link = new Link();
    link.world.pass(4);
    link.tell(advertisement({ options: [5, 1, 0, 0, ...long(1300)] }));
    assert.equal(link.left.mtuV6, 1300);
    link.tell(advertisement({ options: [5, 1, 0, 0, ...long(1000)] }));
    assert.equal(link.left.mtuV6, 1300);
    for (let number = 0; number < 200; number++)
      link.tell(advertisement({ options: prefix(`2001:db8:${number.toString(16)}::`, 900, 900) }));
    assert.equal(link.kept().length, 16);
    assert.equal(link.routes().length, 64);
  });
});
