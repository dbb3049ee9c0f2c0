/** Systems installed on disks and disk images. */
export { askInstallConfig, type Questioner } from "./ask-install-config.ts";
export { type Installation, openInstallation } from "./installation.ts";
