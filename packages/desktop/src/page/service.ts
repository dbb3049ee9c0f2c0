/** Requests of the page. The key stands behind the address's #, which no server is told and no log has. */
class Locked extends Error {}

export function key(): string {
  return location.hash.slice(1);
}

async function request(
  method: string,
  path: string,
  body?: BodyInit,
  type?: string,
  keepalive = false,
): Promise<Response> {
  const response = await fetch(`/v1${path}`, {
    method,
    keepalive,
    headers: { authorization: `Bearer ${key()}`, ...(type === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body }),
  });
  if (response.ok) return response;
  const { detail } = (await response.json().catch(() => ({}))) as { readonly detail?: string };
  if (response.status === 423) {
    onLocked();
    throw new Locked(detail);
  }
  throw new Error(detail ?? `the service answered ${response.status}`);
}

let onLocked = (): void => {};

/** Told when an answer is that the desktop is locked. */
export function whenLocked(listener: () => void): void {
  onLocked = listener;
}

/** @throws Error with the service's words, Locked */
export async function ask<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: object): Promise<T> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  return (await (await request(method, path, text, text === undefined ? undefined : "application/json")).json()) as T;
}

/** The same of a page that may be about to go: it is done nevertheless, if it is short (64 KiB, Fetch §4.6). */
export async function keepAtEnd(path: string, body: object): Promise<void> {
  await request("PUT", path, JSON.stringify(body), "application/json", true);
}

export async function readText(path: string): Promise<string> {
  return (await request("GET", path)).text();
}

export async function readBlob(path: string): Promise<Blob> {
  return (await request("GET", path)).blob();
}

export async function sendContent(path: string, content: Blob | Uint8Array<ArrayBuffer>): Promise<void> {
  await request("PUT", `/content?path=${encodeURIComponent(path)}`, content, "application/octet-stream");
}

/** A WebSocket that has said who it is. */
export function openSocket(path: string, onOpen: () => void): WebSocket {
  const socket = new WebSocket(`/v1${path}`);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => {
    socket.send(JSON.stringify({ token: key() }));
    onOpen();
  });
  return socket;
}
