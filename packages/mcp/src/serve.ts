/** The tools over standard streams, for a client that starts the server, or over HTTP on this computer's loopback. */
import { createHash, timingSafeEqual } from "node:crypto";
import { once } from "node:events";
import {
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  localhostAllowedOrigins,
  McpServer,
  originValidationResponse,
  ResourceTemplate,
} from "@modelcontextprotocol/server";
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { SandboxOptions } from "@stratos/sdk/api";
import { listenAt } from "@stratos/volumes/serve";
import { Boxes } from "./boxes.ts";
import { addTools } from "./tools.ts";

export interface McpOptions {
  readonly version: string;
  /** Of each sandbox, unless a tool says otherwise. */
  readonly sandbox: SandboxOptions;
  /** Sandboxes at once. */
  readonly most: number;
}

const INSTRUCTIONS =
  "Sandboxes are Linux systems of their own (Debian, riscv64; root inside), without a network unless the server has " +
  "one. Make one with create, and name it in each call. checkpoint before what may go wrong, rollback after it; " +
  "fork to try several ways. Commands that take long go on as processes. Long output is cut in the middle: the whole " +
  "is in a file that the answer names.";

/** Until the client closes its side, or a signal comes. Sandboxes end with it. */
export async function serveOverStdio(options: McpOptions): Promise<void> {
  const boxes = new Boxes(options.sandbox, options.most);
  const onerror = (error: Error): void => void process.stderr.write(`stratos: mcp: ${error.message}\n`);
  const handle = serveStdio(() => buildServer(boxes, options.version), { onerror });
  await Promise.race([once(process.stdin, "close"), once(process.stdin, "end"), stopSignal()]);
  await handle.close();
  await boxes.close();
}

/**
 * Until a signal comes.
 *
 * @param token  that each request must carry (Authorization: Bearer …)
 * @param onReady  told the address
 */
export async function serveOverHttp(
  options: McpOptions & { readonly host: string; readonly port: number; readonly token: string },
  onReady: (address: string) => void,
): Promise<void> {
  const boxes = new Boxes(options.sandbox, options.most);
  const handler = createMcpHandler(() => buildServer(boxes, options.version));
  const own = options.host.includes(":") ? `[${options.host}]` : options.host;
  const listener = await listenAt({ host: options.host, port: options.port }, (request) => {
    const { pathname } = new URL(request.url);
    return (
      // Pages of a browser must not reach it by a name that leads here (DNS rebinding).
      hostHeaderValidationResponse(request, [...localhostAllowedHostnames(), own]) ??
      originValidationResponse(request, [...localhostAllowedOrigins(), own]) ??
      (pathname === "/mcp" ? null : new Response("not found\n", { status: 404 })) ??
      (isAuthorized(request, options.token) ? null : unauthorized()) ??
      handler.fetch(request)
    );
  });
  onReady(`${listener.address}mcp`);
  await stopSignal();
  await handler.close();
  await listener.close();
  await boxes.close();
}

function buildServer(boxes: Boxes, version: string): McpServer {
  const server = new McpServer({ name: "stratos", version }, { instructions: INSTRUCTIONS });
  addTools(server, boxes);
  server.registerResource(
    "file",
    new ResourceTemplate("stratos://{sandbox}/{+path}", { list: undefined }),
    { description: "A file of a sandbox", mimeType: "text/plain" },
    async (uri) => {
      const bytes = await boxes.get(uri.hostname).read(decodeURIComponent(uri.pathname));
      return { contents: [{ uri: uri.href, mimeType: "text/plain", text: new TextDecoder().decode(bytes) }] };
    },
  );
  return server;
}

function isAuthorized(request: Request, token: string): boolean {
  const given = /^Bearer (.+)$/i.exec(request.headers.get("authorization") ?? "")?.[1] ?? "";
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}

function unauthorized(): Response {
  const headers = { "WWW-Authenticate": "Bearer" };
  return new Response("the token is missing, or another\n", { status: 401, headers });
}

async function stopSignal(): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve());
  });
}
