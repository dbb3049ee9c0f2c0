/** Requests to a service of ours: at an address by HTTP or TLS, or at a Unix socket. */
import { readFileSync } from "node:fs";
import { request as requestHttp, type IncomingMessage } from "node:http";
import { request as requestTls } from "node:https";
import type { Ask } from "@stratos/panels/action";
import { OperationError } from "@stratos/operation";

export interface ServicePlace {
  /** `http://…`, `https://…`, or `unix:PATH`. */
  readonly address: string;
  /** Null: it asks for none. */
  readonly token: string | null;
}

interface ServiceClient {
  readonly ask: Ask;
  /** @throws as ask */
  readonly content: (path: string) => Promise<Uint8Array>;
}

/** Of one answer; a log or a file that is longer is not for a terminal. */
const ANSWER_MAX = 64 << 20;
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there",
  ENOENT: "there is no such socket",
  ENOTFOUND: "the host is unknown",
  EACCES: "permission denied",
};

/** @throws OperationError for what is no address of a service */
export function parsePlace(address: string, tokenFile: string | undefined): ServicePlace {
  if (!/^unix:./.test(address)) {
    const url = URL.parse(address);
    if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === "")
      throw new OperationError("option", "--url", `${address}: http://…, https://… or unix:PATH is expected`);
  }
  if (tokenFile === undefined) return { address, token: null };
  try {
    return { address, token: readFileSync(tokenFile, "utf8").trim() };
  } catch (error) {
    throw new OperationError("option", "--token-file", `${tokenFile}: ${(error as Error).message}`, { cause: error });
  }
}

/** @param root  of the service: `/v1` */
export function serviceClient({ address, token }: ServicePlace, root: string): ServiceClient {
  const send = async (method: string, path: string, body: object | undefined): Promise<Buffer> => {
    const text = body === undefined ? null : JSON.stringify(body);
    const response = await begin({ address, token, method, path: root + path, text }).catch((error: unknown) => {
      const { code = "", message } = error as NodeJS.ErrnoException;
      throw new Error(`${address}: ${REASONS[code] ?? message}`, { cause: error });
    });
    const bytes = await read(response);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return bytes;
    throw new Error(problemOf(bytes) ?? `${address}: the answer has status ${status}`);
  };
  return {
    ask: async <T>(method: "GET" | "PUT" | "POST" | "DELETE", path: string, body?: object) =>
      parse<T>(await send(method, path, body), address),
    content: (path) => send("GET", path, undefined),
  };
}

function parse<T>(bytes: Buffer, address: string): T {
  try {
    return JSON.parse(bytes.toString("utf8")) as T;
  } catch (error) {
    throw new Error(`${address}: this is no service of Stratos`, { cause: error });
  }
}

interface Request {
  readonly address: string;
  readonly token: string | null;
  readonly method: string;
  readonly path: string;
  readonly text: string | null;
}

function begin({ address, token, method, path, text }: Request): Promise<IncomingMessage> {
  const headers = {
    ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    ...(text === null ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
  };
  return new Promise((resolve, reject) => {
    const socket = /^unix:(.+)$/.exec(address)?.[1];
    const sent =
      socket !== undefined
        ? requestHttp({ socketPath: socket, path, method, headers: { ...headers, host: "localhost" } }, resolve)
        : (address.startsWith("https:") ? requestTls : requestHttp)(
            new URL(path, address),
            { method, headers },
            resolve,
          );
    sent.once("error", reject);
    sent.end(text ?? undefined);
  });
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > ANSWER_MAX) {
      response.destroy();
      throw new Error("the answer is too long");
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** RFC 9457. */
function problemOf(bytes: Buffer): string | null {
  try {
    const { detail } = JSON.parse(bytes.toString("utf8")) as { readonly detail?: unknown };
    return typeof detail === "string" ? detail : null;
  } catch {
    return null;
  }
}
