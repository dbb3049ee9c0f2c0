/**
 * The display of a system on the page: its screen as it is, over a WebSocket of its own. One is on the page at a time;
 * one that was left is shown all anew.
 */
import { DisplayCanvas } from "../display-canvas.ts";
import { element } from "../elements.ts";
import { sessionKey } from "./rest.ts";
import { say } from "./words.ts";

/** After a connection that broke off, and after one that was refused. */
const AGAIN_MS = 1000,
  REFUSED_AGAIN_MS = 5000;

class DisplayPane {
  readonly system: string;
  readonly element: HTMLElement;
  readonly #state = element("p", { attributes: { role: "status" } });
  readonly #screen: DisplayCanvas;
  #socket: WebSocket | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  constructor(system: string, mayAct: boolean) {
    this.system = system;
    const label = `${say("display")}: ${system}`;
    this.#screen = new DisplayCanvas({
      label,
      mayAct,
      send: (message) => this.#send(message),
      onTooLong: () => this.#tell(say("pasteTooLong")),
    });
    const { canvas, input } = this.#screen;
    this.element = element("div", { className: "display" }, canvas, this.#state, input?.field ?? null);
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
      const { windows, problem } = this.#screen.take(data as string | ArrayBuffer);
      if (windows !== undefined) this.#tell(windows > 0 ? "" : say("noWindow"));
      if (problem !== undefined) this.#tell(problem);
      isRefused = problem !== undefined;
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

  close(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#screen.close();
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
