/** Netfilter of one network: its rules, and what they make of packets. */
import { Ruleset } from "../rules/ruleset.ts";
import { stateClass } from "@stratos/base";
import {
  type AnswerSink,
  type Asker,
  type NetfilterRequest,
  RequestHandler,
  type Subsystem,
} from "../requests/batch.ts";

/** What netfilter asks of the computer that it is part of. */
export interface NetfilterHost {
  /** Nanoseconds of a clock that only goes forward. */
  now(): number;
}

export class Netfilter {
  readonly ruleset = new Ruleset();
  #host: NetfilterHost;

  constructor(host: NetfilterHost) {
    this.#host = host;
  }

  /** All of one sendmsg(2) to NETLINK_NETFILTER, by somebody who may. Work: what is asked for, in one piece. */
  receive<R extends NetfilterRequest>(requests: readonly R[], asker: Asker, sink: AnswerSink<R>): void {
    const handler = new RequestHandler(this.ruleset, SUBSYSTEMS);
    handler.receive(requests, asker, sink, this.#host.now());
  }

  static {
    stateClass("Netfilter", this, {
      save: (it) => ({ host: it.#host }),
      load: (it, from) => ({ host: it.#host } = from),
    });
  }
}

const SUBSYSTEMS: ReadonlyMap<number, Subsystem> = new Map();
