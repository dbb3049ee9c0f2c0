/**
 * Linux's own TCP as the judge of ours (packages/netstack/src/tcp): our stack stands at the far end of a TUN interface
 * in a network namespace of its own, where Python's sockets talk to it through the kernel of the host, over a path that
 * loses, doubles and reorders packets as a seed says. Each case compares what arrives with what was sent.
 *
 * Needs root, unshare(1), ip(8), python3 and /dev/net/tun; says so and ends with 77 where they are missing.
 * Usage: `npm run conformance:tcp [-- SEED]`
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync } from "node:fs";
import { isErrno, TCP_CLOSE } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import {
  addToChecksum,
  type ConnectionOptions,
  foldChecksum,
  type IpAddress,
  type IpOutput,
  makeV4,
  readV4,
  TcpBacklog,
  type TcpConnection,
  type TcpHost,
  writeV4,
} from "@stratos/netstack";
import { TcpStack } from "@stratos/netstack/tcp";

/** Carries packets between the TUN interface and standard streams, each behind its length; runs the judge's sockets. */
const CARRIER = `
import fcntl, hashlib, os, socket, struct, subprocess, sys, threading
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH", b"t0", 0x1001))
subprocess.run("ip addr add 10.9.0.1/24 dev t0; ip link set t0 up mtu 1500; ip link set lo up", shell=True, check=True)
lock = threading.Lock()
def tell(kind, data):
    with lock:
        sys.stdout.buffer.write(struct.pack("!IB", len(data), kind) + data)
        sys.stdout.buffer.flush()
def outward():
    while True: tell(0, os.read(tun, 65536))
threading.Thread(target=outward, daemon=True).start()
def pattern(count): return bytes((i * 7 + (i >> 8)) & 255 for i in range(count))
def drain(s):
    digest, count = hashlib.sha256(), 0
    while data := s.recv(65536):
        digest.update(data); count += len(data)
    return f"{count} {digest.hexdigest()}"
def serve():
    l = socket.create_server(("10.9.0.1", 7000))
    tell(1, b"ready")
    while True:
        s, _ = l.accept()
        def one(s=s):
            tell(2, drain(s).encode())
            s.sendall(pattern(300000)); s.close()
        threading.Thread(target=one, daemon=True).start()
def ask(case):
    try:
        s = socket.create_connection(("10.9.0.2", 81 if case == "refused" else 80), 60)
        if case == "reset":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.sendall(b"x"); s.close()
            return tell(3, b"reset")
        if case == "urgent":
            s.send(b"ab!", socket.MSG_OOB)
        else:
            s.sendall(pattern(400000))
        s.shutdown(socket.SHUT_WR)
        tell(3, drain(s).encode())
    except OSError as error: tell(3, type(error).__name__.encode())
threading.Thread(target=serve, daemon=True).start()
while head := sys.stdin.buffer.read(5):
    size, kind = struct.unpack("!IB", head)
    data = sys.stdin.buffer.read(size)
    if kind == 0: os.write(tun, data)
    else: threading.Thread(target=ask, args=(data.decode(),), daemon=True).start()
`;

const OURS = makeV4(0x0a090002),
  THEIRS = makeV4(0x0a090001);
const OPTIONS: ConnectionOptions = {
  how: { hops: 64, trafficClass: 0, dontFragment: true, device: 0, mark: 0, uid: -1, gid: -1 },
  receiveLimit: 131072,
  receiveMost: 4 << 20,
  mssClamp: 0,
  offersSack: true,
  offersTimestamps: true,
  offersScale: true,
};

/** Our end: the stack with the clock and timers of Node, and a path with faults. */
class Station implements TcpHost, IpOutput {
  readonly stack: TcpStack;
  readonly isShort = false;
  readonly backlog = new TcpBacklog({ backlogLimit: 8, changed: () => this.accept(), drops: () => false });
  accept: () => void = () => {};
  faults = 0;
  #random: SeededRandom;
  #timer: NodeJS.Timeout | undefined;
  #give: (packet: Uint8Array) => void;

