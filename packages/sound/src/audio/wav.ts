/** A WAV file of two channels of 16 bits (RIFF/WAVE, Microsoft's "Multimedia Programming Interface", 1991). */
import { utf8Of } from "@stratos/base";

const CHANNELS = 2,
  SAMPLE_BYTES = 2;
const WAV_HEADER_BYTES = 44;
/** Sizes are words of 32 bits. */
export const WAV_DATA_MAX = 2 ** 32 - 1 - WAV_HEADER_BYTES - (CHANNELS * SAMPLE_BYTES - 1);

/** What stands before that many bytes of samples. */
export function wavHeader(rate: number, dataBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(WAV_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  const put = (at: number, text: string): void => bytes.set(utf8Of(text), at);
  put(0, "RIFF");
  view.setUint32(4, WAV_HEADER_BYTES - 8 + dataBytes, true);
  put(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  // WAVE_FORMAT_PCM
  view.setUint16(20, 1, true);
  view.setUint16(22, CHANNELS, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, rate * CHANNELS * SAMPLE_BYTES, true);
  view.setUint16(32, CHANNELS * SAMPLE_BYTES, true);
  view.setUint16(34, 8 * SAMPLE_BYTES, true);
  put(36, "data");
  view.setUint32(40, dataBytes, true);
  return bytes;
}
