/**
 * What every command needs of Node, so that a short one does not load volumes and threads: `@stratos/host-node/home`.
 */
export { compileLate } from "./compile-threshold.ts";
export { errnoReason, hostReason } from "./host-reason.ts";
export { compiledCodeFolder, keepCompiledCode } from "./compile-cache.ts";
export { makeFolders } from "./make-folders.ts";
export { configPath, homeFolder, readConfig, stratosHome, type StratosConfig } from "./stratos-home.ts";
export { type OwnUser, ownUser, userHome } from "./own-user.ts";
export { ownProcess } from "./own-process.ts";
export { endOfForeground, endOfProcess, killChild } from "./end-of-process.ts";
export { findProgram } from "./find-program.ts";
