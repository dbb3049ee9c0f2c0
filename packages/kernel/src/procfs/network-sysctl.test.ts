/** Goal: settings of /proc/sys/net act in the network that they belong to. Method: system calls over a fake process. */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  CAP_NET_ADMIN,
  CLONE_NEWNET,
  CLONE_NEWUSER,
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAGAIN,
  EHOSTUNREACH,
  EINVAL,
  ENETUNREACH,
  ENOENT,
  EPERM,
  IPPROTO_ICMP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPV6_V6ONLY,
  MSG_DONTWAIT,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_RCVBUF,
  SO_SNDBUF,
  TCPI_OPT_WSCALE,
  TCP_INFO,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TcpInfo,
  W_OK,
} from "@stratos/abi";
import { SimulatedNetwork, type SocketProvider } from "@stratos/host";
import type { Call } from "../testing/fake-task.ts";
import { call } from "../testing/system-calls.ts";
import { routed } from "../testing/network-world.ts";
import { inet, inet6, SocketTask, unixAbstract } from "../testing/socket-task.ts";
import type { FileTask } from "../testing/file-system-task.ts";
import { mountAt } from "../vfs/boot-mounts.ts";
import { Procfs } from "./procfs.ts";

const SYS = "/proc/sys/net";

function begin(sockets: SocketProvider | null = null): { user: SocketTask; nobody: SocketTask } {
  const { test, user } = SocketTask.createMachine(sockets);
  user.call("mkdirat", -100, "/proc", 0o755);
  mountAt(test.kernel, "/proc", new Procfs(test.kernel));
  const nobody = new SocketTask(test.kernel, user);
  nobody.becomeUser(1000);
  return { user, nobody };
}

function set(user: FileTask, name: string, text: string): number {
  const fd = user.open(`${SYS}/${name}`, O_WRONLY);
  return fd < 0 ? fd : user.write(fd, text);
}

it("ip_unprivileged_port_start is the first port for everyone, of its network alone", () => {
  const { user, nobody } = begin();
  assert.equal(nobody.bind(nobody.socket(AF_INET, SOCK_STREAM), inet("127.0.0.1", 80)), -EACCES);
  assert.equal(set(user, "ipv4/ip_unprivileged_port_start", "80\n"), 3);
  assert.equal(nobody.bind(nobody.socket(AF_INET, SOCK_STREAM), inet("127.0.0.1", 79)), -EACCES);
  assert.equal(nobody.bind(nobody.socket(AF_INET, SOCK_STREAM), inet("127.0.0.1", 80)), 0);
  assert.equal(set(user, "ipv4/ip_unprivileged_port_start", "40000"), -EINVAL, "local ports begin at 32768");
  assert.equal(set(user, "ipv4/ip_unprivileged_port_start", "65536"), -EINVAL);
  assert.equal(call(user.task, "unshare", CLONE_NEWNET), 0);
  assert.equal(user.get(`${SYS}/ipv4/ip_unprivileged_port_start`), "1024\n");
});

it("ip_local_port_range is where ports for who asks for none come from", () => {
  const { user } = begin();
  assert.equal(user.get(`${SYS}/ipv4/ip_local_port_range`), "32768\t60999\n");
  assert.equal(set(user, "ipv4/ip_local_port_range", "5000 5001"), 9);
  const ports = [1, 2].map(() => {
    const fd = user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(user.bind(fd, inet("127.0.0.1", 0)), 0);
    return user.port(fd);
  });
  assert.deepEqual(ports.sort(), [5000, 5001]);
  assert.equal(user.bind(user.socket(AF_INET, SOCK_DGRAM), inet("127.0.0.1", 0)), -EADDRINUSE);
  for (const wrong of ["5001 5000", "0 5000", "5000 65536", "1023 5000", "70000"])
    assert.equal(set(user, "ipv4/ip_local_port_range", wrong), -EINVAL, wrong);
});

