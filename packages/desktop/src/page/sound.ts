/**
 * The machine's sound in the page: heard once there is something to hear and the person has touched the page, before
 * which browsers let nothing sound. serve/sound-socket.ts has the messages.
 */
import { front } from "./front.ts";
import { openSocket, type PageConnection } from "./service.ts";
import { Dialog, row } from "./widgets/containers.ts";
import { Button, Slider, Switch } from "./widgets/controls.ts";
import { say } from "./words.ts";

const RATE = 48_000;
const AGAIN_MS = 1000;
/** Without anything to hear for so long the browser's sound rests. */
const REST_MS = 5000;

type Told = Partial<{ volume: number; isMuted: boolean; playing: true }>;

export class Sound {
  volume = 1;
  isMuted = false;
  readonly #onChange = new Set<() => void>();
  readonly #onProblem: (words: string) => void;
  #socket: PageConnection | null = null;
  #wasTouched = false;
  #isWanted = false;
  #player: { readonly context: AudioContext; readonly port: MessagePort } | "comes" | null = null;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(onProblem: (words: string) => void) {
    this.#onProblem = onProblem;
    const touches = ["pointerdown", "pointerup", "keydown", "keyup"] as const;
    const touched = (): void => {
      // Not each is one for the browser: Escape and Shift are none.
      if (!navigator.userActivation.hasBeenActive) return;
      for (const kind of touches) removeEventListener(kind, touched, { capture: true });
      this.#wasTouched = true;
      this.#hear();
      for (const listener of this.#onChange) listener();
    };
    for (const kind of touches) addEventListener(kind, touched, { capture: true });
    this.#connect();
  }

  #connect(): void {
    const socket = openSocket("/sound", () => {
      if (typeof this.#player === "object" && this.#player !== null) this.#send({ hear: true });
    });
    this.#socket = socket;
    socket.onmessage = ({ data }) =>
      typeof data === "string" ? this.#take(JSON.parse(data) as Told) : this.#play(data);
    socket.onclose = ({ code }) => {
      this.#socket = null;
      // 1008: it is locked, or the key is another; who unlocks loads the page again.
      if (code !== 1008) setTimeout(() => this.#connect(), AGAIN_MS);
    };
  }

  #send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #take({ volume, isMuted, playing }: Told): void {
    if (volume !== undefined) this.volume = volume;
    if (isMuted !== undefined) this.isMuted = isMuted;
    if (playing === true) {
      this.#isWanted = true;
      this.#hear();
    }
    for (const listener of this.#onChange) listener();
  }

  /** There is something to hear, and nobody hears it, as the page was not touched. */
  get isWaiting(): boolean {
    return this.#isWanted && !this.#wasTouched;
  }

  onChange(listener: () => void): void {
    this.#onChange.add(listener);
  }

  set(change: { readonly volume?: number; readonly isMuted?: boolean }): void {
    this.#send(change);
  }

  /** Loads what makes sound, once. */
  #hear(): void {
    if (!this.#wasTouched || !this.#isWanted || this.#player !== null) return;
    this.#player = "comes";
    this.#open().then(
      (player) => {
        this.#player = player;
        this.#send({ hear: true });
      },
      (error: unknown) => this.#onProblem(say("soundFailed", (error as Error).message)),
    );
  }

  async #open(): Promise<{ readonly context: AudioContext; readonly port: MessagePort }> {
    const { PROCESSOR, url } = await import("./sound-worklet.ts");
    const context = new AudioContext({ sampleRate: RATE, latencyHint: "interactive" });
    await context.audioWorklet.addModule(url);
    const node = new AudioWorkletNode(context, PROCESSOR, { numberOfInputs: 0, outputChannelCount: [2] });
    node.connect(context.destination);
    await context.resume();
    return { context, port: node.port };
  }

  #play(samples: ArrayBuffer): void {
    if (this.#player === null || this.#player === "comes") return;
    const { context, port } = this.#player;
    if (context.state === "suspended") void context.resume();
    port.postMessage(samples, [samples]);
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => void context.suspend(), REST_MS);
  }

  /** What sets its volume; it follows programs that set it. */
  controls(): readonly [Slider, Switch] {
    const slider = new Slider(say("volume"), { min: 0, max: 100, value: Math.round(100 * this.volume) });
    slider.on<number>("change", ({ detail }) => this.set({ volume: detail / 100 }));
    const mute = new Switch(say("mute"), this.isMuted);
    mute.on<boolean>("change", ({ detail }) => this.set({ isMuted: detail }));
    const follow = (): void => {
      if (!slider.element.isConnected) return void this.#onChange.delete(follow);
      if (document.activeElement !== slider.control) slider.control.value = String(Math.round(100 * this.volume));
      mute.control.checked = this.isMuted;
    };
    // Not before they stand in the page.
    setTimeout(() => this.#onChange.add(follow));
    return [slider, mute];
  }

  openControls(): void {
    const close = new Button(say("ok"), () => dialog.close()).named("primary");
    const [slider, mute] = this.controls();
    const dialog = new Dialog(say("sound"), [slider, mute, row(close).style({ justify: "end" })]).open(front());
    slider.control.focus();
  }
}
