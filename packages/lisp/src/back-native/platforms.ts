/** The processors that programs are compiled for, by the names that `stratos lisp build --target` has for them. */
import type { NativePlatform } from "./program.ts";
import { ppc64le } from "./ppc64le/platform.ts";
import { rv64 } from "./rv64/platform.ts";
import { x86_64 } from "./x86-64/platform.ts";

export const PLATFORMS = { rv64, x86_64, ppc64le } satisfies Record<string, NativePlatform>;
export type NativeTarget = keyof typeof PLATFORMS;
export const NATIVE_TARGETS = Object.keys(PLATFORMS) as NativeTarget[];
