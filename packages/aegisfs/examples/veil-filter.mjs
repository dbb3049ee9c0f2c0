/**
 * A filter that veils content: what is stored is the content exclusive-ored with a stream of bytes that a key, the
 * inode and the place give. It shows how content is transformed both ways at any offset. It is no encryption
 * (`stratos fs format --encrypt` is): who has two versions of a file sees where they differ.
 *
 *     STRATOS_FS_FILTERS=…/veil-filter.mjs VEIL_KEY=secret stratos fs cp letter.txt volume:/letter.txt
 *
 * @type {import("@stratos/aegisfs").FilterFactory}
 */
export default function veil() {
  const key = [...(process.env.VEIL_KEY ?? "")].reduce(
    (hash, char) => Math.imul(hash ^ char.codePointAt(0), 0x01000193),
    0x811c9dc5,
  );

  /** Exclusive or is its own inverse: one function for both ways. */
  const turn = (ino, offset, bytes, at, length) => {
    for (let index = 0; index < length; index++) {
      const place = offset + index;
      let mixed = Math.imul(key ^ ino ^ Math.imul(place >>> 2, 0x9e3779b1), 0x85ebca6b);
      mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
      bytes[at + index] ^= mixed >>> (8 * (place & 3));
    }
  };

  return {
    name: "veil",
    read(next, ino, offset, bytes, at, length) {
      const count = next(ino, offset, bytes, at, length);
      if (count > 0) turn(ino, offset, bytes, at, count);
      return count;
    },
    write(next, ino, offset, bytes, at, length) {
      // The caller's bytes are the caller's: a copy is veiled.
      const veiled = bytes.slice(at, at + length);
      turn(ino, offset, veiled, 0, length);
      return next(ino, offset, veiled, 0, length);
    },
    // Whole pages, as a mount with the kernel's page cache reads and writes them.
    readPages(next, ino, index, count, bytes, at) {
      const result = next(ino, index, count, bytes, at);
      if (result >= 0) turn(ino, index * 4096, bytes, at, count * 4096);
      return result;
    },
    writePages(next, ino, index, bytes, at, length) {
      const veiled = bytes.slice(at, at + length);
      turn(ino, index * 4096, veiled, 0, length);
      return next(ino, index, veiled, 0, length);
    },
  };
}
