/**
 * Certificates by which workers prove which host they are.
 *
 *     `hub ca enrol HOST` ──token, good once──▶ worker ──token, request──▶ certificate of HOST, good for a month
 *                                               worker ──certificate, request──▶ the next one, before its end
 *
 * TLS proves that who asks has the key of a certificate of the hub's own authority; which host that is, and whether it
 * still is, stands in a row of the certificate, which is read again after seconds. So a certificate that was revoked or
 * has expired ends with its next request, whatever connections are open.
 */
import { createHash, randomBytes } from "node:crypto";
import type { CertificateView } from "@stratos/hub-api";
import { BoundedCache } from "../cache/bounded-cache.ts";
import type { Database, Queryable } from "../database/database.ts";
import type { EventName } from "../store/event-names.ts";
import { writeEvents } from "../store/events.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import type { Access, Principal } from "./access.ts";
import {
  createWorkerAuthority,
  fingerprintOf,
  issueCertificate,
  RequestError,
  revocationList,
  type Authority,
} from "../certificates/certificate-authority.ts";

/** What a client showed in the handshake. */
export interface ShownCertificate {
  readonly der: Uint8Array;
  /** Why TLS does not trust it; null: it is of this hub's authority, and of this time. */
  readonly fault: string | null;
}

interface HostCertificate {
  readonly host: string;
  readonly certificate: string;
  readonly expires: string;
  /** So long after it was issued the worker asks for the next. */
  readonly renewAfterSeconds: number;
}

interface CertificateSettings {
  readonly lifeSeconds: number;
  /** Hosts without a certificate are refused, whatever key they have. */
  readonly isRequired: boolean;
  /** Without TLS no certificate is ever shown. */
  readonly isTls: boolean;
}

export const CERTIFICATE_LIFE_SECONDS = 30 * 86_400;
const RENEW_AT = 2 / 3;
const SETTING = "worker-authority";
const CACHE_MS = 2_000;
const CACHED_MAX = 10_000;
const TOKEN = /^stratos-enrol_[A-Za-z0-9_-]{43}$/;
const digestOf = (text: string): string => createHash("sha256").update(text).digest("hex");
/** What the worker of a host may, whatever is granted to it beside. */
const scopesOf = (host: string): string[] => [
  `host:serve:${host}`,
  "artefact:write",
  "artefact:read",
  "channel:read",
  "package:read",
];

export class WorkerCertificates {
  /** May be changed at any time. */
  settings: CertificateSettings;
  readonly #database: Database;
  readonly #access: Access;
  /** Principals by their certificate's fingerprint. */
  readonly cache = new BoundedCache<Principal>({
    name: "certificates",
    policy: "ttl",
    entriesMax: CACHED_MAX,
    lifeMs: CACHE_MS,
  });

  constructor(database: Database, access: Access, settings: CertificateSettings) {
    this.#database = database;
    this.#access = access;
    this.settings = settings;
  }

