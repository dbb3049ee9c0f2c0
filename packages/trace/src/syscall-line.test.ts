import assert from "node:assert/strict";
import { test } from "node:test";
import * as whole from "@stratos/abi";
import { EFAULT, EINVAL, NETLINK_ROUTE, SYSCALL_NUMBERS, type FieldType, type Struct } from "@stratos/abi";
import * as uring from "@stratos/abi/io-uring";
import { ARGUMENT_KINDS, type ArgumentKind } from "./argument-kinds.ts";
import { CONTROL_LAYOUTS, NETLINK_BODIES } from "./message-text.ts";
import { POINTED } from "./pointed-text.ts";
import { OPTION_LEVELS } from "./socket-options.ts";
import { syscallLine, type TracedCaller } from "./syscall-line.ts";

/** With what pages load late. */
const abi = { ...whole, ...uring };

const memory: TracedCaller = {
  loadString: (address) => (address === 0x1000 ? 'a"b\n' : -EFAULT),
  copyIn: (address, into, at, count) => {
    if (address !== 0x2000) return -EFAULT;
    for (let index = 0; index < count; index++) into[at + index] = 65 + (index % 26);
    return 0;
  },
  netlinkProtocol: () => null,
};
const line = (name: string, args: number[], result: number | undefined): string =>
  syscallLine(memory, SYSCALL_NUMBERS.get(name)!, [...args, 0, 0, 0, 0, 0, 0].slice(0, 6), result);

test("arguments read as in strace", () => {
  assert.equal(
    line("openat", [-100, 0x1000, 0o2001101, 0o644], 3),
    'openat(AT_FDCWD, "a\\"b\\n", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0644) = 3',
  );
  assert.equal(line("openat", [5, 0, 0, 0], -EFAULT), "openat(5, NULL, O_RDONLY, 00) = -1 EFAULT");
  assert.equal(line("write", [1, 0x2000, 4], 4), 'write(1, "ABCD", 4) = 4');
  assert.equal(line("write", [1, 0x2000, 100], 100), 'write(1, "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF"..., 100) = 100');
  assert.equal(line("read", [0, 0x2000, 100], undefined), 'read(0, "", 100) = ? (waits)');
  assert.equal(
    line("mmap", [0, 4096, 3, 0x22, -1, 0], 0x7f000000),
    "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f000000",
  );
  assert.equal(line("kill", [7, 15], 0), "kill(7, SIGTERM) = 0");
  assert.equal(line("getpid", [], 7), "getpid() = 7");
});

/** A program's memory with the bytes at an address; all else can't be read. */
function holding(parts: Readonly<Record<number, readonly number[]>>): TracedCaller {
  return {
    loadString: () => -EFAULT,
    copyIn: (address, into, at, count) => {
      const bytes = parts[address];
      if (bytes === undefined) return -EFAULT;
      into.set(
        Array.from({ length: count }, (_, index) => bytes[index] ?? 0),
        at,
      );
      return 0;
    },
    netlinkProtocol: (fd) => (fd === NETLINK_FD ? NETLINK_ROUTE : null),
  };
}
const NETLINK_FD = 9;
const seen = (memory: TracedCaller, name: string, args: number[], result: number | undefined): string =>
  syscallLine(memory, SYSCALL_NUMBERS.get(name)!, [...args, 0, 0, 0, 0, 0, 0].slice(0, 6), result);

test("structures are told field by field, what a call stores when it succeeded", () => {
  const time = holding({ 16: [1, 0, 0, 0, 0, 0, 0, 0, 0xf4, 1], 32: [5] });
  assert.equal(seen(time, "nanosleep", [16, 0], 0), "nanosleep({tv_sec=1, tv_nsec=500}, NULL) = 0");
  assert.equal(seen(time, "clock_gettime", [1, 16], 0), "clock_gettime(1, {tv_sec=1, tv_nsec=500}) = 0");
  assert.equal(seen(time, "clock_gettime", [1, 16], -EINVAL), "clock_gettime(1, 0x10) = -1 EINVAL");
  assert.equal(seen(time, "nanosleep", [64, 0], -EFAULT), "nanosleep(0x40, NULL) = -1 EFAULT");
  assert.equal(seen(time, "nanosleep", [16, 0], undefined), "nanosleep({tv_sec=1, tv_nsec=500}, NULL) = ? (waits)");
});

