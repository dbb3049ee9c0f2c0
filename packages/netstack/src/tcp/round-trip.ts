/** The round trip and the retransmission time-out (RFC 6298); times in nanoseconds. */
import { stateClass } from "@stratos/base";

export const RTO_INITIAL_NS = 1e9;
/** Less than the standard's second, as Linux has it (TCP_RTO_MIN, TCP_RTO_MAX). */
const RTO_MIN_NS = 200e6;
export const RTO_MAX_NS = 120e9;
/** The least round trip is one of the last minutes (net.ipv4.tcp_min_rtt_wlen). */
const LEAST_FOR_NS = 300e9;

export class RoundTrip {
  /** 0: none was measured. */
  smoothedNs = 0;
  varianceNs = 0;
  leastNs = 0;
  #leastAtNs = 0;
  #rtoNs = RTO_INITIAL_NS;
  /** Time-outs in a row, each of which doubles the next. */
  backoff = 0;

  get rtoNs(): number {
    return Math.min(RTO_MAX_NS, this.#rtoNs * 2 ** Math.min(20, this.backoff));
  }

  measure(ns: number, now: number): void {
    const sample = Math.max(1, ns);
    if (this.smoothedNs === 0) {
      this.smoothedNs = sample;
      this.varianceNs = sample / 2;
    } else {
      this.varianceNs = 0.75 * this.varianceNs + 0.25 * Math.abs(this.smoothedNs - sample);
      this.smoothedNs = 0.875 * this.smoothedNs + 0.125 * sample;
    }
    this.#rtoNs = this.smoothedNs + Math.max(RTO_MIN_NS, 4 * this.varianceNs);
    if (this.leastNs === 0 || sample <= this.leastNs || now - this.#leastAtNs > LEAST_FOR_NS) {
      this.leastNs = sample;
      this.#leastAtNs = now;
    }
  }

  static {
    stateClass("tcp.RoundTrip", this, {
      save: (it) => ({ leastAtNs: it.#leastAtNs, rtoNs: it.#rtoNs }),
      load: (it, from) => ({ leastAtNs: it.#leastAtNs, rtoNs: it.#rtoNs } = from),
    });
  }
}
