/** Goal: `-o` means what mount(8) users expect, and survives being handed to the serving process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { mountWordsText, NO_MOUNT_WORDS, parseMountWords } from "./mount-options.ts";

test("words add up, later ones win, those of fstab mean nothing", () => {
  const words = parseMountWords(
    "rw,noatime,commit=30",
    parseMountWords(
      "defaults,ro,nosuid,allow_other,nofail,x-systemd.automount,comment=of the archive,nodiratime",
      NO_MOUNT_WORDS,
    ),
  );
  assert.deepEqual(words, {
    ...NO_MOUNT_WORDS,
    allowOther: true,
    accessTimes: "never",
    folderAccessTimes: false,
    commitSeconds: 30,
    others: ["nosuid"],
  });
  assert.deepEqual(parseMountWords(mountWordsText(words), NO_MOUNT_WORDS), words);
});

test("the kernel gathers writes unless told to write them through, or the volume has quotas", () => {
  assert.equal(NO_MOUNT_WORDS.writebackCache, null);
  const words = parseMountWords("writethrough", NO_MOUNT_WORDS);
  assert.equal(words.writebackCache, false);
  assert.deepEqual(parseMountWords(mountWordsText(words), NO_MOUNT_WORDS), words);
  assert.equal(parseMountWords("writeback", words).writebackCache, true);
});

test("root's mount is for all users unless it is kept private", () => {
  assert.equal(NO_MOUNT_WORDS.allowOther, null);
  for (const word of ["private", "no_allow_other", "noallow_other"])
    assert.equal(parseMountWords(word, NO_MOUNT_WORDS).allowOther, false, word);
  for (const words of [
    parseMountWords("private,noblockdevice,strictatime,commit=7", NO_MOUNT_WORDS),
    parseMountWords("allow_other", NO_MOUNT_WORDS),
  ]) {
    assert.deepEqual(parseMountWords(mountWordsText(words), NO_MOUNT_WORDS), words);
  }
});

test("a snapshot is mounted read-only", () => {
  const words = parseMountWords(
    "snapshot=before upgrade,writeback,nocontrol,device=/b,device=/c,degraded,keyfile=/k",
    NO_MOUNT_WORDS,
  );
  assert.equal(words.subvolume, "before upgrade");
  assert.equal(words.readOnly, true);
  assert.deepEqual([words.devices, words.degraded, words.keyFile], [["/b", "/c"], true, "/k"]);
  assert.deepEqual(parseMountWords(mountWordsText(words), NO_MOUNT_WORDS), words);
});

test("the memory of the server is a size", () => {
  assert.equal(NO_MOUNT_WORDS.cacheBytes, 128 * 2 ** 20);
  const words = parseMountWords("cache=2G", NO_MOUNT_WORDS);
  assert.equal(words.cacheBytes, 2 ** 31);
  assert.deepEqual(parseMountWords(mountWordsText(words), NO_MOUNT_WORDS), words);
  for (const [text, bytes] of [
    ["1.5G", 1.5 * 2 ** 30],
    ["268435456", 2 ** 28],
  ] as const)
    assert.equal(parseMountWords(`cache=${text}`, NO_MOUNT_WORDS).cacheBytes, bytes);
  for (const bad of ["cache", "cache=", "cache=64", "cache=1000000", "cache=15M", "cache=-1M", "cache=9999999G"])
    assert.throws(() => parseMountWords(bad, NO_MOUNT_WORDS), /cache=SIZE takes a size/, bad);
});

for (const bad of ["ro=1", "subvol=", "commit=0", "commit=x", "nosuid=1", "compress=zstd"]) {
  test(`'${bad}' is refused by name`, () =>
    assert.throws(() => parseMountWords(`rw,${bad}`, NO_MOUNT_WORDS), /no such mount option|commit=SECONDS/));
}
