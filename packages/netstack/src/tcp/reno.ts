/** RFC 5681 §3.1: half after a loss, one segment more in each round trip. */
import { stateClass } from "@stratos/base";
import { type CongestionControl, THRESHOLD_MIN } from "./congestion-control.ts";

export class Reno implements CongestionControl {
  readonly name = "reno";

  thresholdAfterLoss(cwnd: number): number {
    return Math.max(THRESHOLD_MIN, cwnd / 2);
  }

  avoid(cwnd: number, acked: number): number {
    return cwnd + acked / cwnd;
  }

  forget(): void {}

  static {
    stateClass("tcp.Reno", this);
  }
}
