/** Sockets of the host under rules: what these deny fails with EACCES, and is told; changed rules end what is open. */
import { EACCES, EAGAIN, ECONNRESET } from "@stratos/abi";
import type {
  EventLoop,
  HostAddress,
  HostInterfaceAddress,
  HostSocket,
  HostSocketEvents,
  HostSocketOption,
  SocketProvider,
} from "@stratos/host";
import type { NetOptions, NetPolicy, SandboxEvents } from "./api.ts";
import { questionOf, refusalOf } from "./dns-message.ts";
import { NetSecrets, type OutgoingSecrets } from "./net-secrets.ts";
import { NetRules, type Protocol, type Verdict } from "./net-policy.ts";

const DNS_PORT = 53;
/** Datagrams of our own that wait to be read, and peers of a socket for datagrams. */
const REFUSALS_MAX = 64,
  PEERS_MAX = 256;

interface PolicyParts {
  readonly policy: NetPolicy;
  readonly secrets?: NetOptions["secrets"] | undefined;
  readonly loop: Pick<EventLoop, "nowMs" | "callSoon">;
  /** The addresses that these have for names are known. */
  readonly known?: PolicySockets | null;
}

export class PolicySockets implements SocketProvider {
  readonly #inner: SocketProvider;
  readonly #rules: NetRules;
  readonly #callSoon: (act: () => void) => void;
  readonly #tell: (denied: SandboxEvents["denied"]) => void;
  readonly #open = new Set<PolicySocket>();
  readonly #secrets: NetSecrets | null;

  /** @throws StratosError of kind option */
  constructor(
    inner: SocketProvider,
    { policy, secrets, loop, known = null }: PolicyParts,
    tell: (denied: SandboxEvents["denied"]) => void,
  ) {
    this.#inner = inner;
    this.#rules = new NetRules(policy, () => loop.nowMs(), known === null ? null : known.rules);
    this.#secrets = secrets === undefined ? null : new NetSecrets(secrets);
    this.#callSoon = (act) => void loop.callSoon(act);
    this.#tell = tell;
  }

