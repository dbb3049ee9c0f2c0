/** A queue in virtual time, with the workers that take its tasks, for tests of what starts and stops them. */
import type { HostView } from "@stratos/hub-api";
import type { Queue, ScaleSettings } from "../scale/scaler.ts";

export const SCALE_SETTINGS: ScaleSettings = {
  pool: "auto",
  capacity: 2,
  workersMin: 1,
  workersMax: 6,
  upSeconds: 30,
  downSeconds: 120,
  idleSeconds: 300,
  startSeconds: 300,
  hoursPerDay: null,
};
export const TICK_MS = 10_000;

interface WorkingHost {
  readonly onlineMs: number;
  enabled: boolean;
  /** When each of its tasks ends. */
  runs: number[];
}

export class WorkingHosts implements Queue {
  nowMs = 0;
  waitingTasks = 0;
  completed = 0;
  /** Units of work that somebody's end found running. */
  interrupted = 0;
  readonly startsMs: number[] = [];
  readonly told: string[] = [];
  readonly workers = new Map<string, WorkingHost>();
  readonly #capacity: number;
  readonly #taskMs: number;

  constructor(capacity: number, taskMs = 60_000) {
    this.#capacity = capacity;
    this.#taskMs = taskMs;
  }

  async hosts(): Promise<readonly HostView[]> {
    return [...this.workers]
      .filter(([, { onlineMs }]) => onlineMs <= this.nowMs)
      .map(([name, { enabled, runs }]) => {
        const kind = { arches: ["amd64"], channels: ["default"], capabilities: [], capacity: this.#capacity };
        return { name, ...kind, used: runs.length, enabled, online: true, software: "", lastSeen: "", version: 1 };
      });
  }
  async waiting(): Promise<number> {
    return this.waitingTasks;
  }
  async disable(host: string): Promise<void> {
    this.workers.get(host)!.enabled = false;
  }
  async remove(): Promise<void> {}

  /** One begins now, and is heard of after `delayMs`. */
  protected begins(name: string, delayMs: number): void {
    this.workers.set(name, { onlineMs: this.nowMs + delayMs, enabled: true, runs: [] });
  }

  /** One is stopped, if it is there. */
  protected stops(name: string): void {
    this.interrupted += this.workers.get(name)?.runs.length ?? 0;
    this.workers.delete(name);
  }

  /** One dies: its tasks wait again. */
  protected dies(name: string): void {
    this.waitingTasks += this.workers.get(name)?.runs.length ?? 0;
    this.workers.delete(name);
  }

  /** Tasks that have ended are done, and others are begun. */
  protected work(): void {
    for (const worker of this.workers.values()) {
      const before = worker.runs.length;
      worker.runs = worker.runs.filter((endMs) => endMs > this.nowMs);
      this.completed += before - worker.runs.length;
      while (
        worker.enabled &&
        worker.onlineMs <= this.nowMs &&
        worker.runs.length < this.#capacity &&
        this.waitingTasks > 0
      ) {
        this.waitingTasks--;
        worker.runs.push(this.nowMs + this.#taskMs);
      }
    }
  }
}
