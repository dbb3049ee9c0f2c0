import type { ShownScreen } from "./shown-screen.ts";

/**
 * Hands what programs copy on to the page that is there. One is asked at a time: a program that copies without end is
 * asked for the last.
 */
export class CopiedText<Viewer> {
  readonly #screen: ShownScreen;
  readonly #viewer: () => Viewer | null;
  readonly #send: (viewer: Viewer, text: string) => void;
  #hasCopied = false;
  #isAsking = false;

  /** @param viewer  the page that is there now */
  constructor(screen: ShownScreen, viewer: () => Viewer | null, send: (viewer: Viewer, text: string) => void) {
    this.#screen = screen;
    this.#viewer = viewer;
    this.#send = send;
  }

  /** A program has copied something. */
  copied(): void {
    this.#hasCopied = true;
    this.#tell();
  }

  #tell(): void {
    const viewer = this.#viewer();
    if (viewer === null || this.#isAsking || !this.#hasCopied) return;
    this.#hasCopied = false;
    this.#isAsking = true;
    this.#screen.readCopied((text) => {
      this.#isAsking = false;
      if (this.#viewer() === viewer && text !== null && text !== "") this.#send(viewer, text);
      this.#tell();
    });
  }
}
