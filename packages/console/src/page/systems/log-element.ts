/** The log of a view: it grows, and stays where its reader is, or at its end. */
import { element } from "../elements.ts";
import { say } from "./words.ts";

export function logElement(): HTMLElement {
  return element("pre", { id: "log", label: say("log"), attributes: { tabindex: "0", role: "log" } });
}

export function isScrolledDown({ scrollTop, scrollHeight, clientHeight }: HTMLElement): boolean {
  return scrollTop + clientHeight >= scrollHeight - 1;
}

/** @returns to be called when it has grown, or is put into the page anew, which begins at its top */
export function keepScroll(log: HTMLElement): () => void {
  const { scrollTop } = log;
  const isAtEnd = isScrolledDown(log);
  return () => void requestAnimationFrame(() => (log.scrollTop = isAtEnd ? log.scrollHeight : scrollTop));
}
