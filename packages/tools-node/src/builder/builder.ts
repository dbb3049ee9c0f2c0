/** Building's touch of the host: roots on Linux, sources, hooks. */
export { Hooks, type Hook } from "./hooks.ts";
export { LayerFolder, type KeptLayer } from "./layer-folder.ts";
export { LinuxCarrier } from "./linux-carrier.ts";
export { buildObstacle } from "./namespaces.ts";
export { hostSourceFiles } from "./source-files.ts";