  /** Of a fork: the same of the host, under rules of their own. */
  fork(parts: Omit<PolicyParts, "known">, tell: (denied: SandboxEvents["denied"]) => void): PolicySockets {
    return new PolicySockets(this.#inner, { ...parts, known: this }, tell);
  }

  /** Connections that are denied from here on end. @throws StratosError of kind option; then nothing has changed */
  update(policy: NetPolicy): void {
    this.#rules.update(policy);
    for (const socket of [...this.#open]) socket.check();
  }

  create(family: 4 | 6, type: "stream" | "datagram", events: HostSocketEvents): HostSocket | number {
    const made = this.#inner.create(family, type, events);
    if (typeof made === "number") return made;
    const socket = new PolicySocket(this, made, type, events, () => this.#open.delete(socket));
    this.#open.add(socket);
    return socket;
  }

  nameServers(): string[] {
    return this.#inner.nameServers();
  }

  localAddresses(): HostInterfaceAddress[] {
    return this.#inner.localAddresses();
  }

  /** No event comes from inside a call (SocketProvider). */
  soon(act: () => void): void {
    this.#callSoon(act);
  }

  get rules(): NetRules {
    return this.#rules;
  }

  isNameServer({ address, port }: HostAddress): boolean {
    return port === DNS_PORT && this.#inner.nameServers().includes(plain(address));
  }

  /** Tells of it when it is denied. @param named  names that the peer had when it was first permitted */
  permits({ address, port }: HostAddress, protocol: Protocol, named: readonly string[] = []): boolean {
    const verdict = this.#rules.verdict(plain(address), port, protocol, named);
    if (!verdict.isAllowed) this.#deny(verdict, { host: this.namesOf({ address })[0] ?? address, port, protocol });
    return verdict.isAllowed;
  }

  namesOf({ address }: Pick<HostAddress, "address">): readonly string[] {
    return this.#rules.namesOf(plain(address));
  }

  /** @returns null: none are for there */
  secretsFor({ address, port }: HostAddress, names: readonly string[]): OutgoingSecrets | null {
    return this.#secrets?.forPeer(plain(address), port, names) ?? null;
  }

  permitsName(name: string): boolean {
    const verdict = this.#rules.verdictOfName(name);
    if (!verdict.isAllowed) this.#deny(verdict, { host: name, port: DNS_PORT, protocol: "udp" });
    return verdict.isAllowed;
  }

  #deny({ rule }: Verdict, what: Pick<SandboxEvents["denied"], "host" | "port" | "protocol">): void {
    const reason = rule === null ? "no rule allows it" : `rule ${rule} denies it`;
    this.#tell({ ...what, rule, reason });
  }
}

/** @throws StratosError of kind option: it cannot be one */
export function checkNetPolicy(policy: NetPolicy): void {
  new NetRules(policy, () => 0);
}

class PolicySocket implements HostSocket {
  readonly #policy: PolicySockets;
  readonly #inner: HostSocket;
  readonly #isStream: boolean;
  readonly #events: HostSocketEvents;
  readonly #forget: () => void;
  #peer: HostAddress | null = null;
  /** Of the peer, at `connect`: what it was permitted by may end before the connection does. */
  #names: readonly string[] = [];
  /** The rules have ended it: an errno that is not told yet. */
  #error = 0;
  #isCut = false;
  /** Answers to questions that were refused. */
  readonly #refusals: { readonly from: HostAddress; readonly bytes: Uint8Array }[] = [];
  /** Who has sent something unasked may be answered, until the rules change. */
  readonly #senders = new Set<string>();
  #secrets: OutgoingSecrets | null = null;
  /** Whom it has written to by itself, with the names that they had: the rules are asked about each datagram. */
  readonly #addressed = new Map<string, readonly string[]>();
  #last: { readonly sender: HostAddress | null; readonly length: number } | null = null;

  constructor(
    policy: PolicySockets,
    inner: HostSocket,
    type: "stream" | "datagram",
    events: HostSocketEvents,
    forget: () => void,
  ) {
    this.#policy = policy;
    this.#inner = inner;
    this.#isStream = type === "stream";
    this.#events = events;
    this.#forget = forget;
  }

  /** The rules have changed. */
  check(): void {
    this.#senders.clear();
    if (!this.#isStream || this.#peer === null || this.#isCut) return;
    if (this.#policy.permits(this.#peer, "tcp", this.#names)) return;
    this.#isCut = true;
    this.#error = ECONNRESET;
    this.#inner.abort();
    this.#events.changed();
  }

  connect(to: HostAddress): number {
    // Questions to name servers are looked at one by one.
    const isPermitted = this.#isStream
      ? this.#policy.permits(to, "tcp")
      : this.#policy.isNameServer(to) || this.#permitsDatagram(to);
    if (!isPermitted) return -EACCES;
    this.#peer = to;
    this.#names = this.#policy.namesOf(to);
    if (this.#isStream) this.#secrets = this.#policy.secretsFor(to, this.#names);
    return this.#inner.connect(to);
  }

  #permitsDatagram(to: HostAddress): boolean {
    const key = keyOf(to);
    if (this.#senders.has(key)) return true;
    const names = this.#addressed.get(key);
    if (!this.#policy.permits(to, "udp", names)) return false;
    if (names === undefined && this.#addressed.size < PEERS_MAX) this.#addressed.set(key, this.#policy.namesOf(to));
    return true;
  }

  write(bytes: Uint8Array, at: number, length: number, to: HostAddress | null): number {
    if (this.#isCut) return -ECONNRESET;
    if (this.#secrets !== null) {
      const ready = this.#secrets.replaced(bytes.subarray(at, at + length));
      const count = this.#inner.write(ready, 0, ready.length, to);
      if (count > 0) this.#secrets.sent(count);
      return count;
    }
    if (this.#isStream) return this.#inner.write(bytes, at, length, to);
    const peer = to ?? this.#peer;
    if (peer !== null && this.#policy.isNameServer(peer)) {
      if (!this.#asks(peer, bytes.subarray(at, at + length))) return length;
    } else if (peer !== null && !this.#permitsDatagram(peer)) return -EACCES;
    return this.#inner.write(bytes, at, length, to);
  }

  /** @returns whether the question goes out; one that does not is answered here, or lost when it is none */
  #asks(server: HostAddress, message: Uint8Array): boolean {
    const question = questionOf(message);
    const isFree = this.#policy.rules.verdict(plain(server.address), server.port, "udp").isAllowed;
    if (isFree || (question !== null && this.#policy.permitsName(question.name))) {
      this.#policy.rules.asks(message);
      return true;
    }
    if (question !== null && this.#refusals.length < REFUSALS_MAX) {
      this.#refusals.push({ from: server, bytes: refusalOf(message) });
      this.#policy.soon(() => this.#events.changed());
    }
    return false;
  }

  read(bytes: Uint8Array, at: number, length: number, peek: boolean): number {
    if (this.#isCut) return this.#readCut();
    const [refusal] = this.#refusals;
    if (refusal !== undefined) {
      const part = refusal.bytes.subarray(0, length);
      bytes.set(part, at);
      this.#last = { sender: refusal.from, length: refusal.bytes.length };
      if (!peek) this.#refusals.shift();
      return part.length;
    }
    const count = this.#inner.read(bytes, at, length, peek);
    if (this.#isStream || count < 0) return count;
    const sender = this.#inner.lastSender ?? this.#peer;
    this.#last = { sender: this.#inner.lastSender, length: this.#inner.lastLength };
    if (sender !== null) {
      if (this.#policy.isNameServer(sender)) this.#policy.rules.learn(bytes.subarray(at, at + count));
      else this.#hear(keyOf(sender));
    }
    return count;
  }

  /** With so many addressed, nobody knows who sends unasked. */
  #hear(sender: string): void {
    if (this.#addressed.has(sender) || Math.max(this.#addressed.size, this.#senders.size) >= PEERS_MAX) return;
    this.#senders.add(sender);
  }

  /** Once the error; there is no end in order. */
  #readCut(): number {
    const error = this.takeError();
    return error === 0 ? -EAGAIN : -error;
  }

  get lastSender(): HostAddress | null {
    return this.#last === null ? this.#inner.lastSender : this.#last.sender;
  }

  get lastLength(): number {
    return this.#last?.length ?? this.#inner.lastLength;
  }

  readable(): boolean {
    return this.#isCut || this.#refusals.length > 0 || this.#inner.readable();
  }

  available(): number {
    return this.#refusals[0]?.bytes.length ?? this.#inner.available();
  }

  ended(): boolean {
    return this.#inner.ended();
  }

  takeError(): number {
    if (!this.#isCut) return this.#inner.takeError();
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  close(): void {
    this.#forget();
    this.#inner.close();
  }

  abort(): void {
    this.#forget();
    this.#inner.abort();
  }

  // What is the inner one's alone.

  bind(to: HostAddress, options: { reuseAddress: boolean; v6Only: boolean }): number {
    return this.#inner.bind(to, options);
  }

  listen(backlog: number): number {
    return this.#inner.listen(backlog);
  }

  /** Who comes in has been let in by `ports`. */
  accept(events: HostSocketEvents): HostSocket | number {
    return this.#inner.accept(events);
  }

  shutdown(how: 0 | 1 | 2): number {
    return this.#inner.shutdown(how);
  }

  setOption(option: HostSocketOption, value: number): number {
    return this.#inner.setOption(option, value);
  }

  localAddress(): HostAddress | null {
    return this.#inner.localAddress();
  }

  peerAddress(): HostAddress | null {
    return this.#inner.peerAddress();
  }

  writable(): boolean {
    return this.#isCut || this.#inner.writable();
  }

  unsent(): number {
    return this.#inner.unsent();
  }

  connected(): boolean {
    return this.#inner.connected();
  }
}

/** An IPv4 address as IPv6 carries it is that address. */
function plain(address: string): string {
  return address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "");
}

function keyOf({ address, port }: HostAddress): string {
  return `${plain(address)} ${port}`;
}
