/** Sockets of the host under rules: what these deny fails with EACCES, and is told; changed rules end what is open. */
import { EACCES, EAGAIN, ECONNRESET, ENOTCONN } from "@stratos/abi";
import { concatBytes } from "@stratos/base";
import type {
  EventLoop,
  BindOptions,
  HostAddress,
  HostInterfaceAddress,
  HostSocket,
  HostSocketEvents,
  HostSocketOption,
  HostSocketType,
  SocketProvider,
} from "@stratos/host";
import type { Denial, NetOptions, NetPolicy } from "./api.ts";
import { HELLO_BYTES_MAX, readClientHello } from "./client-hello.ts";
import { questionOf, refusalOf } from "./dns-message.ts";
import { NetSecrets, type OutgoingSecrets } from "./net-secrets.ts";
import { NetRules, type Protocol, type Verdict } from "./net-policy.ts";
import type { TlsEnd, TlsGateway } from "./tls-gateway.ts";

const DNS_PORT = 53;
/** Datagrams of our own that wait to be read, and peers of a socket for datagrams. */
const REFUSALS_MAX = 64,
  PEERS_MAX = 256;

const PROTOCOLS: Readonly<Record<HostSocketType, Protocol>> = { stream: "tcp", datagram: "udp", echo: "icmp" };

/** What was denied, as sockets know it. */
export type DeniedPlace = Omit<Denial, "atMs" | "process">;

interface PolicyParts {
  readonly policy: NetPolicy;
  readonly secrets?: NetOptions["secrets"] | undefined;
  /** null: what programs encrypt is theirs. */
  readonly tls?: TlsGateway | null;
  readonly loop: Pick<EventLoop, "nowMs" | "callSoon">;
  /** The addresses that these have for names are known. */
  readonly known?: PolicySockets | null;
}

export class PolicySockets implements SocketProvider {
  readonly #inner: SocketProvider;
  readonly #rules: NetRules;
  readonly #callSoon: (act: () => void) => void;
  readonly #tell: (denied: DeniedPlace) => void;
  readonly #open = new Set<PolicySocket>();
  readonly #secrets: NetSecrets | null;
  readonly #tls: TlsGateway | null;

  /** @throws StratosError of kind option */
  constructor(
    inner: SocketProvider,
    { policy, secrets, tls = null, loop, known = null }: PolicyParts,
    tell: (denied: DeniedPlace) => void,
  ) {
    this.#inner = inner;
    this.#rules = new NetRules(policy, () => loop.nowMs(), known === null ? null : known.rules);
    this.#secrets = secrets === undefined ? null : new NetSecrets(secrets);
    this.#tls = tls;
    this.#callSoon = (act) => void loop.callSoon(act);
    this.#tell = tell;
  }

