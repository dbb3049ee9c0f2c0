/** Encryption of disks by Node's own library (OpenSSL). */
import { argon2Sync, createCipheriv, createHash, pbkdf2Sync } from "node:crypto";
import type { DiskCipher } from "@stratos/formats";

const UNIT = 512;

export function nodeDiskCipher(): DiskCipher {
  return {
    sha256(...parts) {
      const hash = createHash("sha256");
      for (const part of parts) hash.update(part);
      return hash.digest();
    },
    pbkdf2: (secret, salt, { iterations, length }) => pbkdf2Sync(secret, salt, iterations, length, "sha256"),
    argon2id: (secret, salt, { passes, memoryKiB, lanes, length }) =>
      argon2Sync("argon2id", {
        message: secret,
        nonce: salt,
        parallelism: lanes,
        tagLength: length,
        memory: memoryKiB,
        passes,
      }),
    encryptSectors(key, bytes, { sectorBytes, firstUnit }) {
      const tweak = Buffer.alloc(16);
      for (let at = 0; at < bytes.length; at += sectorBytes) {
        const unit = firstUnit + at / UNIT;
        tweak.writeUInt32LE(unit % 2 ** 32, 0);
        tweak.writeUInt32LE(Math.floor(unit / 2 ** 32), 4);
        // XTS has no state between sectors: each has a cipher of its own.
        bytes.set(createCipheriv("aes-256-xts", key, tweak).update(bytes.subarray(at, at + sectorBytes)), at);
      }
    },
  };
}
