/** A page of ours, from memory. */
import type { Hono } from "hono";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
};
/** Styles of elements are xterm.js's, and places of windows. */
const policy = (pictures: string, frames: string, scripts: string): string =>
  `default-src 'none'; script-src ${scripts}; style-src 'self' 'unsafe-inline'; connect-src 'self'; ` +
  `img-src ${pictures}; frame-src ${frames}; form-action 'none'; base-uri 'none'; frame-ancestors 'none'`;

interface PageNeeds {
  /** Where its pictures and frames come from (CSP's img-src, frame-src). */
  readonly pictures?: string;
  readonly frames?: string;
  /** Its scripts compile WebAssembly, as what decodes pictures in terminals. */
  readonly hasWasm?: boolean;
}

/**
 * Gives the page at `/`, and its files by their names. It loads nothing from elsewhere, and cannot be framed.
 */
export function servePage(
  app: Hono,
  page: ReadonlyMap<string, Uint8Array>,
  { pictures = "data:", frames = "'none'", hasWasm = false }: PageNeeds = {},
): void {
  for (const [name, content] of page)
    app.get(name === "index.html" ? "/" : `/${name}`, (context) =>
      context.body(content as Uint8Array<ArrayBuffer>, 200, {
        "Content-Type": TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
        "Content-Security-Policy": policy(pictures, frames, hasWasm ? "'self' 'wasm-unsafe-eval'" : "'self'"),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
      }),
    );
}
