/** The machine's sound in the page, and its volume. serve/sound-socket.ts has the messages. */
import { SoundPlayer } from "@stratos/console/page/sound-player";
import { front } from "./front.ts";
import { openSocket, type PageConnection } from "./service.ts";
import { Dialog, row } from "./widgets/containers.ts";
import { Button, Slider, Switch } from "./widgets/controls.ts";
import { say } from "./words.ts";

const AGAIN_MS = 1000;

type Told = Partial<{ volume: number; isMuted: boolean; playing: true }>;

export class Sound {
  volume = 1;
  isMuted = false;
  readonly #onChange = new Set<() => void>();
  readonly #player: SoundPlayer;
  #socket: PageConnection | null = null;

  constructor(onProblem: (words: string) => void) {
    this.#player = new SoundPlayer({
      onHear: () => this.#send({ hear: true }),
      onTouched: () => this.#changed(),
      onProblem: (words) => onProblem(say("soundFailed", words)),
    });
    this.#connect();
  }

  #changed(): void {
    for (const listener of this.#onChange) listener();
  }

  #connect(): void {
    const socket = openSocket("/sound", () => {
      if (this.#player.hears) this.#send({ hear: true });
    });
    this.#socket = socket;
    socket.onmessage = ({ data }) =>
      typeof data === "string" ? this.#take(JSON.parse(data) as Told) : this.#player.play(new Int16Array(data));
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
    if (playing === true) this.#player.want();
    this.#changed();
  }

  /** There is something to hear, and nobody hears it, as the page was not touched. */
  get isWaiting(): boolean {
    return this.#player.isWaiting;
  }

  onChange(listener: () => void): void {
    this.#onChange.add(listener);
  }

  set(change: { readonly volume?: number; readonly isMuted?: boolean }): void {
    this.#send(change);
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
