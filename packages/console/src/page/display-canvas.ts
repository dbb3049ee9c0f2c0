/** A screen of a machine on a page, and what a person does with it (display/src/screen-viewers.ts has the messages). */
import { readParts } from "@stratos/display/read-parts";
import { soundOf } from "@stratos/display/sound-parts";
import { DisplayInput, type DisplayPlace } from "./display-input.ts";
import { SoundPlayer } from "./sound-player.ts";

/** How often a page that nobody sees says that it has shown something. */
const HIDDEN_MS = 1000;

type Told = Partial<{
  size: { readonly width: number; readonly height: number };
  windows: number;
  title: string;
  cursor: string;
  text: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
  locked: boolean;
  copied: string;
  playing: true;
  problem: string;
}>;

interface DisplayCanvasOptions {
  /** What it is, for who does not see it. */
  readonly label: string;
  /** False: it only shows. */
  readonly mayAct: boolean;
  readonly send: (message: object) => void;
  readonly onTooLong: () => void;
}

export class DisplayCanvas {
  readonly canvas = document.createElement("canvas");
  /** Null: it only shows. */
  readonly input: DisplayInput | null;
  readonly #context: CanvasRenderingContext2D;
  readonly #send: (message: object) => void;
  readonly #sound: SoundPlayer;
  #problem: string | undefined;

  constructor({ label, mayAct, send, onTooLong }: DisplayCanvasOptions) {
    const { canvas } = this;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    Object.assign(canvas, { width: 1280, height: 800 });
    this.#context = canvas.getContext("2d", { alpha: false })!;
    this.#send = send;
    this.input = mayAct ? new DisplayInput(send, onTooLong, label) : null;
    this.#sound = new SoundPlayer({
      onHear: () => send({ hear: true }),
      onProblem: (words) => void (this.#problem = words),
    });
    this.input?.listen(canvas, (event) => this.#placeOf(event));
  }

  /** It is not on the page any more. */
  close(): void {
    this.input?.close();
    this.#sound.close();
  }

  /** @returns what is for others to show */
  take(data: string | ArrayBuffer): Pick<Told, "windows" | "title" | "problem"> {
    if (typeof data !== "string") {
      const samples = soundOf(data);
      if (samples === null) this.#show(data);
      else {
        this.#sound.play(samples);
        this.#send({ heard: true });
      }
      return {};
    }
    const { size, cursor, text, locked, copied, playing, ...others } = JSON.parse(data) as Told;
    if (playing === true) {
      // One that was connected again is known to nobody.
      if (this.#sound.hears) this.#send({ hear: true });
      else this.#sound.want();
    }
    if (size !== undefined) Object.assign(this.canvas, size);
    if (cursor !== undefined) this.canvas.style.cursor = cursor;
    if (text !== undefined) this.input?.takeText(text === null ? null : this.#onPage(text));
    if (locked !== undefined) this.input?.keepPointer(locked);
    if (copied !== undefined) this.input?.copied(copied);
    const problem = this.#problem;
    this.#problem = undefined;
    return problem === undefined ? others : { problem, ...others };
  }

  #show(data: ArrayBuffer): void {
    readParts(new Uint8Array(data), 0, (x, y, width, height, pixels) =>
      this.#context.putImageData(new ImageData(pixels, width, height), x, y),
    );
    const shown = (): void => this.#send({ shown: true });
    if (document.hidden) setTimeout(shown, HIDDEN_MS);
    else requestAnimationFrame(shown);
  }

  /** Pixels of the screen in one of the page. */
  get #scale(): number {
    return this.canvas.width / Math.max(1, this.canvas.clientWidth);
  }

  #placeOf({ clientX, clientY }: PointerEvent): { readonly x: number; readonly y: number } {
    const { left, top } = this.canvas.getBoundingClientRect();
    const { width, height } = this.canvas;
    const within = (value: number, most: number): number => Math.max(0, Math.min(most, value * this.#scale));
    return { x: within(clientX - left, width), y: within(clientY - top, height) };
  }

  #onPage({ x, y, height }: DisplayPlace): DisplayPlace {
    const { offsetLeft, offsetTop } = this.canvas;
    const scale = this.#scale;
    return { x: offsetLeft + x / scale, y: offsetTop + y / scale, height: height / scale };
  }
}
