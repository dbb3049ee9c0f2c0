/** A message of sound among those of a screen: where a rectangle would stand is one without pixels, beyond all. */
const HEAD = [0xffff, 0xffff, 0, 0] as const;
const HEAD_BYTES = 2 * HEAD.length;

/** @param samples  of 16 bits, left and right by turns, at 48 kHz */
export function encodeSound(samples: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + samples.length);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of HEAD.entries()) view.setUint16(2 * index, value, true);
  bytes.set(samples, HEAD_BYTES);
  return bytes;
}

/** @returns null: it is no sound */
export function soundOf(message: ArrayBuffer): Int16Array | null {
  const view = new DataView(message);
  const isSound = message.byteLength >= HEAD_BYTES && HEAD.every((value, at) => view.getUint16(2 * at, true) === value);
  return isSound ? new Int16Array(message, HEAD_BYTES, (message.byteLength - HEAD_BYTES) >> 1) : null;
}
