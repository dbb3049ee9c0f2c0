/**
 * The display of a system on the page: its screen as it is, over a WebSocket of its own (display/src/screen-viewers.ts
 * has the messages). One is on the page at a time; one that was left is shown all anew.
 */
import { DisplayInput, type DisplayPlace } from "../display-input.ts";
import { element } from "../elements.ts";
import { sessionKey } from "./rest.ts";
import { say } from "./words.ts";

/** After a connection that broke off, and after one that was refused. */
const AGAIN_MS = 1000,
  REFUSED_AGAIN_MS = 5000;
/** How often a page that nobody sees says that it has shown something. */
const HIDDEN_MS = 1000;

type Told = Partial<{
  size: { readonly width: number; readonly height: number };
  windows: number;
  cursor: string;
  text: { readonly x: number; readonly y: number; readonly width: number; readonly height: number } | null;
  locked: boolean;
  copied: string;
  problem: string;
}>;

class DisplayPane {
  readonly system: string;
  readonly element: HTMLElement;
  readonly #canvas = element("canvas", { attributes: { role: "img" } });
  readonly #state = element("p", { attributes: { role: "status" } });
  readonly #input: DisplayInput | null;
  readonly #context: CanvasRenderingContext2D;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(system: string, mayAct: boolean) {
    this.system = system;
    const label = `${say("display")}: ${system}`;
    const canvas = this.#canvas;
    canvas.setAttribute("aria-label", label);
    Object.assign(canvas, { width: 1280, height: 800 });
    this.#context = canvas.getContext("2d", { alpha: false })!;
    this.element = element("div", { className: "display" }, canvas, this.#state);
    this.#input = mayAct
      ? new DisplayInput(
          (message) => this.#send(message),
          () => this.#tell(say("pasteTooLong")),
          label,
        )
      : null;
    if (this.#input !== null) {
      this.#input.listen(canvas, (event) => this.#placeOf(event));
      this.element.append(this.#input.field);
    }
    this.#connect();
  }

  #connect(): void {
    const socket = new WebSocket("/v1/displays");
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    let isRefused = false;
    socket.onopen = () => {
      this.#send({ key: sessionKey() });
      this.#send({ show: this.system });
    };
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") return this.#show(data as ArrayBuffer);
      const told = JSON.parse(data) as Told;
      isRefused = told.problem !== undefined;
      this.#take(told);
    };
    socket.onclose = () => {
      if (this.#isOver) return;
      if (!isRefused) this.#tell(say("connectionGone"));
      this.#timer = setTimeout(() => this.#connect(), isRefused ? REFUSED_AGAIN_MS : AGAIN_MS);
    };
  }

  #send(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #tell(words: string): void {
    this.#state.textContent = words;
  }

  #take({ size, windows, cursor, text, locked, copied, problem }: Told): void {
    if (size !== undefined) Object.assign(this.#canvas, size);
    if (windows !== undefined) this.#tell(windows > 0 ? "" : say("noWindow"));
    if (cursor !== undefined) this.#canvas.style.cursor = cursor;
    if (text !== undefined) this.#input?.takeText(text === null ? null : this.#onPage(text));
    if (locked !== undefined) this.#input?.keepPointer(locked);
    if (copied !== undefined) this.#input?.copied(copied);
    if (problem !== undefined) this.#tell(problem);
  }

  #show(data: ArrayBuffer): void {
    const view = new DataView(data);
    for (let at = 0; at < data.byteLength;) {
      const [x, y, width, height] = [0, 2, 4, 6].map((offset) => view.getUint16(at + offset, true)) as [
        number,
        number,
        number,
        number,
      ];
      at += 8;
      const pixels = new Uint8ClampedArray(data, at, 4 * width * height);
      this.#context.putImageData(new ImageData(pixels, width, height), x, y);
      at += pixels.length;
    }
    const shown = (): void => this.#send({ shown: true });
    if (document.hidden) setTimeout(shown, HIDDEN_MS);
    else requestAnimationFrame(shown);
  }

  /** Pixels of the screen in one of the page. */
  get #scale(): number {
    return this.#canvas.width / Math.max(1, this.#canvas.clientWidth);
  }

  #placeOf({ clientX, clientY }: PointerEvent): { readonly x: number; readonly y: number } {
    const { left, top } = this.#canvas.getBoundingClientRect();
    const { width, height } = this.#canvas;
    const within = (value: number, most: number): number => Math.max(0, Math.min(most, value * this.#scale));
    return { x: within(clientX - left, width), y: within(clientY - top, height) };
  }

  #onPage({ x, y, height }: DisplayPlace): DisplayPlace {
    const { offsetLeft, offsetTop } = this.#canvas;
    const scale = this.#scale;
    return { x: offsetLeft + x / scale, y: offsetTop + y / scale, height: height / scale };
  }

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#input?.close();
    this.#socket?.close();
  }
}

let shown: { readonly pane: DisplayPane; readonly mayAct: boolean } | null = null;

/** Comes back as it is while it is of the same system. */
export function displayOf(system: string, mayAct: boolean): HTMLElement {
  if (shown?.pane.system !== system || shown.mayAct !== mayAct) {
    leaveDisplay();
    shown = { pane: new DisplayPane(system, mayAct), mayAct };
  }
  return shown.pane.element;
}

/** Something else is shown. */
export function leaveDisplay(): void {
  shown?.pane.close();
  shown = null;
}
