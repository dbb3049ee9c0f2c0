/**
 * Requests of a program to one host, read and written anew by Node's own HTTP/1.1, with what the secrets say changed.
 * What a program sends that is no HTTP is answered 400, and a host that cannot be proved 502, with why.
 */
import {
  Agent,
  type ClientRequest,
  createServer,
  type IncomingMessage,
  request as beginRequest,
  type Server,
  ServerResponse,
} from "node:http";
import { type Duplex, pipeline, Transform, type TransformCallback } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { HttpSecrets } from "@stratos/sdk";

/** What servers take of a head, and a little more. */
const HEAD_BYTES_MAX = 1 << 16;
/** RFC 9110 §8.6: what has content by its meaning says that it has none. */
const CONTENT_METHODS = new Set(["POST", "PUT", "PATCH"]);
const OVER = "the host has ended the connection";

/** To one host. */
export class HostWay {
  readonly host: TLSSocket;
  readonly secrets: HttpSecrets;
  /** Once there is room for more of what the program is to read. */
  readonly whenRoom: (act: () => void) => void;
  readonly agent: Agent;
  /** Why there is none. */
  why: string | null = null;
  /** Requests that are not answered whole. */
  open = 0;
  /** The program is told that there will be no more. */
  leave: () => void = () => {};

  /** @param host  TLS with it, whose handshake may go on */
  constructor({ host, secrets, whenRoom }: Pick<HostWay, "host" | "secrets" | "whenRoom">) {
    this.host = host;
    this.secrets = secrets;
    this.whenRoom = whenRoom;
    this.agent = new Agent({ keepAlive: true, maxSockets: 1 });
    // One connection is one: after its end the program makes another, as it would without anybody between.
    let isUsed = false;
    this.agent.createConnection = (_, done) => {
      if (isUsed) {
        done?.(new Error(this.why ?? OVER), host);
        return undefined;
      }
      isUsed = true;
      return host;
    };
    // What Node advises behind a semicolon is for who starts Node.
    host.on("error", ({ message }) => (this.why ??= message.replace(/;.*/s, "")));
    let isProven = false;
    host.on("secureConnect", () => (isProven = true));
    host.on("close", () => {
      this.why ??= OVER;
      // What it was asked may still be on its way. Of a host that was none the program hears when it asks.
      if (isProven) setImmediate(() => this.leave());
    });
  }
}

export class HttpRelay {
  readonly #server: Server;
  readonly #ways = new WeakMap<Duplex, HostWay>();

