/**
 * Goal: a signature counts when SigLevel says so and the keyring vouches for its key; everything else is refused by
 * name.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as openpgp from "openpgp";
import { Keyring, SignatureError } from "./signatures.ts";
import type { SignatureRule } from "./signature-level.ts";

const NOW = 1_800_000_000;
const CONTENT = Buffer.from("a package");
const REQUIRED: SignatureRule = { check: "required", trustAll: false };

interface Signer {
  name: string;
  publicKey: openpgp.PublicKey;
  privateKey: openpgp.PrivateKey;
  fingerprint: string;
}

async function makeKey(name: string): Promise<Signer> {
  const { privateKey, publicKey } = await openpgp.generateKey({
    type: "ecc",
    curve: "ed25519Legacy",
    userIDs: [{ name }],
    format: "object",
    date: new Date((NOW - 1000) * 1000),
  });
  return { name, publicKey, privateKey, fingerprint: publicKey.getFingerprint() };
}

async function sign(by: Signer, content: Uint8Array = CONTENT): Promise<Uint8Array> {
  return (await openpgp.sign({
    message: await openpgp.createMessage({ binary: content }),
    signingKeys: by.privateKey,
    detached: true,
    format: "binary",
    date: new Date((NOW - 100) * 1000),
  })) as Uint8Array;
}

async function certified(key: Signer, by: readonly Signer[]): Promise<openpgp.PublicKey> {
  return (await key.publicKey.signAllUsers(
    by.map((one) => one.privateKey),
    new Date((NOW - 500) * 1000),
  )) as openpgp.PublicKey;
}

const joined = (...keys: openpgp.PublicKey[]): Uint8Array => Buffer.concat(keys.map((key) => key.write()));

test(
  "a key in a keyring without a list of trust is trusted; others, none and " + "wrong ones are refused by name",
  async () => {
    const [good, other] = [await makeKey("Good"), await makeKey("Other")];
    const keyring = await Keyring.load([{ name: "own.gpg", content: joined(good.publicKey) }], NOW);
    assert.equal(await keyring.check("p", CONTENT, await sign(good), REQUIRED, NOW), true);
    const refused = async (
      signature: Uint8Array | undefined,
      message: RegExp,
      rule = REQUIRED,
      content: Uint8Array = CONTENT,
    ): Promise<void> => {
      await assert.rejects(
        keyring.check("p.pkg", content, signature, rule, NOW),
        (error) =>
          error instanceof SignatureError && error.message.startsWith("p.pkg: ") && message.test(error.message),
      );
    };
    await refused(undefined, /is not signed, and a signature is required/);
    await refused(await sign(other), /which is not in the keyring/);
    await refused(await sign(good), /has a bad signature/, REQUIRED, Buffer.from("another package"));
    await refused(Buffer.from("nonsense"), /cannot be read/);
    const optional: SignatureRule = { check: "optional", trustAll: false };
    assert.equal(await keyring.check("p", CONTENT, undefined, optional, NOW), false);
    await refused(await sign(other), /not in the keyring/, optional);
    assert.equal(await keyring.check("p", CONTENT, await sign(other), { check: "never", trustAll: false }, NOW), false);
  },
);

test(
  "three master keys that are trusted marginally vouch for a packager, " + "two do not, a revoked one is out",
  async () => {
    const masters = [await makeKey("Master 1"), await makeKey("Master 2"), await makeKey("Master 3")];
    const [packager, stranger] = [await makeKey("Packager"), await makeKey("Stranger")];
    const gpg = joined(
      ...masters.map((one) => one.publicKey),
      await certified(packager, masters),
      await certified(stranger, masters.slice(0, 2)),
    );
    const trusted = Buffer.from(masters.map((one) => `${one.fingerprint.toUpperCase()}:4:\n`).join(""));
    const keyring = await Keyring.load(
      [
        { name: "arch.gpg", content: gpg },
        { name: "arch-trusted", content: trusted },
      ],
      NOW,
    );
    assert.equal(await keyring.check("p", CONTENT, await sign(packager), REQUIRED, NOW), true);
    await assert.rejects(
      keyring.check("p", CONTENT, await sign(stranger), REQUIRED, NOW),
      /is signed by Stranger, whom the keyring holds but nobody trusted vouches for/,
    );
    assert.equal(
      await keyring.check("p", CONTENT, await sign(stranger), { check: "required", trustAll: true }, NOW),
      true,
    );
    const full = await Keyring.load(
      [
        { name: "arch.gpg", content: gpg },
        { name: "arch-trusted", content: Buffer.from(`${masters[0]!.fingerprint}:5:\n`) },
      ],
      NOW,
    );
    assert.equal(
      await full.check("p", CONTENT, await sign(stranger), REQUIRED, NOW),
      true,
      "one fully trusted key is enough",
    );
    const revoked = await Keyring.load(
      [
        { name: "arch.gpg", content: gpg },
        { name: "arch-trusted", content: trusted },
        { name: "arch-revoked", content: Buffer.from(`${packager.fingerprint.toUpperCase()}\n`) },
      ],
      NOW,
    );
    await assert.rejects(revoked.check("p", CONTENT, await sign(packager), REQUIRED, NOW), /not in the keyring/);
  },
);
