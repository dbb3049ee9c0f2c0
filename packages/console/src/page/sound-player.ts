/**
 * The machine's sound in a page: heard once there is something to hear and the person has touched the page, before
 * which browsers let nothing sound. A page has a tenth of a second in store; what is far too much, as the clocks of a
 * machine and of a sound card are two, is left out.
 */
const RATE = 48_000;
const STORE_SECONDS = 0.1,
  STORE_SECONDS_MAX = 0.4;
/** Without anything to hear for so long the browser's sound rests. */
const REST_MS = 5000;
const TOUCHES = ["pointerdown", "pointerup", "keydown", "keyup"] as const;

interface SoundPlayerOptions {
  /** It hears from here on: what is played may come. */
  readonly onHear: () => void;
  /** The person has touched the page. */
  readonly onTouched?: () => void;
  readonly onProblem: (words: string) => void;
}

export class SoundPlayer {
  readonly #options: SoundPlayerOptions;
  #wasTouched = false;
  #isWanted = false;
  #context: AudioContext | null = null;
  #out: GainNode | null = null;
  /** When what came last is over, by the browser's clock of sound. */
  #endSeconds = 0;
  #rest: ReturnType<typeof setTimeout> | undefined;
  readonly #listening = new AbortController();

  constructor(options: SoundPlayerOptions) {
    this.#options = options;
    const { signal } = this.#listening;
    for (const kind of TOUCHES) addEventListener(kind, () => this.#touched(), { capture: true, signal });
  }

  #touched(): void {
    // Not each is one for the browser: Escape and Shift are none.
    if (!navigator.userActivation.hasBeenActive) return;
    this.#listening.abort();
    this.#wasTouched = true;
    this.#hear();
    this.#options.onTouched?.();
  }

  get hears(): boolean {
    return this.#context !== null;
  }

  /** There is something to hear, and nobody hears it, as the page was not touched. */
  get isWaiting(): boolean {
    return this.#isWanted && !this.#wasTouched;
  }

  /** There is something to hear. */
  want(): void {
    this.#isWanted = true;
    this.#hear();
  }

  #hear(): void {
    if (!this.#wasTouched || !this.#isWanted || this.#context !== null) return;
    try {
      this.#context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
      this.#out = new GainNode(this.#context);
      this.#out.connect(this.#context.destination);
    } catch (error) {
      this.#isWanted = false;
      return this.#options.onProblem((error as Error).message);
    }
    void this.#context.resume();
    this.#options.onHear();
  }

  /** @param samples  left and right by turns, 48 kHz */
  play(samples: Int16Array): void {
    const context = this.#context;
    const frames = samples.length >> 1;
    if (context === null || frames === 0) return;
    if (context.state === "suspended") void context.resume();
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => void context.suspend(), REST_MS);
    const { currentTime } = context;
    if (this.#endSeconds > currentTime + STORE_SECONDS_MAX) return;
    if (this.#endSeconds < currentTime) this.#endSeconds = currentTime + STORE_SECONDS;
    const buffer = new AudioBuffer({ numberOfChannels: 2, length: frames, sampleRate: RATE });
    for (const channel of [0, 1]) {
      const into = buffer.getChannelData(channel);
      for (let at = 0; at < frames; at++) into[at] = samples[2 * at + channel]! / 32768;
    }
    const source = new AudioBufferSourceNode(context, { buffer });
    source.connect(this.#out!);
    source.start(this.#endSeconds);
    this.#endSeconds += frames / RATE;
  }

  close(): void {
    this.#listening.abort();
    clearTimeout(this.#rest);
    void this.#context?.close();
    this.#context = null;
  }
}
