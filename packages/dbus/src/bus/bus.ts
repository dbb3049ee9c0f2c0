/**
 * A message bus: programs connect, take names, call each other, tell and are told (D-Bus Specification, "Message Bus
 * Specification"). What a program can make it hold is bounded; over a bound it is answered LimitsExceeded.
 */
import {
  bodyOf,
  ERROR,
  type Message,
  METHOD_CALL,
  METHOD_RETURN,
  NO_AUTO_START,
  NO_REPLY_EXPECTED,
  SIGNAL,
  valuesOf,
  writeMessage,
} from "../wire/message.ts";
import { BUS_NAME, BUS_PATH } from "../wire/names.ts";
import { typesOf } from "../wire/signature.ts";
import type { Value } from "../wire/value-reader.ts";
import { BusNames } from "./bus-names.ts";
import { Connection, type Transport, type TransportEvents } from "./connection.ts";
import { type BusOfDriver, driverObject } from "./driver.ts";
import { type HostObject, LATER, methodOf, wholeObject } from "./host-object.ts";
import { type Matched, type MatchRule, textsOf } from "./match-rule.ts";
import { BusError, type Peer, type SharedFile } from "./peer.ts";
import { damagedBus, loadBus, saveBus } from "./saved-bus.ts";

const CONNECTIONS_MAX = 256;
/** Calls that wait for their answers: of one caller, of all. */
const REPLIES_MAX = 4096,
  REPLIES_ALL_MAX = 16_384;
/** Calls that wait for a service which is being started; for all of them, and what they hold in bytes. */
const HELD_MAX = 64,
  HELD_ALL_MAX = 1024,
  HELD_BYTES_MAX = 1 << 24;
/** Parts of messages, in bytes, and their descriptors, that the rest has not come of, from all connections. */
const WAITING_BYTES_MAX = 1 << 25,
  WAITING_FILES_MAX = 4096;

export interface BusPorts {
  /** Of this bus, 32 hexadecimal digits. */
  readonly guid: string;
  /** As /etc/machine-id has it. */
  machineId(): string;
  /** Names of services that can be started. */
  activatable(): readonly string[];
  /**
   * Starts the service of that name.
   *
   * @param onFailed  told in words when it has not taken its name; not when it has
   * @returns false: there is none
   */
  activate(name: string, onFailed: (why: string) => void): boolean;
  /** A service of that name was being started when the bus was saved that this one goes on from. */
  awaitName(name: string, onFailed: (why: string) => void): void;
  /** Services that start from now on are to have these variables: all that programs have set. */
  updateEnvironment(variables: ReadonlyMap<string, string>): void;
}

/** What a service of the host hears of what others tell. */
interface Heard {
  readonly rules: readonly MatchRule[];
  onSignal(message: Message, values: readonly Value[]): void;
}

interface Called {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature: string;
  readonly values: readonly Value[];
}

/** A service of the host, as it acts by itself. */
export interface HostService {
  tell(interfaceName: string, member: string, values: readonly Value[]): void;
  /** @param onAnswer  null: it was refused, or whom it was for has gone. Not of a bus that goes on from this one. */
  call(destination: string, called: Called, onAnswer: (values: readonly Value[] | null) => void): void;
}

interface Held {
  readonly sender: Peer;
  readonly message: Message;
}

/** Of a connection that is not there any more. */
const NOBODY: Transport = { key: 0, files: new Map(), peer: null, send: () => {}, release: () => {}, close: () => {} };

