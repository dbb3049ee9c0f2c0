/**
 * A certificate and its key in files, as whoever renews them leaves them: they are read again when they change, and
 * connections that are open go on.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import type { Server } from "node:https";
import { createSecureContext, getCiphers, type SecureContextOptions, type SecureVersion } from "node:tls";
import { OperationError } from "@stratos/operation";
import { hostReason } from "./host-reason.ts";

export interface TlsFiles {
  /** PEM: the certificate, and those that lead to its root. */
  readonly certificate: string;
  /** PEM, without a passphrase. */
  readonly key: string;
  readonly minVersion: SecureVersion;
  /** Names of cipher suites, parted by colons, the preferred ones first; absent: Node's own choice. */
  readonly ciphers?: string;
}

/** As OpenSSL prints them: `ECDHE-RSA-AES256-GCM-SHA384`, `TLS_AES_256_GCM_SHA384` (of TLS 1.3). */
const isOfTls13 = (suite: string): boolean => suite.startsWith("TLS_");

/**
 * OpenSSL passes over names that it does not know: a slip would leave a server that nobody can speak to, or that
 * speaks less than was meant.
 *
 * @returns what is wrong with a list of cipher suites, in words; null: nothing
 */
export function ciphersFault(list: string, minVersion: SecureVersion): string | null {
  const suites = list.split(":");
  const known = new Set(getCiphers().map((name) => name.toUpperCase()));
  const other = suites.find((suite) => !known.has(suite));
  if (other !== undefined)
    return `'${other}': no cipher suite of this program; \`openssl ciphers\` prints names, which colons part`;
  if (minVersion === "TLSv1.3" && !suites.some(isOfTls13))
    return "none of them is of TLS 1.3 (TLS_AES_256_GCM_SHA384 …), and nothing older is to be spoken";
  try {
    createSecureContext({ ciphers: list, minVersion });
  } catch (error) {
    return (error as Error).message;
  }
  return null;
}

/**
 * By which keys a suite of TLS 1.2 can be spoken here, by its name's beginning (RFC 5246, 8422). Those of no row need
 * what nobody gives a server here: parameters of Diffie and Hellman, shared keys, passwords.
 */
const KEYS_OF_SUITES: readonly (readonly [start: string, kinds: readonly string[], example: string])[] = [
  ["ECDHE-ECDSA-", ["ec", "ed25519", "ed448"], "ECDHE-ECDSA-AES256-GCM-SHA384"],
  ["ECDHE-RSA-", ["rsa", "rsa-pss"], "ECDHE-RSA-AES256-GCM-SHA384"],
  ["AES", ["rsa"], "AES256-GCM-SHA384"],
];

/**
 * Suites of TLS 1.3 go with any key. Of the older ones each is for a kind: a list of the wrong ones would leave a
 * server that clients of TLS 1.2 find silent, whatever they offer.
 *
 * @param kind  of the server's key, as `KeyObject.asymmetricKeyType` names it
 * @returns why nobody could speak TLS 1.2 by this list; null: somebody can, or it is of TLS 1.3 alone
 */
function keyFault(list: string, kind: string): string | null {
  const older = list.split(":").filter((suite) => !isOfTls13(suite));
  const isFit = (suite: string): boolean =>
    KEYS_OF_SUITES.some(([start, kinds]) => suite.startsWith(start) && kinds.includes(kind));
  if (older.length === 0 || older.some(isFit)) return null;
  const example = KEYS_OF_SUITES.find(([, kinds]) => kinds.includes(kind))?.[2];
  return (
    `is a key of the kind ${kind.toUpperCase()}, by which none of these cipher suites can be spoken: ` +
    older.join(":") +
    (example === undefined ? "" : `; ${example} can, and so can those of TLS 1.3 (TLS_AES_256_GCM_SHA384 …)`)
  );
}

/**
 * What a server is made of, and given anew.
 *
 * @throws OperationError as {@link readTlsFiles} does, and for a key by which none of the cipher suites can be spoken
 */
export function tlsContext(files: TlsFiles): SecureContextOptions {
  const { cert, key, keyKind } = readTlsFiles(files);
  const { minVersion, ciphers } = files;
  if (ciphers === undefined) return { cert, key, minVersion };
  const fault = minVersion === "TLSv1.3" ? null : keyFault(ciphers, keyKind);
  if (fault !== null) throw new OperationError("option", files.key, fault);
  // OpenSSL speaks its own suites of TLS 1.3 where a list has none.
  const only12 = ciphers.split(":").some(isOfTls13) ? {} : { maxVersion: "TLSv1.2" as const };
  return { cert, key, minVersion, ciphers, ...only12 };
}

interface TlsContent {
  readonly cert: string;
  readonly key: string;
  /** `rsa`, `ec`, … */
  readonly keyKind: string;
  /** That the certificate is for; `*.` stands for one label. */
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly validUntilMs: number;
}

const LOOK_MS = 2000;

/** @throws OperationError for what is no certificate, no key, or not its key */
export function readTlsFiles({ certificate, key }: TlsFiles): TlsContent {
  const cert = read(certificate);
  const keyText = read(key);
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(cert);
  } catch (error) {
    throw new OperationError("option", certificate, "holds no certificate in PEM form", { cause: error });
  }
  let isPair: boolean;
  try {
    isPair = parsed.checkPrivateKey(createPrivateKey(keyText));
  } catch (error) {
    throw new OperationError("option", key, "holds no private key in PEM form, or one with a passphrase", {
      cause: error,
    });
  }
  if (!isPair) throw new OperationError("option", key, `is not the key of the certificate in ${certificate}`);
  const keyKind = parsed.publicKey.asymmetricKeyType ?? "unknown";
  return { cert, key: keyText, keyKind, names: namesOf(parsed), validUntilMs: Date.parse(parsed.validTo) };
}

/** RFC 6125: names are the subject's alternative ones; addresses as they stand in a URL. */
function namesOf({ subjectAltName }: X509Certificate): string[] {
  return (subjectAltName ?? "").split(", ").flatMap((entry) => {
    const [, type, name] = /^(DNS|IP Address):(.+)$/.exec(entry) ?? [];
    if (name === undefined) return [];
    // Of an address of version 6 all groups are told, and a URL has the shortest form.
    return [type === "DNS" ? name.toLowerCase() : name.includes(":") ? new URL(`http://[${name}]/`).hostname : name];
  });
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new OperationError("option", path, hostReason(error), { cause: error });
  }
}

/**
 * Gives the server the files' content whenever they have changed.
 *
 * @param others  of the server's context, which is set whole
 * @param onDefect  told of content that is of no use: what was before stays
 * @returns what ends that
 */
export function followTlsFiles(
  server: Server,
  files: TlsFiles,
  onDefect: (words: string) => void,
  others: SecureContextOptions = {},
): () => void {
  const stamp = (): string =>
    [files.certificate, files.key]
      .map((path) => {
        const stat = statSync(path, { throwIfNoEntry: false });
        return stat === undefined ? "" : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
      })
      .join(" ");
  let seen = stamp();
  const timer = setInterval(() => {
    const now = stamp();
    if (now === seen) return;
    seen = now;
    try {
      server.setSecureContext({ ...others, ...tlsContext(files) });
    } catch (error) {
      onDefect((error as Error).message);
    }
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
