/**
 * Where sound is made from what has come: in the browser's own thread for it, which loads this file as well (`url`). It
 * has a tenth of a second in store before it begins; what is far too much, as the clocks of a machine and of a sound
 * card are two, is left out.
 */
declare const sampleRate: number | undefined;
declare function registerProcessor(name: string, processor: new () => object): void;
declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}

/** For the page, which hands it to the thread. */
export const url = import.meta.url;
export const PROCESSOR = "stratos-sound";

/** In frames of 48 kHz. */
const STORE = 4800,
  STORE_MAX = 4 * STORE;
const RING = 1 << 15;

if (typeof sampleRate === "number")
  registerProcessor(
    PROCESSOR,
    class extends AudioWorkletProcessor {
      readonly #ring = new Int16Array(2 * RING);
      #read = 0;
      #write = 0;
      #isPlaying = false;

      constructor() {
        super();
        this.port.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => this.#take(new Int16Array(data));
      }

      #take(samples: Int16Array): void {
        for (let at = 0; at + 1 < samples.length; at += 2) {
          const place = 2 * (this.#write++ % RING);
          this.#ring[place] = samples[at]!;
          this.#ring[place + 1] = samples[at + 1]!;
        }
        if (this.#write - this.#read > STORE_MAX) this.#read = this.#write - STORE;
      }

      process(_: unknown, [[left, right]]: [[Float32Array, Float32Array]]): boolean {
        const store = this.#write - this.#read;
        this.#isPlaying = store > 0 && (this.#isPlaying || store >= STORE);
        const count = this.#isPlaying ? Math.min(store, left.length) : 0;
        for (let at = 0; at < count; at++) {
          const place = 2 * (this.#read++ % RING);
          left[at] = this.#ring[place]! / 32768;
          right[at] = this.#ring[place + 1]! / 32768;
        }
        return true;
      }
    },
  );
