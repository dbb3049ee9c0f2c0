import { SIGKILL, SIGSTOP } from "@stratos/abi";
import { stateClass } from "@stratos/base";

/** A set of the signals 1 … 64 (sigset_t) as two words; signal n is bit n − 1. */
export class SignalSet {
  low: number;
  high: number;

  constructor(low = 0, high = 0) {
    this.low = low >>> 0;
    this.high = high >>> 0;
  }

  has(signal: number): boolean {
    return signal <= 32 ? (this.low & (1 << (signal - 1))) !== 0 : (this.high & (1 << (signal - 33))) !== 0;
  }

  add(signal: number): void {
    if (signal <= 32) this.low = (this.low | (1 << (signal - 1))) >>> 0;
    else this.high = (this.high | (1 << (signal - 33))) >>> 0;
  }

  delete(signal: number): void {
    if (signal <= 32) this.low = (this.low & ~(1 << (signal - 1))) >>> 0;
    else this.high = (this.high & ~(1 << (signal - 33))) >>> 0;
  }

  /** SIGKILL and SIGSTOP leave it: nothing blocks, waits for or reads these (signal(7)). */
  deleteUnblockable(): void {
    this.delete(SIGKILL);
    this.delete(SIGSTOP);
  }

  get isEmpty(): boolean {
    return this.low === 0 && this.high === 0;
  }

  copy(): SignalSet {
    return new SignalSet(this.low, this.high);
  }

  union(other: SignalSet): SignalSet {
    return new SignalSet(this.low | other.low, this.high | other.high);
  }

  without(other: SignalSet): SignalSet {
    return new SignalSet(this.low & ~other.low, this.high & ~other.high);
  }

  static {
    stateClass("SignalSet", this);
  }
}
