/** Certificates of servers by one authority, all of them for one key. */
import { isIP } from "node:net";
import type { PublicKeyInfo } from "pkijs";
import {
  type Authority,
  createKeys,
  exportKey,
  loadPki,
  newSerial,
  OID,
  pemOf,
  type Pki,
  type ReadAuthority,
  readAuthority,
  signCertificate,
} from "./x509.ts";

/** RFC 5280 §4.2.1.6: the tags of a dNSName and an iPAddress. */
const DNS_NAME = 2,
  IP_ADDRESS = 7;

export class ServerCertificates {
  readonly #pki: Pki;
  readonly #authority: ReadAuthority;
  readonly #publicKey: PublicKeyInfo;
  /** PKCS #8, PEM. */
  readonly key: string;

  private constructor(pki: Pki, authority: ReadAuthority, keys: { publicKey: PublicKeyInfo; key: string }) {
    this.#pki = pki;
    this.#authority = authority;
    this.#publicKey = keys.publicKey;
    this.key = keys.key;
  }

  static async of(authority: Authority): Promise<ServerCertificates> {
    const pki = await loadPki();
    const keys = await createKeys();
    const publicKey = new pki.PublicKeyInfo();
    await publicKey.importKey(keys.publicKey);
    const key = await exportKey(keys.privateKey);
    return new ServerCertificates(pki, await readAuthority(pki, authority), { publicKey, key });
  }

  /** @param name  of a host, or an address without a scope. @returns PEM */
  async sign(name: string, life: { readonly fromMs: number; readonly untilMs: number }): Promise<string> {
    const pki = this.#pki;
    const kind =
      isIP(name) === 0
        ? ({ type: DNS_NAME, value: name } as const)
        : ({ type: IP_ADDRESS, value: new pki.OctetString({ valueHex: bytesOfAddress(name) }) } as const);
    const names = [new pki.GeneralName(kind)];
    const der = await signCertificate(pki, this.#authority, {
      ...{ commonName: name, serial: newSerial(), ...life, purpose: OID.serverAuth, names },
      publicKey: this.#publicKey,
    });
    return pemOf("CERTIFICATE", der);
  }
}

function bytesOfAddress(address: string): ArrayBuffer {
  if (isIP(address) === 4) return Uint8Array.from(address.split("."), Number).buffer;
  // As URLs write it: hexadecimal groups alone, of which one run of zeros is left out (WHATWG URL, host serializing).
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = "", tail] = plain.split("::");
  const groupsOf = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const [before, behind] = [groupsOf(head), groupsOf(tail ?? "")];
  const groups = [...before, ...Array<string>(8 - before.length - behind.length).fill("0"), ...behind];
  return Uint8Array.from(groups.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff])).buffer;
}