  /** The certificate that signs the others, PEM. */
  async authority(): Promise<string> {
    return (await this.#authority(this.#database)).certificate;
  }

  /** @returns a token by which one worker becomes this host, once. @throws HubError 409 without TLS */
  async invite(
    host: string,
    { expiresSeconds, actor, within }: { expiresSeconds: number; actor: string; within?: Queryable | undefined },
  ): Promise<{ host: string; token: string; expires: string }> {
    if (!this.settings.isTls)
      throw new HubError(409, "no-tls", "this hub serves without TLS (--tls-cert), where no certificate is ever shown");
    const token = `stratos-enrol_${randomBytes(32).toString("base64url")}`;
    const make = async (inside: Queryable): ReturnType<WorkerCertificates["invite"]> => {
      await inside.query("delete from enrolment where expires < now()");
      const [row] = await inside.query<{ expires: Date }>(
        "insert into enrolment (hash, host, created_by, expires) values ($1, $2, $3, now() + make_interval(secs => " +
          "$4)) returning expires",
        [digestOf(token), host, actor, expiresSeconds],
      );
      await writeEvents(inside, [{ actor, what: "HOST_INVITED", detail: { host } }]);
      return { host, token, expires: row!.expires.toISOString() };
    };
    return within === undefined ? this.#database.transaction("read committed", make) : make(within);
  }

  /**
   * @param meant  the host that the worker is to be; older workers do not say
   * @throws HubError 401 for a token that is unknown, used or expired; 409 for another host's and 422 for a bad
   *   request, which use none up
   */
  enrol(token: string, request: string, meant?: string): Promise<HostCertificate> {
    return this.#database.transaction("read committed", async (inside) => {
      const [invited] = TOKEN.test(token)
        ? await inside.query<{ host: string }>(
            "update enrolment set used = now() where hash = $1 and used is null and expires > now() returning host",
            [digestOf(token)],
          )
        : [];
      if (invited === undefined)
        throw new HubError(
          401,
          "bad-token",
          "this token is unknown, was used, or has expired: `hub ca enrol` makes one",
        );
      if (meant !== undefined && meant !== invited.host)
        throw new HubError(409, "other-host", `this token is for host ${invited.host}: --name ${invited.host}`);
      return this.#issue(inside, invited.host, request, "HOST_ENROLLED");
    });
  }

  /** The next certificate of a host; the one before stays good until its end. */
  renew(host: string, request: string): Promise<HostCertificate> {
    return this.#database.transaction("read committed", (inside) =>
      this.#issue(inside, host, request, "CERTIFICATE_RENEWED"),
    );
  }

  async list(): Promise<CertificateView[]> {
    const rows = await this.#database.query<Omit<CertificateView, "created" | "expires" | "revoked"> & Dates>(
      `select serial, host, fingerprint, created, expires, revoked, case when revoked is not null then 'revoked'
        when expires <= now() then 'expired' else 'good' end as state
      from worker_certificate order by created, serial`,
    );
    return rows.map((row) => ({
      ...row,
      created: row.created.toISOString(),
      expires: row.expires.toISOString(),
      revoked: row.revoked?.toISOString() ?? null,
    }));
  }

  /** @throws HubError 404 */
  async revoke(serial: string, actor: string): Promise<void> {
    await this.#database.transaction("read committed", async (inside) => {
      const [row] = await inside.query<{ host: string }>(
        "update worker_certificate set revoked = coalesce(revoked, now()) where serial = $1 returning host",
        [serial],
      );
      if (row === undefined) throw notFound(`certificate ${serial}`);
      await writeEvents(inside, [{ actor, what: "CERTIFICATE_REVOKED", detail: { serial, host: row.host } }]);
    });
    this.cache.clear();
  }

  /** PEM. */
  async revocationList(): Promise<string> {
    const revoked = await this.#database.query<{ serial: string; revoked: Date }>(
      "select serial, revoked from worker_certificate where revoked is not null and expires > now() order by serial",
    );
    return revocationList(await this.#authority(this.#database), revoked, await this.#nowMs(this.#database));
  }

  /** Who shows this certificate. @returns a sentence when it is nobody's */
  async authenticate({ der, fault }: ShownCertificate): Promise<Principal | string> {
    if (fault !== null) return `this certificate is not good here: ${fault}`;
    const fingerprint = fingerprintOf(der);
    const cached = this.cache.get(fingerprint);
    if (cached !== undefined) return cached;
    const [row] = await this.#database.query<{ serial: string; host: string; revoked: boolean; expired: boolean }>(
      "select serial, host, revoked is not null as revoked, expires <= now() as expired from worker_certificate " +
        "where fingerprint = $1",
      [fingerprint],
    );
    if (row === undefined) return "this certificate is not one that this hub has given out";
    if (row.revoked) return `certificate ${row.serial} of host ${row.host} was revoked`;
    if (row.expired) return `certificate ${row.serial} of host ${row.host} has expired`;
    const principal = {
      ...(await this.#access.principalOf({
        id: `certificate:${row.serial}`,
        principal: `worker:${row.host}`,
        scopes: scopesOf(row.host),
        roles: ["worker"],
      })),
      host: row.host,
    };
    this.cache.set(fingerprint, principal);
    return principal;
  }

  async #issue(inside: Queryable, host: string, request: string, what: EventName): Promise<HostCertificate> {
    const { lifeSeconds } = this.settings;
    const nowMs = await this.#nowMs(inside);
    const wanted = { request, host, nowMs, lifeMs: lifeSeconds * 1_000 };
    const issued = await issueCertificate(await this.#authority(inside), wanted).catch((error: unknown) => {
      throw error instanceof RequestError ? new HubError(422, "bad-request", error.message) : error;
    });
    await inside.query("delete from worker_certificate where expires < now() - interval '90 days'");
    const expires = new Date(nowMs + lifeSeconds * 1_000);
    await inside.query("insert into worker_certificate (fingerprint, serial, host, expires) values ($1, $2, $3, $4)", [
      issued.fingerprint,
      issued.serial,
      host,
      expires,
    ]);
    await writeEvents(inside, [{ actor: `worker:${host}`, what, detail: { host, serial: issued.serial } }]);
    return {
      host,
      certificate: issued.certificate,
      expires: expires.toISOString(),
      renewAfterSeconds: lifeSeconds * RENEW_AT,
    };
  }

  /** Of two hubs that make it at once both have the one that came first. */
  async #authority(on: Queryable): Promise<Authority> {
    const read = async (): Promise<Authority | undefined> => {
      const [row] = await on.query<{ value: string }>("select value from setting where name = $1", [SETTING]);
      return row === undefined ? undefined : (JSON.parse(row.value) as Authority);
    };
    const known = await read();
    if (known !== undefined) return known;
    const made = JSON.stringify(await createWorkerAuthority(await this.#nowMs(on)));
    await on.query("insert into setting (name, value) values ($1, $2) on conflict do nothing", [SETTING, made]);
    return (await read())!;
  }

  async #nowMs(on: Queryable): Promise<number> {
    const [row] = await on.query<{ now: number }>("select floor(extract(epoch from now()) * 1000) as now");
    return row!.now;
  }
}

interface Dates {
  readonly created: Date;
  readonly expires: Date;
  readonly revoked: Date | null;
}
