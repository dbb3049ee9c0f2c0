/**
 * Workers that come and go with a hub's queue. Whoever runs a `Scaler` calls `tick` from time to time; it keeps no
 * more than what it saw at earlier ticks, and asks the hub who is there. A worker that is to go is disabled first, and
 * stopped when its last run has ended, so that nothing is built twice.
 *
 *   starting ──online──▶ ready ──too many──▶ draining ──no runs──▶ gone
 *       └──too late──▶ gone
 */
import type { HostView } from "@stratos/hub-api";

export interface ScaleSettings {
  /** Its workers are the hosts `POOL-1`, `POOL-2` and so on. */
  readonly pool: string;
  /** Of one worker. */
  readonly capacity: number;
  readonly workersMin: number;
  readonly workersMax: number;
  /** Between two additions. */
  readonly upSeconds: number;
  /** From any change to a removal. */
  readonly downSeconds: number;
  /** A worker without work for so long may go. */
  readonly idleSeconds: number;
  /** A worker that is not heard of for so long has failed. */
  readonly startSeconds: number;
  /** Hours of workers in any 24 hours; beyond it only `workersMin` stay. */
  readonly hoursPerDay: number | null;
}

export interface Queue {
  hosts(): Promise<readonly HostView[]>;
  /** Tasks that could run now. */
  waiting(): Promise<number>;
  /** It takes no more tasks. */
  disable(host: string): Promise<void>;
  remove(host: string): Promise<void>;
}

/** Where workers run. */
export interface Machines {
  start(name: string): Promise<void>;
  stop(name: string): Promise<void>;
  /** Whether it is one that `stop` can stop; for a process: while it lives. */
  has(name: string): boolean;
  /** Learns at a tick's beginning which there are. @throws Error when that cannot be known: the tick ends */
  refresh?(nowMs: number): Promise<void>;
  /** Those that `has`, whether the hub has heard of them or not. */
  names?(): readonly string[];
  /** Why one is not at the hub, or has ended. @returns null: nothing speaks against it */
  words?(name: string): string | null;
  /** Whether a name is not to be used yet. */
  isKept?(name: string): boolean;
  /** What `stop` has stopped may take its leave a while later. */
  readonly stopsLater?: boolean;
  /**
   * Asked once at each tick; where it is there, workers come one at a time, so that what each takes is seen before the
   * next. @returns why there is no room for one more, in words; null: there is
   */
  refusal?(): string | null;
}

