/** What each way of signing in has in common: its brake, its trace in the log, the key that it ends in. */
import type { Context } from "hono";
import { setCookie } from "hono/cookie";
import type { Identity } from "../access/identity.ts";
import { openSession, SESSION_HOURS } from "../access/web-sessions.ts";
import { AttemptLimit } from "../api/attempt-limit.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";

export interface SignInOptions {
  readonly attempts: AttemptLimit;
  readonly addressOf: (context: Context) => string;
  /** The browser has the page by TLS. */
  readonly isSecure: (context: Context) => boolean;
  readonly sessionCookie: string;
}

type NewKey = Awaited<ReturnType<HubService["access"]["createKey"]>>;

export class SignIns {
  readonly #hub: HubService;
  readonly #options: SignInOptions;
  /** Apart from wrong keys, whose sender must not keep others from signing in elsewhere. */
  readonly #asked = new AttemptLimit();

  constructor(hub: HubService, options: SignInOptions) {
    this.#hub = hub;
    this.#options = options;
  }

  /** What the hub can tell by itself is looked at first, as keys are. @throws HubError 429, and what `work` throws */
  async judge<T>(context: Context, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#options.attempts.demandRoom(this.#options.addressOf(context), "tickets");
      return this.#fail(context, this.#options.attempts, error);
    }
  }

  /**
   * What a provider is asked: who makes the hub ask in vain too often waits, and so do others behind the same address.
   *
   * @throws HubError 429, and what `work` throws
   */
  async ask<T>(context: Context, work: () => Promise<T>): Promise<T> {
    this.#asked.demandRoom(this.#options.addressOf(context), "sign-ins");
    try {
      return await work();
    } catch (error) {
      return this.#fail(context, this.#asked, error);
    }
  }

  /** Of what makes the provider keep something, whatever comes of it. */
  countAsked(context: Context): void {
    this.#asked.count(this.#options.addressOf(context));
  }

  async #fail(context: Context, attempts: AttemptLimit, error: unknown): Promise<never> {
    attempts.count(this.#options.addressOf(context));
    // A provider that is away has refused nobody.
    if (!(error instanceof HubError && error.status === 502)) await this.#note(context, null);
    throw error;
  }

  /** @param where  the identity was proved */
  async keyFor(context: Context, { principal, roles }: Identity, where: string): Promise<NewKey> {
    const key = await this.#hub.access.createKey(
      {
        principal,
        roles,
        scopes: ["*"],
        note: `signed in ${where}`.slice(0, 256),
        expiresSeconds: SESSION_HOURS * 3_600,
      },
      principal,
    );
    await this.#note(context, { principal, roles });
    return key;
  }

  /** A session of the pages. */
  async openSession(context: Context, identity: Identity, where: string): Promise<void> {
    const { isSecure, sessionCookie } = this.#options;
    const { id } = await this.keyFor(context, identity, where);
    const { access, database } = this.#hub;
    const principal = await access.principalOf({ id, principal: identity.principal, scopes: ["*"], roles: [] });
    setCookie(context, sessionCookie, await openSession(database, principal), {
      httpOnly: true,
      sameSite: "Strict",
      secure: isSecure(context),
      path: "/",
      maxAge: SESSION_HOURS * 3_600,
    });
  }

  async #note(context: Context, identity: Identity | null): Promise<void> {
    await this.#hub.accessLog.prepare();
    this.#hub.accessLog.add({
      actor: identity?.principal ?? "nobody",
      isAllowed: identity !== null,
      permission: "authenticate",
      method: context.req.method,
      path: context.req.path,
      from: this.#options.addressOf(context),
    });
  }
}
