import type { ViewerEnd } from "@stratos/display";
import type { WebSocket } from "ws";

/** Bytes that wait for a page which does not read them; then its connection ends. A whole screen is 4 MiB. */
const BUFFERED_MAX = 1 << 24;

/** A page that looks at a screen. */
export function viewerAt(socket: WebSocket): ViewerEnd {
  return {
    send: (message) => {
      if (socket.bufferedAmount > BUFFERED_MAX) socket.terminate();
      else socket.send(message);
    },
    close: () => socket.close(),
  };
}
