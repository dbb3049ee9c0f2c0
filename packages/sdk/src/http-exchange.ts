/** One request and its answer by HTTP/1.1 (RFC 9112) over a connection that is used for nothing else. */
import { concatBytes, utf8Of } from "@stratos/base";
import { StratosError } from "./api.ts";
import type { RemoteConnection } from "./remote-program.ts";

/** Of all that comes before the content, interim answers included; and of a chunk's size line with its extensions. */
const HEAD_BYTES_MAX = 65_536;
/** Fields that say how this connection is used. */
const OWN_FIELDS = new Set(["connection", "host", "content-length", "transfer-encoding", "expect", "upgrade"]);
/** These never have a body (RFC 9112 §6.3); `Response` refuses one. */
const WITHOUT_BODY = new Set([204, 205, 304]);

/** @throws StratosError of kind port; the reason of the request's signal; whatever the connection failed with */
export async function exchange(
  connection: RemoteConnection,
  { port, request }: { readonly port: number; readonly request: Request },
): Promise<Response> {
  const failed = connection.ended.then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  const reader = new ByteReader(connection.output[Symbol.asyncIterator](), port);
  try {
    // A server may refuse what it has not read.
    const sendingFailed = send(connection, request, port).then(() => new Promise<never>(() => {}));
    const head = await Promise.race([readHead(reader, port), failed, sendingFailed]);
    const { status, statusText, headers } = head;
    const isEmpty = request.method === "HEAD" || WITHOUT_BODY.has(status);
    if (isEmpty) connection.close();
    return new Response(isEmpty ? null : bodyOf(reader, headers, connection), { status, statusText, headers });
  } catch (error) {
    connection.close();
    // A refusal says more than the end of its stream.
    throw await Promise.race([connection.ended.then(() => error), connection.ended.catch((why: unknown) => why)]);
  }
}

async function send({ input }: RemoteConnection, request: Request, port: number): Promise<void> {
  const { pathname, search } = new URL(request.url);
  const body = request.body === null ? null : new Uint8Array(await request.arrayBuffer());
  const lines = [`${request.method} ${pathname}${search} HTTP/1.1`, `Host: localhost:${port}`, "Connection: close"];
  if (body !== null) lines.push(`Content-Length: ${body.length}`);
  request.headers.forEach((value, name) => {
    if (!OWN_FIELDS.has(name)) lines.push(`${name}: ${value}`);
  });
  await input.write(utf8Of(`${lines.join("\r\n")}\r\n\r\n`));
  if (body !== null && body.length > 0) await input.write(body);
}

interface Head {
  readonly status: number;
  readonly statusText: string;
  readonly headers: Headers;
}

async function readHead(reader: ByteReader, port: number): Promise<Head> {
  let left = HEAD_BYTES_MAX;
  const nextLine = async (): Promise<string> => {
    const line = await reader.line(left);
    left -= line.length + 1;
    return line;
  };
  for (;;) {
    const line = await nextLine();
    const [, digits, statusText = ""] = /^HTTP\/1\.[01] (\d{3})(?: (.*))?$/.exec(line) ?? [];
    if (digits === undefined)
      throw broken(port, "EPROTO", `not an answer in HTTP: ${JSON.stringify(line.slice(0, 80))}`);
    const headers = new Headers();
    for (let field = await nextLine(); field !== ""; field = await nextLine()) {
      const colon = field.indexOf(":");
      if (colon <= 0) throw broken(port, "EPROTO", "a field without a name");
      headers.append(field.slice(0, colon), field.slice(colon + 1).trim());
    }
    const status = Number(digits);
    // 100 (Continue) and its like come before the answer.
    if (status >= 200) return { status, statusText, headers };
    if (status === 101) throw broken(port, "EPROTO", "a switch of protocols that nobody asked for");
  }
}

/** The content as it comes; the program waits for its reader. */
function bodyOf(reader: ByteReader, headers: Headers, connection: RemoteConnection): ReadableStream<Uint8Array> {
  const pieces = piecesOf(reader, headers);
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = await pieces.next();
        if (done !== true) return controller.enqueue(value);
        controller.close();
      } catch (error) {
        controller.error(error);
      }
      connection.close();
    },
    cancel() {
      connection.close();
    },
  });
}

/** RFC 9112 §6.3: chunks, a length, or all until the end. */
async function* piecesOf(reader: ByteReader, headers: Headers): AsyncGenerator<Uint8Array, void> {
  if (/(^|,)\s*chunked\s*$/i.test(headers.get("transfer-encoding") ?? "")) {
    for (;;) {
      const size = Number.parseInt(await reader.line(), 16);
      if (!(size >= 0)) throw reader.broken("EPROTO", "a chunk without a size");
      if (size === 0) return;
      yield* reader.pieces(size);
      await reader.line();
    }
  }
  const length = headers.get("content-length");
  if (length === null) yield* reader.pieces(null);
  else if (/^\d+$/.test(length)) yield* reader.pieces(Number(length));
  else throw reader.broken("EPROTO", "a length that is no number");
}

class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #port: number;
  #held: Uint8Array = new Uint8Array(0);

  constructor(source: AsyncIterator<Uint8Array>, port: number) {
    this.#source = source;
    this.#port = port;
  }

  broken(code: string, why: string): StratosError {
    return broken(this.#port, code, why);
  }

  /** @returns whether there was more */
  async #more(): Promise<boolean> {
    const { value, done } = await this.#source.next();
    if (done === true) return false;
    this.#held = this.#held.length === 0 ? value : concatBytes([this.#held, value]);
    return true;
  }

  /** Without its end. @param bytesMax  of it */
  async line(bytesMax = HEAD_BYTES_MAX): Promise<string> {
    for (;;) {
      const at = this.#held.subarray(0, Math.max(0, bytesMax) + 1).indexOf(0x0a);
      if (at >= 0) {
        const line = new TextDecoder("latin1").decode(this.#held.subarray(0, at)).replace(/\r$/, "");
        this.#held = this.#held.subarray(at + 1);
        return line;
      }
      if (this.#held.length > bytesMax) throw this.broken("EPROTO", "an answer whose head does not end");
      if (!(await this.#more())) throw this.broken("ECONNRESET", "the connection ended within the answer");
    }
  }

  /** @param count  null: all until the end */
  async *pieces(count: number | null): AsyncGenerator<Uint8Array, void> {
    let left = count ?? Infinity;
    while (left > 0) {
      if (this.#held.length === 0 && !(await this.#more())) {
        if (count === null) return;
        throw this.broken("ECONNRESET", "the connection ended within the content");
      }
      const piece = this.#held.subarray(0, left);
      this.#held = this.#held.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
}

function broken(port: number, code: string, why: string): StratosError<"port"> {
  return new StratosError("port", `port ${port} of the sandbox: ${why}`, { port, code });
}
