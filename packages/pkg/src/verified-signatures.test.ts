/**
 * Whose signature it is. Goal: the key that verifies decides, not the 64 bits by which a signature names it. To find
 * two keys that share them takes weeks, so one that claims to be every key stands for such a find.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import * as openpgp from "openpgp";
import { createSigningKey, signRelease } from "./debian/archive/signing-key.ts";
import { TrustedKeys } from "./debian/keyring.ts";
import { verifyInRelease } from "./debian/release.ts";
import { checkInRelease } from "./debian/verified-release.ts";
import { testPorts } from "./testing/testing.ts";
import { verifySignatures } from "./verified-signatures.ts";

const NOW = 1_800_000_000;
const SIGNER = await createSigningKey("Signer", NOW - 1000),
  IMPOSTOR = await createSigningKey("Impostor", NOW - 1000);
const { inRelease } = await signRelease("Origin: x\n", SIGNER.privateKey, NOW);

async function certificate(armoredKey: string, claimsAll = false): Promise<openpgp.PublicKey> {
  const key = await openpgp.readKey({ armoredKey });
  if (!claimsAll) return key;
  const own = key.getKeys.bind(key);
  key.getKeys = () => own();
  return key;
}

async function signersOf(certificates: readonly openpgp.PublicKey[]): Promise<(string | undefined)[]> {
  const message = await openpgp.readCleartextMessage({ cleartextMessage: inRelease });
  const checked = await verifySignatures(certificates, message.getSigningKeyIDs(), (one) =>
    openpgp.verify({ message, verificationKeys: one, date: new Date(NOW * 1000) }),
  );
  return checked.map(({ signer, failure }) => signer?.certificate.getFingerprint() ?? failure);
}

test("a signature counts for the certificate whose key verifies it, whoever else has a key of that ID", async () => {
  const own = await certificate(SIGNER.publicKey),
    other = await certificate(IMPOSTOR.publicKey, true);
  assert.deepEqual(await signersOf([other, own]), [SIGNER.fingerprint]);
  assert.deepEqual(await signersOf([own, other]), [SIGNER.fingerprint]);
  const [failure] = await signersOf([other]);
  assert.match(failure!, /[Ss]ignature/);
  assert.deepEqual(await signersOf([await certificate(IMPOSTOR.publicKey)]), [""]);
});

test("what a source is to be signed by is asked of the verifying key", async () => {
  const bytes = Buffer.from(SIGNER.publicKey),
    trusted = await TrustedKeys.read([{ bytes, only: ["0".repeat(40)] }]),
    [one] = trusted.certificates;
  assert.match(trusted.refusal(one!, SIGNER.fingerprint)!, /is trusted, but this source is to be signed by 0{40}/);
  const both = await TrustedKeys.read([
    { bytes, only: ["0".repeat(40)] },
    { bytes, only: [`${SIGNER.fingerprint}!`] },
  ]);
  assert.equal(both.refusal(both.certificates[0]!, SIGNER.fingerprint), undefined);
  assert.match(both.refusal(both.certificates[0]!, "1".repeat(40))!, /is to be signed by/);
});

test("a text holds as many armored keys as somebody put into it, with words between them", async () => {
  const text = `\n# ours\n${IMPOSTOR.publicKey}\n# theirs\n${SIGNER.publicKey}`;
  const { certificates, unreadable } = await TrustedKeys.read([Buffer.from(text)]);
  assert.deepEqual(
    [certificates.map((one) => one.getFingerprint()), unreadable],
    [[IMPOSTOR.fingerprint, SIGNER.fingerprint], undefined],
  );
  assert.notEqual((await TrustedKeys.read([Buffer.from("no key\n")])).unreadable, undefined);
});

test("an expired key vouches for nothing but the past, also for a list that it vouched for before", async () => {
  const signed = NOW - 86_400,
    expires = NOW + 86_400;
  const { privateKey, publicKey } = await openpgp.generateKey({
    userIDs: [{ name: "Short" }],
    date: new Date((signed - 1000) * 1000),
    keyExpirationTime: expires - (signed - 1000),
    format: "object",
  });
  const date = new Date(signed * 1000).toUTCString();
  const release = await signRelease(
    `Date: ${date}\nSHA256:\n ${"0".repeat(64)} 0 Packages\n`,
    privateKey.armor(),
    signed,
  );
  const keyrings = [Buffer.from(publicKey.armor())];
  const at = (seconds: number, past = false) => verifyInRelease(release.inRelease, keyrings, seconds, past);
  assert.equal((await at(NOW)).signersExpireSeconds, expires);
  await assert.rejects(at(expires), /the key has expired on 2027-01-16/);
  assert.equal((await at(expires, true)).signers.length, 1);

  let now = NOW;
  const ports = { ...testPorts(), nowSeconds: () => now };
  const check = () => checkInRelease(ports, "InRelease", Buffer.from(release.inRelease), { keyrings });
  const first = await check();
  assert.deepEqual(await check(), first);
  now = expires;
  await assert.rejects(check(), /the key has expired/);
});