export class Bus implements BusOfDriver {
  readonly ports: BusPorts;
  readonly names = new BusNames<Peer>((name, before, after) => this.#ownerChanged(name, before, after));
  readonly peers = new Map<string, Peer>();
  readonly #monitors = new Set<Peer>();
  readonly #connections = new Set<Connection>();
  /** Who is to answer, by caller and number of the call. */
  readonly #replies = new Map<Peer, Map<number, Peer>>();
  readonly #held = new Map<string, Held[]>();
  readonly #driver: HostObject;
  environment: ReadonlyMap<string, string> = new Map();
  /** Services of the host, by their names. */
  readonly #hosts = new Map<string, Peer & { unique: string }>();
  #last = 0;
  #serial = 0;

  constructor(ports: BusPorts) {
    this.ports = ports;
    this.#driver = wholeObject(driverObject(this), () => ports.machineId());
  }

  /** A program connects. */
  connect(transport: Transport): TransportEvents {
    const connection = this.#make(`:1.${++this.#last}`, transport);
    this.#connections.add(connection);
    if (this.#connections.size > CONNECTIONS_MAX) connection.end();
    return connection;
  }

  #make(unique: string, transport: Transport): Connection {
    return new Connection(unique, transport, {
      guid: this.ports.guid,
      take: (from, message, files) => this.#take(from, message, files),
      gone: (from) => this.#gone(from),
      hasRoom: () =>
        sum(this.#connections, ({ waitingBytes }) => waitingBytes) <= WAITING_BYTES_MAX &&
        sum(this.#connections, ({ waitingFiles }) => waitingFiles) <= WAITING_FILES_MAX,
    });
  }

  /** All that it needs to go on, but what it is lent. */
  save(): Uint8Array {
    const uniqueOf = ({ unique }: Peer): string => unique;
    return saveBus({
      guid: this.ports.guid,
      last: this.#last,
      serial: this.#serial,
      environment: [...this.environment],
      connections: [...this.#connections].map((each) => each.save()),
      peers: [...this.peers.keys()],
      monitors: [...this.#monitors].map(uniqueOf),
      hosts: [...this.#hosts].map(([name, peer]) => [name, peer.unique]),
      names: this.names
        .save()
        .map(([name, claims]) => [name, claims.map(({ owner, flags }) => ({ owner: owner.unique, flags }))]),
      replies: [...this.#replies].map(([caller, open]) => [
        caller.unique,
        [...open].map(([serial, callee]) => [serial, callee.unique] as const),
      ]),
      held: [...this.#held].map(([name, held]) => [
        name,
        // Who has gone meanwhile is answered by nobody.
        held
          .filter(({ sender }) => this.peers.has(sender.unique))
          .map(({ sender, message }) => ({ sender: sender.unique, message: writeMessage(message) })),
      ]),
    });
  }

  /**
   * Goes on where another one was saved, instead of beginning with nothing but services of the host. Programs are told
   * nothing of it.
   *
   * @param transports  to programs that it knows, by their keys
   * @returns who their bytes go to; those that it does not know have none, and are to be ended
   * @throws StateError: nothing was loaded, and it can be used for nothing any more
   */
  goOn(saved: Uint8Array, transports: readonly Transport[]): ReadonlyMap<Transport, TransportEvents> {
    const state = loadBus(saved);
    const byKey = new Map(transports.map((transport) => [transport.key, transport]));
    const all = new Map<string, Peer>();
    const events = new Map<Transport, TransportEvents>();
    for (const each of state.connections) {
      const transport = byKey.get(each.key);
      // Those of whom nothing is left are told of as gone, below.
      const connection = this.#make(each.unique, transport ?? NOBODY);
      if ((transport !== undefined && !connection.goOn(each)) || all.has(each.unique) || events.has(transport!))
        throw damagedBus("its connections");
      all.set(each.unique, connection);
      this.#connections.add(connection);
      if (transport !== undefined) events.set(transport, connection);
    }
    this.#last = state.last;
    this.#serial = state.serial;
    this.environment = new Map(state.environment);
    const kept = new Map(state.hosts);
    for (const [name, host] of this.#hosts) {
      host.unique = kept.get(name) ?? `:1.${++this.#last}`;
      if (all.has(host.unique)) throw damagedBus("its services");
      all.set(host.unique, host);
    }
    const peerOf = (unique: string): Peer => {
      const peer = all.get(unique);
      if (peer === undefined) throw damagedBus(`${unique} is not on it`);
      return peer;
    };
    const isThere = (unique: string): boolean => all.has(unique);
    this.peers.clear();
    for (const unique of state.peers) if (isThere(unique)) this.peers.set(unique, peerOf(unique));
    for (const host of this.#hosts.values()) this.peers.set(host.unique, host);
    for (const unique of state.monitors) this.#monitors.add(peerOf(unique));
    const claims = state.names.map(([name, its]) => {
      const own = its.filter(({ owner }) => isThere(owner));
      return [name, own.map(({ owner, flags }) => ({ owner: peerOf(owner), flags }))] as const;
    });
    this.names.goOn(claims.filter(([, its]) => its.length > 0));
    for (const [name, host] of this.#hosts) if (!kept.has(name)) this.names.request(name, host, 0);
    for (const [caller, open] of state.replies)
      this.#replies.set(peerOf(caller), new Map(open.map(([serial, callee]) => [serial, peerOf(callee)])));
    for (const [name, its] of state.held) {
      const held = its.map(({ sender, message }) => ({ sender: peerOf(sender), message }));
      this.#held.set(name, held);
      this.ports.awaitName(name, (why) => this.#startFailed(name, held, why));
    }
    for (const connection of [...this.#connections]) if (![...events.values()].includes(connection)) connection.onEnd();
    return events;
  }

  /**
   * A service of the host takes a name.
   *
   * @param hears  absent: nothing of what programs tell
   */
  serve(name: string, path: string, object: HostObject, hears: Heard | null = null): HostService {
    const whole = wholeObject(object, () => this.ports.machineId());
    const waiting = new Map<number, (values: readonly Value[] | null) => void>();
    const peer: Peer & { unique: string } = {
      unique: `:1.${++this.#last}`,
      credentials: null,
      takesFiles: false,
      rules: hears === null ? [] : [...hears.rules],
      receive: (message) => {
        const { type, replySerial = 0 } = message;
        if (type === SIGNAL) return hears?.onSignal(message, valuesOf(message));
        if (type !== METHOD_CALL) {
          const onAnswer = waiting.get(replySerial);
          waiting.delete(replySerial);
          return onAnswer?.(type === METHOD_RETURN ? valuesOf(message) : null);
        }
        const isThere = message.path === path || message.interface === `${BUS_NAME}.Peer`;
        this.#answer(peer, message, isThere ? whole : {});
      },
    };
    this.#hosts.set(name, peer);
    this.peers.set(peer.unique, peer);
    this.names.request(name, peer, 0);
    return {
      tell: (interfaceName, member, values) => {
        const signature = whole[interfaceName]!.signals[member]!;
        this.#send(peer, { type: SIGNAL, path, interface: interfaceName, member, signature, values });
      },
      call: (destination, called, onAnswer) => {
        const { values, ...what } = called;
        const serial = this.#nextSerial();
        const body = bodyOf(called.signature, values);
        const head = { type: METHOD_CALL, flags: NO_AUTO_START, serial, isLittle: true, fileCount: 0 };
        waiting.set(serial, onAnswer);
        try {
          this.#route(peer, { ...head, sender: peer.unique, destination, ...what, body }, []);
        } catch (error) {
          if (!(error instanceof BusError)) throw error;
          waiting.delete(serial);
          onAnswer(null);
        }
      },
    };
  }

  /** Ends all connections. */
  close(): void {
    for (const connection of [...this.#connections]) connection.end();
  }

  /** Of all programs. */
  get ruleCount(): number {
    return sum([...this.peers.values(), ...this.#monitors], ({ rules }) => rules.length);
  }

  /** Who has that name. */
  find(name: string): Peer | null {
    return name.startsWith(":") ? (this.peers.get(name) ?? null) : this.names.ownerOf(name);
  }

  becomeMonitor(peer: Peer): void {
    this.names.releaseAll(peer);
    this.peers.delete(peer.unique);
    this.#ownerChanged(peer.unique, peer, null);
    this.#endCalls(peer);
    this.#monitors.add(peer);
  }

  #take(from: Connection, received: Message, files: readonly SharedFile[]): boolean {
    const message: Message = { ...received, sender: from.unique };
    const { type, destination, member, signature } = message;
    const isHello = type === METHOD_CALL && destination === BUS_NAME && member === "Hello" && signature === "";
    if (this.#monitors.has(from) || (!this.peers.has(from.unique) && !isHello)) return false;
    try {
      this.#route(from, message, files);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      this.#refuse(message, from, error);
    }
    if (isHello && !this.peers.has(from.unique)) {
      this.peers.set(from.unique, from);
      this.#ownerChanged(from.unique, null, from);
    }
    return true;
  }

  /** @throws BusError */
  #route(from: Peer, message: Message, files: readonly SharedFile[]): void {
    const { destination, type } = message;
    const to = destination === undefined ? null : this.find(destination);
    this.#broadcast(message, files, to);
    if (destination === BUS_NAME || (destination === undefined && type === METHOD_CALL))
      return type === METHOD_CALL ? this.#answer(from, message, this.#driver) : undefined;
    if (destination === undefined) return;
    if (to === null) return this.#start(from, message, destination);
    this.#deliver(from, message, to, files);
  }

  /** @throws BusError */
  #deliver(from: Peer, message: Message, to: Peer, files: readonly SharedFile[]): void {
    const { type, flags, serial, replySerial } = message;
    if (files.length > 0 && !to.takesFiles)
      throw new BusError("NotSupported", "whom it is for takes no file descriptors");
    if (type === METHOD_RETURN || type === ERROR) {
      // Nobody asked: who only guesses numbers of others' calls is not heard.
      if (this.#replies.get(to)?.get(replySerial!) !== from) return;
      this.#replies.get(to)!.delete(replySerial!);
    } else if (type === METHOD_CALL && (flags & NO_REPLY_EXPECTED) === 0) {
      const open = this.#replies.get(from) ?? new Map<number, Peer>();
      if (open.size >= REPLIES_MAX || sum(this.#replies.values(), ({ size }) => size) >= REPLIES_ALL_MAX)
        throw new BusError("LimitsExceeded", "too many calls wait for their answers");
      this.#replies.set(from, open.set(serial, to));
    }
    to.receive(message, files);
  }

  /** Nobody has that name: it may be a service's that is started by the first call. @throws BusError */
  #start(from: Peer, message: Message, name: string): void {
    const { type, flags, fileCount } = message;
    if (type !== METHOD_CALL) return;
    const mayStart = (flags & NO_AUTO_START) === 0 && fileCount === 0;
    if (mayStart && this.activate(name, from, message)) return;
    throw new BusError("ServiceUnknown", `The name ${name} was not provided by any .service files`);
  }

  /**
   * Starts a service, unless it is being started already.
   *
   * @param message  that is carried out when it is there
   * @returns false: there is none of that name
   * @throws BusError
   */
  activate(name: string, sender: Peer, message: Message): boolean {
    const begun = this.#held.get(name);
    if ((begun?.length ?? 0) >= HELD_MAX) throw new BusError("LimitsExceeded", `${HELD_MAX} calls wait for ${name}`);
    const all = [...this.#held.values()].flat();
    if (all.length >= HELD_ALL_MAX || sum(all, heldBytes) + heldBytes({ message }) > HELD_BYTES_MAX)
      throw new BusError("LimitsExceeded", "too many calls wait for services");
    const held = begun ?? [];
    this.#held.set(name, held);
    // A copy: what it came in is larger.
    held.push({ sender, message: { ...message, body: message.body.slice() } });
    if (begun !== undefined) return true;
    const isThere = this.ports.activate(name, (why) => this.#startFailed(name, held, why));
    if (!isThere) this.#held.delete(name);
    return isThere;
  }

  #startFailed(name: string, held: readonly Held[], why: string): void {
    if (this.#held.get(name) !== held) return;
    this.#held.delete(name);
    const error = new BusError("Spawn.ExecFailed", `${name}: ${why}`);
    for (const each of held) this.#refuse(each.message, each.sender, error);
  }

  #release(name: string): void {
    const held = this.#held.get(name) ?? [];
    this.#held.delete(name);
    for (const { sender, message } of held) {
      if (!this.peers.has(sender.unique)) continue;
      // StartServiceByName is answered; a call is carried out.
      if (message.destination === BUS_NAME) this.#reply(message, sender, "u", [1]);
      else
        try {
          const to = this.find(name);
          // It did not read what the calls before it said.
          if (to === null) throw new BusError("NoReply", `${name} has gone`);
          this.#deliver(sender, message, to, []);
        } catch (error) {
          if (!(error instanceof BusError)) throw error;
          this.#refuse(message, sender, error);
        }
    }
  }

  /** Calls a method of the host's. */
  #answer(from: Peer, message: Message, object: HostObject): void {
    const to = object === this.#driver ? from : this.peers.get(message.sender!);
    if (to === undefined) return;
    const sender = object === this.#driver ? null : from;
    try {
      const method = methodOf(object, message);
      const values = method.call(valuesOf(message), message);
      if (values !== LATER) this.#reply(message, to, method.gives, values, sender);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      this.#refuse(message, to, error, sender);
    }
  }

  #reply(call: Message, to: Peer, signature: string, values: readonly Value[], from: Peer | null = null): void {
    if ((call.flags & NO_REPLY_EXPECTED) !== 0) return;
    this.#send(from, { type: METHOD_RETURN, replySerial: call.serial, signature, values }, to);
  }

  #refuse(call: Message, to: Peer, error: BusError, from: Peer | null = null): void {
    if (call.type !== METHOD_CALL || (call.flags & NO_REPLY_EXPECTED) !== 0) return;
    const { name: errorName, message } = error;
    this.#send(from, { type: ERROR, replySerial: call.serial, errorName, signature: "s", values: [message] }, to);
  }

  /** @param from  null: the bus itself. @param to  absent: whom it concerns */
  #send(
    from: Peer | null,
    { values, ...rest }: Partial<Message> & { type: number; signature: string; values: readonly Value[] },
    to: Peer | null = null,
  ): void {
    const message: Message = {
      flags: NO_REPLY_EXPECTED,
      serial: this.#nextSerial(),
      body: bodyOf(rest.signature, values),
      isLittle: true,
      fileCount: 0,
      sender: from?.unique ?? BUS_NAME,
      ...(to === null ? {} : { destination: to.unique }),
      ...rest,
    };
    if (message.replySerial !== undefined && to !== null) this.#replies.get(to)?.delete(message.replySerial);
    this.#broadcast(message, [], to);
    to?.receive(message, []);
  }

  #nextSerial(): number {
    this.#serial = this.#serial === 0xffffffff ? 1 : this.#serial + 1;
    return this.#serial;
  }

  /** To whoever has asked for it; to whom it is sent, it comes without that. */
  #broadcast(message: Message, files: readonly SharedFile[], to: Peer | null): void {
    const isForOne = message.destination !== undefined;
    let texts: ReturnType<Matched["texts"]> | null = null;
    const matched: Matched = {
      message,
      texts: () => (texts ??= textsOf(typesOf(message.signature)!, valuesOf(message))),
      owns: (owner, name) => owner === name || (this.find(name) ?? this) === this.find(owner),
    };
    const isWanted = (rule: MatchRule): boolean => (!isForOne || rule.eavesdrops) && rule.matches(matched);
    for (const peer of this.peers.values())
      if (peer !== to && peer.rules.some(isWanted) && (files.length === 0 || peer.takesFiles))
        peer.receive(message, files);
    for (const monitor of this.#monitors) {
      const { rules, takesFiles } = monitor;
      if (rules.length > 0 && !rules.some((rule) => rule.matches(matched))) continue;
      // It sees what was said without what went along.
      if (takesFiles || files.length === 0) monitor.receive(message, files);
      else monitor.receive({ ...message, fileCount: 0 }, []);
    }
  }

  #ownerChanged(name: string, before: Peer | null, after: Peer | null): void {
    const own = { type: SIGNAL, path: BUS_PATH, interface: BUS_NAME };
    const values = [name, before?.unique ?? "", after?.unique ?? ""];
    this.#send(null, { ...own, member: "NameOwnerChanged", signature: "sss", values });
    const tell = (peer: Peer | null, member: string): void => {
      if (peer !== null && this.peers.has(peer.unique))
        this.#send(null, { ...own, member, signature: "s", values: [name] }, peer);
    };
    tell(before, "NameLost");
    tell(after, "NameAcquired");
    if (after !== null) this.#release(name);
  }

  #gone(connection: Connection): void {
    this.#connections.delete(connection);
    this.#monitors.delete(connection);
    if (!this.peers.delete(connection.unique)) return;
    this.names.releaseAll(connection);
    this.#ownerChanged(connection.unique, connection, null);
    this.#endCalls(connection);
  }

  /** Nobody answers it any more, nor it anybody. */
  #endCalls(peer: Peer): void {
    this.#replies.delete(peer);
    for (const [caller, open] of this.#replies)
      for (const [serial, callee] of open) {
        if (callee !== peer) continue;
        open.delete(serial);
        const text = "Message recipient disconnected from message bus without replying";
        const error = { errorName: `${BUS_NAME}.Error.NoReply`, signature: "s", values: [text] };
        this.#send(null, { type: ERROR, replySerial: serial, ...error }, caller);
      }
  }
}

function heldBytes({ message: { body, path = "" } }: Pick<Held, "message">): number {
  return body.length + path.length;
}

function sum<Item>(items: Iterable<Item>, of: (item: Item) => number): number {
  let all = 0;
  for (const item of items) all += of(item);
  return all;
}
