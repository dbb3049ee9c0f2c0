/**
 * What the formats need of the host because it does it natively: digests and compression. All of it is a function of
 * its input alone.
 */

export interface Digest {
  update(bytes: Uint8Array): void;
  /** the digest in hexadecimal; ends the use */
  hex(): string;
}

export interface Codecs {
  sha256(): Digest;
  /** one gzip member (RFC 1952) without a time or a name */
  gzip(bytes: Uint8Array): Uint8Array;
  /** all members of a gzip stream. @returns undefined when it is damaged or unpacks to more than `sizeMax` bytes */
  gunzip(bytes: Uint8Array, sizeMax: number): Uint8Array | undefined;
  /** RFC 1951, without a header. @param windowBits  9 … 15: how far back it may refer */
  deflate(bytes: Uint8Array, windowBits?: number): Uint8Array;
  /** A part of one deflate stream: parts follow one another, and the last one ends it. */
  deflatePart(bytes: Uint8Array, isLast: boolean): Uint8Array;
  /**
   * bytes after the stream's end are not looked at. @returns undefined when it is damaged or unpacks to more than
   * `sizeMax` bytes
   */
  inflate(bytes: Uint8Array, sizeMax: number): Uint8Array | undefined;
  /** RFC 1950: deflate with zlib's header and checksum */
  zlib(bytes: Uint8Array): Uint8Array;
  /** one zstd frame (RFC 8878) */
  zstd(bytes: Uint8Array): Uint8Array;
  /** all frames of a zstd stream. @returns undefined when it is damaged or unpacks to more than `sizeMax` bytes */
  unzstd(bytes: Uint8Array, sizeMax: number): Uint8Array | undefined;
}

/** SHA-256 of one buffer, in hexadecimal. */
export function sha256Of(codecs: Pick<Codecs, "sha256">, bytes: Uint8Array): string {
  const digest = codecs.sha256();
  digest.update(bytes);
  return digest.hex();
}