test("modes, limits, signals and events go by their names", () => {
  const mode = new Array<number>(128).fill(0);
  mode.splice(16, 4, 0xa4, 0x81, 0, 0);
  mode.splice(48, 2, 0x39, 0x30);
  assert.equal(
    seen(holding({ 64: mode }), "fstat", [3, 64], 0),
    "fstat(3, {st_mode=S_IFREG|0644, st_size=12345, ...}) = 0",
  );
  const limits = holding({ 64: [0, 4, 0, 0, 0, 0, 0, 0, ...new Array<number>(8).fill(255)] });
  assert.equal(
    seen(limits, "prlimit64", [0, 7, 0, 64], 0),
    "prlimit64(0, 7, NULL, {rlim_cur=1024, rlim_max=RLIM64_INFINITY}) = 0",
  );
  const action = holding({ 64: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 1] });
  assert.equal(
    seen(action, "rt_sigaction", [15, 64, 0, 8], 0),
    "rt_sigaction(SIGTERM, {sa_handler=SIG_IGN, sa_flags=SA_RESTART, sa_mask=[CHLD]}, NULL, 8) = 0",
  );
  const events = holding({ 64: [1, 0, 0, 0x80, 0, 0, 0, 0, 9] });
  assert.equal(
    seen(events, "epoll_ctl", [5, 1, 6, 64], 0),
    "epoll_ctl(5, 1, 6, {events=EPOLLIN|EPOLLET, data=0x9}) = 0",
  );
  assert.equal(
    seen(holding({ 64: new Array<number>(8).fill(255) }), "rt_sigprocmask", [2, 64, 0, 8], 0),
    "rt_sigprocmask(2, ~[], NULL, 8) = 0",
  );
});

test("lists are cut, addresses of sockets go by their family, requests by what they are", () => {
  const vector = new Array<number>(16 * 9).fill(0);
  assert.equal(
    seen(holding({ 64: [0, 16, 0, 0, 0, 0, 0, 0, 5] }), "writev", [1, 64, 1], 5),
    "writev(1, [{iov_base=0x1000, iov_len=5}], 1) = 5",
  );
  assert.match(
    seen(holding({ 64: vector }), "writev", [1, 64, 9], 0),
    /^writev\(1, \[({[^}]*}, ){8}\.\.\.\], 9\) = 0$/,
  );
  const inet = holding({ 64: [2, 0, 0, 53, 10, 0, 0, 1], 128: [16] });
  assert.equal(
    seen(inet, "connect", [3, 64, 16], 0),
    'connect(3, {sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr("10.0.0.1")}, 16) = 0',
  );
  assert.match(seen(inet, "getsockname", [3, 64, 128], 0), /^getsockname\(3, {sa_family=AF_INET, /);
  const unix = holding({ 64: [1, 0, 0x2f, 0x61, 0] });
  assert.equal(seen(unix, "bind", [3, 64, 5], 0), 'bind(3, {sa_family=AF_UNIX, sun_path="/a"}, 5) = 0');
  const inet6 = holding({ 64: [10, 0, 0, 80, 0, 0, 0, 0, 0x20, 1, ...new Array<number>(13).fill(0), 1] });
  assert.match(seen(inet6, "connect", [3, 64, 28], 0), /sin6_port=htons\(80\), sin6_addr="2001::1"}/);
  const window = holding({ 64: [24, 0, 80] });
  assert.equal(
    seen(window, "ioctl", [0, 0x5413, 64], 0),
    "ioctl(0, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}) = 0",
  );
  assert.equal(seen(window, "ioctl", [0, 0x1234, 64], 0), "ioctl(0, 0x1234, 0x40) = 0");
  assert.equal(seen(holding({ 64: [3, 0, 0, 0, 4] }), "pipe2", [64, 0], 0), "pipe2([3, 4], O_RDONLY) = 0");
});

