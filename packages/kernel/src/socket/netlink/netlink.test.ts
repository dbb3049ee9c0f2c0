/** NETLINK_ROUTE and the interface ioctls: netlink(7), rtnetlink(7), netdevice(7). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  AF_INET6,
  AF_NETLINK,
  AF_UNIX,
  EAGAIN,
  EBUSY,
  ECONNREFUSED,
  EEXIST,
  EFAULT,
  EINVAL,
  ENETUNREACH,
  ENODEV,
  ENOENT,
  ENOTTY,
  EOPNOTSUPP,
  EPERM,
  MSG_DONTWAIT,
  MSG_PEEK,
  MSG_TRUNC,
  POLLIN,
  SIOCGIFADDR,
  SIOCGIFCONF,
  SIOCGIFFLAGS,
  SIOCGIFHWADDR,
  SIOCGIFINDEX,
  SIOCGIFMTU,
  SIOCGIFNAME,
  SIOCGIFNETMASK,
  SIOCSIFADDR,
  SIOCSIFFLAGS,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  SOL_NETLINK,
} from "@stratos/abi";
import { SimulatedNetwork } from "@stratos/host";
import { IdMap } from "../../security/id-map.ts";
import { messagesIn, type NetlinkMessage } from "../../testing/route-client.ts";
import { inet, SocketTask } from "../../testing/socket-task.ts";

const GETLINK = 18,
  GETADDR = 22,
  GETROUTE = 26,
  NEWLINK = 16,
  NEWADDR = 20,
  NEWROUTE = 24,
  NLMSG_ERROR = 2,
  NLMSG_DONE = 3;
const REQUEST = 1,
  ACK = 4,
  DUMP = 0x300;

function machine(): SocketTask {
  const provider = new SimulatedNetwork().host([{ family: 4, address: "10.0.2.15", prefixLength: 24 }]);
  return SocketTask.createMachine(provider).user;
}

function request(type: number, flags: number, payload: number[]): Uint8Array {
  const bytes = new Uint8Array(16 + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, 77, true);
  bytes.set(payload, 16);
  return bytes;
}

function dump(user: SocketTask, type: number, fixed: number, family = 0): NetlinkMessage[] {
  const fd = user.socket(AF_NETLINK, SOCK_RAW);
  assert.equal(
    user.send(fd, request(type, REQUEST | DUMP, [family, ...new Array<number>(fixed - 1).fill(0)])) > 0,
    true,
  );
  assert.equal(user.poll(fd) & POLLIN, POLLIN);
  const all: NetlinkMessage[] = [];
  for (;;) {
    const got = user.receive(fd, 0x6000, MSG_DONTWAIT);
    assert.equal(typeof got, "string");
    for (const message of messagesIn(got as string, fixed)) {
      assert.equal(message.sequence, 77);
      if (message.type === NLMSG_DONE) {
        assert.equal(user.receive(fd, 1, MSG_DONTWAIT), -EAGAIN);
        user.call("close", fd);
        return all;
      }
      all.push(message);
    }
  }
}

const nameOf = (message: NetlinkMessage): string => String.fromCharCode(...message.attributes.get(3)!.subarray(0, -1));

describe("NETLINK_ROUTE", () => {
  it("lists the rules by which tables are asked, and no ports of bridges", () => {
    const user = machine();
    const told = (family: number): unknown[] =>
      dump(user, 34, 12, family).map(({ type, payload, attributes }) => {
        const priority = attributes.get(6);
        return [
          type,
          payload[0],
          priority === undefined ? 0 : new DataView(priority.buffer).getUint32(0, true),
          payload[4],
        ];
      });
    const v4 = [
      [32, AF_INET, 0, 255],
      [32, AF_INET, 32766, 254],
      [32, AF_INET, 32767, 253],
    ];
    assert.deepEqual(told(AF_INET), v4);
    assert.deepEqual(told(0), [...v4, [32, AF_INET6, 0, 255], [32, AF_INET6, 32766, 254]]);
    assert.deepEqual(dump(user, GETLINK, 16, 7), []);
  });

  it("tells where an address is reached: as one that was looked up, to this machine itself, for this user", () => {
    const user = machine();
    const fd = user.socket(AF_NETLINK, SOCK_RAW);
    user.send(
      fd,
      request(GETROUTE, REQUEST, [AF_INET, 32, ...new Array<number>(10).fill(0), 8, 0, 1, 0, 127, 0, 0, 1]),
    );
    const [{ payload, attributes }] = messagesIn(user.receive(fd, 0x6000, MSG_DONTWAIT) as string, 12) as [
      NetlinkMessage,
    ];
    assert.deepEqual([...payload.subarray(0, 12)], [AF_INET, 32, 0, 0, 254, 0, 0, 2, 0, 2, 0, 128]);
    assert.deepEqual([...attributes.get(7)!], [127, 0, 0, 1]);
    assert.deepEqual([...attributes.get(25)!], [0, 0, 0, 0]);
    assert.equal(attributes.get(12)!.length, 32);
  });

  it("lists links, addresses and routes", () => {
    const user = machine();
    const links = dump(user, GETLINK, 16);
    assert.deepEqual(
      links.map((link) => [link.type, nameOf(link)]),
      [
        [NEWLINK, "lo"],
        [NEWLINK, "eth0"],
      ],
    );
    const addresses = dump(user, GETADDR, 8);
    assert.deepEqual(
      addresses.map((one) => [one.type, one.payload[0], one.payload[1], [...one.attributes.get(1)!].slice(-4)]),
      [
        [NEWADDR, AF_INET, 8, [127, 0, 0, 1]],
        [NEWADDR, AF_INET6, 128, [0, 0, 0, 1]],
        [NEWADDR, AF_INET, 24, [10, 0, 2, 15]],
      ],
    );
    assert.equal(dump(user, GETADDR, 8, AF_INET6).length, 1);
    const routes = dump(user, GETROUTE, 12, AF_INET).filter((route) => route.payload[4] === 254);
    assert.deepEqual(
      routes.map((route) => [route.type, route.payload[1]]),
      [
        [NEWROUTE, 0],
        [NEWROUTE, 24],
      ],
    );
  });

  it("refuses a dump while one waits to be read", () => {
    const user = machine();
    const fd = user.socket(AF_NETLINK, SOCK_RAW);
    const ask = request(GETROUTE, REQUEST | DUMP, []);
    const errors = (): number[] => {
      const found: number[] = [];
      for (let got; typeof (got = user.receive(fd, 0x6000, MSG_DONTWAIT)) === "string";)
        for (const { type, payload } of messagesIn(got, 4000))
          if (type === NLMSG_ERROR) found.push(new DataView(payload.buffer).getInt32(0, true));
      return found;
    };
    assert.equal(user.send(fd, Uint8Array.from([...ask, ...ask, ...ask])), 48);
    assert.deepEqual(errors(), [-EBUSY, -EBUSY]);
    user.send(fd, ask);
    assert.deepEqual(errors(), []);
  });

  it("goes through many requests of one message in pieces, each request once", () => {
    const user = machine();
    const fd = user.socket(AF_NETLINK, SOCK_RAW);
    const { work } = user.task.kernel;
    const many = new Uint8Array(24000);
    const view = new DataView(many.buffer);
    for (let at = 0; at < many.length; at += 16) {
      many.set(request(1, REQUEST | ACK, []), at);
      view.setUint32(at + 8, at, true);
    }
    let pieces = 0;
    const begin = work.begin.bind(work);
    work.begin = () => {
      begin();
      pieces++;
    };
    assert.equal(user.send(fd, many), many.length);
    assert.equal(pieces, 2);
    for (let at = 0; at < many.length; at += 16)
      assert.equal(messagesIn(user.receive(fd, 0x6000, MSG_DONTWAIT) as string, 400)[0]!.sequence, at);
    assert.equal(user.receive(fd, 1, MSG_DONTWAIT), -EAGAIN);
  });

  it("answers one question, and acknowledges", () => {
    const user = machine();
    const fd = user.socket(AF_NETLINK, SOCK_RAW);
    user.send(fd, request(GETLINK, REQUEST | ACK, [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert.equal(nameOf(messagesIn(user.receive(fd) as string, 16)[0]!), "eth0");
    const acknowledgement = messagesIn(user.receive(fd) as string, 400)[0]!;
    assert.equal(acknowledgement.type, NLMSG_ERROR);
    assert.deepEqual([...acknowledgement.payload.subarray(0, 4)], [0, 0, 0, 0]);
  });

  it("refuses malformed changes, those without the capability, and the unknown", () => {
    const user = machine();
    const fd = user.socket(AF_NETLINK, SOCK_RAW);
    const errorOf = (bytes: Uint8Array): number => {
      user.send(fd, bytes);
      const message = messagesIn(user.receive(fd) as string, 4000)[0]!;
      assert.equal(message.type, NLMSG_ERROR);
      return new DataView(message.payload.buffer).getInt32(0, true);
    };
    assert.equal(errorOf(request(GETLINK, REQUEST, [0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])), -ENODEV);
    assert.equal(errorOf(request(NEWADDR, REQUEST, [2, 24, 0, 0, 1, 0, 0, 0])), -EINVAL);
    const empty = (type: number): number[] => [4, 0, type, 0];
    for (const type of [4, 13, 27])
      // IFLA_MTU, IFLA_TXQLEN, IFLA_GROUP
      assert.equal(
        errorOf(request(NEWLINK, REQUEST, [0, 0, 0, 0, 2, ...new Array<number>(11).fill(0), ...empty(type)])),
        -EINVAL,
      );
    const route = [AF_INET, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0, 8, 0, 4, 0, 2, 0, 0, 0];
    for (const type of [6, 15])
      // RTA_PRIORITY, RTA_TABLE
      assert.equal(errorOf(request(NEWROUTE, REQUEST, [...route, ...empty(type)])), -EINVAL);
    assert.equal(errorOf(request(200, REQUEST, [])), -EOPNOTSUPP);
    user.becomeUser(1000);
    assert.equal(errorOf(request(NEWADDR, REQUEST, [2, 24, 0, 0, 1, 0, 0, 0])), -EPERM);
    // Nor are the rights of another, to whom its maker gave it, of use.
    const own = user.socket(AF_NETLINK, SOCK_RAW);
    user.become({});
    user.send(own, request(NEWADDR, REQUEST, [2, 24, 0, 0, 1, 0, 0, 0]));
    const { payload } = messagesIn(user.receive(own) as string, 4000)[0]!;
    assert.equal(new DataView(payload.buffer).getInt32(0, true), -EPERM);
    // Malformed bytes are ignored.
    assert.equal(user.send(fd, Uint8Array.of(255, 255, 255, 255, 18, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)), 16);
    assert.equal(user.receive(fd, 1, MSG_DONTWAIT), -EAGAIN);
  });

  it("tells a datagram's length to who peeks with no room", () => {
    const user = machine();
    const fd = user.socket(AF_NETLINK, SOCK_DGRAM);
    user.send(fd, request(GETLINK, REQUEST | DUMP, [17]));
    const length = user.startReceive(fd, 0, MSG_PEEK | MSG_TRUNC).result!;
    assert.ok(length > 500);
    assert.equal((user.receive(fd) as string).length, length);
  });

  it("names sockets by port", () => {
    const user = machine();
    const fd = user.socket(AF_NETLINK, SOCK_RAW);
    const address = new Uint8Array(12);
    address[0] = AF_NETLINK;
    assert.equal(user.bind(fd, address), 0);
    assert.equal(new DataView((user.name(fd) as Uint8Array).buffer).getUint32(4, true), user.task.pid);
    assert.equal(user.bind(user.socket(AF_NETLINK, SOCK_RAW), new Uint8Array(12)), -EINVAL);
    address[4] = 99;
    assert.equal(user.send(fd, "x", 0, address), -ECONNREFUSED);
    assert.equal(user.setInt(fd, SOL_NETLINK, 11, 1), 0);
    assert.equal(user.getInt(fd, SOL_NETLINK, 11), 1);
  });
});

describe("other protocols of netlink", () => {
  const SOCK_DIAG = 4,
    UEVENT = 15,
    GENERIC = 16,
    CREATE = 0x400,
    EXCL = 0x200;
  const errorOf = (user: SocketTask, fd: number): number => {
    const [message] = messagesIn(user.receive(fd, 0x6000, MSG_DONTWAIT) as string, 4);
    assert.equal(message!.type, NLMSG_ERROR);
    return new DataView(message!.payload.buffer).getInt32(0, true);
  };

  it("a listener is found by its state, with its port and backlog", () => {
    const user = machine();
    const listener = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.bind(listener, Uint8Array.of(AF_INET, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0)), 0);
    assert.equal(user.call("listen", listener, 7), 0);
    const ask = (states: number): NetlinkMessage[] => {
      const fd = user.socket(AF_NETLINK, SOCK_RAW, SOCK_DIAG);
      const payload = new Uint8Array(56);
      payload.set([AF_INET, 6]);
      new DataView(payload.buffer).setUint32(4, states, true);
      assert.ok(user.send(fd, request(20, REQUEST | DUMP, [...payload])) > 0);
      return messagesIn(user.receive(fd, 0x6000, MSG_DONTWAIT) as string, 72);
    };
    const found = ask(1 << 10);
    assert.equal(found.length, 1);
    assert.deepEqual([...found[0]!.payload.subarray(0, 12)], [AF_INET, 10, 0, 0, 0x1f, 0x90, 0, 0, 127, 0, 0, 1]);
    assert.equal(new DataView(found[0]!.payload.buffer).getUint32(60, true), 7);
    const { credentials } = user.task;
    const userNamespace = Object.assign(Object.create(credentials.userNamespace), { uids: new IdMap([]) });
    const ownerOf = ([message]: NetlinkMessage[]): number => new DataView(message!.payload.buffer).getUint32(64, true);
    assert.equal(ownerOf(found), 0);
    user.task.credentials = { ...credentials, userNamespace };
    assert.equal(ownerOf(ask(1 << 10)), 65534, "who has no name for the owner sees the overflow id");
    user.task.credentials = credentials;
    assert.deepEqual(
      ask(1 << 1).map((message) => message.type),
      [NLMSG_DONE],
    );
    const fd = user.socket(AF_NETLINK, SOCK_RAW, SOCK_DIAG);
    user.send(fd, request(20, REQUEST | DUMP, [AF_INET, 132, ...new Array<number>(54).fill(0)]));
    assert.equal(errorOf(user, fd), -ENOENT);
  });

  it("ss is told what it asks for: memory, state and congestion control of TCP, the backlog and owner of UNIX", () => {
    const user = machine();
    const listener = user.socket(AF_INET, SOCK_STREAM);
    user.bind(listener, Uint8Array.of(AF_INET, 0, 0x1f, 0x90, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0));
    user.call("listen", listener, 7);
    const ask = (payload: Uint8Array, fixed: number): NetlinkMessage => {
      const fd = user.socket(AF_NETLINK, SOCK_RAW, SOCK_DIAG);
      user.send(fd, request(20, REQUEST | DUMP, [...payload]));
      return messagesIn(user.receive(fd, 0x6000, MSG_DONTWAIT) as string, fixed)[0]!;
    };
    const inet = new Uint8Array(56);
    const [INFO, CONGESTION, TOS, MEMORY, SHUTDOWN] = [2, 4, 5, 7, 8] as const;
    inet.set([AF_INET, 6, [INFO, CONGESTION, TOS, MEMORY].reduce((bits, one) => bits | (1 << (one - 1)), 0), 0]);
    inet.fill(255, 4, 8);
    const { attributes } = ask(inet, 72);
    assert.deepEqual([...attributes.keys()].sort(), [INFO, CONGESTION, TOS, MEMORY, SHUTDOWN]);
    assert.equal(attributes.get(INFO)![0], 10, "TCP_LISTEN");
    assert.equal(new TextDecoder().decode(attributes.get(CONGESTION)!).replaceAll("\0", ""), "cubic");
    assert.equal(attributes.get(MEMORY)!.length, 36);
    assert.deepEqual([...ask(inet.fill(0, 2, 3), 72).attributes.keys()], [SHUTDOWN]);
    // Multipath TCP: 262 has more bits than the field of the request, so an attribute tells it.
    const fd = user.socket(AF_NETLINK, SOCK_RAW, SOCK_DIAG);
    user.send(fd, request(20, REQUEST | DUMP, [...inet, 8, 0, 3, 0, 6, 1, 0, 0]));
    assert.equal(errorOf(user, fd), -ENOENT);

    const server = user.socket(AF_UNIX, SOCK_STREAM);
    user.bind(server, Uint8Array.of(AF_UNIX, 0, 0, 65));
    user.call("listen", server, 5);
    const client = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.connect(client, Uint8Array.of(AF_UNIX, 0, 0, 65)), 0);
    const unix = new Uint8Array(24);
    unix.set([AF_UNIX]);
    unix.set([0, 4], 4); // TCP_LISTEN
    unix.set([16 | 32 | 64], 12);
    const told = ask(unix, 16).attributes;
    assert.deepEqual([...told.get(4)!], [1, 0, 0, 0, 5, 0, 0, 0]);
    assert.equal(told.get(5)!.length, 36);
    assert.deepEqual([...told.get(7)!], [0, 0, 0, 0]);
  });

  it("generic netlink knows its controller and taskstats; what is sent to the kernel's events changes nothing", () => {
    const user = machine();
    const fd = user.socket(AF_NETLINK, SOCK_RAW, GENERIC);
    const named = (name: string): number[] => [
      3,
      1,
      0,
      0,
      name.length + 5,
      0,
      2,
      0,
      ...[...name].map((letter) => letter.charCodeAt(0)),
      0,
      ...new Array<number>(3 - (name.length % 4)).fill(0),
    ];
    user.send(fd, request(16, REQUEST, named("nlctrl")));
    assert.deepEqual(
      [...messagesIn(user.receive(fd, 0x6000, MSG_DONTWAIT) as string, 4)[0]!.attributes.get(1)!],
      [16, 0],
    );
    user.send(fd, request(16, REQUEST, named("nl80211")));
    assert.equal(errorOf(user, fd), -ENOENT);
    const events = user.socket(AF_NETLINK, SOCK_RAW, UEVENT);
    assert.ok(events >= 0);
    assert.equal(user.send(events, "add@/devices/x"), 14);
    assert.equal(user.receive(events, 100, MSG_DONTWAIT), -EAGAIN);
  });

  it("a link goes down and up; kinds that are not there can't be made", () => {
    const { user } = SocketTask.createMachine();
    const set = (flags: number, index: number, up: number, change: number, name = ""): number => {
      const fd = user.socket(AF_NETLINK, SOCK_RAW);
      const attributes =
        name === ""
          ? []
          : [
              name.length + 5,
              0,
              3,
              0,
              ...[...name].map((letter) => letter.charCodeAt(0)),
              ...new Array<number>(4 - (name.length % 4)).fill(0),
            ];
      user.send(
        fd,
        request(NEWLINK, REQUEST | ACK | flags, [
          0,
          0,
          0,
          0,
          index,
          0,
          0,
          0,
          up,
          0,
          0,
          0,
          change,
          0,
          0,
          0,
          ...attributes,
        ]),
      );
      return errorOf(user, fd);
    };
    assert.equal(set(0, 1, 1, 1), 0);
    assert.equal(set(0, 0, 1, 1, "lo"), 0);
    assert.equal(set(0, 1, 0, 1), 0);
    assert.equal(user.connect(user.socket(AF_INET, SOCK_STREAM), inet("127.0.0.1", 1)), -ENETUNREACH);
    assert.equal(set(0, 1, 1, 1), 0);
    assert.equal(user.connect(user.socket(AF_INET, SOCK_STREAM), inet("127.0.0.1", 1)), -ECONNREFUSED);
    assert.equal(set(0, 9, 1, 1), -ENODEV);
    assert.equal(set(CREATE | EXCL, 0, 0, 0, "dummy0"), -EOPNOTSUPP);
    assert.equal(set(CREATE | EXCL, 0, 0, 0, "lo"), -EEXIST);
  });
});

describe("interface ioctls", () => {
  const AT = 0x7000;
  const ask = (user: SocketTask, command: number, name: string): number => {
    user.memory.u8.fill(0, AT, AT + 40);
    for (let index = 0; index < name.length; index++) user.memory.u8[AT + index] = name.charCodeAt(index);
    return user.task.files.get(user.socket(AF_INET, SOCK_DGRAM))!.ioctl(user.task, command, AT);
  };

  it("tell what an interface is", () => {
    const user = machine();
    const { view, u8 } = user.memory;
    assert.equal(ask(user, SIOCGIFINDEX, "eth0"), 0);
    assert.equal(view.getInt32(AT + 16, true), 2);
    assert.equal(ask(user, SIOCGIFFLAGS, "lo"), 0);
    assert.equal(view.getUint16(AT + 16, true), 0x49);
    assert.equal(ask(user, SIOCGIFADDR, "eth0"), 0);
    assert.deepEqual([...u8.subarray(AT + 16, AT + 24)], [2, 0, 0, 0, 10, 0, 2, 15]);
    assert.equal(ask(user, SIOCGIFNETMASK, "eth0"), 0);
    assert.deepEqual([...u8.subarray(AT + 20, AT + 24)], [255, 255, 255, 0]);
    assert.equal(ask(user, SIOCGIFMTU, "lo"), 0);
    assert.equal(view.getInt32(AT + 16, true), 65536);
    assert.equal(ask(user, SIOCGIFHWADDR, "eth0"), 0);
    assert.equal(view.getUint16(AT + 16, true), 1);
    assert.equal(ask(user, SIOCGIFINDEX, "wlan0"), -ENODEV);
    assert.equal(ask(user, SIOCSIFADDR, "lo"), -EINVAL, "another family");
    assert.equal(
      user.task.files.get(user.socket(AF_INET, SOCK_DGRAM))!.ioctl(user.task, SIOCSIFFLAGS, 0x7fffff),
      -EFAULT,
    );
    assert.equal(ask(user, 0x1234, "lo"), -ENOTTY);
    user.memory.u8.fill(0, AT, AT + 40);
    view.setInt32(AT + 16, 2, true);
    assert.equal(user.task.files.get(user.socket(AF_INET, SOCK_DGRAM))!.ioctl(user.task, SIOCGIFNAME, AT), 0);
    assert.equal(String.fromCharCode(...u8.subarray(AT, AT + 4)), "eth0");
  });

  it("list interfaces, or the room that the list needs", () => {
    const user = machine();
    const { view, u8 } = user.memory;
    const socket = user.task.files.get(user.socket(AF_INET, SOCK_DGRAM))!;
    view.setUint32(AT, 0, true);
    view.setBigUint64(AT + 8, 0n, true);
    assert.equal(socket.ioctl(user.task, SIOCGIFCONF, AT), 0);
    assert.equal(view.getUint32(AT, true), 80);
    view.setUint32(AT, 50, true);
    view.setBigUint64(AT + 8, BigInt(AT + 64), true);
    assert.equal(socket.ioctl(user.task, SIOCGIFCONF, AT), 0);
    assert.equal(view.getUint32(AT, true), 40);
    assert.equal(String.fromCharCode(...u8.subarray(AT + 64, AT + 66)), "lo");
  });

  it("know no outside without a provider", () => {
    const { user } = SocketTask.createMachine();
    assert.equal(ask(user, SIOCGIFINDEX, "eth0"), -ENODEV);
    assert.deepEqual(dump(user, GETLINK, 16).map(nameOf), ["lo"]);
  });
});

describe("events of netlink", () => {
  it("come from the kernel, unasked: with no flags, no number and no port", () => {
    const user = machine();
    const hears = user.socket(AF_NETLINK, SOCK_RAW);
    const address = new Uint8Array(12);
    address.set([AF_NETLINK]);
    address[8] = 1; // RTMGRP_LINK
    assert.equal(user.bind(hears, address), 0);
    // The loopback goes down.
    user.memory.u8.fill(0, 0x400, 0x428).set([108, 111], 0x400);
    assert.equal(user.call("ioctl", user.socket(AF_INET, SOCK_DGRAM), SIOCSIFFLAGS, 0x400), 0);
    const event = user.receive(hears, 0x4000, MSG_DONTWAIT) as string;
    assert.equal(event.charCodeAt(4), NEWLINK);
    assert.equal(event.slice(6, 16), "\0".repeat(10));
  });
});

it("a list of nexthop objects is refused, so that daemons make routes without them; one of queues is empty", () => {
  const user = machine();
  const fd = user.socket(AF_NETLINK, SOCK_RAW);
  const told = (type: number): unknown => {
    user.send(fd, request(type, REQUEST | DUMP, [0, 0, 0, 0, 0, 0, 0, 0]));
    const [message] = messagesIn(user.receive(fd, 0x6000, MSG_DONTWAIT) as string, 4);
    return [message!.type, new DataView(message!.payload.buffer).getInt32(0, true)];
  };
  const NEXTHOPS = 106,
    QUEUES = 38;
  assert.deepEqual(told(NEXTHOPS), [NLMSG_ERROR, -EOPNOTSUPP]);
  assert.deepEqual(told(QUEUES), [NLMSG_DONE, 0]);
});
