import { compressLz4, decompressLz4 } from "@stratos/base";
import type { CompressionCodec } from "@stratos/host";

export const lz4: CompressionCodec = { name: "lz4", compress: compressLz4, decompress: decompressLz4 };
