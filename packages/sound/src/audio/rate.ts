/** Frames of each channel in a second, as they are heard. */
export const RATE = 48_000;
