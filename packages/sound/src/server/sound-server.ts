/**
 * PulseAudio's server, as its programs see one: a sink that is always there, streams of programs mixed to it. Time is
 * the machine's: with each step so many frames are mixed as its clock has gone on, and given to whoever makes them
 * heard. While nothing plays there are no steps.
 */
import { IS_CHANGED, NO_INDEX, OF_SINK, VOLUME_NORM } from "../wire/commands.ts";
import { type ServerWords, SINK_INDEX } from "./introspection.ts";
import type { Transport, TransportEvents } from "./peer.ts";
import { RATE } from "../audio/rate.ts";
import { linearVolume, type PlaybackStream } from "./playback-stream.ts";
import { SoundClient } from "./sound-client.ts";
import type { BufferBudget } from "./stream-buffer.ts";

/** Who makes it heard. */
export interface AudioSink {
  /** Frames of two samples, left and right, from −1 to 1 and beyond; the array holds until the call returns. */
  play(frames: Float32Array): void;
  /** From there until it is heard. */
  readonly latencyMs: number;
}

interface SoundPorts extends ServerWords {
  /** The machine's clock that always goes on. */
  nowNs(): number;
  /** The machine's time of day, by which programs know how old an answer is. */
  timeOfDay(): readonly [seconds: number, microseconds: number];
  /** `step` is to be called then, once, by the machine's clock. */
  callAt(ns: number): void;
  /** Its volume was changed, by a program or by `setVolume`. */
  onVolume?(): void;
}

/** Frames that are mixed at a time, and at most in a step: a machine that stood still has not played meanwhile. */
const STEP_FRAMES = RATE / 50,
  FRAMES_MAX = 5 * STEP_FRAMES;
const FRAME_NS = 1e9 / RATE;
const STEP_NS = STEP_FRAMES * FRAME_NS;
/** As PulseAudio's. */
const CLIENTS_MAX = 64,
  STREAMS_MAX = 256;
/** Of what all streams have in their buffers. */
const BUFFERS_BYTES = 64 << 20;

export class SoundServer {
  readonly ports: SoundPorts;
  readonly clients = new Map<number, SoundClient>();
  readonly streams = new Map<number, PlaybackStream>();
  readonly budget: BufferBudget = { left: BUFFERS_BYTES };
  sink: AudioSink | null;
  #volumes: readonly number[] = [VOLUME_NORM, VOLUME_NORM];
  #isMuted = false;
  /** Until when all was mixed; null: nothing plays. */
  #mixedNs: number | null = null;
  #lastIndex = -1;
  readonly #mix = new Float32Array(2 * STEP_FRAMES);
  readonly #scratch = new Float32Array(2 * STEP_FRAMES);

  constructor(ports: SoundPorts, sink: AudioSink | null) {
    this.ports = ports;
    this.sink = sink;
  }

  connect(transport: Transport): TransportEvents {
    const client = new SoundClient(this, transport, this.nextIndex());
    if (this.clients.size >= CLIENTS_MAX) client.end();
    else this.clients.set(client.index, client);
    return client;
  }

  close(): void {
    for (const client of [...this.clients.values()]) client.end();
  }

  nextIndex(): number {
    this.#lastIndex = (this.#lastIndex + 1) % NO_INDEX;
    return this.#lastIndex;
  }

  get volumes(): readonly number[] {
    return this.#volumes;
  }

  get isMuted(): boolean {
    return this.#isMuted;
  }

  setVolume(volumes: readonly number[], isMuted: boolean): void {
    const [left, right] = volumes;
    if (left === this.#volumes[0] && right === this.#volumes[1] && isMuted === this.#isMuted) return;
    this.#volumes = volumes;
    this.#isMuted = isMuted;
    this.tell(OF_SINK | IS_CHANGED, SINK_INDEX);
    this.ports.onVolume?.();
  }

  get isRunning(): boolean {
    return this.#mixedNs !== null;
  }

  get configuredLatencyUs(): number {
    return Math.round(STEP_NS / 1000 + (this.sink?.latencyMs ?? 0) * 1000);
  }

  /** From what was mixed last until it is heard, now. */
  get latencyUs(): number {
    const sinceNs = this.#mixedNs === null ? 0 : this.ports.nowNs() - this.#mixedNs;
    return Math.max(0, Math.round(this.configuredLatencyUs - sinceNs / 1000));
  }

  get mayHaveStream(): boolean {
    return this.streams.size < STREAMS_MAX && this.budget.left > 0;
  }

  /** Programs that have asked for it are told. @param event  of what, and what has become of it */
  tell(event: number, index: number): void {
    for (const client of this.clients.values()) client.tellEvent(event, index);
  }

  /** After whatever may have begun a stream. */
  wake(): void {
    if (this.#mixedNs !== null || !this.#isPlaying) return;
    this.#mixedNs = this.ports.nowNs();
    this.ports.callAt(this.#mixedNs + STEP_NS);
  }

  get #isPlaying(): boolean {
    for (const stream of this.streams.values()) if (stream.isPlaying) return true;
    return false;
  }

  /** The machine's clock has gone on. */
  step(): void {
    if (this.#mixedNs === null) return;
    const nowNs = this.ports.nowNs();
    let due = Math.floor((nowNs - this.#mixedNs) / FRAME_NS + 1e-6);
    if (due > FRAMES_MAX) {
      this.#mixedNs = nowNs - FRAMES_MAX * FRAME_NS;
      due = FRAMES_MAX;
    }
    while (due > 0 && this.#isPlaying) {
      const frames = Math.min(due, STEP_FRAMES);
      this.#mixFrames(frames);
      this.#mixedNs += frames * FRAME_NS;
      due -= frames;
    }
    for (const client of this.clients.values()) client.askForMore();
    if (this.#isPlaying) return this.ports.callAt(nowNs + STEP_NS);
    this.#mixedNs = null;
  }

  #mixFrames(frames: number): void {
    const mix = this.#mix.subarray(0, 2 * frames);
    mix.fill(0);
    let made = 0;
    for (const stream of this.streams.values())
      if (stream.isPlaying) made = Math.max(made, stream.render(mix, frames, this.#scratch));
    // What goes on goes on with silence where it has nothing; what has ended ends there.
    const heard = this.#isPlaying ? mix : mix.subarray(0, 2 * made);
    if (this.sink === null || heard.length === 0) return;
    const left = this.#isMuted ? 0 : linearVolume(this.#volumes[0]!),
      right = this.#isMuted ? 0 : linearVolume(this.#volumes[1]!);
    if (left !== 1 || right !== 1)
      for (let at = 0; at < heard.length; at += 2) {
        heard[at]! *= left;
        heard[at + 1]! *= right;
      }
    this.sink.play(heard);
  }
}
