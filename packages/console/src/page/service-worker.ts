/**
 * Keeps the page and the machine's program, so that both are there without a network. What they are, whoever joins the
 * page says: FILES, below this worker's own folder, and VERSION, which is another when one of them is. The image's
 * pieces are the machine's own business.
 */
declare const FILES: readonly string[];
declare const VERSION: string;

interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
declare const self: {
  readonly registration: { readonly scope: string };
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener<E extends Event>(type: string, listener: (event: E) => void): void;
};

const { scope } = self.registration;
const prefix = `stratos ${scope} `;
const name = `${prefix}${VERSION}`;
const kept = new Set(FILES.map((file) => new URL(file, scope).href));

self.addEventListener<ExtendableEvent>("install", (event) => {
  const keepAll = async (): Promise<void> => {
    const cache = await caches.open(name);
    await cache.addAll(FILES.map((file) => new Request(new URL(file, scope), { cache: "reload" })));
    await self.skipWaiting();
  };
  event.waitUntil(keepAll());
});

self.addEventListener<ExtendableEvent>("activate", (event) => {
  const removeOld = async (): Promise<void> => {
    for (const each of await caches.keys()) if (each.startsWith(prefix) && each !== name) await caches.delete(each);
    await self.clients.claim();
  };
  event.waitUntil(removeOld());
});

self.addEventListener<FetchEvent>("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  url.search = url.hash = "";
  if (request.method !== "GET" || !kept.has(url.href)) return;
  const answer = async (): Promise<Response> => {
    const cache = await caches.open(name);
    return (await cache.match(url.href)) ?? fetch(request);
  };
  event.respondWith(answer());
});