it("ip_local_reserved_ports are given to nobody who asks for none", () => {
  const { user } = begin();
  const path = "ipv4/ip_local_reserved_ports";
  assert.equal(user.get(`${SYS}/${path}`), "\n");
  assert.equal(set(user, "ipv4/ip_local_port_range", "5000 5005"), 9);
  assert.equal(set(user, path, "5003,5000-5001,5002\n"), 20);
  assert.equal(user.get(`${SYS}/${path}`), "5000-5003\n");
  for (const wrong of ["65536", "5-3", "a", "1-2-3"]) assert.equal(set(user, path, wrong), -EINVAL, wrong);
  for (const type of [SOCK_DGRAM, SOCK_STREAM]) {
    const ports = [1, 2].map(() => {
      const fd = user.socket(AF_INET, type);
      assert.equal(user.bind(fd, inet("127.0.0.1", 0)), 0);
      return user.port(fd);
    });
    assert.deepEqual(ports.sort(), [5004, 5005]);
    assert.equal(user.bind(user.socket(AF_INET, type), inet("127.0.0.1", 0)), -EADDRINUSE);
  }
  assert.equal(user.bind(user.socket(AF_INET, SOCK_DGRAM), inet("127.0.0.1", 5001)), 0, "who asks for one has it");
  assert.equal(set(user, path, "\n"), 1);
  assert.equal(user.get(`${SYS}/${path}`), "\n");
});

it("somaxconn bounds what waits for accept, max_dgram_qlen what waits for a receiver", () => {
  const { user } = begin();
  assert.equal(set(user, "core/somaxconn", "1"), 1);
  const listener = user.socket(AF_UNIX, SOCK_STREAM);
  user.bind(listener, unixAbstract("a"));
  assert.equal(user.call("listen", listener, 100), 0);
  const connect = (): number => {
    const fd = user.socket(AF_UNIX, SOCK_STREAM | 0o4000);
    return user.connect(fd, unixAbstract("a"));
  };
  assert.deepEqual([connect(), connect(), connect()], [0, 0, -EAGAIN]);

  assert.equal(set(user, "unix/max_dgram_qlen", "2"), 1);
  const receiver = user.socket(AF_UNIX, SOCK_DGRAM),
    sender = user.socket(AF_UNIX, SOCK_DGRAM);
  user.bind(receiver, unixAbstract("d"));
  const sent = [1, 2, 3, 4].map(() => user.send(sender, "x", MSG_DONTWAIT, unixAbstract("d")));
  assert.deepEqual(sent, [1, 1, 1, -EAGAIN]);
});

it("options of TCP are turned off for connections over links", () => {
  const { user } = begin();
  const { settings } = user.task.network;
  for (const [name, field] of [
    ["tcp_sack", "hasSack"],
    ["tcp_timestamps", "hasTimestamps"],
    ["tcp_window_scaling", "hasWindowScaling"],
  ] as const) {
    assert.equal(user.get(`${SYS}/ipv4/${name}`), "1\n");
    assert.equal(set(user, `ipv4/${name}`, "0"), 1);
    assert.equal(settings[field], 0);
    assert.equal(set(user, `ipv4/${name}`, "256"), -EINVAL);
    assert.equal(set(user, `ipv4/${name}`, "2"), 1);
  }
  assert.equal(user.get(`${SYS}/ipv6/auto_flowlabels`), "1\n");
});

it("a connection over a link has the options that both sides have on", () => {
  const { world, router, a } = routed();
  a.user.task.network.settings.hasTimestamps = 0;
  router.user.task.network.settings.hasSack = 0;
  const listener = router.user.socket(AF_INET, SOCK_STREAM);
  router.user.bind(listener, inet("10.1.0.1", 80));
  router.user.call("listen", listener, 5);
  const client = a.user.socket(AF_INET, SOCK_STREAM);
  const call = a.user.startWith("connect", client, inet("10.1.0.1", 80));
  world.pass(0.1);
  call.resume();
  const info = a.user.getBytes(client, IPPROTO_TCP, TCP_INFO) as Uint8Array;
  assert.equal(info[TcpInfo.offset.tcpi_options], TCPI_OPT_WSCALE);
});

