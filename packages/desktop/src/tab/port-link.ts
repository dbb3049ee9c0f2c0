/** The service of a desktop, in the page's own worker. */
import type { PageConnection, ServiceLink } from "../page/service.ts";
import type { Answered, Closed, Linked } from "./messages.ts";

export class PortLink implements ServiceLink {
  readonly #port: MessagePort;
  readonly #waiting = new Map<number, (answer: Answered) => void>();
  #serial = 0;

  constructor(port: MessagePort) {
    this.#port = port;
    port.onmessage = ({ data }: MessageEvent<Answered>) => {
      this.#waiting.get(data.id)?.(data);
      this.#waiting.delete(data.id);
    };
  }

  async fetch(path: string, { method, body, type }: Parameters<ServiceLink["fetch"]>[1]): Promise<Response> {
    const bytes = body === undefined ? null : new Uint8Array(await new Response(body).arrayBuffer());
    const id = ++this.#serial;
    const answered = new Promise<Answered>((resolve) => this.#waiting.set(id, resolve));
    this.#send(
      { kind: "request", id, method, path, type: type ?? null, body: bytes },
      bytes === null ? [] : [bytes.buffer],
    );
    const answer = await answered;
    return new Response(answer.body, { status: answer.status, headers: { "content-type": answer.type } });
  }

  connect(path: string, onOpen: () => void): PageConnection {
    const { port1, port2 } = new MessageChannel();
    this.#send({ kind: "connect", path, port: port2 }, [port2]);
    return new PortConnection(port1, onOpen);
  }

  #send(message: Linked, transferred: Transferable[]): void {
    this.#port.postMessage(message, transferred);
  }
}

class PortConnection implements PageConnection {
  onmessage: PageConnection["onmessage"] = null;
  onclose: PageConnection["onclose"] = null;
  readyState: number = WebSocket.OPEN;
  readonly #port: MessagePort;

  constructor(port: MessagePort, onOpen: () => void) {
    this.#port = port;
    port.onmessage = (event: MessageEvent<string | ArrayBuffer | Closed>) => {
      const { data } = event;
      if (typeof data === "string" || data instanceof ArrayBuffer)
        return this.onmessage?.(event as MessageEvent<string | ArrayBuffer>);
      this.#end();
      this.onclose?.(new CloseEvent("close", { code: data.closed }));
    };
    // Who connects says afterwards what it does with what comes.
    queueMicrotask(onOpen);
  }

  send(message: string | Uint8Array<ArrayBuffer>): void {
    if (this.readyState === WebSocket.OPEN) this.#port.postMessage(message);
  }

  close(): void {
    if (this.readyState !== WebSocket.OPEN) return;
    this.#port.postMessage({ closed: 1000 } satisfies Closed);
    this.#end();
  }

  #end(): void {
    this.readyState = WebSocket.CLOSED;
    this.#port.close();
  }
}
