/** Goal: a certificate is what its files say, now and after they were renewed; what is none is refused by name. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { connect } from "node:tls";
import { ciphersFault, readTlsFiles, tlsContext, type TlsFiles } from "@stratos/host-node/tls-files";
import { listenAt } from "./service-listener.ts";

suite("certificates", () => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-tls-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  const EC = ["ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  /** For a name, by openssl. */
  function made(name: string, kind: readonly string[] = EC): TlsFiles {
    const [certificate, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)];
    const names = `subjectAltName=DNS:${name}.example,DNS:*.Lab.example,IP:127.0.0.1,IP:::1`;
    const what = ["-newkey", ...kind, "-nodes", "-days", "2"];
    execFileSync(
      "openssl",
      ["req", "-x509", ...what, "-subj", `/CN=${name}`, "-addext", names, "-out", certificate, "-keyout", key],
      { stdio: "ignore", timeout: 60_000 },
    );
    return { certificate, key, minVersion: "TLSv1.2" };
  }

  const [one, two] = [made("one"), made("two")];

  /** Common name of the certificate that the server shows, or why it shows none. */
  function shown(port: number, options: object = {}): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    });
  }

  test("names are those of the certificate, as they stand in a URL", () => {
    const { names, validUntilMs } = readTlsFiles(one);
    assert.deepEqual(names, ["one.example", "*.lab.example", "127.0.0.1", "[::1]"]);
    assert.ok(validUntilMs > Date.now() + 86_400_000);
  });

  test("what is no certificate, no key, or another's key is refused by its file", () => {
    assert.throws(() => readTlsFiles({ ...one, certificate: one.key }), { what: one.key, why: /no certificate/ });
    assert.throws(() => readTlsFiles({ ...one, key: one.certificate }), { what: one.certificate, why: /private key/ });
    assert.throws(() => readTlsFiles({ ...one, key: two.key }), { what: two.key, why: /is not the key of/ });
    assert.throws(() => readTlsFiles({ ...one, key: join(folder, "none") }), { what: join(folder, "none") });
  });

  test("a list of cipher suites is refused for a name that there is not, or nothing to speak", () => {
    assert.equal(ciphersFault("TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2"), null);
    assert.match(ciphersFault("TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES265-GCM-SHA384", "TLSv1.2")!, /AES265.*no cipher/);
    assert.match(ciphersFault("HIGH:!aNULL", "TLSv1.2")!, /'HIGH'/);
    assert.match(ciphersFault("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.3")!, /none of them is of TLS 1\.3/);
  });

  test("cipher suites that do not go with the key are refused, and what is listed is all that is spoken", async (t) => {
    const [ec, rsa] = ["ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"];
    const ofRsa = made("three", ["rsa:2048"]);
    assert.throws(() => tlsContext({ ...ofRsa, ciphers: ec }), {
      what: ofRsa.key,
      why: /kind RSA.* spoken: ECDHE-ECDSA-AES256-GCM-SHA384; ECDHE-RSA/,
    });
    assert.throws(() => tlsContext({ ...one, ciphers: `TLS_AES_256_GCM_SHA384:${rsa}:AES256-SHA` }), {
      what: one.key,
      why: /kind EC,.* spoken: ECDHE-RSA-AES256-GCM-SHA384:AES256-SHA; ECDHE-ECDSA/,
    });
    assert.throws(() => tlsContext({ ...ofRsa, ciphers: "DHE-RSA-AES256-SHA:PSK-AES256-CBC-SHA" }), {
      why: /kind RSA/,
    });
    for (const [files, ciphers] of [
      [made("four", ["ed25519"]), ec],
      [made("five", ["rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"]), rsa],
      [ofRsa, `${ec}:AES128-GCM-SHA256`],
      [{ ...one, minVersion: "TLSv1.3" as const }, `TLS_AES_256_GCM_SHA384:${rsa}`],
      [one, "TLS_AES_256_GCM_SHA384"],
      [one, `${rsa}:${ec}`],
    ] as const) {
      const tls = { files: { ...files, ciphers }, onDefect: () => {} };
      const server = await listenAt({ host: "127.0.0.1", port: 0 }, () => new Response("served"), tls);
      t.after(() => server.close());
      const port = Number(new URL(server.address).port);
      const spoken = await Promise.all(
        (["TLSv1.2", "TLSv1.3"] as const).map(async (version) => {
          const name = await shown(port, { minVersion: version, maxVersion: version });
          return /^[a-z]+$/.test(name) ? [version] : [];
        }),
      );
      const older = ciphers.split(":").some((suite) => !suite.startsWith("TLS_")) && files.minVersion === "TLSv1.2";
      const newer = ciphers.includes("TLS_");
      assert.deepEqual(spoken.flat(), [...(older ? ["TLSv1.2"] : []), ...(newer ? ["TLSv1.3"] : [])], ciphers);
    }
  });

  test("a server shows what the files hold now; a half-written one changes nothing and is told of", async (t) => {
    const live = { ...one, certificate: join(folder, "live.crt"), key: join(folder, "live.key") };
    const put = (from: string, to: string): void => {
      writeFileSync(`${to}.new`, readFileSync(from));
      renameSync(`${to}.new`, to);
    };
    put(one.certificate, live.certificate);
    put(one.key, live.key);
    const defects: string[] = [];
    const tls = {
      files: { ...live, minVersion: "TLSv1.3" as const },
      onDefect: (words: string) => defects.push(words),
    };
    const server = await listenAt({ host: "127.0.0.1", port: 0 }, () => new Response("served"), tls);
    t.after(() => server.close());
    assert.match(server.address, /^https:\/\/127\.0\.0\.1:\d+\/$/);
    const port = Number(new URL(server.address).port);
    assert.equal(await shown(port), "one");
    assert.match(await shown(port, { maxVersion: "TLSv1.2" }), /PROTOCOL|ALERT/i);
    const until = async (is: () => Promise<boolean> | boolean): Promise<void> => {
      for (let look = 0; !(await is()); look++) {
        assert.ok(look < 600, `still ${await shown(port)}; ${defects.join()}`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    put(two.certificate, live.certificate);
    await until(() => defects.length > 0);
    assert.equal(await shown(port), "one");
    put(two.key, live.key);
    await until(async () => (await shown(port)) === "two");
  });
});
