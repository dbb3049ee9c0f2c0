/** A page of ours, from memory. */
import type { Hono } from "hono";
import { entityTag, hasTag, PackedFiles } from "./packed-files.ts";

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
 * Gives the page at `/`, and its files by their names, packed for who takes that, and not again to who has them. It
 * loads nothing from elsewhere, and cannot be framed.
 */
export function servePage(
  app: Hono,
  page: ReadonlyMap<string, Uint8Array>,
  { pictures = "data:", frames = "'none'", hasWasm = false }: PageNeeds = {},
): void {
  const files = new PackedFiles();
  for (const [name, content] of page) {
    const tag = entityTag(content);
    app.get(name === "index.html" ? "/" : `/${name}`, async (context) => {
      const headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Vary": "Accept-Encoding",
        "Content-Type": TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream",
        "Content-Security-Policy": policy(pictures, frames, hasWasm ? "'self' 'wasm-unsafe-eval'" : "'self'"),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
      };
      if (hasTag(context.req.header("If-None-Match"), tag)) return context.body(null, 304, headers);
      const packed = await files.packed(name, tag, async () => content, context.req.header("Accept-Encoding"));
      if (packed === null) return context.body(content as Uint8Array<ArrayBuffer>, 200, headers);
      return context.body(packed as Uint8Array<ArrayBuffer>, 200, { ...headers, "Content-Encoding": "gzip" });
    });
  }
}
