/**
 * Parts of a worker's program that are loaded when something of them is first called, while the worker waits for them:
 * what calls them runs to completion, as the whole machine does. They are scripts beside the worker's own, and put what
 * they export into `stratosParts` (console/src/join-worker.ts makes them).
 */
import { whenClassMissing } from "@stratos/base";
import { sleepNow } from "./sync-request.ts";

const RETRY_MS = 1000;

interface PartsScope {
  readonly location: { readonly href: string };
  /** Of classic workers. */
  importScripts(url: string): void;
  /** By their files' names, as far as they are loaded. */
  stratosParts?: Record<string, unknown>;
  /** Names of all. */
  readonly stratosPartNames?: readonly string[];
}

const scope = globalThis as unknown as PartsScope;

/** A saved machine may have what this one has not asked for yet. */
whenClassMissing(() => {
  for (const name of scope.stratosPartNames ?? []) partNow(name);
});

/**
 * What it exports.
 *
 * A file that cannot be had now makes the program wait, as a piece of the image does.
 */
export function partNow(name: string): unknown {
  for (;;) {
    const part = scope.stratosParts?.[name];
    if (part !== undefined) return part;
    try {
      scope.importScripts(new URL(name, scope.location.href).href);
    } catch {
      sleepNow(RETRY_MS);
    }
  }
}
