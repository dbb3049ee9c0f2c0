/**
 * The certificate by which a worker proves which host it is: got by a token that is good once, kept in a file that its
 * owner alone may read, and renewed before its end, each time for a new key.
 */
import { readFileSync } from "node:fs";
import { replaceFile } from "@stratos/host-node/files";
import { HubClient, HubProblem, type HubClientOptions, type Problem } from "@stratos/hub-api";
import { OperationError } from "@stratos/operation";
import { createRequest } from "../certificates/certificate-authority.ts";
import type * as FetchLibrary from "./fetch-library.ts";

interface KeptIdentity {
  readonly url: string;
  readonly host: string;
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  readonly expires: string;
  readonly renewAt: string;
}

interface HostCertificate {
  readonly host: string;
  readonly certificate: string;
  readonly expires: string;
  readonly renewAfterSeconds: number;
}

interface IdentityPlace {
  /** The hub. */
  readonly url: string;
  readonly host: string;
  /** Where it is kept. */
  readonly path: string;
  /** Whom the hub's own certificate is of, PEM (default: those that Node trusts, NODE_EXTRA_CA_CERTS among them). */
  readonly authority?: string;
}

/** How often it is asked whether the next certificate is due: a laptop may have slept. */
const LOOK_MS_MAX = 60_000;
/** Node keeps a connection of its own fetch for as long. */
const KEEP_ALIVE_MS = 4_000;

export class HostIdentity {
  readonly #place: IdentityPlace;
  readonly #library: typeof FetchLibrary;
  #kept: KeptIdentity;
  #agent: FetchLibrary.Agent;

  private constructor(place: IdentityPlace, kept: KeptIdentity, library: typeof FetchLibrary) {
    this.#place = place;
    this.#kept = kept;
    this.#library = library;
    this.#agent = agentOf(library, place, kept);
  }

  /** @returns null: this host has none. @throws OperationError for one that is damaged, of another hub, or expired */
  static async open(place: IdentityPlace, nowMs: number): Promise<HostIdentity | null> {
    const kept = readKept(place.path);
    if (kept === null) return null;
    const refuse = (why: string): OperationError =>
      new OperationError(
        "hub",
        place.path,
        `${why}; \`stratos hub ca enrol ${place.host}\` gives a token for a new one`,
      );
    if (kept.url !== place.url || kept.host !== place.host)
      throw refuse(`this certificate is of host ${kept.host} at ${kept.url}`);
    if (Date.parse(kept.expires) <= nowMs) throw refuse(`this host's certificate has expired (${kept.expires})`);
    return new HostIdentity(place, kept, await import("./fetch-library.ts"));
  }

  /** @throws HubProblem when the hub refuses the token; OperationError when it is another host's; fetch's errors */
  static async enrol(place: IdentityPlace, token: string, nowMs: number): Promise<HostIdentity> {
    const library = await import("./fetch-library.ts");
    const { request, key } = await createRequest(place.host);
    const agent = agentOf(library, place, null);
    try {
      // Where hubs before this one do not look: they would refuse a body with more in it.
      const response = await library.fetch(`${place.url}/ca/enrol?host=${encodeURIComponent(place.host)}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ token, request }),
        dispatcher: agent,
      });
      if (!response.ok) throw new HubProblem((await response.json()) as Problem);
      const answer = (await response.json()) as HostCertificate;
      if (answer.host !== place.host)
        throw new OperationError("hub", place.url, `this token was for host ${answer.host}: --name ${answer.host}`);
      const kept = keptOf(place, key, answer, nowMs);
      keep(place.path, kept);
      return new HostIdentity(place, kept, library);
    } finally {
      await agent.close();
    }
  }

  /** When the present certificate ends. */
  get expires(): string {
    return this.#kept.expires;
  }

  /** For a HubClient: it shows the certificate that is the host's at that time. */
  readonly fetch: HubClientOptions["fetch"] = async (url, init) =>
    (await this.#library.fetch(url, {
      ...(init as object),
      dispatcher: this.#agent,
    })) as unknown as Response;

  client(): HubClient {
    return new HubClient({ url: this.#place.url, token: null, fetch: this.fetch });
  }

  /** Looks now and then whether the next certificate is due, until `signal`. One that was not to be had is told. */
  keepRenewed(tell: (message: string) => void, signal: AbortSignal): void {
    let isBusy = false;
    const look = async (): Promise<void> => {
      if (isBusy || Date.now() < Date.parse(this.#kept.renewAt)) return;
      isBusy = true;
      try {
        await this.renew(Date.now());
        tell(`its certificate was renewed, and is good until ${this.#kept.expires}`);
      } catch (error) {
        tell(`its certificate, good until ${this.#kept.expires}, could not be renewed: ${(error as Error).message}`);
      }
      isBusy = false;
    };
    const leftMs = Date.parse(this.#kept.expires) - Date.now();
    const timer = setInterval(() => void look(), Math.max(Math.min(leftMs / 20, LOOK_MS_MAX), 100));
    timer.unref();
    void look();
    signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  }

  /** @throws HubProblem, fetch's errors */
  async renew(nowMs: number): Promise<void> {
    const { host } = this.#place;
    const { request, key } = await createRequest(host);
    const path = `/hosts/${encodeURIComponent(host)}/certificate`;
    const answer = await this.client().call<HostCertificate>("POST", path, { request });
    const kept = keptOf(this.#place, key, answer, nowMs);
    keep(this.#place.path, kept);
    const before = this.#agent;
    this.#kept = kept;
    this.#agent = agentOf(this.#library, this.#place, kept);
    // Requests that are under way, such as a claim that waits, end by themselves.
    void before.close();
  }

  async close(): Promise<void> {
    await this.#agent.close();
  }
}

function agentOf(
  library: typeof FetchLibrary,
  { authority }: IdentityPlace,
  kept: KeptIdentity | null,
): FetchLibrary.Agent {
  return new library.Agent({
    // As without a certificate: what takes how long is the caller's to say.
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connect: {
      ...(kept === null ? {} : { key: kept.key, cert: kept.certificate }),
      ...(authority === undefined ? {} : { ca: authority }),
    },
  });
}

function keptOf(
  { url, host }: IdentityPlace,
  key: string,
  { certificate, expires, renewAfterSeconds }: HostCertificate,
  nowMs: number,
): KeptIdentity {
  return { url, host, key, certificate, expires, renewAt: new Date(nowMs + renewAfterSeconds * 1_000).toISOString() };
}

function keep(path: string, kept: KeptIdentity): void {
  replaceFile(path, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 });
}

function readKept(path: string): KeptIdentity | null {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new OperationError("hub", path, (error as Error).message, { cause: error });
  }
  try {
    const kept = JSON.parse(text) as Partial<Record<keyof KeptIdentity, unknown>> | null;
    const names = ["url", "host", "key", "certificate", "expires", "renewAt"] as const;
    if (names.every((name) => typeof kept?.[name] === "string")) return kept as KeptIdentity;
  } catch {
    // Not JSON: damaged, too.
  }
  throw new OperationError(
    "hub",
    path,
    "is damaged: it should hold this host's certificate; remove it and enrol again",
  );
}