interface Member {
  readonly name: string;
  readonly startedMs: number;
  state: "starting" | "ready" | "draining";
  idleSinceMs: number | null;
  lostSinceMs: number | null;
  used: number;
  /** What was told of why it does not come. */
  told: string | null;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export class Scaler {
  readonly #settings: ScaleSettings;
  readonly #queue: Queue;
  readonly #machines: Machines;
  readonly #tell: (message: string) => void;
  readonly #members = new Map<string, Member>();
  /** Hosts whose workers were stopped, and may still speak. */
  readonly #leaving = new Set<string>();
  /** Spans of workers that went within the last day. */
  #spans: { readonly fromMs: number; readonly untilMs: number }[] = [];
  #lastUpMs = -Infinity;
  #refused: string | null = null;
  #lastDownMs = -Infinity;

  constructor(settings: ScaleSettings, queue: Queue, machines: Machines, tell: (message: string) => void) {
    this.#settings = settings;
    this.#queue = queue;
    this.#machines = machines;
    this.#tell = tell;
  }

  get names(): readonly string[] {
    return [...this.#members.keys()];
  }

  /** @throws what the hub's client throws; the next tick begins anew */
  async tick(nowMs: number): Promise<void> {
    await this.#machines.refresh?.(nowMs);
    const hosts = new Map<string, HostView>();
    for (const host of await this.#queue.hosts()) if (this.#number(host.name) !== null) hosts.set(host.name, host);
    const waiting = await this.#queue.waiting();
    const isNew = (name: string): boolean => this.#number(name) !== null && !this.#members.has(name);
    const found = (this.#machines.names?.() ?? []).filter(isNew);
    if (found.length > 0) this.#tell(`${found.length} workers are there already`);
    for (const name of found) this.#add(name, nowMs);
    for (const { name, online } of hosts.values())
      if (online && !this.#members.has(name) && this.#machines.has(name)) this.#add(name, nowMs);
    for (const name of this.#leaving) await this.#seeOff(name, hosts.get(name));
    for (const member of this.#members.values()) await this.#follow(member, hosts.get(member.name), nowMs);
    await this.#settle(waiting, hosts, nowMs);
  }

  #number(name: string): number | null {
    const rest = name.startsWith(`${this.#settings.pool}-`) ? name.slice(this.#settings.pool.length + 1) : "";
    return /^[1-9]\d{0,6}$/.test(rest) ? Number(rest) : null;
  }

  #add(name: string, nowMs: number): void {
    const none = { idleSinceMs: null, lostSinceMs: null, used: 0, told: null };
    this.#members.set(name, { name, startedMs: nowMs, state: "starting", ...none });
  }

  async #follow(member: Member, host: HostView | undefined, nowMs: number): Promise<void> {
    const { name } = member;
    if (!this.#machines.has(name)) {
      this.#tell(`${name} ended by itself${this.#why(name)}`);
      return this.#forget(member, host, nowMs);
    }
    const isOnline = host?.online === true;
    member.used = host?.used ?? 0;
    member.lostSinceMs = isOnline ? null : (member.lostSinceMs ?? nowMs);
    member.idleSinceMs = isOnline && member.used === 0 ? (member.idleSinceMs ?? nowMs) : null;
    // Whoever disabled it: an administrator may, too.
    if (isOnline) member.state = host.enabled ? "ready" : "draining";
    const isLost = member.lostSinceMs !== null && nowMs - member.lostSinceMs >= this.#settings.startSeconds * 1_000;
    if (isLost) this.#tell(`${name} is not heard of: stopped${this.#why(name)}`);
    else if (!isOnline) this.#tellTrouble(member, nowMs);
    if (!isLost && (member.state !== "draining" || member.used > 0)) return;
    try {
      await this.#machines.stop(name);
    } catch (error) {
      // It costs as long as it is there; the next tick tries again.
      this.#tell(`${name} was not stopped: ${wordsOf(error)}`);
      return;
    }
    await this.#forget(member, host, nowMs);
  }

  #why(name: string): string {
    const words = this.#machines.words?.(name) ?? null;
    return words === null ? "" : `; ${words}`;
  }

  /** Once, after a while in which it could have come. */
  #tellTrouble(member: Member, nowMs: number): void {
    if (member.told !== null || nowMs - member.lostSinceMs! < this.#settings.upSeconds * 1_000) return;
    member.told = this.#machines.words?.(member.name) ?? null;
    if (member.told !== null) this.#tell(`${member.name} is waited for: ${member.told}`);
  }

  async #seeOff(name: string, host: HostView | undefined): Promise<void> {
    const isBack = host === undefined || this.#members.has(name);
    if (!isBack && host.online) return;
    this.#leaving.delete(name);
    if (!isBack && host.used === 0) await this.#queue.remove(name);
  }

  async #forget(member: Member, host: HostView | undefined, nowMs: number): Promise<void> {
    this.#members.delete(member.name);
    this.#spans.push({ fromMs: member.startedMs, untilMs: nowMs });
    // A worker that asks once more would make its host anew.
    if (this.#machines.stopsLater === true) this.#leaving.add(member.name);
    // One with runs is left: the hub gives them to others when their leases end.
    else if (host !== undefined && host.used === 0) await this.#queue.remove(member.name);
  }

  /** Hours of workers within the last day. */
  #hours(nowMs: number): number {
    this.#spans = this.#spans.filter(({ untilMs }) => untilMs > nowMs - DAY_MS);
    const living = [...this.#members.values()].map(({ startedMs }) => ({ fromMs: startedMs, untilMs: nowMs }));
    const spent = [...this.#spans, ...living].map((span) => span.untilMs - Math.max(span.fromMs, nowMs - DAY_MS));
    return spent.reduce((sum, ms) => sum + ms, 0) / HOUR_MS;
  }

  async #settle(waiting: number, hosts: ReadonlyMap<string, HostView>, nowMs: number): Promise<void> {
    const { capacity, workersMin, workersMax, hoursPerDay, upSeconds, downSeconds, idleSeconds } = this.#settings;
    const all = [...this.#members.values()];
    const staying = all.filter(({ state }) => state !== "draining");
    const isSpent = hoursPerDay !== null && this.#hours(nowMs) >= hoursPerDay;
    const load = waiting + staying.reduce((sum, { used }) => sum + used, 0);
    const most = isSpent ? workersMin : workersMax;
    const needed = Math.max(workersMin, Math.min(most, Math.ceil(load / capacity)));
    const wanted = this.#withinRoom(needed, staying.length);
    if (wanted > staying.length && nowMs - this.#lastUpMs >= upSeconds * 1_000) {
      this.#lastUpMs = nowMs;
      this.#tell(`${staying.length} → ${wanted} workers: ${waiting} tasks wait`);
      // Of a scaler that was killed: they take tasks, and nobody here can end them.
      const others = [...hosts.values()].filter(({ name, online }) => online && !this.#members.has(name)).length;
      const free = Math.min(wanted - staying.length, workersMax - all.length - others);
      // What failed is tried again after the pause; the others would fail alike.
      for (let made = 0; made < free; made++) if (!(await this.#start(hosts, nowMs))) return;
      return;
    }
    if (wanted >= staying.length || nowMs - Math.max(this.#lastUpMs, this.#lastDownMs) < downSeconds * 1_000) return;
    const mayGo = ({ state, idleSinceMs }: Member): boolean =>
      state === "ready" && (isSpent || (idleSinceMs !== null && nowMs - idleSinceMs >= idleSeconds * 1_000));
    const going = staying
      .filter(mayGo)
      .sort((a, b) => a.used - b.used)
      .slice(0, staying.length - wanted);
    if (going.length === 0) return;
    this.#lastDownMs = nowMs;
    const why = isSpent ? `the ${hoursPerDay} hours of a day are spent` : "they have no work";
    this.#tell(`${staying.length} → ${staying.length - going.length} workers: ${why}`);
    for (const member of going) {
      await this.#queue.disable(member.name);
      member.state = "draining";
    }
  }

  /** Those of `workersMin` come, room or not; what is refused is told when it begins, and not at each tick. */
  #withinRoom(wanted: number, staying: number): number {
    const { workersMin } = this.#settings;
    if (this.#machines.refusal === undefined) return wanted;
    const refusal = this.#machines.refusal();
    const isRefused = refusal !== null && wanted > Math.max(staying, workersMin);
    if (isRefused && this.#refused === null) this.#tell(`${staying} workers, and no more for now: ${refusal}`);
    this.#refused = isRefused ? refusal : null;
    return Math.min(wanted, Math.max(workersMin, isRefused ? staying : staying + 1));
  }

  async #start(hosts: ReadonlyMap<string, HostView>, nowMs: number): Promise<boolean> {
    let number = 1;
    const name = (): string => `${this.#settings.pool}-${number}`;
    const isTaken = (): boolean =>
      this.#members.has(name()) || hosts.get(name())?.online === true || this.#machines.isKept?.(name()) === true;
    while (isTaken()) number++;
    try {
      await this.#machines.start(name());
      this.#add(name(), nowMs);
      return true;
    } catch (error) {
      this.#tell(`${name()} was not started: ${wordsOf(error)}`);
      return false;
    }
  }
}
