/**
 * Fetches over HTTP and HTTPS with kept connections, and `file:` URLs. Proxies are those that the caller knows, else
 * those of the environment (`http_proxy`, `https_proxy`, `no_proxy`, as curl reads them). Retries are the caller's.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type * as http from "node:http";
import type * as https from "node:https";
import { fileURLToPath } from "node:url";
import { FetchError, type Fetcher, type FetchResponse, type ProxyOf } from "@stratos/pkg";
import { describeFailure } from "@stratos/host-node/files";

const REDIRECTS_MAX = 8;
/** A transfer that brings nothing for so long has failed. */
const IDLE_TIMEOUT_MS = 30_000;
/** So is one that has waited for so many of those times, and not brought so much meanwhile: it would never end. */
const SLOW_TIMES = 4;
const SLOW_BYTES = 4096;
const USER_AGENT = "stratos";

/**
 * Asked for by an import, the module would load all that it could offer, fetch and its kin too: as long as Node takes
 * to start.
 */
const modules = (): { http: typeof http; https: typeof https } => ({
  http: process.getBuiltinModule("node:http"),
  https: process.getBuiltinModule("node:https"),
});

export class HttpFetcher implements Fetcher {
  readonly #environment: NodeJS.ProcessEnv;
  readonly #idleTimeoutMs: number;
  readonly #proxyOf: ProxyOf;
  /** By the environment's proxies (""), and by each that `proxyOf` has named. */
  readonly #agents = new Map<string, { http: http.Agent; https: https.Agent }>();

  /**
   * @param environment  where proxies are looked up
   * @param proxyOf  comes before it
   */
  constructor(
    environment: NodeJS.ProcessEnv = process.env,
    idleTimeoutMs = IDLE_TIMEOUT_MS,
    proxyOf: ProxyOf = () => undefined,
  ) {
    this.#environment = environment;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#proxyOf = proxyOf;
  }

  async open(url: string, options: { offset: number }): Promise<FetchResponse> {
    let place = parseUrl(url);
    if (place.protocol === "file:") return openFile(place, options.offset);
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      const response = await this.#request(place, options.offset);
      const status = response.statusCode ?? 0;
      if (status >= 300 && status < 400 && response.headers.location !== undefined) {
        response.resume();
        const target = parseUrl(response.headers.location, place);
        // What was asked for over TLS is not taken from elsewhere in the clear.
        if (place.protocol === "https:" && target.protocol !== "https:")
          throw new FetchError(`${url}: redirects from HTTPS to ${target.protocol}`, { isPermanent: true });
        place = target;
        continue;
      }
      if (status === 200 || status === 206) return describe(url, response, status, this.#idleTimeoutMs * SLOW_TIMES);
      response.resume();
      const isPermanent = status >= 400 && status < 500 && status !== 408 && status !== 416 && status !== 429;
      throw new FetchError(`${url}: ${status} ${response.statusMessage ?? ""}`.trimEnd(), { isPermanent });
    }
    throw new FetchError(`${url}: redirects more than ${REDIRECTS_MAX} times`, { isPermanent: true });
  }

  /** Closes kept connections, so that the process can end. */
  close(): void {
    for (const { http, https } of this.#agents.values()) {
      http.destroy();
      https.destroy();
    }
  }

  /** @throws FetchError  the proxy is none that can be spoken with */
  #environmentFor(place: URL): NodeJS.ProcessEnv {
    const proxy = this.#proxyOf(place);
    if (proxy === undefined) return this.#environment;
    if (proxy === null) return {};
    if (!/^https?:$/.test(URL.parse(proxy)?.protocol ?? ""))
      throw new FetchError(`${OF_APT} "${proxy}": only proxies of http:// and https:// can be asked`, {
        isPermanent: true,
      });
    const { no_proxy = this.#environment["NO_PROXY"] } = this.#environment;
    return { [OF_APT]: proxy, http_proxy: proxy, https_proxy: proxy, ...(no_proxy === undefined ? {} : { no_proxy }) };
  }

