/** From the channels of a stream to the two that are heard (ITU-R BS.775, annex 4). */

/** pa_channel_position_t */
const MONO = 0,
  FRONT_LEFT = 1,
  FRONT_RIGHT = 2,
  FRONT_CENTER = 3,
  REAR_CENTER = 4,
  REAR_LEFT = 5,
  REAR_RIGHT = 6,
  LFE = 7,
  LEFT_OF_CENTER = 8,
  RIGHT_OF_CENTER = 9,
  SIDE_LEFT = 10,
  SIDE_RIGHT = 11,
  TOP_CENTER = 44,
  TOP_FRONT_LEFT = 45,
  TOP_FRONT_RIGHT = 46,
  TOP_FRONT_CENTER = 47,
  TOP_REAR_LEFT = 48,
  TOP_REAR_RIGHT = 49,
  TOP_REAR_CENTER = 50,
  POSITIONS = 51;

export const STEREO: readonly number[] = [FRONT_LEFT, FRONT_RIGHT];

/** Orders of channels by their number, for who says nothing of them (ALSA's). */
const DEFAULT_MAPS: readonly (readonly number[])[] = [
  [],
  [MONO],
  STEREO,
  [FRONT_LEFT, FRONT_RIGHT, FRONT_CENTER],
  [FRONT_LEFT, FRONT_RIGHT, REAR_LEFT, REAR_RIGHT],
  [FRONT_LEFT, FRONT_RIGHT, REAR_LEFT, REAR_RIGHT, FRONT_CENTER],
  [FRONT_LEFT, FRONT_RIGHT, REAR_LEFT, REAR_RIGHT, FRONT_CENTER, LFE],
  [FRONT_LEFT, FRONT_RIGHT, REAR_LEFT, REAR_RIGHT, FRONT_CENTER, LFE, REAR_CENTER],
  [FRONT_LEFT, FRONT_RIGHT, REAR_LEFT, REAR_RIGHT, FRONT_CENTER, LFE, SIDE_LEFT, SIDE_RIGHT],
];
/** PA_CHANNEL_POSITION_AUX0 */
const AUX0 = 12;

export function defaultMap(channels: number): readonly number[] {
  return DEFAULT_MAPS[channels] ?? Array.from({ length: channels }, (_, index) => AUX0 + index);
}

/** pa_channel_position_to_string, of those that are not AUX0 to AUX31. */
const NAMES: Readonly<Record<string, number>> = {
  "mono": MONO,
  "front-left": FRONT_LEFT,
  "front-right": FRONT_RIGHT,
  "front-center": FRONT_CENTER,
  "rear-center": REAR_CENTER,
  "rear-left": REAR_LEFT,
  "rear-right": REAR_RIGHT,
  "lfe": LFE,
  "front-left-of-center": LEFT_OF_CENTER,
  "front-right-of-center": RIGHT_OF_CENTER,
  "side-left": SIDE_LEFT,
  "side-right": SIDE_RIGHT,
  "top-center": TOP_CENTER,
  "top-front-left": TOP_FRONT_LEFT,
  "top-front-right": TOP_FRONT_RIGHT,
  "top-front-center": TOP_FRONT_CENTER,
  "top-rear-left": TOP_REAR_LEFT,
  "top-rear-right": TOP_REAR_RIGHT,
  "top-rear-center": TOP_REAR_CENTER,
};

/** @returns null: one of them is none */
export function positionsNamed(names: string): readonly number[] | null {
  const found = names.split(",").map((name) => NAMES[name] ?? AUX0 + Number(/^aux(\d|[12]\d|3[01])$/.exec(name)?.[1]));
  return found.every(Number.isInteger) ? found : null;
}

export function isChannelMap(positions: readonly number[]): boolean {
  return positions.length > 0 && positions.every((position) => position < POSITIONS);
}

const LEFT = new Set([FRONT_LEFT, LEFT_OF_CENTER, SIDE_LEFT, REAR_LEFT, TOP_FRONT_LEFT, TOP_REAR_LEFT]);
const RIGHT = new Set([FRONT_RIGHT, RIGHT_OF_CENTER, SIDE_RIGHT, REAR_RIGHT, TOP_FRONT_RIGHT, TOP_REAR_RIGHT]);
const MIDDLE = new Set([FRONT_CENTER, REAR_CENTER, TOP_CENTER, TOP_FRONT_CENTER, TOP_REAR_CENTER]);
/** −3 dB */
const HALF_POWER = Math.SQRT1_2;

export interface Remixing {
  /** By their places, whatever their positions are. */
  readonly byIndex: boolean;
  /** Those alone that are front left and right. */
  readonly onlySame: boolean;
}

/** @returns for each channel, what of it is heard left and right */
export function stereoGains(positions: readonly number[], { byIndex, onlySame }: Remixing): Float32Array {
  const gains = new Float32Array(2 * positions.length);
  for (const [index, position] of positions.entries()) {
    const [left, right] = byIndex
      ? [index === 0 ? 1 : 0, index === 1 ? 1 : 0]
      : onlySame
        ? [position === FRONT_LEFT ? 1 : 0, position === FRONT_RIGHT ? 1 : 0]
        : gainsOf(position);
    gains[2 * index] = left!;
    gains[2 * index + 1] = right!;
  }
  // What several channels give together is not to be more than there is room for.
  for (const side of [0, 1]) {
    let all = 0;
    for (let at = side; at < gains.length; at += 2) all += gains[at]!;
    if (all > 1) for (let at = side; at < gains.length; at += 2) gains[at]! /= all;
  }
  return gains;
}

function gainsOf(position: number): readonly [number, number] {
  if (position === MONO) return [1, 1];
  if (position === FRONT_LEFT) return [1, 0];
  if (position === FRONT_RIGHT) return [0, 1];
  if (position === LFE) return [0, 0];
  if (MIDDLE.has(position)) return [HALF_POWER, HALF_POWER];
  if (LEFT.has(position)) return [HALF_POWER, 0];
  if (RIGHT.has(position)) return [0, HALF_POWER];
  // Positions that mean nothing: in turn.
  return (position - AUX0) % 2 === 0 ? [1, 0] : [0, 1];
}

/** @param samples  `frames` of all channels. @param into  as many of two */
export function toStereo(samples: Float32Array, frames: number, gains: Float32Array, into: Float32Array): void {
  const channels = gains.length / 2;
  for (let frame = 0; frame < frames; frame++) {
    let left = 0,
      right = 0;
    for (let channel = 0; channel < channels; channel++) {
      const sample = samples[frame * channels + channel]!;
      left += sample * gains[2 * channel]!;
      right += sample * gains[2 * channel + 1]!;
    }
    into[2 * frame] = left;
    into[2 * frame + 1] = right;
  }
}