it("INT_MAX is taken for each of them; no queue and no buffer grows that long for it", () => {
  const { user } = begin();
  for (const name of ["core/somaxconn", "unix/max_dgram_qlen"]) {
    assert.equal(set(user, name, "2147483647"), 10, name);
    assert.equal(user.get(`${SYS}/${name}`), "2147483647\n");
  }
  for (const name of ["ipv4/tcp_rmem", "ipv4/tcp_wmem"])
    assert.equal(set(user, name, "4096 2147483647 2147483647"), 26, name);
  const stream = user.socket(AF_INET, SOCK_STREAM);
  for (const option of [SO_RCVBUF, SO_SNDBUF]) assert.equal(user.getInt(stream, SOL_SOCKET, option), 16 << 20);

  const listener = user.socket(AF_UNIX, SOCK_STREAM);
  user.bind(listener, unixAbstract("a"));
  assert.equal(user.call("listen", listener, 0x7fffffff), 0);
  const countUntilFull = (send: () => number): number => {
    let count = 0;
    for (; count < 5000; count++) {
      const result = send();
      if (result === -EAGAIN) break;
      assert.ok(result >= 0);
    }
    return count;
  };
  const connectAndClose = (): number => {
    const fd = user.socket(AF_UNIX, SOCK_STREAM | 0o4000);
    const connected = user.connect(fd, unixAbstract("a"));
    user.call("close", fd);
    return connected;
  };
  assert.equal(countUntilFull(connectAndClose), 4097, "the backlog and one");

  user.task.kernel.socketState.inFlight.memory.limits = [1 << 16, 1 << 16, 1 << 16];
  const receiver = user.socket(AF_UNIX, SOCK_DGRAM);
  user.bind(receiver, unixAbstract("d"));
  const sendAndClose = (): number => {
    const fd = user.socket(AF_UNIX, SOCK_DGRAM);
    const sent = user.send(fd, "x", MSG_DONTWAIT, unixAbstract("d"));
    user.call("close", fd);
    return sent;
  };
  assert.equal(countUntilFull(sendAndClose), 4097);
});

it("rmem and wmem bound and begin the buffers of all networks' sockets; tcp_rmem those of connections", () => {
  const { user } = begin();
  const fd = user.socket(AF_INET, SOCK_DGRAM);
  user.setInt(fd, SOL_SOCKET, SO_RCVBUF, 1 << 30);
  assert.equal(user.getInt(fd, SOL_SOCKET, SO_RCVBUF), 2 * 212992);
  for (const [name, text] of [
    ["rmem_max", "300000"],
    ["wmem_max", "400000"],
    ["rmem_default", "50000"],
    ["wmem_default", "60000"],
  ] as const)
    assert.equal(set(user, `core/${name}`, text), text.length, name);
  user.setInt(fd, SOL_SOCKET, SO_RCVBUF, 1 << 30);
  user.setInt(fd, SOL_SOCKET, SO_SNDBUF, 1 << 30);
  assert.equal(user.getInt(fd, SOL_SOCKET, SO_RCVBUF), 600000);
  assert.equal(user.getInt(fd, SOL_SOCKET, SO_SNDBUF), 800000);
  const later = user.socket(AF_UNIX, SOCK_DGRAM);
  assert.equal(user.getInt(later, SOL_SOCKET, SO_RCVBUF), 50000);
  assert.equal(user.getInt(later, SOL_SOCKET, SO_SNDBUF), 60000);
  assert.equal(set(user, "core/rmem_max", "2303"), -EINVAL);
  assert.equal(set(user, "core/wmem_default", "4607"), -EINVAL);
  assert.equal(set(user, "ipv4/tcp_rmem", "4096 9000 20000"), 15);
  assert.equal(set(user, "ipv4/tcp_wmem", "4096 9000 20000"), 15);
  const stream = user.socket(AF_INET, SOCK_STREAM);
  assert.equal(user.getInt(stream, SOL_SOCKET, SO_RCVBUF), 9000);
  assert.equal(user.getInt(stream, SOL_SOCKET, SO_SNDBUF), 20000, "grown up to its most");
  assert.equal(call(user.task, "unshare", CLONE_NEWNET), 0);
  assert.equal(user.get(`${SYS}/core/rmem_max`), "300000\n");
  assert.equal(user.get(`${SYS}/ipv4/tcp_rmem`), "4096\t131072\t6291456\n");
});

