/** All sessions of a system: those that run, and the last that have ended, by names that come once. */
import { type SessionView, StratosError } from "@stratos/sdk/api";
import type { EngineClient } from "@stratos/sdk/client";
import type { SupervisorOperations } from "@stratos/sdk/systems";
import { type ForkedSession, type SavedSession, Session } from "./session.ts";

export const SESSIONS_MAX = 32;
/** Of those that have ended the last are kept. */
const ENDED_MAX = 32;

interface MachinePlace {
  readonly engine: EngineClient;
  readonly target: number;
}

export class SystemSessions {
  readonly #refuse: (why: string) => StratosError;
  readonly #running = new Map<string, Session>();
  /** In the order of their ends. */
  readonly #ended = new Map<string, Session>();
  #last = 0;

  /** @param refuse  what the system says when it cannot */
  constructor(refuse: (why: string) => StratosError) {
    this.#refuse = refuse;
  }

  /** @param typed  what it reads first. @throws StratosError: it cannot be started */
  async open(place: MachinePlace, request: SupervisorOperations["open-session"], typed: Uint8Array): Promise<Session> {
    if (this.#running.size >= SESSIONS_MAX) throw this.#refuse(`has ${SESSIONS_MAX} sessions already`);
    const session = this.#add(Session.begin(String(++this.#last), place, request, typed));
    await session.started;
    return session;
  }

  #add(session: Session): Session {
    const { name } = session;
    this.#running.set(name, session);
    const forget = (): boolean => this.#running.get(name) === session && this.#running.delete(name);
    session.ended().then(() => {
      if (!forget()) return;
      this.#ended.set(name, session);
      if (this.#ended.size > ENDED_MAX) this.#ended.delete(this.#ended.keys().next().value!);
    }, forget);
    return session;
  }

  /** Another machine has taken the place of theirs: these go on in it. What has ended meanwhile is not there. */
  goOn(place: MachinePlace, saved: readonly ForkedSession[]): void {
    this.#running.clear();
    for (const each of saved) {
      this.#last = Math.max(this.#last, Number(each.name));
      this.#ended.delete(each.name);
      this.#add(Session.goOn(place, each));
    }
  }

  /** @throws StratosError of kind system */
  find(name: string): Session {
    const session = this.#running.get(name) ?? this.#ended.get(name);
    if (session === undefined) throw this.#refuse(`has no session ${name}`);
    return session;
  }

  /** Those that run. */
  views(): SessionView[] {
    return this.#started().map((session) => session.view());
  }

  /** By name, with those that have ended. */
  all(): SessionView[] {
    const all = [...this.#ended.values(), ...this.#started()].map((session) => session.view());
    return all.sort((one, other) => Number(one.name) - Number(other.name));
  }

  /** Those that go on where their machine is saved or forked. */
  save(): SavedSession[] {
    return this.#started().map((session) => session.save());
  }

  /** The same for a machine that is beside theirs. */
  fork(): ForkedSession[] {
    return this.#started().map((session) => ({ ...session.save(), history: session.history() }));
  }

  /** Whose number is known. */
  #started(): Session[] {
    return [...this.#running.values()].filter(({ pid }) => pid > 0);
  }
}
