import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { stratosHome } from "@stratos/host-node";

// Compiled code of the program itself is kept from run to run; a folder that cannot be written only costs time.
enableCompileCache(join(stratosHome(), "compile-cache"));
const { runCli } = await import("./cli.ts");
// exit, not exitCode: a host stream that still has a listener must not keep a finished run alive.
process.exit(await runCli(process.argv.slice(2)));