it("bindv6only and tcp_keepalive_… are what new sockets begin with", () => {
  const { user } = begin();
  assert.equal(user.getInt(user.socket(AF_INET6, SOCK_STREAM), IPPROTO_IPV6, IPV6_V6ONLY), 0);
  assert.equal(set(user, "ipv6/bindv6only", "1"), 1);
  const fd = user.socket(AF_INET6, SOCK_STREAM);
  assert.equal(user.getInt(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
  assert.equal(user.bind(fd, inet6("::", 8080)), 0);
  assert.equal(user.bind(user.socket(AF_INET, SOCK_STREAM), inet("0.0.0.0", 8080)), 0, "IPv4 is free");
  assert.equal(set(user, "ipv4/tcp_keepalive_time", "60"), 2);
  assert.equal(set(user, "ipv4/tcp_keepalive_intvl", "7"), 1);
  assert.equal(set(user, "ipv4/tcp_keepalive_probes", "3"), 1);
  const kept = user.socket(AF_INET, SOCK_STREAM);
  const told = [TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT].map((name) => user.getInt(kept, IPPROTO_TCP, name));
  assert.deepEqual(told, [60, 7, 3]);
});

it("ip_nonlocal_bind lets sockets have addresses that are nobody's here", () => {
  const { user } = begin();
  const bind = (): number[] => [
    user.bind(user.socket(AF_INET, SOCK_DGRAM), inet("10.1.2.3", 9)),
    user.bind(user.socket(AF_INET6, SOCK_DGRAM), inet6("2001:db8::9", 9)),
  ];
  assert.deepEqual(bind(), [-EADDRNOTAVAIL, -EADDRNOTAVAIL]);
  assert.equal(set(user, "ipv4/ip_nonlocal_bind", "1"), 1);
  assert.deepEqual(bind(), [0, -EADDRNOTAVAIL]);
  assert.equal(set(user, "ipv6/ip_nonlocal_bind", "1"), 1);
  assert.deepEqual(bind()[1], 0);
});

it("hints are kept where they belong: of the machine, of a network, of an interface", () => {
  const { user } = begin();
  const keep = (name: string, value: string): void => {
    assert.equal(set(user, name, `${value}\n`), value.length + 1, name);
    assert.equal(user.get(`${SYS}/${name}`), `${value}\n`);
  };
  keep("core/default_qdisc", "fq_codel");
  assert.equal(set(user, "core/default_qdisc", "none"), -ENOENT);
  keep("../fs/file-max", "9223372036854775807");
  for (const more of ["9223372036854775808", "18446744073709551615"])
    assert.equal(set(user, "../fs/file-max", more), -EINVAL, more);
  keep("../kernel/sysrq", "438");
  keep("ipv4/tcp_tw_reuse", "1");
  assert.equal(set(user, "ipv4/tcp_tw_reuse", "3"), -EINVAL);
  assert.equal(user.get(`${SYS}/ipv4/conf/all/accept_source_route`), "0\n");
  keep("ipv4/conf/default/log_martians", "1");
  keep("ipv6/conf/lo/accept_ra", "0");
  assert.equal(user.get(`${SYS}/ipv4/conf/lo/log_martians`), "0\n");
  assert.equal(call(user.task, "unshare", CLONE_NEWNET), 0);
  for (const name of ["ipv4/tcp_tw_reuse", "ipv6/conf/lo/accept_ra"])
    assert.notEqual(user.get(`${SYS}/${name}`), name.includes("ra") ? "0\n" : "1\n", name);
  assert.equal(user.get(`${SYS}/core/default_qdisc`), "fq_codel\n");
});

it("disable_ipv6 takes the way out's addresses and route of IPv6, and brings the host's again", () => {
  const network = new SimulatedNetwork();
  const provider = network.host([
    { family: 4, address: "10.0.0.1", prefixLength: 24 },
    { family: 6, address: "2001:db8::1", prefixLength: 64 },
  ]);
  const families: number[] = [];
  const create = provider.create.bind(provider);
  const counted: SocketProvider["create"] = (family, type, events) => {
    families.push(family);
    return create(family, type, events);
  };
  Object.assign(provider, { create: counted });
  const { user } = begin(provider);
  const settle = (call: Call): number => {
    for (let turn = 0; turn < 100 && call.isBlocked; turn++) {
      network.deliver();
      call.resume();
    }
    return call.result!;
  };
  const attempt = (name: string, ip: string, port: number): number => {
    const fd = user.socket(AF_INET6, SOCK_STREAM);
    const result = settle(user.startWith(name, fd, inet6(ip, port)));
    user.call("close", fd);
    return result;
  };
  const listen = (): number => {
    const fd = user.socket(AF_INET6, SOCK_STREAM);
    user.bind(fd, inet6("::", 8080));
    const result = settle(user.start("listen", fd, 1));
    user.call("close", fd);
    return result;
  };
  const observed = (): (number | string)[] => {
    families.length = 0;
    const results = [attempt("bind", "2001:db8::1", 80), attempt("connect", "2001:db8::2", 80), listen()];
    return [...results, families.join()];
  };
  const setting = "ipv6/conf/eth0/disable_ipv6";
  assert.equal(user.get(`${SYS}/${setting}`), "0\n");
  assert.deepEqual(observed(), [0, -EHOSTUNREACH, 0, "6,6"]);
  assert.equal(set(user, setting, "1"), 1);
  // A wildcard of both families is one of IPv4 for the host.
  assert.deepEqual(observed(), [-EADDRNOTAVAIL, -ENETUNREACH, 0, "4"]);
  assert.equal(set(user, setting, "0"), 1);
  assert.deepEqual(observed(), [0, -EHOSTUNREACH, 0, "6,6"]);
  assert.equal(user.get(`${SYS}/ipv6/conf/eth9/disable_ipv6`), -ENOENT);
});

it("who administers a network of his own opens and sets what is its own, not what is the machine's", () => {
  const { user, nobody } = begin();
  assert.equal(set(nobody, "ipv4/ip_local_port_range", "5000 6000"), -EACCES);
  assert.equal(call(nobody.task, "unshare", CLONE_NEWUSER | CLONE_NEWNET), 0);
  assert.equal(nobody.call("faccessat", -100, `${SYS}/core/somaxconn`, W_OK), 0);
  assert.equal(set(nobody, "ipv4/ip_local_port_range", "5000 6000"), 9);
  assert.equal(set(nobody, "ipv4/conf/lo/tag", "7"), 1);
  assert.equal(nobody.get(`${SYS}/ipv4/conf/lo/tag`), "7\n");
  assert.equal(user.get(`${SYS}/ipv4/conf/lo/tag`), "0\n", "the machine's network has its own");
  assert.equal(user.get(`${SYS}/ipv4/ip_local_port_range`), "32768\t60999\n");
  for (const name of ["core/rmem_max", "ipv4/tcp_mem"])
    assert.equal(nobody.open(`${SYS}/${name}`, O_WRONLY), -EACCES, name);
  for (const name of ["kernel/hostname", "vm/max_map_count"])
    assert.equal(nobody.open(`/proc/sys/${name}`, O_WRONLY), -EACCES, name);
  assert.equal(nobody.open(`${SYS}/ipv4/tcp_available_congestion_control`, O_RDWR), -EACCES, "it is only read");
  assert.ok(nobody.open(`${SYS}/core/rmem_max`, O_RDONLY) >= 0);
  // Of his user namespace, too; not what limits it from above.
  const limit = nobody.open("/proc/sys/user/max_uts_namespaces", O_WRONLY);
  assert.equal(nobody.write(limit, "5"), 1);
  assert.equal(user.get("/proc/sys/user/max_uts_namespaces"), "1024\n");
});

it("CAP_NET_ADMIN alone sets up a network; without it nobody does by another's descriptor", () => {
  const { user } = begin();
  user.become({ effective: 2 ** CAP_NET_ADMIN });
  const fd = user.open(`${SYS}/core/somaxconn`, O_WRONLY);
  assert.equal(user.write(fd, "9"), 1);
  user.become({ effective: 0 });
  assert.equal(user.write(fd, "8"), -EPERM);
});

it("echoes are answered unless icmp_echo_ignore_all says otherwise", () => {
  const { user } = begin();
  const ping = user.socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
  const echo = Uint8Array.of(8, 0, 0, 0, 0, 0, 0, 1);
  const ask = (): number | string => {
    assert.equal(user.send(ping, echo, 0, inet("127.0.0.1", 0)), 8);
    return user.receive(ping, 100, MSG_DONTWAIT);
  };
  assert.equal(typeof ask(), "string");
  assert.equal(set(user, "ipv4/icmp_echo_ignore_all", "1"), 1);
  assert.equal(ask(), -EAGAIN);
  assert.equal(set(user, "ipv4/icmp_echo_ignore_all", "2"), -EINVAL);
  assert.equal(set(user, "ipv4/icmp_msgs_per_sec", "10"), 2);
  assert.equal(user.get(`${SYS}/ipv4/icmp_msgs_per_sec`), "10\n");
  assert.equal(user.get(`${SYS}/ipv4/icmp_msgs_burst`), "50\n");
});

it("forwarding is each interface's, until it is set for all", () => {
  const { user } = begin();
  const forwards = (place: string): string | number => user.get(`${SYS}/ipv4/conf/${place}/forwarding`);
  assert.equal(set(user, "ipv4/conf/lo/forwarding", "1"), 1);
  assert.deepEqual(["lo", "default", "all"].map(forwards), ["1\n", "0\n", "0\n"]);
  assert.equal(set(user, "ipv4/conf/all/forwarding", "0"), 1);
  assert.equal(forwards("lo"), "1\n", "it was so already");
  assert.equal(set(user, "ipv4/ip_forward", "2"), 1);
  assert.deepEqual(["lo", "default", "all"].map(forwards), ["2\n", "2\n", "2\n"]);
  assert.equal(user.get(`${SYS}/ipv6/conf/lo/forwarding`), "0\n");
});

it("tcp_mem and udp_mem are three numbers of pages", () => {
  const { user } = begin();
  for (const name of ["ipv4/tcp_mem", "ipv4/udp_mem"]) {
    assert.ok(set(user, name, "10 20 30\n") > 0);
    assert.equal(user.get(`${SYS}/${name}`), "10\t20\t30\n");
    assert.equal(set(user, name, "1 2 3 4\n"), 6, "what follows is not taken");
    assert.equal(user.get(`${SYS}/${name}`), "1\t2\t3\n");
    assert.equal(set(user, name, "-1 2 3\n"), -EINVAL);
  }
});
