/**
 * Secrets that programs of a sandbox use and never have: what they have is a stand-in of the same length, which is
 * replaced on its way out, in connections to the hosts that the secret is for.
 */
import { NetRules } from "./net-policy.ts";
import { type Secrets, standInOf, wrongSecret } from "./secret-stand-ins.ts";

const SECRETS_MAX = 64;
const NOTHING = new Uint8Array(0);

interface KnownSecret {
  readonly standIn: Uint8Array;
  readonly value: Uint8Array;
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
    const fitting = this.#known.filter(({ hosts }) => hosts.verdict(address, port, "tcp", names).isAllowed);
    return fitting.length === 0 ? null : new OutgoingSecrets(fitting);
  }
}

/** Those of one connection. */
export class OutgoingSecrets {
  readonly #secrets: readonly Omit<KnownSecret, "hosts">[];
  /** Where secrets end in what was to be sent last, with them; by place. */
  #ends: { readonly at: number; readonly value: Uint8Array }[] = [];
  /** What is left of a secret whose beginning was sent. */
  #owed: Uint8Array = NOTHING;

  constructor(secrets: readonly Omit<KnownSecret, "hosts">[]) {
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

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  const last = bytes.length - wanted.length;
  for (let at = bytes.indexOf(wanted[0]!, from); at >= 0 && at <= last; at = bytes.indexOf(wanted[0]!, at + 1))
    if (wanted.every((byte, index) => bytes[at + index] === byte)) return at;
  return -1;
}

/** How many bytes at the end are the beginning of it. */
function beginningAtEnd(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let length = Math.min(wanted.length - 1, bytes.length); length > 0; length--) {
    const at = bytes.length - length;
    let same = 0;
    while (same < length && bytes[at + same] === wanted[same]) same++;
    if (same === length) return length;
  }
  return 0;
}
