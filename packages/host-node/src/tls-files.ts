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

/** What a server is made of, and given anew. */
function contextOf(
  { cert, key }: Pick<TlsContent, "cert" | "key">,
  { minVersion, ciphers }: TlsFiles,
): SecureContextOptions {
  return { cert, key, minVersion, ...(ciphers === undefined ? {} : { ciphers }) };
}

/** @throws OperationError as {@link readTlsFiles} does */
export function tlsContext(files: TlsFiles): SecureContextOptions {
  return contextOf(readTlsFiles(files), files);
}

interface TlsContent {
  readonly cert: string;
  readonly key: string;
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
  return { cert, key: keyText, names: namesOf(parsed), validUntilMs: Date.parse(parsed.validTo) };
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
