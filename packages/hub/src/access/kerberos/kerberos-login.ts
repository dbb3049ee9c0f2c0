/**
 * Signing in with a ticket of Kerberos, without a password or a page: in browsers and by `curl --negotiate` (HTTP
 * Negotiate, RFC 4559). The hub needs its keys in a keytab, and never talks to the key distribution centre.
 */
import { HubError } from "../../store/hub-error.ts";
import type { Database } from "../../database/database.ts";
import type { Identity } from "../identity.ts";
import { acceptApRequest, KerberosRefusal, type Accepted } from "./ap-request.ts";
import { DerError } from "./der.ts";
import type { KerberosSettings } from "./kerberos-settings.ts";
import { serviceKeys, type KeytabEntry } from "./keytab.ts";
import { readNegotiation, type Negotiation } from "./spnego.ts";

interface SignedIn extends Identity {
  /** Proves to the client that it has reached the service that it meant; empty: it did not ask. */
  readonly answer: Buffer;
}

/** `/` parts a name, `@` begins the realm: a part that holds one could be read in two ways. */
const PART = /^[A-Za-z0-9._+$:-]{1,100}$/;

export class KerberosLogin {
  readonly settings: KerberosSettings;
  readonly #keys: readonly KeytabEntry[];
  readonly #database: Database;
  readonly #now: () => number;

  /** @param now  milliseconds since 1970 @throws Error when the keytab cannot be used */
  constructor(settings: KerberosSettings, database: Database, now: () => number = Date.now) {
    this.settings = settings;
    this.#database = database;
    this.#now = now;
    this.#keys = serviceKeys(settings.keytab);
  }

  /** @param token  what stands behind `Negotiate` @throws HubError 401, 403 */
  async signIn(token: Buffer): Promise<SignedIn> {
    let negotiation: Negotiation, accepted: Accepted;
    try {
      negotiation = readNegotiation(token);
      accepted = acceptApRequest(negotiation.apRequest, this.#keys, this.#now());
    } catch (error) {
      if (error instanceof DerError || error instanceof KerberosRefusal)
        throw new HubError(401, "not-signed-in", `The ticket is refused: ${error.message}`);
      throw error;
    }
    await this.#takeOnce(accepted);
    return { ...this.identityOf(accepted), answer: negotiation.answer(accepted.reply) };
  }

  /** @throws HubError 403 for a name that nothing gives a role */
  identityOf({ names, realm }: { readonly names: readonly string[]; readonly realm: string }): Identity {
    const name = `${names.join("/")}@${realm}`;
    if (names.length === 0 || ![...names, realm].every((part) => PART.test(part)))
      throw new HubError(403, "no-name", "The ticket's name is none that this hub takes");
    const roles = this.settings.roles.filter(({ pattern }) => fits(pattern, names, realm)).map(({ role }) => role);
    if (roles.length === 0)
      throw new HubError(403, "no-role", `${name} has signed in, and no --kerberos-role is theirs`);
    return { principal: `kerberos:${name}`, roles: [...new Set(roles)] };
  }

  /** RFC 4120 §3.2.3: who listened to a request could send it again. Kept where every hub of this database sees it. */
  async #takeOnce({ fingerprint, replayUntilMs }: Accepted): Promise<void> {
    const now = new Date(this.#now());
    await this.#database.query("delete from kerberos_request where expires < $1", [now]);
    const taken = await this.#database.query(
      "insert into kerberos_request (fingerprint, expires) values ($1, $2) on conflict do nothing returning 1",
      [fingerprint, new Date(replayUntilMs)],
    );
    if (taken.length === 0)
      throw new HubError(401, "not-signed-in", "The ticket is refused: this request was sent before");
  }
}

/** `*` is any one part of a name, never a realm. */
function fits(pattern: string, names: readonly string[], realm: string): boolean {
  const at = pattern.lastIndexOf("@");
  const parts = pattern.slice(0, at).split("/");
  return (
    pattern.slice(at + 1) === realm &&
    parts.length === names.length &&
    parts.every((part, place) => part === "*" || part === names[place])
  );
}
