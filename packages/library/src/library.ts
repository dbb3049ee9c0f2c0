/**
 * Stratos for programs: `import { Sandbox, openImage, openVolume } from "stratos"`, on Node 20 or later.
 *
 * Machines run in processes of the machine's own Node (docs/decisions/0016-machines-of-the-library.md): nothing of the
 * host's process is changed, and its event loop stays free. A process ends when nothing is open in it any more, or when
 * the host's ends; those of named systems are their supervisor's, and live on.
 */
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { NodeEngines } from "@stratos/engine-node";
import { stratosHome } from "@stratos/host-node/home";
import { type SystemsSource, useEngines } from "@stratos/sdk/client";
import { VERSION } from "@stratos/sdk/version";
import { isUnnamedCheckpoint } from "@stratos/supervisor/checkpoint-about";
import { openSupervisor } from "@stratos/supervisor/client";

export * from "@stratos/sdk/public";

const systems: SystemsSource = {
  open: (home) => openSupervisor(home ?? stratosHome(), VERSION),
  absolutePath: (place) => (typeof place === "string" ? resolve(place) : fileURLToPath(place)),
  isUnnamed: isUnnamedCheckpoint,
};
useEngines(Object.assign(new NodeEngines(), { systems }));