  constructor() {
    const server = createServer({
      ...{ maxHeaderSize: HEAD_BYTES_MAX, keepAliveTimeout: 0, requestTimeout: 0 },
      // What has content is answered as any other request, whatever it would become.
      shouldUpgradeCallback: isWithoutContent,
    });
    // A program that has said all may still read.
    (server as Server & { httpAllowHalfOpen: boolean }).httpAllowHalfOpen = true;
    server.on("request", (request, response) => this.#pass(request, response));
    server.on("checkContinue", (request, response) => this.#pass(request, response));
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    this.#server = server;
  }

  /** @param program  TLS with it, whose handshake may go on */
  serve(program: TLSSocket, way: HostWay): void {
    way.leave = (): void => void (way.open === 0 && !program.destroyed && program.end());
    program.on("close", () => {
      way.agent.destroy();
      way.host.destroy();
    });
    this.#ways.set(program, way);
    this.#server.emit("connection", program);
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const way = this.#ways.get(request.socket);
    if (way === undefined) return;
    const outgoing = begin(way, request, response);
    if (outgoing === null) return;
    outgoing.on("continue", () => response.writeContinue());
    request.pipe(outgoing);
  }

  /** What both say after the upgrade is passed on as it is, but for secrets that the host repeats in one piece. */
  #upgrade(request: IncomingMessage, program: Duplex, head: Buffer): void {
    const way = this.#ways.get(program);
    if (way === undefined) return;
    const response = new ServerResponse(request);
    response.assignSocket(program as TLSSocket);
    response.on("finish", () => program.end());
    const outgoing = begin(way, request, response);
    if (outgoing === null) return;
    outgoing.on("upgrade", (incoming: IncomingMessage, host: Duplex, first: Buffer) => {
      response.detachSocket(program as TLSSocket);
      const { statusCode, statusMessage } = incoming;
      const fields = returnedHeaders(incoming.rawHeaders, way.secrets);
      const lines = [`HTTP/1.1 ${statusCode} ${statusMessage}`];
      for (let at = 0; at < fields.length; at += 2) lines.push(`${fields[at]}: ${fields[at + 1]}`);
      program.write(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
      host.write(head);
      const transform = (bytes: Buffer, _: string, done: TransformCallback): void =>
        way.whenRoom(() => done(null, way.secrets.returningBody().last(bytes)));
      const returning = new Transform({ transform });
      returning.write(first);
      for (const one of [host, program]) {
        const other = one === host ? program : host;
        one.on("error", () => {});
        one.on("close", () => other.destroy());
      }
      host.pipe(returning).pipe(program);
      program.pipe(host);
    });
    outgoing.end();
  }
}

/** @returns null: it was answered */
function begin(way: HostWay, request: IncomingMessage, response: ServerResponse): ClientRequest | null {
  response.sendDate = false;
  way.open++;
  response.on("close", () => {
    way.open--;
    if (way.host.destroyed) way.leave();
  });
  const refuse = (why: string): void => refused(response, `https://${request.headers.host}: ${why}`);
  if (way.why !== null) {
    refuse(way.why);
    return null;
  }
  const { method = "GET", rawHeaders, url = "/" } = request;
  const { target, headers } = way.secrets.request({ target: url, headers: rawHeaders });
  const hasNone = CONTENT_METHODS.has(method) && isWithoutContent(request);
  let outgoing: ClientRequest;
  try {
    outgoing = beginRequest({
      ...{ agent: way.agent, method, path: target, setHost: false, setDefaultHeaders: false },
      maxHeaderSize: HEAD_BYTES_MAX,
      headers: hasNone ? [...headers, "Content-Length", "0"] : headers,
    });
  } catch (error) {
    // A secret that no header can have.
    refuse((error as Error).message);
    return null;
  }
  outgoing.on("error", ({ message }) => refuse(way.why ?? message));
  outgoing.on("response", (incoming) => answer(incoming, response, way));
  response.on("close", () => outgoing.destroy());
  return outgoing;
}

function isWithoutContent({ headers }: IncomingMessage): boolean {
  return headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
}

function answer(incoming: IncomingMessage, response: ServerResponse, { secrets, whenRoom }: HostWay): void {
  const { statusCode = 0, statusMessage, rawHeaders } = incoming;
  response.writeHead(statusCode, statusMessage, returnedHeaders(rawHeaders, secrets));
  // An event may be the first thing that it says, much later.
  response.flushHeaders();
  const body = secrets.returningBody();
  const returning = new Transform({
    transform: (bytes: Buffer, _, done) => whenRoom(() => done(null, body.next(bytes))),
    flush: (done) => {
      const trailers = returnedHeaders(incoming.rawTrailers, secrets);
      const pairs = trailers.flatMap((name, at): [string, string][] =>
        at % 2 === 0 ? [[name, trailers[at + 1]!]] : [],
      );
      if (pairs.length > 0) response.addTrailers(pairs);
      done(null, body.last());
    },
  });
  pipeline(incoming, returning, response, (error) => {
    if (error != null) response.socket?.destroy();
  });
}

function returnedHeaders(headers: readonly string[], secrets: HttpSecrets): string[] {
  return headers.map((text, at) => (at % 2 === 0 ? text : secrets.returned(text)));
}

/** Of what began without it the rest is not to be told from the whole: the connection ends. */
function refused(response: ServerResponse, why: string): void {
  if (response.headersSent) {
    response.socket?.destroy();
    return;
  }
  const text = `Stratos: ${why}\n`;
  const length = { "Content-Length": Buffer.byteLength(text) };
  response.writeHead(502, { ...length, "Content-Type": "text/plain; charset=utf-8", "Connection": "close" });
  response.end(text);
}
