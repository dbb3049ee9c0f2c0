/**
 * Stratos for programs: `import { Sandbox, openImage, openVolume } from "stratos"`, on Node 20 or later.
 *
 * Machines run in processes of the machine's own Node (docs/decisions/0016-machines-of-the-library.md): nothing of the
 * host's process is changed, and its event loop stays free. A process ends when nothing is open in it any more, or when
 * the host's ends.
 */
import { useEngines } from "@stratos/sdk/client";
import { EngineProcesses } from "./engine-process.ts";

export * from "@stratos/sdk/public";

useEngines(new EngineProcesses());
