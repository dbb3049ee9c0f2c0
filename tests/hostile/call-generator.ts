/** Makes lists of system calls from a seed, by the types of their arguments; typed-calls.c executes them. */
import { SYSCALL_NUMBERS } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { CALL_TYPES } from "./call-types.ts";
import { randomNetlink } from "./netlink-messages.ts";
import { RING_TYPES, SQE_BYTES, SQE_FIELDS } from "./ring-types.ts";

/** As in typed-calls.c: descriptors that are open, and memory that is mapped. */
const FIRST_FD = 100,
  FD_COUNT = 45;
/** Of these: sockets of netlink, by protocol, and two rings of io_uring. */
const NETLINK_FDS = [118, 139, 140, 141],
  RING_FDS = [142, 143];
const LANDLOCK_FD = 144;
const RING_ENTRIES = 32;
const DATA = 0x40000000,
  BIG = 0x50000000,
  READ_ONLY = 0x70000000,
  AREAS = 0x80000000;
const BIG_BYTES = 256 << 20;
const DATA_MAX = 60_000;
const ALL_ONES = 0xffff_ffff_ffff_ffffn;

export interface GeneratedCall {
  readonly name: string;
  readonly arguments: readonly bigint[];
  readonly data: Uint8Array;
}

/** Calls that are many in one. */
const MANY_CALLS = ["io_uring_enter", "io_uring_register", "sendto"];

/** Of a hundred arguments, those that are anything instead of what the call takes. */
const WILD_PERCENT = 6;

const PATHS = [
  "/tmp/file",
  "/tmp/sparse",
  "/tmp/d",
  "/tmp/d/7",
  "/tmp/m",
  "/tmp/e",
  "/tmp/e/x",
  "/tmp/l0",
  "/tmp/l39",
  "/",
  ".",
  "..",
  "",
  "/proc/self/fd/100",
  "/proc/self/maps",
  "/proc/1/status",
  "/dev/null",
  "/dev/ptmx",
  "/dev/urandom",
  "/dev/zero",
  "/sys",
  "/tmp/none/x",
  "/tmp/e/y",
  "/dev/shm/z",
  "/program",
  "/proc/self/exe",
  `/tmp/${"a".repeat(255)}`,
  `/tmp/${"b/".repeat(1800)}c`,
  `/${"../".repeat(1300)}tmp/file`,
  `${"/tmp/d/..".repeat(400)}/file`,
  "x".repeat(5000),
];
const ATTRIBUTES = [
  "user.a",
  "user.b",
  "trusted.x",
  "security.capability",
  "system.posix_acl_access",
  "user.",
  "none",
  `user.${"n".repeat(240)}`,
];
const KEY_TYPES = ["keyring", "user", "logon", "big_key", "asymmetric", ".user", ""];
const FILE_SYSTEMS = ["tmpfs", "proc", "sysfs", "devpts", "mqueue", "none", ""];

