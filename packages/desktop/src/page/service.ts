/** Requests of the page: to the server whose page it is, or, in a tab of its own, to the machine's worker. */
class Locked extends Error {}

/** The part of a WebSocket that the page uses. */
export interface PageConnection {
  onmessage: ((event: MessageEvent<string | ArrayBuffer>) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  readonly readyState: number;
  send(message: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
}

interface PageRequest {
  readonly method: string;
  readonly body?: BodyInit;
  readonly type?: string;
  /** It is done even if the page goes meanwhile. */
  readonly keepalive?: boolean;
}

/** Where the desktop's service is. Paths begin with `/v1`. */
export interface ServiceLink {
  fetch(path: string, request: PageRequest): Promise<Response>;
  connect(path: string, onOpen: () => void): PageConnection;
}

let link: ServiceLink | null = null;

/** Before anything is asked. Absent: it is the server that gave the page. */
export function useLink(other: ServiceLink): void {
  link = other;
}

/** Which desktop of the machine's users the page shows; null: it does not know yet. */
let shownNumber: number | null = null;

/** From here on the page is that desktop's, and nothing that it asks goes to another's. */
export function showNumber(number: number): void {
  shownNumber = number;
}

/** The key stands behind the address's #, which no server is told and no log has. */
const served: ServiceLink = {
  fetch(path, { method, body, type, keepalive = false }) {
    return fetch(path, {
      method,
      keepalive,
      headers: {
        authorization: `Bearer ${key()}`,
        ...(shownNumber === null ? {} : { "stratos-desktop": String(shownNumber) }),
        ...(type === undefined ? {} : { "content-type": type }),
      },
      ...(body === undefined ? {} : { body }),
    });
  },
  connect(path, onOpen) {
    const socket = new WebSocket(path);
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ token: key(), number: shownNumber ?? 0 }));
      onOpen();
    });
    return socket;
  },
};

function key(): string {
  return location.hash.slice(1);
}

/** @throws Error when the address is not whole */
export function checkAddress(): void {
  if (link === null && key() === "") throw new Error("the address is not whole: its key is missing");
}

async function request(method: string, path: string, more: Omit<PageRequest, "method"> = {}): Promise<Response> {
  const response = await (link ?? served).fetch(`/v1${path}`, { method, ...more });
  if (response.ok) return response;
  const { detail } = (await response.json().catch(() => ({}))) as { readonly detail?: string };
  if (response.status === 423) {
    onLocked();
    throw new Locked(detail);
  }
  if (response.status === 503) onSuspended();
  throw new Error(detail ?? `the service answered ${response.status}`);
}

let onLocked = (): void => {};
let onSuspended = (): void => {};

/** Told when an answer is that the desktop is locked. */
export function whenLocked(listener: () => void): void {
  onLocked = listener;
}

/** Told when an answer is that the machine is suspended. */
export function whenSuspended(listener: () => void): void {
  onSuspended = listener;
}

/** @throws Error with the service's words, Locked */
export async function ask<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: object): Promise<T> {
  const more = body === undefined ? {} : { body: JSON.stringify(body), type: "application/json" };
  return (await (await request(method, path, more)).json()) as T;
}

/** The same of a page that may be about to go: it is done nevertheless, if it is short (64 KiB, Fetch §4.6). */
export async function keepAtEnd(path: string, body: object): Promise<void> {
  await request("PUT", path, { body: JSON.stringify(body), type: "application/json", keepalive: true });
}

export async function readText(path: string): Promise<string> {
  return (await request("GET", path)).text();
}

export async function readBlob(path: string): Promise<Blob> {
  return (await request("GET", path)).blob();
}

export async function sendContent(path: string, content: Blob | Uint8Array<ArrayBuffer>): Promise<void> {
  const query = `/content?path=${encodeURIComponent(path)}`;
  await request("PUT", query, { body: content, type: "application/octet-stream" });
}

/** A connection that has said who it is. */
export function openSocket(path: string, onOpen: () => void): PageConnection {
  return (link ?? served).connect(`/v1${path}`, onOpen);
}