test("messages of sockets: addresses, control messages, netlink's own, options by their names", () => {
  const zeros = (count: number): number[] => new Array<number>(count).fill(0);
  const u64 = (value: number): number[] => [value, ...zeros(7)];
  const rights = [...u64(20), 1, 0, 0, 0, 1, 0, 0, 0, 7, ...zeros(3)];
  const header = [
    0x80,
    ...zeros(7),
    2,
    ...zeros(7),
    0x40,
    ...zeros(7),
    ...u64(1),
    0x60,
    ...zeros(7),
    ...u64(20),
    ...u64(0),
  ];
  const message = holding({
    16: header,
    0x40: [...u64(0x30), ...u64(5)],
    0x60: rights,
    0x80: [1, 0],
  });
  assert.equal(
    seen(message, "sendmsg", [3, 16, 0], 5),
    "sendmsg(3, {msg_name={sa_family=AF_UNIX}, msg_namelen=2, msg_iov=[{iov_base=0x30, iov_len=5}], msg_iovlen=1, " +
      "msg_control=[{cmsg_len=20, cmsg_level=1, cmsg_type=1, cmsg_data=[7]}], msg_controllen=20, msg_flags=0}, 0) = 5",
  );
  const request = [40, 0, 0, 0, 18, 0, 1, 3, 5, ...zeros(7), ...zeros(4), 2, ...zeros(11), 8, 0, 29, 0, 1, 0, 0, 0];
  assert.equal(
    seen(holding({ 64: request }), "sendto", [NETLINK_FD, 64, 40, 0, 0, 0], 40),
    "sendto(9, [{nlmsg_len=40, nlmsg_type=18, nlmsg_flags=0x301, nlmsg_seq=5, nlmsg_pid=0}, {ifi_family=0, " +
      "ifi_type=0, ifi_index=2, ifi_flags=0, ifi_change=0}, [{nla_len=8, nla_type=29}]], 40, 0, NULL, 0) = 40",
  );
  const packet = holding({ 64: [17, 0, 8, 6, 2, ...zeros(3), 1, 0, 4, 6, 1, 2, 3, 4, 5, 10] });
  assert.equal(
    seen(packet, "bind", [3, 64, 20], 0),
    "bind(3, {sa_family=AF_PACKET, sll_protocol=htons(0x806), sll_ifindex=2, sll_addr=01:02:03:04:05:0a}, 20) = 0",
  );
  const linger = holding({ 64: [1, 0, 0, 0, 3] });
  assert.equal(
    seen(linger, "setsockopt", [3, 1, 13, 64, 8], 0),
    "setsockopt(3, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=3}, 8) = 0",
  );
  assert.equal(seen(linger, "setsockopt", [3, 1, 2, 64, 4], 0), "setsockopt(3, SOL_SOCKET, 2, [1], 4) = 0");
  assert.equal(
    seen(holding({ 64: [0x6c, 0x6f, ...zeros(14), 1] }), "ioctl", [3, abi.SIOCGIFFLAGS, 64], 0),
    'ioctl(3, SIOCGIFFLAGS, {ifr_name="lo", ifr_flags=0x1}) = 0',
  );
});

