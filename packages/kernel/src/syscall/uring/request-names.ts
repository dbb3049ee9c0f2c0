import { stateClass } from "@stratos/base";
import type { Request } from "./request.ts";

/** Requests that are looked through one by one, before they are sorted by their names. */
const LOOKED_THROUGH_MAX = 64;
const NO_REQUESTS: ReadonlySet<Request> = new Set();

/** A ring's requests by their `user_data`, by which others cancel and change them; sorted once there are many. */
export class RequestNames {
  #all: ReadonlySet<Request>;
  /** By what the words of `user_data` have in common: others may be among them. Bound: requests. */
  #sorted: Map<number, Set<Request>> | null = null;

  constructor(all: ReadonlySet<Request>) {
    this.#all = all;
  }

  /** Requests of which those of this `user_data` are some, in the order of their submission. */
  of(low: number, high: number): ReadonlySet<Request> {
    if (this.#sorted === null && this.#all.size > LOOKED_THROUGH_MAX) {
      this.#sorted = new Map();
      for (const request of this.#all) this.add(request);
    }
    return this.#sorted === null ? this.#all : (this.#sorted.get(low ^ high) ?? NO_REQUESTS);
  }

  add(request: Request): void {
    if (this.#sorted === null) return;
    const name = request.userLow ^ request.userHigh;
    const same = this.#sorted.get(name);
    if (same !== undefined) same.add(request);
    else this.#sorted.set(name, new Set([request]));
  }

  delete(request: Request): void {
    const name = request.userLow ^ request.userHigh;
    const same = this.#sorted?.get(name);
    if (same?.delete(request) && same.size === 0) this.#sorted!.delete(name);
  }

  static {
    stateClass("UringRequestNames", this, {
      save: (it) => ({ all: it.#all, sorted: it.#sorted }),
      load: (it, from) => ({ all: it.#all, sorted: it.#sorted } = from),
    });
  }
}
