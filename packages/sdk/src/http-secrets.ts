/**
 * Secrets in HTTP that a program meant to be encrypted: its stand-ins leave as secrets, in the heads of requests alone,
 * and what the host repeats of a secret comes back as the stand-in. Both have one length, so no length changes.
 *
 * Texts here are byte strings, as HTTP has them: one character is one byte.
 */
import { byteString, byteStringOf, concatBytes } from "@stratos/base";
import { beginningAtEnd, indexOf } from "./byte-search.ts";

export interface SecretPair {
  readonly standIn: Uint8Array;
  readonly value: Uint8Array;
}

/** What of credentials one connection remembers: a program uses the same ones again. */
const CREDENTIALS_MAX = 16;
const NOTHING = new Uint8Array(0);
/** RFC 7617 §2, with the token68 of RFC 9110 §11.2. */
const BASIC = /^(basic +)([a-z0-9+/]+=*)\s*$/i;
const CREDENTIAL_HEADERS = new Set(["authorization", "proxy-authorization"]);

interface RequestHead {
  readonly target: string;
  /** Name, value, name, value. */
  readonly headers: readonly string[];
}

interface Outgoing {
  readonly standIn: string;
  readonly value: string;
  readonly inTarget: string;
}

/** Those of one connection. */
export class HttpSecrets {
  readonly #serverName: string | null;
  /** What leaves for what, as programs wrote it. */
  readonly #outgoing: readonly Outgoing[];
  /** What comes back as what: also credentials that have left. */
  readonly #returning: SecretPair[];
  readonly #secretCount: number;

  /** @param serverName  whom the program meant by TLS; null: the address alone */
  constructor(secrets: readonly SecretPair[], serverName: string | null) {
    this.#serverName = serverName;
    this.#outgoing = secrets.map(({ standIn, value }) => ({
      standIn: byteString(standIn),
      value: byteString(value),
      // RFC 3986 §2.1: a target has nothing but letters of ASCII.
      inTarget: encodeURIComponent(new TextDecoder().decode(value)),
    }));
    this.#returning = secrets.map(({ standIn, value }) => ({ standIn, value }));
    this.#secretCount = secrets.length;
  }

  /** As it leaves. A request that names another host than TLS did has no secret put in: who serves both decides. */
  request({ target, headers }: RequestHead): RequestHead {
    const isForHost = this.#isForHost(target, headers);
    return {
      target: isForHost ? this.#replaced(target, "inTarget") : target,
      headers: headers.map((text, at) => {
        if (at % 2 === 0) return text;
        const name = headers[at - 1]!.toLowerCase();
        // What comes back compressed could not be looked at.
        if (name === "accept-encoding") return "identity";
        if (!isForHost) return text;
        return CREDENTIAL_HEADERS.has(name) ? this.#credentials(text) : this.#replaced(text);
      }),
    };
  }

  #isForHost(target: string, headers: readonly string[]): boolean {
    const hosts = headers.filter((_, at) => at % 2 === 1 && headers[at - 1]!.toLowerCase() === "host");
    if (hosts.length !== 1 || !/^[/*]/.test(target)) return false;
    const name = hosts[0]!.toLowerCase().replace(/:\d*$/, "").replace(/\.$/, "");
    return this.#serverName === null || name === this.#serverName;
  }

  #replaced(text: string, form: "value" | "inTarget" = "value"): string {
    return this.#outgoing.reduce((now, secret) => now.replaceAll(secret.standIn, () => secret[form]), text);
  }

  #credentials(text: string): string {
    const [, scheme, encoded] = BASIC.exec(text) ?? [];
    if (scheme === undefined || encoded === undefined) return this.#replaced(text);
    let decoded: string;
    try {
      decoded = atob(encoded);
    } catch {
      return text;
    }
    const put = this.#replaced(decoded);
    if (put === decoded) return text;
    const sent = btoa(put);
    this.#remember({ standIn: byteStringOf(btoa(decoded)), value: byteStringOf(sent) });
    return scheme + sent;
  }

  #remember(pair: SecretPair): void {
    const sent = byteString(pair.value);
    if (this.#returning.some(({ value }) => byteString(value) === sent)) return;
    if (this.#returning.length >= this.#secretCount + CREDENTIALS_MAX) this.#returning.splice(this.#secretCount, 1);
    this.#returning.push(pair);
  }

  /** A header of a response, as programs read it. */
  returned(text: string): string {
    const plain = byteString(this.returningBody().last(byteStringOf(text)));
    return this.#outgoing.reduce((now, { standIn, inTarget }) => now.replaceAll(inTarget, standIn), plain);
  }

  returningBody(): ReturningBody {
    return new ReturningBody([...this.#returning]);
  }
}

/** What a host sends after a head, in pieces. */
class ReturningBody {
  readonly #pairs: readonly SecretPair[];
  #held: Uint8Array = NOTHING;

  constructor(pairs: readonly SecretPair[]) {
    this.#pairs = pairs;
  }

  /** @returns all but what may be the beginning of a secret, at the end */
  next(bytes: Uint8Array): Uint8Array {
    const { out, settledTo } = this.#look(bytes);
    const rest = out.subarray(settledTo);
    const open = Math.max(0, ...this.#pairs.map(({ value }) => beginningAtEnd(rest, value)));
    // What was not changed may go on as a secret; what was is over.
    this.#held = out.slice(out.length - open);
    return out.subarray(0, out.length - open);
  }

  /** @returns all that is left */
  last(bytes: Uint8Array = NOTHING): Uint8Array {
    const { out } = this.#look(bytes);
    this.#held = NOTHING;
    return out;
  }

  #look(bytes: Uint8Array): { readonly out: Uint8Array; readonly settledTo: number } {
    const all = concatBytes([this.#held, bytes]);
    const out = all.slice();
    let settledTo = 0;
    for (const { standIn, value } of this.#pairs)
      for (let at = indexOf(all, value, 0); at >= 0; at = indexOf(all, value, at + value.length)) {
        out.set(standIn, at);
        settledTo = Math.max(settledTo, at + value.length);
      }
    return { out, settledTo };
  }
}
