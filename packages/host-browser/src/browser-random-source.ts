import type { RandomSource } from "@stratos/host";
import { browserCipher } from "./browser-cipher.ts";

/** The browser's cryptographic random numbers. */
export const browserRandom: RandomSource = { fill: (bytes) => browserCipher.random(bytes) };