  /** Of a fork: the same of the host, under rules of their own. */
  fork(parts: Omit<PolicyParts, "known" | "tls">, tell: (denied: DeniedPlace) => void): PolicySockets {
    return new PolicySockets(this.#inner, { ...parts, tls: this.#tls, known: this }, tell);
  }

  /** Connections that are denied from here on end. @throws StratosError of kind option; then nothing has changed */
  update(policy: NetPolicy): void {
    this.#rules.update(policy);
    for (const socket of [...this.#open]) socket.check();
  }

  create(family: 4 | 6, type: HostSocketType, events: HostSocketEvents): HostSocket | number {
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

  /** Whether a program's TLS may have to be ended. */
  get looksAtTls(): boolean {
    return this.#tls !== null && this.#secrets !== null;
  }

  /**
   * Of a connection whose program begins TLS.
   *
   * @param socket  connected
   * @returns null: no secret is for there, so it stays the program's
   */
  terminateTls(
    socket: HostSocket,
    { peer, serverName, events }: { peer: HostAddress; serverName: string | null; events: HostSocketEvents },
  ): TlsEnd | null {
    const address = plain(peer.address);
    const secrets = this.#secrets?.forTls(address, peer.port, serverName) ?? null;
    if (secrets === null || this.#tls === null) return null;
    return this.#tls.terminate({ socket, peer: { ...peer, address }, serverName, secrets, events });
  }

  permitsName(name: string): boolean {
    const verdict = this.#rules.verdictOfName(name);
    if (!verdict.isAllowed) this.#deny(verdict, { host: name, port: DNS_PORT, protocol: "udp" });
    return verdict.isAllowed;
  }

  #deny({ rule }: Verdict, what: Pick<Denial, "host" | "port" | "protocol">): void {
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
  readonly #protocol: Protocol;
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
  /** What the program has sent while that may become a beginning of TLS; null: it is known what it speaks. */
  #beginning: Uint8Array | null = null;
  /** What the program has instead of the inner socket, when its TLS ends here. */
  #tls: TlsEnd | null = null;
  /** Whom it has written to by itself, with the names that they had: the rules are asked about each datagram. */
  readonly #addressed = new Map<string, readonly string[]>();
  #last: { readonly sender: HostAddress | null; readonly length: number } | null = null;

  constructor(
    policy: PolicySockets,
    inner: HostSocket,
    type: HostSocketType,
    events: HostSocketEvents,
    forget: () => void,
  ) {
    this.#policy = policy;
    this.#inner = inner;
    this.#isStream = type === "stream";
    this.#protocol = PROTOCOLS[type];
    this.#events = events;
    this.#forget = forget;
  }

  /** What reads and writes. */
  get #end(): HostSocket | TlsEnd {
    return this.#tls ?? this.#inner;
  }

  /** The rules have changed. */
  check(): void {
    this.#senders.clear();
    if (!this.#isStream || this.#peer === null || this.#isCut) return;
    if (this.#policy.permits(this.#peer, "tcp", this.#names)) return;
    this.#isCut = true;
    this.#error = ECONNRESET;
    this.#end.abort();
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
    if (this.#isStream) {
      this.#secrets = this.#policy.secretsFor(to, this.#names);
      if (this.#policy.looksAtTls) this.#beginning = new Uint8Array(0);
    }
    return this.#inner.connect(to);
  }

  #permitsDatagram(to: HostAddress): boolean {
    const key = keyOf(to);
    if (this.#senders.has(key)) return true;
    const names = this.#addressed.get(key);
    if (!this.#policy.permits(to, this.#protocol, names)) return false;
    if (names === undefined && this.#addressed.size < PEERS_MAX) this.#addressed.set(key, this.#policy.namesOf(to));
    return true;
  }

  write(bytes: Uint8Array, at: number, length: number, to: HostAddress | null): number {
    if (this.#isCut) return -ECONNRESET;
    if (this.#tls !== null) return this.#tls.write(bytes, at, length, null);
    if (this.#beginning !== null && length > 0) {
      if (!this.#inner.connected()) return -ENOTCONN;
      if (this.#begins(bytes.subarray(at, at + length))) return length;
    }
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

  /** What a program sends first. @returns false: it is no TLS, and was not taken */
  #begins(bytes: Uint8Array): boolean {
    const said = concatBytes([this.#beginning!, bytes]);
    const hello = said.length > HELLO_BYTES_MAX ? null : readClientHello(said);
    if (hello === "more") {
      this.#beginning = said;
      return true;
    }
    this.#beginning = null;
    if (hello === null && said.length === bytes.length) return false;
    const { serverName = null } = hello ?? {};
    if (hello !== null)
      this.#tls = this.#policy.terminateTls(this.#inner, { peer: this.#peer!, serverName, events: this.#events });
    // A socket that has sent nothing yet takes it.
    this.#end.write(said, 0, said.length, null);
    return true;
  }

  /** It did not become one. */
  #sendBeginning(): void {
    const said = this.#beginning;
    this.#beginning = null;
    if (said !== null && said.length > 0) this.#inner.write(said, 0, said.length, null);
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
    const count = this.#end.read(bytes, at, length, peek);
    if (this.#isStream || count < 0) return count;
    const sender = this.#inner.lastSender ?? this.#peer;
    this.#last = { sender: this.#inner.lastSender, length: this.#inner.lastLength };
    if (sender !== null) {
      if (this.#policy.isNameServer(sender)) this.#policy.rules.learn(bytes.subarray(at, at + count));
      // Whoever speaks of an echo has heard it.
      else if (this.#protocol === "udp") this.#hear(keyOf(sender));
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
    return this.#isCut || this.#refusals.length > 0 || this.#end.readable();
  }

  available(): number {
    return this.#refusals[0]?.bytes.length ?? this.#end.available();
  }

  ended(): boolean {
    return this.#end.ended();
  }

  takeError(): number {
    if (!this.#isCut) return this.#end.takeError();
    const error = this.#error;
    this.#error = 0;
    return error;
  }

  close(): void {
    this.#forget();
    this.#sendBeginning();
    this.#end.close();
  }

  abort(): void {
    this.#forget();
    this.#end.abort();
  }

  // What is the inner one's.

  bind(to: HostAddress, options: BindOptions): number {
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
    if (how !== 0) this.#sendBeginning();
    return this.#end.shutdown(how);
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
    return this.#isCut || this.#end.writable();
  }

  unsent(): number {
    return this.#end.unsent();
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
