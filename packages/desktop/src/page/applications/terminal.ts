/** A terminal, whose program is the server's: a page that is loaded again shows it as it was. */
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import { offerTouchKeys } from "@stratos/console/page/touch-keys";
import { followColours } from "@stratos/console/page/terminal-colours";
import { offerImages } from "@stratos/console/page/terminal-images";
import { answerUnless } from "@stratos/console/page/terminal-questions";
import { offerLinks, offerSearch } from "@stratos/console/page/terminal-search";
import { ask, openSocket, type PageConnection } from "../service.ts";
import { create } from "../widgets/containers.ts";
import { Widget } from "../widgets/widget.ts";
import { say } from "../words.ts";
import { type ApplicationHost, type OpenedApplication, SETTINGS_CHANGED } from "./application.ts";

interface Wanted {
  readonly title?: string;
  readonly command?: readonly string[];
  readonly folder?: string;
  /** One that runs. */
  readonly id?: number;
}

const AGAIN_MS = 1000;
const LETTERS_PIXELS = 14;

/** Keys of the desktop are not the program's. */
export function openTerminal(
  { desktop, notify }: ApplicationHost,
  wanted: Wanted,
  windowId: () => string,
  isOfDesktop: (event: KeyboardEvent) => boolean,
): OpenedApplication {
  const element = create("div", "terminal-pane");
  const scale = desktop.settings.scale / 100;
  const terminal = new Terminal({
    cursorBlink: true,
    scrollback: 5000,
    fontFamily: "ui-monospace, monospace",
    fontSize: Math.round(LETTERS_PIXELS * scale),
    screenReaderMode: desktop.settings.hasScreenReader,
    allowProposedApi: false,
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.attachCustomKeyEventHandler((event) => !isOfDesktop(event));
  const endColours = followColours(terminal);
  offerLinks(terminal);
  /** What was shown before is on the screen: what it asked was answered then. */
  let isLive = false;
  let questions = answerUnless(terminal, () => !isLive);
  offerImages(terminal, () => {
    questions.dispose();
    questions = answerUnless(terminal, () => !isLive);
  });
  const ended = new AbortController();
  document.addEventListener(
    SETTINGS_CHANGED,
    () => void (terminal.options.screenReaderMode = desktop.settings.hasScreenReader),
    { signal: ended.signal },
  );
  let id = wanted.id ?? 0;
  let socket: PageConnection | null = null;
  let isOver = false;
  let isClosed = false;
  const send = (message: object | Uint8Array<ArrayBuffer>): void => {
    if (socket?.readyState === WebSocket.OPEN)
      socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
  };
  const claimSize = (): void => {
    const size = fit.proposeDimensions();
    if (size === undefined || element.offsetParent === null || Number.isNaN(size.cols)) return;
    if (id !== 0) send({ size: { columns: Math.max(2, size.cols), rows: Math.max(2, size.rows) } });
  };
  const observer = new ResizeObserver(claimSize);
  const close = (): void => {
    if (isClosed) return;
    isClosed = true;
    observer.disconnect();
    ended.abort();
    endColours();
    socket?.close();
    terminal.dispose();
    desktop.closed(windowId());
  };
  const connect = (): void => {
    socket = openSocket(`/terminals/${id}`, () => {
      isLive = false;
      terminal.reset();
      claimSize();
    });
    socket.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        const bytes = new Uint8Array(data as ArrayBuffer);
        terminal.write(bytes, () => send({ taken: bytes.length }));
        return;
      }
      const { size, live, ended } = JSON.parse(data) as {
        size?: { columns: number; rows: number };
        live?: true;
        ended?: string;
      };
      terminal.write("", () => {
        if (isClosed) return;
        if (live === true) isLive = true;
        if (size !== undefined) terminal.resize(size.columns, size.rows);
        if (ended === undefined) return;
        isOver = true;
        // Who has said exit wants nothing more of it.
        if (ended === "") return close();
        terminal.write(`\r\n${say("terminalEnded", `: ${ended}`)}`);
      });
    };
    socket.onclose = ({ code }) => {
      if (!isOver && !isClosed && code !== 1008) setTimeout(() => isClosed || connect(), AGAIN_MS);
    };
  };
  const begin = async (): Promise<void> => {
    terminal.open(element);
    touchKeys = offerTouchKeys(terminal, element, say("keys"));
    offerSearch(terminal, element, { search: say("find"), count: (at, all) => say("matches", at, all) });
    if (id === 0) {
      // Of what is not shown nothing can be measured.
      const { cols: wide, rows: high } = fit.proposeDimensions() ?? { cols: 80, rows: 24 };
      const [cols, rows] = Number.isInteger(wide) && Number.isInteger(high) ? [wide, high] : [80, 24];
      const { title = say("terminal"), command, folder } = wanted;
      const request = { title, columns: Math.max(2, cols), rows: Math.max(2, rows), command, folder };
      ({ id } = await ask<{ id: number }>("POST", "/terminals", request));
      // A page that is loaded again comes back to it, and has no new one.
      desktop.keptChanged();
    }
    connect();
    observer.observe(element);
    // It had the keyboard before it could take it.
    if (desktop.arrangement.active === windowId()) terminal.focus();
  };
  // Its element has no place before.
  let touchKeys: ReturnType<typeof offerTouchKeys> | null = null;
  terminal.onData((text) => send(new TextEncoder().encode(touchKeys?.typed(text) ?? text)));
  terminal.onBinary((text) => send(Uint8Array.from(text, (character) => character.charCodeAt(0))));
  terminal.onTitleChange((title) => desktop.arrangement.retitle(windowId(), title || say("terminal")));
  // It is measured where it is shown.
  setTimeout(() => {
    begin().catch((error: unknown) => {
      notify((error as Error).message);
      close();
    });
  });
  return {
    title: wanted.title ?? say("terminal"),
    size: { width: Math.round(740 * scale), height: Math.round(460 * scale) },
    min: { width: 240, height: 120 },
    root: new Widget(element),
    get argument() {
      return { title: wanted.title, id };
    },
    focus: () => terminal.focus(),
    // It listens to the window that it is in.
    moved: () => terminal.element !== undefined && terminal.open(element),
    shown: (isShown) => {
      if (isShown) claimSize();
    },
    end: () => {
      if (id !== 0) void ask("DELETE", `/terminals/${id}`).catch(() => {});
      isClosed = true;
      observer.disconnect();
      ended.abort();
      endColours();
      socket?.close();
      terminal.dispose();
    },
  };
}