  #agentsFor(environment: NodeJS.ProcessEnv): { http: http.Agent; https: https.Agent } {
    const key = environment === this.#environment ? "" : (environment[OF_APT] ?? "DIRECT");
    const kept = this.#agents.get(key);
    if (kept !== undefined) return kept;
    const { http, https } = modules();
    const options = { keepAlive: true, maxSockets: 8, proxyEnv: environment };
    const made = { http: new http.Agent(options), https: new https.Agent(options) };
    this.#agents.set(key, made);
    return made;
  }

  #request(place: URL, offset: number): Promise<http.IncomingMessage> {
    if (place.protocol !== "http:" && place.protocol !== "https:")
      throw new FetchError(`${place.href}: cannot fetch over ${place.protocol}`, { isPermanent: true });
    const headers: http.OutgoingHttpHeaders = { "user-agent": USER_AGENT, accept: "*/*" };
    if (offset > 0) headers["range"] = `bytes=${offset}-`;
    const { http, https } = modules();
    const environment = this.#environmentFor(place);
    const agents = this.#agentsFor(environment);
    return new Promise((resolve, reject) => {
      const isSecure = place.protocol === "https:";
      const request = (isSecure ? https : http).request(place, {
        agent: isSecure ? agents.https : agents.http,
        headers,
        timeout: this.#idleTimeoutMs,
      });
      // An answer whose head comes byte by byte is never idle.
      const slowMs = this.#idleTimeoutMs * SLOW_TIMES;
      const tooSlow = setTimeout(() => request.destroy(new Error(`no answer in ${slowMs / 1000} s`)), slowMs);
      request.on("close", () => clearTimeout(tooSlow));
      request.on("response", (response) => {
        clearTimeout(tooSlow);
        resolve(response);
      });
      request.on("timeout", () => request.destroy(new Error(`nothing came for ${this.#idleTimeoutMs / 1000} s`)));
      request.on("error", (cause) =>
        reject(new FetchError(`${place.href}: ${describeFailure(cause, environment)}`, { isPermanent: false, cause })),
      );
      request.end();
    });
  }
}

/** Where the proxies of apt.conf stand among those of the environment. */
const OF_APT = "Acquire::http::Proxy";

function parseUrl(url: string, base?: URL): URL {
  try {
    return new URL(url, base);
  } catch (cause) {
    throw new FetchError(`not a URL: ${url}`, { isPermanent: true, cause });
  }
}

function describe(url: string, response: http.IncomingMessage, status: number, slowMs: number): FetchResponse {
  const length = response.headers["content-length"];
  const body = bodyOf(url, response, slowMs);
  if (status === 200) return { offset: 0, sizeBytes: length === undefined ? undefined : Number(length), body };
  const range = /^bytes ([0-9]+)-[0-9]+\/([0-9]+|\*)$/.exec(response.headers["content-range"] ?? "");
  if (range === null) {
    response.destroy();
    throw new FetchError(`${url}: a partial answer that does not say which part it is`, { isPermanent: false });
  }
  return {
    offset: Number(range[1]),
    sizeBytes: range[2] === "*" ? undefined : Number(range[2]),
    body,
  };
}

/** @param slowMs  waiting so long in all for {@link SLOW_BYTES} is too long */
async function* bodyOf(
  url: string,
  stream: AsyncIterable<Uint8Array>,
  slowMs = Number.POSITIVE_INFINITY,
): AsyncGenerator<Uint8Array> {
  let waitedMs = 0,
    came = 0,
    asked = performance.now();
  try {
    for await (const bytes of stream) {
      // What the caller does with the bytes is not the server's time.
      waitedMs += performance.now() - asked;
      came += bytes.length;
      if (came >= SLOW_BYTES) waitedMs = came = 0;
      else if (waitedMs > slowMs) throw new Error(`only ${came} bytes came in ${Math.round(waitedMs / 1000)} s`);
      yield bytes;
      asked = performance.now();
    }
  } catch (cause) {
    throw new FetchError(`${url}: ${describeFailure(cause)}`, { isPermanent: false, cause });
  }
}

async function openFile(place: URL, offset: number): Promise<FetchResponse> {
  const path = fileURLToPath(place);
  try {
    const { size } = await stat(path);
    return {
      offset: Math.min(offset, size),
      sizeBytes: size,
      body: bodyOf(place.href, createReadStream(path, { start: Math.min(offset, size) })),
    };
  } catch (cause) {
    throw new FetchError(`${place.href}: ${describeFailure(cause)}`, { isPermanent: true, cause });
  }
}
