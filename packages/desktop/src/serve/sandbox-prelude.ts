/**
 * What stands before an application's page: `stratos`, by which it calls, over the port that the desktop gives its
 * frame. Calls need no guard here: the frame has no origin, and each is judged outside. But no browser's policy covers
 * WebRTC (CSP's `webrtc` is nowhere built), so that way to the network goes before anything of the page runs.
 */
const PRELUDE = `(() => {
  for (const name of Object.getOwnPropertyNames(globalThis)) if (/^(webkit)?RTC/.test(name)) delete globalThis[name];
  const waiting = new Map();
  let last = 0, give;
  const port = new Promise((resolve) => (give = resolve));
  const call = async (request) => {
    const id = ++last;
    const done = new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
    (await port).postMessage({ id, request });
    return done;
  };
  const failed = (error) => void port.then((it) => it.postMessage({ failed: String(error?.message ?? error) }));
  const stratos = {
    ready: port.then(() => stratos),
    language: "en",
    read: (path) => call({ call: "read", path }),
    list: (path) => call({ call: "list", path }),
    write: (path, text) => call({ call: "write", path, text }),
    run: (argv) => call({ call: "run", argv }),
    notify: (text) => call({ call: "notify", text }),
    call,
  };
  addEventListener("message", ({ data, source, ports: [given] }) => {
    if (source !== parent || given === undefined) return;
    stratos.language = data.language;
    document.documentElement.lang = data.language;
    document.documentElement.dataset.theme = data.theme;
    given.onmessage = ({ data: { id, value, problem, ping, isShown } }) => {
      if (ping !== undefined) return given.postMessage({ pong: ping });
      if (isShown !== undefined) return dispatchEvent(new CustomEvent(isShown ? "resume" : "suspend"));
      const { resolve, reject } = waiting.get(id) ?? {};
      waiting.delete(id);
      problem === undefined ? resolve?.(value) : reject?.(new Error(problem));
    };
    give(given);
  });
  addEventListener("error", ({ error, message }) => failed(error ?? message));
  addEventListener("unhandledrejection", ({ reason }) => failed(reason));
  // The desktop's keys, which the frame would keep from it.
  addEventListener("keydown", (event) => {
    const { code, ctrlKey, altKey, metaKey, shiftKey } = event;
    if (code !== "F6" && !(ctrlKey && altKey) && !metaKey) return;
    event.preventDefault();
    const isThirdLevel = event.getModifierState("AltGraph");
    port.then((it) => it.postMessage({ press: { code, ctrlKey, altKey, metaKey, shiftKey, isThirdLevel } }));
  }, true);
  Object.defineProperty(globalThis, "stratos", { value: Object.freeze(Object.assign(stratos)) });
})();`;

/**
 * A frame within the page would bring a world of its own, with WebRTC again: pages with frames are none, and Trusted
 * Types keep scripts from making one out of text.
 */
const FRAMES = /<\/?(?:[\w-]+:)?(?:i?frame|frameset|fencedframe|object|embed|portal)\b|srcdoc/i;

/**
 * Nothing is loaded, sent or framed; forms, windows and the page above are out of reach. What the page has of scripts
 * and pictures stands in itself.
 */
export const SANDBOX_POLICY =
  "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; " +
  "img-src data: blob:; font-src data:; media-src data: blob:; form-action 'none'; base-uri 'none'; " +
  "frame-ancestors 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

/** @returns null: it has frames */
export function withPrelude(page: string): string | null {
  if (FRAMES.test(page)) return null;
  const doctype = /^\s*<!doctype[^>]*>/i.exec(page)?.[0] ?? "";
  return `${doctype}<script>${PRELUDE}</script>${page.slice(doctype.length)}`;
}
