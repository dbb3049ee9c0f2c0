/**
 * Talks to one repository of a registry: signs in when challenged, follows redirects, turns failures into words.
 * Source: RFC 9110 §11 (challenges), RFC 6750 (bearer tokens), Docker Registry "Token Authentication Specification",
 * OCI Distribution Specification 1.1, "Error Codes".
 */
import { byteString, byteStringToUtf8, toBase64, utf8Of } from "@stratos/base";
import type { HttpRequest, HttpResponse, HttpTransport, RegistryCredentials } from "./registry-ports.ts";

/** The registry refused, or said something that makes no sense. */
export class RegistryError extends Error {
  override name = "RegistryError";
  readonly status: number;

  constructor(message: string, status = 0) {
    super(message);
    this.status = status;
  }
}

interface SessionOptions {
  /** `https://host` */
  readonly origin: string;
  readonly repository: string;
  readonly access: "pull" | "pull,push";
  readonly transport: HttpTransport;
  readonly credentials: RegistryCredentials | undefined;
  /** a further repository that is read from */
  readonly mountFrom?: string | undefined;
}

const REDIRECTS_MAX = 8;
/** What a registry says in manifests, tokens and errors fits easily; more is not read. */
const TEXT_BYTES_MAX = 4 << 20;

export class RegistrySession {
  readonly #options: SessionOptions;
  #authorization: string | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  /** @param path  below the origin, or a whole URL that the registry gave */
  async request(
    request: Omit<HttpRequest, "url" | "headers"> & { path: string; headers?: Readonly<Record<string, string>> },
  ): Promise<HttpResponse> {
    const url = new URL(request.path, this.#options.origin);
    let response = await this.#send(url, request);
    if (response.status === 401) {
      await drain(response);
      this.#authorization = await this.#answer(response.headers["www-authenticate"]);
      response = await this.#send(url, request);
      // An answer to HEAD has no words of its own.
      if (response.status === 401) {
        await drain(response);
        throw this.#notSignedIn(url.host);
      }
    }
    return response;
  }

  #notSignedIn(host: string): RegistryError {
    const { credentials } = this.#options;
    return new RegistryError(
      `${host}: ` +
        `${
          credentials === undefined
            ? "wants a user's name and password"
            : `does not take this name and password (${credentials.username})`
        }`,
      401,
    );
  }

  async #send(
    start: URL,
    request: Omit<HttpRequest, "url" | "headers"> & { headers?: Readonly<Record<string, string>> },
  ): Promise<HttpResponse> {
    let url = start;
    for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects++) {
      // Storage behind a registry is another host, which must not see the registry's token.
      const isOwn = url.host === new URL(this.#options.origin).host;
      const headers = {
        ...request.headers,
        ...(isOwn && this.#authorization !== undefined ? { authorization: this.#authorization } : {}),
      };
      const response = await this.#transport({
        method: request.method,
        url: url.href,
        headers,
        ...(request.body === undefined ? {} : { body: request.body }),
      });
      const location = response.headers["location"];
      if (![301, 302, 303, 307, 308].includes(response.status) || location === undefined) return response;
      await drain(response);
      const next = new URL(location, url);
      if (url.protocol === "https:" && next.protocol !== "https:")
        throw new RegistryError(`${url.host}: redirects from HTTPS to ${next.protocol}`);
      url = next;
    }
    throw new RegistryError(`${start.host}: redirects more than ${REDIRECTS_MAX} times`);
  }

  /**
   * A kept connection that the server has closed meanwhile looks like a failure: what may be asked twice is (RFC 9110
   * §9.2.2).
   */
  async #transport(request: HttpRequest): Promise<HttpResponse> {
    try {
      return await this.#options.transport(request);
    } catch (error) {
      if (request.method !== "GET" && request.method !== "HEAD") throw error;
      return this.#options.transport(request);
    }
  }

  async #answer(challenge: string | undefined): Promise<string> {
    const { origin, repository, access, credentials } = this.#options;
    const host = new URL(origin).host;
    const basic =
      credentials === undefined
        ? undefined
        : `Basic ${toBase64(utf8Of(`${credentials.username}:${credentials.password}`))}`;
    const scheme = /^\s*([A-Za-z]+)/.exec(challenge ?? "")?.[1]?.toLowerCase();
    if (scheme === "basic") {
      if (basic === undefined) throw this.#notSignedIn(host);
      return basic;
    }
    if (scheme !== "bearer")
      throw new RegistryError(`${host}: asks to sign in by a way that is not known (${challenge ?? "none"})`, 401);
    const parameters = new Map([...challenge!.matchAll(/([a-z]+)="([^"]*)"/g)].map((match) => [match[1]!, match[2]!]));
    const realm = parameters.get("realm");
    if (realm === undefined) throw new RegistryError(`${host}: asks to sign in, but does not say where`, 401);
    const url = new URL(realm, origin);
    if (new URL(origin).protocol === "https:" && url.protocol !== "https:")
      throw new RegistryError(`${host}: asks to sign in over ${url.protocol}`, 401);
    const service = parameters.get("service");
    if (service !== undefined) url.searchParams.set("service", service);
    url.searchParams.set("scope", parameters.get("scope") ?? `repository:${repository}:${access}`);
    if (this.#options.mountFrom !== undefined)
      url.searchParams.append("scope", `repository:${this.#options.mountFrom}:pull`);
    const response = await this.#options.transport({
      method: "GET",
      url: url.href,
      headers: basic === undefined ? {} : { authorization: basic },
    });
    if (response.status === 401) {
      await drain(response);
      throw this.#notSignedIn(url.host);
    }
    if (response.status !== 200)
      throw new RegistryError(`${url.host}: gives no token: ${await reasonOf(response)}`, response.status);
    const token = tokenIn(await textOf(response));
    if (token === undefined) throw new RegistryError(`${url.host}: answers without a token`);
    return `Bearer ${token}`;
  }
}

/** `token` as Docker has it, or `access_token` as OAuth 2.0 has; a control character would break a header. */
function tokenIn(text: string): string | undefined {
  try {
    const { token, access_token: accessToken } = JSON.parse(text) as { token?: unknown; access_token?: unknown };
    const found = token ?? accessToken;
    return typeof found === "string" && /^[\x20-\x7e]+$/.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

export async function bytesOf(response: HttpResponse, sizeMax = TEXT_BYTES_MAX): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body) {
    size += piece.length;
    if (size > sizeMax) throw new RegistryError(`an answer of more than ${sizeMax} bytes`);
    pieces.push(piece);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

async function textOf(response: HttpResponse): Promise<string> {
  return byteStringToUtf8(byteString(await bytesOf(response)));
}

/** Lets the connection be used again. */
export async function drain(response: HttpResponse): Promise<void> {
  for await (const _piece of response.body) {
    /* not wanted */
  }
}

/** The registry's own words, or the status. */
export async function reasonOf(response: HttpResponse): Promise<string> {
  const text = await textOf(response);
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] };
    const words = (errors ?? [])
      .map((error) => error.message || error.code)
      .filter((word) => word !== undefined && word !== "");
    if (words.length > 0) return `${words.join(", ")} (${response.status})`;
  } catch {
    // Not the specification's form: the status has to do.
  }
  return `status ${response.status}`;
}
