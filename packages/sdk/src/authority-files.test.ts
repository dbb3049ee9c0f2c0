/** Goal: OpenSSL finds the authority in its folder. Method: the hash of its subject, computed. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { byteStringOf, concatBytes } from "@stratos/base";
import { AUTHORITY_SUBJECT, writeAuthority } from "./authority-files.ts";
import type { MachineFiles } from "./machine-files.ts";

/** X509_NAME_hash(3): SHA-1 of the name in lower case, without its outer SEQUENCE; four bytes, little endian. */
function hashOf(commonName: string): string {
  const tagged = (tag: number, ...parts: Uint8Array[]): Uint8Array => {
    const bytes = concatBytes(parts);
    return concatBytes([Uint8Array.of(tag, bytes.length), bytes]);
  };
  const type = Uint8Array.of(0x06, 3, 0x55, 0x04, 0x03);
  const name = tagged(0x31, tagged(0x30, type, tagged(0x0c, byteStringOf(commonName.toLowerCase()))));
  return createHash("sha1").update(name).digest().readUInt32LE(0).toString(16).padStart(8, "0");
}

const ENOENT = -2,
  EEXIST = -17;

/** Files as far as they are needed. */
function filesOf(content: Record<string, string>): MachineFiles {
  const files = {
    makeFolder: () => EEXIST,
    status: (path: string) => (path in content ? {} : ENOENT),
    read: (path: string) => (path in content ? byteStringOf(content[path]!) : ENOENT),
    write: (path: string, bytes: Uint8Array) => ((content[path] = new TextDecoder().decode(bytes)), 0),
    makeLink: (target: string, path: string) => (path in content ? EEXIST : ((content[path] = `-> ${target}`), 0)),
  };
  return files as unknown as MachineFiles;
}

const own = { authority: { certificate: "OWN\n", key: "" }, roots: () => "ROOTS\n" };

test("a certificate stands where programs look, beside those that were there", () => {
  const link = `/etc/ssl/certs/${hashOf(AUTHORITY_SUBJECT)}.`;
  const content: Record<string, string> = {
    "/etc/ssl/certs/ca-certificates.crt": "THERE",
    "/etc/pki/tls/certs/ca-bundle.crt": "THERE\n",
    [`${link}0`]: "of another",
  };
  writeAuthority(filesOf(content), own);
  const file = "/usr/local/share/ca-certificates/stratos-sandbox.crt";
  assert.deepEqual(content, {
    "/etc/ssl/certs/ca-certificates.crt": "THERE\nOWN\n",
    "/etc/pki/tls/certs/ca-bundle.crt": "THERE\nOWN\n",
    [`${link}0`]: "of another",
    [`${link}1`]: `-> ${file}`,
    [file]: "OWN\n",
  });
});

test("in an image without certificates programs trust whom the host trusts", () => {
  const content: Record<string, string> = {};
  writeAuthority(filesOf(content), own);
  assert.equal(content["/etc/ssl/certs/ca-certificates.crt"], "ROOTS\nOWN\n");
});

test("what cannot be written is told by its place", () => {
  const files = Object.assign(filesOf({}), { write: () => -28 });
  assert.throws(
    () => writeAuthority(files, own),
    ({ kind, data }) => kind === "file" && data.code === "ENOSPC" && /crt$/.test(data.path),
  );
});
