/**
 * A terminal on the page. Its size is the one that the program knows, which is that of whoever was active last: here or
 * elsewhere; elsewhere's may be smaller or larger than the place that there is.
 */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { followColours } from "../terminal-colours.ts";
import { offerTouchKeys } from "../touch-keys.ts";
import { followScreenReader } from "../screen-reader.ts";
import { offerImages } from "../terminal-images.ts";
import { answerUnless } from "../terminal-questions.ts";
import { offerLinks, offerSearch } from "../terminal-search.ts";
import type { LinkedTerminal, Place, TerminalLink } from "./terminal-link.ts";
import type { ServerMessage } from "./terminal-messages.ts";
import { say } from "./words.ts";

interface TerminalPaneOptions {
  /** Its program writes lines, and knows of no terminal. */
  readonly hasLines: boolean;
  /** False: it only shows. */
  readonly mayType: boolean;
  readonly onState: (words: string) => void;
}

export class TerminalPane implements LinkedTerminal {
  readonly place: Place;
  readonly element: HTMLElement;
  readonly terminal: Terminal;
  readonly #link: TerminalLink;
  readonly #fit = new FitAddon();
  readonly #endColours: () => void;
  readonly #touchKeys: HTMLElement;
  readonly #endReader: () => void;
  readonly #onState: (words: string) => void;
  readonly #observer: ResizeObserver;
  readonly #id: number;
  isShown = false;
  /** Nothing more comes. */
  isOver = false;
  /** What was shown before is on the screen. */
  #isLive = false;
  /** The program's size is ours. */
  #isOwn = false;

  constructor(
    place: Place,
    parent: HTMLElement,
    link: TerminalLink,
    { hasLines, mayType, onState }: TerminalPaneOptions,
  ) {
    this.place = place;
    this.#link = link;
    this.#onState = onState;
    this.element = document.createElement("div");
    this.element.className = "terminal";
    parent.append(this.element);
    const terminal = new Terminal({
      cursorBlink: mayType,
      disableStdin: !mayType,
      scrollback: 5000,
      fontFamily: "monospace",
      convertEol: hasLines,
    });
    this.terminal = terminal;
    terminal.loadAddon(this.#fit);
    terminal.open(this.element);
    this.#endColours = followColours(terminal);
    this.#endReader = followScreenReader(terminal);
    offerLinks(terminal);
    offerSearch(terminal, this.element, { search: say("search"), count: (at, all) => say("matches", at, all) });
    // Of several who watch, one answers; and nobody what was asked before.
    const isNotForUs = (): boolean => !(this.#isLive && this.#isOwn);
    let questions = answerUnless(terminal, isNotForUs);
    offerImages(terminal, () => {
      questions.dispose();
      questions = answerUnless(terminal, isNotForUs);
    });
    const touchKeys = offerTouchKeys(terminal, this.element, say("keys"));
    this.#touchKeys = touchKeys.element;
    terminal.onData((text) => this.#type(new TextEncoder().encode(touchKeys.typed(text))));
    terminal.onBinary((text) => this.#type(Uint8Array.from(text, (character) => character.charCodeAt(0))));
    this.#observer = new ResizeObserver(() => this.#isOwn && this.claimSize());
    this.#observer.observe(this.element);
    this.#id = link.open(this);
  }

  #type(bytes: Uint8Array): void {
    if (!this.#isOwn) this.claimSize();
    this.#link.type(this.#id, bytes);
  }

  /** Who is active here wants the program to have the size of this place. */
  claimSize(): void {
    const size = this.#fit.proposeDimensions();
    if (!this.#isLive || size === undefined || this.element.hidden) return;
    const isSame = size.cols === this.terminal.cols && size.rows === this.terminal.rows;
    if (!(isSame && this.#isOwn)) this.#link.send({ id: this.#id, size: { columns: size.cols, rows: size.rows } });
  }

  begin(): void {
    this.#isLive = false;
    this.#isOwn = false;
    this.terminal.reset();
    this.#onState("");
  }

  show(bytes: Uint8Array): void {
    this.terminal.write(bytes, () => this.#link.send({ id: this.#id, taken: bytes.length }));
  }

  take(message: ServerMessage): void {
    // All in its order: what is to be shown is shown a little later.
    this.terminal.write("", () => this.#do(message));
  }

  #do(message: ServerMessage): void {
    if ("size" in message) {
      this.#isOwn = message.isOwn;
      this.terminal.resize(message.size.columns, message.size.rows);
    } else if ("live" in message) {
      this.#isLive = true;
      if (document.visibilityState === "visible") this.claimSize();
    } else {
      this.#isLive = false;
      this.isOver = true;
      if ("problem" in message) this.#onState(message.problem);
      else if ("ended" in message) this.#onState(say("programEnded", endWords(message.ended)));
    }
  }

  interrupt(): void {
    this.#isLive = false;
    this.#onState(say("connectionGone"));
  }

  setShown(isShown: boolean): void {
    this.isShown = isShown;
    this.element.hidden = !isShown;
    if (!isShown) return;
    this.claimSize();
    this.terminal.focus();
  }

  close(): void {
    this.#link.close(this.#id);
    this.#observer.disconnect();
    this.#endColours();
    this.#endReader();
    this.terminal.dispose();
    this.element.remove();
    this.#touchKeys.remove();
  }
}

function endWords({ exitCode, signal }: { readonly exitCode: number; readonly signal: string | null }): string {
  return signal ?? say("status", exitCode);
}