  constructor(random: SeededRandom, give: (packet: Uint8Array) => void) {
    this.#random = random;
    this.#give = give;
    const key = new Uint8Array(16);
    random.fill(key);
    this.stack = new TcpStack(this, this, key);
  }

  now(): number {
    return Math.floor(performance.now() * 1e6);
  }

  wakeAt(deadlineNs: number): void {
    clearTimeout(this.#timer);
    if (deadlineNs === Infinity) return;
    this.#timer = setTimeout(() => this.stack.expire(), Math.max(0, (deadlineNs - this.now()) / 1e6));
  }

  listenerFor(_local: IpAddress, port: number): TcpBacklog | null {
    return port === 80 ? this.backlog : null;
  }

  childOptions(): ConnectionOptions {
    return OPTIONS;
  }

  charge(): void {}

  mtuTo(): number {
    return 1500;
  }

  send(
    protocol: number,
    source: IpAddress,
    destination: IpAddress,
    payload: Uint8Array,
    at: number,
    length: number,
  ): number {
    const packet = new Uint8Array(20 + length);
    packet.set([0x45, 0, (20 + length) >> 8, (20 + length) & 255, 0, 0, 0x40, 0, 64, protocol]);
    writeV4(source, packet, 12);
    writeV4(destination, packet, 16);
    const sum = foldChecksum(addToChecksum(0, packet, 0, 20));
    packet[10] = sum >> 8;
    packet[11] = sum & 255;
    packet.set(payload.subarray(at, at + length), 20);
    this.#disturb(() => this.#give(packet));
    return 0;
  }

  arrive(packet: Uint8Array): void {
    if (packet.length < 20 || packet[0]! >> 4 !== 4 || packet[9] !== 6) return;
    const header = (packet[0]! & 15) * 4;
    const source = readV4(packet, 12, new Uint32Array(4));
    const destination = readV4(packet, 16, new Uint32Array(4));
    this.#disturb(() => this.stack.receive(source, destination, packet, header, packet.length - header, 0, 0));
  }

  /** Lost, twice, or late. */
  #disturb(go: () => void): void {
    const chance = this.faults === 0 ? 1 : this.#random.below(1000) / 1000;
    if (chance < this.faults) return;
    if (chance < 1.5 * this.faults) go();
    if (chance < 2.5 * this.faults) setTimeout(go, 1 + this.#random.below(20));
    else go();
  }
}

function pattern(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, at) => (at * 7 + (at >> 8)) & 255);
}

