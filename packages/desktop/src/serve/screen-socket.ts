/** A page's connection to the display of a named system (display/src/screen-viewers.ts has the messages). */
import type { ScreenSource } from "@stratos/display";
import type { PageSocket } from "./page-socket.ts";

/** Bytes that wait for a page which does not read them; then its connection ends. A whole screen is 4 MiB. */
const BUFFERED_MAX = 1 << 24;

export function serveScreen(socket: PageSocket, screen: ScreenSource): void {
  const send = (message: string | Uint8Array): void => {
    if (!socket.isOpen) return;
    if (socket.bufferedAmount > BUFFERED_MAX) socket.terminate();
    else socket.send(message);
  };
  const watching = screen.connect({ send, close: () => socket.close() }, true);
  socket.onMessage((message) => {
    if (typeof message === "string") watching.take(message);
  });
  socket.onClose(() => watching.leave());
}
