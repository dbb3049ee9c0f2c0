/** Whether this host has room for one more worker, by how busy its processors are and how much memory is free. */
import { cpus, freemem } from "node:os";

interface RoomSettings {
  /** No more are added while its processors are busier, in percent; null: however busy. */
  readonly cpuPercentMax: number | null;
  /** No more while less memory is free; null: however little. */
  readonly memoryBytesMin: number | null;
}

interface HostReading {
  /** Of all processors since the host's start. */
  readonly busyMs: number;
  readonly idleMs: number;
  readonly freeBytes: number;
}

const MB = 1 << 20;

export class HostRoom {
  readonly #settings: RoomSettings;
  readonly #read: () => HostReading;
  #last: HostReading;

  constructor(settings: RoomSettings, read: () => HostReading = readHost) {
    this.#settings = settings;
    this.#read = read;
    this.#last = read();
  }

  /** Of the time since it was asked last. @returns why there is none, in words; null: there is */
  refusal(): string | null {
    const { cpuPercentMax, memoryBytesMin } = this.#settings;
    const before = this.#last;
    const now = (this.#last = this.#read());
    const [busyMs, idleMs] = [now.busyMs - before.busyMs, now.idleMs - before.idleMs];
    const percent = busyMs + idleMs <= 0 ? 0 : Math.round((busyMs * 100) / (busyMs + idleMs));
    if (cpuPercentMax !== null && percent > cpuPercentMax)
      return `this host's processors are busy for ${percent} % of the time`;
    if (memoryBytesMin !== null && now.freeBytes < memoryBytesMin)
      return `this host has ${Math.floor(now.freeBytes / MB)} MiB of free memory`;
    return null;
  }
}

function readHost(): HostReading {
  let [busyMs, idleMs] = [0, 0];
  for (const { times } of cpus()) {
    idleMs += times.idle;
    busyMs += times.user + times.nice + times.sys + times.irq;
  }
  // Within a control group its own limit counts; older Nodes know the host's alone.
  return { busyMs, idleMs, freeBytes: process.availableMemory?.() ?? freemem() };
}