/** No argument that is shown: files, frames on a stack, records that read(2) fills, what filters and tracers see. */
const UNSEEN = [
  ...["Elf64Ehdr", "Elf64Phdr", "Elf64Nhdr", "ElfPrstatus", "ElfPrpsinfo", "RiscvDState", "AcctV3", "Taskstats"],
  ...["AioRing", "BpfDeviceContext", "BpfProgInfo", "UffdMsg"],
  ...["Elf64Dyn", "Elf64Shdr", "Elf64Sym", "Elf64Verdaux", "Elf64Verdef"],
  ...["RtSigframe", "Ucontext", "Sigcontext", "SiginfoTimer", "SiginfoFault", "SiginfoPoll", "SiginfoSystemCall"],
  ...[
    "SignalfdSiginfo",
    "InotifyEvent",
    "LinuxDirent64",
    "TunPi",
    "VirtioNetHdr",
    "PtraceSyscallInfo",
    "PtracePeeksiginfoArgs",
    "PtraceRseqConfiguration",
    "PtraceSudConfig",
    "Rseq",
    "RseqCs",
    "SeccompMetadata",
  ],
  ...Object.keys(abi).filter((name) => name.startsWith("Fanotify")),
  // What rings of io_uring hold, or what is behind or within what is shown.
  ...["IoUringSqe", "IoUringCqe", "IoUringBuf", "IoUringProbeOp", "IoUringRecvmsgOut"],
  // What a packet socket's rings hold, and what differs by their version.
  ...["TpacketHdr", "Tpacket2Hdr", "Tpacket3Hdr", "TpacketBlockDesc", "TpacketReq3", "TpacketStatsV3"],
  // What iptables says to matches and targets, inside of netlink's messages.
  ...Object.keys(abi).filter((name) => /^(Xt|Ipt|Ip6t|NfNat|IpSetCounter)[A-Z]/.test(name)),
  // Steps of the program in an attribute of sock_diag(7).
  ...["InetDiagBcOp", "InetDiagHostcond", "InetDiagMarkcond"],
  // Requests of screens and keyboards, shown by their numbers.
  ...Object.keys(abi).filter((name) => /^(Drm|Fb|Input|Vt)[A-Z]/.test(name)),
];
/** Read by their own rules: addresses of sockets, heads of messages and attributes. */
const BY_RULE = [
  ...["SockaddrIn", "SockaddrIn6", "SockaddrUn", "SockaddrNl", "SockaddrLl"],
  ...["Cmsghdr", "Nlmsghdr", "Nlmsgerr", "Nlattr"],
  ...["SockFilter", "BpfInsn", "BlkpgPartition"], // behind a pointer
  ...["Value", "Drvinfo", "TsInfo", "Gstrings", "SsetInfo", "Stats"].map((name) => `Ethtool${name}`), // likewise
  ...["Command", "Features", "Gfeatures", "LinkSettings", "PermAddr"].map((name) => `Ethtool${name}`), // likewise
  ...["NetlinkDiagMsg", "NetlinkDiagReq", "PacketDiagInfo", "PacketDiagMsg", "PacketDiagReq"], // bodies of netlink
  "VfsNsCapData", // an attribute's value
  "PrctlMmMap", // only with one of prctl's options
];

test("each structure that has a layout is decoded somewhere", () => {
  const decoded = new Set<Struct>(POINTED.keys());
  const see = (type: FieldType): void => {
    if (type.kind === "array") see(type.of);
    if (type.kind !== "struct") return;
    decoded.add(type);
    for (const field of type.fields) see(field.type);
  };
  const walk = (kind: ArgumentKind): void => {
    if (typeof kind !== "object") return;
    if ("layout" in kind) see(kind.layout);
    else for (const choice of kind.choices.values()) walk(choice);
  };
  Object.values(ARGUMENT_KINDS).flat().forEach(walk);
  for (const { options } of OPTION_LEVELS.values()) for (const { layout } of options.values()) see(layout);
  for (const types of CONTROL_LAYOUTS.values()) for (const layout of types.values()) see(layout);
  for (const { layout, attributes } of Object.values(NETLINK_BODIES)) [layout, ...attributes.values()].forEach(see);
  const missing = Object.entries(abi)
    .filter(([, value]) => typeof value === "object" && "offset" in value && !decoded.has(value))
    .map(([name]) => name);
  assert.deepEqual(missing.sort(), [...UNSEEN, ...BY_RULE].sort());
});
