/** Server-sent events (HTML Living Standard §9.2). A reader that comes back says what it saw last in Last-Event-ID. */
import type { Principal } from "../access/access.ts";
import type { HubService } from "../hub-service.ts";

export interface StreamedEvent {
  readonly id: string;
  readonly event: string;
  /** Becomes JSON. */
  readonly data: unknown;
}

export interface Listener {
  readonly hub: HubService;
  readonly principal: Principal;
  readonly signal: AbortSignal;
  /** Whether who asked may hear on: keys are revoked, sessions end, policies know the time. */
  mayStill(): Promise<boolean>;
}

/** Proxies cut silent connections. */
const BEAT_MS = 15_000;
/** So long is something told to one who may no longer hear it. */
const ASK_AGAIN_MS = 5_000;

/**
 * @param more  what is new since it was called last; `end`: nothing will be
 */
export function eventStream(
  { hub, principal, signal, mayStill }: Listener,
  more: () => Promise<{ readonly events: readonly StreamedEvent[]; readonly end: boolean }>,
): Response {
  const watch = hub.feed.watch(principal.name);
  const encoder = new TextEncoder();
  let isOver = false;
  let askedMs = performance.now();
  const close = (): void => {
    isOver = true;
    watch.close();
  };
  signal.addEventListener("abort", close, { once: true });
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        let lastMs = performance.now();
        while (!isOver) {
          if (performance.now() - askedMs > ASK_AGAIN_MS) {
            if (!(await mayStill())) break;
            askedMs = performance.now();
          }
          const { events, end } = await more();
          const text = events
            .map(({ id, event, data }) => `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
            .join("");
          if (text !== "") controller.enqueue(encoder.encode(text));
          if (end || hub.feed.isClosed) break;
          if (text !== "") return;
          await watch.next(1_000);
          if (performance.now() - lastMs > BEAT_MS) {
            lastMs = performance.now();
            controller.enqueue(encoder.encode(": still here\n\n"));
            return;
          }
        }
        close();
        controller.close();
      } catch (error) {
        close();
        controller.error(error);
      }
    },
    cancel: close,
  });
  return new Response(stream, {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Accel-Buffering": "no",
    },
  });
}
