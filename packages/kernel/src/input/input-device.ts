/** A device of the input system, and who reads its events. Source: drivers/input/{input,evdev}.c. */
import {
  ABS_MAX,
  BUS_VIRTUAL,
  CLOCK_REALTIME,
  EV_ABS,
  EV_KEY,
  EV_LED,
  EV_MAX,
  EV_MSC,
  EV_REL,
  EV_FF,
  EV_SND,
  EV_SW,
  EV_SYN,
  KEY_MAX,
  LED_MAX,
  MSC_MAX,
  POLLIN,
  POLLRDNORM,
  REL_MAX,
  FF_MAX,
  SND_MAX,
  SW_MAX,
  SYN_DROPPED,
  SYN_REPORT,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { WaitQueue } from "../ground/wait-queue.ts";

/** The largest code of each type of events; types without codes are absent. */
export const CODE_MAX: ReadonlyMap<number, number> = new Map([
  [EV_SYN, EV_MAX],
  [EV_KEY, KEY_MAX],
  [EV_REL, REL_MAX],
  [EV_ABS, ABS_MAX],
  [EV_MSC, MSC_MAX],
  [EV_SW, SW_MAX],
  [EV_LED, LED_MAX],
  [EV_SND, SND_MAX],
  [EV_FF, FF_MAX],
]);

/** Events that a reader may fall behind; then they are dropped, and it is told so. */
const QUEUE_MAX = 256;

export interface QueuedEvent {
  /** Monotonic. */
  readonly timeNs: number;
  /** What is to be added for CLOCK_REALTIME, as it was then. */
  readonly wallNs: number;
  readonly type: number;
  readonly code: number;
  readonly value: number;
}

interface Axis {
  value: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly resolution: number;
}

/** Who has the device open: what it has not read (`struct evdev_client`). */
export class InputReader {
  /** Packets that are whole; they end with SYN_REPORT. Bound: QUEUE_MAX. */
  readonly queue: QueuedEvent[] = [];
  #packet: QueuedEvent[] = [];
  readonly readable = new WaitQueue();
  /** Of the times that it is told. */
  clock = CLOCK_REALTIME;
  isRevoked = false;

  push(event: QueuedEvent): void {
    this.#packet.push(event);
    if (event.type !== EV_SYN || event.code !== SYN_REPORT) return;
    if (this.queue.length + this.#packet.length > QUEUE_MAX) {
      this.queue.length = 0;
      this.queue.push({ ...event, code: SYN_DROPPED });
    }
    this.queue.push(...this.#packet);
    this.#packet = [];
    this.readable.wakeAll(POLLIN | POLLRDNORM);
  }

  static {
    stateClass("InputReader", this, {
      save: (it) => ({ packet: it.#packet }),
      load: (it, from) => ({ packet: it.#packet } = from),
    });
  }
}

/** What a device can say. */
interface Abilities {
  /** Codes by the type of their events. */
  readonly codes: ReadonlyMap<number, readonly number[]>;
  readonly properties: readonly number[];
}

/** By which events are noted. */
export interface Clocks {
  now(): number;
  realtime(): { seconds: number; nanoseconds: number };
}

export class InputDevice {
  readonly name: string;
  readonly id = { bustype: BUS_VIRTUAL, vendor: 0, product: 0, version: 1 };
  readonly abilities: Abilities;
  readonly axes = new Map<number, Axis>();
  /** Keys and buttons that are held. */
  readonly keysDown = new Set<number>();
  /** Lights that are on, as programs set them. */
  readonly leds = new Set<number>();
  /** Bound: open files. */
  readonly readers = new Set<InputReader>();
  /** Who alone is told; null: all are. */
  grabber: InputReader | null = null;
  /** Before the first repetition of a key, and between them; 0: keys are not repeated. Milliseconds. */
  repeatDelayMs = 0;
  repeatPeriodMs = 0;
  #clocks: Clocks;
  #hasUntold = false;

  constructor(clocks: Clocks, name: string, product: number, abilities: Abilities) {
    this.#clocks = clocks;
    this.name = name;
    this.id.product = product;
    this.abilities = abilities;
  }

  has(type: number, code: number): boolean {
    return this.abilities.codes.get(type)?.includes(code) === true;
  }

  /** An event of the packet that `sync` ends. What the device cannot say, or what changes nothing, is passed over. */
  emit(type: number, code: number, value: number): void {
    if (!this.has(type, code)) return;
    if (type === EV_KEY) {
      const isDown = this.keysDown.has(code);
      if (value === 2 ? !isDown : isDown === (value !== 0)) return;
      if (value === 0) this.keysDown.delete(code);
      else this.keysDown.add(code);
    } else if (type === EV_ABS) {
      const axis = this.axes.get(code)!;
      if (axis.value === value) return;
      axis.value = value;
    } else if (type === EV_LED) {
      if (this.leds.has(code) === (value !== 0)) return;
      if (value === 0) this.leds.delete(code);
      else this.leds.add(code);
    } else if (type === EV_REL && value === 0) return;
    this.#tell(type, code, value);
  }

  /** What was said since the last one belongs together. */
  sync(): void {
    if (this.#hasUntold) this.#tell(EV_SYN, SYN_REPORT, 0);
    this.#hasUntold = false;
  }

  #tell(type: number, code: number, value: number): void {
    this.#hasUntold = true;
    const timeNs = this.#clocks.now();
    const { seconds, nanoseconds } = this.#clocks.realtime();
    const event = { timeNs, wallNs: seconds * 1e9 + nanoseconds - timeNs, type, code, value };
    if (this.grabber !== null) this.grabber.push(event);
    else for (const reader of this.readers) reader.push(event);
  }

  /** EVIOCREVOKE, or its file is closed: it is told nothing more. */
  remove(reader: InputReader): void {
    this.readers.delete(reader);
    if (this.grabber === reader) this.grabber = null;
  }

  static {
    stateClass("InputDevice", this, {
      save: (it) => ({ clocks: it.#clocks, hasUntold: it.#hasUntold }),
      load: (it, from) => ({ clocks: it.#clocks, hasUntold: it.#hasUntold } = from),
    });
  }
}
