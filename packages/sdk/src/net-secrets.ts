/**
 * Secrets that programs of a sandbox use and never have: what they have is a stand-in of the same length, which is
 * replaced on its way out, in connections to the hosts that the secret is for.
 */
import { NetRules } from "./net-policy.ts";
import { type Secrets, standInOf, wrongSecret } from "./secret-stand-ins.ts";

const SECRETS_MAX = 64;

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

  constructor(secrets: readonly Omit<KnownSecret, "hosts">[]) {
    this.#secrets = secrets;
  }

  /**
   * @returns what is to be sent of the bytes, which may be less than all: what may be the beginning of a stand-in at
   *   their end waits for what follows, unless there is nothing else
   */
  replaced(bytes: Uint8Array): Uint8Array {
    const out = bytes.slice();
    let replacedTo = 0;
    for (const { standIn, value } of this.#secrets)
      for (let at = indexOf(bytes, standIn, 0); at >= 0; at = indexOf(bytes, standIn, at + standIn.length)) {
        out.set(value, at);
        replacedTo = Math.max(replacedTo, at + standIn.length);
      }
    const rest = bytes.subarray(replacedTo);
    const open = Math.max(...this.#secrets.map(({ standIn }) => beginningAtEnd(rest, standIn)));
    return open < bytes.length ? out.subarray(0, bytes.length - open) : out;
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
