/** Where programs look for whom to trust: the authority of their sandbox is put there, over the image. */
import { EEXIST, ENOENT, ERRNO_NAMES } from "@stratos/abi";
import { concatBytes, utf8Of } from "@stratos/base";
import { StratosError } from "./api.ts";
import type { MachineFiles } from "./machine-files.ts";
import type { Authority } from "./tls-gateway.ts";

export interface TrustedAuthority {
  readonly authority: Authority;
  /** Certificates for an image that trusts nobody, PEM. */
  roots(): string;
}

/** What update-ca-certificates(8) makes all the others of. */
const OWN_FOLDER = "/usr/local/share/ca-certificates";
const OWN_FILE = `${OWN_FOLDER}/stratos-sandbox.crt`;
/** The common name of its certificate. */
export const AUTHORITY_SUBJECT = "Stratos sandbox";
/** OpenSSL's folder, which is looked through by hashes of subjects (X509_NAME_hash(3)). */
const HASHED_FOLDER = "/etc/ssl/certs";
const SUBJECT_HASH = "8b709f05";
const HASHED_MAX = 8;
/** All in one file: Debian's, Alpine's and Arch's, which is made where there is none; Fedora's. */
const BUNDLE = `${HASHED_FOLDER}/ca-certificates.crt`;
const OTHER_BUNDLES = ["/etc/pki/tls/certs/ca-bundle.crt"];

/** For programs that bring certificates of their own. */
export const AUTHORITY_ENVIRONMENT: Readonly<Record<string, string>> = {
  // OpenSSL and Go, whatever folder they were built for.
  SSL_CERT_FILE: BUNDLE,
  // Node's own certificates stay.
  NODE_EXTRA_CA_CERTS: OWN_FILE,
  // python3-requests, and pip, which has it in itself.
  REQUESTS_CA_BUNDLE: BUNDLE,
};

/** @returns who is trusted then. @throws StratosError of kind file */
export function writeAuthority(files: MachineFiles, trusted: TrustedAuthority | null): Authority | null {
  if (trusted === null) return null;
  const { authority, roots } = trusted;
  const { certificate } = authority;
  makeFolders(files, OWN_FOLDER);
  makeFolders(files, HASHED_FOLDER);
  write(files, OWN_FILE, utf8Of(certificate));
  append(files, BUNDLE, certificate, roots);
  for (const bundle of OTHER_BUNDLES)
    if (typeof files.status(bundle) !== "number") append(files, bundle, certificate, roots);
  // Of several with one hash all are tried.
  for (let number = 0; number < HASHED_MAX; number++) {
    const made = files.makeLink(OWN_FILE, `${HASHED_FOLDER}/${SUBJECT_HASH}.${number}`);
    if (made === 0) break;
    if (made !== -EEXIST) fail(HASHED_FOLDER, made);
  }
  return authority;
}

function append(files: MachineFiles, path: string, certificate: string, roots: () => string): void {
  const there = files.read(path);
  if (typeof there === "number" && there !== -ENOENT) fail(path, there);
  const before = typeof there === "number" ? utf8Of(roots()) : there;
  // Its own bytes stay: comments of a bundle may be anything.
  const end = before.length === 0 || before.at(-1) === 10 ? "" : "\n";
  write(files, path, concatBytes([before, utf8Of(`${end}${certificate}`)]));
}

function write(files: MachineFiles, path: string, bytes: Uint8Array): void {
  const written = files.write(path, bytes, 0o644);
  if (written < 0) fail(path, written);
}

function makeFolders(files: MachineFiles, path: string): void {
  for (let end = path.indexOf("/", 1); ; end = path.indexOf("/", end + 1)) {
    const made = files.makeFolder(end < 0 ? path : path.slice(0, end), 0o755);
    if (made < 0 && made !== -EEXIST) fail(path, made);
    if (end < 0) return;
  }
}

function fail(path: string, result: number): never {
  const code = ERRNO_NAMES[-result] ?? String(-result);
  throw new StratosError("file", `${path}: the sandbox's certificate cannot be written: ${code}`, { path, code });
}
