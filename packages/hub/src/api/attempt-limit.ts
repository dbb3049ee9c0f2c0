/**
 * Wrong keys, tickets and signatures from one address: after some of them its next ones are not told apart from each
 * other any more. Each way in looks at what it is shown first and asks here only when that is wrong: who is behind one
 * address with somebody that guesses (a forge whose webhooks anybody may point here, a company's way out) is served.
 */
import { HubError } from "../store/hub-error.ts";
import { networkOf } from "./rate-limit.ts";

const ATTEMPTS_MAX = 30;
const WINDOW_MS = 60_000;
/** More are forgotten, oldest first. */
const ADDRESSES_MAX = 10_000;

export class AttemptLimit {
  readonly #attempts = new Map<string, { count: number; readonly untilMs: number }>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /**
   * Of one that was wrong, before it is written down: what is refused here cannot fill the audit.
   *
   * @param what  was wrong: `signatures`
   * @throws HubError 429
   */
  demandRoom(address: string, what: string): void {
    const entry = this.#attempts.get(networkOf(address));
    if (entry === undefined || entry.untilMs < this.#nowMs() || entry.count < ATTEMPTS_MAX) return;
    throw new HubError(429, "too-many-attempts", `too many wrong ${what} came from this address; wait a minute`, {
      headers: { "Retry-After": String(WINDOW_MS / 1_000) },
    });
  }

  count(address: string): void {
    const network = networkOf(address);
    const entry = this.#attempts.get(network);
    if (entry !== undefined && entry.untilMs >= this.#nowMs()) {
      entry.count++;
      return;
    }
    this.#attempts.delete(network);
    if (this.#attempts.size >= ADDRESSES_MAX) this.#attempts.delete(this.#attempts.keys().next().value!);
    this.#attempts.set(network, { count: 1, untilMs: this.#nowMs() + WINDOW_MS });
  }
}
