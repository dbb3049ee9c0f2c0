/** Carries what a page asks of its own worker to the desktop's service there. */
import type { PageSocket } from "../serve/page-socket.ts";
import type { Answered, Closed, Linked } from "./messages.ts";

interface PortService {
  /** Of the service. */
  fetch(request: Request): Response | Promise<Response>;
  /** @returns what serves a connection to the path; null: nothing is there */
  connectionAt(path: string): ((socket: PageSocket) => void) | null;
}

/** What requests name as their host; nobody looks it up. */
const ORIGIN = "http://tab";
/** RFC 6455, 7.4.1 and 7.1.5: an end that is meant, and one without a word. */
const NORMAL = 1000,
  WORDLESS = 1005;

export function servePort(port: MessagePort, service: PortService): void {
  port.onmessage = ({ data }: MessageEvent<Linked>) => {
    if (data.kind === "request") {
      void answer(data, service).then((answered) => port.postMessage(answered, [answered.body.buffer]));
      return;
    }
    const serve = service.connectionAt(data.path);
    const socket = new PortSocket(data.port);
    if (serve === null) socket.close();
    else serve(socket);
  };
}

async function answer(
  { id, method, path, type, body }: Extract<Linked, { kind: "request" }>,
  service: PortService,
): Promise<Answered> {
  const headers: Record<string, string> = type === null ? {} : { "content-type": type };
  const request = new Request(`${ORIGIN}${path}`, { method, headers, ...(body === null ? {} : { body }) });
  const response = await service.fetch(request);
  return {
    id,
    status: response.status,
    type: response.headers.get("content-type") ?? "application/octet-stream",
    body: new Uint8Array(await response.arrayBuffer()),
  };
}

class PortSocket implements PageSocket {
  isOpen = true;
  /** Nobody tells what a port holds; the page says itself what it has shown. */
  readonly bufferedAmount = 0;
  readonly #port: MessagePort;
  #onMessage: (message: string | Uint8Array) => void = () => {};
  #onClose: () => void = () => {};

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<string | Uint8Array | Closed>) => {
      if (typeof data === "string" || data instanceof Uint8Array) this.#onMessage(data);
      else this.#end();
    };
  }

  send(message: string | Uint8Array): void {
    if (!this.isOpen) return;
    if (typeof message === "string") return this.#port.postMessage(message);
    // Others may have the same bytes.
    const { buffer } = message.slice();
    this.#port.postMessage(buffer, [buffer]);
  }

  close(): void {
    this.#close(WORDLESS);
  }

  terminate(): void {
    this.#close(NORMAL);
  }

  #close(closed: number): void {
    if (!this.isOpen) return;
    this.#port.postMessage({ closed } satisfies Closed);
    this.#end();
  }

  #end(): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#port.close();
    this.#onClose();
  }

  onMessage(listener: (message: string | Uint8Array) => void): void {
    this.#onMessage = listener;
  }

  onClose(listener: () => void): void {
    this.#onClose = listener;
  }
}
