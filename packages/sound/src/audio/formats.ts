/** Formats of samples (pa_sample_format_t): what their bytes say, as numbers from −1 to 1. */
import type { SampleSpec } from "../wire/tags.ts";

const U8 = 0,
  ALAW = 1,
  ULAW = 2,
  S16BE = 4,
  FLOAT32BE = 6,
  S32LE = 7,
  S32BE = 8,
  S24LE = 9,
  S24BE = 10,
  S24_32LE = 11;
export const S16LE = 3,
  FLOAT32LE = 5;

/** By format: its name (pa_sample_format_to_string), the bytes of a sample, and the byte that is silence. */
const FORMATS: readonly (readonly [name: string, sizeBytes: number, silence: number])[] = [
  ["u8", 1, 0x80],
  ["aLaw", 1, 0xd5],
  ["uLaw", 1, 0xff],
  ["s16le", 2, 0],
  ["s16be", 2, 0],
  ["float32le", 4, 0],
  ["float32be", 4, 0],
  ["s32le", 4, 0],
  ["s32be", 4, 0],
  ["s24le", 3, 0],
  ["s24be", 3, 0],
  ["s24-32le", 4, 0],
  ["s24-32be", 4, 0],
];

/** PA_RATE_MAX */
const RATE_MAX = 48_000 * 16;
export const CHANNELS_MAX = 32;

export function formatNamed(name: string): number {
  return FORMATS.findIndex(([each]) => each === name);
}

export function formatName(format: number): string {
  return FORMATS[format]![0];
}

export function isSampleSpec({ format, channels, rate }: SampleSpec): boolean {
  return format < FORMATS.length && channels >= 1 && channels <= CHANNELS_MAX && isRate(rate);
}

export function isRate(rate: number): boolean {
  return rate >= 1 && rate <= RATE_MAX;
}

/** Bytes of a sample of each channel. */
export function frameBytes({ format, channels }: SampleSpec): number {
  return FORMATS[format]![1] * channels;
}

export function silenceOf({ format }: SampleSpec): number {
  return FORMATS[format]![2];
}

/** G.711, table 2a. Bits that are inverted on the line are even ones. */
const ALAW_VALUES = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = ((bits & 0xf) << 4) + 8;
  const value = exponent === 0 ? mantissa : (mantissa + 0x100) << (exponent - 1);
  return ((bits & 0x80) === 0 ? -value : value) / 32768;
});

/** G.711, table 2b. */
const ULAW_VALUES = Float32Array.from({ length: 256 }, (_, code) => {
  const bits = ~code & 0xff;
  const value = ((((bits & 0xf) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84;
  return ((bits & 0x80) === 0 ? value : -value) / 32768;
});

/** Fills `into` with its first `count` samples, whatever channel they are of. What is no number is silence. */
export function decodeSamples(format: number, bytes: Uint8Array, count: number, into: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case U8:
      for (let at = 0; at < count; at++) into[at] = (bytes[at]! - 128) / 128;
      return;
    case ALAW:
      for (let at = 0; at < count; at++) into[at] = ALAW_VALUES[bytes[at]!]!;
      return;
    case ULAW:
      for (let at = 0; at < count; at++) into[at] = ULAW_VALUES[bytes[at]!]!;
      return;
    case S16LE:
    case S16BE:
      for (let at = 0; at < count; at++) into[at] = view.getInt16(2 * at, format === S16LE) / 32768;
      return;
    case FLOAT32LE:
    case FLOAT32BE:
      for (let at = 0; at < count; at++) {
        const value = view.getFloat32(4 * at, format === FLOAT32LE);
        into[at] = Number.isFinite(value) ? value : 0;
      }
      return;
    case S32LE:
    case S32BE:
      for (let at = 0; at < count; at++) into[at] = view.getInt32(4 * at, format === S32LE) / 2 ** 31;
      return;
    case S24LE:
      for (let at = 0; at < count; at++)
        into[at] = ((view.getInt8(3 * at + 2) << 16) | view.getUint16(3 * at, true)) / 2 ** 23;
      return;
    case S24BE:
      for (let at = 0; at < count; at++)
        into[at] = ((view.getInt16(3 * at) << 8) | view.getUint8(3 * at + 2)) / 2 ** 23;
      return;
    default:
      // The upper byte of the four is nobody's.
      for (let at = 0; at < count; at++) into[at] = (view.getInt32(4 * at, format === S24_32LE) << 8) / 2 ** 31;
  }
}

/** As samples of 16 bits, least significant byte first: the way back of `decodeSamples`, exact for what had as many. */
export function encodeS16(samples: Float32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(2 * samples.length);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < samples.length; at++) {
    const value = Math.round(samples[at]! * 32768);
    view.setInt16(2 * at, value > 32767 ? 32767 : value < -32768 ? -32768 : value, true);
  }
  return bytes;
}