function summary(bytes: Uint8Array): string {
  return `${bytes.length} ${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Writes all, ends, reads to the end; what came. */
function talk(connection: TcpConnection, bytes: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let sent = 0;
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const source = {
        get remaining(): number {
          return bytes.length - sent;
        },
        take(target: Uint8Array, start: number, count: number): number {
          target.set(bytes.subarray(sent, sent + count), start);
          sent += count;
          return count;
        },
      };
      if (sent < bytes.length) connection.write(source, 1 << 20, false);
      if (sent === bytes.length) connection.finish();
      const sink = {
        remaining: 65536,
        put(from: Uint8Array, start: number, count: number): number {
          parts.push(from.slice(start, start + count));
          this.remaining -= count;
          return count;
        },
      };
      while (connection.readable > 0 && connection.read(sink, false) > 0) sink.remaining = 65536;
      if (connection.isReset) reject(new Error(`error ${connection.error}`));
      else if (connection.isEnded && sent === bytes.length) {
        connection.owner = null;
        resolve(Buffer.concat(parts));
        connection.close();
      }
    };
    connection.owner = { changed: () => queueMicrotask(look), urgentArrived: () => {}, drops: () => false };
    look();
  });
}

function missing(): string | null {
  try {
    accessSync("/dev/net/tun");
  } catch {
    return "no /dev/net/tun";
  }
  for (const [command, ...args] of [
    ["unshare", "-n", "true"],
    ["ip", "-V"],
    ["python3", "-V"],
  ])
    if (spawnSync(command!, args).status !== 0) return `${command} ${args.join(" ")} fails`;
  return null;
}

const lacks = missing();
if (lacks !== null) {
  console.log(`skipped: ${lacks}`);
  process.exit(77);
}
const seed = Number(process.argv[2] ?? 1);
const carrier = spawn("unshare", ["-n", "python3", "-c", CARRIER], { stdio: ["pipe", "pipe", "inherit"] });
const give = (kind: number, data: Uint8Array): void => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(data.length);
  head[4] = kind;
  carrier.stdin.write(Buffer.concat([head, data]));
};
const station = new Station(new SeededRandom(seed), (packet) => give(0, packet));
const waiting = new Map<number, (text: string) => void>();
const hear = (kind: number): Promise<string> => new Promise((resolve) => waiting.set(kind, resolve));
let rest = Buffer.alloc(0);
carrier.stdout.on("data", (data: Buffer) => {
  rest = Buffer.concat([rest, data]);
  while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(0)) {
    const size = rest.readUInt32BE(0);
    const kind = rest[4]!;
    const body = Uint8Array.from(rest.subarray(5, 5 + size));
    rest = rest.subarray(5 + size);
    if (kind === 0) station.arrive(body);
    else waiting.get(kind)?.(new TextDecoder().decode(body));
  }
});

let failures = 0;
function judge(name: string, got: unknown, expected: unknown): void {
  const isRight = got === expected;
  if (!isRight) failures++;
  console.log(`${isRight ? "ok    " : "FAILED"} ${name}${isRight ? "" : `: ${String(got)}, not ${String(expected)}`}`);
}

const accepted = (): Promise<TcpConnection> =>
  new Promise((resolve) => {
    station.accept = () => resolve(station.backlog.take()!);
  });

await hear(1);
for (const faults of [0, 0.02, 0.1]) {
  station.faults = faults;
  const how = `faults ${faults * 100} %, seed ${seed}`;
  const linuxConnects = accepted();
  const told = hear(3);
  give(1, new TextEncoder().encode("talk"));
  const got = await talk(await linuxConnects, pattern(500_000));
  judge(`Linux connects and writes (${how})`, summary(got), summary(pattern(400_000)));
  judge(`Linux reads to the end (${how})`, await told, summary(pattern(500_000)));
  const heard = hear(2);
  const port = 20000 + Math.floor(faults * 1000);
  const made = station.stack.connect(OURS, port, THEIRS, 7000, OPTIONS, () => {});
  if (isErrno(made)) throw new Error(`connect: ${made}`);
  const answer = await talk(made, pattern(600_000));
  judge(`we connect, Linux reads (${how})`, await heard, summary(pattern(600_000)));
  judge(`… and answers after our end (${how})`, summary(answer), summary(pattern(300_000)));
}
station.faults = 0;
const refused = hear(3);
give(1, new TextEncoder().encode("refused"));
judge("Linux is refused where nobody listens", await refused, "ConnectionRefusedError");
const urgent = accepted();
give(1, new TextEncoder().encode("urgent"));
const marked = await urgent;
await new Promise((resolve) => setTimeout(resolve, 300));
judge("Linux's urgent byte stands where it was put", `${marked.hasUrgent} ${marked.available}`, "true 2");
marked.close();
const reset = accepted();
give(1, new TextEncoder().encode("reset"));
const gone = await reset;
await new Promise((resolve) => setTimeout(resolve, 300));
judge("Linux's reset ends it", gone.state, TCP_CLOSE);
console.log(failures === 0 ? "all right" : `${failures} failed`);
carrier.kill();
process.exit(failures === 0 ? 0 : 1);
