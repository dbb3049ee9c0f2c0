/**
 * Secrets that programs of a sandbox use and never have: what they have is a stand-in of the same length, which is
 * replaced on its way out, in connections to the hosts that the secret is for.
 */
import { beginningAtEnd, indexOf } from "./byte-search.ts";
import { HttpSecrets, type SecretPair } from "./http-secrets.ts";
import { NetRules } from "./net-policy.ts";
import { type Secrets, standInOf, wrongSecret } from "./secret-stand-ins.ts";

const SECRETS_MAX = 64;
const NOTHING = new Uint8Array(0);

interface KnownSecret extends SecretPair {
  readonly hosts: NetRules;
}

export class NetSecrets {
  readonly #known: readonly KnownSecret[];

  /** @throws StratosError of kind option */
  constructor(secrets: Secrets) {
    const all = Object.entries(secrets);
    if (all.length > SECRETS_MAX) throw wrongSecret(`${SECRETS_MAX} secrets at most are expected`);
    const encoder = new TextEncoder();
    this.#known = all.map(([name, secret]) => ({
      standIn: encoder.encode(standInOf(name, secret)),
      value: encoder.encode(secret.value),
      hosts: new NetRules(
        secret.hosts.map((host) => ({ allow: host })),
        () => 0,
      ),
    }));
  }

  /** @param names  that the host's name servers gave the address for. @returns null: none is for there */
  forPeer(address: string, port: number, names: readonly string[]): OutgoingSecrets | null {
    const fitting = this.#fitting(address, port, names);
    return fitting.length === 0 ? null : new OutgoingSecrets(fitting);
  }

  /** @param serverName  that the program means, and the host is going to prove. @returns null: none is for there */
  forTls(address: string, port: number, serverName: string | null): HttpSecrets | null {
    const fitting = this.#fitting(address, port, serverName === null ? [] : [serverName]);
    return fitting.length === 0 ? null : new HttpSecrets(fitting, serverName);
  }

  #fitting(address: string, port: number, names: readonly string[]): readonly SecretPair[] {
    return this.#known.filter(({ hosts }) => hosts.verdict(address, port, "tcp", names).isAllowed);
  }
}

/** @throws StratosError of kind option: they cannot be */
export function checkSecrets(secrets: Secrets): void {
  new NetSecrets(secrets);
}

/** Those of one connection that is not encrypted. */
export class OutgoingSecrets {
  readonly #secrets: readonly SecretPair[];
  /** Where secrets end in what was to be sent last, with them; by place. */
  #ends: { readonly at: number; readonly value: Uint8Array }[] = [];
  /** What is left of a secret whose beginning was sent. */
  #owed: Uint8Array = NOTHING;

  constructor(secrets: readonly SecretPair[]) {
    this.#secrets = secrets;
  }

  /**
   * @returns what is to be sent of the bytes, which may be less than all: what may be the beginning of a stand-in at
   *   their end waits for what follows, unless there is nothing else
   */
  replaced(bytes: Uint8Array): Uint8Array {
    const out = bytes.slice();
    const owed = this.#owed.subarray(0, bytes.length);
    out.set(owed);
    this.#ends = owed.length === 0 ? [] : [{ at: this.#owed.length, value: this.#owed }];
    let replacedTo = owed.length;
    for (const { standIn, value } of this.#secrets)
      for (let at = indexOf(bytes, standIn, owed.length); at >= 0; at = indexOf(bytes, standIn, at + standIn.length)) {
        out.set(value, at);
        this.#ends.push({ at: at + standIn.length, value });
        replacedTo = Math.max(replacedTo, at + standIn.length);
      }
    const rest = bytes.subarray(replacedTo);
    const open = Math.max(...this.#secrets.map(({ standIn }) => beginningAtEnd(rest, standIn)));
    return open < bytes.length ? out.subarray(0, bytes.length - open) : out;
  }

  /** So many bytes of what `replaced` gave last were sent: the program comes again with the rest. */
  sent(count: number): void {
    const cut = this.#ends.find(({ at, value }) => count < at && count >= at - value.length);
    // Nothing of a secret was sent that begins there: its stand-in comes again as a whole, but for one that was owed.
    const isWhole = cut !== undefined && count === cut.at - cut.value.length && cut.value !== this.#owed;
    this.#owed = cut === undefined || isWhole ? NOTHING : cut.value.slice(count - cut.at);
  }
}
