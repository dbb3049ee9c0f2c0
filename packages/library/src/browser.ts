/**
 * The same names in a page, where machines run in workers: `browser-engine.mjs` of the package, which the page serves
 * beside its own program, or wherever `globalThis.STRATOS_ENGINE_URL` says.
 */
import { useEngines } from "@stratos/sdk/client";
import { EngineWorkers } from "./engine-worker.ts";

export * from "@stratos/sdk/public";

useEngines(new EngineWorkers());
