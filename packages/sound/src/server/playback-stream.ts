/**
 * One stream that a program plays: what it has sent, how much more it is asked for, and when it is heard. The flow of
 * bytes is the program's side of a credit: `requested` were asked for and have not come, and more are asked for once
 * the buffer (`tlength`) has room for `minreq`.
 *
 *     waiting for `prebuf` bytes ──▶ playing ──▶ ran empty (UNDERFLOW, or the drain's answer) ──▶ waiting …
 *
 * With `prebuf` 0 a stream that ran empty goes on in time: what comes late is left out.
 */
import { decodeSamples, frameBytes, silenceOf } from "../audio/formats.ts";
import { type Remixing, stereoGains, toStereo } from "../audio/channels.ts";
import { Resampler } from "../audio/resampler.ts";
import { NO_INDEX, SEEK_ABSOLUTE, SEEK_RELATIVE, SEEK_RELATIVE_END, VOLUME_NORM } from "../wire/commands.ts";
import type { Properties, SampleSpec } from "../wire/tags.ts";
import { RATE } from "../audio/rate.ts";
import { type BufferBudget, StreamBuffer } from "./stream-buffer.ts";

/** Of what a program asks for: PulseAudio's, so that players which count on these do here. */
const LENGTH_MAX = 4 << 20;
const DEFAULT_LENGTH_MS = 2000,
  DEFAULT_REQUEST_MS = 20;
/** Of places in a stream, which a double counts exactly. */
const PLACE_MAX = 2 ** 50;
/** Samples that are decoded at a time. */
const DECODED_FRAMES = 1024;

export interface BufferAttributes {
  readonly maxlength: number;
  readonly tlength: number;
  readonly prebuf: number;
  readonly minreq: number;
}

/** Told in the midst of a step or of a command. */
export interface StreamEvents {
  started(stream: PlaybackStream): void;
  underflowed(stream: PlaybackStream): void;
  drained(tags: readonly number[]): void;
}

interface StreamOptions {
  readonly spec: SampleSpec;
  readonly positions: readonly number[];
  readonly remixing: Remixing;
  readonly volumes: readonly number[];
  readonly isMuted: boolean;
  readonly isCorked: boolean;
  readonly attributes: BufferAttributes;
  readonly properties: Properties;
  readonly budget: BufferBudget;
}

/** Answers to a drain that wait, of one stream. */
const DRAINS_MAX = 64;

export class PlaybackStream {
  /** Of its connection's streams; and of all programs'. */
  readonly channel: number;
  readonly index: number;
  readonly positions: readonly number[];
  spec: SampleSpec;
  properties: Properties;
  volumes: readonly number[];
  isMuted: boolean;
  isCorked: boolean;
  attributes: BufferAttributes;
  /** Bytes that were played, and that were missing, since it last began or ran empty. */
  playedBytes = 0;
  missedBytes = 0;
  readonly buffer: StreamBuffer;
  readonly #events: StreamEvents;
  /** What of each channel is heard left and right, without its volume and with it. */
  readonly #remixed: Float32Array;
  readonly #gains: Float32Array;
  #resampler: Resampler | null = null;
  #resampledRate = RATE;
  /** It waits until there is enough. */
  #isWaiting = true;
  #isEmpty = false;
  #requested = 0;
  #drains: number[] = [];
  /** It has begun, and nothing of it was heard yet. */
  #isNew = false;
  readonly #bytes: Uint8Array;
  readonly #samples: Float32Array;
  #input = new Float32Array(0);

  constructor(
    numbers: { readonly channel: number; readonly index: number },
    options: StreamOptions,
    events: StreamEvents,
  ) {
    this.channel = numbers.channel;
    this.index = numbers.index;
    this.spec = options.spec;
    this.positions = options.positions;
    this.properties = options.properties;
    this.volumes = options.volumes;
    this.isMuted = options.isMuted;
    this.isCorked = options.isCorked;
    this.attributes = fixAttributes(options.attributes, options.spec);
    this.buffer = new StreamBuffer(this.attributes.maxlength, silenceOf(options.spec), options.budget);
    this.#remixed = stereoGains(options.positions, options.remixing);
    this.#gains = this.#remixed.slice();
    this.setVolumes(options.volumes);
    this.#events = events;
    this.#bytes = new Uint8Array(DECODED_FRAMES * frameBytes(options.spec));
    this.#samples = new Float32Array(DECODED_FRAMES * options.spec.channels);
  }

  /** Something of it is heard, or would be. */
  get isPlaying(): boolean {
    return !this.isCorked && !this.#isWaiting;
  }

  get frameBytes(): number {
    return frameBytes(this.spec);
  }

  setAttributes(wanted: BufferAttributes): void {
    this.attributes = fixAttributes(wanted, this.spec);
    this.buffer.maxBytes = this.attributes.maxlength;
    this.#ready();
  }

