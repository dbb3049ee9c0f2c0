/**
 * A page of the hub within ours. The hub is another program, maybe of somebody else: of its HTML only what is known
 * here is built anew, without styles, scripts or addresses of other sites, and with identities that are not ours.
 */
import { element } from "../elements.ts";

interface HubPage {
  readonly title: string;
  /** Those that its reader may see. */
  readonly links: readonly { readonly path: string; readonly name: string; readonly isHere: boolean }[];
  readonly content: readonly Node[];
}

interface Wiring {
  /** The address, here, of a path of the hub. */
  readonly addressOf: (path: string) => string;
  readonly send: (form: HTMLFormElement, submitter: HTMLElement | null) => void;
}

const TAGS = new Set(
  (
    "a article b button caption code dd details div dl dt em fieldset form g h1 h2 h3 i input label legend li ol " +
    "option p path pre rect section select small span strong summary svg table tbody td text textarea th thead time " +
    "title tr ul"
  ).split(" "),
);
const ATTRIBUTES = new Set(
  (
    "aria-current aria-hidden aria-label aria-labelledby checked class colspan cols d data-open data-stream datetime " +
    "disabled for height id max min name open pattern placeholder readonly required role rows rx scope selected size " +
    "step tabindex title value viewBox width x y"
  ).split(" "),
);
const INPUTS = new Set(["checkbox", "hidden", "number", "radio", "submit", "text"]);
/** They name other elements. */
const IDENTITIES = new Set(["aria-labelledby", "for", "id"]);
const PREFIX = "hub-";

/** @returns null: it is no page of a hub */
export function hubPage(text: string, wiring: Wiring): HubPage | null {
  const page = new DOMParser().parseFromString(text, "text/html");
  const main = page.querySelector("main");
  if (main === null) return null;
  const links = [...page.querySelectorAll("header nav a")].map((link) => ({
    path: link.getAttribute("href") ?? "/",
    name: link.textContent,
    isHere: link.hasAttribute("aria-current"),
  }));
  return { title: main.querySelector("h1")?.textContent ?? "", links, content: built(main, wiring) };
}

function built(parent: Element, wiring: Wiring): Node[] {
  return [...parent.childNodes].flatMap((node) => {
    if (node.nodeType === Node.TEXT_NODE) return [document.createTextNode(node.textContent ?? "")];
    return node instanceof Element ? builtOne(node, wiring) : [];
  });
}

function builtOne(given: Element, wiring: Wiring): Node[] {
  const tag = given.localName;
  if (!TAGS.has(tag)) return [];
  // The page has its own first heading.
  const made = document.createElementNS(given.namespaceURI, tag === "h1" ? "h2" : tag);
  for (const { name, value } of given.attributes) {
    if (!ATTRIBUTES.has(name)) continue;
    const own = value
      .split(" ")
      .map((each) => PREFIX + each)
      .join(" ");
    made.setAttribute(name, IDENTITIES.has(name) ? own : value);
  }
  if (tag === "input") {
    const type = given.getAttribute("type") ?? "text";
    made.setAttribute("type", INPUTS.has(type) ? type : "text");
  }
  const href = given.getAttribute("href");
  if (tag === "a" && href?.startsWith("/") === true) made.setAttribute("href", wiring.addressOf(href));
  if (made instanceof HTMLFormElement) {
    made.dataset["path"] = given.getAttribute("action") ?? "";
    made.method = given.getAttribute("method") === "post" ? "post" : "get";
    made.addEventListener("submit", (event) => {
      event.preventDefault();
      wiring.send(made, event.submitter);
    });
  }
  made.append(...built(given, wiring));
  return [made];
}

/** For what answers without a page. */
export function saidInstead(text: string): HTMLElement {
  return element("p", { attributes: { role: "alert" } }, text);
}
