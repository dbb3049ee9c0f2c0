/** What each way of signing in has in common: its brake, its trace in the log, the key that it ends in. */
import type { Context } from "hono";
import { setCookie } from "hono/cookie";
import type { Identity } from "../access/identity.ts";
import { openSession, SESSION_HOURS } from "../access/web-sessions.ts";
import type { AttemptLimit } from "../api/attempt-limit.ts";
import type { HubService } from "../hub-service.ts";
import { HubError } from "../store/hub-error.ts";

export interface SignInOptions {
  readonly attempts: AttemptLimit;
  readonly addressOf: (context: Context) => string;
  readonly isSecure: boolean;
  readonly sessionCookie: string;
}

type NewKey = Awaited<ReturnType<HubService["access"]["createKey"]>>;

export class SignIns {
  readonly #hub: HubService;
  readonly #options: SignInOptions;

  constructor(hub: HubService, options: SignInOptions) {
    this.#hub = hub;
    this.#options = options;
  }

  /** Who fails too often waits, as with wrong keys. @throws HubError 429, and what `work` throws */
  async attempt<T>(context: Context, work: () => Promise<T>): Promise<T> {
    const { attempts, addressOf } = this.#options;
    const from = addressOf(context);
    if (attempts.isOver(from))
      throw new HubError(429, "too-many-attempts", "Too many failed attempts came from this address; wait a minute.");
    try {
      return await work();
    } catch (error) {
      attempts.count(from);
      await this.#note(context, null);
      throw error;
    }
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
      secure: isSecure,
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