export class CallGenerator {
  readonly #random: SeededRandom;
  readonly #names: readonly string[];
  #data = new Uint8Array(DATA_MAX + 4096);
  #view = new DataView(this.#data.buffer);
  #used = 0;
  /** Bytes of the message that a call sends to the kernel; 0: it is none. */
  #sent = 0;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.#names = [...Object.keys(CALL_TYPES), ...MANY_CALLS.flatMap((name) => new Array<string>(10).fill(name))];
  }

  next(): GeneratedCall {
    const name = this.#pick(this.#names);
    const kinds = CALL_TYPES[name]!.split(" ").filter((kind) => kind !== "");
    this.#used = this.#sent = 0;
    this.#data.fill(0);
    const made = kinds.map((kind) => (this.#chance(WILD_PERCENT) ? this.#wild() : this.#value(kind)));
    while (made.length < 6) made.push(this.#wild());
    if (this.#sent > 0) made.splice(0, 6, BigInt(this.#pick(NETLINK_FDS)), made[1]!, BigInt(this.#sent), 0n, 0n, 0n);
    return {
      name,
      arguments: made.map((value) => BigInt.asUintN(64, value)),
      data: this.#data.slice(0, Math.min(this.#used, DATA_MAX)),
    };
  }

  #chance(percent: number): boolean {
    return this.#random.below(100) < percent;
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#random.below(list.length)]!;
  }

  #u64(): bigint {
    return (BigInt(this.#random.u32()) << 32n) | BigInt(this.#random.u32());
  }

  /** A number that a program might get wrong. */
  #wild(): bigint {
    switch (this.#random.below(10)) {
      case 0:
        return 0n;
      case 1:
        return ALL_ONES;
      case 2:
        return 1n << BigInt(this.#random.below(64));
      case 3:
        return (1n << BigInt(this.#random.below(64))) - 1n;
      case 4:
        return this.#u64();
      case 5:
        return BigInt(this.#random.below(4096));
      case 6:
        return BigInt(DATA + this.#random.below(1 << 20));
      case 7:
        return BigInt(BIG + this.#random.below(BIG_BYTES));
      case 8:
        return -BigInt(this.#random.below(4096));
      default:
        return BigInt(this.#random.u32());
    }
  }

  /** Entries of a submission queue, at the begin of the data, where the runner takes them. @returns how many */
  #submissions(): bigint {
    const count = 1 + this.#random.below(RING_ENTRIES);
    const start = this.#reserve(count * SQE_BYTES);
    for (let at = start; at < start + count * SQE_BYTES; at += SQE_BYTES) {
      const opcode = this.#random.below(RING_TYPES.length + 1);
      this.#view.setUint8(at, opcode);
      if (this.#chance(40)) this.#view.setUint8(at + 1, Number(this.#bits(["1", "2", "4", "8", "10", "20", "40"])));
      if (this.#chance(15)) this.#view.setUint16(at + 2, 1 << this.#random.below(16), true);
      this.#view.setUint32(at + 32, this.#random.below(12), true);
      if (this.#chance(5)) this.#view.setUint16(at + 42, this.#random.below(3), true);
      this.#store(at + 48, this.#chance(30) ? this.#value("path") : 0xffffffffn);
      const kinds = (RING_TYPES[opcode] ?? "number").split(" ");
      SQE_FIELDS.forEach(([field, bytes], index) => {
        const value = this.#chance(WILD_PERCENT / 2) ? this.#wild() : this.#value(kinds[index] ?? "=0");
        if (bytes === 8) this.#store(at + field, value);
        else if (bytes === 4) this.#view.setUint32(at + field, Number(BigInt.asUintN(32, value)), true);
        else this.#view.setUint16(at + field, Number(BigInt.asUintN(16, value)), true);
      });
    }
    return BigInt(count);
  }

  #value(kind: string): bigint {
    if (kind.startsWith("=")) return BigInt(kind.slice(1));
    if (kind.startsWith("one:")) return BigInt(`0x${this.#pick(kind.slice(4).split(","))}`);
    if (kind.startsWith("bits:")) return this.#bits(kind.slice(5).split(","));
    const make = this.#kinds[kind];
    if (make === undefined) throw new Error(`no such kind: ${kind}`);
    return make();
  }

  #bits(values: readonly string[]): bigint {
    let bits = 0n;
    const percent = this.#pick([0, 20, 40]);
    for (const value of values) if (this.#chance(percent)) bits |= BigInt(`0x${value}`);
    return bits;
  }

  // ---- What is put into memory

  /** Room for `bytes` in the data; the calls' own address of it. */
  #reserve(bytes: number): number {
    const at = (this.#used + 7) & ~7;
    if (at + bytes > DATA_MAX) return 0;
    this.#used = at + bytes;
    return at;
  }

  #text(text: string): bigint {
    const at = this.#reserve(text.length + 1);
    for (let index = 0; index < text.length; index++) this.#data[at + index] = text.charCodeAt(index);
    return BigInt(DATA + at);
  }

  /** `count` records of `size` bytes each, of which `fill` makes one. */
  #records(count: number, size: number, fill: (at: number) => void): bigint {
    const at = this.#reserve(Math.min(count, Math.floor((DATA_MAX - 64) / size)) * size);
    // What a record names may be put behind them.
    const end = this.#used;
    for (let place = at; place + size <= end; place += size) fill(place);
    return BigInt(DATA + at);
  }

  #store(at: number, value: bigint): void {
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }

  #length(): number {
    return this.#pick([0, 1, 7, 8, 16, 100, 1000, 4096, 65536, 1 << 20, 8 << 20, BIG_BYTES]);
  }

  #vector(count: number): bigint {
    const length = this.#pick([0, 1, 100, 4096, 65536, 2 << 20, BIG_BYTES]);
    return this.#records(count, 16, (at) => {
      this.#store(at, this.#place());
      this.#store(at + 8, BigInt(this.#chance(80) ? length : this.#length()));
    });
  }

  #place(): bigint {
    return BigInt(this.#pick([BIG, BIG, BIG, BIG + 4000, READ_ONLY, AREAS, DATA + 4096, 0, 16]));
  }

  #times(): bigint {
    if (this.#chance(15)) return 0n;
    const values = [0n, 0n, 0n, BigInt(this.#pick([0, 1, 1000, 999_999_999]))];
    if (this.#chance(10)) values[this.#random.below(4)] = this.#wild();
    return this.#records(4, 8, (at) => this.#store(at, values[(at >> 3) & 3]!));
  }

  #message(at: number): void {
    this.#store(at, this.#chance(50) ? 0n : this.#value("address"));
    this.#view.setUint32(at + 8, this.#pick([0, 16, 28, 110, 128]), true);
    this.#store(at + 16, BigInt(BIG));
    this.#store(at + 24, 0n);
    this.#store(at + 32, this.#chance(30) ? BigInt(BIG + 65536) : 0n);
    this.#store(at + 40, BigInt(this.#pick([0, 16, 24, 64, 4096, 1 << 20])));
  }

  readonly #kinds: Readonly<Record<string, () => bigint>> = {
    fd: () =>
      this.#chance(95) ? BigInt(FIRST_FD + this.#random.below(FD_COUNT)) : this.#pick([0n, 1n, ALL_ONES, 1000n, 99n]),
    ring: () => BigInt(this.#pick(RING_FDS)),
    submissions: () => this.#submissions(),
    descriptors: () =>
      this.#records(this.#pick([1, 12]), 4, (at) =>
        this.#view.setInt32(at, this.#pick([-1, -2, FIRST_FD + this.#random.below(FD_COUNT)]), true),
      ),
    structure: () =>
      this.#records(8, 8, (at) =>
        this.#store(
          at,
          this.#pick([0n, 0n, 1n, this.#value("small"), BigInt(BIG), this.#value("descriptors"), this.#wild()]),
        ),
      ),
    outgoing: () => {
      if (this.#chance(50)) return this.#value("buffer");
      const bytes = randomNetlink(this.#random, 4096);
      const at = this.#reserve(bytes.length);
      this.#data.set(bytes, at);
      this.#sent = bytes.length;
      return BigInt(DATA + at);
    },
    ruleset: () => (this.#chance(80) ? BigInt(LANDLOCK_FD) : this.#value("fd")),
    spareFd: () => BigInt(this.#pick([200, 300, 310, 5000])),
    directory: () =>
      this.#pick([
        -100n,
        -100n,
        -100n,
        BigInt(FIRST_FD + 4),
        BigInt(FIRST_FD + 5),
        BigInt(FIRST_FD + 6),
        BigInt(FIRST_FD),
      ]),
    path: () => this.#text(this.#pick(PATHS)),
    attribute: () => this.#text(this.#pick(ATTRIBUTES)),
    fileSystem: () => this.#text(this.#pick(FILE_SYSTEMS)),
    keyType: () => this.#text(this.#pick(KEY_TYPES)),
    mountPlace: () => this.#text(this.#pick(["/tmp/m", "/tmp/m", "/tmp/e", "/tmp/none"])),
    queue: () => this.#text(this.#pick(["q", "r", "s", "", "q".repeat(256)])),
    data: () => this.#text(this.#pick(["", "size=1m", "mode=700,nr_inodes=10", "x".repeat(4000), "host"])),
    buffer: () => (this.#chance(90) ? this.#place() : this.#wild()),
    length: () =>
      BigInt(this.#chance(70) ? this.#length() : this.#pick([2 ** 31, 2 ** 32, 2 ** 40, 2 ** 43, 2 ** 52, 2 ** 62])),
    vector: () => this.#vector(this.#pick([1, 3, 64, 1024])),
    count: () => BigInt(this.#pick([0, 1, 3, 64, 1024, 1025])),
    offset: () =>
      this.#pick([0n, 1n, 4096n, 65535n, 1n << 20n, 1n << 42n, 1n << 43n, 1n << 50n, (1n << 53n) - 4096n, 1n << 62n]),
    offsetAt: () => (this.#chance(60) ? 0n : this.#records(1, 8, (at) => this.#store(at, this.#value("offset")))),
    lengthAt: () =>
      this.#records(1, 4, (at) => this.#view.setUint32(at, this.#pick([0, 2, 16, 28, 128, 0x7fffffff]), true)),
    mode: () => BigInt(this.#pick([0, 0o600, 0o777, 0o7777, 0o10600, 0o20600, 0o100644])),
    user: () => this.#pick([0n, 1n, 1000n, ALL_ONES]),
    number: () => this.#wild(),
    small: () => BigInt(this.#random.below(12)),
    key: () => BigInt(this.#random.below(6)),
    identifier: () => BigInt(this.#random.below(8)),
    signal: () => BigInt(this.#pick([0, 0, 10, 12, 17, 18, 34, 35, 50, 64])),
    process: () => this.#pick([0n, 0n, 0n, 99999n, ALL_ONES - 98_765n]),
    option: () => BigInt(this.#random.below(80)),
    limit: () => BigInt(this.#random.below(17)),
    limitValue: () =>
      this.#chance(50)
        ? 0n
        : this.#records(2, 8, (at) => this.#store(at, this.#pick([ALL_ONES, 1n << 20n, 1n << 40n, 100n]))),
    argument: () => (this.#chance(50) ? this.#value("buffer") : this.#wild()),
    ioctl: () =>
      BigInt(
        this.#pick([
          0x5401, 0x5402, 0x5411, 0x5413, 0x5414, 0x541b, 0x5421, 0x5450, 0x5451, 0x8912, 0x8927, 0x80045200,
          0x40049409, 0x4020940d, 0xc020660b, 0x80086601, 0x5430, 0x80045430,
        ]),
      ),
    mapPlace: () =>
      this.#pick([
        0n,
        BigInt(BIG),
        BigInt(BIG),
        BigInt(READ_ONLY),
        BigInt(AREAS),
        BigInt(AREAS + 4096),
        BigInt(BIG + (64 << 20)),
        0x90000000n,
        1n << 40n,
        1n << 46n,
      ]),
    times: () => this.#times(),
    strings: () =>
      this.#records(this.#pick([1, 3, 500, 7000]), 8, (at) =>
        this.#store(at, at + 16 > this.#used ? 0n : BigInt(this.#chance(90) ? READ_ONLY : DATA + 8)),
      ),
    openHow: () => this.#records(3, 8, (at) => this.#store(at, this.#chance(60) ? 0n : this.#wild())),
    polls: () =>
      this.#records(this.#pick([1, 44, 1024, 7000]), 8, (at) => {
        this.#view.setInt32(at, FIRST_FD + this.#random.below(FD_COUNT), true);
        this.#view.setInt16(at + 4, this.#random.u32(), true);
      }),
    pollCount: () => BigInt(this.#pick([0, 1, 44, 1024, 65536, 1 << 20])),
    sets: () => (this.#chance(30) ? 0n : this.#records(128, 8, (at) => this.#store(at, this.#u64()))),
    epollEvent: () => this.#records(2, 8, (at) => this.#store(at, this.#u64())),
    word: () => BigInt(this.#pick([BIG, BIG + 4, BIG + 8192, READ_ONLY, DATA + 16, 3])),
    numbers: () =>
      this.#records(this.#pick([1, 100, 5000]), 4, (at) => this.#view.setInt32(at, this.#random.below(4), true)),
    addresses: () => this.#records(this.#pick([1, 100, 5000]), 8, (at) => this.#store(at, this.#place())),
    semaphores: () =>
      this.#records(this.#pick([1, 3, 500, 5000]), 6, (at) => {
        this.#view.setUint16(at, this.#random.below(40), true);
        this.#view.setInt16(at + 2, this.#random.below(5) - 2, true);
        this.#view.setInt16(at + 4, this.#pick([0, 0x800, 0x1000, 0x1800]), true);
      }),
    message: () => this.#records(1, 8, (at) => this.#store(at, BigInt(this.#random.below(5)))),
    message2: () => this.#records(1, 56, (at) => this.#message(at)),
    messages: () => this.#records(this.#pick([1, 100, 900]), 64, (at) => this.#message(at)),
    signalInfo: () => this.#records(16, 8, (at) => this.#store(at, 0xffffffffn)),
    timerEvent: () =>
      this.#chance(40) ? 0n : this.#records(8, 8, (at) => this.#store(at, BigInt(this.#pick([0, 1, 2, 4, 10])))),
    queueAttributes: () => this.#records(8, 8, (at) => this.#store(at, BigInt(this.#random.below(20)))),
    contextId: () => this.#value("mapPlace"),
    controlBlocks: () => this.#records(100, 8, (at) => this.#store(at, BigInt(BIG))),
    address: () =>
      this.#records(1, 28, (at) => {
        this.#view.setUint16(at, this.#pick([0, 1, 2, 10, 16]), true);
        this.#view.setUint16(at + 2, this.#pick([0, 80, 0x5000, 0x9aa]), true);
        this.#view.setUint32(at + 4, this.#pick([0, 0x0100007f, 0xffffffff]), true);
      }),
    addressLength: () => BigInt(this.#pick([0, 2, 3, 16, 28, 110, 128, 1000])),
  };
}

/** The list in the form that typed-calls.c reads. */
export function encodeCalls(calls: readonly GeneratedCall[]): Uint8Array {
  const size = calls.reduce((sum, call) => sum + 56 + ((call.data.length + 7) & ~7), 0);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const call of calls) {
    const number = SYSCALL_NUMBERS.get(call.name);
    if (number === undefined) throw new Error(`${call.name} is no system call`);
    view.setUint32(at, number, true);
    view.setUint32(at + 4, call.data.length, true);
    call.arguments.forEach((value, index) => view.setBigUint64(at + 8 + index * 8, value, true));
    bytes.set(call.data, at + 56);
    at += 56 + ((call.data.length + 7) & ~7);
  }
  return bytes;
}
