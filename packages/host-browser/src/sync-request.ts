/** A request that waits for its answer: workers may make it, pages may not (XMLHttpRequest, whatwg §3.5.1). */

/** What is used of XMLHttpRequest, which Node does not have. */
declare const XMLHttpRequest: new () => {
  open(method: string, url: string, isAsynchronous: boolean): void;
  setRequestHeader(name: string, value: string): void;
  getResponseHeader(name: string): string | null;
  send(): void;
  responseType: string;
  readonly status: number;
  readonly response: unknown;
};

interface SyncAnswer {
  readonly status: number;
  readonly bytes: Uint8Array;
  header(name: string): string | null;
}

/** @returns null: nobody answers */
export function requestNow(url: string, headers: Readonly<Record<string, string>> = {}): SyncAnswer | null {
  const request = new XMLHttpRequest();
  request.open("GET", url, false);
  request.responseType = "arraybuffer";
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  try {
    request.send();
  } catch {
    return null;
  }
  const bytes = new Uint8Array((request.response as ArrayBuffer | null) ?? new ArrayBuffer(0));
  return { status: request.status, bytes, header: (name) => request.getResponseHeader(name) };
}

/** Shared memory of WebAssembly's is there for a worker itself, also where pages may not share any. */
declare const WebAssembly: { Memory: new (limits: object) => { readonly buffer: ArrayBufferLike } };

/** Waits; a browser without means to do so spends the time. */
export function sleepNow(milliseconds: number): void {
  const until = performance.now() + milliseconds;
  try {
    const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
    // wait: the worker's own sleep, of which nobody wakes it
    Atomics.wait(new Int32Array(buffer as SharedArrayBuffer), 0, 0, milliseconds);
  } catch {
    while (performance.now() < until);
  }
}
