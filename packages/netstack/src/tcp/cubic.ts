/**
 * CUBIC (RFC 9438): after a loss the window comes back to where it was along a cubic curve of time, stays there for a
 * while, and then looks for more; where Reno would be faster, it is as fast as that.
 */
import { stateClass } from "@stratos/base";
import { type CongestionControl, THRESHOLD_MIN } from "./congestion-control.ts";

/** §5: C, β; §4.3: α of the Reno-friendly region. */
const C = 0.4,
  BETA = 0.7,
  ALPHA = (3 * (1 - BETA)) / (1 + BETA);

export class Cubic implements CongestionControl {
  readonly name = "cubic";
  /** The window at the last loss, and the one before. */
  #wMax = 0;
  /** When this time of congestion avoidance began; −1: it has not. */
  #epochNs = -1;
  /** Seconds from there to the plateau. */
  #k = 0;
  /** What Reno would have. */
  #wEst = 0;
  #cwndPrior = 0;

  thresholdAfterLoss(cwnd: number): number {
    // §4.7: who loses below its last most leaves room to others.
    this.#wMax = cwnd < this.#wMax ? (cwnd * (1 + BETA)) / 2 : cwnd;
    this.#cwndPrior = cwnd;
    this.#epochNs = -1;
    return Math.max(THRESHOLD_MIN, cwnd * BETA);
  }

  avoid(cwnd: number, acked: number, nowNs: number, rttNs: number): number {
    if (this.#epochNs < 0) {
      this.#epochNs = nowNs;
      this.#wEst = cwnd;
      if (cwnd < this.#wMax) this.#k = Math.cbrt((this.#wMax - cwnd) / C);
      else {
        this.#k = 0;
        this.#wMax = cwnd;
      }
    }
    this.#wEst += ((this.#wEst >= this.#cwndPrior ? 1 : ALPHA) * acked) / cwnd;
    const seconds = (nowNs - this.#epochNs) / 1e9;
    if (this.#at(seconds) < this.#wEst) return Math.max(cwnd, this.#wEst);
    const target = Math.min(Math.max(this.#at(seconds + rttNs / 1e9), cwnd), 1.5 * cwnd);
    return cwnd + ((target - cwnd) / cwnd) * acked;
  }

  #at(seconds: number): number {
    return C * (seconds - this.#k) ** 3 + this.#wMax;
  }

  forget(): void {
    this.#epochNs = -1;
    this.#wMax = 0;
  }

  static {
    stateClass("tcp.Cubic", this, {
      save: (it) => ({
        wMax: it.#wMax,
        epochNs: it.#epochNs,
        k: it.#k,
        wEst: it.#wEst,
        cwndPrior: it.#cwndPrior,
      }),
      load: (it, from) =>
        ({ wMax: it.#wMax, epochNs: it.#epochNs, k: it.#k, wEst: it.#wEst, cwndPrior: it.#cwndPrior } = from),
    });
  }
}