  /** One for each channel. */
  setVolumes(volumes: readonly number[]): void {
    this.volumes = volumes;
    for (const [at, gain] of this.#remixed.entries()) this.#gains[at] = gain * linearVolume(volumes[at >> 1]!);
  }

  setRate(rate: number): void {
    this.spec = { ...this.spec, rate };
  }

  seek(offset: number, mode: number): void {
    const { buffer } = this;
    const from =
      mode === SEEK_ABSOLUTE
        ? 0
        : mode === SEEK_RELATIVE
          ? buffer.write
          : mode === SEEK_RELATIVE_END
            ? buffer.end
            : buffer.read;
    const place = from + offset;
    if (!(place >= 0 && place <= PLACE_MAX)) return;
    // A program that leaps by itself has used what it was asked for.
    if (mode === SEEK_RELATIVE) this.#requested -= place - buffer.write;
    buffer.write = place;
  }

  /** @returns false: there was no room for it */
  push(bytes: Uint8Array): boolean {
    this.#requested -= bytes.length;
    const isTaken = this.buffer.push(bytes);
    this.#isEmpty &&= this.buffer.playable === 0;
    this.#ready();
    return isTaken;
  }

  /** @returns what there is room for, which counts as asked for */
  takeRequest(): number {
    const missing = this.attributes.tlength - this.buffer.length - this.#requested;
    if (missing <= 0 || missing < this.attributes.minreq) return 0;
    this.#requested += missing;
    return missing;
  }

  /** It plays what there is. */
  trigger(): void {
    if (this.buffer.playable > 0) this.#begin();
  }

  /** It waits for `prebuf` again. */
  wait(): void {
    if (this.attributes.prebuf > 0) this.#isWaiting = true;
    this.#ready();
  }

  flush(): void {
    this.buffer.flush();
    this.#isWaiting = true;
    this.#isEmpty = false;
    this.playedBytes = 0;
    this.#ready();
  }

  /** Answers when all was played. @returns false: too many wait for that */
  drain(tag: number): boolean {
    if (this.#drains.length >= DRAINS_MAX) return false;
    this.#drains.push(tag);
    if (this.buffer.playable === 0) this.#endDrains();
    else if (this.#isWaiting) this.#begin();
    return true;
  }

  #endDrains(): void {
    const drains = this.#drains;
    this.#drains = [];
    this.#events.drained(drains);
  }

  #ready(): void {
    if (!this.#isWaiting || this.buffer.playable < Math.max(this.attributes.prebuf, 1)) return;
    this.#begin();
  }

  #begin(): void {
    if (!this.#isWaiting) return;
    this.#isWaiting = false;
    this.#isEmpty = false;
    this.#isNew = true;
    this.playedBytes = 0;
    this.missedBytes = 0;
  }

  /**
   * Adds its next frames to `mix`, two samples a frame.
   *
   * @param scratch  as long
   * @returns how many there were
   */
  render(mix: Float32Array, frames: number, scratch: Float32Array): number {
    const { rate } = this.spec;
    if (this.#isNew) this.#events.started(this);
    this.#isNew = false;
    if (rate !== this.#resampledRate) {
      this.#resampler = rate === RATE ? null : new Resampler(rate, RATE);
      this.#resampledRate = rate;
    }
    let made = frames;
    if (this.#resampler === null) made = this.#decode(frames, scratch);
    else {
      const needed = this.#resampler.framesFor(frames);
      if (this.#input.length < 2 * needed) this.#input = new Float32Array(2 * needed);
      const found = this.#decode(needed, this.#input);
      if (found < needed) made = Math.min(frames, this.#resampler.framesUntil(found));
      // What is missing is silence, in which the last of it fades.
      this.#input.fill(0, 2 * found, 2 * needed);
      this.#resampler.resample(this.#input, needed, scratch, frames);
    }
    if (!this.isMuted) for (let at = 0; at < 2 * made; at++) mix[at]! += scratch[at]!;
    return made;
  }

  /** @returns frames that there were; those after them are missing */
  #decode(frames: number, into: Float32Array): number {
    const { spec, buffer } = this;
    const size = frameBytes(spec);
    let done = 0;
    while (done < frames) {
      const count = Math.min(frames - done, DECODED_FRAMES, Math.floor(buffer.playable / size));
      if (count === 0) break;
      buffer.take(this.#bytes.subarray(0, count * size));
      decodeSamples(spec.format, this.#bytes, count * spec.channels, this.#samples);
      toStereo(this.#samples, count, this.#gains, into.subarray(2 * done));
      done += count;
    }
    this.playedBytes += done * size;
    if (done < frames) this.#ranEmpty((frames - done) * size);
    return done;
  }

  #ranEmpty(missing: number): void {
    const { buffer } = this;
    if (this.#drains.length > 0) this.#endDrains();
    else if (!this.#isEmpty) this.#events.underflowed(this);
    if (!this.#isEmpty) this.missedBytes = 0;
    this.#isEmpty = true;
    this.missedBytes += missing;
    this.playedBytes = 0;
    if (this.attributes.prebuf > 0) this.#isWaiting = true;
    else buffer.skip(missing);
  }
}

/** pa_sw_volume_to_linear: what a person hears as half is an eighth. */
export function linearVolume(volume: number): number {
  return (volume / VOLUME_NORM) ** 3;
}

/** What a stream gets of what it asked for, as PulseAudio decides it; 0xffffffff is whatever is best. */
function fixAttributes(wanted: BufferAttributes, spec: SampleSpec): BufferAttributes {
  const frame = frameBytes(spec);
  const whole = (sizeBytes: number): number => sizeBytes - (sizeBytes % frame);
  const bytesOf = (ms: number): number => Math.ceil((spec.rate * ms) / 1000) * frame;
  const given = (value: number, otherwise: number): number => (value === NO_INDEX ? otherwise : value);
  const maxlength = Math.max(whole(Math.min(wanted.maxlength, LENGTH_MAX)), 4 * frame);
  let tlength = Math.min(given(wanted.tlength, bytesOf(DEFAULT_LENGTH_MS)), maxlength);
  tlength = Math.max(whole(tlength), 2 * frame);
  const request = Math.min(bytesOf(DEFAULT_REQUEST_MS), whole(Math.floor(tlength / 4)));
  const minreq = Math.min(Math.max(whole(given(wanted.minreq, request)), frame), tlength - frame);
  const prebufMax = tlength + frame - minreq;
  const prebuf = wanted.prebuf > prebufMax ? prebufMax : whole(wanted.prebuf);
  return { maxlength, tlength, prebuf, minreq };
}
