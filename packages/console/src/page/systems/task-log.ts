/** The log of one task of the hub, as it grows. One is on the page at a time. */
import { plainText } from "@stratos/base/printable";
import { HubClient, type StreamEvent } from "@stratos/hub-api";
import { isScrolledDown, keepScroll, logElement } from "./log-element.ts";
import { keyed } from "./rest.ts";

/** Characters that are on the page; the first ones go. */
const SHOWN_MAX = 1 << 18;
/** After a stream has broken off. */
const AGAIN_MS = 2_000;

interface TaskLog {
  readonly task: number;
  readonly element: HTMLElement;
  readonly stop: AbortController;
}
let shown: TaskLog | null = null;

/** Comes back as it is while it is of the same task. @param onEnd  the task has ended */
export function logOfTask(task: number, onEnd: () => void): HTMLElement {
  if (shown?.task === task && !shown.stop.signal.aborted) {
    keepScroll(shown.element)();
    return shown.element;
  }
  leaveLog();
  const log = { task, element: logElement(), stop: new AbortController() };
  shown = log;
  void follow(log, onEnd);
  return log.element;
}

/** Its stream ends: something else is shown. */
export function leaveLog(): void {
  shown?.stop.abort();
  shown = null;
}

async function follow({ task, element: log, stop }: TaskLog, onEnd: () => void): Promise<void> {
  const { signal } = stop;
  const client = new HubClient({ url: "/hub", token: null, fetch: keyed });
  let lastId = "";
  while (!signal.aborted) {
    try {
      for await (const event of client.stream(`/tasks/${task}/log/stream`, { signal, lastId })) {
        lastId = event.id;
        if (event.event === "end") return onEnd();
        add(log, event);
      }
    } catch {
      // The hub or the way to it is gone; or the session is, which whoever looks at the page is told elsewhere.
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

function add(log: HTMLElement, { data }: StreamEvent): void {
  const isAtEnd = isScrolledDown(log);
  log.textContent = (log.textContent + plainText((data as { readonly text: string }).text)).slice(-SHOWN_MAX);
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}
