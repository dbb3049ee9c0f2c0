/** One connection of a page, in messages of text or bytes: a WebSocket, or a port of the page's own worker. */
import type { WebSocket } from "ws";

export interface PageSocket {
  readonly isOpen: boolean;
  /** Bytes that the page has not taken. */
  readonly bufferedAmount: number;
  send(message: string | Uint8Array): void;
  close(): void;
  /** Without waiting for the page. */
  terminate(): void;
  onMessage(listener: (message: string | Uint8Array) => void): void;
  onClose(listener: () => void): void;
}

export function pageSocketOf(socket: WebSocket): PageSocket {
  return {
    get isOpen() {
      return socket.readyState === socket.OPEN;
    },
    get bufferedAmount() {
      return socket.bufferedAmount;
    },
    send: (message) => socket.send(message),
    close: () => socket.close(),
    terminate: () => socket.terminate(),
    onMessage: (listener) =>
      void socket.on("message", (data, isBinary) =>
        listener(isBinary ? new Uint8Array(data as Buffer) : (data as Buffer).toString()),
      ),
    onClose: (listener) => void socket.on("close", listener),
  };
}
