/** Words and constants of programs with foreign functions of C: the names that foreign-low.ts has for places.ts. */
import { HEAP_END, STACK_END } from "../layout.ts";
import type { ForeignPlatform } from "./foreign-platform.ts";
import {
  CALLBACK_AT,
  ERRNO_AT,
  FATAL_MESSAGE,
  FATAL_MESSAGE_AT,
  IMPORTS_AT,
  OPEN_CALLS_AT,
  RESULTS_AT,
  importAt,
} from "./places.ts";

export function foreignConstants({ number, thunkBytes, thunkReturn }: ForeignPlatform): Record<string, number> {
  return {
    PLATFORM: number,
    "THUNK-BYTES": thunkBytes,
    "THUNK-RETURN": thunkReturn,
    IMPORTS: IMPORTS_AT,
    "IMPORT-EXIT": importAt("exit"),
    RESULTS: RESULTS_AT,
    "ERRNO-RESULT": RESULTS_AT + 32,
    ERRNO: ERRNO_AT,
    CALLBACK: CALLBACK_AT,
    "OPEN-CALLS": OPEN_CALLS_AT,
    FATAL: FATAL_MESSAGE_AT,
    "FATAL-BYTES": FATAL_MESSAGE.length,
    "STACK-BYTES": STACK_END - HEAP_END,
  };
}

/** Fills in what is constant in the page of the runtime's registers. */
export function foreignWords(page: Uint8Array): void {
  for (let index = 0; index < FATAL_MESSAGE.length; index++)
    page[(FATAL_MESSAGE_AT & 0xffff) + index] = FATAL_MESSAGE.charCodeAt(index);
}
