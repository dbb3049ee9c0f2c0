/**
 * One connection for each terminal of a page. What is typed and shown is bytes; beside it `{ token }` first, `{ size }`
 * and `{ taken }` of the page, `{ size }`, `{ live }` behind what was shown before, and `{ ended }` of ours.
 */
import type { TerminalSize } from "@stratos/sdk/api";
import type { DesktopTerminal, TerminalViewer } from "../machine/desktop-programs.ts";
import type { PageSocket } from "./page-socket.ts";

/** Bytes that a page was sent and has not shown; then the program waits. */
const AHEAD_MAX = 1 << 18;
/** A page that shows nothing for so long is left behind. */
const PATIENCE_MS = 10_000;

export function serveTerminal(socket: PageSocket, terminal: DesktopTerminal): void {
  let ahead = 0;
  let busy: { readonly promise: Promise<void>; done(): void } | null = null;
  const tell = (message: object): void => socket.send(JSON.stringify(message));
  const viewer: TerminalViewer = {
    show: (bytes) => {
      if (bytes.length === 0) return;
      ahead += bytes.length;
      socket.send(bytes);
      if (ahead <= AHEAD_MAX || busy !== null) return;
      let done = (): void => {};
      const promise = new Promise<void>((resolve) => (done = resolve));
      const timer = setTimeout(() => socket.terminate(), PATIENCE_MS);
      busy = {
        promise,
        done: () => {
          clearTimeout(timer);
          busy = null;
          done();
        },
      };
    },
    resized: (size) => tell({ size }),
    live: () => tell({ live: true }),
    ended: (ended) => tell({ ended }),
    get busy() {
      return busy?.promise ?? null;
    },
  };
  const leave = terminal.watch(viewer);
  socket.onMessage((message) => {
    if (typeof message !== "string") return terminal.type(message);
    const { size, taken } = parse(message);
    if (typeof taken === "number" && taken > 0) {
      ahead = Math.max(0, ahead - taken);
      if (ahead <= AHEAD_MAX / 2) busy?.done();
    }
    if (isSize(size)) terminal.resize(size);
  });
  socket.onClose(() => {
    leave();
    busy?.done();
  });
}

function isSize(value: unknown): value is TerminalSize {
  const { columns, rows } = (typeof value === "object" && value !== null ? value : {}) as Partial<TerminalSize>;
  const isCount = (each: unknown): boolean =>
    Number.isInteger(each) && (each as number) >= 1 && (each as number) <= 1000;
  return isCount(columns) && isCount(rows);
}

/** What it cannot be read as says nothing. */
export function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
